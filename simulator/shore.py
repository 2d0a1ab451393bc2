"""The gateway's end of the simulated network: a function behind the broker's queue.

The gateway is any function of frames: `gateway(arrived, now_us)` gives, for each frame in the same
order, the reply frame or None, and has committed when it returns; raising `Unavailable` means
that nothing was committed. `one_by_one` makes one of a function of a single frame.

Law, the worker's own (gateway/worker.py): take what has queued, commit, then acknowledge, then
publish the replies; while a batch is in hand nothing else is taken. What was not committed is
neither acknowledged nor lost: it comes again with DUP.

A worker may be killed: `fate()` says for each batch whether, at which of the named steps, and for
how long it then stays away. What it did until then is done; the broker keeps the rest for it.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from protocol import topics
from simulator.broker import Broker, Delivery, GatewaySession
from simulator.errors import Killed, Unavailable
from simulator.eventlog import EventLog
from simulator.loop import VirtualLoop

# where a worker can be killed, in the order of its work
BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"
BETWEEN_ACKS = "between_acks"
BEFORE_REPLIES = "before_replies"
BETWEEN_REPLIES = "between_replies"
STEPS = (BEFORE_COMMIT, AFTER_COMMIT, BETWEEN_ACKS, BEFORE_REPLIES, BETWEEN_REPLIES)


class Arrived(NamedTuple):
    """One frame as it came off the broker; `terminal_id` is its topic's."""

    terminal_id: int | None
    frame: bytes
    received_us: int


class Crash(NamedTuple):
    """`part_in_256` of the acknowledgements or replies were out when it happened."""

    step: str
    down_ms: int
    part_in_256: int = 128


Gateway = Callable[[Sequence[Arrived], int], Sequence[bytes | None]]


def one_by_one(answer: Callable[[bytes, int], bytes | None]) -> Gateway:
    """A gateway out of a function (frame, now_us) -> reply frame or None."""
    def gateway(arrived: Sequence[Arrived], now_us: int) -> Sequence[bytes | None]:
        return [answer(each.frame, now_us) for each in arrived]
    return gateway


class Work(NamedTuple):
    """How long the gateway takes. Times in the units of the names."""

    batch_max: int = 200
    commit_ms_min: int = 5
    commit_ms_max: int = 25
    retry_ms: int = 1000
    restart_ms: int = 2000


class Shore:
    """One worker. Runs by timers on the virtual loop; there is nothing to start.

    `fate()` gives a Crash or None for each batch. `on_doomed()` is called before the gateway
    works on a batch that it must not live to commit: it should then raise Killed at its commit.
    `on_start()` is called when a killed worker comes back, with empty memory.
    """

    def __init__(self, loop: VirtualLoop, random: Random, broker: Broker, gateway: Gateway,
                 log: EventLog, work: Work, session: GatewaySession | None = None,
                 name: str = "gateway") -> None:
        self.frames = 0
        self.batches = 0
        self.up = True
        self.fate: Callable[[], Crash | None] = lambda: None
        self.on_doomed: Callable[[], None] = lambda: None
        self.on_start: Callable[[], None] = lambda: None
        # terminal id and body: taken off the queue, acknowledged to the broker, published
        self.on_arrived: Callable[[int, bytes], None] = lambda terminal_id, frame: None
        self.on_acknowledged: Callable[[int, bytes], None] = lambda terminal_id, frame: None
        self.on_reply: Callable[[int, bytes], None] = lambda terminal_id, frame: None
        self._loop = loop
        self._random = random
        self._broker = broker
        self._session = broker.gateway if session is None else session
        self._gateway = gateway
        self._log = log
        self._work = work
        self._name = name
        self._busy = False
        self._life = 0
        self._session.on_arrival = self._next

    # -- its life ------------------------------------------------------------------------------

    def kill(self, why: str, down_ms: int) -> None:
        """The process is gone at once; after `down_ms` it is started again."""
        self._leave(why, down_ms, self.on_start)

    def cut_off(self, why: str, down_ms: int) -> None:
        """The process lives, its connection to the broker does not: what it has in hand it may
        still commit, but neither acknowledge nor answer."""
        self._leave(why, down_ms, lambda: None)

    def _leave(self, why: str, down_ms: int, then: Callable[[], None]) -> None:
        if not self.up:
            return
        self.up = False
        self._life += 1
        self._busy = False
        self._log.note(self._name, why, down_ms)
        self._session.gone()
        self._loop.call_at_us(self._loop.now_us + down_ms * 1000, self._back, then)

    def _back(self, then: Callable[[], None]) -> None:
        """A start or a new connection; neither works without a broker to subscribe at."""
        if not self._broker.open:
            self._loop.call_at_us(self._loop.now_us + self._work.retry_ms * 1000, self._back,
                                  then)
            return
        then()
        self.up = True
        self._session.alive = True
        self._log.note(self._name, "subscribed")
        self._next()

    # -- its work ------------------------------------------------------------------------------

    def _next(self) -> None:
        if self._busy or not self.up or not len(self._session):
            return
        self._busy = True
        taken = self._session.take(self._work.batch_max)
        now_us = self._loop.now_us
        arrived = [Arrived(topics.terminal_of(each.topic), each.body, now_us) for each in taken]
        for each in arrived:
            self.on_arrived(each.terminal_id or 0, each.frame)
        crash = self.fate()
        if crash is not None and crash.step == BEFORE_COMMIT:
            self.on_doomed()
        try:
            replies = self._gateway(arrived, now_us)
        except Unavailable:
            self._log.note(self._name, "unavailable", len(taken))
            self._session.gone()
            self._loop.call_at_us(now_us + self._work.retry_ms * 1000, self._again, self._life)
            return
        except Killed:
            self.kill(BEFORE_COMMIT, crash.down_ms if crash else self._work.restart_ms)
            return
        self.frames += len(taken)
        self.batches += 1
        low, high = self._work.commit_ms_min * 1000, self._work.commit_ms_max * 1000
        done_us = now_us + self._random.randrange(low, high + 1)
        self._loop.call_at_us(done_us, self._committed, taken, replies, crash, self._life)

    def _again(self, life: int) -> None:
        if life == self._life:
            self._busy = False
            self._next()

    def _committed(self, taken: Sequence[Delivery], replies: Sequence[bytes | None],
                   crash: Crash | None, life: int) -> None:
        if life != self._life:
            return
        acks, answers = len(taken), len(taken)
        if crash is not None:
            if crash.step in (BEFORE_COMMIT, AFTER_COMMIT):
                acks = answers = 0
            elif crash.step == BETWEEN_ACKS:
                acks, answers = acks * crash.part_in_256 // 256, 0
            elif crash.step == BEFORE_REPLIES:
                answers = 0
            else:
                answers = answers * crash.part_in_256 // 256
        for each in taken[:acks]:
            self._session.acknowledge(each.number)
            self.on_acknowledged(topics.terminal_of(each.topic) or 0, each.body)
        for each, reply in list(zip(taken, replies, strict=True))[:answers]:
            terminal_id = topics.terminal_of(each.topic)
            if reply is not None and terminal_id is not None:
                self.on_reply(terminal_id, reply)
                self._broker.publish(topics.down(terminal_id), reply)
        if crash is not None:
            self.kill(AFTER_COMMIT if crash.step == BEFORE_COMMIT else crash.step, crash.down_ms)
        else:
            self._again(life)
