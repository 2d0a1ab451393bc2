"""Tasks that wait for long show that they live. Runs on both interpreters, in virtual time."""

import asyncio

from firmware.board.battery import Battery
from firmware.board.buzzer import Buzzer
from firmware.board.printer import Printer
from firmware.board.signs import TURN_MS, awaited, each
from firmware.board.ssd1306 import OverI2c, Ssd1306
from simulator.battery_cell import BatteryCell
from simulator.printer_peer import PrinterPeer
from simulator.pwm_pin import PwmPin
from simulator.ssd1306_chip import Ssd1306Chip
from tests.firmware.virtual_time import now_ms, run

MINUTE_MS = 60000


def longest_silence(start, ms=10 * MINUTE_MS, beside=None):
    """The longest time without a sign of the task `start(progress)`, in ms."""
    async def main():
        signs = []
        task = asyncio.create_task(start(lambda: signs.append(now_ms())))
        if beside is not None:
            await beside()
        await asyncio.sleep_ms(ms)
        task.cancel()
        signs.append(now_ms())
        assert len(signs) > 1
        return max([signs[at] - signs[at - 1] for at in range(1, len(signs))])

    return run(main())


def test_a_task_of_each_part_that_has_nothing_to_do_shows_itself_three_times_a_minute():
    async def nothing(size):
        await asyncio.sleep_ms(10 ** 8)

    for start in (
        lambda progress: Buzzer(PwmPin(now_ms), progress=progress).run(),
        lambda progress: Printer(None, None, None, None, progress).run(),
        lambda progress: Ssd1306(OverI2c(Ssd1306Chip()), progress=progress).run(),
        lambda progress: Battery(BatteryCell(), progress=progress).run(),
        lambda progress: each(lambda: nothing(1), None, progress),
        lambda progress: awaited(asyncio.Event(), progress),
    ):
        assert longest_silence(start) <= MINUTE_MS // 3


def test_a_printer_that_takes_nothing_shows_itself_while_it_waits():
    class Held:
        def write(self, data):
            pass

        async def drain(self):
            await asyncio.sleep_ms(10 ** 8)

    def start(progress):
        peer = PrinterPeer()
        printer = Printer(peer.reader, Held(), lambda slip, copy: [(0, "12.50")], None, progress)
        printer.print_slip("slip")
        return printer.run()

    assert longest_silence(start) <= MINUTE_MS // 3


def test_one_that_hangs_is_begun_anew_and_nothing_is_told_twice():
    begun, told = [], []

    async def next_one():
        begun.append(now_ms())
        if len(begun) == 2:
            return "card"
        await asyncio.sleep_ms(10 ** 8)

    longest_silence(lambda progress: each(next_one, told.append, progress), 3 * TURN_MS)
    assert told == ["card"] and len(begun) >= 4
