"""The file of terminal keys and the gateway's address: read, or refused with the reason."""

import json

import pytest

from simulator import keys
from simulator.errors import AddressUnreadable, KeysUnreadable

LINE = {"terminal_id": 7, "epoch": 1, "key_hex": "0b" * 32, "mqtt_host": "127.0.0.1",
        "mqtt_port": 1883, "mqtt_user": "7-1", "mqtt_password": "secret",
        "http_url": "http://127.0.0.1:8080/v1/frames", "sample_card": "6200001234567892"}


def test_two_terminals_and_an_empty_line_are_two_terminals():
    text = json.dumps(LINE) + "\n\n" + json.dumps({**LINE, "terminal_id": 8}) + "\n"
    first, second = keys.read_keys(text)
    assert (first.terminal_id, second.terminal_id) == (7, 8)
    assert first.key == b"\x0b" * 32 and first.card == 6200001234567892


@pytest.mark.parametrize(("change", "why"), [
    ({"key_hex": "0b" * 31}, "31 bytes"), ({"key_hex": "zz"}, "is not what"),
    ({"terminal_id": 0}, "range"), ({"epoch": 256}, "range"), ({"sample_card": "x"}, "not what"),
    ({"mqtt_port": None}, "not what"), ({"mqtt_port": float("inf")}, "not what"),
    ({"sample_card": "9" * 20}, "range")])
def test_a_wrong_line_is_named_without_its_key(change: dict, why: str):
    with pytest.raises(KeysUnreadable, match=why) as caught:
        keys.read_keys("\n" + json.dumps({**LINE, **change}))
    assert "line 2" in str(caught.value) and "0b0b" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in LINE if name != "http_url"])
def test_a_line_that_lacks_something_says_what(name: str):
    with pytest.raises(KeysUnreadable, match=f"lacks {name}"):
        keys.read_keys(json.dumps({key: value for key, value in LINE.items() if key != name}))


@pytest.mark.parametrize("text", ["", "\n", "[]", "5", "{", "null", "[" * 100_000])
def test_what_is_no_key_file_is_refused(text: str):
    with pytest.raises(KeysUnreadable):
        keys.read_keys(text)


def test_one_terminal_twice_is_refused():
    with pytest.raises(KeysUnreadable, match="twice"):
        keys.read_keys(json.dumps(LINE) + "\n" + json.dumps(LINE))


@pytest.mark.parametrize(("url", "port", "over_http"), [
    ("mqtt://10.0.0.1", 1883, False), ("mqtts://broker:8884", 8884, False),
    ("http://[::1]:8080/v1/frames", 8080, True), ("https://gw.example/v1/frames", 443, True)])
def test_an_address_has_a_port_and_a_way(url: str, port: int, over_http: bool):
    read = keys.read_address(url)
    assert read.port == port and read.over_http is over_http


@pytest.mark.parametrize("url", ["", "gateway", "ftp://x", "mqtt://", "mqtt://x:99999",
                                 "mqtt://[::1", "http://x/", "https://x/v1/frames/", "http://u:p@x/v1/frames"])
def test_what_is_no_gateway_address_is_refused(url: str):
    with pytest.raises(AddressUnreadable):
        keys.read_address(url)
