"""The expiry job, measured beside one bare SQL statement that does the same arithmetic.

    python -m tools.bench_expiry [--lots 1000000] [--sqlite-lots 200000] [--json]

Law of the measurement: the same rows for both, in copies of one database that was filled by whole
sets, vacuumed and analysed; durable settings; every process on any core, as the job has processes
that help it; the bare statement before and after the job, its median counts. The bare statement
empties the lots and takes the sums off their members, and commits; the job besides gives each
member an entry with postings and movements, a chain link, an outcome and a seal. Lots lie in the
table as they come to be: day by day, every member's in between all others'.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine

from gateway import bulk, chain
from gateway.clock import business_day, to_ms
from gateway.database import on_postgresql, open_engine, reading, writing
from gateway.expiry import Expiry
from gateway.jobs import Jobs
from gateway.keyring import Keyring
from gateway.registry import NewMember, Registry
from gateway.storing import MEMBER_COLUMNS
from gateway.tables import MEMBER_DERIVED, members
from tools.bench_posting import RULES, postgresql, sqlite

ZONE, CUTOVER_MINUTES = "Asia/Shanghai", 240
LOTS_A_MEMBER = 10
MEMBERS_AT_ONCE = 5_000
SAMPLE_S = 0.05
RATIO_MAX = 4  # what is promised; nothing fails for it, as machines differ
KEYRING = Keyring(b"M" * 32, b"A" * 32, b"F" * 32)

LOTS = """INSERT INTO lots (id, member_id, merchant_id, earned_on, expires_on, origin, opened_by,
 replaces, issued, remaining, held, expired, paid)
 SELECT d.n * {members} + m.id, m.id, {merchant}, {today} - 300 + d.n, {today} - {days} + d.n, 1,
 d.n * {members} + m.id, NULL, 1 + ((m.id * 7 + d.n * 13) & 63), 1 + ((m.id * 7 + d.n * 13) & 63),
 0, 0, 0 FROM ({series}) AS d CROSS JOIN members m ORDER BY d.n, m.id"""
SERIES = {
    "postgresql": "SELECT generate_series(0, {days} - 1) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s"
              " WHERE n < {days} - 1) SELECT n FROM s"}
AVAILABLE = """UPDATE members SET available = v.points FROM (SELECT member_id,
 sum(remaining) AS points FROM lots GROUP BY member_id) AS v WHERE v.member_id = members.id"""

EMPTY = ("UPDATE lots SET expired = expired + remaining, remaining = 0"
         " WHERE remaining > 0 AND expires_on < {today}")
# nothing has expired before: what a lot has expired now is what it had
LESS = ("UPDATE members SET available = available - v.points FROM (SELECT member_id,"
        " sum(expired) AS points FROM {gone} GROUP BY member_id) AS v"
        " WHERE v.member_id = members.id")
BARE = {
    "postgresql": [f"WITH gone AS ({EMPTY} RETURNING member_id, expired) "
                   + LESS.format(gone="gone")],
    # an UPDATE cannot stand in a WITH there
    "sqlite": [EMPTY, LESS.format(gone="lots")]}


def fill(engine: Engine, lots: int, now: datetime) -> int:
    """A programme with members and their lots, all ended; the business day."""
    kind = engine.dialect.name
    registry = Registry(engine, KEYRING)
    programme = registry.create_programme("expiry", "Expiry", RULES, time_zone=ZONE,
                                          cutover_minutes=CUTOVER_MINUTES)
    merchant = registry.create_merchant(programme, "Merchant")
    count = lots // LOTS_A_MEMBER
    for start in range(0, count, MEMBERS_AT_ONCE):
        registry.create_members(programme, [NewMember("王小明", "basic")] * min(
            MEMBERS_AT_ONCE, count - start))
    today = business_day(to_ms(now), ZONE, CUTOVER_MINUTES)
    with writing(engine) as connection:
        connection.exec_driver_sql(LOTS.format(
            members=count, merchant=merchant, today=today, days=LOTS_A_MEMBER,
            series=SERIES[kind].format(days=LOTS_A_MEMBER)))
        connection.exec_driver_sql(AVAILABLE)
        _seal(connection)
        if on_postgresql(engine):
            connection.exec_driver_sql(f"SELECT setval('lot_ids', {lots})")
    _alone(engine, "VACUUM ANALYZE" if on_postgresql(engine) else "ANALYZE")
    return today


def _seal(connection: Connection) -> None:
    rows = connection.exec_driver_sql(
        f"SELECT {','.join(MEMBER_DERIVED)} FROM members ORDER BY id").fetchall()
    for start in range(0, len(rows), MEMBERS_AT_ONCE):
        bulk.update(connection, members, MEMBER_COLUMNS, [
            (*row, chain.seal(KEYRING.audit_key, "members", tuple(row)))
            for row in rows[start:start + MEMBERS_AT_ONCE]])


def _alone(engine: Engine, statement: str) -> None:
    """One statement outside of any transaction."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not on_postgresql(engine):
            connection.exec_driver_sql("COMMIT")  # the engine began one by itself
        connection.exec_driver_sql(statement)


