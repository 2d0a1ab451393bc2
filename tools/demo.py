"""`pointwire demo`: handsets, broker, gateway and ledger on this machine, in one command.

Law: with --exit the exit code is 0 only if every tap was posted exactly once, found by comparing
the handsets' outboxes with the ledger (tools/tally.py); everything else is said in one line with
an exit code of tools/errors.py. Standard output is for results, standard error for people.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import click
from rich.console import Console
from sqlalchemy import Engine

from gateway.registry import Registry
from tools import coffee_shop, demo_stage, state, tally
from tools.demo_run import Ports, Troupe, tapped
from tools.demo_view import View, where_it_listens
from tools.errors import EXIT_BAD_RESULT, EXIT_STOPPED, PortTaken
from tools.page import drawer, serving
from tools.page.street import Street

HANDSETS = 4
TAPS = 20
PAUSE_MS = 500
LOGINS = " or ".join(f"{each.number} # {each.pin} #" for each in coffee_shop.OPERATORS)


@dataclass(frozen=True)
class Asked:
    """The command line."""

    terminals: int
    taps: int | None
    leave: bool
    login: bool
    runtime: str | None
    for_program: bool
    mqtt_port: int | None
    http_port: int | None
    pace: int | None
    page: int | None
    no_page: bool

    @property
    def sales(self) -> int:
        """What the demo taps by itself."""
        if self.taps is not None:
            return self.taps
        return 0 if self.login else TAPS

    @property
    def with_page(self) -> bool:
        """Unless told otherwise: as long as somebody may look at it."""
        return not self.no_page and (self.page is not None or not self.leave)

    @property
    def pause_ms(self) -> int:
        """Between two taps of one handset."""
        if self.pace is not None:
            return self.pace
        return 0 if self.leave else PAUSE_MS


@dataclass(frozen=True)
class Result:
    """What `--json` prints."""

    tally: tally.Tally
    balances: list[dict[str, object]]
    seconds: float
    runtime: str
    micropython_version: str | None
    terminals: int
    restarts: int

    def as_json(self) -> str:
        row: dict[str, object] = dict(self.tally._asdict())
        row |= {"balances": self.balances, "seconds": round(self.seconds, 2),
                "runtime": self.runtime, "micropython_version": self.micropython_version,
                "terminals": self.terminals, "restarts": self.restarts}
        return json.dumps(row, ensure_ascii=False)

    def __str__(self) -> str:
        found = self.tally
        return (f"{found.taps} taps: {found.posted} posted exactly once, {found.duplicates} "
                f"twice, {found.rejected} refused, {found.missing} missing, "
                f"{found.differing} differing; {self.seconds:.1f} s on {self.runtime}")


@click.command()
@click.option("--terminals", type=click.IntRange(1, 100), default=HANDSETS, show_default=True,
              help="Handsets; one more terminal is kept for a stranger.")
@click.option("--taps", type=click.IntRange(0, 1_000_000),
              help=f"Sales in all, spread over the handsets; default {TAPS}, with --login none.")
@click.option("--exit", "leave", is_flag=True, help="End after the taps, with a verdict.")
@click.option("--login", is_flag=True,
              help=f"Nobody sells before an operator logged in, with {LOGINS}: number # PIN #. "
                   "The demo taps nothing by itself then.")
@click.option("--runtime", type=click.Choice([demo_stage.MICROPYTHON, demo_stage.CPYTHON]),
              help="Interpreter of the handsets; default: MicroPython where there is one.")
@click.option("--json", "for_program", is_flag=True, help="One JSON object on standard output.")
@click.option("--pace", type=click.IntRange(0, 3_600_000), metavar="MS",
              help=f"Between two taps of a handset; default {PAUSE_MS}, with --exit 0.")
@click.option("--mqtt-port", type=click.IntRange(0, 65535),
              help=f"Default {demo_stage.MQTT_PORT}; 0 takes any free one, as --exit does when "
                   "the default is taken.")
@click.option("--http-port", type=click.IntRange(0, 65535),
              help=f"Default {demo_stage.HTTP_PORT}; 0 takes any free one.")
@click.option("--page", type=click.IntRange(0, 65535), metavar="PORT",
              help=f"Where the handsets are shown in a browser; default {serving.PORT}, or any "
                   "free one; none with --exit.")
@click.option("--no-page", is_flag=True, help="No handsets in a browser.")
def demo(**options: object) -> None:
    """Watch handsets send taps over MQTT to the gateway, and points and balances come back."""
    asked = Asked(**options)  # type: ignore[arg-type]
    if asked.login and (asked.taps or asked.leave):
        raise click.UsageError(
            "with --login people tap, not the demo: leave out --taps and --exit")
    view = View(Console(stderr=True))
    try:
        result = asyncio.run(_until_stopped(asked, view))
    except asyncio.CancelledError:
        view.tell("stopped; what was posted stays posted")
        sys.exit(EXIT_STOPPED if asked.leave else 0)
    if asked.leave and not (result.tally.exact and result.tally.taps >= asked.sales):
        sys.exit(EXIT_BAD_RESULT)


async def _until_stopped(asked: Asked, view: View) -> Result:
    """Ctrl-C and SIGTERM end it in order, at any moment."""
    playing = asyncio.ensure_future(_demo(asked, view))
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, playing.cancel)
    return await playing


async def _demo(asked: Asked, view: View) -> Result:
    began = time.monotonic()
    where = state.home(os.environ)
    state.make_folders(where)
    lock = state.Lock(where)
    try:
        kept = state.keep_secrets(where)
        ports = _ports(asked, view)
        keyring = demo_stage.keyring_of(kept)
        engine = demo_stage.open_ledger(where, keyring)
        try:
            registry = Registry(engine, keyring, actor="demo")
            if asked.login:
                coffee_shop.add_operators(registry)
                view.tell(f"at each handset somebody has to log in first: {LOGINS}")
            with _page(asked, view, registry) as street:
                async with _troupe(asked, view, where, kept, registry, ports, street) as troupe:
                    result = await _play(asked, view, troupe, engine, registry, began)
                    if street is not None:
                        street.open()
                    if not asked.leave:
                        await _stay(view, troupe, where)
                    return result
        finally:
            engine.dispose()
    finally:
        lock.release()


def _ports(asked: Asked, view: View) -> Ports:
    ports = Ports(
        demo_stage.choose_port("mqtt", asked.mqtt_port, demo_stage.MQTT_PORT, asked.leave),
        demo_stage.choose_port("http", asked.http_port, demo_stage.HTTP_PORT, asked.leave))
    if ports.mqtt == ports.http:
        raise PortTaken(f"port {ports.mqtt} was named for both MQTT and HTTP. Nothing was "
                        "started: name two different ports.")
    if asked.mqtt_port is None and ports.mqtt != demo_stage.MQTT_PORT:
        view.tell(f"port {demo_stage.MQTT_PORT} is taken, MQTT on {ports.mqtt} instead")
    if asked.http_port is None and ports.http != demo_stage.HTTP_PORT:
        view.tell(f"port {demo_stage.HTTP_PORT} is taken, HTTP on {ports.http} instead")
    return ports


@contextlib.contextmanager
def _page(asked: Asked, view: View, registry: Registry) -> Iterator[Street | None]:
    """The handsets in a browser, if anybody is to see them."""
    if not asked.with_page:
        yield None
        return
    operators = coffee_shop.OPERATORS if asked.login else ()
    street = Street(drawer.cards(registry), drawer.clock, operators)
    with serving.listen(asked.page) as listening, serving.serving(street, listening) as address:
        view.tell(f"the handsets in a browser: {address}")
        yield street


@contextlib.asynccontextmanager
async def _troupe(asked: Asked, view: View, where: state.Home, kept: state.Secrets,
                  registry: Registry, ports: Ports, street: Street | None,
                  ) -> AsyncIterator[Troupe]:
    """All processes, up and connected; down again at the end, whatever happened."""
    runtime, note = demo_stage.choose_runtime(asked.runtime)
    if note:
        view.tell(note)
    cast = demo_stage.cast(registry, asked.terminals)
    environment = state.environment(where, kept, f"{demo_stage.HOST}:{ports.mqtt}",
                                    f"{demo_stage.HOST}:{ports.http}")
    state.write_environment(where, environment)
    keyring = registry.keyring
    folders = {each: str(demo_stage.provision(where, keyring, each, ports.mqtt, asked.login))
               for each in cast.tills}
    if note := demo_stage.give_font(where, cast.tills):
        view.tell(note)
    program = demo_stage.program(where, runtime)
    troupe = Troupe(where, environment, program, cast, ports, view.tell, view.show)
    view.tell(f"{asked.terminals} handsets on {runtime}, broker on {ports.mqtt}, "
              f"web on {ports.http}")
    try:
        troupe.on_change = lambda: state.write_running(where, troupe.running())
        if street is not None:
            troupe.on_started, troupe.on_said = street.started, street.heard
        await troupe.start(folders)
        yield troupe
    finally:
        await troupe.stop()


async def _play(asked: Asked, view: View, troupe: Troupe, engine: Engine, registry: Registry,
                began: float) -> Result:
    """The taps, and the verdict on them."""
    before = {(each.terminal_id, each.journal, each.trace) for each in await troupe.outboxes()}
    receipt = tally.last_receipt(engine)
    with view:
        await troupe.tap(asked.sales, random.Random(), asked.pause_ms / 1000)
        entries = tapped(await troupe.drained(), before)
    ledger = [each for each in tally.read_entries(engine, list(troupe.handsets), receipt)
              if each.key not in before]
    runtimes = {each.runtime for each in troupe.handsets.values()}
    name, _, version = min(runtimes).partition(" ")
    result = Result(tally.compare(entries, ledger), _balances(registry),
                    time.monotonic() - began, name,
                    version if name == demo_stage.MICROPYTHON else None,
                    len(troupe.handsets), troupe.restarts)
    if asked.for_program:
        print(result.as_json(), flush=True)
    else:
        view.tell(str(result))
    return result


def _balances(registry: Registry) -> list[dict[str, object]]:
    """Every member with points: masked name, last 4 of the card, tier, points."""
    return [{"member": each.masked_name, "card": f"****{each.cards[0][-4:]}" if each.cards else "",
             "tier": each.tier, "points": each.available - each.debt}
            for each in registry.members() if each.available or each.debt]


async def _stay(view: View, troupe: Troupe, where: state.Home) -> None:
    """Up until somebody ends it, or a process is given up."""
    for line in where_it_listens(troupe.running(), where):
        view.tell(line)
    view.tell("Ctrl-C ends it; the ledger stays")
    await asyncio.wait([each.failed for each in troupe.processes],
                       return_when=asyncio.FIRST_COMPLETED)
    troupe.check()
