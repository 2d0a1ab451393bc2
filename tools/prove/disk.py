"""A disk in memory that forgets what was not synced, as an honest disk may when its power goes.

It is a SQLite file system (an apsw VFS without a base): the gateway's own SQL runs on it, at its
own pragmas, and the database survives exactly what fsync promised. Law, for each file:

- a write, a truncation, a creation or a deletion counts for sure once xSync (or xDelete with
  syncDir) has returned, and not before;
- `power_loss` lets any subset of the rest have happened, a write sector by sector, a sector also
  torn in the middle; what is read afterwards stays as it is read;
- what lies beyond the written range of a write is not touched by it ("powersafe overwrite", which
  SQLite assumes of every disk and which this one claims);
- after a loss or a crash every open file is dead: whoever holds one gets an I/O error.

The connection uses locking_mode=EXCLUSIVE, because a file system in Python has no shared memory
for the index of the log. That index lives in RAM in either mode and nothing durable depends on
it; which file is written and synced when is decided above it and the same (a test compares the
traces with those of a plain file). What is not proved here: two processes on one file.

    disk = Disk.holding(template)          bytes of a migrated database
    engine = open_engine(disk)             the gateway's engine over it
    disk.cut_after(17)                     the 17th write or sync from now on does not return
    disk.power_loss(random); engine = open_engine(disk)
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Any

import apsw
from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.engine import URL

from gateway import database
from tools.prove import apsw_dbapi
from tools.prove.driver import FULL, LOCKED, UNSURE, Faults
from tools.prove.filesystem import SECTOR_SIZE, FileSystem, io_error

MAIN = "main"
_NUMBERS = count(1)

Write = tuple[int, bytes | None]  # where and what; None: the file ends there


class DiskError(Exception):
    """The disk cannot be used like that: nothing was changed."""


class Content:
    """A file: as programs see it, as the platters hold it, and the writes between the two."""

    def __init__(self, content: bytes = b"", *, named: bool = False) -> None:
        self.seen = bytearray(content)
        self.kept = bytearray(content)
        self.pending: list[Write] = []
        self.named = named  # its directory entry is on the platters

    def write(self, offset: int, data: bytes) -> None:
        _apply(self.seen, offset, data)
        self.pending.append((offset, data))

    def truncate(self, size: int) -> None:
        del self.seen[size:]
        self.pending.append((size, None))

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.kept, offset, data)
        self.pending.clear()
        self.named = True

    def after_loss(self, random: Random) -> bytes:
        """What the platters hold when the power comes back: any subset of what was pending."""
        held = bytearray(self.kept)
        for offset, data in self.pending:
            fate = random.randrange(4)
            if fate == 0:
                continue
            if fate == 1 or data is None:
                _apply(held, offset, data)
                continue
            for start, piece in _sectors(offset, data):
                part = random.randrange(8)
                if part < 4:
                    _apply(held, start, piece)
                elif part == 4:
                    _apply(held, start, piece[:random.randrange(len(piece))])
        return bytes(held)


def _apply(held: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del held[offset:]
        return
    if len(held) < offset:
        held.extend(bytes(offset - len(held)))
    held[offset:offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    first = SECTOR_SIZE - offset % SECTOR_SIZE
    edges = [0, *range(first, len(data), SECTOR_SIZE), len(data)]
    return [(offset + low, data[low:high]) for low, high in zip(edges, edges[1:], strict=False)]


class Disk:
    """`operations`: writes, truncations, syncs and deletions so far. `syncs`: of them, syncs."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.operations = 0
        self.syncs = 0
        self.trace: list[tuple[str, str]] | None = None
        self.name = f"pointwire-{next(_NUMBERS)}"
        self._files = {name: Content(body, named=True) for name, body in (files or {}).items()}
        self._gone: dict[str, Content] = {}
        self.power = 0  # counts up at every loss and crash; a file knows under which it opened
        self._cut_in: int | None = None
        self._fails: tuple[int, Exception] | None = None
        self.faults = Faults()  # of locks, of room, of the commit's word
        self.on_fault: Callable[[], None] = lambda: None
        self.quiet = False  # a dead connection is being closed: it changes nothing any more
        self._connections: list[_Connection] = []
        self._vfs = FileSystem(self)

    @classmethod
    def holding(cls, database_file: bytes) -> "Disk":
        """A disk with one database on it, synced."""
        return cls({MAIN: database_file})

    def copy(self) -> "Disk":
        """Another disk with the files as programs see them now, synced: a backup."""
        return Disk(self.files())

    def files(self) -> dict[str, bytes]:
        return {name: bytes(content.seen) for name, content in self._files.items()}

    def restore(self, backup: "Disk") -> None:
        """The files of `backup` instead of what is here, synced; open files are dead."""
        self._start_again({name: bytes(body) for name, body in backup.files().items()})

    def crash(self) -> None:
        """The process is gone, the machine stays: all that was written is there."""
        self.power += 1
        for connection in tuple(self._connections):
            connection.close()
        self._cut_in = self._fails = None

    def power_loss(self, random: Random) -> None:
        """Power goes and comes back. What was not synced may be there, in part, or not."""
        held: dict[str, bytes] = {}
        for name in sorted({*self._files, *self._gone}):
            gone, content = self._gone.get(name), self._files.get(name)
            if content is not None and (content.named or random.randrange(2)):
                held[name] = content.after_loss(random)
            elif gone is not None and gone.named and random.randrange(2):
                held[name] = gone.after_loss(random)  # deleted, and the directory never synced
        self._start_again(held)

    def cut_after(self, operations: int) -> None:
        """Power goes inside the operation that comes so many from now (1: the next one)."""
        if operations < 1:
            raise DiskError("The next operation is number 1. Nothing was changed.")
        self._cut_in = operations

    @property
    def left(self) -> int | None:
        """How many operations are left until power goes."""
        return self._cut_in

    def fail_after(self, operations: int, fault: Exception) -> None:
        """The operation that comes so many from now raises `fault`, once; power stays. `on_fault`
        is told when it has come."""
        if operations < 1:
            raise DiskError("The next operation is number 1. Nothing was changed.")
        self._fails = (operations, fault)

    def disarm(self) -> None:
        """No fault from now on, and no cut that was still to come."""
        if not self.dead:
            self._cut_in = None
        self._fails = None
        self.faults.disarm()

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Meanwhile no operation is cut or fails; those that come are not counted towards it."""
        waiting, self._cut_in, self._fails = (self._cut_in, self._fails), None, None
        suspended, self.faults.suspended = self.faults.suspended, True
        try:
            yield
        finally:
            self._cut_in, self._fails = waiting
            self.faults.suspended = suspended

    @property
    def dead(self) -> bool:
        """Power went inside an operation, and `power_loss` was not called yet."""
        return self._cut_in == 0

    def close(self) -> None:
        """Forget the file system; the disk cannot be opened again."""
        self.crash()
        self._vfs.unregister()

    # -- what the file system asks -------------------------------------------------------------

    def _start_again(self, held: dict[str, bytes]) -> None:
        self.crash()
        self._files = {name: Content(body, named=True) for name, body in held.items()}
        self._gone.clear()

    def operate(self, what: str, name: str) -> None:
        """Counts one operation; raises when it is the one that does not return."""
        self.operations += 1
        if self.trace is not None:
            self.trace.append((what, name))
        if self._cut_in is not None:
            self._cut_in = max(self._cut_in - 1, 0)
            if not self._cut_in:
                raise io_error("power is gone")
        if self._fails is not None:
            left, fault = self._fails
            self._fails = (left - 1, fault) if left > 1 else None
            if left == 1:
                self.on_fault()
                raise fault

    def grow(self, content: Content, size: int) -> None:
        """Raises when a file wants more room than it has, and there is none."""
        if size > len(content.seen) and self.faults.hits(FULL):
            raise apsw.FullError("database or disk is full")

    def opened(self, name: str, *, create: bool) -> Content:
        content = self._files.get(name)
        if content is None:
            if not create or self.dead:
                raise apsw.CantOpenError(name)
            content = self._files[name] = Content()
        return content

    def delete(self, name: str, *, sync: bool) -> None:
        if self.quiet:
            return
        self.operate("delete", name)
        content = self._files.pop(name, None)
        if content is None:
            raise io_error("no such file", apsw.SQLITE_IOERR_DELETE_NOENT)
        if not sync:
            self._gone[name] = content
        else:
            self._gone.pop(name, None)

    def has(self, name: str) -> bool:
        return name in self._files


class _Failing(apsw_dbapi.Cursor):
    """Somebody else, who is not there, holds the write lock."""

    connection: "_Connection"

    def execute(self, text: str, parameters: Any = ()) -> apsw_dbapi.Cursor:
        if text.startswith("BEGIN"):
            self.connection._disk.faults.strike(LOCKED)
        return super().execute(text, parameters)


class _Connection(apsw_dbapi.Connection):
    """Dies with the power: SQLite would write when it closes, and must not any more."""

    def __init__(self, disk: Disk) -> None:
        if disk._connections:
            # the locks of this disk are no locks: two connections would write over each other
            fault = sqlite3.OperationalError("database is locked")
            fault.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise fault
        super().__init__(apsw_dbapi.opened(MAIN, disk.name))
        self._disk = disk
        self._power = disk.power
        disk._connections.append(self)

    def cursor(self) -> apsw_dbapi.Cursor:
        return (_Failing if self._disk.faults.armed else apsw_dbapi.Cursor)(self, self.raw)

    def commit(self) -> None:
        begun = self.in_transaction
        super().commit()
        if begun:
            self._disk.faults.strike(UNSURE)

    def close(self) -> None:
        disk = self._disk
        if self not in disk._connections:
            return
        disk._connections.remove(self)
        disk.quiet = disk.dead or self._power != disk.power
        try:
            with disk.steady():  # a cut waits for work; whoever closes has none
                super().close()
        finally:
            disk.quiet = False


def open_engine(disk: Disk, *, synchronous: str = "FULL") -> Engine:
    """The gateway's engine over the database of `disk`, with the gateway's own set-up.

    One connection: asking for a second while one is out fails at once. `synchronous` other than
    FULL is a seeded bug.
    """
    def connect() -> apsw_dbapi.Connection:
        connection = _Connection(disk)
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").close()
        return connection

    engine = database.open_sqlite(
        URL.create("sqlite+pysqlite", database=MAIN), module=apsw_dbapi, creator=connect,
        poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0)
    if synchronous != "FULL":
        @event.listens_for(engine, "connect")
        def _weaken(connection: Any, _record: Any) -> None:
            connection.execute(f"PRAGMA synchronous={synchronous}").close()
    return engine
