"""sqlite3 as a driver that fails when told to: locked, I/O errors, commits of unknown fate.

Law: an error is raised where sqlite3 would raise it, with its class, text and `sqlite_errorcode`,
so that the gateway judges it as in production; a commit that is UNSURE has been made. While
nothing is armed this is sqlite3 itself.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LOCKED, FULL, IO, UNSURE = "locked", "full", "io", "unsure"
_CODES = {LOCKED: (sqlite3.SQLITE_BUSY, "database is locked"),
          FULL: (sqlite3.SQLITE_FULL, "database or disk is full"),
          IO: (sqlite3.SQLITE_IOERR, "disk I/O error"),
          UNSURE: (sqlite3.SQLITE_IOERR, "disk I/O error")}


class Connection(sqlite3.Connection):
    """The one connection to the memory database; it outlives the engine's opinion of it."""

    faults: "Faults"

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        return super().cursor(_Failing if self.faults.armed else factory)

    def commit(self) -> None:
        if not self.faults.armed or not self.in_transaction:
            super().commit()
            return
        self.faults.strike(IO)
        super().commit()
        self.faults.strike(UNSURE)


class _Failing(sqlite3.Cursor):
    def execute(self, statement: str, parameters: Any = (), /) -> Any:
        faults = self.connection.faults  # type: ignore[attr-defined]
        if statement.startswith("BEGIN"):
            faults.strike(LOCKED)
        else:
            faults.strike(IO)
        with faults.telling():
            return super().execute(statement, parameters)

    def executemany(self, statement: str, rows: Any, /) -> Any:
        with self.connection.faults.telling():  # type: ignore[attr-defined]
            return super().executemany(statement, rows)


class Faults:
    """What the driver is to raise. `locked`, `full`: until released; that it is full is SQLite's
    own answer. `io`, `unsure`: each a countdown of chances until it strikes once. `on_strike` is
    told when one has struck, not before."""

    def __init__(self) -> None:
        self.locked = self.full = False
        self.countdown: dict[str, int] = {}
        self.suspended = False
        self.on_strike: Callable[[str], None] = lambda kind: None

    @property
    def armed(self) -> bool:
        return not self.suspended and (self.locked or self.full or bool(self.countdown))

    def disarm(self) -> None:
        """No fault from now on: neither one that lasts nor one that was still to come."""
        self.locked = self.full = False
        self.countdown.clear()

    def strike(self, kind: str) -> None:
        """Raises where it hits."""
        if self.hits(kind):
            code, text = _CODES[kind]
            fault = sqlite3.OperationalError(text)
            fault.sqlite_errorcode = code
            raise fault

    def hits(self, kind: str) -> bool:
        """Whether the chance that came now is the one, which is told then."""
        hit = not self.suspended and self._due(kind)
        if hit:
            self.on_strike(kind)
        return hit

    def _due(self, kind: str) -> bool:
        if kind in (LOCKED, FULL):
            return self.locked if kind == LOCKED else self.full
        left = self.countdown.pop(kind, 0)
        if left > 1:
            self.countdown[kind] = left - 1
        return left == 1

    @contextmanager
    def telling(self) -> Iterator[None]:
        """SQLite itself says that it is full."""
        try:
            yield
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode == sqlite3.SQLITE_FULL:
                self.hits(FULL)
            raise


def connect() -> Connection:
    """A memory database of its own, without faults."""
    made = sqlite3.connect(":memory:", check_same_thread=False, factory=Connection,
                           cached_statements=256)
    made.faults = Faults()
    return made
