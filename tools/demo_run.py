"""The demo in action: processes up, taps driven, outboxes read, processes down.

Law: nothing is waited for by guessing. The broker says when it listens and when the worker has
subscribed, the web process answers /readyz, a handset says when its link is up and when a tap is
saved. What was tapped is counted in the handsets' outboxes, never in what was sent to them.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from protocol import messages, topics
from tools import handsets, state, tally
from tools.demo_stage import HOST, Cast, Program
from tools.errors import NotReady
from tools.handset_program import ROOT
from tools.handsets import Handset, OutboxEntry
from tools.processes import Process

START_WAIT_S = 30.0
DRAIN_WAIT_S = 180.0
SAVED_WAIT_S = 10.0
OUTBOX_TRIES_MAX = 5
POLL_S = 0.05
POLL_S_MAX = 0.8
AMOUNTS_MINOR = (300, 9000)
# what a handset says when something is wrong with it
TROUBLE = ("not_saved", "died")


class Ports(NamedTuple):
    mqtt: int
    http: int


class Shown(NamedTuple):
    """A tap for the table: `settled` None until its answer came."""

    terminal_id: int
    journal: int
    trace: int
    amount_minor: int
    card: int
    settled: handsets.Settled | None


class Troupe:
    """The demo's processes. `tell` gets a line for a person, `show` each tap as it changes."""

    def __init__(self, where: state.Home, environment: Mapping[str, str], program: Program,
                 cast: Cast, ports: Ports, tell: Callable[[str], None],
                 show: Callable[[Shown], None]) -> None:
        self.handsets: dict[int, Handset] = {}
        self._where = where
        self._program = program
        self._cast = cast
        self._ports = ports
        self._tell = tell
        self._show = show
        self._env = _clean(os.environ) | dict(environment) | {"PYTHONPATH": str(ROOT)}
        self._listening = asyncio.Event()
        self._subscribed = asyncio.Event()
        self.on_change: Callable[[], None] = lambda: None
        # for whoever shows the handsets: each start of one, and every event of it
        self.on_started: Callable[[Handset], None] = lambda handset: None
        self.on_said: Callable[[Handset, Mapping[str, Any]], None] = lambda handset, said: None
        self._keyed: dict[int, tuple[int, int]] = {}
        self._shown: dict[tuple[int, int, int], Shown] = {}
        self._gateway = [
            self._python("broker", "tools.broker", "--port", str(ports.mqtt),
                         on_line=self._broker_said),
            self._python("web", "gateway.cli", "web"),
            self._python("jobs", "gateway.cli", "jobs"),
            self._python("worker", "gateway.cli", "worker"),
        ]

    # -- up and down -------------------------------------------------------------------------

    def _python(self, name: str, module: str, *arguments: str,
                on_line: Callable[[str], None] | None = None) -> Process:
        argv = [sys.executable, "-m", module, *arguments]
        made = Process(name, argv, self._env, self._where.logs / f"{name}.log", self._tell,
                       on_line)
        made.on_start = lambda: self.on_change()
        return made

    @property
    def processes(self) -> list[Process]:
        return [*self._gateway, *(each.process for each in self.handsets.values())]

    def running(self) -> state.Running:
        """For other processes: who listens where, and who is who."""
        pids = {each.name: each.pid for each in self.processes if each.pid is not None}
        return state.Running(HOST, self._ports.mqtt, HOST, self._ports.http,
                             self._cast.stranger, self._cast.tills, pids)

    @property
    def restarts(self) -> int:
        return sum(each.restarts for each in self.processes)

    async def start(self, folders: Mapping[int, str]) -> None:
        """Everything up and connected; raises NotReady with the last words of what is not."""
        broker, web, jobs, worker = self._gateway
        for each in (broker, web, jobs):
            each.start()
        await self._sooner(self._listening.wait(), "the broker")
        worker.start()
        for terminal_id in self._cast.tills:
            self.handsets[terminal_id] = self._handset(terminal_id, folders[terminal_id])
            self.handsets[terminal_id].process.start()
        await self._sooner(self._subscribed.wait(), "the worker")
        await self._sooner(self._web_ready(), "the web process")
        for handset in self.handsets.values():
            await self._sooner(handset.link_up.wait(), f"handset {handset.terminal_id}")

    async def _sooner(self, ready: Any, what: str) -> None:
        """Wait for `ready`, but not longer than START_WAIT_S or the failure of any process."""
        waiting = asyncio.ensure_future(ready)
        failed = [each.failed for each in self.processes]
        await asyncio.wait([waiting, *failed], timeout=START_WAIT_S,
                           return_when=asyncio.FIRST_COMPLETED)
        self.check()
        if not waiting.done():
            waiting.cancel()
            raise NotReady(f"{what} is not ready after {START_WAIT_S:g} s. What was posted is "
                           f"safe; the logs are in {self._where.logs}.")
        waiting.result()

    def check(self) -> None:
        """Raise what made a process give up, if one has."""
        for each in self.processes:
            if each.failed.done():
                each.failed.result()

    async def stop(self) -> None:
        """Handsets first, then who serves them."""
        await asyncio.gather(*(each.process.stop() for each in self.handsets.values()))
        await asyncio.gather(*(each.stop() for each in self._gateway[1:]))
        await self._gateway[0].stop()

    def _handset(self, terminal_id: int, folder: str) -> Handset:
        argv = [*self._program.argv, folder]
        log = self._where.logs / f"handset-{terminal_id}.log"
        made = Handset(terminal_id, argv, self._program.env, log, self._tell, self._handset_said)

        def started() -> None:
            made.started()
            self.on_started(made)
            self.on_change()

        made.process.on_start = started
        return made

    def _broker_said(self, line: str) -> None:
        said = json.loads(line)
        if said["event"] == "listening":
            self._listening.set()
        elif said["event"] == "subscribed" and said["topic"] == topics.UP_FILTER:
            self._subscribed.set()

    async def _web_ready(self) -> None:
        url = f"http://{HOST}:{self._ports.http}/readyz"
        while not await asyncio.to_thread(_answers, url):
            await asyncio.sleep(POLL_S)

    # -- taps --------------------------------------------------------------------------------

    def _handset_said(self, handset: Handset, said: Mapping[str, Any]) -> None:
        self.on_said(handset, said)
        key = (handset.terminal_id, said.get("journal", 0), said.get("trace", 0))
        if said["event"] == "saved" and handset.terminal_id in self._keyed:
            self._shown[key] = Shown(*key, *self._keyed[handset.terminal_id], None)
        elif said["event"] == "settled" and key in self._shown:
            settled = handsets.settled(handset.terminal_id, said)
            self._shown[key] = self._shown[key]._replace(settled=settled)
        elif said["event"] == "conflict" and (key[0], *said["old"]) in self._shown:
            old, key = (key[0], *said["old"]), (key[0], *said["new"])
            self._shown[key] = self._shown[old]._replace(journal=key[1], trace=key[2])
        else:
            self._trouble(handset, said)
            return
        self._show(self._shown[key])

    def _trouble(self, handset: Handset, said: Mapping[str, Any]) -> None:
        if said["event"] == "recovery":
            folder = self._where.handset(handset.terminal_id)
            handset.process.fail(NotReady(
                f"handset {handset.terminal_id} cannot read its outbox: {said['reason']}. What is "
                f"in it is left alone in {folder}; move that folder away to go on without it."))
        elif said["event"] in TROUBLE:
            self._tell(f"handset {handset.terminal_id}: {said['event']}: {said.get('why')}")

    async def tap(self, taps: int, draw: random.Random, pause_s: float) -> None:
        """`taps` sales spread over the handsets, each handset one after the other."""
        left = list(range(taps))
        await asyncio.gather(*(self._cashier(each, left, draw, pause_s)
                               for each in self.handsets.values()))
        self._keyed.clear()  # what is tapped from now on others keyed

    async def _cashier(self, handset: Handset, left: list[int], draw: random.Random,
                       pause_s: float) -> None:
        while left:
            left.pop()
            amount_minor = draw.randint(*AMOUNTS_MINOR)
            card = draw.choice(self._cast.cards)
            await self._one_tap(handset, amount_minor, card)
            await asyncio.sleep(pause_s)

    async def _one_tap(self, handset: Handset, amount_minor: int, card: int) -> None:
        """Until the handset says that it is saved. One that dies meanwhile is looked into."""
        before = len(await self._sales(handset))
        while True:
            self._keyed[handset.terminal_id] = (amount_minor, card)
            try:
                await handset.ready.wait()
                await handset.sale(amount_minor, card)
                await asyncio.wait_for(handset.saved.get(), SAVED_WAIT_S)
                return
            except (NotReady, TimeoutError) as error:
                self.check()
                self._tell(f"handset {handset.terminal_id}: {error or 'no answer'}; looking")
            if len(await self._sales(handset)) > before:
                return

    async def _sales(self, handset: Handset) -> list[OutboxEntry]:
        """Its outbox, over a restart or two of the handset."""
        for _ in range(OUTBOX_TRIES_MAX - 1):
            self.check()
            with contextlib.suppress(NotReady):
                return await self._sales_now(handset)
            await asyncio.sleep(POLL_S)
        return await self._sales_now(handset)

    async def _sales_now(self, handset: Handset) -> list[OutboxEntry]:
        await self._sooner(handset.ready.wait(), f"handset {handset.terminal_id}")
        return [each for each in await handset.outbox() if each.type == messages.SALE]

    async def outboxes(self) -> list[OutboxEntry]:
        """Every sale that lies in a handset."""
        found = [await self._sales(each) for each in self.handsets.values()]
        return [each for entries in found for each in entries]

    async def drained(self) -> list[OutboxEntry]:
        """The outboxes once every sale has its answer, or as they are after DRAIN_WAIT_S."""
        clock = asyncio.get_running_loop().time
        until, pause_s = clock() + DRAIN_WAIT_S, POLL_S
        while True:
            entries = await self.outboxes()
            if all(each.settled for each in entries) or clock() > until:
                return entries
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, POLL_S_MAX)


def tapped(entries: Sequence[OutboxEntry],
           before: Collection[tuple[int, int, int]]) -> list[tally.Tapped]:
    """This run's sales: what was not in the outboxes when it began."""
    made = [tally.Tapped(each.terminal_id, each.journal, each.trace, each.amount_minor or 0,
                         each.code, each.points, each.receipt) for each in entries]
    return [each for each in made if each.key not in before]


def _clean(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of another gateway."""
    return {name: text for name, text in env.items() if not name.startswith("POINTWIRE_")}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:
        return False
