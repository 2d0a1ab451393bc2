"""What is voided by itself, and what the answer to a void means. Runs on both interpreters."""

from firmware import autovoid
from firmware.autovoid import AGAIN, LATER, QUIETLY, SETTLE, void_answered
from protocol import codes

KEY, OTHER, VOID = (7, 1), (7, 5), (7, 2)
AFTER_MS = 30000


def test_only_what_is_made_while_the_member_waits_is_voided_by_itself():
    assert [kind for kind in range(1, 15) if autovoid.online_only(kind)] == [2, 4, 6, 7, 8, 13]


def test_what_is_unanswered_for_half_a_minute_is_owed_a_void_once():
    rows = []
    autovoid.saved(rows, KEY, 1000)
    late_ms = 1000 + AFTER_MS
    assert autovoid.due(rows, 1000) == AFTER_MS and autovoid.owed(rows, late_ms - 1) is None
    assert not autovoid.owes(rows, KEY, late_ms - 1)
    assert autovoid.owed(rows, late_ms) == KEY and autovoid.owes(rows, KEY, late_ms)
    autovoid.voided(rows, KEY, VOID)
    assert autovoid.owed(rows, 10 ** 9) is None and not autovoid.owes(rows, KEY, 10 ** 9)
    assert autovoid.due(rows, 10 ** 9) is None
    assert autovoid.voided_by(rows, VOID) == KEY and autovoid.voided_by(rows, OTHER) is None


def test_what_is_answered_in_time_is_owed_nothing():
    rows = []
    autovoid.saved(rows, KEY, 0)
    autovoid.settled(rows, OTHER)
    assert autovoid.of(rows, KEY)
    autovoid.settled(rows, KEY)
    assert rows == []


def test_what_a_boot_finds_is_owed_one_at_once_unless_it_stands():
    rows = []
    autovoid.found(rows, KEY, VOID)
    assert autovoid.owed(rows, 0) is None
    autovoid.found(rows, OTHER, None)
    assert autovoid.owed(rows, 0) == OTHER


def test_a_full_outbox_is_tried_again_in_ten_seconds_and_the_duty_stays():
    rows = []
    autovoid.found(rows, KEY, None)
    autovoid.no_room(rows, KEY, 5000)
    assert autovoid.owed(rows, 5000) is None and autovoid.due(rows, 5000) == 10000
    assert autovoid.owes(rows, KEY, 5000)
    assert autovoid.owed(rows, 15000) == KEY


def test_an_original_that_moves_before_its_time_keeps_its_time():
    rows = []
    autovoid.saved(rows, KEY, 0)
    autovoid.moved(rows, KEY, OTHER, False)
    assert autovoid.owed(rows, AFTER_MS - 1) is None and autovoid.owed(rows, AFTER_MS) == OTHER


def test_an_original_that_moves_away_from_its_void_is_owed_another_at_once():
    rows = []
    autovoid.saved(rows, KEY, 0)
    autovoid.voided(rows, KEY, VOID)
    autovoid.moved(rows, KEY, OTHER, True)
    assert autovoid.owed(rows, 0) == OTHER and not autovoid.of(rows, KEY)


def test_every_answer_to_a_void_has_one_meaning():
    nobody_knows = None
    for waits, outcome in ((True, None), (False, 0), (False, 12), (False, 62),
                           (False, nobody_knows)):
        for code in (codes.APPROVED, codes.NOTHING_LEFT):
            assert void_answered(code, waits, outcome) == SETTLE
    not_found = codes.ORIGINAL_NOT_FOUND
    assert void_answered(not_found, True, None) == LATER
    for posted in (codes.APPROVED, codes.HELD, codes.TOO_OLD):
        assert void_answered(not_found, False, posted) == AGAIN
    for nothing in (codes.CARD_LOST, codes.VOIDED, nobody_knows):
        assert void_answered(not_found, False, nothing) == SETTLE
    for refusal in (not_found, codes.NOT_VOIDABLE, codes.MALFORMED):
        assert void_answered(refusal, False, codes.TRACE_CONFLICT) == QUIETLY
    assert void_answered(codes.NOT_VOIDABLE, True, None) == SETTLE
