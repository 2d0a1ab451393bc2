"""What no power cut can have done is called damage before anything is erased.

Each test damages flash whose taps are known. A mount then either still reads every one of them and
gives no trace twice, or it raises OutboxUnreadable and has written nothing.
"""

import pytest

from firmware.outbox import Outbox, OutboxUnreadable
from firmware.outbox_format import Header, write_header
from simulator.flash import ALL, FIRST_HALF, LAST_HALF, NOTHING, PowerCut
from tests.firmware.outbox_life import Dice, operations_of_mount
from tests.firmware.portable import raises
from tests.firmware.test_outbox_mount import JOURNAL, made, mounted, refused

# 31 taps and three small records fill a block to its last slot
FULL = 31


def _fill(box):
    for trace in (1, 2, 3):
        box.settle(JOURNAL, trace, 0)


def _one_tap():
    return made(taps=FULL + 1)


def _many_taps():
    return made(taps=FULL + 9)


def _answers_only():
    box, device = made(taps=FULL)
    for trace in (1, 2, 3, 4, 5):
        box.settle(JOURNAL, trace, 0)
    return box, device


def _raised_trace():
    box, device = made(taps=FULL)
    _fill(box)
    box.raise_trace(5000)
    return box, device


def _new_journal():
    box, device = made(taps=FULL)
    _fill(box)
    box.new_journal(JOURNAL + 1)
    return box, device


def _tap_of_a_new_journal():
    box, device = _new_journal()
    box.append(1, bytes(93))
    return box, device


def _carried_along():
    box, device = made(taps=2)
    for trace in range(3, 400):
        box.append(trace, b"%04d" % trace * 24)
        box.settle(JOURNAL, trace, 0)
    return box, device


def _wrapped():
    box, device = made(blocks=12, taps=150)
    for trace in range(1, 400):
        box.settle(JOURNAL, trace, 0)
        box.append(trace + 150, b"%04d" % trace * 24)
    return box, device


def _mounted_again():
    _, device = made(taps=FULL + 9)
    device = device.reborn()
    return mounted(device), device


STATES = (_one_tap, _many_taps, _answers_only, _raised_trace, _new_journal, _tap_of_a_new_journal,
          _carried_along, _wrapped, _mounted_again)


def _promised(box):
    return (box.journal, box.last_trace,
            {key: bytes(box.frame(*key)) for key in list(box.pending())})


def _survives(device, promised):
    """1 when the mount named the damage, 0 when it did no harm."""
    journal, last, frames = promised
    operations, box = device.operations, Outbox(device)
    try:
        box.mount()
    except OutboxUnreadable as error:
        assert error.reason in ("corrupt", "blank", "wrong_size")
        assert device.operations == operations, "something was written before it was named"
        return 1
    assert {key: bytes(box.frame(*key)) for key in frames} == frames
    assert box.journal == journal and box.next_trace > last
    return 0


def _flip_every_header_bit(device, promised, every=1):
    named = count = 0
    for block, content in sorted(device._content.items()):
        if bytes(content[:32]) != b"\xff" * 32:
            for bit in range(count % every, 256, every):
                damaged = device.copy()
                damaged._content[block][bit // 8] ^= 1 << bit % 8
                named += _survives(damaged, promised)
                count += 1
    return named, count


@pytest.mark.parametrize("state", STATES)
def test_any_flipped_bit_of_any_header_is_named_or_harmless(state):
    box, device = state()
    promised = _promised(box)
    named, count = _flip_every_header_bit(device.reborn(), promised)
    assert count >= 512 and named >= 256


@pytest.mark.parametrize("torn", [NOTHING, ALL, FIRST_HALF, LAST_HALF])
@pytest.mark.parametrize("state", [_one_tap, _many_taps, _new_journal, _tap_of_a_new_journal])
def test_a_flipped_bit_beside_a_cut_in_the_mount_is_named_or_harmless(state, torn):
    """Then the head may stand in a copy only, or half written back."""
    box, whole = state()
    promised = _promised(box)
    for operation in range(operations_of_mount(whole.reborn())):
        device = whole.reborn().copy(Dice(1), torn)
        device.cut_at = device.operations + 1 + operation
        raises(PowerCut, Outbox(device).mount)
        _flip_every_header_bit(device.reborn(), promised, every=7)


def test_bytes_further_behind_the_torn_record_than_a_record_is_long_are_damage():
    _, device = made(taps=3)
    device._content[0][32 * (13 + 33) + 5] = 0xFE
    assert mounted(device.copy()).unsettled == 3  # a torn record may reach so far
    device._content[0][32 * (13 + 34) + 5] = 0xFE
    assert refused(device) == "corrupt"


def test_a_copy_that_says_it_copied_nothing_is_damage():
    _, device = made(taps=3)
    data = bytearray(32)
    write_header(data, Header(1, 0, 1, 8, 99999, 0, 0, JOURNAL, 0, 1))
    device.writeblocks(1, data, None)
    assert refused(device) == "corrupt"


def test_one_tap_behind_a_header_that_is_gone_altogether_is_damage():
    _, device = _one_tap()
    device._content[1][:32] = bytes(32)
    assert refused(device) == "corrupt"


@pytest.mark.parametrize("taps", [0, 3, FULL])
def test_a_copy_of_a_torn_tap_that_lost_its_header_is_not_damage(taps):
    """A boot that could still read the torn tap was interrupted while it copied the head."""
    box, device = made(taps=taps)
    device.cut_at = device.operations + 1
    with pytest.raises(PowerCut):
        box.append(taps + 1, b"torn" * (20 if taps == FULL else 24))
    device = device.reborn().copy(Dice(1), ALL)
    device.cut_at = device.operations + 3
    raises(PowerCut, Outbox(device).mount)
    assert mounted(device.reborn().copy(Dice(1), NOTHING)).unsettled == taps
