"""What is kept of a PIN: it fits its own and no other, and tells nothing of it."""

import pytest

from gateway import pins
from gateway.pins import COST, Cost, PinRefused, fits, kept, need_pin

KEY, SALT = b"K" * 32, b"S" * pins.SALT_SIZE
QUICK = Cost(2, 1, 1)


@pytest.mark.parametrize("pin", ["0000", "2468", "00000", "123456", "7654321", "99999999"])
def test_a_pin_fits_what_is_kept_of_it_and_no_other_does(pin):
    known = kept(KEY, 7, 1, pin, SALT, QUICK)
    assert fits(KEY, known, pin)
    for wrong in (pin[:-1], pin + "0", "0" + pin, pin[:-1] + str(9 - int(pin[-1]))):
        assert not fits(KEY, known, wrong)


def test_it_is_slow_by_what_stands_beside_it():
    known = kept(KEY, 7, 1, "2468", SALT)
    assert known[3:6] == COST and COST.n * COST.r >= 2 ** 16
    assert fits(KEY, known, "2468")
    assert not fits(KEY, known._replace(n=COST.n // 2), "2468")


def test_it_opens_for_no_other_operator_key_or_salt():
    known = kept(KEY, 7, 1, "2468", SALT, QUICK)
    assert not fits(KEY, known._replace(operator_id=8), "2468")
    assert not fits(KEY[::-1] + b"x", known, "2468")
    assert not fits(KEY, known._replace(salt=SALT[::-1] + b"x"), "2468")


def test_nothing_of_the_pin_can_be_read_in_it():
    assert "24681357" not in repr(kept(KEY, 7, 1, "24681357", SALT, QUICK))


@pytest.mark.parametrize("text", ["", "123", "123456789", "12a4", "12 34", "-1234",
                                  "\uff11\uff12\uff13\uff14", "\xb2\xb2\xb2\xb2"])
def test_what_is_no_pin_is_refused_and_not_repeated(text):
    with pytest.raises(PinRefused, match="4 to 8 digits. Nothing was changed") as told:
        need_pin(text)
    assert not text or text not in str(told.value)
