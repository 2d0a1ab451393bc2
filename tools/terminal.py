"""`pointwire terminal`: which terminals there are, and what a terminal of one's own needs.

For the demo and tests only: `keys` prints a secret. Law: it is refused wherever the settings say
production, before anything is read. The gateway is the one of the POINTWIRE_* variables when its
keys are set there, else the demo of this folder, whether or not it runs in another process.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from gateway import startup
from gateway.cli_words import TERMINAL
from gateway.keyring import Keyring
from gateway.registry import Registry, TerminalFacts
from gateway.settings import from_environment, need_mqtt
from protocol import keys as secrets_of
from tools import coffee_shop, state
from tools.errors import NotReady, Refused

ENVIRONMENT = "POINTWIRE_ENVIRONMENT"
RUNNING = "running"
NONE = "none"
COLUMNS = ("terminal_id", "label", "state", "epoch", "older_epochs", "handset")


class Place(NamedTuple):
    """A gateway's registry and where it is reached; `handsets`: terminals with a live one."""

    registry: Registry
    mqtt_host: str
    mqtt_port: int
    http_url: str
    handsets: frozenset[int]


def _refuse_production(environment: str | None, what: str) -> None:
    if environment == "production":
        raise Refused(f"{what} is for the demo and for tests, and {ENVIRONMENT} says "
                      "production. Nothing was read or shown: pointwire gateway terminal "
                      "provision writes a terminal's key file.")


def _demo_environment(where: state.Home) -> dict[str, str]:
    running = state.read_running(where)
    return state.environment(where, state.read_secrets(where),
                             f"{running.mqtt_host}:{running.mqtt_port}",
                             f"{running.http_host}:{running.http_port}")


def _live_handsets(where: state.Home, database_url: str) -> frozenset[int]:
    """Terminals of this gateway with a live handset; that it is the demo's tells its database,
    because the demo's variables may be set by hand."""
    if database_url != where.database_url or not state.is_running(where):
        return frozenset()
    return frozenset(state.read_running(where).handsets)


@contextmanager
def open_place(env: Mapping[str, str], secret: str | None = None) -> Iterator[Place]:
    """The gateway this command is about. `secret`: what it would show, refused in production."""
    if secret is not None:
        _refuse_production(env.get(ENVIRONMENT), secret)
    where = state.home(env)
    own = "POINTWIRE_MASTER_KEY" in env
    settings = from_environment(env if own else _demo_environment(where))
    if secret is not None:
        _refuse_production(settings.environment, secret)
    mqtt = need_mqtt(settings, "What a terminal is given has its broker's address in it: set it to"
                     " mqtt://user@host:port, with any port where only HTTP is used.")
    engine = startup.open_database(settings.database_url)
    try:
        keyring = Keyring(settings.master_key, settings.audit_key, settings.frame_key)
        yield Place(Registry(engine, keyring), mqtt.address.host, mqtt.address.port,
                    f"http://{settings.http_bind}/v1/frames",
                    _live_handsets(where, settings.database_url))
    finally:
        engine.dispose()


def list_row(place: Place, facts: TerminalFacts) -> dict[str, Any]:
    return {"terminal_id": facts.terminal_id, "label": facts.label, "state": facts.state,
            "epoch": facts.epoch, "older_epochs": list(facts.older_epochs),
            "shop_id": facts.shop_id, "merchant_id": facts.merchant_id,
            "handset": RUNNING if facts.terminal_id in place.handsets else NONE}


def keys_row(place: Place, terminal_id: int) -> dict[str, object]:
    """What a terminal written by a stranger needs; raises NotReady for an unknown terminal."""
    found = [each for each in place.registry.terminals() if each.terminal_id == terminal_id]
    if not found:
        raise NotReady(f"there is no terminal {terminal_id}. `pointwire terminal list` shows "
                       "those there are.")
    epoch = found[0].epoch
    key = place.registry.keyring.terminal_key(terminal_id, epoch)
    cards = coffee_shop.cards_of(place.registry)
    if not cards:
        raise NotReady("the registry has no card of a member yet: issue one first.")
    return {"terminal_id": terminal_id, "epoch": epoch, "key_hex": key.hex(),
            "mqtt_host": place.mqtt_host, "mqtt_port": place.mqtt_port,
            "mqtt_user": secrets_of.mqtt_user(terminal_id, epoch),
            "mqtt_password": secrets_of.mqtt_password(key),
            "http_url": place.http_url, "sample_card": str(cards[0])}


@click.group()
def terminal() -> None:
    """List terminals, of the demo or of the gateway that POINTWIRE_* variables name; keys, for
    the demo and tests."""


@terminal.command("list", short_help="All terminals, and whether a handset runs as one.")
@click.option("--json", "for_program", is_flag=True, help="A JSON list on standard output.")
def list_terminals(for_program: bool) -> None:
    """All terminals, and whether a handset of a running demo stands for one."""
    with open_place(os.environ) as place:
        rows = [list_row(place, each) for each in place.registry.terminals()]
    if for_program:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(*COLUMNS)
    for row in rows:
        older = " ".join(map(str, row["older_epochs"]))
        table.add_row(*(older if name == "older_epochs" else str(row[name]) for name in COLUMNS))
    Console().print(table)


@terminal.command("keys", short_help="Key, MQTT login, addresses and a card of one terminal.")
@click.argument("terminal_id", type=TERMINAL)
@click.option("--json", "for_program", is_flag=True, help="One JSON object on one line.")
def show_keys(terminal_id: int, for_program: bool) -> None:
    """What a terminal of your own needs to post taps: key, MQTT login, addresses, a card."""
    with open_place(os.environ, "terminal keys") as place:
        row = keys_row(place, terminal_id)
        taken = terminal_id in place.handsets
    if taken:
        click.echo(f"pointwire: a handset of the demo runs as terminal {terminal_id}; the two "
                   "would take each other's connection. `terminal list` shows a free one.",
                   err=True)
    if for_program:
        print(json.dumps(row))
        return
    width = max(map(len, row))
    for name, found in row.items():
        print(f"{name:{width}}  {found}")
