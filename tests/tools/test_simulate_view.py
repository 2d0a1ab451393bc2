"""What is shown of a simulation: its progress, its rates, and that watching changes nothing."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from simulator.street import Plan
from tools import simulate
from tools import simulate_view as view

PLAN = Plan(terminals=2, minutes=20, seed=3, customers_per_hour=40)


def watched(monkeypatch: pytest.MonkeyPatch, folder: Path, terminal: bool) -> tuple[str, str]:
    """(what the watch wrote, the digest of the run)."""
    monkeypatch.setattr(view, "LINE_EVERY_S", 0)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with view.Watch(PLAN, console) as watch:
        report = simulate.run(PLAN, folder, watch=watch)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), report.outcome.digest


def test_a_watched_run_has_the_log_of_one_that_nobody_watches(monkeypatch, tmp_path: Path):
    folders = [tmp_path / name for name in ("bar", "lines", "none")]
    for folder in folders:
        folder.mkdir()
    bar, first = watched(monkeypatch, folders[0], True)
    lines, second = watched(monkeypatch, folders[1], False)
    assert first == second == simulate.run(PLAN, folders[2]).outcome.digest
    assert "100%" in bar or "taps" in bar
    assert "00:10 virtual" in lines and "MiB" in lines and "audit of the ledger" in lines


def test_a_short_run_writes_no_lines_between(tmp_path: Path):
    console = Console(file=io.StringIO(), width=120)
    with view.Watch(PLAN, console) as watch:
        simulate.run(PLAN, tmp_path, watch=watch)
    assert isinstance(console.file, io.StringIO)
    assert "virtual" not in console.file.getvalue()


def test_rates_are_those_of_the_street_without_making_it_or_the_audit(tmp_path: Path):
    report = simulate.run(PLAN, tmp_path)
    cost = view.Cost(seconds=100.0, street_s=2.0, cpu_s=90.25, memory_mib=77)
    report = report._replace(cost=cost)
    said = view.as_json(report)
    assert said["taps_per_second"] == round(report.tally.taps / 2)
    assert said["times_real_time"] == round(report.outcome.virtual_us / 2_000_000)
    assert said["memory_mib"] == 77 and "at most 77 MiB" in view.summary(report)
    assert said["cpu_seconds"] == 90.25 and "100.0 s, 90.2 s of them" in view.summary(report)


def test_a_table_shows_no_more_rows_than_a_person_reads(tmp_path: Path):
    report = simulate.run(Plan(terminals=1, minutes=1, seed=1), tmp_path)
    many = report._replace(plan=report.plan._replace(terminals=view.ROWS_MAX + 5))
    assert view.as_table(many).caption == "and 5 more"
    assert view.memory_mib() > 10
