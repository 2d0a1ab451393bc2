"""The fake display chip against what the datasheet says. Runs on both interpreters too."""

from simulator.ssd1306_chip import EIO, ENODEV, ETIMEDOUT, Ssd1306Chip
from tests.firmware.portable import raises

START = (0xAE, 0xA8, 0x3F, 0xD3, 0, 0x40, 0xA1, 0xC8, 0xDA, 0x12, 0x81, 0x7F, 0xA4, 0xA6,
         0xD5, 0x80, 0x8D, 0x14, 0xAF)


def fresh(*commands):
    chip = Ssd1306Chip()
    chip.writeto(0x3C, b"\x00" + bytes(commands))
    return chip


def data(chip, payload):
    chip.writeto(0x3C, b"\x40" + payload)


def dot(x, y):
    """The picture with one point."""
    seen = bytearray(1024)
    seen[(y >> 3) * 128 + x] = 1 << (y & 7)
    return bytes(seen)


def test_the_flow_chart_of_the_datasheet_lights_it_up():
    chip = fresh(*START)
    assert chip.unknown == [] and chip.visible() is not None
    # nobody wrote its memory: the cashier saw snow
    assert chip.flashes == 1


def test_nothing_is_seen_without_charge_pump_or_power():
    assert fresh(0xAF).visible() is None
    chip = fresh(*START)
    chip.power_off()
    assert chip.visible() is None
    chip.power_on()
    assert chip.visible() is None and not chip.pump


def test_page_addressing_wraps_in_its_page():
    chip = fresh(*START, 0xB3, 0x05, 0x11)
    assert (chip.page, chip.column) == (3, 0x15)
    data(chip, bytes(128))
    assert (chip.page, chip.column) == (3, 0x15)


def test_horizontal_addressing_fills_the_window_row_by_row():
    chip = fresh(*START, 0x20, 0, 0x21, 2, 4, 0x22, 1, 2)
    data(chip, bytes((1, 2, 3, 4, 5, 6)))
    rows = [[chip.cells[page * 128 + 127 - column] for column in (2, 3, 4)] for page in (1, 2)]
    assert rows == [[1, 2, 3], [4, 5, 6]]
    assert (chip.page, chip.column) == (1, 2)


def test_vertical_addressing_fills_it_column_by_column():
    chip = fresh(*START, 0x20, 1, 0x21, 2, 4, 0x22, 1, 2)
    data(chip, bytes((1, 2, 3, 4, 5, 6)))
    rows = [[chip.cells[page * 128 + 127 - column] for column in (2, 3, 4)] for page in (1, 2)]
    assert rows == [[1, 3, 5], [2, 4, 6]]


def test_each_wrong_setting_shows_a_wrong_picture():
    def picture(*more):
        chip = fresh(*START, 0x20, 0, *more)
        data(chip, dot(3, 10))
        return chip.visible()

    assert picture() == dot(3, 10)
    assert picture(0xA0) == dot(124, 10)
    assert picture(0xC0) == dot(3, 53)
    assert picture(0x44) == dot(3, 6) == picture(0xD3, 4)
    assert picture(0xA7) == bytes(255 - each for each in dot(3, 10))
    assert picture(0xA5) == b"\xff" * 1024
    assert picture(0xDA, 0x02) != dot(3, 10)
    assert picture(0xA8, 0x1F) == dot(3, 10) and picture(0xA8, 0x0F) == dot(3, 10)


def test_control_bytes_may_stand_before_each_byte():
    chip = Ssd1306Chip()
    chip.writeto(0x3C, bytes((0x80, 0x81, 0x80, 0x55, 0x80, 0xB2, 0x40, 9, 8)))
    assert chip.contrast == 0x55 and chip.column == 2 and chip.cells[2 * 128] == 9
    assert chip.unknown == []


def test_what_it_does_not_know_is_kept():
    assert fresh(0x33).unknown == [(0x33, ())]
    assert fresh(0x20, 3).unknown == [(0x20, (3,))]


def test_it_fails_as_a_bus_does():
    chip = fresh(*START)
    assert raises(OSError, chip.writeto, 0x3D, b"\x00\xe3").errno == ENODEV
    chip.nack_after = 3
    assert raises(OSError, data, chip, bytes(128)).errno == EIO
    assert chip.column == 2
    data(chip, b"\x01")
    chip.cut_after = 2
    assert raises(OSError, data, chip, b"\x01\x02").errno == EIO
    assert raises(OSError, data, chip, b"\x01").errno == ENODEV
    chip.power_on()
    chip.hold_bus()
    assert raises(OSError, data, chip, b"\x01").errno == ETIMEDOUT
