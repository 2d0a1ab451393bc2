"""What the gateway is told from outside: environment variables, read once, checked at once.

Law: a process starts with settings that are complete and plausible, or not at all. An error names
the variable, what is wrong with it and what to do; it never repeats a secret.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from gateway.errors import GatewayError

ENVIRONMENTS = ("production", "demo", "test")
DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgres", "postgresql+psycopg")
HALTS = ("before_commit", "before_puback", "before_reply")
BATCH_MAX_LIMIT = 1000
PREFIX = "POINTWIRE_"


class SettingsError(GatewayError):
    """A variable is missing or wrong: nothing was started, nothing was changed."""

    code = "settings"


@dataclass(frozen=True)
class Address:
    """Where to listen or connect: `host` without brackets, `port` 0 to 65535 (0: any free)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Mqtt:
    """The worker's way to the broker. `version` is "3.1.1" or "5"; `ca_file` only with TLS."""

    address: Address
    tls: bool
    ca_file: str | None
    user: str | None
    password: str | None = field(repr=False)
    version: str
    shared: bool
    client_id: str


@dataclass(frozen=True)
class Settings:
    """All of it. The three keys are 32 bytes each and differ; `mqtt` is None when unset."""

    database_url: str = field(repr=False)
    master_key: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)
    frame_key: bytes = field(repr=False)
    environment: str
    mqtt: Mqtt | None
    http_bind: Address
    metrics_bind: Address | None
    batch_max: int
    log_format: str
    root_file: str | None
    halt: str | None


# name without prefix, default as text (None: required), meaning; the README's table is this one
VARIABLES = (
    ("DATABASE_URL", "sqlite:///var/pointwire.sqlite3", "SQLite file or postgresql://user@host/db"),
    ("MASTER_KEY", None, "terminal keys derive from it; 64 hex digits"),
    ("AUDIT_KEY", None, "seals chains and heads; 64 hex digits, kept outside the database"),
    ("FRAME_KEY", None, "encrypts stored frames; 64 hex digits"),
    ("ENVIRONMENT", "production", "production, demo or test"),
    ("MQTT_URL", "", "mqtt://user@host:port or mqtts://...; the worker needs it"),
    ("MQTT_PASSWORD", "", "password of the worker's MQTT user"),
    ("MQTT_CA_FILE", "", "CA certificates for mqtts:// when the system's do not fit"),
    ("MQTT_VERSION", "3.1.1", "3.1.1 or 5"),
    ("MQTT_SHARED", "0", "1: shared subscription, for several workers (needs MQTT_VERSION 5)"),
    ("MQTT_CLIENT_ID", "pointwire-worker", "persistent session of a worker; each its own"),
    ("HTTP_BIND", "127.0.0.1:8080", "where web listens; port 0 takes a free one"),
    ("METRICS_BIND", "", "where worker or jobs show metrics, each its own port; empty: nowhere"),
    ("BATCH_MAX", "200", f"most frames in one commit, 1 to {BATCH_MAX_LIMIT}"),
    ("LOG_FORMAT", "json", "json or text"),
    ("ROOT_FILE", "", "file or folder for the daily roots, kept elsewhere; empty: none"),
    ("TEST_HALT", "", "test only: the named point at which a worker stands still"),
)


