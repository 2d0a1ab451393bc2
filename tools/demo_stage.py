"""Before the curtain: everything on disk that the demo needs, made once and kept.

Law: the database appears under its name only when it is migrated and filled, so an interrupted
first run leaves nothing half done. A handset's flash is formatted when there is none, never
again: what it holds unsent from an earlier run is still owed.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from firmware import settings as handset_settings
from firmware.errors import FontError, SettingsError
from firmware.font import Font
from firmware.settings import Settings
from gateway import database, startup
from gateway.keyring import Keyring
from gateway.registry import Registry
from protocol import keys
from tools import coffee_shop, font, handset_flash, handset_program, state
from tools.errors import NotReady, PortTaken

HOST = "127.0.0.1"
MQTT_PORT = 21883
HTTP_PORT = 28080
OUTBOX_BLOCKS = 336
LANGUAGES = ("zh", "en")
MICROPYTHON = "micropython"
CPYTHON = "cpython"
# what turns the firmware's source into the staged program
MAKERS = ("tools/handset_program.py", "tools/handset_units.py", "tools/linker/*.py")


class Cast(NamedTuple):
    """Who plays: terminal ids with a handset, the stranger's, and the members' cards."""

    tills: tuple[int, ...]
    stranger: int
    cards: tuple[int, ...]


def keyring_of(kept: state.Secrets) -> Keyring:
    return Keyring(bytes.fromhex(kept.master_key), bytes.fromhex(kept.audit_key),
                   bytes.fromhex(kept.frame_key))


def open_ledger(where: state.Home, keyring: Keyring) -> Engine:
    """The demo's database, migrated; made and filled on the first run."""
    try:
        return _open_ledger(where, keyring)
    except DBAPIError as fault:
        raise _unusable(where, database.unreachable(fault)) from None


def _unusable(where: state.Home, why: str) -> NotReady:
    return NotReady(f"{where.database} cannot be used: {why}. Nothing was changed: bring a good "
                    f"copy back, or set {state.HOME_VARIABLE} to another folder.")


def _open_ledger(where: state.Home, keyring: Keyring) -> Engine:
    if not where.database.exists():
        fresh = where.folder / "making.sqlite3"
        for leftover in where.folder.glob("making.sqlite3*"):
            leftover.unlink()
        engine = database.open_engine(f"sqlite:///{fresh}")
        database.migrate(engine)
        coffee_shop.create(Registry(engine, keyring))
        engine.dispose()
        os.replace(fresh, where.database)
    engine = database.open_engine(where.database_url)
    version, newest = database.schema_version(engine)
    if version is None:
        raise _unusable(where, "it has no tables")
    if version != newest:
        startup.migrate(where.database_url, keyring.audit_key)
        Registry(engine, keyring).open_accounts()
    try:
        startup.check_keys(engine, keyring)
    except startup.StartupError as fault:
        raise NotReady(f"{where.folder / 'secrets.json'} and {where.database} do not belong "
                       f"together: {fault}") from None
    return engine


def cast(registry: Registry, tills: int) -> Cast:
    """Terminals for this run, made where they are missing."""
    coffee_shop.add_terminals(registry, tills)
    terminals = registry.terminals()
    stranger = coffee_shop.stranger_of(terminals)
    if stranger is None:
        raise NotReady("the registry has no terminal for a stranger. Nothing was started: "
                       "remove the demo's folder to begin anew.")
    chosen = [each.terminal_id for each in coffee_shop.tills_of(terminals)[:tills]]
    return Cast(tuple(chosen), stranger.terminal_id, coffee_shop.cards_of(registry))


def provision(where: state.Home, keyring: Keyring, terminal_id: int, mqtt_port: int,
              login: bool = False) -> Path:
    """A handset's folder: settings with this run's broker and whether somebody has to log in, and
    a flash if it has none.

    Settings that are there stay as they are but for these: a handset may have taken newer
    keys since, the gateway have retired the first, and taps wait that the older ones seal.
    """
    folder = where.handset(terminal_id)
    folder.mkdir(parents=True, exist_ok=True)
    made = _kept_settings(folder, keyring, terminal_id) or _first_settings(keyring, terminal_id)
    handset_settings.write(str(folder / "settings"),
                           made._replace(mqtt_host=HOST, mqtt_port=mqtt_port, login=int(login)))
    os.chmod(folder / "settings", 0o600)
    flash = folder / "outbox.flash"
    if not flash.exists():
        handset_flash.write_outbox(flash, OUTBOX_BLOCKS)
    return folder


