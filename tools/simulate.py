"""`pointwire simulate`: a merchant street in virtual time on a real gateway and a real database.

Simulator and gateway in one process: the handsets' frames go through the gateway's own intake into
a migrated SQLite file in a temporary folder. Law: everything follows from the seed, keys and time
of day included, so the same seed gives the same event log on any machine, and its hash says so.
In the end the ledger is compared with what the handsets saw (tools/tally.py) and audited.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event

from firmware.settings import Settings, settings
from gateway import database
from gateway.audit import run_audit
from gateway.errors import TryLater
from gateway.intake import Arrival, Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from protocol import codes, keys
from simulator.errors import Unavailable
from simulator.handset import Handset
from simulator.shore import Arrived, Gateway
from simulator.street import Outcome, Plan, Street
from tools import coffee_shop, tally
from tools.errors import EXIT_BAD_RESULT

OPENING = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # nine o'clock in Shanghai
MEMBERS_PER_TERMINAL = 10
OUTBOX_BLOCKS = 64
ROWS_MAX = 40
LATEST_MINUTES = 60 * 24 * 31


class Clock:
    """The gateway's clock: virtual, moved by the street."""

    def __init__(self) -> None:
        self.now = OPENING

    def __call__(self) -> datetime:
        return self.now

    def at(self, virtual_us: int) -> datetime:
        return OPENING + timedelta(microseconds=virtual_us)


class Report(NamedTuple):
    """What happened, and what the ledger says of it."""

    plan: Plan
    outcome: Outcome
    tally: tally.Tally
    points: int
    codes: dict[int, int]
    findings: tuple[str, ...]
    seconds: float

    @property
    def good(self) -> bool:
        died = self.outcome.counts.get("died")
        return self.tally.exact and not self.findings and not died


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


def settings_of(keyring: Keyring, terminal_id: int) -> Settings:
    key = keyring.terminal_key(terminal_id, 1)
    return settings(terminal_id, 1, key, "broker", 1883, keys.mqtt_user(terminal_id, 1),
                    keys.mqtt_password(key), outbox_blocks=OUTBOX_BLOCKS)


def run(plan: Plan, folder: Path, echo: Callable[[str], None] | None = None) -> Report:
    """The street of `plan` with its database in `folder`, which must be empty."""
    began = time.monotonic()
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
        street = Street(plan, lambda number: settings_of(keyring, tills[number].terminal_id),
                        cards, gateway_of(intake, clock), echo)
        outcome = street.run()
        audit = run_audit(engine, keyring, rebuild=True, clock=clock)
        findings = tuple(map(str, audit.findings))
        return _report(plan, engine, outcome, findings, time.monotonic() - began)
    finally:
        engine.dispose()


def _hurry(connection: Any, record: object) -> None:
    """This database dies with the run, so no commit waits for a disk."""
    connection.execute("PRAGMA synchronous=OFF")


def tapped_of(handset: Handset) -> list[tally.Tapped]:
    """What the merchant saw on one handset."""
    found = []
    for key, tap in handset.taps.items():
        reply = handset.answers.get(key)
        told = (reply.code, reply.points, reply.receipt) if reply else (None, None, None)
        found.append(tally.Tapped(tap.terminal_id, *key, tap.amount_minor, *told))
    return found


def _report(plan: Plan, engine: Engine, outcome: Outcome, findings: tuple[str, ...],
            seconds: float) -> Report:
    tapped = [tap for handset in outcome.handsets for tap in tapped_of(handset)]
    ledger = tally.read_entries(engine, [each.terminal_id for each in outcome.handsets])
    seen: dict[int, int] = {}
    for tap in tapped:
        if tap.code is not None:
            seen[tap.code] = seen.get(tap.code, 0) + 1
    return Report(plan, outcome, tally.compare(tapped, ledger),
                  sum(entry.points for entry in ledger), seen, findings, seconds)


def as_json(report: Report) -> dict[str, object]:
    """For programs; `event_log_sha256` is what two runs are compared by."""
    outcome = report.outcome
    return {"terminals": report.plan.terminals, "minutes": report.plan.minutes,
            "seed": report.plan.seed, **report.tally._asdict(), "points": report.points,
            "codes": {codes.name(code): count for code, count in sorted(report.codes.items())},
            "events": dict(sorted(outcome.counts.items())), "frames": outcome.frames,
            "batches": outcome.batches,
            "audit_findings": list(report.findings),
            "virtual_seconds": outcome.virtual_us // 1_000_000,
            "seconds": round(report.seconds, 2), "event_log_sha256": outcome.digest}


def as_table(report: Report) -> Table:
    table = Table(title=f"A street of {report.plan.terminals} terminals, "
                        f"{report.plan.minutes} minutes, seed {report.plan.seed}")
    for column in ("terminal", "taps", "posted", "points", "boots", "connections"):
        table.add_column(column, justify="right")
    for handset in report.outcome.handsets[:ROWS_MAX]:
        replies = handset.answers.values()
        table.add_row(str(handset.terminal_id), str(len(handset.taps)),
                      str(sum(reply.code == codes.APPROVED for reply in replies)),
                      str(sum(reply.points or 0 for reply in replies)),
                      str(handset.boots), str(handset.radio.links_made))
    if report.plan.terminals > ROWS_MAX:
        table.caption = f"and {report.plan.terminals - ROWS_MAX} more"
    return table


def summary(report: Report) -> str:
    found, outcome = report.tally, report.outcome
    minutes = outcome.virtual_us // 60_000_000
    return (f"{found.taps} taps, {found.posted} posted exactly once, {found.duplicates} twice, "
            f"{found.rejected} refused, {found.missing} missing; {report.points} points\n"
            f"{outcome.counts.get('dark', 0)} losses of coverage, "
            f"{outcome.counts.get('power_off', 0)} power cuts, {outcome.frames} frames in "
            f"{outcome.batches} commits; {minutes} virtual minutes in {report.seconds:.1f} s\n"
            f"audit of the ledger: {'; '.join(report.findings) or 'nothing is wrong'}\n"
            f"event log {outcome.digest}")


@click.command()
@click.option("--terminals", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--minutes", type=click.IntRange(1, LATEST_MINUTES), default=60, show_default=True,
              help="How long the street is open, in virtual time.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option("--json", "for_program", is_flag=True, help="One JSON object on standard output.")
@click.option("--log", type=click.Path(dir_okay=False, writable=True, path_type=Path),
              help="Write the event log to this file.")
def simulate(terminals: int, minutes: int, seed: int, for_program: bool,
             log: Path | None) -> None:
    """An hour of a merchant street in seconds: real firmware, real gateway, virtual time.

    Exits with 1 when a tap was not posted exactly once or the audit finds something.
    """
    plan = Plan(terminals, minutes, seed)
    lines: list[str] | None = [] if log else None
    with tempfile.TemporaryDirectory(prefix="pointwire-street-") as folder:
        report = run(plan, Path(folder), lines.append if lines is not None else None)
    if log is not None and lines is not None:
        log.write_text("".join(line + "\n" for line in lines))
    if for_program:
        print(json.dumps(as_json(report)))
    else:
        Console().print(as_table(report))
        print(summary(report))
    if not report.good:
        sys.exit(EXIT_BAD_RESULT)
