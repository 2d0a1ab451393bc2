"""What can be wrong with the link: a number, a name and a text each. Runs on both."""

from firmware import faults, texts
from firmware.views import columns


def test_every_fault_of_the_link_has_a_name_and_a_text_in_both_languages():
    said = []
    for number in range(faults.NO_NETWORK, faults.WIFI_FAILED + 1):
        for language in ("en", "zh"):
            said.append(texts.fault(language, number))
            assert 0 < columns(said[-1]) <= 16
        assert faults.name(number)
    assert len(faults.NAMES) == faults.WIFI_FAILED - faults.NO_NETWORK + 1
    assert sorted(set(said)) == sorted(said) and "Login refused" in said and "登录被拒绝" in said


def test_no_fault_has_neither():
    assert faults.name(faults.NONE) is None and texts.fault("zh", faults.NONE) == ""
