"""Reads what `pointwire terminal keys --json` prints: one JSON object a line, one line a terminal.

Law: a line that lacks something or makes no sense names its line number and what is wrong, and
never repeats a key. Lines that are empty are passed over; names not known here are ignored.
"""

import json
from typing import NamedTuple
from urllib.parse import urlsplit

from simulator.errors import AddressUnreadable, KeysUnreadable

SCHEMES = {"mqtt": 1883, "mqtts": 8883, "http": 80, "https": 443}
FRAMES_PATH = "/v1/frames"
CARD_LIMIT = 10 ** 19


class TerminalKeys(NamedTuple):
    """What a terminal written by a stranger needs; `key` is 32 bytes, `card` a card number."""

    terminal_id: int
    epoch: int
    key: bytes
    mqtt_host: str
    mqtt_port: int
    mqtt_user: str
    mqtt_password: str
    card: int


class Address(NamedTuple):
    """A gateway's URL taken apart."""

    scheme: str
    host: str
    port: int
    url: str

    @property
    def over_http(self) -> bool:
        return self.scheme in ("http", "https")

    @property
    def tls(self) -> bool:
        return self.scheme in ("mqtts", "https")


def read_address(url: str) -> Address:
    wrong = AddressUnreadable(f"{url!r} is no gateway address. Nothing was sent: use "
                              "mqtt://host:port or https://host/v1/frames.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise wrong
    if parts.scheme.startswith("http") and "@" in parts.netloc:
        raise AddressUnreadable("the gateway's address names a user, and nobody logs in over "
                                "HTTP. Nothing was sent: leave the user out.")
    if parts.scheme.startswith("http") and parts.path != FRAMES_PATH:
        raise AddressUnreadable(f"{url!r} does not end in {FRAMES_PATH}. Nothing was sent: "
                                "give the full address of the gateway's frames.")
    return Address(parts.scheme, parts.hostname, port or SCHEMES[parts.scheme], url)


def read_keys(text: str) -> list[TerminalKeys]:
    """All terminals of a file's text, at least one."""
    found = [_terminal(number, line) for number, line in enumerate(text.splitlines(), 1)
             if line.strip()]
    if not found:
        raise KeysUnreadable("the file holds no terminal. Fill it with what "
                             "`pointwire terminal keys TERMINAL_ID --json` prints.")
    ids = [each.terminal_id for each in found]
    if len(set(ids)) < len(ids):
        raise KeysUnreadable("a terminal stands twice in the file. Two programs with one "
                             "identity would take each other's connection: remove one line.")
    return found


def _terminal(number: int, line: str) -> TerminalKeys:
    try:
        row = json.loads(line)
        made = TerminalKeys(int(row["terminal_id"]), int(row["epoch"]),
                            bytes.fromhex(row["key_hex"]), str(row["mqtt_host"]),
                            int(row["mqtt_port"]), str(row["mqtt_user"]),
                            str(row["mqtt_password"]), int(row["sample_card"]))
    except KeyError as error:
        raise _fault(number, f"lacks {error.args[0]}") from None
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _fault(number, "is not what `terminal keys --json` prints") from None
    if len(made.key) != 32:
        raise _fault(number, f"has a key of {len(made.key)} bytes instead of 32")
    if not (0 < made.terminal_id <= 0xFFFFFFFF and 0 < made.epoch <= 255
            and 0 < made.card < CARD_LIMIT):
        raise _fault(number, "has a number out of its range")
    return made


def _fault(number: int, wrong: str) -> KeysUnreadable:
    return KeysUnreadable(f"line {number} {wrong}. Nothing was sent: write the file again with "
                          "`pointwire terminal keys TERMINAL_ID --json`.")
