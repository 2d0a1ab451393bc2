"""Engines, transactions and migrations."""

import sqlite3
import threading
from random import Random

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, OperationalError

from gateway.database import (
    MIGRATIONS,
    DatabaseError,
    counting_statements,
    known_revision,
    migrate,
    on_postgresql,
    open_engine,
    read_url,
    reading,
    schema_version,
    unreachable,
    writing,
)
from tools.prove.disk import Disk
from tools.prove.disk import open_engine as open_disk


def test_a_migrated_database_is_at_the_newest_revision_and_migrating_again_is_harmless(engine):
    migrate(engine)
    present, newest = schema_version(engine)
    assert present == newest is not None


def test_the_revisions_are_those_of_the_migrations(tmp_path):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    new = open_engine(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    assert schema_version(new) == (None, scripts.get_current_head())
    assert all(known_revision(each.revision) for each in scripts.walk_revisions())
    assert known_revision(None) and not known_revision("9999")
    new.dispose()


def test_two_processes_may_migrate_at_once(tmp_path):
    engines = [open_engine(f"sqlite:///{tmp_path / 'new.sqlite3'}") for _ in range(2)]
    threads = [threading.Thread(target=migrate, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "entries" in inspect(engines[0]).get_table_names()
    present, newest = schema_version(engines[1])
    assert present == newest is not None


def test_sqlite_is_durable_and_checks_foreign_keys(sqlite_engine):
    with reading(sqlite_engine) as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in
                   ("journal_mode", "synchronous", "foreign_keys")]
    assert pragmas == ["wal", 2, 1]


def test_a_writer_on_sqlite_begins_immediate(sqlite_engine, tmp_path):
    hasty = open_engine(str(sqlite_engine.url), busy_timeout_ms=1)
    with writing(sqlite_engine):
        with pytest.raises(OperationalError, match="locked"), writing(hasty):
            pass
        with reading(hasty) as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    hasty.dispose()


def test_postgresql_commits_durably_and_waits_for_locks_so_long_only(postgresql_engine):
    with reading(postgresql_engine) as connection:
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in
                 ("transaction_isolation", "lock_timeout", "timezone")]
    assert shown == ["read committed", "5s", "UTC"]


def test_a_transaction_that_fails_leaves_nothing(engine):
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO counters VALUES ('x', 1, 0, '', '')")
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM counters").scalar_one() == 0


def test_statements_are_counted_and_an_executemany_by_its_rows(engine):
    mark = "%s" if on_postgresql(engine) else "?"
    insert = f"INSERT INTO counters VALUES ({mark}, 1, 0, '', '')"
    with counting_statements(engine) as statements, writing(engine) as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.exec_driver_sql(insert, [("a",), ("b",), ("c",)])
    assert len(statements) == 4


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite://",
                                 "sqlite:///:memory:", "sqlite:////nowhere/at/all.sqlite3",
                                 "sqlite:////tmp/x?timeout=abc", "postgresql://u@h:port/d",
                                 "postgresql://[::1/d", "sqlite:////tmp/a%00b"])
def test_an_unusable_url_says_what_to_do(url):
    with pytest.raises(DatabaseError, match="Nothing was started"):
        open_engine(url)


def test_an_error_of_the_database_tells_no_parameters(engine):
    mark = "%s" if on_postgresql(engine) else "?"
    with pytest.raises(DBAPIError) as caught, reading(engine) as connection:
        connection.exec_driver_sql(f"SELECT id FROM nothing WHERE id = {mark}", ("79927398",))
    assert "79927398" not in str(caught.value)


def test_the_short_form_of_a_postgresql_url_gets_our_driver():
    assert read_url("postgresql://u@h/d").drivername == "postgresql+psycopg"


def test_an_unreachable_server_is_one_line_without_the_password():
    engine = open_engine("postgresql://u:secret@127.0.0.1:1/d")
    with pytest.raises(OperationalError) as caught, reading(engine):
        pass
    line = unreachable(caught.value)
    assert "secret" not in line and "\n" not in line and line


def test_a_file_that_cannot_be_in_wal_mode_is_not_used(tmp_path, monkeypatch):
    """SQLite answers with the mode it stays in; a commit would be less durable than promised."""
    sound, file = sqlite3.connect, tmp_path / "x.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    with monkeypatch.context() as patch:  # without shared memory there is no WAL
        patch.setattr(engine.dialect.loaded_dbapi, "connect", lambda *_, **options: sound(
            f"file:{file}?vfs=unix-none", uri=True, **options))
        with pytest.raises(DatabaseError, match="journal mode delete"), reading(engine):
            pass
    with reading(engine):
        pass
    engine.dispose()


def test_a_file_that_was_not_in_wal_mode_survives_a_power_cut_right_behind(tmp_path):
    """The change of mode deletes a journal; were that not synced, it could be played back."""
    file = tmp_path / "old.sqlite3"
    with sqlite3.connect(file) as plain:
        plain.execute("CREATE TABLE taps (id INTEGER)")
    plain.close()
    for seed in range(12):
        disk = Disk.holding(file.read_bytes())
        engine = open_disk(disk)
        with writing(engine) as connection:
            connection.exec_driver_sql(
                "CREATE TABLE more AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                " FROM n WHERE i < 5000) SELECT i FROM n")
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        disk.power_loss(Random(seed))
        engine.dispose()
        engine = open_disk(disk)
        with reading(engine) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM more").scalar() == 5000
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        engine.dispose()
        disk.close()
