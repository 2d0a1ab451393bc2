"""A scan is a line, with the identifier of what was printed where the scanner is set so."""

from simulator.scanner_peer import line


def test_a_line_is_the_code_and_its_end():
    assert line("6200001234567892") == b"6200001234567892\r"
    assert line("62000012", end="\r\n") == b"62000012\r\n"


def test_identifiers_stand_before_it_and_function_1_behind_that_of_gs1_codes():
    assert line("62000012", "qr") == b"]Q162000012\r"
    assert line("62000012", "gs1-128") == b"]C1\x1d62000012\r"
