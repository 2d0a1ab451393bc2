"""The demo's folder: its secrets, its database, and what is running in it now.

    var/demo/secrets.json      generated once, mode 0600; losing it makes the database worthless
    var/demo/pointwire.sqlite3 the ledger, kept between runs
    var/demo/environment       the gateway's variables, for `pointwire gateway audit` by hand; 0600
    var/demo/running.json      where the demo listens and which handsets it started
    var/demo/handsets/N/       the flash and settings of terminal N
    var/demo/logs/             one log a process
    var/demo/lock              held as long as a demo runs here

Law: one demo a folder. Whether one runs is told by the lock, which the system releases when its
holder dies, never by a process number in a file.
"""

import fcntl
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.errors import Busy, NotReady, Unwritable

HOME_VARIABLE = "POINTWIRE_DEMO_HOME"
HOME_DEFAULT = "var/demo"
GATEWAY_USER = "gateway"
KEY_SIZE = 32
BRING_BACK = ("Nothing was changed: bring the file back, or remove the whole folder to begin "
              "anew.")


@dataclass(frozen=True)
class Secrets:
    """32-byte keys in hex, and the password of the gateway's MQTT user."""

    master_key: str = field(repr=False)
    audit_key: str = field(repr=False)
    frame_key: str = field(repr=False)
    mqtt_password: str = field(repr=False)


@dataclass(frozen=True)
class Running:
    """Where the demo listens, its handsets (terminal ids) and its processes (name to pid)."""

    mqtt_host: str
    mqtt_port: int
    http_host: str
    http_port: int
    stranger: int
    handsets: tuple[int, ...]
    processes: Mapping[str, int]

    @property
    def http_url(self) -> str:
        return f"http://{self.http_host}:{self.http_port}"


@dataclass(frozen=True)
class Home:
    """Paths of one demo folder; `folder` need not exist yet."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "pointwire.sqlite3"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.database}"

    @property
    def environment(self) -> Path:
        return self.folder / "environment"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def handset(self, terminal_id: int) -> Path:
        return self.folder / "handsets" / str(terminal_id)


def home(env: Mapping[str, str]) -> Home:
    """The demo's folder: POINTWIRE_DEMO_HOME, else var/demo under the current folder."""
    return Home(Path(env.get(HOME_VARIABLE) or HOME_DEFAULT).absolute())


def make_folders(where: Home) -> None:
    try:
        for folder in (where.folder, where.logs, where.folder / "handsets"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(f"the folder {error.filename} cannot be made ({error.strerror}). "
                         f"Nothing was started: make room for it, or set {HOME_VARIABLE} to "
                         "another folder.") from None
    if not os.access(where.folder, os.W_OK | os.X_OK):
        raise Unwritable(f"the folder {where.folder} cannot be written. Nothing was started: "
                         f"make it writable, or set {HOME_VARIABLE} to another folder.")


class Lock:
    """Holds the demo's folder until `release` or the end of the process."""

    def __init__(self, where: Home) -> None:
        path = where.folder / "lock"
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unwritable(f"{path} cannot be written ({error.strerror}). Nothing was started: "
                             f"remove it, or set {HOME_VARIABLE} to another folder.") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise Busy(f"another demo runs in {where.folder}. Stop it, or set {HOME_VARIABLE} "
                       "to another folder.") from None

    def release(self) -> None:
        os.close(self._fd)


def is_running(where: Home) -> bool:
    try:
        fd = os.open(where.folder / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _write(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only."""
    beside = path.with_suffix(".new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise NotReady(f"{path} does not exist: no demo has run here yet. Start one with "
                       "`pointwire demo`; for a gateway of your own set POINTWIRE_MASTER_KEY and "
                       "its other variables.") from None
    except (OSError, ValueError) as error:
        raise NotReady(f"{path} cannot be read ({error}). {BRING_BACK}") from None
    if not isinstance(found, dict):
        raise NotReady(f"{path} is not what the demo wrote. {BRING_BACK}")
    return found


def read_secrets(where: Home) -> Secrets:
    path = where.folder / "secrets.json"
    try:
        found = Secrets(**_read(path))
        keys = {bytes.fromhex(each) for each in (found.master_key, found.audit_key,
                                                 found.frame_key)}
        whole = all(len(key) == KEY_SIZE for key in keys) and len(keys) == 3
        if whole and isinstance(found.mqtt_password, str):
            return found
    except (TypeError, ValueError):
        pass
    raise NotReady(f"{path} lacks a secret, or has one that is none. {BRING_BACK}")


def keep_secrets(where: Home) -> Secrets:
    """The secrets of this folder, made on the first run. Never made beside an old database."""
    path = where.folder / "secrets.json"
    if path.exists():
        return read_secrets(where)
    if where.database.exists():
        raise NotReady(f"{where.database} exists but {path} is gone: its keys are lost with it. "
                       "Nothing was changed: bring the file back, or remove the folder.")
    made = Secrets(secrets.token_hex(32), secrets.token_hex(32), secrets.token_hex(32),
                   secrets.token_urlsafe(24))
    _write(path, json.dumps(asdict(made)))
    return made


def write_running(where: Home, running: Running) -> None:
    _write(where.folder / "running.json", json.dumps(asdict(running)))


def read_running(where: Home) -> Running:
    """What the last demo of this folder wrote, whether or not it still runs."""
    found = _read(where.folder / "running.json")
    try:
        return Running(**{**found, "handsets": tuple(found["handsets"])})
    except (TypeError, KeyError):
        raise NotReady(f"{where.folder}/running.json is from another version. Start the demo "
                       "again.") from None


def write_environment(where: Home, variables: Mapping[str, str]) -> None:
    """For a shell: `set -a; . var/demo/environment`, and the gateway's commands work here."""
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    _write(where.environment, "".join(lines))


def environment(where: Home, kept: Secrets, mqtt: str, http_bind: str) -> dict[str, str]:
    """The gateway's variables for a process of this demo; `mqtt` is host:port."""
    return {
        "POINTWIRE_DATABASE_URL": where.database_url,
        "POINTWIRE_MASTER_KEY": kept.master_key,
        "POINTWIRE_AUDIT_KEY": kept.audit_key,
        "POINTWIRE_FRAME_KEY": kept.frame_key,
        "POINTWIRE_ENVIRONMENT": "demo",
        "POINTWIRE_MQTT_URL": f"mqtt://{GATEWAY_USER}@{mqtt}",
        "POINTWIRE_MQTT_PASSWORD": kept.mqtt_password,
        "POINTWIRE_HTTP_BIND": http_bind,
        "POINTWIRE_LOG_FORMAT": "json",
    }
