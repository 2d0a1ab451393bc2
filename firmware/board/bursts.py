"""What a reader on a UART sends, cut where it pauses or says that it ended.

Law: a burst ends at an end byte or when nothing came for `gap_ms`, so that half of one never waits
for ever and never becomes part of the next. One that is longer than there is room for is told at
once, and its rest is passed over until it ends. Being cancelled loses nothing.
"""

import asyncio

from micropython import const

from firmware.errors import CardReaderError

_TICKS_MASK = const(0x3FFFFFFF)
_READ_SIZE = const(64)

# how a burst came to its end
ENDED = const(0)   # by an end byte, which is not part of it
PAUSED = const(1)
FULL = const(2)


class Bursts:
    """`held[:size]` is the burst that `next` told of, until `next` is called again."""

    def __init__(self, reader, ticks_ms, room, gap_ms, ends=b""):
        self._reader = reader
        self._ticks_ms = ticks_ms
        self._gap_ms = gap_ms
        self._ends = ends
        self.held = bytearray(room)
        self.size = 0
        self._done = False
        self._skipping = False  # the rest of one that was too long
        self._read = b""
        self._at = 0
        self._heard_ms = 0

    async def next(self):
        """Wait for the next burst that is not empty: ENDED, PAUSED or FULL."""
        if self._done:
            self._done, self.size = False, 0
        while True:
            how = self._cut()
            if how is None and not await self._more():
                how = None if self._skipping else PAUSED
                self._skipping = False
            if how is not None:
                self._done = True
                return how

    def _cut(self):
        while self._at < len(self._read):
            byte = self._read[self._at]
            self._at += 1
            if byte in self._ends:
                if self.size and not self._skipping:
                    return ENDED
                self._skipping = False
            elif self._skipping:
                continue
            elif self.size == len(self.held):
                self._skipping = True
                return FULL
            else:
                self.held[self.size] = byte
                self.size += 1
        return None

    # False: it paused.
    async def _more(self):
        if self.size or self._skipping:
            left_ms = self._gap_ms - ((self._ticks_ms() - self._heard_ms) & _TICKS_MASK)
            if left_ms <= 0:
                return False
            try:
                self._read = await asyncio.wait_for_ms(self._reader.read(_READ_SIZE), left_ms)
            except asyncio.TimeoutError:
                return False
        else:
            self._read = await self._reader.read(_READ_SIZE)
        self._at = 0
        self._heard_ms = self._ticks_ms()
        if not self._read:
            raise CardReaderError("closed", "the port of a card reader closed")
        return True
