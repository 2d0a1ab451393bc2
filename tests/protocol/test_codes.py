"""Reply codes: what is final, what is worth sending again."""

from protocol import codes
from protocol.code_names import NAMES
from tests.protocol import answers


def test_exactly_four_codes_are_transient():
    assert {codes.name(code) for code in range(256)
            if code in NAMES and codes.transient(code)} == {
        "terminal_suspended", "merchant_suspended", "unsupported", "try_later"}


def test_a_code_of_a_newer_gateway_never_settles_a_tap():
    for code in range(256):
        assert codes.transient(code) or code in NAMES
    assert codes.transient(77)
    assert codes.name(77) == "code_77"


def test_every_named_code_is_known_and_no_other():
    assert list(codes.KNOWN) == sorted(NAMES)


def test_the_numbers_that_other_makers_rely_on_do_not_move():
    told = {"approved": 0, "card_unknown": 10, "card_inactive": 11, "card_invalid": 15,
            "member_suspended": 20, "voided": 40, "held": 41, "terminal_suspended": 53,
            "malformed": 60, "unsupported": 61, "trace_conflict": 62, "too_old": 63,
            "try_later": 90}
    assert {name: code for code, name in NAMES.items() if name in told} == told


def test_micropython_knows_the_same_codes():
    lines = [f"code {bytes((code,)).hex()}" for code in range(256)]
    assert answers.on_micropython(lines) == [answers.answer(line) for line in lines]
