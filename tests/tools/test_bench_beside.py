"""The benchmark of taps beside the expiry job: that both really work at once, not how fast."""

from click.testing import CliRunner

from tests.support.databases import sqlite_engine  # noqa: F401
from tools import bench_beside

LOTS = 600


def test_every_lot_expires_once_by_a_tap_or_by_the_job(sqlite_engine, monkeypatch):  # noqa: F811
    monkeypatch.setattr(bench_beside, "WARM_S", 0.1)
    monkeypatch.setattr(bench_beside, "QUIET_S", 0.5)
    row = bench_beside.measure_taps(sqlite_engine, LOTS)
    assert row["lots"] == LOTS and row["by_taps"] > 0
    assert min(row["taps"]) > 1 and row["ratio"] > 0
    bench_beside.show_taps([row])


def test_the_command_says_what_it_does():
    shown = CliRunner().invoke(bench_beside.main, ["--help"])
    assert shown.exit_code == 0 and "beside the expiry job" in shown.output
