"""Many seeds on all cores: verdicts as they come, and the totals of a run.

Law: a seed's verdict depends on nothing but seed and options, so it does not matter which process
runs it or when; totals are sums over verdicts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tools.prove import options as drawing
from tools.prove.cores import shared
from tools.prove.world import Verdict, run_seed

# what the event log calls a fault, in the order of the table, and what a person calls it
FAULTS = {
    "up_lost": "frames dropped by the broker after PUBACK",
    "down_lost": "replies dropped by the broker",
    "up_duplicated": "frames delivered twice",
    "down_duplicated": "replies delivered twice",
    "up_swapped": "frames overtaken by later ones",
    "down_swapped": "replies overtaken by later ones",
    "up_late": "frames that came again much later",
    "down_late": "replies that came again much later",
    "up_corrupt": "frames with turned bits or cut off",
    "down_corrupt": "replies with turned bits or cut off",
    "garbage": "TCP parts with a turned bit",
    "dark": "losses of coverage",
    "half_open": "links dead in one direction",
    "restart": "broker restarts",
    "restart_queue_lost": "broker restarts with the queue lost",
    "mute": "brokers that accept and say nothing",
    "session_destroyed": "broker sessions destroyed",
    "before_commit": "gateway killed before commit",
    "after_commit": "gateway killed after commit",
    "between_acks": "gateway killed between acknowledgements",
    "before_replies": "gateway killed between commit and reply",
    "between_replies": "gateway killed between replies",
    "partition": "gateway cut off from the broker",
    "locked": "database locked",
    "full": "database full",
    "io": "database I/O errors",
    "unsure": "commits made and reported as failed",
    "unavailable": "batches put off",
    "requeue": "poisoned messages requeued",
    "server_power_lost": "server power losses",
    "restored": "restores from an older backup",
    "power_off": "handset power cuts",
    "cut_within": "of them within a flash operation",
    "reboot_loop": "reboot loops",
    "watchdog": "watchdog resets",
    "ended": "programs that ended",
    "misread": "boots with a bad contact at the flash",
    "clock_jump": "tick counters that jumped",
    "clock_wrong": "clocks set ten years or a day off",
    "clock_reset": "clocks that began at 1970 or 2000",
    "heap": "heaps exhausted",
    "full_outbox": "taps refused by a full outbox",
    "died": "tasks of the program that died",
    "closed": "shops closed for days",
    "flash_put_back": "flashes put back to an older copy",
    "planted": "frames sealed by somebody with the terminal's key",
    "conflict": "trace conflicts",
    "epoch": "key epochs advanced by HQ",
    "revoked": "key epochs revoked",
    "rotated": "keys rotated by handsets",
    "card": "cards lost or blocked",
    "member": "members suspended or back",
    "merchant": "merchants suspended or back",
    "terminal": "terminals suspended or back",
    "verdict": "verdicts of HQ on held taps",
    "verdict_failed": "verdicts of HQ that came too late",
    "voids": "messages taken back",
    "redemptions": "bills paid with points",
    "refunds": "parts of bills brought back",
    "online": "messages that nobody decides yet",
}


class Totals(NamedTuple):
    """Of all verdicts so far. `faults`: name -> (how often, in how many seeds)."""

    seeds: int = 0
    failed: int = 0
    faultless: int = 0
    taps: int = 0
    frames: int = 0
    retries: int = 0
    virtual_us: int = 0
    faults: tuple[tuple[str, int, int], ...] = ()


def add(verdicts: Sequence[Verdict]) -> Totals:
    times: Counter[str] = Counter()
    seeds: Counter[str] = Counter()
    for verdict in verdicts:
        for name, count in verdict.counts.items():
            if name in FAULTS:
                times[name] += count
                seeds[name] += 1
    return Totals(
        len(verdicts), sum(not verdict.good for verdict in verdicts),
        sum(not drawing.on(verdict.options) for verdict in verdicts),
        sum(verdict.taps for verdict in verdicts), sum(verdict.frames for verdict in verdicts),
        sum(verdict.retries for verdict in verdicts),
        sum(verdict.virtual_us for verdict in verdicts),
        tuple((name, times[name], seeds[name]) for name in FAULTS if times[name]))


class Wanted(NamedTuple):
    """One seed to run. `calm`: begin without faults; `changed`: options by name on top."""

    seed: int
    calm: bool = False
    changed: tuple[tuple[str, int], ...] = ()

    def options(self) -> drawing.Options:
        changed = dict(self.changed)
        return drawing.calm(**changed) if self.calm else drawing.draw(self.seed, changed)


def one(wanted: Wanted) -> Verdict:
    return run_seed(wanted.seed, wanted.options())


def many(wanted: Sequence[Wanted], jobs: int | None = None) -> Iterator[Verdict]:
    """Verdicts in the order in which they come; `jobs` processes, default one for each core."""
    return shared(one, wanted, jobs)
