"""Taps beside the expiry job: how long they take while a million lots expire.

    python -m tools.bench_beside [--lots 1000000] [--only sqlite] [--json]

Law of the measurement: the database of `bench_expiry`, every lot ended; taps one by one, each a
commit of its own, of members who have lots due: a tap that comes first writes them down itself.
First quiet, then while the job runs in a process of its own until nothing is due; nothing is
pinned, durable settings. Each lot must have expired once, by the job or by a tap.
"""

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from gateway.database import open_engine, reading
from gateway.expiry import Expiry
from gateway.intake import Intake
from gateway.jobs import Jobs
from gateway.ledger import EXPIRY
from gateway.registry import NewCard, Registry
from tools.bench_expiry import KEYRING, fill
from tools.bench_posting import Town, card_number, postgresql, sqlite

CARDS, TERMINALS = 5_000, 20
WARM_S, QUIET_S = 3.0, 20.0
PAUSE_S = 0.01  # between two taps
RATIO_MAX = 5   # what is promised; nothing fails for it, as machines differ


class Tapped(Town):
    """Terminals, and cards of every so many members that `fill` made: whoever is tapped has lots
    due, until the tap or the job writes it down."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.keyring, self.random = engine, KEYRING, random.Random(1)
        self.intake = Intake(engine, KEYRING)
        registry = Registry(engine, KEYRING)
        with reading(engine) as connection:
            programme, merchant, count = connection.exec_driver_sql(
                "SELECT (SELECT max(id) FROM programmes), (SELECT max(id) FROM merchants),"
                " (SELECT max(id) FROM members)").one()
        shop = registry.create_shop(merchant, "Shop")
        self.terminals = [registry.create_terminal(shop) for _ in range(TERMINALS)]
        owners = range(1, count + 1, max(count // CARDS, 1))
        self.cards = [card_number(place) for place in range(len(owners))]
        registry.create_cards(programme, [
            NewCard(card, member) for card, member in zip(self.cards, owners, strict=True)])
        self.traces = dict.fromkeys(self.terminals, 0)

    def latencies(self, goes_on: Callable[[], bool]) -> list[float]:
        """Milliseconds of taps one by one, each a commit of its own, as long as it `goes_on`."""
        spent = []
        while goes_on():
            spent.append(self.post(self.taps(1)) / 1e6)
            time.sleep(PAUSE_S)
        return spent


def job_beside(url: str, now: datetime) -> None:
    """The job in a process of its own, on whatever core it gets."""
    engine = open_engine(url)
    assert Jobs(engine, KEYRING, lambda: now, threading.Event(),
                (("expire lots", Expiry()),)).run_once()
    engine.dispose()


def p99(spent: list[float]) -> float:
    return statistics.quantiles(spent, n=100)[98]


def measure_taps(engine: Engine, lots: int) -> dict:
    """Taps one by one, first alone and then while as many lots expire."""
    now = datetime.now(UTC)
    fill(engine, lots, now)
    town = Tapped(engine)
    town.latencies(Until(WARM_S))
    quiet = town.latencies(Until(QUIET_S))
    url = engine.url.render_as_string(hide_password=False)
    job = get_context("spawn").Process(target=job_beside, args=(url, now))
    began = time.monotonic()
    job.start()
    beside = town.latencies(job.is_alive)
    spent = time.monotonic() - began
    assert not job.exitcode, "the job failed"
    with reading(engine) as connection:
        by_taps, by_job = connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM lot_movements v JOIN entries e ON e.id = v.entry_id"
            f" WHERE e.kind <> {EXPIRY} AND v.expired_delta > 0), (SELECT count(*) FROM"
            f" lot_movements v JOIN entries e ON e.id = v.entry_id WHERE e.kind = {EXPIRY})").one()
    assert by_taps + by_job == lots, "not every lot expired once"
    return {"database": engine.dialect.name, "lots": lots, "by_taps": by_taps,
            "job_s": round(spent, 1), "taps": [len(quiet), len(beside)],
            "p50_ms": [round(statistics.median(each), 1) for each in (quiet, beside)],
            "p99_ms": [round(p99(each), 1) for each in (quiet, beside)],
            "longest_ms": [round(max(each), 1) for each in (quiet, beside)],
            "ratio": round(p99(beside) / p99(quiet), 2)}


class Until:
    """True for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __call__(self) -> bool:
        return time.monotonic() < self._end


def show_taps(rows: list[dict]) -> None:
    table = Table(title="Taps one by one, of members with lots due: quiet, and while lots expire"
                        f" (p99 at most {RATIO_MAX}x)")
    for head in ("database", "lots", "of them by taps", "job", "taps", "p50", "p99", "longest",
                 "p99 ratio"):
        table.add_column(head, justify="right")
    for row in rows:
        pairs = [f"{row[name][0]} / {row[name][1]}" for name in (
            "taps", "p50_ms", "p99_ms", "longest_ms")]
        table.add_row(row["database"], f"{row['lots']:,}", f"{row['by_taps']:,}",
                      f"{row['job_s']} s", *pairs[:1], *(f"{pair} ms" for pair in pairs[1:]),
                      f"{row['ratio']}x")
    Console().print(table)


@click.command()
@click.option("--lots", default=1_000_000, show_default=True, help="lots on each database")
@click.option("--only", type=click.Choice(["sqlite", "postgresql"]), help="one database only")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def main(lots: int, only: str | None, as_json: bool) -> None:
    """Taps of members with lots due, quiet and beside the expiry job, on both databases."""
    folder = Path(tempfile.mkdtemp(prefix="pointwire-bench-"))
    rows = []
    try:
        if only != "sqlite":
            with postgresql(folder, set(range(os.cpu_count() or 1))) as engine:
                rows.append(measure_taps(engine, lots))
        if only != "postgresql":
            with sqlite(folder) as engine:
                rows.append(measure_taps(engine, lots))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        json.dump({"taps_beside": rows}, sys.stdout)
        sys.stdout.write("\n")
    else:
        show_taps(rows)


if __name__ == "__main__":
    main()
