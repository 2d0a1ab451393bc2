"""One round's processes in one folder: broker, database, workers, handsets, and the links between.

Law: nothing here decides what happens; it is brought up, killed and brought down. Every process
is patient: killed at any moment it is started again as it lies, for what it needs may be down too.
All logs, flashes and the ledger lie in the folder. Links of terminals and of workers go through
proxies of our own.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from gateway import database
from gateway.registry import Registry
from tools import coffee_shop, demo_stage, state
from tools.chaos.postgres import PostgreSQL
from tools.chaos.proxy import HOST, Proxy
from tools.demo_stage import Program
from tools.errors import NotReady
from tools.handset_program import ROOT
from tools.handsets import Handset
from tools.processes import Process

SBIN = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
START_WAIT_S = 60.0
POLL_S = 0.05
RESTART_DELAY_S = 0.5
HALT = "POINTWIRE_TEST_HALT"
# A broker that remembers writes its file every few changes, so what a kill brings back is old.
REMEMBERING = ("persistence true", "autosave_on_changes true", "autosave_interval 5")


class Config(NamedTuple):
    """Does the broker remember its sessions over a restart, and on what does the ledger lie?"""

    remembers: bool
    postgresql: bool

    @property
    def name(self) -> str:
        return (f"{'postgresql' if self.postgresql else 'sqlite'}"
                f"{'-persist' if self.remembers else ''}")


CONFIGS = {each.name: each for each in (Config(True, False), Config(False, True),
                                        Config(False, False), Config(True, True))}


class Crew(NamedTuple):
    """How many take part."""

    terminals: int
    workers: int


def mosquitto() -> str:
    """The broker's program; raises NotReady with what to install."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{SBIN}")
    if found is None:
        raise NotReady("mosquitto is not installed: apt-get install mosquitto (macOS: brew "
                       "install mosquitto). Nothing was started.")
    return found


