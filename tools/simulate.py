"""`pointwire simulate`: a merchant street in virtual time on a real gateway and a real database.

Simulator and gateway in one process: the handsets' frames go through the gateway's own intake into
a migrated SQLite file in a temporary folder. Law: everything follows from the seed, keys and time
of day included, so the same seed gives the same event log on any machine, and its hash says so.
In the end the ledger is compared with what the handsets saw (tools/tally.py) and audited.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from sqlalchemy import Engine, event

from firmware.settings import Settings, settings
from gateway import database
from gateway.audit import run_audit
from gateway.errors import TryLater
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from protocol import keys
from simulator.errors import Unavailable
from simulator.handset import Handset
from simulator.shore import Arrived, Gateway, Work
from simulator.street import Outcome, Plan, Street
from tools import coffee_shop, tally
from tools import simulate_view as view
from tools.event_log import EventLog
from tools.simulate_view import Report

OPENING = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # nine o'clock in Shanghai
MEMBERS_PER_TERMINAL = 10
OUTBOX_BLOCKS = 64
KEEPALIVE_S = 60
PAGES_KIB = 262_144
FLEET_KEEPALIVE_S = 1200
FLEET_WATCHDOG_MS = 3_600_000
LATEST_MINUTES = 60 * 24 * 31


class Clock:
    """The gateway's clock: virtual, moved by the street."""

    def __init__(self) -> None:
        self.now = OPENING

    def __call__(self) -> datetime:
        return self.now

    def at(self, virtual_us: int) -> datetime:
        return OPENING + timedelta(microseconds=virtual_us)


def keyring_of(seed: int) -> Keyring:
    """Three keys out of the seed: a simulation has no secrets."""
    master, audit, frame = (sha256(f"{seed}/{name}".encode()).digest()
                            for name in ("master", "audit", "frame"))
    return Keyring(master, audit, frame)


def gateway_of(intake: Intake, clock: Clock) -> Gateway:
    """The intake as the simulator's function of frames and virtual time."""
    def gateway(arrived: Sequence[Arrived], now_us: int) -> Sequence[bytes | None]:
        clock.now = clock.at(now_us)
        arrivals = [Arrival(each.frame, clock.at(each.received_us), each.terminal_id)
                    for each in arrived]
        try:
            return [answer.reply for answer in intake.take(arrivals)]
        except TryLater as error:
            raise Unavailable(str(error)) from error
    return gateway


def settings_of(keyring: Keyring, terminal_id: int, keepalive_s: int = KEEPALIVE_S) -> Settings:
    key = keyring.terminal_key(terminal_id, 1)
    return settings(terminal_id, 1, key, "broker", 1883, keys.mqtt_user(terminal_id, 1),
                    keys.mqtt_password(key), keepalive_s, outbox_blocks=OUTBOX_BLOCKS)


def plan_of(terminals: int, minutes: int, taps: int, seed: int) -> Plan:
    """A street as it comes, or, with `taps`, a fleet: all day long, mostly idle, fewer faults a
    terminal, and a gateway that has enough to do to take several frames at once."""
    plan = Plan(terminals, minutes, seed, taps=taps)
    if not taps:
        return plan
    return plan._replace(power_cuts_per_day=1, weather=plan.weather._replace(dark_per_day=6),
                         work=Work(commit_ms_min=300, commit_ms_max=900),
                         watchdog_ms=FLEET_WATCHDOG_MS)


