"""Numbers keyed digit by digit. Runs on both interpreters."""

from firmware.flows.keyed import keyed


def test_a_digit_joins_and_c_takes_one_back():
    assert keyed(0, "7", 99) == 7 and keyed(7, "0", 99) == 70
    assert keyed(70, "C", 99) == 7 and keyed(7, "C", 99) == 0 and keyed(0, "C", 99) == 0


def test_what_is_too_large_or_no_digit_is_none():
    assert keyed(9, "9", 99) == 99 and keyed(9, "9", 98) is None
    assert [keyed(1, key, 99) for key in "ABD*#"] == [None] * 5
