"""Blocks that stand where they do not belong, are gone, or whose header does not say what it said.

Whatever is copied, swapped, erased or overwritten: a mount keeps every unsent tap, or refuses by
name and has written nothing. What is too many to try is sampled; the seed stands in the failure
and replays it: `POINTWIRE_DAMAGE=SEED python -m pytest tests/firmware/test_outbox_misplaced.py`.
"""

import os
import random

import pytest

from simulator.flash import ALL, BLOCK_SIZE, NOTHING, PowerCut
from tests.firmware import outbox_states as states
from tests.firmware.outbox_life import Dice, operations_of_mount
from tests.firmware.outbox_states import promised, survives
from tests.firmware.portable import raises
from tests.firmware.test_outbox_mount import mounted, refused

SEED = int(os.environ.get("POINTWIRE_DAMAGE", "20261122"))
SAMPLES = 40  # pairs of bits tried in each header
HEADER = slice(0, 32)
STATES = (states.empty, states.few_taps, states.taps_since_a_mount, states.blocks_since_a_mount,
          states.many_taps, states.answers_only, states.new_journal, states.conflicts,
          states.carried_along, states.wrapped, states.reclaiming)


def _switched_off(state):
    box, device = state()
    promise = promised(box)
    return promise, device.reborn()


def _block(device, number):
    return bytearray(device._content.get(number) or b"\xff" * BLOCK_SIZE)


def _copy_block(device, source, target):
    device._content[target] = _block(device, source)


def _copy_header(device, source, target):
    content = _block(device, target)
    content[HEADER] = _block(device, source)[HEADER]
    device._content[target] = content


def _swap(device, first, second):
    content = device._content
    content[first], content[second] = _block(device, second), _block(device, first)


def _pairs(device):
    return [(first, second) for first in range(device.blocks) for second in range(device.blocks)
            if first != second]


def _damage(device, promise, cases):
    """Try each (function, arguments) on a device of its own; how many were named."""
    named = 0
    for function, *arguments in cases:
        damaged = device.copy()
        function(damaged, *arguments)
        try:
            named += survives(damaged, promise)
        except Exception as error:
            raise AssertionError(f"{function.__name__}{tuple(arguments)}: {error!r}\n"
                                 f"seed {SEED}") from error
    return named


def _misplaced(device):
    return [(function, *pair) for function in (_copy_block, _copy_header, _swap)
            for pair in _pairs(device)]


@pytest.mark.parametrize("state", STATES)
def test_a_block_or_a_header_in_another_place_takes_no_tap_with_it(state):
    promise, device = _switched_off(state)
    assert _damage(device, promise, _misplaced(device)) >= 7


@pytest.mark.parametrize("torn", [NOTHING, ALL])
@pytest.mark.parametrize("state", [states.few_taps, states.many_taps, states.conflicts])
def test_a_misplaced_block_beside_a_cut_in_the_mount_takes_no_tap_with_it(state, torn):
    """Then the head may stand in a copy only, or twice."""
    promise, whole = _switched_off(state)
    for operation in range(operations_of_mount(whole)):
        device = whole.copy(Dice(1), torn)
        device.cut_at = device.operations + 1 + operation
        raises(PowerCut, mounted, device)
        device = device.reborn()
        _damage(device, promise, _misplaced(device)[operation % 5::5])


def _flip(device, block, byte, bits):
    device._content[block][byte] ^= bits


def _pairs_of_bits(device, dice):
    pairs = [1 << first | 1 << second for second in range(8) for first in range(second)]
    cases = [(byte, bits) for byte in range(32) for bits in pairs]
    return [(_flip, block, *case) for block in sorted(device._content)
            if any(each != 0xFF for each in device._content[block][HEADER])
            for case in dice.sample(cases, SAMPLES)]


@pytest.mark.parametrize("state", STATES)
def test_two_flipped_bits_of_a_byte_of_a_header_take_no_tap_with_them(state):
    promise, device = _switched_off(state)
    cases = _pairs_of_bits(device, random.Random(SEED))
    assert _damage(device, promise, cases) >= SAMPLES


def _overwrite(device, block, start, data):
    content = _block(device, block)
    content[start:start + len(data)] = data
    device._content[block] = content


def _overwritten(device, dice):
    cases = []
    for block in range(device.blocks):
        for size in (1, 4, 32, 100, 2048, BLOCK_SIZE):
            for data in (bytes(size), b"\xff" * size, dice.randbytes(size)):
                cases.append((_overwrite, block, 0, data))
    return cases


@pytest.mark.parametrize("state", STATES)
def test_a_block_overwritten_from_its_header_on_takes_no_tap_with_it(state):
    promise, device = _switched_off(state)
    cases = _overwritten(device, random.Random(SEED))
    assert _damage(device, promise, cases) >= 10


def test_a_closed_block_beside_the_head_is_no_reason_to_pass_over_the_head():
    _, device = states.many_taps()
    _copy_block(device, 0, 6)
    assert mounted(device.reborn()).unsettled == states.FULL + 9


def test_a_head_that_is_gone_altogether_is_missed():
    _, device = states.many_taps()
    device.ioctl(6, 1)
    assert refused(device) == "corrupt"


def test_a_header_copied_into_an_erased_block_is_no_copy_of_an_empty_head():
    """The head was empty when it was last mounted: its header alone says no more than a copy."""
    box, device = states.made(taps=1)
    _copy_header(device, 0, 3)
    assert mounted(device.reborn()).unsettled == box.unsettled == 1


def test_every_block_that_is_behind_the_head_is_known_to_be_closed():
    """Nothing that reads as the newest of what is left is taken for the head."""
    _, device = states.wrapped()
    head = mounted(device.copy())._ring.head
    device = device.reborn()
    for _ in range(device.blocks - 1):
        device.ioctl(6, head)
        assert refused(device) == "corrupt"
        head = (head - 1) % device.blocks
