"""A tap journaled again after a conflict: once, whatever was cut off. Runs on both."""

from firmware.conflict import journal_again
from firmware.outbox import Outbox, OutboxFull, format_outbox
from firmware.outbox_find import identity
from firmware.recall import content
from protocol import codes, frames
from protocol.limits import FRAME_UP_SIZE_MAX, UP
from tests.firmware.portable import RamFlash, raises
from tests.firmware.replies import KEY, TERMINAL_ID, sale_frame, void_frame


def shelf(*amounts, blocks=16):
    """A flash and its outbox of journal 7 with these sales."""
    flash = RamFlash(blocks)
    format_outbox(flash, 7)
    outbox = mounted(flash)
    for amount_minor in amounts:
        trace = outbox.next_trace
        outbox.append(trace, sale_frame(7, trace, amount_minor))
    return flash, outbox


def mounted(flash):
    outbox = Outbox(flash)
    outbox.mount()
    return outbox


def drawing(*journals):
    """A hardware generator that draws these journals."""
    left = list(journals)
    return lambda size: left.pop(0).to_bytes(size, "big")


def again(outbox, key, random, **options):
    return journal_again(outbox, random, KEY, TERMINAL_ID, 1, key, **options)


def outcomes(outbox):
    """{(journal, trace): (code, points, receipt), or None while it waits}"""
    return {(each.journal, each.trace): each.settled for each in outbox.records()}


MOVED_AWAY = (codes.TRACE_CONFLICT, None, None)


def test_the_tap_stands_under_a_fresh_journal_with_the_same_content_and_a_seal_that_holds():
    _, outbox = shelf(1250)
    old = content(outbox.frame(7, 1))
    assert again(outbox, (7, 1), drawing(9)) == (9, 1)
    assert outbox.journal == 9 and outbox.waits(9, 1)
    new = content(outbox.frame(9, 1))
    assert (new[1], new[2]) == (9, 1)
    old[1], old[2] = 9, 1
    assert old == new
    parts = frames.split(outbox.frame(9, 1), FRAME_UP_SIZE_MAX)
    assert frames.authentic(KEY, UP, parts) and parts.terminal_id == TERMINAL_ID


def test_the_old_entry_is_settled_as_conflict_by_the_very_record_of_the_new_one():
    flash, outbox = shelf(1250, 300)
    again(outbox, (7, 1), drawing(9))
    for found in (outbox, mounted(flash)):
        assert list(found.pending()) == [(7, 2), (9, 1)]
        assert outcomes(found) == {(7, 1): MOVED_AWAY, (7, 2): None, (9, 1): None}
        assert identity(found, (7, 1)) == (9, 1) and identity(found, (7, 2)) == (7, 2)


def test_a_fresh_journal_is_neither_zero_nor_the_present_one():
    _, outbox = shelf(1250)
    assert again(outbox, (7, 1), drawing(0, 7, 9))[0] == 9
    assert again(outbox, (9, 1), lambda size: bytes(size))[0] not in (0, 7, 9)


def test_all_taps_of_one_lost_journal_move_to_the_same_new_one():
    _, outbox = shelf(1250, 300, 450)
    random = drawing(9)
    assert [again(outbox, (7, trace), random) for trace in (1, 2, 3)] == [
        (9, 1), (9, 2), (9, 3)]


def test_what_has_moved_cannot_move_again_whatever_was_cut_off():
    flash, outbox = shelf(1250, 300)
    again(outbox, (7, 2), drawing(9))
    assert raises(ValueError, again, mounted(flash), (7, 2), drawing(11))


def test_a_cut_between_the_new_journal_and_the_tap_loses_nothing():
    flash, outbox = shelf(1250)
    outbox.new_journal(9)
    after_a_cut = mounted(flash)
    assert again(after_a_cut, (7, 1), drawing(11)) == (9, 1)


def test_of_two_equal_taps_of_one_second_both_move():
    _, outbox = shelf(1250, 1250)
    random = drawing(9)
    assert again(outbox, (7, 2), random) == (9, 1)
    assert again(outbox, (7, 1), random) == (9, 2)
    assert list(outbox.pending()) == [(9, 1), (9, 2)]


def test_a_tap_that_conflicts_again_moves_on_and_is_found_by_any_of_its_names():
    _, outbox = shelf(1250)
    again(outbox, (7, 1), drawing(9))
    assert again(outbox, (9, 1), drawing(11)) == (11, 1)
    assert identity(outbox, (7, 1)) == identity(outbox, (9, 1)) == (11, 1)
    assert outcomes(outbox) == {(7, 1): MOVED_AWAY, (9, 1): MOVED_AWAY, (11, 1): None}


def test_a_void_that_moves_names_its_original_as_it_is_called_now():
    _, outbox = shelf(1250)
    outbox.append(2, void_frame(7, 2, (7, 1)))
    again(outbox, (7, 1), drawing(9))
    assert again(outbox, (7, 2), drawing()) == (9, 2)
    assert tuple(content(outbox.frame(9, 2))[10]) == (9, 1)


def test_a_void_whose_original_stayed_keeps_naming_it():
    _, outbox = shelf(1250)
    outbox.append(2, void_frame(7, 2, (7, 1)))
    assert again(outbox, (7, 2), drawing(9)) == (9, 1)
    assert tuple(content(outbox.frame(9, 1))[10]) == (7, 1)


def test_what_moved_survives_being_carried_along_and_answered():
    flash, outbox = shelf(1250, blocks=8)
    again(outbox, (7, 1), drawing(9))
    for number in range(1200):  # several times round the ring
        outbox.append(outbox.next_trace, sale_frame(9, outbox.next_trace, number))
        outbox.settle(9, outbox.last_trace, 0, 1, 1)
    outbox = mounted(flash)
    assert list(outbox.pending()) == [(9, 1)] and (7, 1) not in outcomes(outbox)
    outbox.settle(9, 1, 0, 15, 99)
    assert outcomes(mounted(flash))[9, 1] == (0, 15, 99)


def test_without_room_nothing_is_claimed_and_the_entry_waits():
    _, outbox = shelf(blocks=8)
    try:
        while True:
            outbox.append(outbox.next_trace, sale_frame(7, outbox.next_trace), reserve=True)
    except OutboxFull:
        pass
    count, trace, error = outbox.unsettled, 1, None
    while error is None:  # a few move all the same, into what is kept for that
        try:
            again(outbox, (7, trace), drawing(9))
            trace += 1
        except OutboxFull as full:
            error = full
    assert 1 < trace < 32
    assert outbox.waits(7, trace) and outbox.unsettled == count


def test_room_for_what_must_follow_is_asked_first():
    _, outbox = shelf(blocks=8)
    try:
        while True:
            outbox.append(outbox.next_trace, sale_frame(7, outbox.next_trace), reserve=True)
    except OutboxFull:
        pass
    for trace in range(1, 40):
        outbox.settle(7, trace, 0, 1, 1)
    error = None
    trace = 40
    while error is None:  # some moves fit, until one does with nothing behind it
        try:
            again(outbox, (7, trace), drawing(9), spare=1000)
            trace += 1
        except OutboxFull as full:
            error = full
    assert outbox.waits(7, trace)
    assert again(outbox, (7, trace), drawing(9))
