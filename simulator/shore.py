"""The gateway's end of the simulated network: a function behind the broker's queue.

The gateway is any function of frames: `gateway(arrived, now_us)` gives, for each frame in the same
order, the reply frame or None, and has committed when it returns; raising `Unavailable` means
that nothing was committed. `one_by_one` makes one of a function of a single frame.

Law, the worker's own (gateway/worker.py): take what has queued, commit, then acknowledge, then
publish the replies; while a batch is in hand nothing else is taken. What was not committed is
neither acknowledged nor lost: it comes again with DUP.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from protocol import topics
from simulator.broker import Broker, Delivery
from simulator.errors import Unavailable
from simulator.eventlog import EventLog
from simulator.loop import VirtualLoop


class Arrived(NamedTuple):
    """One frame as it came off the broker; `terminal_id` is its topic's."""

    terminal_id: int | None
    frame: bytes
    received_us: int


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


class Shore:
    """Runs by timers on the virtual loop; there is nothing to start."""

    def __init__(self, loop: VirtualLoop, random: Random, broker: Broker, gateway: Gateway,
                 log: EventLog, work: Work) -> None:
        self.frames = 0
        self.batches = 0
        self._loop = loop
        self._random = random
        self._broker = broker
        self._gateway = gateway
        self._log = log
        self._work = work
        self._busy = False
        broker.gateway.on_arrival = self._next

    def _next(self) -> None:
        if self._busy or not len(self._broker.gateway):
            return
        self._busy = True
        taken = self._broker.gateway.take(self._work.batch_max)
        now_us = self._loop.now_us
        arrived = [Arrived(topics.terminal_of(each.topic), each.body, now_us) for each in taken]
        try:
            replies = self._gateway(arrived, now_us)
        except Unavailable as error:
            self._log.note("gateway", "unavailable", len(taken), str(error))
            self._broker.gateway.gone()
            self._loop.call_at_us(now_us + self._work.retry_ms * 1000, self._again)
            return
        self.frames += len(taken)
        self.batches += 1
        low, high = self._work.commit_ms_min * 1000, self._work.commit_ms_max * 1000
        done_us = now_us + self._random.randrange(low, high + 1)
        self._loop.call_at_us(done_us, self._committed, taken, replies)

    def _again(self) -> None:
        self._busy = False
        self._next()

    def _committed(self, taken: Sequence[Delivery], replies: Sequence[bytes | None]) -> None:
        for each in taken:
            self._broker.gateway.acknowledge(each.number)
        for each, reply in zip(taken, replies, strict=True):
            terminal_id = topics.terminal_of(each.topic)
            if reply is not None and terminal_id is not None:
                self._broker.publish(topics.down(terminal_id), reply)
        self._again()
