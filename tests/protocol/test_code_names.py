"""The words for reply codes."""

from protocol import codes
from protocol.code_names import NAMES


def test_every_code_has_one_name_and_one_constant():
    constants = {name: value for name, value in vars(codes).items()
                 if name.isupper() and isinstance(value, int)}
    assert {name.lower(): value for name, value in constants.items()} == {
        name: code for code, name in NAMES.items()}
    assert len(set(NAMES.values())) == len(NAMES) == 32


def test_a_code_is_named_by_its_word():
    assert (codes.name(0), codes.name(41), codes.name(90)) == ("approved", "held", "try_later")
