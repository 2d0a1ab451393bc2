"""The expander's peer: lines as the data sheet has them. Portable."""

from simulator.expander_chip import ExpanderChip
from simulator.keypad_matrix import KeypadMatrix
from tests.firmware.portable import raises


def read(chip):
    got = bytearray(1)
    chip.readfrom_into(0x20, got)
    return got[0]


def test_a_pressed_key_joins_its_row_and_its_column():
    matrix = KeypadMatrix()
    chip = ExpanderChip(matrix)
    assert read(chip) == 0xFF
    matrix.press("5")
    matrix.now_ms += 1
    chip.writeto(0x20, b"\xdf")  # the second row down
    assert read(chip) == 0xDD
    chip.writeto(0x20, b"\xef")
    assert read(chip) == 0xEF


def test_nobody_answers_without_power_or_elsewhere_and_a_held_bus_times_out():
    chip = ExpanderChip(KeypadMatrix())
    assert raises(OSError, chip.writeto, 0x21, b"\xff").errno == 19
    chip.powered = False
    assert raises(OSError, read, chip).errno == 19
    chip.held = True
    assert raises(OSError, read, chip).errno == 116
