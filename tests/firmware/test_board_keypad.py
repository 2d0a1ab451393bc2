"""The keypad driver at a matrix that bounces, ghosts and sticks: each press counts once."""

import asyncio

from firmware.board.keypad import (
    DEBOUNCE_MS,
    KEYS,
    LONG_MS,
    SCAN_MS,
    STUCK_MS,
    Debouncer,
    Keypad,
)
from simulator.keypad_matrix import KeypadMatrix
from tests.firmware.virtual_time import now_ms, run


class Dice:
    """Random numbers that are the same on both interpreters."""

    def __init__(self, seed):
        self._seed = seed

    def below(self, limit):
        self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._seed >> 12) % limit


class Desk:
    """A keypad whose timer is `wait`, and what came out of it."""

    def __init__(self, seed=1):
        self.matrix = KeypadMatrix(seed)
        self.keypad = Keypad(self.matrix.rows, self.matrix.columns, lambda: self.matrix.now_ms)
        self.keypad.scan()

    def wait(self, ms, every_ms=SCAN_MS):
        end_ms = self.matrix.now_ms + ms
        while self.matrix.now_ms < end_ms:
            self.matrix.now_ms += every_ms
            self.keypad.scan()

    def strike(self, key, bounce_ms=0, down_ms=80, up_ms=80):
        self.matrix.press(key, bounce_ms)
        self.wait(down_ms)
        self.matrix.release(key, bounce_ms)
        self.wait(up_ms)

    def taken(self):
        """All events so far, as a text: "1", "l1" for a long one."""
        async def take():
            found = ""
            while self.keypad._take_at != self.keypad._put_at:
                kind, key = await self.keypad.next()
                found += key if kind == "key" else "l" + key
            return found

        return run(take())


def test_every_key_is_itself():
    for key in KEYS:
        desk = Desk()
        desk.strike(key)
        assert desk.taken() == key and desk.keypad.fault is None


def test_no_press_bounces_into_two_and_none_is_lost():
    for seed in range(25):
        dice = Dice(seed)
        desk = Desk(seed)
        typed = ""
        seen = ""
        for _ in range(8):
            key = KEYS[dice.below(16)]
            desk.strike(key, 5 + dice.below(16), 45 + dice.below(60), 45 + dice.below(60))
            typed += key
            seen += desk.taken()
        assert seen == typed, seed


def test_a_timer_that_comes_late_counts_once_all_the_same():
    for seed in range(20):
        dice = Dice(seed)
        desk = Desk(seed)
        for key in "5A":
            desk.matrix.press(key, 20)
            for _ in range(8):
                desk.wait(1, 1 + dice.below(60))
            desk.matrix.release(key, 20)
            for _ in range(8):
                desk.wait(1, 1 + dice.below(60))
        assert desk.taken() == "5A", seed


def test_a_spike_is_no_press():
    desk = Desk()
    for ms in (2, 5, 10, 15):
        desk.matrix.press("5")
        desk.wait(ms)
        desk.matrix.release("5")
        desk.wait(60)
    assert desk.taken() == ""


def test_a_fast_typist_rolls_over_in_order():
    desk = Desk()
    desk.matrix.press("1")
    desk.wait(40)
    desk.matrix.press("2")
    desk.wait(40)
    desk.matrix.release("1")
    desk.wait(40)
    desk.matrix.press("3")
    desk.wait(40)
    desk.matrix.release("2")
    desk.matrix.release("3")
    desk.wait(40)
    assert desk.taken() == "123" and desk.keypad.fault is None


def test_two_keys_without_an_order_do_not_count():
    desk = Desk()
    desk.matrix.press("1")
    desk.matrix.press("2")
    desk.wait(2000)
    assert desk.taken() == "" and desk.keypad.fault == "together"
    desk.matrix.release("1")
    desk.matrix.release("2")
    desk.wait(60)
    desk.strike("2")
    assert desk.taken() == "2" and desk.keypad.fault is None


def test_a_ghost_never_counts_and_is_named():
    desk = Desk()
    for key in "124":
        desk.matrix.press(key)
        desk.wait(60)
    # 5 reads as closed; whether 4 or 5 is the ghost nobody can say
    assert desk.taken() == "12" and desk.keypad.fault == "ghost"
    desk.matrix.release("2")
    desk.wait(200)
    assert desk.taken() == ""
    for key in "14":
        desk.matrix.release(key)
    desk.wait(60)
    desk.strike("4")
    desk.strike("5")
    assert desk.taken() == "45" and desk.keypad.fault is None


