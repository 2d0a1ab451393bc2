"""From a chip that started to a handset that sells, or to a screen that says why not.

Law: whatever is missing (files, settings, CA, partition), the handset says so on its display
and on its console and waits, with USB open and without a watchdog; it writes nothing.
Who holds `*` and `#` while switching on gets there too (two keys: one may be stuck).
"""

import asyncio
import sys

from micropython import const

from firmware.app import App
from firmware.board import files
from firmware.board.esp32_common import SETTINGS_PATH, Esp32Board
from firmware.board.esp32_parts import display_of, keypad_of
from firmware.errors import FirmwareError
from firmware.screen import Screen
from firmware.settings import read
from firmware.ticks import Uptime

TECHNICIAN_KEYS = "*#"
_DRAW_MS = const(2000)


def begin(pins, model, edge):
    """(board, settings), or the lines for a screen that says why there is none."""
    now = Uptime(edge.ticks_ms)
    display, keypad = display_of(pins, edge), keypad_of(pins, edge, now)
    if all([keypad.held(key) for key in TECHNICIAN_KEYS]):
        return display, ("TECHNICIAN", "USB is open")
    if files.fault():
        sys.stdout.write("pointwire: %s\n" % files.fault())
        return display, ("FILES FAULT", "Call technician")
    try:
        settings = read(edge.root + SETTINGS_PATH)
        return Esp32Board(pins, model, edge, settings, display, keypad), settings
    except (FirmwareError, OSError) as error:
        sys.stdout.write("pointwire: %s\n" % error)
        return display, ("SETTINGS FAULT", "Call technician")


def app_of(board, settings):
    """The program on its board."""
    def tell(kind, *values):
        if kind == "clock":
            board.clock_set(values[0])
        elif kind == "died":
            board.died(values[0], app.supervisor.error)

    app = board.app = App(board, settings, tell)
    return app


async def say(display, lines):
    """Draw two lines of a screen and give the display its time."""
    Screen(display.show, None).draw(("", lines[0], lines[1], "", ""))
    try:
        await asyncio.wait_for_ms(display.run(), _DRAW_MS)
    except asyncio.TimeoutError:
        pass


def main(pins, model, edge, run=asyncio.run):
    """Run the handset; comes back where it cannot, so that the console is free."""
    found, settings = begin(pins, model, edge)
    try:
        if isinstance(found, Esp32Board):
            run(app_of(found, settings).run())
        else:
            run(say(found, settings))
    except KeyboardInterrupt:
        pass  # a technician asked for the prompt
