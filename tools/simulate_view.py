"""What `pointwire simulate` shows: how far it is, and in the end what came of it.

Law: nothing here moves the simulation. The watch looks on by a timer of its own, which no event
of the street depends on, so a run that is watched has the same event log as one that is not.
"""

import resource
import sys
import time
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from protocol import codes
from simulator.street import Outcome, Plan, Street
from tools import tally

ROWS_MAX = 40
LOOKS = 200
LINE_EVERY_S = 15


class Cost(NamedTuple):
    """What the run took: `street_s` of `seconds` went into the street, the rest into making it
    and into the audit; `cpu_s` is what it needed of one core, however busy the machine was with
    other work; `memory_mib` is the most this process ever held."""

    seconds: float
    street_s: float
    cpu_s: float
    memory_mib: int


NOTHING = Cost(0, 0, 0, 0)


class Report(NamedTuple):
    """What happened, and what the ledger says of it."""

    plan: Plan
    outcome: Outcome
    tally: tally.Tally
    points: int
    codes: dict[int, int]
    findings: tuple[str, ...]
    cost: Cost

    @property
    def good(self) -> bool:
        died = self.outcome.counts.get("died")
        return self.tally.exact and not self.findings and not died

    @property
    def taps_per_second(self) -> int:
        return round(self.tally.taps / max(self.cost.street_s, 0.001))

    @property
    def times_real_time(self) -> int:
        return round(self.outcome.virtual_us / 1_000_000 / max(self.cost.street_s, 0.001))


def memory_mib() -> int:
    """The most memory this process held resident so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)


class Watch:
    """A bar for a person at a terminal, a line now and then for a log file."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._open_us = plan.minutes * 60_000_000
        self._console = console
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                             TimeRemainingColumn(), console=console, transient=True)
        self._task = self._bar.add_task("opening", total=self._open_us)
        self._began = self._said = time.monotonic()

    def __enter__(self) -> "Watch":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def say(self, what: str) -> None:
        """A new part of the work begins."""
        if self._console.is_terminal:
            self._bar.update(self._task, description=what)
        else:
            self._said = time.monotonic()
            self._console.print(f"{self._said - self._began:6.0f} s  {what}")

    def follow(self, street: Street) -> None:
        """Look on from the beginning of a street to its end."""
        self._look(street)

    def _look(self, street: Street) -> None:
        now_us, counts = street.loop.now_us, street.log.counts
        if self._console.is_terminal:
            self._bar.update(self._task, completed=min(now_us, self._open_us),
                             description=f"{clock(now_us)} {counts['saved']} taps")
        elif time.monotonic() - self._said >= LINE_EVERY_S:
            self.say(f"{clock(now_us)} virtual, {counts['saved']} taps, "
                     f"{counts['settled']} answered, {memory_mib()} MiB")
        street.loop.call_at_us(now_us + max(self._open_us // LOOKS, 1), self._look, street)


def clock(virtual_us: int) -> str:
    """Hours and minutes since the street opened."""
    minutes = virtual_us // 60_000_000
    return f"{minutes // 60:02}:{minutes % 60:02}"


def as_json(report: Report) -> dict[str, object]:
    """For programs; `event_log_sha256` is what two runs are compared by."""
    outcome, cost = report.outcome, report.cost
    return {"terminals": report.plan.terminals, "minutes": report.plan.minutes,
            "seed": report.plan.seed, **report.tally._asdict(), "points": report.points,
            "codes": {codes.name(code): count for code, count in sorted(report.codes.items())},
            "events": dict(sorted(outcome.counts.items())), "frames": outcome.frames,
            "batches": outcome.batches,
            "audit_findings": list(report.findings),
            "virtual_seconds": outcome.virtual_us // 1_000_000,
            "seconds": round(cost.seconds, 2), "street_seconds": round(cost.street_s, 2),
            "cpu_seconds": round(cost.cpu_s, 2),
            "taps_per_second": report.taps_per_second,
            "times_real_time": report.times_real_time, "memory_mib": cost.memory_mib,
            "event_log_sha256": outcome.digest}


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
    found, outcome, cost = report.tally, report.outcome, report.cost
    minutes = outcome.virtual_us // 60_000_000
    return (f"{found.taps} taps, {found.posted} posted exactly once, {found.duplicates} twice, "
            f"{found.rejected} refused, {found.missing} missing; {report.points} points\n"
            f"{outcome.counts.get('dark', 0)} losses of coverage, "
            f"{outcome.counts.get('power_off', 0)} power cuts, {outcome.frames} frames in "
            f"{outcome.batches} commits; {minutes} virtual minutes in {cost.seconds:.1f} s, "
            f"{cost.cpu_s:.1f} s of them on the processor\n"
            f"{report.taps_per_second} taps/s, {report.times_real_time} times real time, at most "
            f"{cost.memory_mib} MiB of memory\n"
            f"audit of the ledger: {'; '.join(report.findings) or 'nothing is wrong'}\n"
            f"event log {outcome.digest}")
