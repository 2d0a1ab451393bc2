"""A message knows the keys of what becomes of it and of what it takes back."""

from gateway.message import HQ, Message, operation_key, verdict_key
from protocol.messages import request


def message(trace: int, journal: int = 9, *, original=None, by_hq: bool = False) -> Message:
    return Message(5, 1, b"frame", b"h" * 32, 0,
                   request(3, journal, trace, original=original), by_hq=by_hq)


def test_the_operation_key_is_journal_and_trace():
    assert message(2, 1).key == operation_key(1, 2) == bytes((0, 0, 0, 1, 0, 0, 0, 2))
    assert message(1).digest == b"h" * 8


def test_a_verdict_on_a_held_tap_has_a_key_of_its_own():
    verdict = message(2, 1, by_hq=True)
    assert (verdict.origin, verdict.key) == (HQ, verdict_key(5, operation_key(1, 2)))
    assert verdict.held_key == (message(2, 1).origin, message(2, 1).key)


def test_an_original_is_named_in_the_own_journal_or_elsewhere():
    assert message(7, original=(9, 4)).own_original == (5, operation_key(9, 4))
    other_journal, other_terminal = message(7, original=(8, 4)), message(7, original=(6, 9, 4))
    assert other_journal.original_key == (5, operation_key(8, 4))
    assert other_terminal.original_key == (6, operation_key(9, 4))
    assert other_journal.own_original is None and other_terminal.own_original is None
    assert message(7, original=123).original_key is None is message(7, original=123).own_original