class Worker:
    """A gateway worker; `ready` while it is subscribed. `arm` makes its next life end at a named
    point, where it stands still and `on_halt` is called."""

    def __init__(self, index: int, env: Mapping[str, str], log: Path, tell: Callable[[str], None],
                 heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.index = index
        self.ready = asyncio.Event()
        self.on_halt: Callable[[Worker], None] = lambda worker: None
        self._heard = heard
        self.process = Process(f"worker {index}", [sys.executable, "-m", "gateway.cli", "worker"],
                               env, log, tell, on_log=self._said, patient=True)
        self.process.restart_delay_s = RESTART_DELAY_S
        self.process.on_start = self.ready.clear

    @property
    def armed(self) -> str:
        return self.process.env.get(HALT, "")

    def arm(self, point: str) -> None:
        self.process.env[HALT] = point

    def disarm(self) -> None:
        self.process.env.pop(HALT, None)

    def _said(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if not isinstance(said, dict):
            return
        if said.get("event") == "subscribed":
            self.ready.set()
        elif said.get("event") == "standing still for a test":
            self.on_halt(self)
        self._heard(self.process.name, said)


class Stage:
    """`heard` gets (process name, event) of everything that speaks, `tell` lines about lives."""

    def __init__(self, folder: Path, config: Config, crew: Crew, program: Program, random: Random,
                 tell: Callable[[str], None],
                 heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.where = state.Home(folder)
        self.config = config
        self.workers: list[Worker] = []
        self.handsets: list[Handset] = []
        self.links: list[Proxy] = []         # of the handsets, in their order
        self.worker_links: list[Proxy] = []
        self.server: PostgreSQL | None = None
        self.database: Process | None = None
        self.broker: Process
        self.engine: Engine
        self._crew = crew
        self._program = program
        self._random = random
        self._tell = tell
        self._heard = heard
        self._broker_port = 0

    # -- up ----------------------------------------------------------------------------------

    async def up(self) -> None:
        """Everything runs and is connected; raises NotReady."""
        state.make_folders(self.where)
        kept = state.keep_secrets(self.where)
        url = await self._database_up()
        keyring = demo_stage.keyring_of(kept)
        self.engine = database.open_engine(url)
        database.migrate(self.engine)
        registry = Registry(self.engine, keyring, actor="chaos")
        self.cards = coffee_shop.create(registry)
        coffee_shop.add_terminals(registry, self._crew.terminals)
        self.env = self._environment(kept, url)
        await self._broker_up()
        for index in range(self._crew.workers):
            await self._worker_up(index)
        tills = coffee_shop.tills_of(registry.terminals())[:self._crew.terminals]
        for till in tills:
            await self._handset_up(till.terminal_id, keyring)
        for worker in self.workers:
            await _soon(worker.ready.wait(), worker.process.name, self.where.logs)
        for handset in self.handsets:
            await _soon(handset.link_up.wait(), handset.process.name, self.where.logs)
        self.engine.dispose()  # its connections would die with the server

    async def _database_up(self) -> str:
        if not self.config.postgresql:
            return self.where.database_url
        self.server = server = await asyncio.to_thread(PostgreSQL, self.where.folder / "pg")
        self.database = Process("postgresql", server.argv, os.environ, self._log("postgresql"),
                                self._tell, patient=True, user=server.user)
        self.database.restart_delay_s = RESTART_DELAY_S
        self.database.stop_signal = server.stop_signal
        self.database.start()
        await _soon(self._answers(server.url()), "PostgreSQL", self.where.logs)
        return server.url()

    async def _answers(self, url: str) -> None:
        engine = database.open_engine(url)
        try:
            while True:
                with contextlib.suppress(DBAPIError), engine.connect():
                    return
                await asyncio.sleep(POLL_S)
        finally:
            engine.dispose()

    def _environment(self, kept: state.Secrets, url: str) -> dict[str, str]:
        clean = {name: text for name, text in os.environ.items()
                 if not name.startswith("POINTWIRE_")}
        ours = state.environment(self.where, kept, f"{HOST}:1", f"{HOST}:0")
        return clean | ours | {"POINTWIRE_DATABASE_URL": url, "POINTWIRE_ENVIRONMENT": "test",
                               "POINTWIRE_MQTT_VERSION": "5", "POINTWIRE_MQTT_SHARED": "1",
                               "PYTHONPATH": str(ROOT)}

    async def _broker_up(self) -> None:
        self._broker_port = _free_port()
        lines = [f"listener {self._broker_port} {HOST}", "allow_anonymous true",
                 "max_inflight_messages 0", "max_queued_messages 0"]
        if self.config.remembers:
            lines += [*REMEMBERING, f"persistence_location {self.where.folder}/"]
        if os.getuid() == 0:
            lines.append("user root")  # else it gives up root and cannot write our folder
        settings = self.where.folder / "mosquitto.conf"
        settings.write_text("\n".join(lines) + "\n")
        self.broker = Process("broker", [mosquitto(), "-c", str(settings)], os.environ,
                              self._log("broker"), self._tell, patient=True)
        self.broker.start()
        await _soon(self._listens(), "the broker", self.where.logs)

    async def _listens(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, self._broker_port)
                writer.close()
                return
            await asyncio.sleep(POLL_S)

    async def _worker_up(self, index: int) -> None:
        link = Proxy(self._broker_port, Random(self._random.random()))
        self.worker_links.append(link)
        env = self.env | {"POINTWIRE_MQTT_URL": f"mqtt://gateway@{HOST}:{await link.open()}",
                          "POINTWIRE_MQTT_CLIENT_ID": f"worker-{index}"}
        worker = Worker(index, env, self._log(f"worker-{index}"), self._tell, self._heard)
        self.workers.append(worker)
        worker.process.start()

    async def _handset_up(self, terminal_id: int, keyring: Any) -> None:
        link = Proxy(self._broker_port, Random(self._random.random()))
        self.links.append(link)
        folder = demo_stage.provision(self.where, keyring, terminal_id, await link.open())
        handset = Handset(
            terminal_id, [*self._program.argv, str(folder)], self._program.env,
            self._log(f"handset-{terminal_id}"), self._tell,
            lambda which, said: self._heard(which.process.name, said), patient=True)
        self.handsets.append(handset)
        handset.process.start()

    def _log(self, name: str) -> Path:
        return self.where.logs / f"{name}.log"

    # -- down --------------------------------------------------------------------------------

    @property
    def processes(self) -> list[Process]:
        """All of them but the handsets' as far as they were started, the served last."""
        found = [each.process for each in self.workers]
        found += [self.broker] if hasattr(self, "broker") else []
        return found + ([self.database] if self.database is not None else [])

    async def handsets_down(self) -> None:
        await asyncio.gather(*(each.process.stop() for each in self.handsets))

    async def gateway_down(self) -> None:
        """Workers and broker; the database goes on."""
        await asyncio.gather(*(each.process.stop() for each in self.workers))
        if hasattr(self, "broker"):
            await self.broker.stop()

    async def down(self) -> None:
        """Whatever still runs, at once; a database properly, or its shared memory would stay."""
        killed = [process for process in (*(each.process for each in self.handsets),
                                          *self.processes) if process is not self.database]
        await asyncio.gather(*(process.end() for process in killed))
        for link in (*self.links, *self.worker_links):
            await link.close()
        if hasattr(self, "engine"):
            self.engine.dispose()
        if self.database is not None:
            await self.database.stop()


async def _soon(ready: Any, what: str, logs: Path) -> None:
    try:
        await asyncio.wait_for(ready, START_WAIT_S)
    except TimeoutError:
        raise NotReady(f"{what} is not ready after {START_WAIT_S:g} s; the logs are in {logs}."
                       ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
