"""The worker's order of things: commit, then PUBACK in order, then replies."""

import random
import threading
from datetime import datetime, timezone

import pytest

from gateway import metrics
from gateway.errors import TryLater
from gateway.intake import Answer, Arrival
from gateway.mqtt import LinkError, Message
from gateway.worker import Worker
from protocol import topics

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def message(number: int, terminal_id: int = 1001, generation: int = 1) -> Message:
    return Message(b"frame %d" % number, terminal_id, NOW, 1, number, generation, False)


def replied(arrival: Arrival) -> Answer:
    return Answer("replied", arrival.terminal_id, 1, 0, b"reply to " + arrival.frame, "approved")


class Events(list[str]):
    """What happened, in order, across link and intake."""


class FakeLink:
    """A link that keeps what the worker does; ends the run when its messages are used up."""

    def __init__(self, events: Events, stopping: threading.Event, *messages: Message):
        self.events = events
        self.stopping = stopping
        self.queued = list(messages)
        self.generation = 1
        self.failure: LinkError | None = None

    def check(self) -> None:
        if self.failure:
            raise self.failure

    def take(self, count_max: int, wait_s: float) -> list[Message]:
        taken, self.queued = self.queued[:count_max], self.queued[count_max:]
        if not taken:
            self.stopping.set()
        return taken

    def fresh(self, message: Message) -> bool:
        return message.generation == self.generation

    def acknowledge(self, message: Message) -> bool:
        if not self.fresh(message):
            return False
        self.events.append(f"puback {message.packet_id}")
        return True

    def publish(self, topic: str, frame: bytes) -> None:
        self.events.append(f"{topic} {frame.decode()}")


class FakeIntake:
    """Commits, or raises the errors it was given first."""

    def __init__(self, events: Events, *errors: Exception):
        self.events = events
        self.errors = list(errors)
        self.answer = replied

    def take(self, arrivals):
        if self.errors:
            self.events.append("refused")
            raise self.errors.pop(0)
        self.events.append(f"commit {len(arrivals)}")
        return [self.answer(arrival) for arrival in arrivals]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("gateway.worker.RETRY_DELAY_S_MIN", 0.001)
    monkeypatch.setattr("gateway.worker.RETRY_DELAY_S_MAX", 0.002)


def run(link: FakeLink, intake: FakeIntake, batch_max: int = 200, halt=None) -> Events:
    Worker(link, intake, batch_max, link.stopping, halt or link.events.append).run()
    return link.events


def test_acknowledgements_follow_the_commit_in_order_and_replies_follow_them():
    events = Events()
    link = FakeLink(events, threading.Event(), message(3), message(1, 7), message(2))
    assert run(link, FakeIntake(events)) == [
        "commit 3", "before_puback", "puback 3", "puback 1", "puback 2", "before_reply",
        "pw/1/1001/down reply to frame 3", "pw/1/7/down reply to frame 1",
        "pw/1/1001/down reply to frame 2"]


def test_what_queued_becomes_batches_of_the_size_set():
    events = Events()
    link = FakeLink(events, threading.Event(), *(message(n) for n in range(1, 6)))
    assert [e for e in run(link, FakeIntake(events), batch_max=2) if "commit" in e] == [
        "commit 2", "commit 2", "commit 1"]


def test_nothing_is_acknowledged_until_a_retry_commits():
    events = Events()
    link = FakeLink(events, threading.Event(), message(1))
    intake = FakeIntake(events, TryLater("locked"), TryLater("locked"))
    assert run(link, intake)[:4] == ["refused", "refused", "commit 1", "before_puback"]


def test_an_error_nobody_foresaw_is_counted_and_the_batch_tried_again():
    events, before = Events(), metrics.unexpected_errors()
    link = FakeLink(events, threading.Event(), message(1))
    assert "puback 1" in run(link, FakeIntake(events, ZeroDivisionError()))
    assert metrics.unexpected_errors() == before + 1


