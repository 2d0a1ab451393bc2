"""The gateway as a function behind the queue: committed before acknowledged before answered."""

from collections.abc import Sequence
from random import Random

import pytest

from protocol import topics
from simulator.broker import Broker
from simulator.errors import TaskDied, Unavailable
from simulator.eventlog import EventLog
from simulator.loop import US, VirtualLoop
from simulator.shore import Arrived, Shore, Work, one_by_one


class Town:
    def __init__(self, gateway) -> None:
        self.loop = VirtualLoop()
        self.broker = Broker({})
        self.log = EventLog(lambda: self.loop.now_us)
        self.sent: list[tuple[str, bytes]] = []
        self.broker.publish = self._publish  # type: ignore[method-assign]
        self.shore = Shore(self.loop, Random(1), self.broker, gateway, self.log, Work())

    def _publish(self, topic: str, body: bytes) -> int:
        self.sent.append((topic, body))
        return 1


def test_a_frame_is_answered_on_its_terminals_topic():
    town = Town(one_by_one(lambda frame, now_us: frame[::-1]))
    town.broker.gateway.offer(topics.up(7), b"abc")
    town.loop.run_until_us(US)
    assert town.sent == [(topics.down(7), b"cba")]


def test_what_queues_during_a_commit_is_taken_as_one_batch():
    sizes: list[int] = []

    def gateway(arrived: Sequence[Arrived], now_us: int) -> list[bytes | None]:
        sizes.append(len(arrived))
        return [b"reply"] * len(arrived)

    town = Town(gateway)
    for number in range(5):
        town.broker.gateway.offer(topics.up(7), bytes((number,)))
    town.loop.run_until_us(US)
    assert sizes == [1, 4] and town.shore.frames == 5 and len(town.sent) == 5


def test_a_frame_without_a_reply_is_acknowledged_and_answered_by_silence():
    town = Town(one_by_one(lambda frame, now_us: None))
    town.broker.gateway.offer(topics.up(7), b"abc")
    town.loop.run_until_us(US)
    town.broker.gateway.gone()
    assert town.sent == [] and len(town.broker.gateway) == 0


def test_while_nothing_can_be_committed_frames_come_again_until_they_are():
    tries: list[int] = []

    def gateway(arrived: Sequence[Arrived], now_us: int) -> list[bytes | None]:
        tries.append(now_us)
        if len(tries) < 3:
            raise Unavailable("the database is locked")
        return [b"reply"] * len(arrived)

    town = Town(gateway)
    town.broker.gateway.offer(topics.up(7), b"abc")
    town.loop.run_until_us(10 * US)
    assert tries == [0, US, 2 * US]
    assert town.sent == [(topics.down(7), b"reply")]
    assert town.log.counts["unavailable"] == 2


def test_an_answer_too_few_is_an_error_and_not_a_mix_up():
    town = Town(lambda arrived, now_us: [])
    town.broker.gateway.offer(topics.up(7), b"abc")
    with pytest.raises(TaskDied, match="shorter"):
        town.loop.run_until_us(US)
