"""A tap journaled again after a conflict: once, whatever was cut off. Runs on both."""

from firmware.conflict import journal_again
from firmware.outbox import Outbox, OutboxFull, format_outbox
from firmware.recall import content
from protocol import codes, frames
from protocol.limits import FRAME_UP_SIZE_MAX, UP
from tests.firmware.portable import RamFlash, raises
from tests.firmware.replies import KEY, TERMINAL_ID, sale_frame


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


def again(outbox, key, random):
    return journal_again(outbox, random, KEY, TERMINAL_ID, 1, key, outbox.frame(*key))


def test_the_tap_stands_under_a_fresh_journal_with_the_same_content_and_a_seal_that_holds():
    _, outbox = shelf(1250)
    assert again(outbox, (7, 1), drawing(9)) == (9, 1, True)
    assert outbox.journal == 9 and outbox.waits(9, 1)
    old, new = content(outbox.frame(7, 1)), content(outbox.frame(9, 1))
    assert (new[1], new[2]) == (9, 1)
    old[1], old[2] = 9, 1
    assert old == new
    parts = frames.split(outbox.frame(9, 1), FRAME_UP_SIZE_MAX)
    assert frames.authentic(KEY, UP, parts) and parts.terminal_id == TERMINAL_ID


def test_the_old_entry_is_left_to_be_settled_behind_the_new_one():
    _, outbox = shelf(1250)
    again(outbox, (7, 1), drawing(9))
    assert outbox.waits(7, 1) and outbox.unsettled == 2


def test_a_fresh_journal_is_neither_zero_nor_the_present_one():
    _, outbox = shelf(1250)
    assert again(outbox, (7, 1), drawing(0, 7, 9))[0] == 9


def test_all_taps_of_one_lost_journal_move_to_the_same_new_one():
    _, outbox = shelf(1250, 300, 450)
    random = drawing(9)
    assert [again(outbox, (7, trace), random) for trace in (1, 2, 3)] == [
        (9, 1, True), (9, 2, True), (9, 3, True)]


def test_a_copy_left_behind_by_a_power_cut_is_found_and_not_made_twice():
    flash, outbox = shelf(1250, 300)
    again(outbox, (7, 2), drawing(9))
    after_a_cut = mounted(flash)
    assert again(after_a_cut, (7, 2), drawing(11)) == (9, 1, False)
    assert len(list(after_a_cut.records())) == 3


def test_a_cut_between_the_new_journal_and_the_copy_loses_nothing():
    flash, outbox = shelf(1250)
    outbox.new_journal(9)
    after_a_cut = mounted(flash)
    assert again(after_a_cut, (7, 1), drawing(11)) == (9, 1, True)


def test_of_two_equal_taps_of_one_second_both_move():
    flash, outbox = shelf(1250, 1250)
    random = drawing(9)
    assert again(outbox, (7, 2), random) == (9, 1, True)
    # a cut before the old entry was settled: the copy may stand for either
    outbox = mounted(flash)
    assert again(outbox, (7, 1), random) == (9, 1, False)
    outbox.settle(7, 1, codes.TRACE_CONFLICT)
    assert again(outbox, (7, 2), random) == (9, 2, True)
    outbox = mounted(flash)
    assert again(outbox, (7, 2), random) == (9, 2, False)


def test_a_copy_that_conflicts_too_moves_on():
    _, outbox = shelf(1250)
    again(outbox, (7, 1), drawing(9))
    outbox.settle(7, 1, codes.TRACE_CONFLICT)
    assert again(outbox, (9, 1), drawing(11)) == (11, 1, True)


def test_without_room_nothing_is_claimed_and_the_entry_waits():
    _, outbox = shelf(1250)

    def full(*arguments, reserve=False):
        assert reserve
        raise OutboxFull("no room")

    outbox.append = full
    assert raises(OutboxFull, again, outbox, (7, 1), drawing(9))
    assert outbox.waits(7, 1) and outbox.unsettled == 1
