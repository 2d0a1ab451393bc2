"""From messages to verdicts: what was seen before, what is decided now. Pure.

Law, in this order, for each message of a batch in arrival order:
1. no such terminal, or trace 0 under a revoked key: none of ours (no reply);
2. the same frame as one before in this batch: the same answer;
3. quarantined: 90, not decided;
4. refused before (40, 60, 62 by frame): the stored reply;
5. decided before, same frame: the stored reply, or 63 when the frame is no longer kept;
6. malformed: 60 (stored by frame, and by nothing else: another frame of that trace is decided, so
   that the order of their arrival changes nothing; not stored where the frame has a PIN in it);
7. its void came first (the outcome is a tombstone) and this is the first frame that comes for
   it: 40 (stored by frame, as the outcome was written before it was seen);
8. a key this version does not know: 61 (nothing stored);
9. decided before, other content: 62 (stored by frame; the outcome stays as it is);
10. a void whose original's trace carries several messages (62 was answered to one of them): 62. It
   may mean the other one, which its terminal journals again; journaled again itself, in another
   journal, it names the one it means;
11. what its terminal settled before, as it says, where it may say so: adoption.py. Else it is as
   if it had not said it, and in a recovery what is only done online gets 90 (nothing stored);
12. a type nobody decides: 61 (nothing stored);
13. else decided; a 60 that only its decision can find (the range of a close) is stored by frame,
    and so is a 62 that only its terminal knows of.
    What a decision returns joins the book; what it raises reaches the caller.
Before all of it the batch is listened to for what it tells of its terminals' time (sightings.py),
so that the order of its messages changes no date.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import sightings
from gateway.book import Book, Loaded, Outcome, Refusal, Seen
from gateway.decisions import DECISIONS, adoption
from gateway.effects import Decision, Facts
from gateway.message import Key, Message
from gateway.parties import LOST
from protocol import codes
from protocol.messages import BATCH_CLOSE, MESSAGES, REFUND, VOID

TRANSIENT = "transient"  # answered, nothing stored
OUTCOME = "outcome"      # final, stored under the message's key
REFUSAL = "refusal"      # final, stored by frame
STORED = "stored"        # final, was stored before: `box` or `refusal` has the reply
AGAIN = "again"          # the same frame as case `again` of this batch
STRANGER = "stranger"    # none of ours


class Case(NamedTuple):
    """A message with its verdict. `kind` is one of the words above."""

    message: Message
    kind: str
    decision: Decision
    again: int | None = None
    box: bytes | None = None
    stored_at: int | None = None
    reason: str = ""


_NOTHING = Decision(codes.APPROVED)
BY_FRAME = (codes.MALFORMED, codes.TRACE_CONFLICT)  # stored so, whoever finds it out
TOMBSTONE = b""  # in place of the frame hash of a message that has not come yet


def judge(batch: Sequence[Message], loaded: Loaded) -> list[Case]:
    """One case for each message, in order; the book of `loaded` holds the state behind them."""
    book, seen = loaded
    _listen(batch, book)
    cases: list[Case] = []
    first: dict[bytes, int] = {}
    decided = {key: TOMBSTONE if outcome.code == codes.VOIDED and key not in seen.voided
               else outcome.frame_hash for key, outcome in seen.outcomes.items()}
    naming = any(message.request.type in (VOID, REFUND) for message in batch)
    closing = any(message.request.type == BATCH_CLOSE for message in batch)
    contested = _contested(batch, seen, decided) if naming else frozenset()
    for place, message in enumerate(batch):
        case = _judge(message, loaded, first, decided, contested)
        cases.append(case)
        if case.kind not in (OUTCOME, REFUSAL):
            _heard_of(case, book)
            continue
        decision = case.decision
        first[message.frame_hash] = place
        if case.kind == OUTCOME or decision.code == codes.VOIDED:
            decided[message.origin, message.key] = message.frame_hash
        if message.request.trace:
            book.saw(message, outcomes=rows_of(case))
        if naming and case.kind == OUTCOME:
            book.ended(message, decision)
        if closing:
            book.tapped(message, decision, refused=case.kind == REFUSAL)
        book.join(decision)
        if decision.reversal is not None and decision.reversal.tombstone:
            decided[decision.reversal[:2]] = TOMBSTONE
    return cases


def _listen(batch: Sequence[Message], book: Book) -> None:
    """Learn what trusted messages tell of their terminals' time, repeated ones included."""
    for message in batch:
        terminal = book.terminals.get(message.terminal_id)
        trusted = (terminal is not None and terminal.state != LOST
                   and message.epoch not in terminal.revoked_epochs)
        known = book.sightings.get(message.terminal_id)
        if trusted and known is not None and not message.fault and not message.by_hq:
            book.sight(sightings.heard(known, message.request, message.received_at))


def _heard_of(case: Case, book: Book) -> None:
    """What an answer that is not stored leaves behind: a heartbeat's, a login's."""
    decision = case.decision
    if decision.sighting is not None:
        book.sight(decision.sighting)
    if decision.tried is not None:
        book.try_pin(decision.tried)
    if decision.done_with:
        book.retire_epochs(case.message.terminal_id, decision.done_with)


