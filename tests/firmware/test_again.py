"""Settled frames asked for again: found once each, never a moved one. Runs on both."""

from firmware.again import Again, ask, following
from protocol import codes
from tests.firmware.test_outbox_kept import append, shelf


def all_of(again):
    keys = []
    while again.walking:
        key = following(again)
        if key:
            keys.append(key)
    return keys


def test_nothing_is_looked_for_until_it_is_asked_for():
    again = Again(shelf())
    assert not again.walking and not again.ended


def test_the_asked_ranges_are_found_in_the_order_of_the_ring():
    outbox = shelf()
    for _ in range(300):
        append(outbox, 0)
    again = Again(outbox)
    ask(again, ((7, 250, 252), (7, 3, 4), (9, 1, 400), (7, 999, 1001)))
    assert all_of(again) == [(7, 3), (7, 4), (7, 250), (7, 251), (7, 252)]


def test_what_still_waits_and_what_has_moved_is_left_out():
    outbox = shelf()
    for code in (0, None, codes.TRACE_CONFLICT, codes.HELD):
        append(outbox, code)
    again = Again(outbox)
    ask(again, ((7, 1, 4),))
    assert all_of(again) == [(7, 1), (7, 4)]


def test_one_block_at_most_is_read_in_a_call():
    outbox = shelf()
    for _ in range(300):
        append(outbox, 0)
    again = Again(outbox)
    ask(again, ((7, 300, 300),))
    calls = 0
    while again.walking:
        before = outbox._ring.device.reads
        following(again)
        assert outbox._ring.device.reads - before <= 20
        calls += 1
    assert calls > 5


def test_a_new_list_replaces_the_old_one_and_begins_anew():
    outbox = shelf()
    for _ in range(4):
        append(outbox, 0)
    again = Again(outbox)
    ask(again, ((7, 1, 4),))
    assert following(again) == (7, 1)
    ask(again, ((7, 1, 1), (7, 4, 4)))
    assert all_of(again) == [(7, 1), (7, 4)]


def test_more_is_asked_for_only_when_a_new_list_was_answered():
    outbox = shelf()
    append(outbox, 0)
    again = Again(outbox)
    for ranges, answered, ended in ((((7, 1, 1),), 1, True), (((7, 1, 1),), 1, False),
                                    (((7, 1, 2),), 0, False), (((7, 1, 1),), 1, True)):
        ask(again, ranges)
        again.ended = False
        following(again)
        again.answered += answered
        all_of(again)
        assert again.ended == ended
