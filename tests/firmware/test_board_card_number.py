"""What is a card number in the bytes of a reader. Portable."""

from firmware.board.card_number import LONG, NOT_A_NUMBER, SHORT, card_number
from protocol.limits import CARD_NUMBER_MAX


def of(text):
    return card_number(b"?" + text + b"?", 1, 1 + len(text))


def test_eight_to_nineteen_digits_are_one_whatever_their_check_digit():
    for text in (b"62000012", b"6200001234567892", b"6200001234567893", b"9" * 19):
        assert of(text) == int(text)
    assert of(b"9" * 19) == CARD_NUMBER_MAX


def test_what_is_none_has_a_name():
    for text, why in ((b"", SHORT), (b"6200001", SHORT), (b"6" * 20, LONG), (b"6" * 200, LONG),
                      (b"0200001234567892", NOT_A_NUMBER), (b"6200 0012", NOT_A_NUMBER),
                      (b"-6200001234", NOT_A_NUMBER), (b"62000012/", NOT_A_NUMBER),
                      (b"62000012:", NOT_A_NUMBER), (b"\xff" * 12, NOT_A_NUMBER)):
        assert of(text) == why, text
