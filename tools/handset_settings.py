"""A handset's settings, out of what the clerk and the technician were handed.

Three sources, each with its own: the key file is head office's (`pointwire gateway terminal
provision`, or `terminal keys --json` in the demo) and says which terminal this is; the settings
file (TOML or JSON) is the same for a shop or a fleet; `--set` is for this one handset. Law: no
secret is ever an argument, stands in an error, or is read out of a file that others can read. What
the handset would refuse, or pass over, is refused here with its name.
"""

import json
import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from firmware import settings as handset
from firmware.board import options, pins
from firmware.errors import SettingsError
from firmware.settings import Settings
from protocol import keys as derived
from protocol.limits import EPOCH_MAX, KEY_SIZE, TERMINAL_ID_MAX
from tools.errors import NotReady, Refused
from tools.handset_program import UNIX

KEYS_VARIABLE = "POINTWIRE_HANDSET_KEYS"
SECRET_VARIABLE = "POINTWIRE_HANDSET_"
SECRETS = ("apn_key", "sim_pin", "wifi_key")
# what the key file says, and what is the same on every handset
NOT_SET = ("terminal_id", "epoch", "key", "old_keys", "mqtt_user", "mqtt_password", "ca_file")
CA_PATH = "/ca.der"
KINDS = {name: kind for name, kind, _ in (*handset.FIELDS, *options.FIELDS)
         if name not in NOT_SET}
NOTHING = "Nothing was written."
BELOW_0 = ("utc_offset_min",)  # west of Greenwich; all others count something
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PORTS = {row.name: len(row.ports) for row in pins.BOARDS}

Values = dict[str, int | str]


class Identity(NamedTuple):
    """Which terminal, its newest key and older ones that are still trusted, the newest first;
    `broker`: as the key file says, or None."""

    terminal_id: int
    epoch: int
    key: bytes
    older: tuple[tuple[int, bytes], ...] = ()
    broker: tuple[str, int] | None = None

    def __repr__(self) -> str:
        return f"Identity({self.terminal_id}, {self.epoch}, ...)"


def read_keys(path: Path | None, env: Mapping[str, str]) -> Identity:
    """The key file, or POINTWIRE_HANDSET_KEYS with what would stand in it."""
    if path is None:
        if KEYS_VARIABLE not in env:
            raise Refused(f"no key for the handset. {NOTHING} Name head office's file with --keys "
                          f"(pointwire gateway terminal provision), or put its content into "
                          f"{KEYS_VARIABLE}.")
        return identity(env[KEYS_VARIABLE], KEYS_VARIABLE)
    need_private(path, "the key file")
    return identity(_text(path), str(path))


def need_private(path: Path, what: str) -> None:
    """Refused where others may read the file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise NotReady(f"{path}: {error.strerror}. {NOTHING} Name {what}.") from None
    if os.name == "posix" and mode & 0o077:
        raise Refused(f"{path} has a secret in it, and others can read it (mode {mode:04o}). "
                      f"{NOTHING} chmod 600 it; whoever could read it may know the secret.")


def identity(text: str, source: str) -> Identity:
    """What stands in a key file; the error names what is wrong, never what stands there."""
    def wrong(what: str) -> Refused:
        return Refused(f"{source}: {what}. {NOTHING} Ask head office for the file again "
                       "(pointwire gateway terminal provision).")

    def number(said: Mapping[str, Any], name: str, most: int) -> int:
        found = said.get(name)
        if type(found) is not int or not 1 <= found <= most:
            raise wrong(f"{name} is missing, or is not 1 to {most}")
        return found

    def key_of(said: Mapping[str, Any]) -> bytes:
        found = said.get("key_hex")
        if not isinstance(found, str) or not re.fullmatch(f"[0-9a-fA-F]{{{KEY_SIZE * 2}}}", found):
            raise wrong(f"key_hex is missing, or is not {KEY_SIZE * 2} hex digits")
        return bytes.fromhex(found)

    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise wrong("not a key file: it must be one JSON object")
    epoch = number(said, "epoch", EPOCH_MAX)
    older = said.get("older", [])
    if not isinstance(older, list) or not all(isinstance(each, dict) for each in older):
        raise wrong("older is no list of keys")
    broker = None
    if "mqtt_host" in said and "mqtt_port" in said:
        broker = (str(said["mqtt_host"]), number(said, "mqtt_port", 65535))
    return Identity(number(said, "terminal_id", TERMINAL_ID_MAX), epoch, key_of(said),
                    tuple((number(each, "epoch", epoch - 1), key_of(each)) for each in older),
                    broker)


def read_values(path: Path) -> Values:
    """A settings file of the clerk's: TOML, or JSON by its name."""
    text = _text(path)
    try:
        said = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # where it is, not what stands there: it may hold a secret
        where = re.search(r"\(?(at )?line \d+(,)? column \d+", str(error))
        raise Refused(f"{path} is no {'JSON' if path.suffix == '.json' else 'TOML'} "
                      f"({where[0].strip('(') if where else 'it cannot be read'}). "
                      f"{NOTHING}") from None
    if not isinstance(said, dict):
        raise Refused(f"{path} has no names with values. {NOTHING}")
    if any(name in SECRETS for name in said):
        need_private(path, "the settings file")
    return {name: _value(name, found, str(path)) for name, found in said.items()}


