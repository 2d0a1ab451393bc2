"""What can be wrong with the link: a number, a name and a text each. Runs on both."""

from firmware import faults, texts
from firmware.texts import en, zh
from firmware.views import columns


def test_every_fault_of_the_link_has_a_name_and_a_text_in_both_languages():
    for number in range(faults.NO_NETWORK, faults.FALSE_REPLY + 1):
        assert faults.name(number)
        for parts in (en.parts(), zh.parts()):
            assert 0 < columns(texts.Words(parts).reason(number)) <= 16
    assert faults.name(faults.NONE) is None
    assert len(faults.NAMES) == faults.FALSE_REPLY - faults.NO_NETWORK + 1
