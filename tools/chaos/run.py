"""One round: everything up, taps and blows, the last kill, what drains, and the verdict.

Law: from the last kill on nothing is helped along. Drained is when every handset has said twice in
a row that it owes nothing, and the second time nothing new. Only then the ledger is read.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tools import coffee_shop, tally
from tools.chaos import cashiers, schedule
from tools.chaos.blows import HANDSET, Blows
from tools.chaos.journal import Journal
from tools.chaos.schedule import Scope
from tools.chaos.stage import Config, Crew, Stage
from tools.chaos.verdict import Verdict, judge
from tools.chaos.witness import Witness
from tools.demo_stage import Program
from tools.errors import NotReady
from tools.handset_program import ROOT
from tools.handsets import Handset, OutboxEntry

DRAIN_WAIT_S = 240.0
DRAIN_POLL_S = 0.2
OUTBOX_TRIES_MAX = 20


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
    DRAIN_WAIT_S. `own_ends`: processes that ended by themselves and came back. `meanwhile`:
    answers before the last kill. `slowest`: who owed longest after it, and why."""

    plan: Plan
    kills: Counter[tuple[str, str]]
    faults: Counter[str]
    own_ends: Counter[str]
    connections: int
    meanwhile: int
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
        folder.mkdir(parents=True)
        self.plan = plan
        self.phase = "starting"
        self.since = time.monotonic()  # of the phase
        self.witness = Witness()
        self.journal = Journal(folder / "journal.jsonl")
        self.stage = Stage(folder, plan.config, plan.crew, program, Random(f"{plan.seed} links"),
                           lambda line: self.journal.note("chaos", line), self._heard)
        self.blows = Blows(self.stage, plan.seed, self._changed)
        self._show = show
        self._meanwhile = 0

    async def play(self) -> Result:
        try:
            await self.stage.up()
            self.blows.begin()
            await self._chaos()
            drained_s = await self._drain()
            outboxes = await self._outboxes()
            self.blows.end()
            self._phase("judging")
            connections = sum(each.connections for each in self.stage.links)
            await self.stage.handsets_down()
            await self.stage.gateway_down()
            verdict, audit = self._judge(outboxes), await self._audit()
            return Result(self.plan, self.blows.kills, self.blows.faults, self.blows.own_ends,
                          connections, self._meanwhile, verdict, drained_s,
                          self.journal.slowest(), audit)
        finally:
            self.blows.end()
            await self.stage.down()
            self.journal.close()

    # -- what is heard -----------------------------------------------------------------------

    def _changed(self) -> None:
        self._show(self)

    def _phase(self, name: str) -> None:
        self.phase = name
        self.since = time.monotonic()
        self.journal.note("chaos", name)
        self._show(self)

    def _heard(self, name: str, said: Mapping[str, Any]) -> None:
        if said.get("event") == "screen":
            return
        self.journal.note(name, said)
        if name.startswith(HANDSET):
            self.witness.hear(int(name.split()[1]), said)
        elif said.get("level") in ("error", "critical"):
            self.witness.findings.append(f"{name} logged: {said.get('event')}")
        self._show(self)

    # -- taps and blows ----------------------------------------------------------------------

    async def _chaos(self) -> None:
        self._phase("blows")
        closing = asyncio.Event()
        barren = tuple(map(int, self._barren()))
        tapping = [asyncio.create_task(cashiers.taps(
            each, self.stage.cards, barren, Random(f"{self.plan.seed} cashier {number}"), closing))
            for number, each in enumerate(self.stage.handsets)]
        began = asyncio.get_running_loop().time()
        *acts, last = schedule.draw(self.plan.seed, self.plan.scope)
        try:
            for act in acts:
                await self._until(began + act.at_ms / 1000, tapping)
                self.journal.note("chaos", act)
                await self.blows.carry_out(act)
            await self._until(began + last.at_ms / 1000, tapping)
        finally:
            closing.set()  # a cancellation may be lost where it meets a result
            for task in tapping:
                task.cancel()
            await asyncio.gather(*tapping, return_exceptions=True)
        await self.blows.calm()
        self._meanwhile = len(self.witness.answers)
        self.journal.last_kill()
        self.blows.last(last)

    async def _until(self, when: float, tapping: list[asyncio.Task[None]]) -> None:
        delay_s = when - asyncio.get_running_loop().time()
        failed = [each.failed for each in self.stage.processes]
        done, _ = await asyncio.wait([*tapping, *failed], timeout=max(delay_s, 0),
                                     return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()  # a cashier never ends by itself, a process is never given up

    # -- afterwards --------------------------------------------------------------------------

    async def _drain(self) -> float | None:
        """Seconds since the last kill until nothing was owed; None when time was up."""
        self._phase("draining")
        clock = asyncio.get_running_loop().time
        began = since = clock()
        before: list[tuple[int | None, int | None]] | None = None
        while clock() - began < DRAIN_WAIT_S:
            asked_at = clock()
            owed = await asyncio.gather(*(_owes(each) for each in self.stage.handsets))
            if all(unsettled == 0 for unsettled, _ in owed):
                if owed == before:
                    return since - began
                before, since = owed, asked_at
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


async def _owes(handset: Handset) -> tuple[int | None, int | None]:
    """(unsettled messages, next trace); None where it cannot say."""
    try:
        await asyncio.wait_for(handset.ready.wait(), 1)
        status = await handset.do("status")
    except (NotReady, TimeoutError):
        return None, None
    return status["unsettled"], status["next_trace"]
