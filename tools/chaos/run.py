"""One round: everything up, taps and blows, the last kill, what drains, and the verdict.

Law: blows come by the schedule and are counted when they land: a kill when the process ended by
it, a fault when its link took it on. With the last kill every fault ends and every process may
come back; from then on nothing is helped along. Drained is when every handset has said twice
in a row that it owes nothing. Only then the ledger is read.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from firmware.board.flash_file import CUT_EXIT_CODE
from tools import coffee_shop, tally
from tools.chaos import cashiers, schedule
from tools.chaos.journal import Journal
from tools.chaos.proxy import Proxy
from tools.chaos.schedule import Act, Kill, Scope, Spoil
from tools.chaos.stage import Config, Crew, Stage, Worker
from tools.chaos.verdict import Verdict, judge
from tools.chaos.witness import Witness
from tools.demo_stage import Program
from tools.errors import NotReady
from tools.handset_program import ROOT
from tools.handsets import Handset, OutboxEntry
from tools.processes import Process

DRAIN_WAIT_S = 240.0
DRAIN_POLL_S = 0.2
OUTBOX_TRIES_MAX = 20
NEVER = 1_000_000_000  # flash operations
KILLED = -signal.SIGKILL
HANDSET = "handset"
# what a process is called here, and what its kills count as
KINDS = {HANDSET: schedule.TERMINAL, "postgresql": schedule.DATABASE,
         "broker": schedule.BROKER, "worker": schedule.WORKER}


class Plan(NamedTuple):
    """`seed` is this round's own, as text. `names`: the faults in use."""

    seed: str
    config: Config
    crew: Crew
    lasts_ms: int
    names: tuple[str, ...]

    @property
    def scope(self) -> Scope:
        return Scope(self.crew.terminals, self.crew.workers, self.config.postgresql,
                     self.lasts_ms, self.names)


class Result(NamedTuple):
    """What a round showed. `drained_s` is None when something is still owed after
    DRAIN_WAIT_S. `own_ends`: processes that ended by themselves and came back."""

    plan: Plan
    kills: Counter[tuple[str, str]]
    faults: Counter[str]
    own_ends: Counter[str]
    connections: int
    verdict: Verdict
    drained_s: float | None
    slowest: tuple[str, ...]
    audit: str | None

    @property
    def exact(self) -> bool:
        return self.verdict.exact and self.drained_s is not None and self.audit is None


