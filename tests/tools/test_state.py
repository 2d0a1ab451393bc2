"""The demo's folder: secrets kept and guarded, one demo at a time, errors that say what to do."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tools import state
from tools.errors import Busy, NotReady, Unwritable


@pytest.fixture
def where(tmp_path: Path) -> state.Home:
    made = state.Home(tmp_path / "demo")
    state.make_folders(made)
    return made


def test_secrets_are_made_once_and_only_their_owner_reads_them(where: state.Home):
    made = state.keep_secrets(where)
    assert state.keep_secrets(where) == made
    keys = {made.master_key, made.audit_key, made.frame_key}
    assert len(keys) == 3 and all(len(bytes.fromhex(key)) == 32 for key in keys)
    mode = stat.S_IMODE(os.stat(where.folder / "secrets.json").st_mode)
    assert mode == 0o600


def test_secrets_are_shown_by_no_repr(where: state.Home):
    made = state.keep_secrets(where)
    assert made.master_key not in repr(made) and made.mqtt_password not in repr(made)


def test_lost_secrets_are_never_replaced_beside_an_old_database(where: state.Home):
    where.database.write_bytes(b"")
    with pytest.raises(NotReady, match="keys are lost"):
        state.keep_secrets(where)


def secrets(*found: object) -> str:
    names = ("master_key", "audit_key", "frame_key", "mqtt_password")
    return json.dumps(dict(zip(names, found, strict=True)))


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"master_key": "00"}', "\x00", secrets("1" * 64, "2" * 64, "zz", "word"),
    secrets("1" * 64, "2" * 64, "3" * 62, "word"), secrets(1, 2, 3, 4),
    secrets("1" * 64, "2" * 64, "3" * 64, None), secrets("1" * 64, "2" * 64, "1" * 64, "word")])
def test_a_damaged_secrets_file_is_an_error_and_stays(where: state.Home, text: str):
    (where.folder / "secrets.json").write_text(text)
    with pytest.raises(NotReady, match="Nothing was changed: bring the file back"):
        state.keep_secrets(where)
    assert (where.folder / "secrets.json").read_text() == text


def test_one_demo_a_folder(where: state.Home):
    assert not state.is_running(where)
    first = state.Lock(where)
    assert state.is_running(where)
    with pytest.raises(Busy, match=state.HOME_VARIABLE):
        state.Lock(where)
    first.release()
    assert not state.is_running(where)
    state.Lock(where).release()


def test_what_runs_is_read_back(where: state.Home):
    running = state.Running("127.0.0.1", 1, "127.0.0.1", 2, 5, (6, 7), {"worker": 42})
    state.write_running(where, running)
    assert state.read_running(where) == running
    assert running.http_url == "http://127.0.0.1:2"


def test_a_shell_reads_the_variables_and_only_their_owner_may(where: state.Home):
    state.write_environment(where, {"POINTWIRE_DATABASE_URL": "sqlite:///a b/$x'y.sqlite3"})
    script = f'set -a; . "{where.environment}"; printenv POINTWIRE_DATABASE_URL'
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "sqlite:///a b/$x'y.sqlite3\n"
    assert where.environment.stat().st_mode & 0o777 == 0o600


def test_before_the_first_demo_the_error_says_how_to_start_one(tmp_path: Path):
    with pytest.raises(NotReady, match="pointwire demo"):
        state.read_running(state.Home(tmp_path / "nowhere"))


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match=state.HOME_VARIABLE):
        state.make_folders(state.Home(tmp_path / "file" / "demo"))
    (tmp_path / "logs").write_text("")
    with pytest.raises(Unwritable, match=f"folder {tmp_path}/logs cannot be made"):
        state.make_folders(state.Home(tmp_path))


def test_the_folder_comes_from_the_environment(tmp_path: Path):
    assert state.home({state.HOME_VARIABLE: str(tmp_path)}).folder == tmp_path
    assert state.home({}).folder == Path.cwd() / "var" / "demo"


def test_a_lock_that_cannot_be_opened_is_said(where: state.Home):
    (where.folder / "lock").mkdir()
    with pytest.raises(Unwritable, match="lock cannot be written"):
        state.Lock(where)