def rows_of(case: Case) -> int:
    """How many outcome rows a case makes: its own, and the tombstone of a void that came first."""
    if case.kind != OUTCOME:
        return 0
    back = case.decision.reversal
    return 2 if back is not None and back.tombstone else 1


def _contested(batch: Sequence[Message], seen: Seen, decided: dict[Key, bytes]) -> frozenset[Key]:
    """The keys under which several messages have come, in this batch too."""
    hashes: dict[Key, set[bytes]] = {}
    for message in batch:
        key = message.origin, message.key
        if not message.request.trace or message.fault:
            continue
        known = decided.get(key, TOMBSTONE)
        before = set() if known == TOMBSTONE else {known}
        if key in seen.voided and message.frame_hash in seen.refusals:
            before = set()  # the first one that came behind a void, once more
        hashes.setdefault(key, before).add(message.frame_hash)
    return seen.contested.union(key for key, found in hashes.items() if len(found) > 1)


def _judge(message: Message, loaded: Loaded, first: dict[bytes, int],
           decided: dict[Key, bytes], contested: frozenset[Key]) -> Case:
    book, seen = loaded
    terminal = book.terminals.get(message.terminal_id)
    if terminal is None:
        return Case(message, STRANGER, _NOTHING, reason="terminal_unknown")
    if not message.request.trace and message.epoch in terminal.revoked_epochs:
        return Case(message, STRANGER, _NOTHING, reason="key_revoked")
    book.raise_epoch(message.terminal_id, message.epoch)
    if message.frame_hash in first:
        return Case(message, AGAIN, _NOTHING, again=first[message.frame_hash])
    if message.frame_hash in seen.quarantined:
        return Case(message, TRANSIENT, Decision(codes.TRY_LATER),
                    reason="quarantined_before")
    refusal = seen.refusals.get(message.frame_hash)
    if refusal is not None:
        return _refused_before(message, refusal)
    known = decided.get((message.origin, message.key)) if message.request.trace else None
    if known == message.frame_hash:
        return _decided_before(message, loaded)
    if message.fault == codes.MALFORMED:
        stored = REFUSAL if message.request.trace and not message.secret else TRANSIENT
        return Case(message, stored, Decision(codes.MALFORMED), reason="malformed")
    if known == TOMBSTONE:
        return Case(message, REFUSAL, Decision(codes.VOIDED), reason="voided")
    if message.fault:
        return Case(message, TRANSIENT, Decision(message.fault), reason=codes.name(message.fault))
    if known is not None:
        return Case(message, REFUSAL, Decision(codes.TRACE_CONFLICT), reason="trace_conflict")
    if message.request.type == VOID and message.own_original in contested:
        return Case(message, REFUSAL, Decision(codes.TRACE_CONFLICT), reason="contested_original")
    return _decide(message, book)


def online_only(message: Message) -> bool:
    """Whether a message changes something and is refused on a handset without a link: all that
    is journaled but a sale, and a void but of the terminal's own message."""
    request, spec = message.request, MESSAGES.get(message.request.type)
    if spec is None or not spec.journaled:
        return False
    if request.type == VOID:
        original = request.original
        return not isinstance(original, tuple) or (
            len(original) == 3 and original[0] != message.terminal_id)
    return not spec.offline


def _refused_before(message: Message, refusal: Refusal) -> Case:
    return Case(message, STORED, Decision(refusal.code), box=refusal.box,
                stored_at=refusal.decided_at, reason="refused_before")


def _decided_before(message: Message, loaded: Loaded) -> Case:
    key = (message.origin, message.key)
    outcome: Outcome = loaded.seen.outcomes[key]
    facts = Facts(points=outcome.points, receipt=outcome.entry_id)
    box = loaded.seen.boxes.get(key)
    if box is None:
        return Case(message, TRANSIENT, Decision(codes.TOO_OLD, facts), reason="too_old")
    return Case(message, STORED, Decision(outcome.code, facts), box=box,
                stored_at=outcome.decided_at, reason="repeat")


def _decide(message: Message, book: Book) -> Case:
    adopted = adoption.adopted(message, book)
    if adopted is not None:
        return _decided(message, adopted)
    message = message._replace(told=None)
    if book.catalogue.recovery is not None and online_only(message):
        return Case(message, TRANSIENT, Decision(codes.TRY_LATER), reason="recovery")
    decide = DECISIONS.get(message.request.type)
    if decide is None:
        return Case(message, TRANSIENT, Decision(codes.UNSUPPORTED), reason="unsupported")
    return _decided(message, decide(message, book))


def _decided(message: Message, decision: Decision) -> Case:
    if not MESSAGES[message.request.type].journaled or codes.transient(decision.code):
        return Case(message, TRANSIENT, decision, reason=codes.name(decision.code))
    if decision.code in BY_FRAME:
        return Case(message, REFUSAL, decision, reason=codes.name(decision.code))
    return Case(message, OUTCOME, decision, reason=decision.why or codes.name(decision.code))
