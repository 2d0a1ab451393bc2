"""What a key file, a settings file and a command line make of a handset, and what is refused."""

import json
from pathlib import Path

import pytest

from firmware import settings
from protocol import keys
from tools.errors import NotReady, Refused
from tools.handset_settings import (
    KEYS_VARIABLE,
    KINDS,
    SECRETS,
    Identity,
    identity,
    read_keys,
    read_pairs,
    read_values,
    secrets_of,
    settings_of,
)

KEY = bytes(range(32))
SAID = {"terminal_id": 10000042, "epoch": 2, "key_hex": KEY.hex(),
        "older": [{"epoch": 1, "key_hex": "11" * 32}]}
WHO = Identity(10000042, 2, KEY)
MODEM = {"mqtt_host": "broker.example", "mqtt_port": 8883, "apn": "cmnet"}
BOARD = "esp32-sim800"


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_key_file_says_who_and_all_keys_that_are_trusted(tmp_path: Path):
    who = read_keys(private(tmp_path / "keys", json.dumps(SAID)), {})
    assert who == Identity(10000042, 2, KEY, ((1, b"\x11" * 32),))
    made = settings_of(who, dict(MODEM), BOARD)
    assert (made.mqtt_user, made.mqtt_password) == ("10000042-2", keys.mqtt_password(KEY))
    assert made.old_keys == who.older
    assert settings.decode(settings.encode(made)) == made


def test_the_environment_may_hold_it_instead_and_the_file_of_the_demo_names_its_broker():
    demo = {**SAID, "mqtt_host": "127.0.0.1", "mqtt_port": 21883, "sample_card": "62"}
    who = read_keys(None, {KEYS_VARIABLE: json.dumps(demo)})
    made = settings_of(who, {}, "unix")
    assert (made.mqtt_host, made.mqtt_port) == ("127.0.0.1", 21883)
    assert settings_of(who, {"mqtt_host": "b", "mqtt_port": 1}, "unix").mqtt_host == "b"


def test_a_key_that_others_can_read_is_refused(tmp_path: Path):
    path = private(tmp_path / "keys", json.dumps(SAID))
    path.chmod(0o640)
    with pytest.raises(Refused, match="0640.*Nothing was written.*chmod 600"):
        read_keys(path, {})
    with pytest.raises(Refused, match="--keys"):
        read_keys(None, {})
    with pytest.raises(NotReady, match="No such file"):
        read_keys(tmp_path / "none", {})