@contextmanager
def copied(engine: Engine, name: str) -> Iterator[Engine]:
    """A copy of the database, to work on and throw away."""
    engine.dispose()
    if on_postgresql(engine):
        _apart(engine, f"CREATE DATABASE {name} TEMPLATE {engine.url.database}"
                       " STRATEGY FILE_COPY")
        _apart(engine, "CHECKPOINT")
        url = engine.url.set(database=name).render_as_string(hide_password=False)
    else:
        path = Path(str(engine.url.database))
        _alone(engine, "PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        copy = path.with_name(f"{name}.sqlite3")
        shutil.copyfile(path, copy)
        url = f"sqlite:///{copy}"
    made = open_engine(url)
    try:
        yield made
    finally:
        made.dispose()
        if on_postgresql(engine):
            _apart(engine, f"DROP DATABASE {name}")
        else:
            for each in Path(str(made.url.database)).parent.glob(f"{name}.sqlite3*"):
                each.unlink()


def _apart(engine: Engine, statement: str) -> None:
    """One statement from a database of the same server that nobody copies."""
    url = engine.url.set(database="template1").render_as_string(hide_password=False)
    apart = open_engine(url)
    _alone(apart, statement)
    apart.dispose()


def bare_s(engine: Engine, today: int) -> float:
    """Seconds of the bare statement with its commit."""
    with engine.connect() as warm:
        warm.exec_driver_sql("SELECT 1")
    began = time.perf_counter()
    with writing(engine) as connection:
        for text in BARE[engine.dialect.name]:
            connection.exec_driver_sql(text.format(today=today))
    return time.perf_counter() - began


class Memory:
    """The most memory of this process and those that help it, beyond what it had (bytes), looked
    at while it runs."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._watch)
        self.most = 0

    def __enter__(self) -> "Memory":
        self._at_first = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_S):
            used = self._process.memory_info().rss
            for helping in self._process.children():
                with suppress(psutil.Error):  # it may have ended meanwhile
                    used += helping.memory_info().rss
            self.most = max(self.most, used - self._at_first)


def job_s(engine: Engine, now: datetime) -> tuple[float, int]:
    """(seconds, bytes of memory) of the job as the jobs process runs it, pauses included."""
    work = Jobs(engine, KEYRING, lambda: now, threading.Event(),
                (("expire lots", Expiry()),))
    with Memory() as memory:
        began = time.perf_counter()
        assert work.run_once()
        spent = time.perf_counter() - began
    with reading(engine) as connection:
        left, expired, entries = connection.exec_driver_sql(
            "SELECT (SELECT sum(remaining) FROM lots), (SELECT sum(expired) FROM lots),"
            " (SELECT count(*) FROM entries)").one()
    assert left == 0 and expired > 0 and entries > 0, "the job left something"
    return spent, memory.most


def measure(engine: Engine, lots: int) -> dict:
    """The figures of one database."""
    now = datetime.now(UTC)
    today = fill(engine, lots, now)
    bare = []
    with copied(engine, "bare1") as copy:
        bare.append(bare_s(copy, today))
    with copied(engine, "job") as copy:
        spent, memory = job_s(copy, now)
    for name in ("bare2", "bare3"):
        with copied(engine, name) as copy:
            bare.append(bare_s(copy, today))
    middle = statistics.median(bare)
    return {"database": engine.dialect.name, "lots": lots, "members": lots // LOTS_A_MEMBER,
            "bare_s": round(middle, 2), "bare_all_s": [round(each, 2) for each in bare],
            "job_s": round(spent, 2), "ratio": round(spent / middle, 2),
            "lots_per_s": round(lots / spent), "memory_mb": round(memory / 1e6, 1)}


def show(rows: list[dict]) -> None:
    table = Table(title="Expiry: every lot ended, an entry for each member, beside the arithmetic"
                        f" (at most {RATIO_MAX}x on PostgreSQL)")
    for head in ("database", "lots", "members", "bare statement", "job", "ratio", "lots/s",
                 "memory"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(row["database"], f"{row['lots']:,}", f"{row['members']:,}",
                      f"{row['bare_s']} s", f"{row['job_s']} s", f"{row['ratio']}x",
                      f"{row['lots_per_s']:,}", f"{row['memory_mb']} MB")
    Console().print(table)


@click.command()
@click.option("--lots", default=1_000_000, show_default=True, help="lots on PostgreSQL")
@click.option("--sqlite-lots", default=200_000, show_default=True, help="lots on SQLite")
@click.option("--only", type=click.Choice(["sqlite", "postgresql"]), help="one database only")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def main(lots: int, sqlite_lots: int, only: str | None, as_json: bool) -> None:
    """The expiry job beside one bare statement that does its arithmetic, on both databases."""
    folder = Path(tempfile.mkdtemp(prefix="pointwire-bench-"))
    cores = set(range(os.cpu_count() or 1))
    rows = []
    try:
        if only != "sqlite":
            with postgresql(folder, cores) as engine:
                rows.append(measure(engine, lots))
        if only != "postgresql":
            with sqlite(folder) as engine:
                rows.append(measure(engine, sqlite_lots))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        json.dump({"expiry": rows}, sys.stdout)
        sys.stdout.write("\n")
    else:
        show(rows)


if __name__ == "__main__":
    main()
