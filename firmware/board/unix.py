"""The handset as a process on MicroPython's unix port or CPython, driven by a control channel.

    python -m firmware.board.unix DIR          (CPython)
    micropython main.py DIR                    (a staged program, tools/handset_program.py)

DIR holds `settings`, `outbox.flash`, `boot` (how often it started), `font` (or none) and what is
kept under a name (`operators`). Law:
what a real board keeps through a power cut stands in these files, and nothing else does.
"""

import asyncio
import gc
import os
import sys
import time

from cryptolib import aes

from firmware import font
from firmware.app import App
from firmware.board import kept_file
from firmware.board.flash_file import FlashFile
from firmware.board.unix_control import Control
from firmware.errors import FirmwareError
from firmware.settings import read, write
from protocol.limits import U32_MAX

TICKS_MASK = (1 << 30) - 1
NO_NETWORK = 101
IPPROTO_TCP = 6
TCP_NODELAY = 1
FAILED = 2
_MODE_ECB = 1


def runtime():
    """Which interpreter this is, e.g. "micropython 1.29.0-preview"."""
    version = sys.implementation.version
    text = "%s %d.%d.%d" % (sys.implementation.name, version[0], version[1], version[2])
    last = version[3] if len(version) > 3 else ""
    return text + "-" + last if last and last != "final" else text


class UnixBoard:
    """A board whose hardware is files, sockets and the control channel."""

    name = "unix"
    watchdog_ms = 60000
    reset_cause = 1

    def __init__(self, folder, outbox_blocks):
        self.boot_count = _count_boot(folder + "/boot")
        self._folder = folder
        self.outbox_device = FlashFile(folder + "/outbox.flash", outbox_blocks)
        self.font, self.font_fault = font.found(folder + "/font")
        self.pixels = b""
        self.radio_on = True
        self.printer = None
        self.watched = False
        self.percent = self.dbm = None  # of a battery and a modem it does not have
        self.ahead_ms = 0  # of the time that has passed
        self._events = []
        self._event = asyncio.Event()

    def ticks_ms(self):
        # on CPython an int, in the stubs a type of its own
        return time.ticks_ms() + self.ahead_ms & TICKS_MASK  # pyright: ignore[reportOperatorIssue]

    def random(self, size):
        return os.urandom(size)

    def aes(self, key):
        return aes(key, _MODE_ECB)

    def save_settings(self, settings):
        write(self._folder + "/settings", settings)

    def keep(self, name, data):
        kept_file.keep(self._folder + "/" + name, data)

    def kept(self, name):
        return kept_file.kept(self._folder + "/" + name)

    def show(self, buffer):
        self.pixels = buffer

    def beep(self, name):
        pass

    def put(self, event):
        """A key, a card or the time from outside."""
        self._events.append(event)
        self._event.set()

    async def event(self):
        while not self._events:
            self._event.clear()
            await self._event.wait()
        return self._events.pop(0)

    async def connect(self, host, port):
        if not self.radio_on:
            raise OSError(NO_NETWORK, "the radio is off")
        reader, writer = await asyncio.open_connection(host, port)
        if sys.implementation.name == "micropython":
            # as CPython does by itself: else a PUBACK on its way holds the next tap back for 40 ms
            socket = writer.s  # pyright: ignore[reportAttributeAccessIssue]
            socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        return reader, writer

    def heap_free(self):
        gc.collect()
        return gc.mem_free() or None

    def battery_percent(self):
        return self.percent

    def signal_dbm(self):
        return self.dbm

    def feed_watchdog(self):
        pass

    def reset(self):
        sys.exit(0)


# A number that no message has room for counts as damaged; one that cannot be written is counted
# again next time, for no tap depends on it.
def _count_boot(path):
    try:
        with open(path) as file:
            count = int(file.read()) + 1
    except (OSError, ValueError):
        count = 1
    if not 1 <= count <= U32_MAX:
        count = 1
    try:
        with open(path + ".new", "w") as file:
            file.write("%d\n" % count)
        os.rename(path + ".new", path)
    except OSError:
        pass
    return count


async def _live(board, settings):
    control = Control(board, settings, runtime())
    app = App(board, settings, control.tell)
    control.app = app  # pyright: ignore[reportAttributeAccessIssue]
    commands = asyncio.create_task(control.run())
    try:
        await app.run()
    finally:
        commands.cancel()


# the board and its settings, or one line on stderr and the end
def _found(folder):
    if folder is None:
        sys.stderr.write("handset: name the folder with its files behind the program\n")
        sys.exit(FAILED)
    try:
        settings = read(folder + "/settings")
        return UnixBoard(folder, settings.outbox_blocks), settings
    except (FirmwareError, OSError) as error:
        sys.stderr.write("handset: %s\n" % error)
        sys.exit(FAILED)


def main(folder=None):
    """Run the handset whose files are in `folder` until its control channel closes."""
    board, settings = _found(folder)
    gc.collect()
    try:
        asyncio.run(_live(board, settings))
    except KeyboardInterrupt:
        pass  # mpremote or a person asked for the prompt


if __name__ == "__main__":
    main(*sys.argv[1:2])
