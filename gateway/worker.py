"""The worker: frames from the broker into batches, commits, then acknowledgements and replies.

Law, in this order for every batch:
1. take what has queued, at most POINTWIRE_BATCH_MAX, and nothing more until it is done;
2. the intake commits it; when it cannot, nothing is acknowledged and the batch is tried again;
3. PUBACK in order of arrival (the link refuses those of an earlier connection);
4. replies, QoS 1, not retained. A reply that never arrives is asked for again by its terminal.
Whatever a frame holds, its message is acknowledged once its verdict is committed: one that were
never acknowledged would hold a place in the broker's window for ever.
A stop (SIGTERM) lets the batch in hand finish. A kill at any point loses nothing: broker and
terminal keep what was not acknowledged, and the same bytes give the same reply.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway import logs, metrics
from gateway.aside import QUARANTINED
from gateway.errors import TryLater
from gateway.intake import REPLIED, Answer, Arrival
from gateway.mqtt import Message
from gateway.opening import OPENING_FAILED
from protocol import codes, topics

log = logs.logger(__name__)

TAKE_WAIT_S = 0.5
RETRY_DELAY_S_MIN = 0.1
RETRY_DELAY_S_MAX = 10.0
# reasons of an answer that mean a mistake of our own, and where it was made
OUR_FAULT = {QUARANTINED: "decision", OPENING_FAILED: "opening"}


class Post(Protocol):
    """The intake as the worker sees it: committed when it returns, same length and order."""

    def take(self, arrivals: Sequence[Arrival]) -> list[Answer]: ...


class Broker(Protocol):
    """The link as the worker sees it (gateway.mqtt.Link)."""

    def check(self) -> None: ...
    def take(self, count_max: int, wait_s: float) -> list[Message]: ...
    def fresh(self, message: Message) -> bool: ...
    def acknowledge(self, message: Message) -> bool: ...
    def publish(self, topic: str, frame: bytes) -> None: ...


def stand_nowhere(_: str) -> None:
    """The halt of everyday: no named point stops anything."""


class Worker:
    """`stopping` ends the run after the batch in hand; `halt` is called at the named points
    before_puback and before_reply, so that a test can kill the process exactly there."""

    def __init__(self, link: Broker, intake: Post, batch_max: int, stopping: threading.Event,
                 halt: Callable[[str], None] = stand_nowhere):
        self._link = link
        self._intake = intake
        self._batch_max = batch_max
        self._stopping = stopping
        self._halt = halt

    def run(self) -> None:
        """Work until `stopping`; raises LinkError when the broker is gone for good."""
        while not self._stopping.is_set():
            self._link.check()
            batch = self._link.take(self._batch_max, TAKE_WAIT_S)
            if batch:
                self._note_repeats(batch)
                self._settle(batch)

    def _note_repeats(self, batch: list[Message]) -> None:
        again = sum(message.again for message in batch)
        if again:
            log.info("frames came again from the broker", again=again, frames=len(batch))

    def _settle(self, batch: list[Message]) -> None:
        answers = self._committed(batch)
        if answers is None:
            return
        self._halt("before_puback")
        acknowledged = sum([self._link.acknowledge(message) for message in batch])
        self._halt("before_reply")
        for answer in answers:
            if answer.reply is not None and answer.terminal_id is not None:
                self._link.publish(topics.down(answer.terminal_id), answer.reply)
        if acknowledged < len(batch):
            log.warning("committed, but the connection went before PUBACK; they come again",
                        unacknowledged=len(batch) - acknowledged)

    def _committed(self, batch: list[Message]) -> list[Answer] | None:
        """The answers, or None: nothing was committed and the batch is not ours any more."""
        arrivals = [Arrival(message.frame, message.received_at, message.terminal_id)
                    for message in batch]
        delay_s = RETRY_DELAY_S_MIN
        while True:
            started = time.monotonic()
            try:
                answers = self._intake.take(arrivals)
            except TryLater as error:
                metrics.RETRIES.labels("mqtt").inc()
                log.warning("nothing committed, trying again", frames=len(batch), why=str(error),
                            delay_s=delay_s)
            except Exception:
                metrics.unexpected("worker", frames=len(batch), delay_s=delay_s)
            else:
                metrics.BATCH_SIZE.observe(len(batch))
                metrics.BATCH_SECONDS.observe(time.monotonic() - started)
                count("mqtt", answers)
                return answers
            if self._stopping.wait(delay_s):
                return None
            self._link.check()
            if not any(self._link.fresh(message) for message in batch):
                log.info("the connection went meanwhile; the batch comes again",
                         frames=len(batch))
                return None
            delay_s = min(delay_s * 2, RETRY_DELAY_S_MAX)


def count(way: str, answers: Sequence[Answer]) -> None:
    """Count what became of frames that came in by `way`; one log line for those without reply."""
    unanswered: Counter[str] = Counter()
    for answer in answers:
        code = "none" if answer.code is None else codes.name(answer.code)
        metrics.FRAMES.labels(way, answer.verdict, code).inc()
        if answer.reason in OUR_FAULT:
            metrics.UNEXPECTED.labels(OUR_FAULT[answer.reason]).inc()   # logged where it happened
        if answer.verdict != REPLIED:
            unanswered[f"{answer.verdict}: {answer.reason}"] += 1
    if unanswered:
        log.warning("frames without a reply", way=way, verdicts=dict(unanswered))
