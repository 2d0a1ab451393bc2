"""Backups of a test's database and their restore, with real files and real databases."""

import sqlite3
from pathlib import Path

from sqlalchemy import Engine

from gateway.database import on_postgresql
from tests.support.databases import administering, server


def back_up(engine: Engine) -> str:
    """A copy of the database as it is; its name is for `restore`."""
    if on_postgresql(engine):
        name = f"{engine.url.database}_backup"
        _copy(engine, str(engine.url.database), name)
        return name
    name = f"{engine.url.database}.backup"
    with sqlite3.connect(str(engine.url.database)) as live, sqlite3.connect(name) as copy:
        live.backup(copy)
    live.close()
    copy.close()
    return name


def restore(engine: Engine, name: str) -> None:
    """The database as it was; whoever is connected is cut off and connects to the old one."""
    if on_postgresql(engine):
        _copy(engine, name, str(engine.url.database))
        with administering(server()) as run:
            run(f"DROP DATABASE {name}")
        return
    engine.dispose()
    file = Path(str(engine.url.database))
    for each in file.parent.glob(f"{file.name}-*"):  # the log of what came since the backup
        each.unlink()
    Path(name).replace(file)


def _copy(engine: Engine, source: str, target: str) -> None:
    engine.dispose()
    with administering(server()) as run:
        for database in (source, target):
            run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{database}'")
        run(f"DROP DATABASE IF EXISTS {target}")
        run(f"CREATE DATABASE {target} TEMPLATE {source}")
