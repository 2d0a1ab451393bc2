"""Settled taps found in the ring, a block at a time. Runs on both."""

from firmware.outbox import Outbox, format_outbox
from firmware.outbox_kept import (
    end_of_ring,
    has_moved,
    kept_behind,
    older_journals,
    oldest_kept,
)
from protocol import codes
from tests.firmware.portable import RamFlash


def shelf(blocks=16):
    flash = RamFlash(blocks)
    format_outbox(flash, 7)
    return mounted(flash)


def mounted(flash):
    outbox = Outbox(flash)
    outbox.mount()
    return outbox


def frame_of(journal, trace):
    return b"%d/%d" % (journal, trace) + bytes(90)


def append(outbox, code=None):
    trace = outbox.next_trace
    outbox.append(trace, frame_of(outbox.journal, trace))
    if code is not None:
        outbox.settle(outbox.journal, trace, code, trace)
    return trace


def older(outbox):
    """All that `older_journals` tells, one after the other."""
    count, nobody = older_journals(outbox, 0)
    told = [older_journals(outbox, turn) for turn in range(1, count + 1)]
    assert nobody is None and older_journals(outbox, count + 1) == (count, None)
    assert {number for number, _ in told} <= {count}
    return [span for _, span in told]


ALL = (7, 1, 9999, 9, 1, 9999)
FOR_EVER = (1 << 31, 0)


def walk(outbox, ranges=ALL):
    """Every (journal, trace, code) that the walk finds."""
    found, place, limit = [], None, end_of_ring(outbox)
    while True:
        place, key, code = kept_behind(outbox, place, ranges, limit)
        if key:
            found.append(key + (code,))
        if place is None:
            return found


def test_only_settled_taps_are_found_in_order_with_their_codes():
    outbox = shelf()
    for code in (0, None, codes.CARD_LOST, codes.TRACE_CONFLICT, 0):
        append(outbox, code)
    assert walk(outbox) == [(7, 1, 0), (7, 3, codes.CARD_LOST), (7, 4, 62), (7, 5, 0)]
    assert walk(outbox, (9, 1, 9, 7, 2, 3)) == [(7, 3, codes.CARD_LOST)]


def test_an_empty_outbox_has_none_and_keeps_from_trace_one():
    outbox = shelf()
    assert walk(outbox) == [] and oldest_kept(outbox) == 1


def test_it_goes_on_over_blocks_and_each_tap_is_found_once():
    outbox = shelf()
    for _ in range(200):
        append(outbox, 0)
    assert [trace for _, trace, _ in walk(outbox)] == list(range(1, 201))
    assert [trace for _, trace, _ in walk(mounted(outbox._ring.device))] == list(range(1, 201))


def test_what_is_kept_reaches_back_to_the_oldest_block():
    outbox = shelf(8)
    for _ in range(600):
        append(outbox, 0)
    oldest = oldest_kept(outbox)
    assert 1 < oldest < 600
    assert [trace for _, trace, _ in walk(outbox)] == list(range(oldest, 601))
    outbox.new_journal(9)
    assert oldest_kept(outbox) == 1
    append(outbox, 0)
    assert walk(outbox)[-1] == (9, 1, 0)


def test_a_walk_goes_on_where_the_ring_still_is_when_blocks_were_needed_meanwhile():
    outbox = shelf(8)
    for _ in range(600):
        append(outbox, 0)
    place, key, _ = kept_behind(outbox, None, ALL, FOR_EVER)
    for _ in range(600):
        append(outbox, 0)
    found = []
    while place:
        place, key, _ = kept_behind(outbox, place, ALL, FOR_EVER)
        if key:
            found.append(key[1])
    assert found == list(range(oldest_kept(outbox), 1201))


def test_a_tap_that_was_carried_along_is_found_once():
    outbox = shelf(8)
    waits = append(outbox)
    while not outbox.carried[0]:
        append(outbox, 0)
    outbox.settle(7, waits, 0, 1)
    found = walk(outbox)
    assert [key for key in found if key[1] == waits] == [(7, waits, 0)]
    assert outbox.frame(7, waits) == frame_of(7, waits)


def test_what_was_carried_along_is_kept_as_well_and_forgotten_when_the_ring_has_gone_round():
    outbox = shelf(8)
    for _ in range(30):
        append(outbox, 0)
    waits = append(outbox)
    while not outbox.carried[0]:
        append(outbox, 0)
    assert oldest_kept(outbox) == waits
    for _ in range(50):  # so that the block it came from is given up on flash as well
        append(outbox, 0)
    after = mounted(outbox._ring.device.copy())
    assert oldest_kept(after) == waits and after.frame(7, waits)
    outbox.settle(7, waits, 0, 1)
    assert oldest_kept(outbox) == waits
    assert (7, waits, 0) in walk(outbox)
    for _ in range(800):
        append(outbox, 0)
    assert oldest_kept(outbox) > waits
    assert [trace for _, trace, _ in walk(outbox)][0] == oldest_kept(outbox)


def test_what_was_carried_along_of_an_older_journal_does_not_count():
    outbox = shelf(8)
    append(outbox)
    outbox.new_journal(9)
    for _ in range(400):
        append(outbox, 0)
    assert outbox.frame(7, 1) and oldest_kept(outbox) > 1


def test_what_was_settled_behind_the_limit_is_left_out():
    outbox = shelf()
    append(outbox, 0)
    waits = append(outbox)
    limit = end_of_ring(outbox)
    outbox.settle(7, waits, 0, 1)
    append(outbox, 0)
    place, key, _ = kept_behind(outbox, None, ALL, limit)
    assert key == (7, 1)
    assert kept_behind(outbox, place, ALL, limit) == (None, None, None)


def test_a_tap_that_moved_is_told_from_one_that_did_not_wherever_it_was_carried():
    outbox = shelf(8)
    append(outbox)
    append(outbox)
    outbox.append(3, frame_of(7, 3), origin=(7, 1))
    assert [has_moved(outbox, (7, trace)) for trace in (2, 3)] == [False, True]
    while not outbox.carried[0]:
        append(outbox, 0)
    for each in (outbox, mounted(outbox._ring.device.copy())):
        assert [has_moved(each, (7, trace)) for trace in (2, 3)] == [False, True]


def test_older_journals_are_told_with_their_first_and_last_trace():
    outbox = shelf()
    assert older(outbox) == []
    for _ in range(60):
        append(outbox, 0)
    outbox.new_journal(9)
    assert older(outbox) == [(7, 1, 60)]
    # two in one block, one of them empty, one that began above what the gateway had seen
    append(outbox, 0)
    outbox.new_journal(11)
    outbox.new_journal(13)
    outbox.raise_trace(40)
    append(outbox)
    outbox.new_journal(15)
    told = [(7, 1, 60), (9, 1, 1), (11, 1, 0), (13, 1, 41)]
    for each in (outbox, mounted(outbox._ring.device.copy())):
        assert older(each) == told
    for _ in range(100):
        append(outbox, 0)
    assert older(outbox) == told
    assert older(mounted(outbox._ring.device.copy())) == told


def test_an_older_journal_goes_with_its_blocks():
    outbox = shelf(8)
    for _ in range(300):
        append(outbox, 0)
    outbox.new_journal(9)
    seen = []
    while older(outbox):
        seen.append(older(outbox)[0])
        append(outbox, 0)
    assert [journal for journal, _, _ in seen] == [7] * len(seen)
    assert {last for _, _, last in seen} == {300} and seen[0][1] < seen[-1][1] <= 301
    assert oldest_kept(outbox) >= 1
