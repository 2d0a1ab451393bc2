"""Verdicts, in their order, without a database."""

import pytest

from gateway.book import Book, Loaded, Outcome, Refusal, Seen
from gateway.judging import AGAIN, REFUSAL, STORED, STRANGER, TRANSIENT, judge
from gateway.message import Message
from gateway.parties import Catalogue, Terminal
from protocol import codes, messages
from protocol.messages import request

NOTHING = Seen({}, {}, frozenset(), {})
BEAT = request(messages.HEARTBEAT, 9, 0, nonce=b"12345678", report={0: "x"})
SALE = request(messages.SALE, 9, 1, card=(2, 62), amount_minor=5)


def loaded(seen: Seen = NOTHING, revoked: bytes = b"") -> Loaded:
    terminal = Terminal(5, 1, "active", 0, 1, revoked)
    return Loaded(Book(Catalogue(3, {}, {}, {}, {}), 1000, terminals={5: terminal}, cards={},
                       members={}, journals={}), seen)


def message(asked=BEAT, content: bytes = b"a", terminal_id: int = 5, epoch: int = 1,
            fault: int = 0) -> Message:
    return Message(terminal_id, epoch, content, content * 32, 0, asked, fault)


def verdict(case_of: Message, state: Loaded):
    case, = judge([case_of], state)
    return case.kind, case.decision.code, case.reason


def test_strangers_come_first():
    quarantined = Seen({}, {}, frozenset({b"a" * 32}), {})
    kind, _, reason = verdict(message(terminal_id=6), loaded(quarantined))
    assert (kind, reason) == (STRANGER, "terminal_unknown")
    kind, _, reason = verdict(message(), loaded(quarantined, revoked=b"\x01"))
    assert (kind, reason) == (STRANGER, "key_revoked")


def test_a_quarantined_frame_is_not_decided_even_when_it_is_sound():
    state = loaded(Seen({}, {}, frozenset({b"a" * 32}), {}))
    assert verdict(message(), state) == (TRANSIENT, codes.TRY_LATER, "quarantined_before")


def test_a_frame_refused_before_gets_its_stored_reply():
    state = loaded(Seen({}, {b"a" * 32: Refusal(b"a" * 32, 60, 77, b"box")}, frozenset(), {}))
    case, = judge([message(SALE)], state)
    assert (case.kind, case.decision.code, case.box, case.stored_at) == (STORED, 60, b"box", 77)


def known(frame_hash: bytes, boxes: dict | None = None) -> Loaded:
    key = message(SALE).key
    outcome = Outcome(5, key, frame_hash, 0, 15, 8, 77)
    return loaded(Seen({(5, key): outcome}, {}, frozenset(), boxes or {}))


def test_a_frame_decided_before_gets_its_stored_reply_or_63():
    kept = known(b"a" * 32, {(5, message(SALE).key): b"box"})
    assert verdict(message(SALE), kept) == (STORED, 0, "repeat")
    case, = judge([message(SALE)], known(b"a" * 32))
    assert (case.kind, case.decision.code) == (TRANSIENT, codes.TOO_OLD)
    assert (case.decision.facts.points, case.decision.facts.receipt) == (15, 8)


def test_other_content_is_a_conflict_and_a_fault_is_a_fault_first():
    assert verdict(message(SALE), known(b"x" * 32)) == (REFUSAL, 62, "trace_conflict")
    assert verdict(message(SALE, fault=60), known(b"x" * 32)) == (REFUSAL, 60, "malformed")
    assert verdict(message(SALE, fault=61), known(b"x" * 32)) == (TRANSIENT, 61, "unsupported")


def test_a_fault_without_a_trace_is_answered_and_not_stored():
    assert verdict(message(BEAT, fault=60), loaded()) == (TRANSIENT, 60, "malformed")


def test_a_refused_trace_counts_as_seen_and_makes_no_outcome():
    state = loaded()
    judge([message(SALE, fault=60)], state)
    assert state.book.journals[5, 9] == (5, 9, 1, 0)


def test_the_same_refused_frame_twice_points_to_the_first():
    first, second = judge([message(SALE, fault=60)] * 2, loaded())
    assert (first.kind, second.kind, second.again) == (REFUSAL, AGAIN, 0)


def test_a_type_nobody_decides_is_unsupported():
    payment = SALE._replace(type=messages.PAYMENT)
    assert verdict(message(payment), loaded())[:2] == (TRANSIENT, codes.UNSUPPORTED)


def test_what_a_decision_raises_reaches_the_caller():
    with pytest.raises(KeyError):
        judge([message(SALE)], loaded())  # its terminal's shop is not in the catalogue
