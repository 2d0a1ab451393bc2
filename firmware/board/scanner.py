"""Barcode and QR scanner on a UART: a card number in a line, or why there is none.

Lines end with CR, LF or both. The AIM symbology identifier (ISO/IEC 15424: `]`, a letter, a
modifier) may stand before the code, and FNC1 (GS, 0x1D) behind it in GS1 codes (`]C1`, `]Q3`).
Law: only a whole line counts; half a line ends with a pause and is named. What is on a product
(`]E`, EAN and UPC) is no card, whatever its digits say. No code is ever repeated in what is told.

| why | what it is |
|---|---|
| `no_end` | half a line, and then nothing |
| `short`, `long` | fewer than 8 or more than 19 digits; more than a line can be |
| `not_a_number` | something else than digits, or a 0 in front: an address, a ticket |
| `product` | the code of a product |
| `noise` | bytes that no code has |
"""

from micropython import const

from firmware.board.bursts import ENDED, FULL, PAUSED, Bursts
from firmware.board.card_number import LONG, card_number

SCAN = const(3)  # entry of the wire

NO_END = "no_end"
PRODUCT = "product"
NOISE = "noise"

_ROOM = const(128)
_GAP_MS = const(250)
_NOISE_SIZE = const(3)  # so many bytes and a pause are a loose wire
_SPACE = const(0x20)
_FNC1 = const(0x1D)
_AIM = const(0x5D)  # ]
_EAN = const(0x45)  # E


def number_of_line(data, size):
    """The card's number in one line without its end, or why there is none.

    >>> number_of_line(b"]Q16200001234567892", 19)
    6200001234567892
    """
    start = 0
    for at in range(size):
        if not _SPACE <= data[at] <= 0x7E and data[at] != _FNC1:
            return NOISE
    if size >= 3 and data[0] == _AIM:
        if data[1] == _EAN:
            return PRODUCT
        start = 3
    while start < size and data[start] in (_SPACE, _FNC1):
        start += 1
    while size > start and data[size - 1] == _SPACE:
        size -= 1
    return card_number(data, start, size)


class Scanner:
    """`next` gives ("card", 3, number) or ("unread", 3, why).

    `reader`: the UART's stream. Raises CardReaderError when it ends.
    """

    def __init__(self, reader, ticks_ms):
        self._bursts = Bursts(reader, ticks_ms, _ROOM, _GAP_MS, b"\r\n")
        self.noise = 0  # bursts that were nothing

    async def next(self):
        """The next event. May be cancelled and called again; nothing is told twice or lost."""
        how = await self._bursts.next()
        while how == PAUSED and self._bursts.size <= _NOISE_SIZE:
            self.noise += 1
            how = await self._bursts.next()
        if how == ENDED:
            found = number_of_line(self._bursts.held, self._bursts.size)
        else:
            found = LONG if how == FULL else NO_END
        return ("card" if isinstance(found, int) else "unread", SCAN, found)
