"""A terminal's key file: new, its owner's alone, and only of who may use a key."""

import json
import stat
from collections.abc import Iterator

import pytest

from gateway.key_file import KeyFileError, write
from gateway.registry.desk import RegistryError
from tests.support.databases import SQLITE, fresh_engine
from tests.support.street import Street


@pytest.fixture
def street() -> Iterator[Street]:
    with fresh_engine(SQLITE) as engine:
        yield Street(engine)


def test_the_file_has_the_newest_key_and_the_older_ones_that_are_still_trusted(street, tmp_path):
    registry, who = street.registry, street.terminals[0]
    for _ in range(5):
        registry.advance_epoch(who)
    registry.revoke_epoch(who, 4)
    assert write(registry, who, tmp_path / "keys") == 6
    said = json.loads((tmp_path / "keys").read_text())
    keyring = registry.keyring
    assert (said["terminal_id"], said["epoch"]) == (who, 6)
    assert said["key_hex"] == keyring.terminal_key(who, 6).hex()
    assert [each["epoch"] for each in said["older"]] == [5, 3, 2]
    assert said["older"][0]["key_hex"] == keyring.terminal_key(who, 5).hex()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


def test_a_file_that_is_there_stays_as_it_is(street, tmp_path):
    (tmp_path / "keys").write_text("another's")
    with pytest.raises(KeyFileError, match="there already"):
        write(street.registry, street.terminals[0], tmp_path / "keys")
    assert (tmp_path / "keys").read_text() == "another's"


@pytest.mark.parametrize("state", ["lost", "retired"])
def test_a_terminal_that_could_not_log_in_gets_no_key(street, tmp_path, state):
    who = street.terminals[0]
    street.registry.set_terminal_state(who, state)
    with pytest.raises(KeyFileError, match=state):
        write(street.registry, who, tmp_path / "keys")
    assert not (tmp_path / "keys").exists()


def test_a_revoked_key_is_not_handed_out_and_an_unknown_terminal_has_none(street, tmp_path):
    who = street.terminals[0]
    street.registry.revoke_epoch(who, 1)
    with pytest.raises(KeyFileError, match=f"terminal rotate {who}"):
        write(street.registry, who, tmp_path / "keys")
    with pytest.raises(RegistryError, match="no such terminal"):
        write(street.registry, 99, tmp_path / "keys")
    assert not (tmp_path / "keys").exists()
