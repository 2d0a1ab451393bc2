"""Before a start: what is missing is said in one line with what to do, and nothing is created."""

import os
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from gateway import database, startup
from gateway.errors import GatewayError
from gateway.keyring import Keyring
from gateway.startup import StartupError
from gateway.tables import frames
from tests.support.street import KEYS, Street


def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def migrated(tmp_path: Path) -> str:
    text = url(tmp_path / "deep" / "er" / "pointwire.sqlite3")
    startup.migrate(text)
    return text


def refused(text: str) -> str:
    with pytest.raises(GatewayError) as caught:
        startup.open_database(text)
    return str(caught.value)


def test_a_migrated_database_is_opened_and_ready(migrated: str):
    engine = startup.open_database(migrated)
    assert startup.readiness(engine)() is None


def test_migrating_makes_the_folder_and_may_be_repeated(migrated: str):
    assert startup.migrate(migrated) == startup.migrate(migrated)


def test_a_file_that_does_not_exist_is_said_and_not_created(tmp_path: Path):
    text = refused(url(tmp_path / "none.sqlite3"))
    assert "does not exist" in text and "pointwire gateway migrate" in text
    assert not list(tmp_path.iterdir())


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path):
    text = refused(url(tmp_path / "no" / "x.sqlite3"))
    assert "does not exist" in text and "pointwire gateway migrate" in text


def test_a_database_without_tables_is_told_to_migrate(tmp_path: Path):
    (tmp_path / "empty.sqlite3").touch()
    text = refused(url(tmp_path / "empty.sqlite3"))
    assert "no tables yet" in text and "pointwire gateway migrate" in text


def test_a_database_of_another_revision_is_said_with_both(migrated: str):
    engine = database.open_engine(migrated)
    with database.writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num='9999'")
    text = refused(migrated)
    assert "revision 9999" in text and "pointwire gateway migrate" in text
    assert "9999" in str(startup.readiness(engine)())


def test_a_database_of_a_newer_program_is_not_migrated(migrated: str):
    engine = database.open_engine(migrated)
    with database.writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num='9999'")
    with pytest.raises(StartupError, match="revision 9999.*Nothing was changed"):
        startup.migrate(migrated)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="cannot be made.*POINTWIRE_DATABASE_URL"):
        startup.migrate(url(tmp_path / "file" / "var" / "x.sqlite3"))


def test_a_folder_that_cannot_be_written_is_said(migrated: str, monkeypatch):
    # asked of the system as for any user: root, whom tests may run as, may write everywhere
    folder = Path(str(database.read_url(migrated).database)).parent
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != folder)
    assert f"{folder} cannot be written" in refused(migrated)


def test_a_file_that_is_no_database_is_said(tmp_path: Path):
    file = tmp_path / "letter.sqlite3"
    file.write_bytes(b"Dear Sir or Madam, " * 100)
    assert "cannot be used: file is not a database" in refused(url(file))


def test_a_database_that_does_not_answer_is_said_without_its_password():
    text = refused("postgresql://gateway:hunter2@127.0.0.1:1/pointwire")
    assert "127.0.0.1:1" in text and "POINTWIRE_DATABASE_URL" in text and "hunter2" not in text


def test_a_database_that_went_away_is_not_ready():
    engine = database.open_engine("postgresql://gateway@127.0.0.1:1/pointwire")
    assert startup.readiness(engine)() == "The database cannot be reached."


def test_keys_are_not_checked_against_an_empty_database(migrated: str):
    startup.check_keys(database.open_engine(migrated),
                       Keyring(b"a" * 32, b"b" * 32, b"c" * 32))


def test_a_database_that_is_locked_for_a_while_is_waited_for_and_then_named(
        migrated: str, monkeypatch):
    monkeypatch.setattr(database, "open_engine", partial(database.open_engine, busy_timeout_ms=5))
    holder = sqlite3.connect(migrated.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN IMMEDIATE")
    text = refused(migrated)
    assert "is locked by another process" in text and "start again" in text
    sound, asked = database.schema_version, []

    def schema_version(engine):
        asked.append(1)
        if len(asked) == 3:
            holder.execute("ROLLBACK")
            holder.close()
        return sound(engine)

    monkeypatch.setattr(database, "schema_version", schema_version)
    startup.open_database(migrated).dispose()
    assert len(asked) == 3


def test_a_frame_key_that_opens_no_frame_is_said_and_a_damaged_frame_is_not_its_fault(engine):
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(2)))
    master, audit, frame = KEYS
    with pytest.raises(StartupError, match="POINTWIRE_FRAME_KEY opens none"):
        startup.check_keys(engine, Keyring(master, audit, bytes(32)))
    with database.writing(engine) as connection:
        connection.execute(update(frames).where(frames.c.operation_key == connection.scalar(
            select(func.max(frames.c.operation_key)))).values(box=bytes(40)))
    startup.check_keys(engine, Keyring(master, audit, frame))
