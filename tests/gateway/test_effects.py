"""What became of a message, for those that take it back."""

from gateway.effects import Dated, Made, Original, Refunded


def part(amount_minor: int, seq: int) -> Refunded:
    return Refunded((5, bytes(8)), seq, Made(seq, seq, 4, 7, 1, None, -amount_minor, 10, "{}",
                                             (), ()))


def test_what_was_refunded_is_the_sum_of_the_refunds_that_stand():
    assert Original(1, 0, None, False).refunded_minor == 0
    assert Original(1, 0, None, False, (part(250, 1), part(100, 3))).refunded_minor == 350


def test_with_an_entry_is_kept_how_its_date_is_known():
    assert Dated(50, 10, 40, 60, 2, 45, 9).word == (2, 40, 60)
