"""The SSD1306 display, 128x64, on I2C or SPI.

Commands by datasheet rev 1.5 (Solomon Systech, Aug 2010): tables 9-1, I2C 8.1.5.2, charge pump in
the appendix. Law: `show` copies, marks the pages that changed and returns at once; the task `run`
sends them, one page (129 bytes, 3 ms at 400 kHz) at a time, and lets others work in between. A
display that does not answer is named in `fault` and tried again every second; nothing waits for
it. It is switched on only when all its memory was written, and every 10 s everything is sent anew:
one that lost its power without anybody noticing comes back by itself.
"""

import asyncio

from micropython import const

from firmware.board.signs import silent

PAGE_SIZE = const(128)
PAGES = const(8)
RETRY_MS = const(1000)
REFRESH_MS = const(10000)

# what is still to be sent: the bits of the pages, and these
_ALL_PAGES = const(0xFF)
_SETUP = const(0x100)
_CONTRAST = const(0x200)
_POWER = const(0x400)
_ANEW = const(0x7FF)

# of the levels 0 to 3
_CONTRASTS = b"\x08\x40\x8f\xff"
_SETUP_COMMANDS = (
    b"\xe3\xe3"  # nothing: ends a command that was cut off
    b"\xa8\x3f"  # 64 lines
    b"\xd3\x00\x40"  # no offset, start at line 0
    b"\xa1\xc8"  # column 127 at SEG0, lines from COM63 down: upright on the usual modules
    b"\xda\x12"  # COM pins alternate, as 64 lines need
    b"\xa4\xa6"  # show the memory, not inverted
    b"\xd5\x80\xd9\xf1\xdb\x40"  # clock; precharge and VCOMH for the charge pump
    b"\x20\x02"  # page addressing, which is also what a reset leaves
    b"\x2e")  # no scrolling
_ON = b"\x8d\x14\xaf"  # charge pump, display
_OFF = b"\xae\x8d\x10"

# of errno on MicroPython: no answer at the address; the bus is held by somebody
_TIMED_OUT = (110, 116)


class OverI2c:
    """The chip at an address of a machine.I2C or SoftI2C."""

    def __init__(self, i2c, address=0x3C):
        self._i2c = i2c
        self._address = address
        self._command = [b"\x00", None]  # control byte: nothing but commands follow
        self._data = [b"\x40", None]  # nothing but data

    def command(self, buffer):
        self._command[1] = buffer
        self._i2c.writevto(self._address, self._command)

    def data(self, buffer):
        self._data[1] = buffer
        self._i2c.writevto(self._address, self._data)


class OverSpi:
    """The chip on four-wire SPI: it never says whether it is there."""

    def __init__(self, spi, dc, cs):
        self._spi = spi
        self._dc = dc
        self._cs = cs
        cs.value(1)

    def command(self, buffer):
        self._send(buffer, 0)

    def data(self, buffer):
        self._send(buffer, 1)

    def _send(self, buffer, kind):
        self._dc.value(kind)
        self._cs.value(0)
        try:
            self._spi.write(buffer)
        finally:
            self._cs.value(1)


def free_bus(scl, sda):
    """Clock out whoever holds SDA low, then STOP (UM10204, 3.1.16). Pins are open drain."""
    sda.value(1)
    for _ in range(9):
        scl.value(0)
        scl.value(1)
        if sda.value():
            break
    scl.value(0)
    sda.value(0)
    scl.value(1)
    sda.value(1)


class Ssd1306:
    """`bus` is OverI2c or OverSpi; `recover()`, when given, is called before each new attempt.

    `fault`: None, "absent" (no answer, or it went in the middle), "stuck" (the bus is held).
    """

    def __init__(self, bus, recover=None, progress=silent):
        self._bus = bus
        self.progress = progress
        self._recover = recover
        self._wanted = bytearray(PAGE_SIZE * PAGES)
        self._pages = _pages_of(self._wanted)
        self._source = None
        self._source_pages = ()
        self._address = bytearray(3)
        self._contrast = bytearray(b"\x81\x8f")
        self._on = True
        self._left = _ANEW
        self._something = asyncio.Event()
        self.fault = "absent"

    def show(self, buffer):
        """1,024 bytes, MONO_VLSB; they may be changed when this returns."""
        if buffer is not self._source:
            self._source = buffer
            self._source_pages = _pages_of(buffer)
        for page in range(PAGES):
            if self._pages[page] != self._source_pages[page]:
                self._pages[page][:] = self._source_pages[page]
                self._left |= 1 << page
        if self._left:
            self._something.set()

    def brightness(self, level):
        """0 (dim) to 3."""
        self._contrast[1] = _CONTRASTS[level]
        self._left |= _CONTRAST
        self._something.set()

    def power(self, on):
        """Off keeps the picture and takes some 10 uA."""
        self._on = on
        self._left |= _POWER
        self._something.set()

    async def run(self):
        """The task that sends; it ends only by being cancelled."""
        while True:
            self.progress()
            try:
                await self._send()
            except OSError as error:
                self.fault = "stuck" if error.errno in _TIMED_OUT else "absent"
                self._left = _ANEW
                await asyncio.sleep_ms(RETRY_MS)
                if self._recover:
                    self._recover()
                continue
            self.fault = None
            self._something.clear()
            try:
                await asyncio.wait_for_ms(self._something.wait(), REFRESH_MS)
            except asyncio.TimeoutError:
                self._left = _ANEW

    # until nothing is left; what changes meanwhile is sent as well
    async def _send(self):
        while self._left:
            self._step(self._left)
            await asyncio.sleep_ms(0)

    # one transfer, or those that belong together; OSError leaves it to be sent again
    def _step(self, left):
        if left & _SETUP:
            self._bus.command(_SETUP_COMMANDS)
            self._left &= ~_SETUP
        elif left & _CONTRAST:
            self._bus.command(self._contrast)
            self._left &= ~_CONTRAST
        elif left & _ALL_PAGES:
            page = 0
            while not left & 1 << page:
                page += 1
            self._address[0] = 0xB0 | page
            self._address[2] = 0x10  # column 0: low four bits, high four bits
            self._bus.command(self._address)
            self._bus.data(self._pages[page])
            self._left &= ~(1 << page)
        else:
            self._bus.command(_ON if self._on else _OFF)
            self._left &= ~_POWER


def _pages_of(buffer):
    view = memoryview(buffer)
    return [view[page * PAGE_SIZE:(page + 1) * PAGE_SIZE] for page in range(PAGES)]
