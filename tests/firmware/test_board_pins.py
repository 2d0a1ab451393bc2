"""No wire of a board is on a pin that cannot carry it. Runs on both interpreters.

What the chips can do stands here once more, from their datasheets, apart from the table.
"""

from firmware.board.pins import BOARDS, ESP32_SIM800, ESP32S3_A7670, Pins, wires

# by board: pins there are, and those that are taken, strap, only read, or are ADC1
_ESP32 = {
    "there": tuple(range(20)) + (21, 22, 23, 25, 26, 27, 32, 33, 34, 35, 36, 39),
    "flash": (6, 7, 8, 9, 10, 11), "psram": (16, 17), "console": (1, 3),
    "strapping": (0, 2, 5, 12, 15), "reads": (34, 35, 36, 39),
    "adc": (32, 33, 34, 35, 36, 39), "uarts": (1, 2), "spis": (1, 2),
}
_ESP32S3 = {
    "there": tuple(range(22)) + (35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48),
    "flash": (26, 27, 28, 29, 30, 31, 32), "psram": (33, 34, 35, 36, 37), "console": (19, 20),
    "strapping": (0, 3, 45, 46), "reads": (),
    "adc": (1, 2, 4, 5, 6, 7, 8, 9, 10), "uarts": (0, 1, 2), "spis": (1, 2),
}
_CHIPS = {ESP32_SIM800.name: _ESP32, ESP32S3_A7670.name: _ESP32S3}


def faults(pins):
    """What is wrong with a board's pins, in words."""
    chip, found, seen = _CHIPS[pins.name], [], {}
    for what, pin, direction in wires(pins):
        if pin in seen:
            found.append(f"{what} and {seen[pin]} share {pin}")
        seen[pin] = what
        if pin not in chip["there"]:
            found.append(f"{what}: there is no pin {pin}")
        for taken in ("flash", "psram", "console", "strapping"):
            if pin in chip[taken]:
                found.append(f"{what}: {pin} is {taken}")
        if pin in chip["reads"] and direction in ("out", "both"):
            found.append(f"{what}: {pin} only reads")
        if direction == "adc" and pin not in chip["adc"]:
            found.append(f"{what}: {pin} is not ADC1")
    uarts = [pins.modem.uart] + [port.uart for port in pins.ports]
    if len(set(uarts)) < len(uarts) or [uart for uart in uarts if uart not in chip["uarts"]]:
        found.append("uarts " + str(uarts))
    if pins.spi.bus not in chip["spis"]:
        found.append(f"spi {pins.spi.bus} is the flash")
    return found


def test_each_pin_can_carry_what_is_wired_to_it():
    for pins in BOARDS:
        assert faults(pins) == [], pins.name
        assert len(pins.name) <= 32  # as heartbeats report it


def changed(pins, **fields):
    names = ("name", "spi", "i2c", "modem", "ports", "rows", "columns", "buzzer", "battery",
             "charger")
    return Pins(*[fields.get(name, pins[place]) for place, name in enumerate(names)])


def test_a_wrong_pin_is_named():
    for pin, why in ((18, "share"), (34, "only reads"), (12, "strapping"), (16, "psram"),
                     (9, "flash"), (1, "console"), (24, "no pin")):
        found = faults(changed(ESP32_SIM800, buzzer=pin))
        assert [each for each in found if why in each], (pin, found)
    assert faults(changed(ESP32_SIM800, battery=14, buzzer=36)) != []
    assert faults(changed(ESP32S3_A7670, battery=38)) != []
    twice = ESP32_SIM800.ports[0]
    assert faults(changed(ESP32_SIM800, ports=(type(twice)(2, 32, 35),))) == ["uarts [2, 2]"]


def test_a_board_has_all_its_keys():
    for pins in BOARDS:
        assert (pins.rows is None) == (pins.columns is None)
        assert pins.rows is None or len(pins.rows) == len(pins.columns) == 4