def run(plan: Plan, folder: Path, echo: Callable[[str], None] | None = None,
        watch: view.Watch | None = None, keepalive_s: int = KEEPALIVE_S) -> Report:
    """The street of `plan` with its database in `folder`, which must be empty."""
    began, began_cpu_s = time.monotonic(), time.process_time()
    clock, keyring = Clock(), keyring_of(plan.seed)
    engine = database.open_engine(f"sqlite:///{folder}/street.sqlite3")
    event.listen(engine, "connect", _hurry)
    try:
        database.migrate(engine)
        registry = Registry(engine, keyring, clock=clock)
        cards = coffee_shop.create(registry, plan.terminals * MEMBERS_PER_TERMINAL)
        coffee_shop.add_terminals(registry, plan.terminals)
        tills = coffee_shop.tills_of(registry.terminals())
        intake = Intake(engine, keyring, clock=clock, pause=lambda seconds: None)
        street = Street(
            plan, lambda number: settings_of(keyring, tills[number].terminal_id, keepalive_s),
            cards, gateway_of(intake, clock), echo)
        if watch is not None:
            watch.follow(street)
        opened = time.monotonic()
        outcome = street.run()
        closed = time.monotonic()
        if watch is not None:
            watch.say("audit of the ledger")
        audit = run_audit(engine, keyring, rebuild=True, clock=clock)
        findings = tuple(map(str, audit.findings))
        report = _report(plan, engine, outcome, findings)
        return report._replace(cost=view.Cost(
            time.monotonic() - began, closed - opened, time.process_time() - began_cpu_s,
            view.memory_mib()))
    finally:
        engine.dispose()


def _hurry(connection: Any, record: object) -> None:
    """This database dies with the run: no commit waits for a disk, and memory keeps its pages."""
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute(f"PRAGMA cache_size=-{PAGES_KIB}")


def tapped_of(handset: Handset) -> list[tally.Tapped]:
    """What the merchant saw on one handset."""
    found = []
    for key, tap in handset.taps.items():
        reply = handset.answers.get(key)
        told = (reply.code, reply.points, reply.receipt) if reply else (None, None, None)
        found.append(tally.Tapped(tap.terminal_id, *key, tap.amount_minor, *told))
    return found


def _report(plan: Plan, engine: Engine, outcome: Outcome,
            findings: tuple[str, ...]) -> Report:
    tapped = [tap for handset in outcome.handsets for tap in tapped_of(handset)]
    ledger = tally.read_entries(engine, [each.terminal_id for each in outcome.handsets])
    seen: dict[int, int] = {}
    for tap in tapped:
        if tap.code is not None:
            seen[tap.code] = seen.get(tap.code, 0) + 1
    return Report(plan, outcome, tally.compare(tapped, ledger),
                  sum(entry.points for entry in ledger), seen, findings, view.NOTHING)


@click.command()
@click.option("--terminals", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--minutes", type=click.IntRange(1, LATEST_MINUTES),
              help="How long the street is open, in virtual time.  [default: 60]")
@click.option("--hours", type=click.IntRange(1, LATEST_MINUTES // 60),
              help="The same in hours.")
@click.option("--taps", type=click.IntRange(0, 1000), default=0,
              help="A fleet: each terminal sells so often in the whole time, keeps its connection"
                   " alive every 20 minutes, is without coverage 6 times and without power once a"
                   " day. Without it: 20 customers an hour, 24 and 6 times a day.")
@click.option("--keepalive", type=click.IntRange(10, 3600), metavar="SECONDS",
              help="How often a terminal with nothing to say shows its broker that it is there."
                   "  [default: 60, with --taps 1200]")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option("--json", "for_program", is_flag=True, help="One JSON object on standard output.")
@click.option("--log", type=click.Path(dir_okay=False, writable=True, path_type=Path),
              help="Write the event log to this file.")
def simulate(terminals: int, minutes: int | None, hours: int | None, taps: int,
             keepalive: int | None, seed: int, for_program: bool, log: Path | None) -> None:
    """An hour of a merchant street in seconds: real firmware, real gateway, virtual time.

    Ten thousand terminals through a day: --terminals 10000 --taps 30 --hours 24. Exits with 1
    when a tap was not posted exactly once or the audit finds something.
    """
    if minutes is not None and hours is not None:
        raise click.UsageError("--minutes and --hours say the same: give one of them")
    plan = plan_of(terminals, hours * 60 if hours else minutes or 60, taps, seed)
    keepalive_s = keepalive or (FLEET_KEEPALIVE_S if taps else KEEPALIVE_S)
    events = EventLog(log)
    with (tempfile.TemporaryDirectory(prefix="pointwire-street-") as folder,
          view.Watch(plan, Console(stderr=True)) as watch):
        report = run(plan, Path(folder), events.echo, watch, keepalive_s)
    if for_program:
        print(json.dumps(view.as_json(report)))
    else:
        Console().print(view.as_table(report))
        print(view.summary(report))
    events.end(report.good)
