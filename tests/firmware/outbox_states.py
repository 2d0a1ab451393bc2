"""States of the ring to damage, and what must hold of a mount then: keep every tap, or refuse."""

import pytest

from firmware.outbox import Outbox, OutboxUnreadable
from firmware.outbox_format import TAP
from simulator.flash import NOTHING, PowerCut
from tests.firmware.test_outbox_mount import JOURNAL, made, mounted

# 31 taps and two small records fill a block to its last slot for records
FULL = 31


def frame(trace):
    return b"%04d" % trace * 24


def take(box, taps):
    for _ in range(taps):
        box.append(box.next_trace, frame(box.next_trace))


def _fill(box):
    for trace in (1, 2):
        box.settle(JOURNAL, trace, 0)


def empty():
    return made()


def few_taps():
    return made(taps=5)


def one_tap():
    return made(taps=FULL + 1)


def many_taps():
    return made(taps=FULL + 9)


def answers_only():
    box, device = made(taps=FULL)
    for trace in (1, 2, 3, 4, 5):
        box.settle(JOURNAL, trace, 0)
    return box, device


def raised_trace():
    box, device = made(taps=FULL)
    _fill(box)
    box.raise_trace(5000)
    return box, device


def new_journal():
    box, device = made(taps=FULL)
    _fill(box)
    box.new_journal(JOURNAL + 1)
    return box, device


def tap_of_a_new_journal():
    box, device = new_journal()
    take(box, 1)
    return box, device


def conflicts():
    """Two journals begun in the head, each with taps; some of them have moved there."""
    box, device = made(taps=FULL)
    _fill(box)
    for journal in (JOURNAL + 1, JOURNAL + 2):
        box.new_journal(journal)
        for origin in list(box.pending())[:3]:
            box.append(box.next_trace, frame(9), reserve=True, origin=origin)
        take(box, 8)
    return box, device


def carried_along():
    box, device = made(taps=2)
    for trace in range(3, 400):
        box.append(trace, frame(trace))
        box.settle(JOURNAL, trace, 0)
    return box, device


def wrapped():
    box, device = made(blocks=12, taps=150)
    for trace in range(1, 400):
        box.settle(JOURNAL, trace, 0)
        take(box, 1)
    return box, device


def reclaiming():
    """The power went while the taps of the oldest block were copied to the head."""
    box, device = made(taps=100, torn=NOTHING)
    for trace in range(13, 43):
        box.settle(JOURNAL, trace, 0)
    while box._copied == (0, 0, 0):
        take(box, 1)
        box.settle(JOURNAL, box.last_trace, 0)
    device.cut_at = device.operations + 3
    with pytest.raises(PowerCut):
        while True:
            box.tidy()
    device = device.reborn()
    return mounted(device.copy()), device


def mounted_again():
    _, device = many_taps()
    device = device.reborn()
    return mounted(device), device


def taps_since_a_mount():
    _, device = few_taps()
    device = device.reborn()
    box = mounted(device)
    take(box, 3)
    return box, device


def blocks_since_a_mount():
    box, device = taps_since_a_mount()
    take(box, 38)
    return box, device


def promised(box):
    return box.journal, box.last_trace, _waiting(box)


# the frames of what waits, in one walk: asking for them one by one takes ten times as long
def _waiting(box):
    ring, found = box._ring, {}
    for _ in ring.walk(ring.tail, 1):
        key = ring.record.journal, ring.record.trace
        if ring.record.kind == TAP and box.waits(*key):
            found[key] = bytes(box._search.frame())
    assert set(found) == set(box.pending())
    return found


def survives(device, promise):
    """1 when the mount named the damage, 0 when it did no harm."""
    journal, last, frames = promise
    operations, box = device.operations, Outbox(device)
    try:
        box.mount()
    except OutboxUnreadable as error:
        assert error.reason in ("corrupt", "blank", "wrong_size")
        assert device.operations == operations, "something was written before it was named"
        return 1
    found = _waiting(box)
    assert {key: found.get(key) for key in frames} == frames
    assert box.journal == journal and box.next_trace > last
    return 0
