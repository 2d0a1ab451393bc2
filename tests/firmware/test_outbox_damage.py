"""What no power cut can have done is called damage before anything is erased.

Each test damages flash whose taps are known. A mount then either still reads every one of them and
gives no trace twice, or it raises OutboxUnreadable and has written nothing.
"""

import pytest

from firmware.outbox import Outbox
from firmware.outbox_format import Header, write_header
from simulator.flash import ALL, FIRST_HALF, LAST_HALF, NOTHING, PowerCut
from tests.firmware import outbox_states as states
from tests.firmware.outbox_life import Dice, operations_of_mount
from tests.firmware.outbox_states import FULL, promised, survives
from tests.firmware.portable import raises
from tests.firmware.test_outbox_mount import JOURNAL, made, mounted, refused

STATES = (states.one_tap, states.many_taps, states.answers_only, states.raised_trace,
          states.new_journal, states.tap_of_a_new_journal, states.conflicts, states.carried_along,
          states.wrapped, states.mounted_again)


def _flip_every_header_bit(device, promise, every=1):
    named = count = 0
    for block, content in sorted(device._content.items()):
        if bytes(content[:32]) != b"\xff" * 32:
            for bit in range(count % every, 256, every):
                damaged = device.copy()
                damaged._content[block][bit // 8] ^= 1 << bit % 8
                named += survives(damaged, promise)
                count += 1
    return named, count


@pytest.mark.parametrize("state", STATES)
def test_any_flipped_bit_of_any_header_is_named_or_harmless(state):
    box, device = state()
    promise = promised(box)
    named, count = _flip_every_header_bit(device.reborn(), promise)
    assert count >= 512 and named >= 256


@pytest.mark.parametrize("torn", [NOTHING, ALL, FIRST_HALF, LAST_HALF])
@pytest.mark.parametrize("state", [
    states.one_tap, states.many_taps, states.new_journal, states.tap_of_a_new_journal])
def test_a_flipped_bit_beside_a_cut_in_the_mount_is_named_or_harmless(state, torn):
    """Then the head may stand in a copy only, or half written back."""
    box, whole = state()
    promise = promised(box)
    for operation in range(operations_of_mount(whole.reborn())):
        device = whole.reborn().copy(Dice(1), torn)
        device.cut_at = device.operations + 1 + operation
        raises(PowerCut, Outbox(device).mount)
        _flip_every_header_bit(device.reborn(), promise, every=7)


def test_bytes_further_behind_the_torn_record_than_a_record_is_long_are_damage():
    _, device = made(taps=3)
    device._content[0][32 * (13 + 33) + 5] = 0xFE
    assert mounted(device.copy()).unsettled == 3  # a torn record may reach so far
    device._content[0][32 * (13 + 34) + 5] = 0xFE
    assert refused(device) == "corrupt"


@pytest.mark.parametrize("tap", [0, 2, 4])
def test_a_damaged_record_that_a_mount_vouched_for_is_named_before_anything_is_written(tap):
    """The last of them too, behind which nothing tells it from a torn one."""
    _, device = made(taps=5)
    seen = device.reborn()
    mounted(seen)
    damaged = seen.reborn()
    damaged._content[0][32 * (1 + 4 * tap) + 40] ^= 1
    for _ in range(2):
        assert refused(damaged) == "corrupt"


def test_a_copy_that_says_it_copied_nothing_is_damage():
    _, device = made(taps=3)
    data = bytearray(32)
    write_header(data, Header(1, 0, 1, 8, 99999, 0, 0, JOURNAL, 0, 1))
    device.writeblocks(1, data, None)
    assert refused(device) == "corrupt"


def test_one_tap_behind_a_header_that_is_gone_altogether_is_damage():
    _, device = states.one_tap()
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
