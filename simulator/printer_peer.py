"""A 58 mm ESC/POS printer at the other end of a UART: bytes in, lines on paper out.

Written from the command manuals (Epson TM, Bixolon, HPRT): ESC @, ESC a, ESC d, GS !, GS r,
FS & and FS ., DLE EOT 1 to 4. It has a receive buffer that a task (`run`) prints from, a line in
`line_ms`; real-time commands are seen as soon as they arrive. 32 columns, 16 where letters are
twice as wide; what is longer goes on in the next line, as the hardware does it. Without paper or
with the cover open it is offline: it prints nothing and answers nothing but DLE EOT.

It fails as hardware does: `paper_lines` until the paper ends, `cover_open`, `busy` (prints
nothing; the buffer fills, XOFF, then bytes are lost), `held` (its DTR holds the sender), `dead`,
`mute`, `noise`, `confirms` False (GS r is not known), `power_off()`. Bytes it has no meaning for
are in `unknown`. Runs on both interpreters.
"""

import asyncio

WIDTH = 32
ESC, GS, FS, DLE, EOT, LF = 0x1B, 0x1D, 0x1C, 0x10, 0x04, 0x0A
XON, XOFF = 0x11, 0x13
RESET = 104


class PrinterPeer:
    """`reader` and `writer` are for the handset. `paper`: [align, size, bytes] of each line."""

    def __init__(self, buffer_size=512, line_ms=80, paper_lines=1000000):
        self.paper = []
        self.paper_lines = paper_lines
        self.cover_open = self.error = self.busy = self.held = False
        self.dead = self.mute = self.noise = False
        self.confirms = True
        self.paper_low = False
        self.keeps_buffer = True  # what it does with it when paper runs out
        self.lost_bytes = 0
        self.unknown = []
        self.reader = _Reader()
        self.writer = _Writer(self)
        self.asked = 0
        self._buffer_size = buffer_size
        self._line_ms = line_ms
        self._reset()

    def _reset(self):
        self._buffer = bytearray()
        self._command = bytearray()
        self._real_time = bytearray()
        self._line = bytearray()
        self._align = self._size = 0
        self._chinese = False
        self._stopped = False

    def power_off(self):
        """Its line falls, which the handset's UART reads as a zero."""
        self._say(0)
        self.dead = True
        self._reset()

    def power_on(self):
        self.dead = False

    def load_paper(self, lines=1000000):
        self.paper_lines = lines
        if not self.keeps_buffer:
            self._buffer = bytearray()
            self._line = bytearray()

    def tear(self):
        """The lines printed so far, which leave the printer."""
        torn, self.paper = self.paper, []
        return torn

    # -- what comes --------------------------------------------------------------------------

    def take(self, data):
        if self.dead:
            return
        for byte in data:
            self._real_time.append(byte)
            if len(self._real_time) > 3:
                self._real_time = self._real_time[1:]
            if len(self._real_time) == 3 and self._real_time[:2] == b"\x10\x04":
                self._real_time = bytearray()
                self._buffer = self._buffer[:-2]  # the two bytes that led to it
                self._status(byte)
            elif len(self._buffer) < self._buffer_size:
                self._buffer.append(byte)
            else:
                self.lost_bytes += 1
        if len(self._buffer) > self._buffer_size * 3 // 4 and not self._stopped:
            self._stopped = True
            self._say(XOFF)

    def _say(self, byte):
        if not (self.dead or self.mute):
            self.reader.feed(bytes((byte,)))

    def _offline(self):
        return self.paper_lines <= 0 or self.cover_open or self.error

    def _status(self, number):
        self.asked += 1
        out = self.paper_lines <= 0
        if self.noise:
            self.reader.feed(bytes((0xFF, 0x55 ^ self.asked & 0xFF | 0x80)))
        elif number == 1:
            self._say(0x12 | (0x08 if self._offline() else 0))
        elif number == 2:
            self._say(0x12 | (0x04 if self.cover_open else 0) | (0x20 if out else 0)
                      | (0x40 if self.error else 0))
        elif number == 3:
            self._say(0x12 | (0x20 if self.error else 0))
        elif number == 4:
            self._say(0x12 | (0x60 if out else 0) | (0x0C if self.paper_low or out else 0))
        else:
            self.unknown.append(bytes((DLE, EOT, number)))

    # -- what is printed ---------------------------------------------------------------------

    async def run(self):
        """Prints what is in the buffer, as fast as it can."""
        while True:
            if not self._buffer or self._offline() or self.busy or self.dead:
                await asyncio.sleep(0.02)
                continue
            byte = self._buffer[0]
            self._buffer = self._buffer[1:]
            if self._stopped and len(self._buffer) < self._buffer_size // 4:
                self._stopped = False
                self._say(XON)
            lines = self._print(byte)
            if lines:
                await asyncio.sleep(lines * self._line_ms / 1000)

    # one byte; how many lines the paper moved
    def _print(self, byte):
        if self._command:
            self._command.append(byte)
            return self._obey(self._command)
        if byte in (ESC, GS, FS):
            self._command.append(byte)
        elif byte == LF:
            return self._feed(1)
        elif byte >= 32:
            self._put(byte)
        else:
            self.unknown.append(bytes((byte,)))
        return 0

    def _obey(self, command):
        kind = bytes(command[:2])
        size = {b"\x1b@": 2, b"\x1c&": 2, b"\x1c.": 2}.get(kind, 3)
        if len(command) < size:
            return 0
        value = command[-1]
        self._command = bytearray()
        if kind == b"\x1b@":
            self._line = bytearray()
            self._align = self._size = 0
            self._chinese = False
        elif kind in (b"\x1c&", b"\x1c."):
            self._chinese = kind == b"\x1c&"
        elif kind == b"\x1ba" and value < 3:
            self._align = value
        elif kind == b"\x1d!" and value & 0x88 == 0:
            self._size = value
        elif kind == b"\x1bd":
            return self._feed(value)
        elif kind == b"\x1dr" and value == 1:
            if self.confirms:
                self._say(0x03 if self.paper_low else 0)
        else:
            self.unknown.append(bytes(command))
        return 0

    def _put(self, byte):
        wide = 2 if self._size & 0x70 else 1
        # the second half of a letter stays with the first
        room = WIDTH // wide - len(self._line)
        whole = self._chinese and byte >= 0x81 and not self._half()
        if room < (2 if whole else 1):
            self._feed(1)
        if byte >= 0x80 and not self._chinese:
            byte = 63  # some sign of a code page
        self._line.append(byte)

    # whether the line ends in the first byte of a letter
    def _half(self):
        at = 0
        while at < len(self._line):
            at += 2 if self._line[at] >= 0x81 else 1
        return at > len(self._line)

    def _feed(self, lines):
        for _ in range(lines):
            self.paper.append([self._align, self._size, bytes(self._line)])
            self._line = bytearray()
            self.paper_lines -= 1
            if self.paper_lines == 0:
                break
        return lines


class _Reader:
    def __init__(self):
        self._held = bytearray()
        self._came = asyncio.Event()

    def feed(self, data):
        self._held += data
        self._came.set()

    async def read(self, size):
        while not self._held:
            self._came.clear()
            await self._came.wait()
        taken = bytes(self._held[:size])
        self._held = self._held[size:]
        return taken


class _Writer:
    def __init__(self, peer):
        self._peer = peer
        self._held = bytearray()

    def write(self, data):
        self._held += data

    async def drain(self):
        while self._peer.held:
            await asyncio.sleep(0.01)
        data, self._held = self._held, bytearray()
        self._peer.take(data)
