"""`pointwire terminal`: what a stranger gets to write a terminal, and where it is refused."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from protocol import keys
from simulator import keys as key_file
from tools import demo_stage, state
from tools.errors import NotReady, Refused
from tools.terminal import terminal

STRANGER, TILL, OTHER_TILL = range(10_000_001, 10_000_004)


@pytest.fixture(scope="module")
def where(tmp_path_factory) -> state.Home:
    """A demo's folder as a run with two handsets leaves it."""
    made = state.Home(tmp_path_factory.mktemp("demo"))
    state.make_folders(made)
    keyring = demo_stage.keyring_of(state.keep_secrets(made))
    engine = demo_stage.open_ledger(made, keyring)
    cast = demo_stage.cast(demo_stage.Registry(engine, keyring), 2)
    engine.dispose()
    state.write_running(made, state.Running("127.0.0.1", 1111, "127.0.0.1", 2222, cast.stranger,
                                            cast.tills, {}))
    return made


def run(where: state.Home, *arguments: str, **env: str) -> Result:
    return CliRunner().invoke(terminal, arguments, env={state.HOME_VARIABLE: str(where.folder),
                                                        **env})


def test_keys_are_everything_a_terminal_needs_on_one_line(where: state.Home):
    shown = run(where, "keys", str(STRANGER), "--json").stdout
    assert shown.count("\n") == 1
    row = json.loads(shown)
    assert list(row) == ["terminal_id", "epoch", "key_hex", "mqtt_host", "mqtt_port",
                         "mqtt_user", "mqtt_password", "http_url", "sample_card"]
    key = bytes.fromhex(row["key_hex"])
    assert row["mqtt_password"] == keys.mqtt_password(key) and row["mqtt_user"] == f"{STRANGER}-1"
    assert row["http_url"] == "http://127.0.0.1:2222/v1/frames" and row["mqtt_port"] == 1111
    assert row["sample_card"].isdigit() and row["terminal_id"] == STRANGER


def test_the_simulator_reads_what_keys_prints(where: state.Home):
    (made,) = key_file.read_keys(run(where, "keys", str(STRANGER), "--json").stdout)
    assert made.terminal_id == STRANGER


def test_a_person_gets_a_table_of_the_same(where: state.Home):
    assert "mqtt_password" in run(where, "keys", str(STRANGER)).stdout
    assert "stranger" in run(where, "list").stdout


def test_a_key_rotation_under_way_shows_in_the_list(where: state.Home):
    engine = demo_stage.open_ledger(where, keyring := demo_stage.keyring_of(
        state.read_secrets(where)))
    registry = demo_stage.Registry(engine, keyring)

    def epochs() -> tuple:
        rows = json.loads(run(where, "list", "--json").stdout)
        return next((row["epoch"], row["older_epochs"]) for row in rows
                    if row["terminal_id"] == OTHER_TILL)

    assert epochs() == (1, [])
    registry.advance_epoch(OTHER_TILL)
    assert epochs() == (2, [1])
    cells = [line.split() for line in run(where, "list").stdout.replace("│", " ").splitlines()]
    assert ["2", "1", "none"] in [row[-3:] for row in cells if row[0] == str(OTHER_TILL)]
    registry.revoke_epoch(OTHER_TILL, 1)
    assert epochs() == (2, [])
    engine.dispose()


def test_a_handset_runs_only_while_its_demo_runs(where: state.Home):
    def handsets() -> dict[int, str]:
        rows = json.loads(run(where, "list", "--json").stdout)
        return {row["terminal_id"]: row["handset"] for row in rows}

    assert set(handsets().values()) == {"none"}
    lock = state.Lock(where)
    assert handsets()[TILL] == "running" and handsets()[STRANGER] == "none"
    assert "take each other's connection" in run(where, "keys", str(TILL)).stderr
    lock.release()
    assert set(handsets().values()) == {"none"}


def test_a_handset_runs_also_for_who_has_set_the_demos_variables(where: state.Home):
    def handset(**changed: str) -> str:
        env = state.environment(where, state.read_secrets(where), "127.0.0.1:1", "127.0.0.1:2")
        rows = json.loads(run(where, "list", "--json", **{**env, **changed}).stdout)
        return next(row["handset"] for row in rows if row["terminal_id"] == TILL)

    lock = state.Lock(where)
    copy = where.folder / "copy.sqlite3"
    with closing(sqlite3.connect(where.database)) as ledger, closing(sqlite3.connect(copy)) as to:
        ledger.backup(to)
    assert handset() == "running"
    assert handset(POINTWIRE_DATABASE_URL=f"sqlite:///{copy}") == "none", "another gateway"
    lock.release()
    assert handset() == "none"


def test_keys_are_refused_in_production_before_anything_is_read(where: state.Home):
    for home in (where, state.Home(Path("/nowhere"))):
        ended = run(home, "keys", str(STRANGER), "--json", POINTWIRE_ENVIRONMENT="production")
        assert isinstance(ended.exception, Refused) and ended.stdout == ""


def test_keys_of_a_gateway_whose_settings_do_not_say_demo_are_refused(where: state.Home):
    kept = state.read_secrets(where)
    env = state.environment(where, kept, "127.0.0.1:1", "127.0.0.1:2")
    del env["POINTWIRE_ENVIRONMENT"]
    assert isinstance(run(where, "keys", str(STRANGER), **env).exception, Refused)
    env["POINTWIRE_ENVIRONMENT"] = "test"
    row = json.loads(run(where, "keys", str(STRANGER), "--json", **env).stdout)
    assert row["mqtt_port"] == 1 and row["http_url"] == "http://127.0.0.1:2/v1/frames"


def test_an_unknown_terminal_and_a_missing_demo_say_what_to_do(where: state.Home, tmp_path: Path):
    assert isinstance(run(where, "keys", "5").exception, NotReady)
    ended = run(state.Home(tmp_path), "list")
    assert isinstance(ended.exception, NotReady) and "pointwire demo" in str(ended.exception)
    assert "of your own set POINTWIRE_MASTER_KEY" in str(ended.exception)
    assert run(where, "keys", "zero").exit_code == 2