def give_font(where: state.Home, tills: Sequence[int]) -> str | None:
    """The letters of both languages for these handsets; what to say where there are none."""
    made = where.folder / "font"
    try:
        try:
            Font(str(made)).close()
        except FontError:
            letters = font.ascii_letters() + font.gb2312(font.ALL)
            font.write(font.build(font.read_hex(font.UNIFONT), letters), made)
    except NotReady:
        return ("the handsets speak English: Chinese letters come with Debian's package unifont "
                "(apt-get install unifont)")
    for terminal_id in tills:
        link = where.handset(terminal_id) / "font"
        if not link.is_symlink():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(made, link.parent))
    return None


def _kept_settings(folder: Path, keyring: Keyring, terminal_id: int) -> Settings | None:
    """What the handset has; None where that is nothing, damaged, or of other secrets."""
    try:
        made = handset_settings.read(str(folder / "settings"))
    except SettingsError:
        return None
    fits = made.terminal_id == terminal_id and made.key == keyring.terminal_key(
        terminal_id, made.epoch)
    return made if fits else None


def _first_settings(keyring: Keyring, terminal_id: int) -> Settings:
    key = keyring.terminal_key(terminal_id, 1)
    return handset_settings.settings(
        terminal_id, 1, key, HOST, MQTT_PORT, keys.mqtt_user(terminal_id, 1),
        keys.mqtt_password(key), language=LANGUAGES[terminal_id % len(LANGUAGES)],
        outbox_blocks=OUTBOX_BLOCKS, shop=coffee_shop.NAME,
        utc_offset_min=coffee_shop.UTC_OFFSET_MIN)


class Program(NamedTuple):
    """How a handset is started: append its folder to `argv`."""

    runtime: str
    argv: Sequence[str]
    env: Mapping[str, str]


def choose_runtime(asked: str | None) -> tuple[str, str | None]:
    """(runtime, a line to say about it or None)."""
    if asked is not None:
        return asked, None
    if handset_program.micropython() is not None:
        return MICROPYTHON, None
    return CPYTHON, ("there is no MicroPython for this machine: CPython stands in for the "
                     "handsets' interpreter")


def program(where: state.Home, runtime: str) -> Program:
    """The handset program, compiled again only when its source changed."""
    env = {**os.environ, "PYTHONPATH": str(handset_program.ROOT)}
    if runtime == CPYTHON:
        return Program(runtime, handset_program.cpython_command(), env)
    stamp, now = where.folder / "program.json", _stamp(where)
    argv = _staged(stamp, now)
    if argv is None:
        stamp.unlink(missing_ok=True)
        argv = handset_program.stage(where.folder / "program")
        stamp.write_text(json.dumps({"of": now, "argv": argv}))
    return Program(runtime, argv, {**env, **handset_program.environment()})


def _staged(stamp: Path, now: str) -> list[str] | None:
    """The command of the program staged earlier, if it was made of what is here now."""
    try:
        found = json.loads(stamp.read_text())
        return found["argv"] if found["of"] == now else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stamp(where: state.Home) -> str:
    """Everything the staged program follows from, the interpreter it is for, and its place."""
    known = sha256(f"{handset_program.micropython()} {where.folder}".encode())
    makers = sorted(path.relative_to(handset_program.ROOT) for pattern in MAKERS
                    for path in handset_program.ROOT.glob(pattern))
    for path in [*handset_program.sources(), Path("firmware/main.py"), *makers]:
        known.update(str(path).encode() + (handset_program.ROOT / path).read_bytes())
    return known.hexdigest()


def choose_port(name: str, wanted: int | None, default: int, take_any: bool) -> int:
    """A port that is free now. `wanted` None: the default, or any free one if `take_any`."""
    if wanted == 0:
        return _free_port()
    port = default if wanted is None else wanted
    if _is_free(port):
        return port
    if wanted is None and take_any:
        return _free_port()
    raise PortTaken(f"port {port} on {HOST} is taken. Nothing was started: stop what listens "
                    f"there, or name another port with --{name}-port (0 takes any free one).")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
