"""The proof proves itself: each mistake planted in the outbox is noticed by it."""

import pytest

from simulator.flash import NorFlash
from tests.firmware import outbox_life as life
from tests.firmware.outbox_mutants import MUTANTS, planted


def a_flipped_bit_of_a_header_is_named_or_harmless():
    """The proof of test_outbox_damage.py in small."""
    whole = life.Life(3)
    while whole.taps < 5:
        whole.tap()
    before = whole.outbox
    promised = before.unsettled, before.journal, before.next_trace
    for block in list(whole.device._content):
        for bit in range(256):
            device = whole.device.reborn().copy()
            device._content[block][bit // 8] ^= 1 << bit % 8
            outbox = life.Outbox(device)
            try:
                outbox.mount()
            except Exception as error:
                assert getattr(error, "reason", None), error
            else:
                assert (outbox.unsettled, outbox.journal, outbox.next_trace) == promised


def prove():
    """The proof of test_outbox_power_cut.py in small."""
    blank = NorFlash(8, life.Dice(1))
    try:
        life.Outbox(blank).mount()
    except Exception as error:
        assert getattr(error, "reason", None) == "blank"
    assert blank.operations == 0, "a mount wrote to a blank device"
    lapping = life.Life(1)
    while lapping.taps < 100:
        lapping.tap()
        lapping.settle()
    lapping.restart()
    for torn in ("mixed", "nothing", "all"):
        life.cut_everywhere(1, 40, (torn,))
    life.storm(1, 30)
    a_flipped_bit_of_a_header_is_named_or_harmless()


def test_the_outbox_without_a_mistake_passes():
    prove()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_mistake_is_noticed(name):
    with planted(name), pytest.raises(Exception) as caught:
        prove()
    assert not isinstance(caught.value, LookupError | ImportError | SyntaxError | AttributeError)