def test_a_ghost_that_comes_later_than_what_made_it_is_one_all_the_same():
    keys = Debouncer()
    one, two, four, five = 1, 2, 16, 32
    pressed = []

    def hold(sample, until_ms):
        while len(pressed) * SCAN_MS < until_ms:
            pressed.append(keys.feed(sample, len(pressed) * SCAN_MS))

    hold(0, 20)
    hold(one, 80)
    hold(one | two, 150)
    # the contact of 1 breaks for a moment, in which 4 goes down
    hold(two | four, 160)
    hold(one | two | four | five, 300)
    assert [mask for mask in pressed if mask] == [one, two] and keys.fault == "ghost"
    hold(four, 400)
    assert [mask for mask in pressed if mask] == [one, two]


def test_a_long_press_comes_once_behind_its_key():
    desk = Desk()
    desk.strike("C", 10, LONG_MS + 200)
    desk.strike("C", 10, LONG_MS - 200)
    assert desk.taken() == "ClCC"


def test_a_stuck_key_is_named_and_the_others_go_on():
    desk = Desk()
    desk.matrix.press("8")
    desk.wait(STUCK_MS + 100)
    assert desk.keypad.fault == "stuck" and desk.keypad.stuck_keys() == "8"
    assert desk.taken() == "8l8"
    desk.strike("1")
    desk.strike("0")
    desk.wait(3 * STUCK_MS)
    assert desk.taken() == "10" and desk.keypad.fault == "stuck"
    desk.matrix.release("8", 20)
    desk.wait(100)
    assert desk.keypad.fault is None and desk.keypad.stuck_keys() == ""
    desk.strike("8")
    assert desk.taken() == "8"


def test_a_key_down_at_the_start_counts_only_after_its_release():
    matrix = KeypadMatrix()
    matrix.press("#")
    desk = Desk()
    desk.matrix = matrix
    desk.keypad = Keypad(matrix.rows, matrix.columns, lambda: matrix.now_ms)
    desk.wait(STUCK_MS + 100)
    assert desk.taken() == "" and desk.keypad.stuck_keys() == "#"
    desk.matrix.release("#")
    desk.wait(60)
    desk.strike("#")
    assert desk.taken() == "#"


def test_what_nobody_takes_is_counted_when_there_is_no_room():
    desk = Desk()
    for _ in range(17):
        desk.strike("7")
    assert desk.taken() == "7" * 15 and desk.keypad.lost == 2


def test_waiting_for_a_key_takes_it_when_it_comes():
    desk = Desk()

    async def main():
        async def finger():
            await asyncio.sleep_ms(500)
            desk.strike("9")

        task = asyncio.create_task(finger())
        event = await desk.keypad.next()
        assert now_ms() < 520
        await task
        return event

    assert run(main()) == ("key", "9")


def test_mashing_never_makes_a_key_that_nobody_touched_and_ends_well():
    for seed in range(12):
        dice = Dice(seed)
        desk = Desk(seed)
        for _ in range(60):
            key = KEYS[dice.below(16)]
            held = desk.matrix.pressed()
            if key in held:
                desk.matrix.release(key, dice.below(21))
            elif len(held) < 6:
                desk.matrix.press(key, dice.below(21))
            desk.wait(1 + dice.below(80))
            for each in desk.taken().replace("l", ""):
                ago_ms = desk.matrix.touched_ms_ago(each)
                assert ago_ms is not None and ago_ms < 2 * DEBOUNCE_MS + 90, (seed, each)
        for key in desk.matrix.pressed():
            desk.matrix.release(key, 20)
        desk.wait(100)
        desk.taken()
        for key in KEYS:
            desk.strike(key, 10)
            assert desk.taken() == key, (seed, key)
        assert desk.keypad.fault is None


def test_the_debouncer_is_a_function_of_samples_and_time():
    keys = Debouncer()
    assert keys.feed(0, 0) == 0
    assert keys.feed(0b100, 5) == 0
    assert keys.feed(0b100, 5 + DEBOUNCE_MS - 1) == 0
    assert keys.feed(0b100, 5 + DEBOUNCE_MS) == 0b100
    assert keys.feed(0b100, 5 + DEBOUNCE_MS + 5) == 0
    assert keys.long == 0 and keys.fault is None
