"""What the demo keeps on disk: made once, kept, and never half made."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from firmware import settings as handset_settings
from gateway import database
from gateway.errors import GatewayError
from gateway.registry import Registry
from protocol import keys
from tools import demo_stage, handset_program, state
from tools.errors import NotReady, PortTaken


@pytest.fixture
def where(tmp_path: Path) -> state.Home:
    made = state.Home(tmp_path / "demo")
    state.make_folders(made)
    return made


def opened(where: state.Home) -> Registry:
    keyring = demo_stage.keyring_of(state.keep_secrets(where))
    return Registry(demo_stage.open_ledger(where, keyring), keyring)


def test_the_ledger_is_filled_once_and_kept(where: state.Home):
    registry = opened(where)
    first = demo_stage.cast(registry, 2)
    registry.engine.dispose()
    again = opened(where)
    assert demo_stage.cast(again, 2) == first
    more = demo_stage.cast(again, 3)
    assert more.tills[:2] == first.tills and len(more.tills) == 3
    assert more.stranger == first.stranger and more.stranger not in more.tills
    again.engine.dispose()


def test_an_interrupted_first_run_is_begun_anew(where: state.Home):
    (where.folder / "making.sqlite3").write_bytes(b"half")
    (where.folder / "making.sqlite3-wal").write_bytes(b"half")
    registry = opened(where)
    assert registry.members()
    registry.engine.dispose()


def test_a_damaged_ledger_is_an_error_and_is_left_alone(where: state.Home):
    opened(where).engine.dispose()
    where.database.write_bytes(b"no database, certainly" * 400)
    with pytest.raises(NotReady, match="Nothing was changed"):
        opened(where)
    assert where.database.read_bytes().startswith(b"no database")


def test_a_ledger_without_tables_is_an_error_and_not_filled(where: state.Home):
    opened(where).engine.dispose()
    where.database.write_bytes(b"")
    with pytest.raises(NotReady, match="no tables.*Nothing was changed"):
        opened(where)


def test_a_ledger_of_a_newer_program_is_an_error(where: state.Home):
    engine = opened(where).engine
    with database.writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(GatewayError, match="9999.*program that fits"):
        opened(where)


def test_secrets_of_another_ledger_are_told_at_once(where: state.Home):
    registry = opened(where)
    demo_stage.cast(registry, 1)
    registry.engine.dispose()
    kept = state.read_secrets(where)
    for change in ({"master_key": "ab" * 32}, {"audit_key": "cd" * 32}):
        with pytest.raises(NotReady, match="do not belong together"):
            demo_stage.open_ledger(where, demo_stage.keyring_of(replace(kept, **change)))


def test_a_handset_keeps_its_flash_and_gets_new_settings(where: state.Home):
    keyring = demo_stage.keyring_of(state.keep_secrets(where))
    folder = demo_stage.provision(where, keyring, 7, 1111)
    flash = (folder / "outbox.flash").read_bytes()
    assert demo_stage.provision(where, keyring, 7, 2222) == folder
    assert (folder / "outbox.flash").read_bytes() == flash
    made = handset_settings.read(str(folder / "settings"))
    assert made.mqtt_port == 2222 and made.key == keyring.terminal_key(7, 1)
    assert (folder / "settings").stat().st_mode & 0o077 == 0


def test_whether_somebody_has_to_log_in_is_each_run_s_to_say(where: state.Home):
    keyring = demo_stage.keyring_of(state.keep_secrets(where))
    for login in (False, True, False):
        folder = demo_stage.provision(where, keyring, 7, 1111, login)
        assert handset_settings.read(str(folder / "settings")).login == login


def test_a_handset_that_took_a_newer_key_keeps_it_and_the_older_ones(where: state.Home):
    keyring = demo_stage.keyring_of(state.keep_secrets(where))
    file = str(demo_stage.provision(where, keyring, 7, 1111) / "settings")
    first, key = handset_settings.read(file), keyring.terminal_key(7, 2)
    rotated = handset_settings.with_keys(first, 2, key, keys.mqtt_user(7, 2),
                                         keys.mqtt_password(key), ((1, first.key),))
    handset_settings.write(file, rotated)
    demo_stage.provision(where, keyring, 7, 2222)
    assert handset_settings.read(file) == rotated._replace(mqtt_port=2222)


@pytest.mark.parametrize("spoil", [
    lambda file: file.write_bytes(b"torn"), lambda file: file.unlink(),
    lambda file: handset_settings.write(str(file), handset_settings.read(str(file))._replace(
        key=bytes(32)))])
def test_settings_that_are_lost_or_of_other_secrets_are_made_anew(where: state.Home, spoil):
    keyring = demo_stage.keyring_of(state.keep_secrets(where))
    file = demo_stage.provision(where, keyring, 7, 1111) / "settings"
    made = handset_settings.read(str(file))
    spoil(file)
    demo_stage.provision(where, keyring, 7, 1111)
    assert handset_settings.read(str(file)) == made


def test_two_handsets_never_share_a_journal(where: state.Home):
    keyring = demo_stage.keyring_of(state.keep_secrets(where))
    flashes = [(demo_stage.provision(where, keyring, each, 1) / "outbox.flash").read_bytes()
               for each in (7, 8)]
    assert flashes[0] != flashes[1]


def test_the_program_is_compiled_again_only_when_it_changed(where: state.Home, monkeypatch):
    staged = []

    def stage(target: Path) -> list[str]:
        staged.append(target)
        return ["micropython", str(target / "main.py")]

    monkeypatch.setattr(handset_program, "stage", stage)
    monkeypatch.setattr(handset_program, "micropython", lambda: "micropython")
    first = demo_stage.program(where, demo_stage.MICROPYTHON)
    assert demo_stage.program(where, demo_stage.MICROPYTHON).argv == first.argv
    assert len(staged) == 1
    (where.folder / "program.json").write_text('{"of": "older", "argv": []}')
    demo_stage.program(where, demo_stage.MICROPYTHON)
    assert len(staged) == 2
    moved = state.Home(where.folder.with_name("moved"))
    where.folder.rename(moved.folder)
    demo_stage.program(moved, demo_stage.MICROPYTHON)
    assert staged[2:] == [moved.folder / "program"]


def test_without_micropython_cpython_stands_in_and_it_is_said(monkeypatch):
    monkeypatch.setattr(handset_program, "micropython", lambda: None)
    runtime, note = demo_stage.choose_runtime(None)
    assert runtime == demo_stage.CPYTHON and note is not None and "stands in" in note
    assert demo_stage.choose_runtime("micropython") == ("micropython", None)


def test_a_taken_port_is_an_error_or_another_port_as_asked():
    with socket.socket() as taken:
        taken.bind((demo_stage.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"{port}.*--mqtt-port"):
            demo_stage.choose_port("mqtt", None, port, take_any=False)
        with pytest.raises(PortTaken):
            demo_stage.choose_port("mqtt", port, 1, take_any=True)
        assert demo_stage.choose_port("mqtt", None, port, take_any=True) != port
        assert demo_stage.choose_port("mqtt", 0, port, take_any=False) not in (0, port)