def read_pairs(pairs: Iterable[str]) -> Values:
    """NAME=VALUE as typed; a secret is refused, for a command line is seen by everybody."""
    made: Values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise Refused(f"--set wants NAME=VALUE. {NOTHING} It can set: {', '.join(KINDS)}.")
        if name in SECRETS:
            raise Refused(f"--set takes no {name}: a command line is seen by everybody. {NOTHING} "
                          f"Put it into {_variable(name)}, or into a settings file of mode 0600.")
        made[name] = _value(name, text, "--set")
    return made


def secrets_of(env: Mapping[str, str]) -> Values:
    """Secrets that stand in the environment."""
    return {name: _value(name, env[_variable(name)], _variable(name))
            for name in SECRETS if _variable(name) in env}


def settings_of(who: Identity, values: Values, board: str) -> Settings:
    """What goes on flash, checked as the handset itself checks it, and for its board."""
    said = dict(values)
    host, port = who.broker or (None, None)
    host, port = said.pop("mqtt_host", host), said.pop("mqtt_port", port)
    if host is None or port is None:
        raise Refused(f"the broker is not named. {NOTHING} Say --broker HOST:PORT, or mqtt_host "
                      "and mqtt_port in the settings file.")
    if not _HOST.fullmatch(str(host)):
        raise Refused("mqtt_host is no name or address of a host (no scheme, no port, no "
                      f"spaces). {NOTHING}")
    own = {name: said.pop(name) for name, _, _ in handset.FIELDS if name in said}
    others = tuple((name, str(found)) for name, found in said.items())
    if board != UNIX:
        others += (("ca_file", CA_PATH),)
    try:
        made = handset.settings(
            who.terminal_id, who.epoch, who.key, str(host), int(port),
            derived.mqtt_user(who.terminal_id, who.epoch), derived.mqtt_password(who.key),
            **own, old_keys=who.older, others=others)  # pyright: ignore[reportArgumentType]
        handset.encode(made)
        if board != UNIX:
            _check_parts(options.options(others), board)
    except SettingsError as error:
        rule = str(error).removeprefix("settings: ").partition(";")[0]
        raise Refused(f"{rule}. {NOTHING}") from None
    return made


def _check_parts(made: Any, board: str) -> None:
    named = options.parts(made)
    if len(named) > _PORTS[board] or len(set(named)) < len(named):
        raise SettingsError(f"parts names {len(named)}, {board} has room for {_PORTS[board]}, "
                            "each once")


def has_tls(made: Settings) -> bool:
    """Whether the handset will want a CA."""
    return bool(options.options(made.others).tls)


def _value(name: str, found: Any, source: str) -> int | str:
    if name not in KINDS:
        raise Refused(f"{source}: {_why_not(name) if name in NOT_SET else _unknown(name)} "
                      f"{NOTHING}")
    if KINDS[name] == "int":
        if isinstance(found, str) and re.fullmatch("-?[0-9]{1,9}", found):
            found = int(found)
        if isinstance(found, int) and (found >= 0 or name in BELOW_0):
            return int(found)
        raise Refused(f"{source}: {name} must be a whole number. {NOTHING}")
    if not isinstance(found, str):
        raise Refused(f"{source}: {name} must be text, in quotes. {NOTHING}")
    # a printer would take them for orders, and half a letter cannot be written
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in found):
        raise Refused(f"{source}: {name} holds a line break or what is no letter (is it UTF-8?). "
                      f"{NOTHING}")
    return found


def _unknown(name: str) -> str:
    return f"there is no setting {name[:40]!r}; there are {', '.join(KINDS)}."


def _why_not(name: str) -> str:
    return (f"{name} is not set by hand: the CA goes to its place on flash by --ca."
            if name == "ca_file" else f"{name} comes out of the key file.")


def _variable(name: str) -> str:
    return SECRET_VARIABLE + name.upper()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotReady(f"{path}: {error.strerror}. {NOTHING}") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is no text. {NOTHING}") from None
