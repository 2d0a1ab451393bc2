"""Held taps: HQ's verdict on what waits (held_list.py shows what does).

Law (DESIGN 6.4): a verdict is an outcome of its own, origin 0 (HQ), key terminal || journal ||
trace of the held row, which never changes; so there is one verdict on a tap, and its terminal's
journal counts it. It goes the road of every message (`Intake.settle`): the same locks, the
same decision with what held it set aside, the same entry, chain and seals. A void that came
meanwhile wins. Who decided and why is kept encrypted with the frame, 400 days: a reason may name
a person, and no chain may (6.7). A tap whose frame is no longer kept can only be refused.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gateway import bulk
from gateway.book import Loaded
from gateway.clock import month_of
from gateway.database import reading
from gateway.decisions import DECISIONS
from gateway.effects import Decision, Facts
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.judging import OUTCOME, Case, rows_of
from gateway.keyring import bound_to
from gateway.message import HQ, Key, Message, operation_key
from gateway.originals import FRAME_KEY, HANDSET_KEY, request_of
from gateway.tables import frames, outcomes
from gateway.words import REASON_SIZE_MAX, need_line, need_name, note_of
from protocol import codes
from protocol import frames as wire
from protocol.limits import FRAME_UP_SIZE_MAX, U32_MAX
from protocol.messages import Fault, request

POSTED = codes.APPROVED
REFUSED = 100  # of a verdict; no wire code, no terminal ever gets it

STATES = {POSTED: "posted", REFUSED: "refused"}

class HeldError(GatewayError):
    """The verdict does not fit what there is: nothing was changed."""

    code = "held"


class HeldKey(NamedTuple):
    """The name of a held tap, as people write it: 10000001/1592933608/17."""

    terminal_id: int
    journal: int
    trace: int

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @property
    def row(self) -> Key:
        return self.terminal_id, operation_key(self.journal, self.trace)


class Verdict(NamedTuple):
    """What HQ's word came to. `points`, `balance`, `receipt`: of the entry it made."""

    key: HeldKey
    state: str
    points: int | None
    balance: int | None
    receipt: int | None


def read_key(text: str) -> HeldKey:
    """HeldKey of its written form; HeldError for anything else."""
    parts = text.split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 10
                                  and 0 < int(part) <= U32_MAX for part in parts):
        raise HeldError(f"{text!r} names no held tap. Nothing was changed; write"
                        " terminal/journal/trace as the list shows them.")
    return HeldKey(*map(int, parts))


def post(intake: Intake, key: HeldKey, by: str, reason: str = "") -> Verdict:
    """Post a held tap now, dated to its tap. Raises HeldError (nothing changed) and TryLater."""
    return _decide(intake, key, True, by, reason)


def refuse(intake: Intake, key: HeldKey, by: str, reason: str) -> Verdict:
    """Refuse a held tap for good. Raises HeldError (nothing changed) and TryLater."""
    return _decide(intake, key, False, by, reason)


def _decide(intake: Intake, key: HeldKey, posts: bool, by: str, reason: str) -> Verdict:
    need_name("name of who decides", by, HeldError)
    need_line("reason", reason, 0 if posts else 1, REASON_SIZE_MAX, HeldError)
    message = _held_message(intake, key)
    if posts and not message.frame:
        raise HeldError(f"The frame of {key} is no longer kept, so it cannot be posted. Nothing"
                        " was changed; refuse it, and give the points by an adjustment.")
    note = note_of(by, reason)

    def judging(batch: Sequence[Message], loaded: Loaded) -> list[Case]:
        return [_judge(batch[0], loaded, key, posts, note)]

    settled = intake.settle(message, judging)
    facts = settled.case.decision.facts
    return Verdict(key, STATES[settled.case.decision.code], facts.points, facts.balance,
                   settled.entry.id if settled.entry else None)


def _judge(message: Message, loaded: Loaded, key: HeldKey, posts: bool, note: bytes) -> Case:
    book, seen = loaded
    before = seen.outcomes.get((HQ, message.key))
    if before is not None:
        raise HeldError(f"{key} was {STATES[before.code]} by HQ already. Nothing was changed.")
    original = book.originals.get(message.held_key)
    if original is None or original.code != codes.HELD:
        raise HeldError(f"{key} is not held. Nothing was changed; list what is.")
    if original.reversed:
        raise HeldError(f"{key} was voided meanwhile. Nothing was changed, nothing is to do.")
    decision = DECISIONS[message.request.type](message, book) if posts else Decision(
        REFUSED, Facts(points=0))
    if posts and decision.code != POSTED:
        why = decision.why or codes.name(decision.code)
        raise HeldError(f"{key} cannot be posted: {why}. Nothing was changed; put that right and"
                        " post it then, or refuse it.")
    case = Case(message, OUTCOME, decision, box=note, reason=STATES[decision.code])
    book.saw(message, outcomes=rows_of(case))
    book.join(decision)
    return case


def _held_message(intake: Intake, key: HeldKey) -> Message:
    """The held message as HQ's own; its frame is empty when it is no longer kept."""
    with reading(intake.engine) as connection:
        rows = bulk.select(connection, outcomes, ("code", "frame_hash", "decided_at"),
                           HANDSET_KEY, [key.row])
        if not rows or rows[0][0] != codes.HELD:
            raise HeldError(f"{key} is not held. Nothing was changed; list what is:"
                            " pointwire gateway held list")
        _, frame_hash, decided_at = rows[0]
        box = boxes_of(connection, [(month_of(decided_at), *key.row)]).get(key.row)
    frame = None if box is None else intake.keyring.unlock(
        month_of(decided_at), bound_to("frames", *key.row), box)[0]
    return held_message(key, frame, frame_hash, decided_at)


def held_message(key: HeldKey, frame: bytes | None, frame_hash: bytes,
                 decided_at: int) -> Message:
    """The message of a held row as HQ's own; without a frame it has no type."""
    if frame is None:
        said = request(0, key.journal, key.trace)
        return Message(key.terminal_id, 0, b"", frame_hash, decided_at, said, by_hq=True)
    said = request_of(frame)
    assert not isinstance(said, Fault), "a malformed message is never held"
    epoch = wire.split(frame, FRAME_UP_SIZE_MAX).epoch
    # the arrival is not kept; what was held was decided as it came
    return Message(key.terminal_id, epoch, frame, frame_hash, decided_at, said, by_hq=True)


def boxes_of(connection: Connection, wanted: Sequence[tuple]) -> dict[Key, bytes]:
    """The stored boxes of (month, origin, key)."""
    return {(row[0], row[1]): row[2] for row in bulk.select(
        connection, frames, (*HANDSET_KEY, "box"), FRAME_KEY, sorted(wanted))}
