"""Finding taps and answers by reading flash, with few reads and no index."""

from firmware.outbox import Outbox, format_outbox
from simulator.flash import NorFlash
from tests.firmware.outbox_life import Dice

JOURNAL = 77


def made(blocks, taps):
    device = NorFlash(blocks, Dice(1))
    format_outbox(device, JOURNAL)
    box = Outbox(device)
    box.mount()
    for trace in range(1, taps + 1):
        box.append(trace, b"%06d" % trace * 16)
    return box, device


def test_any_tap_is_found_with_few_reads():
    box, device = made(64, 1500)
    box = Outbox(device.copy())
    box.mount()
    device = box._ring.device
    for trace in (1, 31, 32, 750, 1499, 1500):
        reads = device.reads
        assert box.frame(JOURNAL, trace) == b"%06d" % trace * 16
        assert device.reads - reads < 24
        reads = device.reads
        box.frame(JOURNAL, trace)
        assert device.reads - reads <= 1


def test_a_tap_that_was_copied_is_found_where_it_went():
    box, device = made(8, 1)
    for trace in range(2, 400):
        box.append(trace, bytes(93))
        box.settle(JOURNAL, trace, 0, 1, 1)
    box = Outbox(device.copy())
    box.mount()
    assert box.frame(JOURNAL, 1) == b"%06d" % 1 * 16


def test_a_hint_that_has_become_wrong_is_not_believed():
    box, _ = made(8, 2)
    assert box.frame(JOURNAL, 1)
    box.settle(JOURNAL, 1, 0)
    for trace in range(3, 300):
        box.append(trace, b"%06d" % trace * 16)
        box.settle(JOURNAL, trace - 1, 0)
        assert box.frame(JOURNAL, trace) == b"%06d" % trace * 16
        assert box.frame(JOURNAL, trace - 1) == b"%06d" % (trace - 1) * 16


def test_taps_of_an_older_journal_are_found_too():
    box, _ = made(16, 100)
    for journal in (5, 6):
        box.new_journal(journal)
        for trace in range(1, 60):
            box.append(trace, b"%03d" % (journal * 100 + trace % 100) * 30)
    for journal, trace in box.pending():
        frame = box.frame(journal, trace)
        assert frame[:3] == (b"%06d" % trace * 16 if journal == JOURNAL
                             else b"%03d" % (journal * 100 + trace % 100) * 30)[:3]


def test_answers_are_found_whatever_order_they_came_in():
    box, _ = made(16, 120)
    dice, waiting = Dice(9), list(range(1, 121))
    while waiting:
        trace = waiting.pop(dice.below(len(waiting)))
        box.settle(JOURNAL, trace, 0, trace, trace * 2)
    assert [record.settled for record in box.records()] == [(0, t, t * 2) for t in range(1, 121)]
