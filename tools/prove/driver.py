"""sqlite3 as a driver that fails when told to: locked, I/O errors, commits of unknown fate.

Law: an error is raised where sqlite3 would raise it, with its class, text and `sqlite_errorcode`,
so that the gateway judges it as in production; a commit that is UNSURE has been made. While
nothing is armed this is sqlite3 itself.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

LOCKED, FULL, IO, UNSURE = "locked", "full", "io", "unsure"
_CODES = {LOCKED: (sqlite3.SQLITE_BUSY, "database is locked"),
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
        return super().execute(statement, parameters)


class Faults:
    """What the driver is to raise. `locked`: until released. `io`, `unsure`: each a countdown of
    chances until it strikes once."""

    def __init__(self) -> None:
        self.locked = False
        self.countdown: dict[str, int] = {}
        self.suspended = False
        self.on_strike: Callable[[str], None] = lambda kind: None

    @property
    def armed(self) -> bool:
        return not self.suspended and (self.locked or bool(self.countdown))

    def strike(self, kind: str) -> None:
        if self.suspended:
            return
        if kind == LOCKED:
            hit = self.locked
        else:
            left = self.countdown.get(kind)
            if left is None:
                return
            hit = left <= 1
            if hit:
                del self.countdown[kind]
            else:
                self.countdown[kind] = left - 1
        if hit:
            self.on_strike(kind)
            code, text = _CODES[kind]
            fault = sqlite3.OperationalError(text)
            fault.sqlite_errorcode = code
            raise fault


def connect() -> Connection:
    """A memory database of its own, without faults."""
    made = sqlite3.connect(":memory:", check_same_thread=False, factory=Connection,
                           cached_statements=256)
    made.faults = Faults()
    return made