def test_a_dead_letter_is_acknowledged_without_a_reply():
    events = Events()
    link = FakeLink(events, threading.Event(), message(1))
    intake = FakeIntake(events)
    intake.answer = lambda arrival: Answer("dead_letter", 1001, 1, None, None, "tag")
    assert run(link, intake) == ["commit 1", "before_puback", "puback 1", "before_reply"]


def test_a_frame_that_broke_its_decision_is_counted_once_and_answered():
    events, before = Events(), metrics.unexpected_errors()
    link = FakeLink(events, threading.Event(), message(1), message(2))
    intake = FakeIntake(events)
    reasons = {b"frame 1": "quarantined", b"frame 2": "quarantined_before"}
    intake.answer = lambda arrival: Answer("replied", 1001, 1, 90, b"later",
                                           reasons[arrival.frame])
    assert run(link, intake).count("pw/1/1001/down later") == 2
    assert metrics.unexpected_errors() == before + 1


def test_a_frame_that_broke_its_opening_is_counted_and_acknowledged():
    events, before = Events(), metrics.unexpected_errors()
    link = FakeLink(events, threading.Event(), message(1))
    intake = FakeIntake(events)
    intake.answer = lambda arrival: Answer("dead_letter", 1001, None, None, None,
                                           "opening_failed")
    assert "puback 1" in run(link, intake)
    assert metrics.unexpected_errors() == before + 1


def test_a_batch_whose_connection_went_before_puback_still_sends_its_replies():
    events = Events()
    link = FakeLink(events, threading.Event(), message(1))

    def reconnect(point: str) -> None:
        link.generation += 1

    assert run(link, FakeIntake(events), halt=reconnect) == [
        "commit 1", "pw/1/1001/down reply to frame 1"]


def test_a_batch_whose_connection_went_before_the_commit_is_left_to_come_again():
    events = Events()
    link = FakeLink(events, threading.Event(), message(1), message(2, generation=2))

    class Reconnecting(FakeIntake):
        def take(self, arrivals):
            link.generation = 2
            return super().take(arrivals)

    assert run(link, Reconnecting(events, TryLater("gone")), batch_max=1) == [
        "refused", "commit 1", "before_puback", "puback 2", "before_reply",
        "pw/1/1001/down reply to frame 2"]


def test_a_stop_while_nothing_can_be_committed_acknowledges_nothing():
    events, stopping = Events(), threading.Event()
    link = FakeLink(events, stopping, message(1))

    class Stopped(FakeIntake):
        def take(self, arrivals):
            stopping.set()
            return super().take(arrivals)

    assert run(link, Stopped(events, TryLater("gone"))) == ["refused"]


def test_a_stop_lets_the_batch_in_hand_finish():
    events, stopping = Events(), threading.Event()
    link = FakeLink(events, stopping, message(1), message(2))
    run(link, FakeIntake(events), batch_max=1, halt=lambda point: stopping.set())
    assert events == ["commit 1", "puback 1", "pw/1/1001/down reply to frame 1"]


def test_a_link_that_failed_ends_the_worker_aloud():
    link = FakeLink(Events(), threading.Event(), message(1))
    link.failure = LinkError("gone for good")
    with pytest.raises(LinkError, match="gone for good"):
        run(link, FakeIntake(link.events))


def test_under_random_trouble_every_message_is_acknowledged_once_and_after_its_commit():
    chance = random.Random(7)
    events = Events()
    link = FakeLink(events, threading.Event(), *(message(n) for n in range(1, 101)))

    class Moody(FakeIntake):
        def take(self, arrivals):
            if chance.random() < 0.4:
                self.errors = [chance.choice([TryLater("busy"), KeyError("x")])]
            return super().take(arrivals)

    run(link, Moody(events), batch_max=7)
    acknowledged = [event for event in events if event.startswith("puback")]
    assert acknowledged == [f"puback {n}" for n in range(1, 101)]
    assert sum(event.startswith(topics.down(1001)) for event in events) == 100
