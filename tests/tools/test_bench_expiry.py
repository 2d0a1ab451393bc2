"""The expiry benchmark: that both do the same to lots and members, not how fast."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from gateway.database import reading
from tests.support.databases import sqlite_engine  # noqa: F401
from tools import bench_expiry

LOTS = 60
PAST_MIDNIGHT = datetime(2026, 11, 22, 17, tzinfo=UTC)  # in Shanghai, and before the cut-over


def figures(engine: Engine) -> tuple[list, list]:
    with reading(engine) as connection:
        return (list(connection.exec_driver_sql(
                    "SELECT id, remaining, expired, issued FROM lots ORDER BY id")),
                list(connection.exec_driver_sql(
                    "SELECT id, available, held, debt FROM members ORDER BY id")))


def test_the_bare_statement_and_the_job_come_to_the_same_figures(sqlite_engine):  # noqa: F811
    now = PAST_MIDNIGHT
    today = bench_expiry.fill(sqlite_engine, LOTS, now)
    lots, members = figures(sqlite_engine)
    assert len(lots) == LOTS and len(members) == LOTS // bench_expiry.LOTS_A_MEMBER
    assert sum(row[1] for row in lots) == sum(row[1] for row in members) > 0
    with bench_expiry.copied(sqlite_engine, "bare") as copy:
        bench_expiry.bare_s(copy, today)
        bare = figures(copy)
    with bench_expiry.copied(sqlite_engine, "job") as copy:
        bench_expiry.job_s(copy, now)
        assert figures(copy) == bare != (lots, members)
    assert figures(sqlite_engine) == (lots, members), "the copies are apart from what they copy"


def test_a_job_that_leaves_something_is_no_measurement(sqlite_engine, monkeypatch):  # noqa: F811
    now = PAST_MIDNIGHT
    bench_expiry.fill(sqlite_engine, LOTS, now)
    monkeypatch.setattr(bench_expiry, "Expiry", lambda: lambda *_: 0)
    with pytest.raises(AssertionError, match="left something"):
        bench_expiry.job_s(sqlite_engine, now)


def test_the_table_has_a_line_for_each_database():
    row = {"database": "sqlite", "lots": 1000, "members": 100, "bare_s": 0.1, "job_s": 0.4,
           "ratio": 4.0, "lots_per_s": 2500, "memory_mb": 1.0}
    bench_expiry.show([row, row | {"database": "postgresql"}])


def test_the_command_says_what_it_does():
    shown = CliRunner().invoke(bench_expiry.main, ["--help"])
    assert shown.exit_code == 0 and "beside one bare statement" in shown.output
