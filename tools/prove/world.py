"""One seed of the proof: handsets, wire, broker, gateway and database under one virtual clock.

    verdict = run_seed(7)              everything drawn from the seed
    verdict = run_seed(7, calm(power_cuts=3))

Law: a run has two phases. In the first the merchants work and the drawn faults happen; in the
second nothing goes wrong any more, and everything must drain by itself: no tap unsettled, nothing
queued, every handset usable (I8, I9). Then the checker compares what the merchants saw with what
the ledger holds, and the audit recomputes the ledger. Same seed and options, same event log.
"""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

from firmware.settings import settings
from gateway.aside import NotQuarantined
from gateway.registry import Registry
from gateway.registry.recoveries import RECEIPTS_AHEAD
from protocol import keys
from protocol.messages import REDEMPTION, REFUND, SALE, VOID
from simulator.broker import Broker, Credential
from simulator.errors import SimulatorError
from simulator.eventlog import EventLog
from simulator.flash import FlashMisuse, NorFlash
from simulator.handset import Handset, HandsetLoop
from simulator.heap import Heap
from simulator.loop import US
from simulator.mischief import Mischief, Rates
from simulator.radio import Radio, Weather
from simulator.shore import Shore, Work
from tools.prove import judge
from tools.prove import options as drawing
from tools.prove.base import Base, Memory, OnDisk, keyring
from tools.prove.mishaps import Mishaps
from tools.prove.office import Office
from tools.prove.options import Options
from tools.prove.people import serve
from tools.prove.process import PROGRAM_ERRORS, Clock, Poison, Process
from tools.prove.slips import Drawers
from tools.prove.story import (
    DATABASE_FAILED,
    HEAP_RAN_OUT,
    QUARANTINED,
    RECOVERY,
    SURVIVED,
)
from tools.prove.trouble import ServerTrouble
from tools.prove.trouble_handsets import HandsetTrouble

DAY_US = 86400 * US
POLL_S = 10
AFTER_RESTORE_S = 8400
PROGRAM_ERROR, STOPPED = "program error", "stopped"
LATER_S_MAX = 3600
# what waits for a suspended merchant waits on; then HQ lets whoever is suspended go on
REINSTATED_S = 7200
PATIENCE_S = 1800  # by then whatever is not poisoned has drained


class Verdict(NamedTuple):
    """What became of a seed. `findings`: a line each, none if the promise was kept. `counts`:
    events of the log by name. `taps`: messages the merchants saw accepted. `frames`: that the
    gateway took. `retries`: frames sent again by handsets, and batches by the gateway."""

    seed: int
    options: Options
    digest: str
    findings: tuple[str, ...]
    counts: dict[str, int]
    taps: int
    retries: int
    virtual_us: int
    frames: int

    @property
    def good(self) -> bool:
        return not self.findings