class Round:
    """`show` is called when anything changed that a person may watch."""

    def __init__(self, plan: Plan, folder: Path, program: Program,
                 show: Callable[["Round"], None]) -> None:
        self.plan = plan
        self.kills: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.own_ends: Counter[str] = Counter()
        self.witness = Witness()
        self.phase = "starting"
        folder.mkdir(parents=True)
        self.journal = Journal(folder / "journal.jsonl")
        self.stage = Stage(folder, plan.config, plan.crew, program, Random(f"{plan.seed} links"),
                           self._lived, self._heard)
        self._show = show
        self._expected: dict[str, tuple[str, str]] = {}
        self._background: set[asyncio.Task[None]] = set()

    # -- the whole ---------------------------------------------------------------------------

    async def play(self) -> Result:
        try:
            await self._up()
            await self._blows()
            drained_s = await self._drain()
            outboxes = await self._outboxes()
            connections = sum(each.connections for each in self.stage.links)
            self._phase("judging")
            await self.stage.handsets_down()
            await self.stage.gateway_down()
            verdict = self._judge(outboxes)
            audit = await self._audit()
            slowest = self.journal.slowest()
            return Result(self.plan, self.kills, self.faults, self.own_ends, connections, verdict,
                          drained_s, slowest, audit)
        finally:
            for task in tuple(self._background):
                task.cancel()
            await self.stage.down()
            self.journal.close()

    async def _up(self) -> None:
        await self.stage.up()
        for worker in self.stage.workers:
            worker.on_halt = self._halted
        handsets = [each.process for each in self.stage.handsets]
        for process in (*handsets, *self.stage.processes):
            process.on_end = self._ended(process)

    def _phase(self, name: str) -> None:
        self.phase = name
        self.journal.note("chaos", name)
        self._show(self)

    # -- what is heard -----------------------------------------------------------------------

    def _heard(self, name: str, said: Mapping[str, Any]) -> None:
        if said.get("event") == "screen":
            return
        self.journal.note(name, said)
        if name.startswith(HANDSET):
            self.witness.hear(int(name.split()[1]), said)
        elif said.get("level") in ("error", "critical"):
            self.witness.findings.append(f"{name} logged: {said.get('event')}")
        self._show(self)

    def _lived(self, line: str) -> None:
        self.journal.note("chaos", line)

    def _ended(self, process: Process) -> Callable[[int], None]:
        def ended(code: int) -> None:
            expected = self._expected.pop(process.name, None)
            if code == CUT_EXIT_CODE and process.name.startswith(HANDSET):
                self.kills[(schedule.TERMINAL, schedule.FLASH)] += 1
            elif code == KILLED and expected is not None:
                self.kills[expected] += 1
            elif self.phase in ("blows", "draining"):
                self.own_ends[KINDS[process.name.split()[0]]] += 1
            self._show(self)
        return ended

    # -- blows -------------------------------------------------------------------------------

    async def _blows(self) -> None:
        self._phase("blows")
        barren = tuple(map(int, self._barren()))
        closing = asyncio.Event()
        tapping = [asyncio.ensure_future(cashiers.taps(
            each, self.stage.cards, barren, Random(f"{self.plan.seed} cashier {number}"), closing))
            for number, each in enumerate(self.stage.handsets)]
        clock = asyncio.get_running_loop().time
        began = clock()
        acts = schedule.draw(self.plan.seed, self.plan.scope)
        try:
            for act in acts[:-1]:
                await self._until(began + act.at_ms / 1000, tapping)
                self.journal.note("chaos", act)
                await self._carry_out(act)
                self._show(self)
            await self._until(began + acts[-1].at_ms / 1000, tapping)
        finally:
            closing.set()  # a cancellation may be lost where it meets a result
            for task in tapping:
                task.cancel()
            await asyncio.gather(*tapping, return_exceptions=True)
        await self._last(acts[-1])

    async def _until(self, when: float, tapping: list[asyncio.Future[None]]) -> None:
        delay_s = when - asyncio.get_running_loop().time()
        failed = [each.failed for each in self.stage.processes]
        done, _ = await asyncio.wait([*tapping, *failed], timeout=max(delay_s, 0),
                                     return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()  # a cashier never ends by itself, a process is never given up

    async def _carry_out(self, act: Act) -> None:
        if isinstance(act, Spoil):
            for link in self._links(act):
                await link.apply(act.fault)
            self.faults[act.fault.name] += 1
        elif act.kind == schedule.WORKER and act.point != schedule.RANDOM:
            worker = self.stage.workers[act.index]
            if not worker.armed:
                worker.arm(act.point)
                self._kill(worker.process, (schedule.WORKER, schedule.RANDOM), 0)
        elif act.point == schedule.BACKEND:
            self._kill_backend(Random(f"{self.plan.seed} backend {act.at_ms}"))
        elif act.point == schedule.FLASH:
            handset = self.stage.handsets[act.index]
            handset.process.down_s = act.down_ms / 1000
            self._spawn(_cut(handset, act.value))
        else:
            self._kill(self._process(act), (act.kind, act.point), act.down_ms)

    def _links(self, act: Spoil) -> list[Proxy]:
        links = self.stage.worker_links if act.kind == schedule.WORKER else self.stage.links
        return list(links) if act.index is None else [links[act.index]]

    def _process(self, act: Kill) -> Process:
        match act.kind:
            case schedule.BROKER:
                return self.stage.broker
            case schedule.WORKER:
                return self.stage.workers[act.index].process
            case schedule.DATABASE if self.stage.database is not None:
                return self.stage.database
            case schedule.TERMINAL:
                return self.stage.handsets[act.index].process
        raise ValueError(f"nobody to kill: {act}")

    def _kill(self, process: Process, how: tuple[str, str], down_ms: int) -> None:
        if process.kill(down_ms / 1000):
            self._expected[process.name] = how

    def _kill_backend(self, random: Random) -> None:
        database, server = self.stage.database, self.stage.server
        if database is None or server is None or database.pid is None:
            return
        backends = server.backends(database.pid)
        if backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(backends), signal.SIGKILL)
                self.kills[(schedule.DATABASE, schedule.BACKEND)] += 1

    def _halted(self, worker: Worker) -> None:
        """It stands at its point, holding whatever it holds: that is where it dies."""
        point = worker.armed
        worker.disarm()
        self._kill(worker.process, (schedule.WORKER, point), 0)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _last(self, act: Act) -> None:
        """The faults end, and the last kill falls."""
        assert isinstance(act, Kill)
        for link in (*self.stage.links, *self.stage.worker_links):
            await link.calm()
        await asyncio.gather(*(_cut(each, NEVER) for each in self.stage.handsets))
        victims = [each.process for each in self.stage.workers if each.armed]
        for worker in self.stage.workers:
            worker.disarm()
        if act.kind == schedule.ALL:
            victims = [*self.stage.processes, *(each.process for each in self.stage.handsets)]
        elif self._process(act) not in victims:
            victims.append(self._process(act))
        self.journal.last_kill()
        for process in victims:
            self._kill(process, (KINDS[process.name.split()[0]], schedule.LAST), act.down_ms)
        self._phase("draining")

    # -- afterwards --------------------------------------------------------------------------

    async def _drain(self) -> float | None:
        """Seconds since the last kill until nothing was owed; None when time was up."""
        clock = asyncio.get_running_loop().time
        began, calm = clock(), 0
        since = began
        before: list[tuple[int | None, int | None]] = []
        while clock() - began < DRAIN_WAIT_S:
            asked_at = clock()
            owed = await asyncio.gather(*(_owes(each) for each in self.stage.handsets))
            done = all(unsettled == 0 for unsettled, _ in owed)
            calm = calm + 1 if done and owed == before else int(done)
            if calm == 1:
                since = asked_at
            if calm == 2:
                return since - began
            before = owed
            for each, (unsettled, _) in zip(self.stage.handsets, owed, strict=True):
                self.journal.owes(each.process.name, unsettled)
            await asyncio.sleep(DRAIN_POLL_S)
        return None

    async def _outboxes(self) -> list[OutboxEntry]:
        found: list[OutboxEntry] = []
        for handset in self.stage.handsets:
            found += await self._outbox(handset)
        return found

    async def _outbox(self, handset: Handset) -> list[OutboxEntry]:
        for _ in range(OUTBOX_TRIES_MAX):
            with contextlib.suppress(NotReady):
                return await handset.outbox()
            await asyncio.sleep(DRAIN_POLL_S)
        raise NotReady(f"{handset.process.name} does not list its outbox; see "
                       f"{self.stage.where.logs}.")

    def _barren(self) -> list[str]:
        """Numbers of the cards from stock, which are refused."""
        first = len(self.stage.cards)
        return [str(coffee_shop.card_number(first + index))
                for index in range(coffee_shop.STOCK_CARDS)]

    def _judge(self, outboxes: list[OutboxEntry]) -> Verdict:
        ids = [each.terminal_id for each in self.stage.handsets]
        ledger = tally.read_entries(self.stage.engine, ids)
        found = judge(self.witness.saved, self.witness.answers, outboxes, ledger,
                      {each[-4:] for each in self._barren()})
        return found._replace(findings=(*self.witness.findings, *found.findings))

    async def _audit(self) -> str | None:
        """What `audit --rebuild` has to say, as a process of its own; None: nothing is wrong."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.cli", "audit", "--rebuild", "--json",
            env=self.stage.env, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
        said, wrong = await child.communicate()
        (self.stage.where.logs / "audit.json").write_bytes(said)
        if child.returncode == 0:
            return None
        findings = json.loads(said).get("findings", []) if said else []
        return f"{len(findings)} findings {findings[:3]}" if findings else wrong.decode().strip()


async def _cut(handset: Handset, operations: int) -> None:
    with contextlib.suppress(NotReady):
        await handset.do("cut", after_flash_ops=operations)


async def _owes(handset: Handset) -> tuple[int | None, int | None]:
    """(unsettled messages, next trace); None where it cannot say."""
    try:
        await asyncio.wait_for(handset.ready.wait(), 1)
        status = await handset.do("status")
    except (NotReady, TimeoutError):
        return None, None
    return status["unsettled"], status["next_trace"]
