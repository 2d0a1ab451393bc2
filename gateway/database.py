"""Engines and transactions: the same words for SQLite and PostgreSQL.

Law: whoever writes begins with `writing`: on SQLite that is BEGIN IMMEDIATE, because a read
transaction that turns into a writer fails at once, whatever the timeout (F30); WAL with
synchronous=FULL, because a reply makes the terminal forget its copy (F31). On PostgreSQL it is
READ COMMITTED; locks wait at most LOCK_WAIT_MS, then the batch is tried again. A connection
that failed is thrown away, never asked first whether it still lives: the retry finds out.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from gateway.errors import GatewayError
from gateway.statements import send

BUSY_TIMEOUT_MS = 5000
LOCK_WAIT_MS = 5000
POLL_S = 0.02
MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseError(GatewayError):
    """The database cannot be used as it is: nothing was changed."""

    code = "database"


def _unreadable() -> DatabaseError:
    return DatabaseError("The database URL cannot be read. Nothing was started; use"
                         " sqlite:///FILE or postgresql://user@host/name.")


def read_url(url: str) -> URL:
    """`url` with our drivers filled in: sqlite:///FILE or postgresql://user@host/name."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise _unreadable() from None
    if "\0" in str(parts.database):
        raise _unreadable()
    if parts.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return parts.set(drivername="postgresql+psycopg")
    if parts.drivername in ("sqlite", "sqlite+pysqlite") and parts.database not in (
            None, "", ":memory:"):
        return parts.set(drivername="sqlite+pysqlite")
    raise DatabaseError(f"No database of kind {parts.drivername!r} is supported. Nothing was"
                        " started; use sqlite:///FILE or postgresql://user@host/name.")


def open_engine(url: str, *, pool_size: int = 8, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Engine:
    """An engine with the law above built in; no connection is made yet. Raises DatabaseError."""
    parts = read_url(url)
    if parts.drivername.startswith("postgresql"):
        options = (f"-c lock_timeout={LOCK_WAIT_MS} -c timezone=UTC"
                   " -c idle_in_transaction_session_timeout=60000")
        arguments: dict[str, Any] = {
            "application_name": "pointwire", "connect_timeout": 10, "options": options}
        return _made(parts, connect_args=arguments, pool_size=pool_size, max_overflow=pool_size,
                     isolation_level="READ COMMITTED")
    folder = Path(str(parts.database)).parent
    if not folder.is_dir():
        raise DatabaseError(f"The folder {folder} of the SQLite file does not exist."
                            " Nothing was started; `pointwire gateway migrate` makes it, or set"
                            " another database URL.")
    return open_sqlite(parts, busy_timeout_ms=busy_timeout_ms, pool_size=pool_size,
                       max_overflow=pool_size, connect_args={
                           # each size of batch has texts of its own
                           "check_same_thread": False, "cached_statements": 512})


def open_sqlite(parts: URL, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, **options: Any) -> Engine:
    """A SQLite engine under the law above. `options` are create_engine's: another driver too,
    which is how the proof puts the same set-up on a disk of its own (tools/prove/disk.py)."""
    engine = _made(parts, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection, _record) -> None:
        connection.isolation_level = None
        # EXTRA until the file is in WAL mode: that change still goes through a rollback journal,
        # and one whose deletion is not synced would be played back after a power cut
        for pragma in (f"busy_timeout={busy_timeout_ms}", "foreign_keys=ON", "synchronous=EXTRA"):
            connection.execute(f"PRAGMA {pragma}").close()
        mode, = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL").close()
        # SQLite does not fail here, it says what it stays with; memory: a simulation's database
        if mode not in ("wal", "memory"):
            raise DatabaseError(f"The SQLite file stays in journal mode {mode}, in which a power"
                                " cut may lose what was acknowledged. Nothing was done; put it on"
                                " a local disk.")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("pointwire_writes")
        send(connection, "BEGIN IMMEDIATE" if immediate else "BEGIN", begins=True)

    return engine


def _made(parts: URL, **options: Any) -> Engine:
    try:
        # parameters would stand in the texts of errors, and card numbers are among them
        return create_engine(parts, hide_parameters=True, **options)
    except ValueError:
        raise _unreadable() from None


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write; commits at the end, rolls back on any exception."""
    with engine.connect().execution_options(pointwire_writes=True) as connection, \
            connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; keep it short."""
    with engine.connect() as connection, connection.begin():
        yield connection


def on_postgresql(connection: Connection | Engine) -> bool:
    return connection.dialect.name == "postgresql"


def older_ended(engine: Engine, wait_s: float) -> bool:
    """Waits until every writer that is at work now has ended; False where that takes longer. On
    SQLite there is one writer, so whoever has written or locked since needs no waiting."""
    if not on_postgresql(engine):
        return True
    ends = time.monotonic() + wait_s
    # an id of its own, as a snapshot's xmax is that of the newest that has ended: of those at
    # work, some are above it. Whoever has locked a row by now has an id below this one
    mine = _transaction_id(engine, "pg_current_xact_id()")
    while _transaction_id(engine, "pg_snapshot_xmin(pg_current_snapshot())") <= mine:
        if time.monotonic() > ends:
            return False
        time.sleep(POLL_S)
    return True


def _transaction_id(engine: Engine, what: str) -> int:
    with reading(engine) as connection:
        return int(connection.exec_driver_sql(f"SELECT {what}::text").scalar_one())


def migrate(engine: Engine, audit_key: bytes | None = None) -> None:
    """Bring the schema to the newest migration; harmless when it is there already. `audit_key`: a
    migration that makes rows for what is there seals them."""
    # a third of a second to load, which no process needs that only works with the database
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["audit_key"] = audit_key
    with writing(engine) as connection:
        if on_postgresql(connection):
            # two processes starting at once: the second waits and then has nothing to do
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7723)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_version(engine: Engine) -> tuple[str | None, str | None]:
    """(revision in the database, newest revision known); equal when nothing is to do."""
    with reading(engine) as connection:
        migrated = inspect(connection).has_table("alembic_version")
        present = (connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
                   if migrated else None)
    return present, max(_revisions())


def known_revision(revision: str | None) -> bool:
    """Whether a database at this revision is one of ours, of today or of an earlier day."""
    return revision is None or revision in _revisions()


def _revisions() -> set[str]:
    """Of the migrations; the names of their files begin with them."""
    return {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def unreachable(fault: BaseException) -> str:
    """One line about a driver's error, without URL or password."""
    cause = fault.orig if isinstance(fault, DBAPIError) else fault
    return " ".join(str(cause).split())[:200]


@contextmanager
def counting_statements(engine: Engine) -> Iterator[list[str]]:
    """The statements sent meanwhile; BEGIN and COMMIT are not among them, and an executemany
    counts once for each of its rows."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, parameters, _context, executemany) -> None:
        if not statement.startswith("BEGIN"):
            seen.extend([statement] * (len(parameters) if executemany else 1))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
