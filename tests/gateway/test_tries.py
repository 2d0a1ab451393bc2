"""How logins went: wrong ones count, lock and are forgotten; an answered frame changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import chain, tries
from gateway.clock import DAY_MS
from gateway.tries import ANSWERS_MAX, COLUMNS, FAILED_MAX, LOCK_MS, LOCK_MS_MAX, Tries
from protocol import codes

NEW = Tries(7, 1)
NOW = 1_763_712_000_000


def digest(number: int) -> bytes:
    return number.to_bytes(8, "big")


def wrong(before: Tries, times: int, now: int = NOW, first: int = 0) -> Tries:
    for number in range(first, first + times):
        before = before.tried(digest(number), False, now)
    return before


def test_the_fifth_wrong_pin_locks_for_a_quarter_of_an_hour():
    assert not wrong(NEW, FAILED_MAX - 1).locked(NOW)
    locked = wrong(NEW, FAILED_MAX)
    assert locked.locked(NOW) and locked.locked(NOW + LOCK_MS - 1)
    assert not locked.locked(NOW + LOCK_MS) and LOCK_MS == 15 * 60_000


def test_each_further_lock_is_twice_as_long_up_to_a_day():
    now, spans, held = NOW, [], NEW
    for _ in range(10):
        held = wrong(held, FAILED_MAX, now)
        spans.append(held.locked_until - now)
        now = held.locked_until
    assert spans[:4] == [LOCK_MS, 2 * LOCK_MS, 4 * LOCK_MS, 8 * LOCK_MS]
    assert spans[-3:] == [LOCK_MS_MAX] * 3 and LOCK_MS_MAX == DAY_MS
    assert spans == sorted(spans)


def test_a_right_pin_forgets_all_of_it():
    held = wrong(wrong(NEW, FAILED_MAX), FAILED_MAX - 1, NOW + LOCK_MS, 90)
    right = held.tried(digest(99), True, NOW + LOCK_MS)
    assert (right.failed, right.locks, right.locked_until) == (0, 0, 0)
    assert wrong(right, FAILED_MAX).locked_until == NOW + LOCK_MS


def test_a_frame_is_known_by_its_answer_and_the_oldest_are_forgotten():
    held = NEW.tried(digest(1), True, NOW).tried(digest(2), False, NOW)
    assert [held.answered(digest(number)) for number in (1, 2, 3)] == [
        codes.APPROVED, codes.OPERATOR_PIN_WRONG, None]
    for number in range(3, ANSWERS_MAX + 2):
        held = held.tried(digest(number), True, NOW)
    assert held.answered(digest(1)) is None and held.answered(digest(2)) is not None
    assert len(held.answers) == ANSWERS_MAX


def test_a_new_pin_ends_the_lock_and_makes_every_answer_wrong():
    held = wrong(NEW.tried(digest(50), True, NOW), FAILED_MAX).renewed(2)
    assert (held.version, held.failed, held.locks, held.locked(NOW)) == (2, 0, 0, False)
    assert {code for _, code in held.answers} == {codes.OPERATOR_PIN_WRONG}
    assert held.answered(digest(50)) == codes.OPERATOR_PIN_WRONG


@given(st.lists(st.tuples(st.binary(min_size=8, max_size=8), st.booleans()), max_size=80))
def test_a_row_comes_back_as_it_was_sealed(done):
    held = NEW
    for said, right in done:
        held = held.tried(said, right, NOW)
    row = tries.sealed(b"A" * 32, held)
    assert len(row) == len(COLUMNS) and tries.read(row[:-1]) == held
    assert row[-1] == chain.seal(b"A" * 32, tries.TABLE, row[:-1])


@given(st.lists(st.booleans(), max_size=60))
def test_five_guesses_a_lock_is_all_that_anybody_gets(rights):
    """Whatever is tried whenever it may be: never more than FAILED_MAX wrong ones in a row."""
    held, now, run = NEW, NOW, 0
    for number, right in enumerate(rights):
        run = 0 if right else run + 1
        held = held.tried(digest(number), right, now)
        if held.locked(now):
            assert run % FAILED_MAX == 0 and not right
            now = held.locked_until
        else:
            assert right or run % FAILED_MAX


@pytest.mark.parametrize("locks", range(12))
def test_no_lock_is_longer_than_a_day(locks):
    held = wrong(NEW._replace(locks=min(locks, tries.LOCKS_MAX)), FAILED_MAX)
    assert LOCK_MS <= held.locked_until - NOW <= LOCK_MS_MAX
