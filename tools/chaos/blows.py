"""Blows carried out: kills land on processes, faults on links, and what landed is counted.

Law: a kill counts when its process ended by it, a fault when its link took it on. A worker that is
to die at a named point is killed first and lives once more, armed: it stands still there, holding
whatever it holds, and dies. With the last kill every fault ends and nothing stays armed.
"""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from firmware.board.flash_file import CUT_EXIT_CODE
from tools.chaos import schedule
from tools.chaos.proxy import Proxy
from tools.chaos.schedule import Act, Kill, Spoil
from tools.chaos.stage import Stage, Worker
from tools.errors import NotReady
from tools.handsets import Handset
from tools.processes import Process

NEVER = 1_000_000_000  # flash operations
KILLED = -signal.SIGKILL
HANDSET = "handset"
# what a process is called here, and what its kills count as
KINDS = {HANDSET: schedule.TERMINAL, "postgresql": schedule.DATABASE,
         "broker": schedule.BROKER, "worker": schedule.WORKER}


class Blows:
    """`kills` by kind and point, `faults` by name, `own_ends`: processes that ended by themselves
    and came back, by kind. `landed` is called after each."""

    def __init__(self, stage: Stage, seed: str, landed: Callable[[], None]) -> None:
        self.kills: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.own_ends: Counter[str] = Counter()
        self._stage = stage
        self._seed = seed
        self._landed = landed
        self._expected: dict[str, tuple[str, str]] = {}
        self._background: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """From now on the ends of processes count."""
        for worker in self._stage.workers:
            worker.on_halt = self._halted
        for process in self._everyone():
            process.on_end = self._ended(process)

    def end(self) -> None:
        """From now on processes are stopped, not killed."""
        for task in tuple(self._background):
            task.cancel()
        for process in self._everyone():
            process.on_end = lambda code: None

    def _everyone(self) -> list[Process]:
        return [*(each.process for each in self._stage.handsets), *self._stage.processes]

    def _ended(self, process: Process) -> Callable[[int], None]:
        kind = KINDS[process.name.split()[0]]

        def ended(code: int) -> None:
            expected = self._expected.pop(process.name, None)
            if code == CUT_EXIT_CODE and kind == schedule.TERMINAL:
                self.kills[(kind, schedule.FLASH)] += 1
            elif code == KILLED and expected is not None:
                self.kills[expected] += 1
            else:
                self.own_ends[kind] += 1
            self._landed()
        return ended

    # -- one blow ----------------------------------------------------------------------------

    async def carry_out(self, act: Act) -> None:
        if isinstance(act, Spoil):
            for link in self._links(act):
                await link.apply(act.fault)
            self.faults[act.fault.name] += 1
        elif act.kind == schedule.WORKER and act.point != schedule.RANDOM:
            worker = self._stage.workers[act.number]
            if not worker.armed:
                worker.arm(act.point)
                self._kill(worker.process, (schedule.WORKER, schedule.RANDOM), 0)
        elif act.point == schedule.BACKEND:
            self._kill_backend(Random(f"{self._seed} backend {act.at_ms}"))
        elif act.point == schedule.FLASH:
            handset = self._stage.handsets[act.number]
            handset.process.down_s = act.down_ms / 1000
            self._spawn(_cut(handset, act.value))
        else:
            self._kill(self._process(act), (act.kind, act.point), act.down_ms)
        self._landed()

    def _links(self, act: Spoil) -> list[Proxy]:
        stage = self._stage
        links = stage.worker_links if act.kind == schedule.WORKER else stage.links
        return list(links) if act.number is None else [links[act.number]]

    def _process(self, act: Kill) -> Process:
        stage = self._stage
        match act.kind:
            case schedule.BROKER:
                return stage.broker
            case schedule.WORKER:
                return stage.workers[act.number].process
            case schedule.DATABASE if stage.database is not None:
                return stage.database
            case schedule.TERMINAL:
                return stage.handsets[act.number].process
        raise ValueError(f"nobody to kill: {act}")

    def _kill(self, process: Process, how: tuple[str, str], down_ms: int) -> None:
        if process.kill(down_ms / 1000):
            self._expected[process.name] = how

    def _kill_backend(self, random: Random) -> None:
        database, server = self._stage.database, self._stage.server
        if database is None or server is None or database.pid is None:
            return
        backends = server.backends(database.pid)
        if backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(backends), signal.SIGKILL)
                self.kills[(schedule.DATABASE, schedule.BACKEND)] += 1

    def _halted(self, worker: Worker) -> None:
        point = worker.armed
        worker.disarm()
        self._kill(worker.process, (schedule.WORKER, point), 0)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- the last one ------------------------------------------------------------------------

    async def calm(self) -> None:
        """The faults end, and no flash operation is the last any more."""
        for link in (*self._stage.links, *self._stage.worker_links):
            await link.calm()
        await asyncio.gather(*(_cut(each, NEVER) for each in self._stage.handsets))

    def last(self, act: Act) -> None:
        """The last kill: of one, or of all at once; and of workers that were still armed."""
        if not isinstance(act, Kill):
            raise ValueError(f"the last act is a kill, not {act}")
        victims = [each.process for each in self._stage.workers if each.armed]
        for worker in self._stage.workers:
            worker.disarm()
        if act.kind == schedule.ALL:
            victims = self._everyone()
        elif self._process(act) not in victims:
            victims.append(self._process(act))
        for process in victims:
            self._kill(process, (KINDS[process.name.split()[0]], schedule.LAST), act.down_ms)


async def _cut(handset: Handset, operations: int) -> None:
    with contextlib.suppress(NotReady):
        await handset.do("cut", after_flash_ops=operations)
