"""What went wrong while storing: worth another try, or a message that must stand aside.

Law (DESIGN 6.3): serialization failure, deadlock, a lost race for an outcome, locked, gone and
full pass or are mended outside, so the batch is tried again and nothing is acknowledged. Anything
else is the fault of one message until proven otherwise.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import LinkMoved

# SQLSTATE: serialization, deadlock, lock timeout, read-only (failover), and what the server ended
# because this process stood still in it (a machine that slept): 25P03 idle, 25P04 too long
POSTGRESQL_STATES = ("40001", "40P01", "55P03", "25006", "25P03", "25P04")
# connection lost; out of disk, memory or connections; cancelled, shut down; its disk fails
POSTGRESQL_CLASSES = ("08", "53", "57", "58")
SQLITE_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL,
                sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL)
# keys that two writers may race for: the loser begins again and finds the winner's row
RACES = ("outcomes", "reversals", "refusals", "quarantine")


def passing(fault: Exception) -> bool:
    """Whether the same batch may succeed when it is tried again."""
    if isinstance(fault, (LinkMoved, PoolTimeout)):
        return True
    if not isinstance(fault, DBAPIError):
        return False
    if isinstance(fault, IntegrityError):
        return _lost_race(fault)
    state = getattr(fault.orig, "sqlstate", None)
    if state is not None:
        return state in POSTGRESQL_STATES or state[:2] in POSTGRESQL_CLASSES
    code = getattr(fault.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in SQLITE_CODES
    return fault.connection_invalidated or _gone(fault)


def used_up(fault: DBAPIError) -> bool:
    """Whether a PostgreSQL sequence has no number left (SQLSTATE 2200H)."""
    return getattr(fault.orig, "sqlstate", None) == "2200H"


def damaged(fault: DBAPIError) -> bool:
    """Whether SQLite read what no SQLite ever wrote: part of the file is lost or overwritten."""
    code = getattr(fault.orig, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def locked(fault: DBAPIError) -> bool:
    """Whether somebody else held what was wanted for longer than a connection waits."""
    code = getattr(fault.orig, "sqlite_errorcode", 0)
    return (code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            or getattr(fault.orig, "sqlstate", None) == "55P03")


def _gone(fault: DBAPIError) -> bool:
    # psycopg gives no state when the server vanished or was never there
    return type(fault.orig).__name__ in ("OperationalError", "InterfaceError")


def _lost_race(fault: IntegrityError) -> bool:
    diagnostic = getattr(fault.orig, "diag", None)
    if diagnostic is not None:
        return (getattr(fault.orig, "sqlstate", None) == "23505"
                and diagnostic.table_name in RACES)
    text = str(fault.orig)
    return text.startswith("UNIQUE constraint failed: ") and text.split(": ", 1)[1].startswith(
        tuple(f"{table}." for table in RACES))


def describe(fault: BaseException) -> str:
    """A short word for rows and logs: the type, never the content of a frame."""
    return type(fault).__name__[:80]
