"""The intake: frames in, committed outcomes and sealed replies out. The one way to post.

    intake = Intake(engine, keyring)
    answers = intake.take([Arrival(frame, received_at, terminal_id), ...])

Law: what `take` returns is committed (I4); when it raises TryLater, nothing may be acknowledged
and everything may be sent again. Open, then in one transaction load, decide, store; then the
answers, one for each arrival, in order. A passing failure repeats the batch after a pause; any
other halves it until one message is left, which is quarantined and answered 90 while the rest
posts. Thread-safe; several intakes may work on one database.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine

from gateway import aside, chain, entries, failures, logins, storing
from gateway.book import Loaded
from gateway.clock import MS, month_of, to_ms, utc_now
from gateway.database import writing
from gateway.effects import Decision
from gateway.errors import LinkMoved, TryLater
from gateway.judging import AGAIN, OUTCOME, STORED, STRANGER, TRANSIENT, Case, judge
from gateway.keyring import Keyring, KeyringError, bound_to
from gateway.loading import CatalogueCache, load
from gateway.message import Message
from gateway.numbers import draw_numbers
from gateway.opening import (
    DEAD_LETTER,
    REPLIED,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNREADABLE,
    Answer,
    Arrival,
    Letter,
    open_arrivals,
)
from gateway.replies import reply_frame
from gateway.storing import Settled
from protocol import codes
from protocol.limits import U32_MAX

__all__ = ["DEAD_LETTER", "REPLIED", "TOO_LARGE", "UNAUTHENTICATED", "UNREADABLE", "Answer",
           "Arrival", "Intake", "Letter"]

ATTEMPTS_MAX = 5
PAUSE_S_FIRST = 0.02

Done = TypeVar("Done")
# a batch and what was loaded for it, to cases
Judge = Callable[[Sequence[Message], Loaded], list[Case]]

log = logging.getLogger("gateway.intake")


class Intake:
    """`clock` gives aware datetimes; `pause` waits that many seconds (before another attempt)."""

    def __init__(self, engine: Engine, keyring: Keyring, *,
                 clock: Callable[[], datetime] = utc_now,
                 pause: Callable[[float], None] = time.sleep,
                 attempts_max: int = ATTEMPTS_MAX) -> None:
        self.engine = engine
        self.keyring = keyring
        self.clock = clock
        self.pause = pause
        self.attempts_max = attempts_max
        self.retries = 0
        self._catalogue = CatalogueCache()

    def take(self, arrivals: Sequence[Arrival]) -> list[Answer]:
        """Answers of the same length and order, committed. Raises TryLater."""
        opened = self.open_arrivals(arrivals)
        posted = iter(self.post([each for each in opened if isinstance(each, Message)]))
        answers = [each.answer if isinstance(each, Letter) else next(posted) for each in opened]
        self._keep_letters(arrivals, answers)
        return answers

    def open_arrivals(self, arrivals: Sequence[Arrival]) -> list[Message | Letter]:
        """The first phase alone: verified messages, and letters for what is none of ours."""
        return open_arrivals(self.keyring, arrivals)

    def post(self, messages: Sequence[Message]) -> list[Answer]:
        """The second phase alone: verified messages to committed answers. Raises TryLater."""
        answers: list[Answer] = []
        waiting = [list(messages)] if messages else []
        while waiting:
            batch = waiting.pop()
            try:
                answers += self._attempt(batch)
            except TryLater:
                raise
            except Exception as fault:
                if len(batch) > 1:
                    middle = len(batch) // 2
                    waiting += [batch[middle:], batch[:middle]]
                else:
                    answers.append(self._quarantine(batch[0], fault))
        return answers

    def settle(self, message: Message, judging: Judge) -> Settled:
        """HQ's word, on a held message or as a command, committed: the road of every message, with
        `judging` in the place of `judge`. Raises what `judging` raises, and TryLater."""
        return self.retried(lambda: self._transact([message], judging)[0])

    def _attempt(self, batch: list[Message]) -> list[Answer]:
        settled = self.retried(lambda: self._transact(batch))
        for case, _, _ in settled:
            if case.kind == OUTCOME and case.decision.why:
                log.info("held: terminal %d journal %d trace %d: %s", case.message.terminal_id,
                         case.message.request.journal, case.message.request.trace, case.reason)
        return [_answer(each) for each in settled]

    def retried(self, work: Callable[[], Done]) -> Done:
        """What `work` returns; tried again while it fails passingly, then TryLater."""
        for attempt in range(1, self.attempts_max + 1):
            try:
                return work()
            except Exception as fault:
                if not failures.passing(fault):
                    raise
                log.warning("batch not stored, attempt %d of %d: %s", attempt,
                            self.attempts_max, failures.describe(fault))
                if attempt == self.attempts_max:
                    if isinstance(fault, LinkMoved):
                        raise  # one message that always finds it so may not keep the others back
                    raise TryLater(
                        "The database did not take the batch. Nothing is acknowledged and"
                        " nothing is lost; the terminals send again.") from fault
                self.retries += 1
                self.pause(PAUSE_S_FIRST * 2 ** (attempt - 1))
        raise TryLater("No attempt was allowed. Nothing is acknowledged.")

    def _transact(self, batch: list[Message], judging: Judge = judge) -> list[Settled]:
        """One transaction: load, decide, store, commit; PINs are tried before it."""
        batch = logins.proved(self.engine, self.keyring, batch, self._now())
        with writing(self.engine) as connection:
            now = self._now()
            loaded = load(connection, self._catalogue, batch, now, self.keyring)
            cases = judging(batch, loaded)
            numbers = draw_numbers(connection, *entries.needed(cases))
            done = entries.number(cases, loaded.book, numbers, self._head)
            settled = self._settle(cases, now, done)
            storing.store(connection, self.keyring, settled, loaded.book, done)
        return settled

    def _now(self) -> int:
        """The clock in milliseconds, where a reply can carry it (key 5 is a u32 of seconds)."""
        now = to_ms(self.clock())
        if not 0 <= now // MS <= U32_MAX:
            raise TryLater("The gateway's clock is outside 1970 to 2106. Nothing is acknowledged"
                           " and nothing is lost: set the clock, the terminals send again.")
        return now

    def _head(self, link: bytes) -> bytes:
        return chain.head(self.keyring.audit_key, link)

    def _settle(self, cases: list[Case], now: int, done: entries.Ledgered) -> list[Settled]:
        settled: list[Settled] = []
        for place, case in enumerate(cases):
            entry = done.entries.get(place)
            if case.kind == AGAIN and case.again is not None:
                first = settled[case.again]
                reply = first.reply
                case = case._replace(decision=first.case.decision, reason="repeat")
            elif case.kind == STORED:
                case, reply = self._stored_reply(case, now)
            elif case.kind == STRANGER:
                reply = b""
            elif case.message.by_hq:
                reply = case.box or b""
            else:
                reply = reply_frame(self.keyring, case, now, entry.id if entry else None,
                                    done.heads.get(place))
            settled.append(Settled(case, reply, entry))
        return settled

    def _stored_reply(self, case: Case, now: int) -> tuple[Case, bytes]:
        """The reply as it was stored. Where the box no longer opens (the audit names it) the
        outcome still holds: 63 with points and receipt, or the refusal's code once more."""
        message = case.message
        refused = case.reason == "refused_before"
        bound = (bound_to("refusals", message.frame_hash) if refused
                 else bound_to("frames", message.terminal_id, message.key))
        assert case.box is not None and case.stored_at is not None
        try:
            return case, self.keyring.unlock(month_of(case.stored_at), bound, case.box)[1]
        except KeyringError as fault:
            log.error("stored reply unreadable: terminal %d journal %d trace %d: %s",
                      message.terminal_id, message.request.journal, message.request.trace, fault)
        if not refused:
            case = case._replace(decision=case.decision._replace(code=codes.TOO_OLD))
        return case, reply_frame(self.keyring, case, now, None, None)

    def _quarantine(self, message: Message, fault: Exception) -> Answer:
        word = failures.describe(fault)
        log.error("message quarantined: terminal %d journal %d trace %d: %s",
                  message.terminal_id, message.request.journal, message.request.trace, word,
                  exc_info=fault)
        now = to_ms(self.clock())

        def work() -> None:
            with writing(self.engine) as connection:
                aside.set_aside(connection, self.keyring, message, word, now)

        try:
            self.retried(work)
        except TryLater:
            raise
        except Exception as second:
            raise TryLater("A message could neither be stored nor set aside. Nothing is"
                           " acknowledged; look at the database.") from second
        case = Case(message, TRANSIENT, Decision(codes.TRY_LATER), reason="quarantined")
        return _answer(Settled(case, reply_frame(self.keyring, case, now, None, None), None))

    def _keep_letters(self, arrivals: Sequence[Arrival], answers: Sequence[Answer]) -> None:
        letters = [
            Letter(answer.verdict, answer.reason, bytes(arrival.frame),
                   to_ms(arrival.received_at), answer.terminal_id, answer.epoch)
            for arrival, answer in zip(arrivals, answers, strict=True)
            if answer.verdict != REPLIED]
        if not letters:
            return

        def work() -> None:
            with writing(self.engine) as connection:
                aside.keep_letters(connection, self.keyring, letters)

        try:
            self.retried(work)
        except TryLater:
            raise
        except Exception as fault:
            raise TryLater("Dead letters could not be kept. Nothing is acknowledged; look at"
                           " the database.") from fault


def _answer(settled: Settled) -> Answer:
    case = settled.case
    message = case.message
    if case.kind == STRANGER:
        return Answer(UNAUTHENTICATED, message.terminal_id, message.epoch, None, None,
                      case.reason)
    return Answer(REPLIED, message.terminal_id, message.epoch, case.decision.code,
                  settled.reply, case.reason)
