"""apsw behind the face of the standard library's sqlite3, as much of it as SQLAlchemy asks for.

The gateway's SQL runs unchanged over the proof's own file system (tools/prove/disk.py), which only
apsw can carry. Law: an error is raised as sqlite3 would raise it, the same class, text and
`sqlite_errorcode`, so that gateway/failures.py judges it as in production. Statements run in
autocommit: whoever wants a transaction says BEGIN.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from sqlite3 import (
    Binary,
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
    paramstyle,
)
from typing import Any

import apsw

__all__ = ["Binary", "Connection", "Cursor", "DataError", "DatabaseError", "Error",
           "IntegrityError", "InterfaceError", "InternalError", "NotSupportedError",
           "OperationalError", "ProgrammingError", "Warning", "apilevel", "connect", "opened",
           "paramstyle", "sqlite_version", "sqlite_version_info", "threadsafety"]

apilevel = "2.0"
threadsafety = 1
sqlite_version = apsw.sqlite_lib_version()
sqlite_version_info = tuple(map(int, sqlite_version.split(".")))
STATEMENTS_KEPT = 200

# sqlite3's own table (CPython, Modules/_sqlite/util.c); what is not here is a DatabaseError
_CLASSES: dict[int, type[Exception]] = {
    **dict.fromkeys((sqlite3.SQLITE_INTERNAL, sqlite3.SQLITE_NOTFOUND), InternalError),
    **dict.fromkeys((
        sqlite3.SQLITE_ERROR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_ABORT, sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_EMPTY, sqlite3.SQLITE_SCHEMA), OperationalError),
    sqlite3.SQLITE_CORRUPT: DatabaseError,
    sqlite3.SQLITE_TOOBIG: DataError,
    **dict.fromkeys((sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH), IntegrityError),
    **dict.fromkeys((sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE), InterfaceError),
}

# for errors that a file system in Python raised: they bring no code of their own
_RESULTS = {type(apsw.exception_for(code)): code for code in range(1, 27)}


def as_sqlite3(fault: apsw.Error) -> Exception:
    """The exception that sqlite3 would have raised."""
    code = getattr(fault, "result", _RESULTS.get(type(fault)))
    if code is None:  # apsw's own: a closed connection, wrong bindings
        return ProgrammingError(str(fault))
    if code == sqlite3.SQLITE_NOMEM:
        return MemoryError(str(fault))
    made = _CLASSES.get(code, DatabaseError)(str(fault))
    extended = getattr(fault, "extendedresult", code)
    made.sqlite_errorcode = extended  # type: ignore[attr-defined]
    made.sqlite_errorname = apsw.mapping_extended_result_codes.get(  # type: ignore[attr-defined]
        extended, apsw.mapping_result_codes.get(code, "unknown"))
    return made


class Cursor:
    """One statement at a time; its rows are read at once, as the gateway's are few."""

    arraysize = 1

    def __init__(self, connection: "Connection", raw: apsw.Connection) -> None:
        self.connection = connection
        self.description: tuple[tuple, ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._raw = raw
        self._cursor: apsw.Cursor | None = None
        self._rows: list[tuple] = []
        self._place = 0

    def execute(self, text: str, parameters: Any = ()) -> "Cursor":
        return self._run(lambda cursor: cursor.execute(text, parameters))

    def executemany(self, text: str, rows: Iterable[Any]) -> "Cursor":
        return self._run(lambda cursor: cursor.executemany(text, rows))

    def _run(self, work: Callable[[apsw.Cursor], Any]) -> "Cursor":
        self.description, self.rowcount, self._place = None, -1, 0
        try:
            if self._cursor is None:
                self._cursor = self._raw.cursor()
                # the only way to the columns of a statement that gives no row
                self._cursor.exec_trace = self._describe
            before = self._raw.total_changes()
            self._rows = work(self._cursor).fetchall()
        except apsw.Error as fault:
            self._rows = []
            raise as_sqlite3(fault) from fault
        if self.description is None:
            self.rowcount = self._raw.total_changes() - before
            self.lastrowid = self._raw.last_insert_rowid()
        return self

    def _describe(self, cursor: apsw.Cursor, _text: str, _bindings: Any) -> bool:
        found = cursor.get_description()
        self.description = tuple((column[0], *[None] * 6) for column in found) or None
        return True

    def fetchone(self) -> tuple | None:
        if self._place >= len(self._rows):
            return None
        self._place += 1
        return self._rows[self._place - 1]

    def fetchmany(self, size: int | None = None) -> list[tuple]:
        start = self._place
        self._place = min(start + (size or self.arraysize), len(self._rows))
        return self._rows[start:self._place]

    def fetchall(self) -> list[tuple]:
        start, self._place = self._place, len(self._rows)
        return self._rows[start:]

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.close(True)
            self._cursor = None
        self._rows = []

    def setinputsizes(self, sizes: Sequence) -> None:
        """Nothing to prepare."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Nothing to prepare."""


class Connection:
    """`isolation_level` can be set and changes nothing: it is autocommit, as with None."""

    def __init__(self, raw: apsw.Connection) -> None:
        self.raw = raw
        self.isolation_level: str | None = None

    def cursor(self) -> Cursor:
        return Cursor(self, self.raw)

    def execute(self, text: str, parameters: Any = ()) -> Cursor:
        return self.cursor().execute(text, parameters)

    @property
    def in_transaction(self) -> bool:
        return self.raw.in_transaction

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, word: str) -> None:
        try:
            if self.raw.in_transaction:
                self.raw.execute(word)
        except apsw.Error as fault:
            raise as_sqlite3(fault) from fault

    def close(self) -> None:
        try:
            self.raw.close(True)
        except apsw.Error as fault:
            raise as_sqlite3(fault) from fault

    def create_function(self, name: str, narg: int, func: Callable | None, *,
                        deterministic: bool = False) -> None:
        self.raw.create_scalar_function(name, func, narg, deterministic=deterministic)


def connect(name: str, vfs: str | None = None) -> Connection:
    """A connection to file `name` of the apsw file system `vfs`."""
    return Connection(opened(name, vfs))


def opened(name: str, vfs: str | None = None) -> apsw.Connection:
    """The bare connection; errors as sqlite3 raises them."""
    try:
        return apsw.Connection(name, vfs=vfs, statementcachesize=STATEMENTS_KEPT)
    except apsw.Error as fault:
        raise as_sqlite3(fault) from fault
