"""The outbox read from the newest back, a block at a time. Runs on both interpreters."""

from firmware.outbox_back import refusal_before, tap_before, tap_behind
from protocol import codes
from tests.firmware.test_outbox_kept import append, mounted, shelf


def back(outbox, place=None, walk=tap_before):
    """All that a walk back finds, and how often it had to go on."""
    found, turns = [], 0
    place, each = walk(outbox, place)
    while place:
        if each:
            found.append((place, each))
        else:
            turns += 1
        place, each = walk(outbox, place)
    return found, turns


def traces(found):
    return [each[1] for _, each in found]


def test_taps_come_newest_first_with_their_answers():
    outbox = shelf()
    for code in (0, None, codes.CARD_LOST):
        append(outbox, code)
    found, _ = back(outbox)
    assert traces(found) == [3, 2, 1]
    assert [each[3] for _, each in found] == [(codes.CARD_LOST, 3, None), None, (0, 1, None)]
    assert bytes(found[0][1][2][:3]) == b"7/3"


def test_it_goes_over_blocks_and_the_way_forward_finds_the_same():
    outbox = shelf()
    for _ in range(200):
        append(outbox, 0)
    found, turns = back(outbox)
    assert traces(found) == list(range(200, 0, -1)) and turns > 5
    forward, ahead = [], found[-1][0]
    while ahead:
        ahead, each = tap_behind(outbox, ahead)
        if each:
            forward.append(each[1])
    assert forward == list(range(2, 201))


def test_a_call_reads_a_block_and_the_answer_near_the_one_before():
    outbox = shelf(64)
    for _ in range(600):
        append(outbox)
    for trace in range(1, 601):
        outbox.settle(7, trace, 0, trace)
    place, most = tap_before(outbox, None)[0], 0
    while place:
        before = outbox._ring.device.reads
        place, each = tap_before(outbox, place)
        if each and each[1] < 599:
            most = max(most, outbox._ring.device.reads - before)
    assert most < 30, most  # a block is read in four pieces


def test_an_empty_outbox_has_nothing_before_and_nothing_behind():
    outbox = shelf()
    assert tap_before(outbox, None) == (None, None) == refusal_before(outbox, None)
    append(outbox, 0)
    (place, _), = back(outbox)[0]
    assert tap_behind(outbox, place) == (None, None)


def test_a_tap_that_was_carried_along_counts_once():
    outbox = shelf(8)
    kept = append(outbox)
    while outbox.carried[0] != kept:
        append(outbox, 0)
    found = traces(back(outbox)[0])
    assert found.count(kept) == 1 and len(found) == len(set(found))


def test_a_place_whose_block_was_given_up_has_nothing_before_it():
    outbox = shelf(8)
    append(outbox, 0)
    (place, _), = back(outbox)[0]
    while outbox._ring.holds(place[1]) and outbox._ring.tail_sequence <= place[0]:
        append(outbox, 0)
    assert tap_before(outbox, place) == (None, None) == tap_behind(outbox, place)
    assert refusal_before(outbox, place) == (None, None)


def test_what_did_not_post_is_found_until_it_was_acknowledged():
    outbox = shelf()
    for code in (codes.CARD_LOST, 0, codes.HELD, codes.VOIDED):
        append(outbox, code)
    assert [each[1:] for each in
            [found[1] for found in back(outbox, None, refusal_before)[0]]] == [
        (3, (codes.HELD, 3, None)), (1, (codes.CARD_LOST, 1, None))]
    outbox.seen()
    assert back(outbox, None, refusal_before) == ([], 0)
    append(outbox, codes.CARD_LOST)
    assert traces(back(outbox, None, refusal_before)[0]) == [5]
    again = mounted(outbox._ring.device)
    assert again.alert == (1, 5, codes.CARD_LOST)
    assert traces(back(again, None, refusal_before)[0]) == [5]


def test_what_was_settled_quietly_is_no_news():
    outbox = shelf()
    append(outbox)
    outbox.settle(7, 1, codes.ORIGINAL_NOT_FOUND, quiet=True)
    assert back(outbox, None, refusal_before) == ([], 0)
