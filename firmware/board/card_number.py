"""A card number in what a reader sent, and the words for what is none.

Law: 8 to 19 digits, the first not 0 (ISO/IEC 7812-1; WIRE: an integer that never begins with 0).
Whether the check digit is right is the gateway's to say (code 15), as for a keyed number. What is
no number is named and never repeated.
"""

from micropython import const

DIGITS_MIN = const(8)
DIGITS_MAX = const(19)

NOT_A_NUMBER = "not_a_number"
SHORT = "short"
LONG = "long"


def card_number(data, start, end):
    """The number that stands in data[start:end] in ASCII digits, or why there is none."""
    number = 0
    for at in range(start, end):
        digit = data[at] - 0x30
        if not 0 <= digit <= 9:
            return NOT_A_NUMBER
        if at - start < DIGITS_MAX:
            number = number * 10 + digit
    if end - start < DIGITS_MIN:
        return SHORT
    if end - start > DIGITS_MAX:
        return LONG
    return NOT_A_NUMBER if data[start] == 0x30 else number