def _fault(name: str, wrong: str, todo: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{name} {wrong}. {todo}")


def _database(url: str) -> str:
    """`url` if it is of a kind that is supported; nothing behind its kind is ever repeated."""
    kind, colon, _ = url.partition("://")
    if kind not in DATABASES:
        raise _fault("DATABASE_URL", f"names a database of kind {kind!r}" if colon else
                     "is no URL", "Set it to sqlite:///FILE or postgresql://user@host/name.")
    return url


def _choice(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise _fault(name, f"is {text!r}", f"Set it to one of: {', '.join(allowed)}.")
    return text


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise _fault(name, f"is {text!r}", f"Set it to a whole number from {low} to {high}.")
    return int(text)


def _key(name: str, text: str) -> bytes:
    todo = "Make one with: openssl rand -hex 32, and keep it outside the database."
    if not text:
        raise _fault(name, "is not set", todo)
    if len(text) != 64:
        raise _fault(name, f"has {len(text)} characters instead of 64 hex digits", todo)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise _fault(name, "is not hexadecimal", todo) from None


def _differ(keys: Mapping[str, bytes]) -> None:
    seen: dict[bytes, str] = {}
    for name, key in keys.items():
        if key in seen:
            raise _fault(name, f"equals {PREFIX}{seen[key]}",
                         "Each secret guards something else: make a separate one for each.")
        seen[key] = name


def _parts(name: str, text: str, todo: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        # not repeated: it may hold a password
        raise _fault(name, "cannot be read", todo) from None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        return -1


def _bind(name: str, text: str) -> Address:
    todo = "Set it to host:port, for instance 127.0.0.1:8080."
    parts = _parts(name, f"//{text}", todo)
    port = _port(parts)
    bare = parts.netloc == text and "@" not in text
    if not bare or not parts.hostname or port is None or port < 0:
        raise _fault(name, f"is {text!r}", todo)
    return Address(parts.hostname, port)


def _broker(text: str) -> tuple[Address, bool, str | None]:
    """(address, tls, user) of an MQTT URL; the message never shows a password in it."""
    todo = "Set it to mqtt://user@host:port (or mqtts:// for TLS)."
    parts = _parts("MQTT_URL", text, todo)
    if parts.password is not None:
        raise _fault("MQTT_URL", "holds a password, which process lists and logs would show",
                     f"Put it into {PREFIX}MQTT_PASSWORD.")
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path not in ("", "/"):
        raise _fault("MQTT_URL", f"is {text!r}", todo)
    tls = parts.scheme == "mqtts"
    port = _port(parts)
    if port is None:
        port = 8883 if tls else 1883
    if port < 1:
        raise _fault("MQTT_URL", f"has no port from 1 to 65535: {text!r}", todo)
    return Address(parts.hostname, port), tls, parts.username


CLIENT_ID_RULE = ("Name the worker with 1 to 64 letters and digits; a bare number would be a"
                  " terminal's.")


def is_client_id(text: str) -> bool:
    """Whether a worker may have this client id."""
    return (0 < len(text) <= 64 and text.isprintable() and text == text.strip()
            and not text.isdigit())


def _mqtt(read: Mapping[str, str]) -> Mqtt | None:
    version = _choice("MQTT_VERSION", read["MQTT_VERSION"], ("3.1.1", "5"))
    shared = _choice("MQTT_SHARED", read["MQTT_SHARED"], ("0", "1")) == "1"
    if shared and version != "5":
        raise _fault("MQTT_SHARED", f"is 1 while {PREFIX}MQTT_VERSION is {version}",
                     "Shared subscriptions need MQTT 5: set the version to 5, or this to 0.")
    client_id = read["MQTT_CLIENT_ID"]
    if not is_client_id(client_id):
        raise _fault("MQTT_CLIENT_ID", f"is {client_id!r}", CLIENT_ID_RULE)
    if not read["MQTT_URL"]:
        return None
    address, tls, user = _broker(read["MQTT_URL"])
    ca_file = read["MQTT_CA_FILE"] or None
    if ca_file and not tls:
        raise _fault("MQTT_CA_FILE", "is set while the URL says mqtt://",
                     f"Write mqtts:// in {PREFIX}MQTT_URL, or remove it.")
    if ca_file:
        _need_certificates(ca_file)
    return Mqtt(address, tls, ca_file, user, read["MQTT_PASSWORD"] or None, version, shared,
                client_id)


def _need_certificates(ca_file: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca_file)
    except OSError:
        raise _fault("MQTT_CA_FILE", f"names {ca_file!r}, which holds no readable certificate",
                     "Name a readable file of PEM certificates.") from None


def _halt(text: str, environment: str) -> str | None:
    if not text:
        return None
    if environment != "test":
        raise _fault("TEST_HALT", f"is set while {PREFIX}ENVIRONMENT is {environment}",
                     "It stops a worker on purpose and is for tests only: remove it.")
    return _choice("TEST_HALT", text, HALTS)


def from_environment(env: Mapping[str, str]) -> Settings:
    """Settings out of `env` (os.environ, or a test's own); raises SettingsError."""
    read = {name: env.get(PREFIX + name, "").strip() or default or ""
            for name, default, _ in VARIABLES}
    keys = {name: _key(name, read[name]) for name in ("MASTER_KEY", "AUDIT_KEY", "FRAME_KEY")}
    _differ(keys)
    environment = _choice("ENVIRONMENT", read["ENVIRONMENT"], ENVIRONMENTS)
    metrics = read["METRICS_BIND"]
    return Settings(
        database_url=_database(read["DATABASE_URL"]),
        master_key=keys["MASTER_KEY"], audit_key=keys["AUDIT_KEY"], frame_key=keys["FRAME_KEY"],
        environment=environment,
        mqtt=_mqtt(read),
        http_bind=_bind("HTTP_BIND", read["HTTP_BIND"]),
        metrics_bind=_bind("METRICS_BIND", metrics) if metrics else None,
        batch_max=_number("BATCH_MAX", read["BATCH_MAX"], 1, BATCH_MAX_LIMIT),
        log_format=_choice("LOG_FORMAT", read["LOG_FORMAT"], ("json", "text")),
        root_file=read["ROOT_FILE"] or None,
        halt=_halt(read["TEST_HALT"], environment),
    )


def need_root_file(settings: Settings, place: str | None) -> str:
    """Where roots are: `place`, or what the settings say; raises SettingsError."""
    if not (place or settings.root_file):
        raise _fault("ROOT_FILE", "is not set", "Nothing was done. Name a file or a folder that"
                     " is kept elsewhere than the database, there or on the command line.")
    return place or settings.root_file or ""


WORKER_TODO = "The worker takes frames from a broker: set it to mqtt://user@host:port."


def need_mqtt(settings: Settings, todo: str = WORKER_TODO) -> Mqtt:
    """The broker's settings, for a process that cannot work without; raises SettingsError, which
    says `todo`: what they are needed for and what to do."""
    if settings.mqtt is None:
        raise _fault("MQTT_URL", "is not set", todo)
    return settings.mqtt


DEMO_HOME = PREFIX + "DEMO_HOME"  # the demo's, in whose shell our commands are used by hand


def unknown(env: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that nothing reads: most likely misspelt."""
    known = {PREFIX + name for name, _, _ in VARIABLES} | {DEMO_HOME}
    return sorted(name for name in env if name.startswith(PREFIX) and name not in known)
