"""The values that checkout and its flows share. Runs on both interpreters."""

from firmware.states import NOBODY, changed


def test_one_field_of_a_till_changes_and_the_others_stay():
    till = changed(changed(NOBODY, "operator", 12), "training", True)
    assert till.operator == 12 and till.training is True
    assert till[3:] == NOBODY[3:] and NOBODY.operator == 0
