"""What runs a benchmark, and what stands in where there is no MicroPython."""

import pytest

from tools import bench_runner


def report(runtime: str, rows: list[int]) -> list[str]:
    return [f"{runtime}: {rows}"]


def test_where_there_is_no_micropython_cpython_stands_in_says_so_and_is_not_judged(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(bench_runner, "micropython", lambda: None)
    assert bench_runner.show(lambda binary: ("never", []), lambda: [1], report) is None
    said = capsys.readouterr().out
    assert "CPython stands in" in said and ": [1]" in said


def test_where_there_is_one_its_figures_are_shown_and_returned(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(bench_runner, "micropython", lambda: "/bin/micropython")
    assert bench_runner.show(lambda binary: (binary, [2]), lambda: [1], report) == [2]
    assert capsys.readouterr().out == "/bin/micropython: [2]\n"
