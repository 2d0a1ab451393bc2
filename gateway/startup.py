"""Before a process starts: is everything there that it works with?

Law: what is wrong is found before the first frame is taken, said in one line with what to do, and
nothing is changed or created meanwhile. Only `prepare_folder`, for the migration, makes a folder.
"""

import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from gateway import chain, database, failures, tables
from gateway.errors import GatewayError
from gateway.keyring import Keyring, KeyringError, bound_to

LOCKED_ATTEMPTS = 3
FRAMES_TRIED = 20
FRAME_COLUMNS = ("month", "origin", "operation_key", "box")
MIGRATE = "Run: pointwire gateway migrate"


class StartupError(GatewayError):
    """Something the process works with is missing: nothing was started."""

    code = "startup"


def _file(url: URL) -> Path | None:
    return Path(str(url.database)) if url.drivername.startswith("sqlite") else None


def prepare_folder(database_url: str) -> None:
    """Make the folder of a SQLite file; raises StartupError where that is not allowed."""
    file = _file(database.read_url(database_url))
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"The folder {file.parent} cannot be made: {error.strerror}. Make a folder that this"
            " user may write to, or set POINTWIRE_DATABASE_URL elsewhere.") from None
    _writable(file)


def _writable(file: Path) -> None:
    # SQLite writes its journal beside the file: the folder counts as much as the file
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise StartupError(f"{path} cannot be written by this user. Change its owner or set"
                               " POINTWIRE_DATABASE_URL elsewhere.")
    if file.is_dir():
        raise StartupError(f"{file} is a folder. Name a file in POINTWIRE_DATABASE_URL.")


def _reachable(url: URL, fault: DBAPIError) -> str:
    where = url.set(password=None).render_as_string()
    if failures.locked(fault):
        return (f"The database {where} is locked by another process. Nothing was started; wait"
                " until that one is done (a migration, a backup?) and start again.")
    return (f"The database {where} cannot be used: {database.unreachable(fault).rstrip('.?')}."
            " Start it, or correct POINTWIRE_DATABASE_URL.")


def _unmigrated(version: str | None, newest: str | None) -> str | None:
    if version == newest:
        return None
    if version is None:
        return f"The database has no tables yet. {MIGRATE}"
    return (f"The database is at revision {version}, this program works with {newest}. {MIGRATE},"
            " or start the program that fits the database.")


def _asked(engine: Engine) -> tuple[str | None, str | None]:
    """The schema's version; a database that is locked for a while is asked again, each time as
    long as connections wait for a lock."""
    for _ in range(LOCKED_ATTEMPTS - 1):
        try:
            return database.schema_version(engine)
        except DBAPIError as fault:
            if not failures.locked(fault):
                raise
    return database.schema_version(engine)


def open_database(database_url: str) -> Engine:
    """An engine on a database that answers and is migrated; raises GatewayError."""
    url = database.read_url(database_url)
    file = _file(url)
    if file is not None and file.parent.is_dir():
        _writable(file)
        if not file.exists():
            raise StartupError(f"The database file {file} does not exist. {MIGRATE}")
    engine = database.open_engine(database_url)
    try:
        missing = _unmigrated(*_asked(engine))
    except DBAPIError as fault:
        raise StartupError(_reachable(url, fault)) from None
    if missing is not None:
        engine.dispose()
        raise StartupError(missing)
    return engine


def check_keys(engine: Engine, keyring: Keyring) -> None:
    """Raise StartupError when the database was written with other keys than these.

    With another master key every frame would fail its MAC; with another audit key the evidence
    would split in two; with another frame key no held tap could be decided. One row that fits is
    enough: rows that do not are for the audit to name.
    """
    with database.reading(engine) as connection:
        masters = set(connection.scalars(select(tables.terminal_epochs.c.master_key_id)))
        columns = tables.SEALED["counters"]
        counters = connection.execute(select(
            *(tables.counters.c[name] for name in (*columns, "row_mac")))).all()
        stored = connection.execute(select(*(tables.frames.c[name] for name in FRAME_COLUMNS))
                                    .order_by(*(tables.frames.c[name].desc()
                                                for name in FRAME_COLUMNS[:-1]))
                                    .limit(FRAMES_TRIED)).all()
    if masters and keyring.master_key_id not in masters:
        raise StartupError("POINTWIRE_MASTER_KEY is not the one this database's terminals were"
                           " made with. Nothing was started; set the right key or database.")
    if counters and not any(chain.same(row[-1], chain.seal(
            keyring.audit_key, "counters", row[:-1])) for row in counters):
        raise StartupError("POINTWIRE_AUDIT_KEY is not the one this database was sealed with."
                           " Nothing was started; set the right key or database.")
    if stored and not any(_opens(keyring, *row) for row in stored):
        raise StartupError("POINTWIRE_FRAME_KEY opens none of the newest stored frames. Nothing"
                           " was started; set the right key or database.")


def _opens(keyring: Keyring, month: int, origin: int, key: bytes, box: bytes) -> bool:
    try:
        keyring.unlock(month, bound_to("frames", origin, key), box)
    except KeyringError:
        return False
    return True


def migrate(database_url: str, audit_key: bytes | None = None) -> str | None:
    """Bring the schema to its newest revision and return it; raises GatewayError."""
    prepare_folder(database_url)
    url = database.read_url(database_url)
    engine = database.open_engine(database_url)
    try:
        version, newest = database.schema_version(engine)
        if not database.known_revision(version):
            raise StartupError(f"The database is at revision {version}, which this program does"
                               f" not know; it works with {newest}. Nothing was changed; start"
                               " the program that fits the database.")
        database.migrate(engine, audit_key)
        return newest
    except DBAPIError as fault:
        raise StartupError(_reachable(url, fault)) from None
    finally:
        engine.dispose()


def readiness(engine: Engine) -> Callable[[], str | None]:
    """A question for /readyz: what is missing now, or None."""
    def missing() -> str | None:
        try:
            return _unmigrated(*database.schema_version(engine))
        except DBAPIError:
            return "The database cannot be reached."
    return missing