@pytest.mark.parametrize(("changed", "why"), [
    ({"key_hex": KEY.hex()[:-2]}, "key_hex .*64 hex digits"),
    ({"key_hex": None}, "key_hex"),
    ({"terminal_id": 0}, "terminal_id .*1 to 4294967295"),
    ({"terminal_id": True}, "terminal_id"),
    ({"epoch": 256}, "epoch .*1 to 255"),
    ({"older": [{"epoch": 2, "key_hex": "11" * 32}]}, "epoch .*1 to 1"),
    ({"older": [7]}, "older"),
    ({"mqtt_host": "b", "mqtt_port": 0}, "mqtt_port"),
])
def test_what_is_wrong_with_a_key_file_is_named_and_no_key_is(changed: dict, why: str):
    with pytest.raises(Refused, match=why) as refused:
        identity(json.dumps({**SAID, **changed}), "keys")
    assert KEY.hex()[:16] not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", KEY.hex(), "[" * 100_000])
def test_what_is_no_key_file_is_told_without_repeating_it(text: str):
    with pytest.raises(Refused, match="one JSON object") as refused:
        identity(text, "keys")
    assert KEY.hex()[:16] not in str(refused.value)


def test_the_key_is_not_in_what_a_traceback_would_print():
    assert KEY.hex()[:8] not in repr(WHO) and repr(KEY)[2:12] not in repr(WHO)


def test_settings_come_out_of_toml_and_json_alike(tmp_path: Path):
    (tmp_path / "shop.toml").write_text('mqtt_port = 8883\nlogin = true\napn = "cmnet"\n')
    (tmp_path / "shop.json").write_text('{"mqtt_port": 8883, "login": 1, "apn": "cmnet"}')
    assert read_values(tmp_path / "shop.toml") == read_values(tmp_path / "shop.json")


def test_a_file_with_a_secret_must_be_its_owners_alone(tmp_path: Path):
    path = private(tmp_path / "shop.toml", 'sim_pin = "1234"\n')
    assert read_values(path) == {"sim_pin": "1234"}
    path.chmod(0o644)
    with pytest.raises(Refused, match="0644") as refused:
        read_values(path)
    assert "1234" not in str(refused.value)


def test_a_file_that_cannot_be_read_tells_where_and_not_what(tmp_path: Path):
    path = private(tmp_path / "shop.toml", 'sim_pin = 12x34\n')
    with pytest.raises(Refused, match="no TOML .*line 1") as refused:
        read_values(path)
    assert "12x34" not in str(refused.value)
    (tmp_path / "shop.json").write_text("[1]")
    with pytest.raises(Refused, match="no names"):
        read_values(tmp_path / "shop.json")
    for name in ("deep.toml", "deep.json"):
        (tmp_path / name).write_text(("a=" if name == "deep.toml" else "") + "[" * 100_000)
        with pytest.raises(Refused, match="cannot be read"):
            read_values(tmp_path / name)


@pytest.mark.parametrize(("text", "why"), [
    ('apm = "cmnet"', "no setting 'apm'.*apn"),
    ("key = 1", "comes out of the key file"),
    ("mqtt_port = \"many\"", "whole number"),
    ("mqtt_port = -1", "whole number"),
    ("apn = 7", "in quotes"),
    ('shop = "\\u001b@"', "shop holds .* no letter"),
    ('shop = "\\u0000"', "shop holds .* no letter"),
    ('ca_file = "/x"', "--ca"),
])
def test_a_setting_that_the_handset_would_not_have_is_refused(tmp_path: Path, text, why):
    (tmp_path / "shop.toml").write_text(text + "\n")
    with pytest.raises(Refused, match=why):
        read_values(tmp_path / "shop.toml")


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_taken_from_a_command_line(name: str):
    with pytest.raises(Refused, match="POINTWIRE_HANDSET_" + name.upper()) as refused:
        read_pairs([f"{name}=73571113"])
    assert "73571113" not in str(refused.value)
    assert secrets_of({"POINTWIRE_HANDSET_" + name.upper(): "7"}) == {name: "7"}


def test_a_pair_sets_one_value():
    assert read_pairs(["apn=a=b", "volume=3"]) == {"apn": "a=b", "volume": 3}
    with pytest.raises(Refused, match="NAME=VALUE"):
        read_pairs(["apn"])


def test_a_shop_west_of_greenwich_has_its_time(tmp_path: Path):
    (tmp_path / "shop.toml").write_text("utc_offset_min = -300\n")
    said = read_values(tmp_path / "shop.toml")
    assert said == read_pairs(["utc_offset_min=-300"]) == {"utc_offset_min": -300}
    made = settings_of(WHO, {**MODEM, **said}, BOARD)
    assert settings.decode(settings.encode(made)).utc_offset_min == -300
    with pytest.raises(Refused, match="-720 to 840"):
        settings_of(WHO, {**MODEM, "utc_offset_min": -721}, BOARD)


# what a terminal of another encoding hands over, as Python takes it
def test_bytes_that_are_no_utf_8_are_refused_and_not_shown(tmp_path: Path):
    with pytest.raises(Refused, match="shop holds .*UTF-8"):
        read_pairs(["shop=\udcb5\udcea"])
    (tmp_path / "shop.json").write_text('{"shop": "\\ud800"}')
    with pytest.raises(Refused, match="shop holds .*UTF-8"):
        read_values(tmp_path / "shop.json")
    with pytest.raises(Refused, match="POINTWIRE_HANDSET_APN_KEY: apn_key holds") as refused:
        secrets_of({"POINTWIRE_HANDSET_APN_KEY": "73571113\udcff"})
    assert "73571113" not in str(refused.value)


@pytest.mark.parametrize(("changed", "why"), [
    ({"language": "fr"}, "language must be en or zh"),
    ({"mqtt_port": 70000}, "mqtt_port must be 1 to 65535"),
    ({"mqtt_host": "mqtt://b"}, "no name or address"),
    ({"apn": ""}, "apn is missing"),
    ({"way": "wifi"}, "wifi_name is missing"),
    ({"sim_pin": "12"}, "sim_pin must be 4 to 8 digits"),
    ({"sim_pin": "１２３４"}, "sim_pin must be 4 to 8 digits"),
    ({"parts": "printer,stripe"}, "esp32-sim800 has room for 1"),
    ({"apn": "a\nkey=1"}, "line break"),
    ({"reset_hour": 25}, "reset_hour"),
])
def test_what_the_handset_would_refuse_is_refused_here(changed: dict, why: str):
    with pytest.raises(Refused, match=why) as refused:
        settings_of(WHO, {**MODEM, **changed}, BOARD)
    assert "Nothing was written" in str(refused.value)


def test_without_a_broker_there_is_no_handset():
    with pytest.raises(Refused, match="--broker"):
        settings_of(WHO, {"apn": "cmnet"}, BOARD)


def test_each_setting_of_the_handset_can_be_set_or_comes_by_itself():
    named = {name for name, _, _ in settings.FIELDS}
    assert named - set(KINDS) == {"terminal_id", "epoch", "key", "mqtt_user", "mqtt_password",
                                  "old_keys"}
    assert "ca_file" not in KINDS
