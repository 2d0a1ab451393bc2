"""A keypad on an expander: the same presses as on pins, and a bus that fails. Portable."""

from firmware.board.expander import RETRY_MS, Expander
from firmware.board.keypad import KEYS, SCAN_MS, Keypad
from simulator.expander_chip import ExpanderChip
from simulator.keypad_matrix import KeypadMatrix
from tests.firmware.virtual_time import run


class Desk:
    def __init__(self):
        self.matrix = KeypadMatrix()
        self.chip = ExpanderChip(self.matrix)
        self.expander = Expander(self.chip, lambda: self.matrix.now_ms)
        self.keypad = Keypad(self.expander.rows, self.expander.columns,
                             lambda: self.matrix.now_ms, self.expander.any_down)
        self.wait(50)

    def wait(self, ms):
        for _ in range(ms // SCAN_MS):
            self.keypad.scan()
            self.matrix.now_ms += SCAN_MS

    def press(self, keys):
        for key in keys:
            self.matrix.press(key, 8)
            self.wait(60)
            self.matrix.release(key, 8)
            self.wait(60)

    def told(self, count):
        async def take():
            keys = ""
            for _ in range(count):
                keys += (await self.keypad.next())[1]
            return keys

        return run(take())


def test_each_key_counts_once_as_on_pins():
    desk = Desk()
    for half in (KEYS[:8], KEYS[8:]):
        desk.press(half)
        assert desk.told(8) == half
    assert desk.keypad.lost == 0 and desk.keypad.fault is None


def test_three_keys_on_a_rectangle_are_still_told_as_ghosts():
    desk = Desk()
    for key in "125":
        desk.matrix.press(key)
    desk.wait(60)
    assert desk.keypad.fault == "ghost"


def test_while_nothing_is_pressed_a_scan_is_one_transfer():
    desk = Desk()
    before = desk.chip.transfers
    desk.wait(1000)
    assert desk.chip.transfers - before == 1000 // SCAN_MS


def test_a_bus_that_fails_is_left_alone_for_a_second_and_found_again():
    desk = Desk()
    for fails in ("powered", "held"):
        setattr(desk.chip, fails, fails == "held")
        before = desk.chip.transfers
        desk.matrix.press("7")
        desk.wait(RETRY_MS)
        assert desk.expander.fault == "absent" and desk.chip.transfers - before <= 2
        setattr(desk.chip, fails, fails == "powered")
        desk.wait(RETRY_MS + 100)
        assert desk.expander.fault is None
        assert desk.told(1) == "7"
        desk.matrix.release("7")
        desk.wait(100)
