"""The jobs process: what falls due by time, not by a tap.

Law: a job works in chunks of whole rows, so that taps never wait behind it. SQLite has one writer:
a chunk holds the database for about 20 ms and then leaves it alone as long. PostgreSQL locks row
by row, and what waits for a chunk is at most a tap of the same member: there a chunk may take a
second, in several transactions, and the next one follows at once. A job may be stopped after any
chunk and goes on where it was; one that fails is logged and tried again with the next round, and
keeps no other from its turn.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine

from gateway import days, expiry, failures, holds, logs, metrics, retention
from gateway.clock import to_ms
from gateway.database import on_postgresql
from gateway.errors import TryLater
from gateway.keyring import Keyring
from gateway.roots import RootError

log = logs.logger(__name__)

# (engine, keyring, now in ms, most rows) -> rows done; 0: nothing is due
Chunk = Callable[[Engine, Keyring, int, int], int]

JOBS: tuple[tuple[str, Chunk], ...] = (
    # first, so that nobody books on a day of which the lots are taken for ended
    ("close days", days.close_day),
    ("release holds", holds.release_due),
    ("expire lots", expiry.Expiry()),
    ("drop frames", retention.drop_frames),
    ("drop dead letters", retention.drop_letters),
)
EXPORT_ROOT = "export root"
EVERY_S = 6 * 3600
ROWS_FIRST = 200
ROWS_MIN = 20
ROWS_MAX = 5_000


class Pace(NamedTuple):
    """`chunk_s`: how long a chunk may take; `rest`: how long the database is left alone after it,
    as a multiple of the time it took."""

    chunk_s: float
    rest: float


ON_SQLITE = Pace(0.02, 1)
ON_POSTGRESQL = Pace(1, 0)


def next_rows(rows: int, took_s: float, chunk_s: float) -> int:
    """The size of the next chunk, after one of `rows` took `took_s`."""
    if took_s > chunk_s:
        return max(ROWS_MIN, rows // 2)
    if took_s < chunk_s / 2:
        return min(ROWS_MAX, rows * 2)
    return rows


def unseen(_name: str, _rows: int) -> None:
    """Progress where nobody looks."""


class Jobs:
    """All jobs, one after the other. `stopping` ends the work after the chunk in hand.
    `progress`: is told the rows that a job has done so far, after each chunk."""

    def __init__(self, engine: Engine, keyring: Keyring, now: Callable[[], datetime],
                 stopping: threading.Event, jobs: tuple[tuple[str, Chunk], ...] = JOBS,
                 progress: Callable[[str, int], None] = unseen):
        self._engine = engine
        self._keyring = keyring
        self._now = now
        self._stopping = stopping
        self._jobs = jobs
        self._progress = progress
        self._pace = ON_POSTGRESQL if on_postgresql(engine) else ON_SQLITE

    def run(self) -> bool:
        """A round now and every EVERY_S until `stopping`."""
        while not self._stopping.is_set():
            self.run_once()
            self._stopping.wait(EVERY_S)
        return True

    def run_once(self) -> bool:
        """Each job until nothing is due; False when one failed."""
        return all([self._run(name, chunk) for name, chunk in self._jobs])

    def _run(self, name: str, chunk: Chunk) -> bool:
        now, rows, total, began = to_ms(self._now()), ROWS_FIRST, 0, time.monotonic()
        try:
            while not self._stopping.is_set():
                started = time.monotonic()
                done = chunk(self._engine, self._keyring, now, rows)
                took_s = time.monotonic() - started
                total += done
                metrics.REMOVED.labels(name).inc(done)
                if not done:
                    break
                self._progress(name, total)
                rows = next_rows(rows, took_s, self._pace.chunk_s)
                self._stopping.wait(took_s * self._pace.rest)
        except Exception as fault:
            if failures.passing(fault) or isinstance(fault, TryLater):
                log.warning("job put off to the next round", job=name, rows=total,
                            why=failures.describe(fault))
            elif isinstance(fault, RootError):  # says what to do, and is no fault of ours
                log.error("job not done", job=name, rows=total, why=str(fault))
            else:
                metrics.unexpected("jobs", job=name, rows=total)
            return False
        spent_s = time.monotonic() - began
        log.info("job done", job=name, rows=total, rows_per_s=round(total / max(spent_s, 0.001)))
        return True
