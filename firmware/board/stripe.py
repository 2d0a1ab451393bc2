"""Magnetic stripe, track 2, from a reader on a UART: the number of the card, or why there is none.

ISO/IEC 7811-2 (characters of 4 bits, least significant first, and odd parity; LRC over all from
start to end sentinel) and ISO/IEC 7813 (`;`, number, `=`, more, `?`). Two kinds of readers: one
sends text, `;6200...=2912...?` and CR, with track 1 before it or track 3 behind, or an E for what
it could not read; the other sends the raw bits, the first one highest, as the card went by,
forwards or backwards. Law: raw bits are believed only with every parity and the LRC right, text
with the LRC where the reader sends it. No number ever stands in what is told of a damaged swipe.

| why | what it is |
|---|---|
| `no_start`, `no_end` | a sentinel is missing: swiped too slowly, half, or another track |
| `short`, `long` | fewer than 8 or more than 19 digits; more than a track holds |
| `not_a_number` | something else than digits, or a 0 in front |
| `parity`, `lrc` | bits were misread |
| `unreadable` | the reader says so itself, or sends what no track 2 can hold |
"""

from micropython import const

from firmware.board.bursts import FULL, Bursts
from firmware.board.card_number import LONG, card_number

SWIPE = const(1)  # entry of the wire

NO_START = "no_start"
NO_END = "no_end"
PARITY = "parity"
LRC = "lrc"
UNREADABLE = "unreadable"

_START = const(0x3B)      # ;
_SEPARATOR = const(0x3D)  # =
_END = const(0x3F)        # ?
_TRACK_1 = const(0x25)    # %
_CHARACTERS_MAX = const(40)
_ROOM = const(240)  # all three tracks as text
_GAP_MS = const(150)
_NOISE_SIZE = const(3)  # so many bytes without a sentinel are a card sensor or nothing


def number_of_text(data, size, with_lrc=False):
    """The card's number in what a decoding reader sent, or why there is none.

    >>> number_of_text(b";6200001234567892=29121010000?", 30)
    6200001234567892
    """
    start = 0
    # track 1 may have any character within it
    track_1 = _find(data, _TRACK_1, 0, size)
    first = _find(data, _START, 0, size)
    if 0 <= track_1 < first or first < 0 <= track_1:
        start = _find(data, _END, track_1, size) + 1
        if not start:
            return NO_END
    start = _find(data, _START, start, size) + 1
    if not start:
        return NO_START
    end = _find(data, _END, start, size)
    if end < 0:
        return LONG if size - start > _CHARACTERS_MAX else NO_END
    lrc = (_START ^ _END) & 0x0F
    for at in range(start, end):
        if not 0x30 <= data[at] <= _END:
            return UNREADABLE
        lrc ^= data[at] & 0x0F
    if with_lrc and (end + 1 == size or data[end + 1] != 0x30 | lrc):
        return LRC
    return _number(data, start, end)


def number_of_bits(data, size, characters):
    """The same of raw bits, swiped in either direction. `characters` is room for 41 of them."""
    forwards = _of_bits(data, size * 8, False, characters)
    if isinstance(forwards, int):
        return forwards
    backwards = _of_bits(data, size * 8, True, characters)
    return forwards if isinstance(backwards, str) and forwards != NO_START else backwards


def _of_bits(data, count, backwards, characters):
    at = _next_one(data, count, backwards, 0)
    size = lrc = 0
    end = -1
    while at + 5 <= count and size < len(characters):
        value = odd = 0
        for place in range(5):
            bit = _bit(data, count, backwards, at + place)
            value |= bit << place
            odd ^= bit
        at += 5
        value &= 0x0F
        if not size and value != _START & 0x0F:
            return NO_START
        if not odd:
            # with nothing behind it the stripe ended within this character
            ended = end < 0 and _next_one(data, count, backwards, at) == count
            return NO_START if not size else NO_END if ended else PARITY
        lrc ^= value
        characters[size] = 0x30 | value
        size += 1
        if end >= 0:
            return _number(characters, 1, end) if not lrc else LRC
        if value == _END & 0x0F:
            end = size - 1
    if not size:
        return NO_START
    return LONG if size == len(characters) else NO_END


def _next_one(data, count, backwards, at):
    while at < count and not _bit(data, count, backwards, at):
        at += 1
    return at


def _bit(data, count, backwards, at):
    if backwards:
        at = count - 1 - at
    return data[at >> 3] >> (7 - (at & 7)) & 1


def _number(data, start, end):
    separator = _find(data, _SEPARATOR, start, end)
    return card_number(data, start, separator if separator >= 0 else end)


def _find(data, byte, start, end):
    for at in range(start, end):
        if data[at] == byte:
            return at
    return -1


class StripeReader:
    """`next` gives ("card", 1, number) or ("unread", 1, why).

    `reader`: the UART's stream. `raw`: it sends bits. `with_lrc`: it sends the LRC behind the `?`.
    Raises CardReaderError when the stream ends.
    """

    def __init__(self, reader, ticks_ms, raw=False, with_lrc=False):
        self._bursts = Bursts(reader, ticks_ms, _ROOM, _GAP_MS, b"" if raw else b"\r\n\x03")
        self._characters = bytearray(_CHARACTERS_MAX + 1) if raw else None
        self._with_lrc = with_lrc
        self.noise = 0  # bursts that were nothing

    async def next(self):
        """The next event. May be cancelled and called again; nothing is told twice or lost."""
        while True:
            how = await self._bursts.next()
            found = self._judged(how)
            if isinstance(found, int):
                return ("card", SWIPE, found)
            if found != NO_START or self._bursts.size > _NOISE_SIZE:
                return ("unread", SWIPE, found)
            self.noise += 1

    def _judged(self, how):
        held, size = self._bursts.held, self._bursts.size
        if self._characters:
            return LONG if how == FULL else number_of_bits(held, size, self._characters)
        return number_of_text(held, size, self._with_lrc)
