"""The coverage of the handset program: what it notes, on MicroPython and in whatever process."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support import staged_as_sources
from tests.support.micropython import need_micropython
from tools import device_coverage
from tools.device_coverage import Row

SOURCE = '''"""A module."""

import sys

LIMIT = 3
if sys.implementation.name != "micropython":
    import shim


def sign(number):
    """-1, 0 or 1."""
    if number > LIMIT:
        return 1
    elif number < 0:
        return -1
    try:
        return 1 // number
    except ZeroDivisionError:
        return 0
    finally:
        sys.stdout.write("")


if __name__ == "__main__":
    sign(1)
'''


def lines_that_ran(folder: Path, program: str) -> set[tuple[str, int]]:
    (folder / "protocol").mkdir()
    (folder / device_coverage.HITS).mkdir()
    text, _ = device_coverage.instrumented("firmware/sign.py", SOURCE)
    (folder / "sign.py").write_text(text)
    (folder / "protocol" / "_noted.py").write_text(
        device_coverage.NOTING.format(folder=str(folder / device_coverage.HITS)))
    (folder / "main.py").write_text(program)
    subprocess.run([need_micropython(), str(folder / "main.py")], timeout=60, check=False,
                   env={"MICROPYPATH": ".frozen"})
    return device_coverage.noted(folder)


def test_every_statement_that_a_handset_could_run_has_a_note_under_its_own_line():
    text, lines = device_coverage.instrumented("firmware/sign.py", SOURCE)
    assert lines == {3, 5, 6, 10, 12, 13, 14, 15, 16, 17, 19, 21, 24}
    assert text.startswith('"""A module."""')


def test_what_ran_on_micropython_is_known_although_the_process_was_killed(tmp_path: Path):
    ran = lines_that_ran(tmp_path, "import os, sign\nsign.sign(0)\nsign.sign(9)\n"
                                   "os.system('kill -9 $PPID')\n")
    assert {line for _, line in ran} == {3, 5, 6, 10, 12, 13, 14, 16, 17, 19, 21, 24}


def test_what_only_cpython_ran_does_not_count(tmp_path: Path):
    text = device_coverage.NOTING.format(folder=str(tmp_path))
    told: dict = {}
    exec(text, told)
    seen, _ = told["of"]("firmware/sign.py", 25)
    assert all(seen) and not list(tmp_path.iterdir())


def test_a_last_line_that_was_cut_off_does_not_count(tmp_path: Path):
    (tmp_path / device_coverage.HITS).mkdir()
    (tmp_path / device_coverage.HITS / "a").write_text("firmware/a.py:1\nfirmware/a.py:12")
    assert device_coverage.noted(tmp_path) == {("firmware/a.py", 1)}


def test_counted_is_what_a_handset_can_reach():
    files = {"firmware/a.py": "from protocol import one", "protocol/one.py": "import sys",
             "firmware/shim.py": "from protocol import two", "protocol/two.py": ""}
    assert device_coverage.counted(files) == ["firmware/a.py", "protocol/one.py"]


def test_the_table_names_the_lines_that_never_ran_and_says_what_was_reached():
    rows = [Row("firmware/a.py", 20, (3, 4, 5, 9)), Row("protocol/b.py", 10, ())]
    said = list(device_coverage.report(rows))
    assert "80.0%  3-5, 9" in said[1] and said[2].endswith("100.0%")
    assert said[3:] == ["firmware: 80.0 % (90 % NOT reached)", "protocol: 100.0 % (90 % reached)"]


@pytest.mark.parametrize("missing, code", [((), 0), ((1, 2), 1)])
def test_the_exit_code_says_whether_it_was_reached(missing: tuple[int, ...], code: int,
                                                   monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_coverage, "copy", lambda target: {})
    monkeypatch.setattr(device_coverage, "run", lambda *_: True)
    monkeypatch.setattr(device_coverage, "noted", lambda target: set())
    monkeypatch.setattr(device_coverage, "rows", lambda *_: [
        Row("firmware/a.py", 10, missing), Row("protocol/b.py", 10, ())])
    monkeypatch.setattr(device_coverage, "micropython", lambda: "micropython")
    ended = CliRunner().invoke(device_coverage.main, ["--json"])
    assert ended.exit_code == code and '"firmware": ' in ended.output


def test_a_handset_is_staged_as_sources_with_room_enough_whatever_is_asked_for(tmp_path: Path):
    need_micropython()
    command = staged_as_sources.stage(tmp_path, heap_size="96K")
    assert "heapsize=" + staged_as_sources.HEAP in command
    assert (tmp_path / "firmware" / "app.py").is_file() and not list(tmp_path.glob("*.mpy"))