class World:
    """Everything of one seed, wired together. `run` once, then `close`."""

    def __init__(self, seed: int, options: Options,
                 echo: Callable[[str], None] | None = None) -> None:
        self.seed, self.options = seed, options
        self.loop = HandsetLoop()
        self.log = EventLog(lambda: self.loop.now_us, echo)
        self.log.note("prove", "options", seed, drawing.text(options))
        self.base: Base = OnDisk() if options.server_power_losses else Memory()
        self.facts = self.base.facts
        self.base.on_strike = self._database_failed
        self.cards = self.facts.cards[:options.members]
        self.clock = Clock(lambda: self.loop.now_us)
        self.witness = Drawers(self.loop, self.facts.merchants)
        self.processes: list[Process] = []
        self.new_registry()
        self.poison = Poison(seed, options.poison_per_1000)
        self.heap = Heap()
        self.heap.on_exhausted = self._heap_ran_out
        self.closed = False
        self.kept_back = 0
        self._hours_us = options.taps * options.gap_ms_mean * 1000
        self._gap_us = options.closed_days * DAY_US
        self._credentials: dict[str, Credential] = {}
        self.broker = Broker(self._credentials, options.workers)
        self.mischiefs = self._mischiefs()
        self.processes = [Process(self.base, self.clock, self.poison, self._server_power_lost)
                          for _ in range(options.workers)]
        self.shores = [self._shore(place) for place in range(options.workers)]
        self.handsets = [self._handset(place) for place in range(options.terminals)]
        self.office = Office(self)
        self.mishaps: tuple[Mishaps, ...] = (
            HandsetTrouble(self), ServerTrouble(self), self.office)

    # -- building ------------------------------------------------------------------------------

    def stream(self, *names: str | int) -> Random:
        return Random("/".join(map(str, (self.seed, *names))))

    def _database_failed(self, kind: str) -> None:
        self.log.note("database", kind)
        self.witness.happened(DATABASE_FAILED, kind)

    def _heap_ran_out(self, whose: object) -> None:
        handset = next(each for each in self.handsets if each.runs(whose))
        self.witness.happened(HEAP_RAN_OUT, handset.terminal_id)

    def _mischiefs(self) -> tuple[Mischief, Mischief]:
        made = []
        for way in ("up", "down"):
            def per(name: str, way: str = way) -> int:
                return getattr(self.options, f"{way}_{name}_per_1000")
            rates = Rates(per("lost"), per("duplicated"), per("swapped"),
                          self.options.swapped_ms_max, per("late"), self.options.late_s_max,
                          per("corrupt"))
            made.append(Mischief(self.loop, lambda name, way=way: self.stream(way, name), rates))
        self.broker.passing_up, self.broker.passing_down = (each.passing for each in made)
        return made[0], made[1]

    def _shore(self, place: int) -> Shore:
        process, options = self.processes[place], self.options
        work = Work(options.batch_max, 5, max(options.commit_ms_max, 5))
        made = Shore(self.loop, self.stream("shore", place), self.broker, process, self.log,
                     work, self.broker.sessions[place], f"worker{place}")
        made.on_doomed = self._doom
        made.on_start = lambda: self._restarted(process)
        made.on_arrived = self.witness.arrived
        made.on_acknowledged = self.witness.acknowledged
        made.on_reply = self.witness.replied
        return made

    def _restarted(self, process: Process) -> None:
        process.restart()
        with self.base.well():
            self.witness.happened(SURVIVED, None, judge.surviving(self))

    def _doom(self) -> None:
        self.base.doomed = True

    def _handset(self, place: int) -> Handset:
        options, terminal_id = self.options, self.facts.terminals[place]
        key = keyring().terminal_key(terminal_id, 1)
        made = settings(terminal_id, 1, key, "broker", 1883, *self.admit(terminal_id, 1),
                        keepalive_s=options.keepalive_s, language="en",
                        outbox_blocks=options.outbox_blocks)
        weather = Weather(min(60, options.latency_ms_max), options.latency_ms_max,
                          garbage_per_10000=options.garbage_per_10000)
        radio = Radio(self.loop, self.stream("radio", terminal_id), weather, self.broker)
        radio.on_publish = lambda sent: self.witness.published(terminal_id, sent)
        flash = NorFlash(options.outbox_blocks, self.stream("flash", terminal_id))
        handset = Handset(self.loop, self.stream("board", terminal_id), radio, flash, made,
                          self.log, options.watchdog_s * 1000, self.witness)
        handset.format(options.lived_taps)
        return handset

    def admit(self, terminal_id: int, epoch: int) -> tuple[str, str]:
        """The broker lets a terminal in under this key epoch; its user and password."""
        key = keyring().terminal_key(terminal_id, epoch)
        user, password = keys.mqtt_user(terminal_id, epoch), keys.mqtt_password(key)
        self._credentials[user] = Credential(terminal_id, password.encode())
        return user, password

    def new_registry(self) -> None:
        """Another engine or another database: whoever had the old one connects anew."""
        self.registry = Registry(self.base.engine, keyring(), clock=self.clock)
        for process in self.processes:
            process.restart()

    def begin_recovery(self) -> None:
        """As gateway/README.md says; a backup may have been made in an earlier recovery."""
        with self.base.well():
            self.end_recovery()
            # a backup knows nothing of the jumps since
            ahead = RECEIPTS_AHEAD * (1 + self.log.counts["restored"])
            self.registry.begin_recovery(ahead)
            self.witness.happened(RECOVERY, None, True)

    def end_recovery(self) -> None:
        known = self.registry.recovery()
        if known is not None and known.ended_at is None:
            self.registry.end_recovery()
            self.witness.happened(RECOVERY, None, False)

    def moment(self, random: Random) -> int:
        """An instant drawn evenly over the opening hours."""
        return self.open_at(random.randrange(self._hours_us))

    def open_at(self, open_us: int) -> int:
        """The instant at which the shops have been open for so long: they may close between."""
        return open_us + (self._gap_us if open_us >= self._hours_us // 2 else 0)

    # -- running -------------------------------------------------------------------------------

    def run(self) -> Verdict:
        try:
            self.loop.run(self._day())
        finally:
            self.loop.close()
            self.heap.disarm()
            gc.unfreeze()
        return self._verdict()

    def close(self) -> None:
        self.base.close()

    async def _day(self) -> None:
        for each in self.mishaps:
            each.plan()
        people = [self.loop.create_task(serve(self, handset)) for handset in self.handsets]
        for handset in self.handsets:
            handset.power_on()
        if self._gap_us:
            self.loop.call_at_us(self._hours_us // 2, self._close_shops)
            self.loop.call_at_us(self._hours_us // 2 + self._gap_us - US, self._open_shops)
        for each in people:
            await each
        await asyncio.sleep(max(self.open_at(self._hours_us) - self.loop.now_us, 0) / US)
        for each in self.mishaps:
            each.relief()
        self.log.note("prove", "relief")
        if self.log.counts["restored"]:
            # what was answered before a restore comes back when heartbeats, hourly, ask for it
            await asyncio.sleep(AFTER_RESTORE_S)
            self.end_recovery()
        await self._drain()
        # what is later than all of this comes to a world that has long settled everything
        self.log.note("prove", "late", *(way.flush() for way in self.mischiefs))
        await self._drain()

    def _close_shops(self) -> None:
        self.closed = True
        self.log.note("prove", "closed")
        for handset in self.handsets:
            handset.power_off()

    def _open_shops(self) -> None:
        self.closed = False
        self.log.note("prove", "open")
        for handset in self.handsets:
            if not handset.on:
                handset.power_on()

    async def _drain(self) -> None:
        for turn in range(self.options.drain_minutes_max * 60 // POLL_S):
            await asyncio.sleep(POLL_S)
            if self._drained():
                break
            self._heal(turn)
            if turn * POLL_S == REINSTATED_S:
                self.office.reinstate()
        self.log.note("prove", "drained", int(self._drained()))

    def _heal(self, turn: int) -> None:
        """The fault behind the poison is mended only when all the rest has drained: one message
        must not keep others back."""
        if not self.poison.cured:
            waiting = sum((handset.unsettled or 0) - handset.voids_behind
                          for handset in self.handsets)
            # what a recovery put off may wait for an hour since it was asked last
            patience_s = PATIENCE_S + (LATER_S_MAX if self.log.counts["restored"] else 0)
            if waiting > len(self.poison.digests) and turn * POLL_S < patience_s:
                return
            # what only the gateway can do waits for its own void, which may be the poisoned one
            if not self.options.online_per_100:
                self.kept_back = max(waiting - len(self.poison.digests), 0)
            self.poison.cure()
        self._requeue()

    def _drained(self) -> bool:
        return (all(handset.unsettled == 0 for handset in self.handsets)
                and not any(map(len, self.broker.sessions)))

    def _requeue(self) -> None:
        """HQ looks at the quarantine now that the fault is mended."""
        for digest in sorted(self.poison.digests):
            try:
                self.registry.requeue(digest)
                self.log.note("hq", "requeue", digest[:8])
                self.witness.happened(QUARANTINED, digest)
            except NotQuarantined:
                continue
            self.poison.digests.discard(digest)

    # -- the server's power --------------------------------------------------------------------

    def _server_power_lost(self) -> None:
        """Every process is gone with the machine; what was synced is there when it comes back."""
        base = self.base
        assert isinstance(base, OnDisk)
        base.lose_power(self.stream("disk", self.log.counts["server_power_lost"]))
        self.log.note("server", "server_power_lost")
        with self.base.well():
            self.new_registry()
            self.witness.happened(SURVIVED, None, judge.surviving(self))
        for each in self.shores:
            each.kill("power", 3000)

    # -- the end -------------------------------------------------------------------------------

    def _verdict(self) -> Verdict:
        findings = [f"drain: {handset.terminal_id} holds {handset.unsettled} unsettled messages"
                    for handset in self.handsets if handset.unsettled != 0]
        findings += [f"drain: {len(session)} frames queued at the broker"
                     for session in self.broker.sessions if len(session)]
        findings += [f"{PROGRAM_ERROR}: {each}" for each in self._errors()]
        if self.kept_back:
            findings.append(f"drain: {self.kept_back} messages wait behind a poisoned one")
        findings += judge.findings(self)
        return self._told(findings)

    def _errors(self) -> list[str]:
        """Mistakes that no fault excuses, of handsets and of the gateway: each once."""
        names = tuple(error.__name__ for error in PROGRAM_ERRORS)
        told = [f"{handset.terminal_id} {why}" for handset in self.handsets
                for why in handset.died_of if why.partition(": ")[2].startswith(names)]
        told += [f"gateway {why}" for process in self.processes for why in process.errors]
        return sorted(set(told))

    def stopped(self, error: BaseException) -> Verdict:
        """The verdict on a run that could not go on."""
        return self._told([f"{STOPPED}: {type(error).__name__}: {error}"])

    def _told(self, findings: list[str]) -> Verdict:
        story, counts = self.witness.story, Counter(self.log.counts)
        for way, mischief in zip(("up", "down"), self.mischiefs, strict=True):
            counts.update({f"{way}_{name}": count for name, count in mischief.counts.items()})
        counts["garbage"] = sum(handset.radio.garbled for handset in self.handsets)
        counts["heap"] = self.heap.exhausted
        kinds = Counter(tap.kind for tap in story.taps)
        counts |= {"voids": kinds[VOID], "redemptions": kinds[REDEMPTION],
                   "refunds": kinds[REFUND]}
        counts["online"] = sum(kinds.values()) - kinds[SALE] - counts["voids"] - (
            counts["redemptions"] + counts["refunds"])
        retries = self.witness.sent - len(story.ups) + sum(
            process.retries for process in self.processes)
        return Verdict(self.seed, self.options, self.log.digest(), tuple(findings),
                       {name: count for name, count in sorted(counts.items()) if count},
                       len(story.taps), retries, self.loop.now_us,
                       sum(shore.frames for shore in self.shores))


def run_seed(seed: int, options: Options | None = None,
             echo: Callable[[str], None] | None = None) -> Verdict:
    """The whole of one seed. `echo` hears the event log. A run that cannot go on is a finding."""
    world = World(seed, drawing.draw(seed) if options is None else options, echo)
    try:
        with quiet():
            return world.run()
    except (SimulatorError, FlashMisuse) as error:
        return world.stopped(error)
    finally:
        world.close()


@contextmanager
def quiet() -> Iterator[None]:
    """The gateway logs each fault it survives; here they are wanted."""
    log = logging.getLogger("gateway")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
