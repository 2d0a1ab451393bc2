"""The posting benchmark: that it measures what it says, not how fast."""

import pytest
from click.testing import CliRunner

from gateway.database import reading
from tests.support.databases import sqlite_engine  # noqa: F401
from tools import bench_posting


@pytest.fixture
def small(monkeypatch):
    """A town small enough for a test."""
    for name, value in (("TERMINALS", 20), ("MEMBERS", 30), ("BATCH", 10), ("WARM_BATCHES", 1),
                        ("SINGLES_A_ROUND", 2), ("BATCHES_A_ROUND", 1)):
        monkeypatch.setattr(bench_posting, name, value)


@pytest.mark.usefixtures("small")
def test_the_figures_come_from_new_taps_that_were_committed(sqlite_engine):  # noqa: F811
    figures = bench_posting.measure(sqlite_engine, 0.05)
    taps = 10 * (3 + figures["batches"]) + 3 + figures["singles"]
    with reading(sqlite_engine) as connection:
        posted = connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()
    assert posted == taps
    assert figures["statements_single"] <= 18
    assert figures["statements_batch"] <= figures["statements_single"] + 4
    assert figures["ratio"] > 0 and figures["database"] == "sqlite"


def test_the_table_has_a_line_for_each_database():
    row = {"database": "sqlite", "single_ms": 1.0, "single_taps_per_s": 1000, "batch_ms": 40.0,
           "batch_taps_per_s": 5000, "ratio": 5.0, "statements_single": 16,
           "statements_batch": 16}
    bench_posting.show([row, row | {"database": "postgresql"}])


def test_the_command_says_what_it_does():
    shown = CliRunner().invoke(bench_posting.main, ["--help"])
    assert shown.exit_code == 0 and "batches of 200 beside batches of 1" in shown.output


def test_the_benchmark_uses_reserved_card_numbers_only():
    assert bench_posting.card_number(0).startswith("620000")
    assert len({bench_posting.card_number(place) for place in range(500)}) == 500
