"""Who is in the field: ISO/IEC 14443-3 type A, request, anticollision, select and halt.

Law: a UID is believed only when its BCC was right and its SELECT was answered with a right CRC. Of
several cards whose answers collide one is chosen (its first collided bit is 1), as 6.5.3 has
it: two cards always come apart at their first difference. Where answers still collide there are
three or more, and nobody is chosen. CRC_A is worked out here and not by the chip: its coprocessor
costs seven transfers on the bus and a wait with a deadline for each frame, this loop neither.
"""

from micropython import const

from firmware.board.mfrc522 import COLLISION, OK, SILENT

REQA = const(0x26)  # wakes cards that were not halted
WUPA = const(0x52)  # wakes all

_CASCADE = const(0x88)  # first byte of a level that is not the last
_MORE = const(0x04)     # of SAK: the UID goes on
_WAIT_MS = const(2)     # the answer begins after 91 us; a chip's timer needs some room

# outcomes of `choose` and `select`
CHOSEN = const(0)
GONE = const(1)     # nobody answers any more
UNCLEAR = const(2)  # an answer that cannot be believed
MANY = const(3)     # three or more at once


def crc_a(data, start, end):
    """CRC_A (annex B) over data[start:end]; it is sent low byte first.

    >>> hex(crc_a(b"\\x12\\x34", 0, 2))
    '0xcf26'
    """
    crc = 0x6363
    for at in range(start, end):
        byte = (data[at] ^ crc) & 0xFF
        byte = (byte ^ (byte << 4)) & 0xFF
        crc = (crc >> 8) ^ (byte << 8) ^ (byte << 3) ^ (byte >> 4)
    return crc


class Field:
    """The cards that hear one chip. `uid` and `sak` are those of the card chosen last."""

    def __init__(self, chip):
        self.chip = chip
        self.sak = 0
        self._uid = bytearray(10)
        self._size = 0
        self._level = bytearray(5)

    def uid(self):
        return bytes(self._uid[:self._size])

    async def exchange(self, size, wait_ms):
        """As the chip's, of a frame with CRC: it is put behind `size` bytes of `chip.sent`."""
        sent = self.chip.sent
        crc = crc_a(sent, 1, size + 1)
        sent[size + 1], sent[size + 2] = crc & 0xFF, crc >> 8
        return await self.chip.exchange(size + 2, wait_ms)

    def sound(self, size):
        """Whether the answer has `size` bytes and a right CRC behind them."""
        got = self.chip.got
        return (self.chip.size == size + 2 and not self.chip.last_bits
                and crc_a(got, 1, size + 1) == got[size + 1] | got[size + 2] << 8)

    async def request(self, command):
        """REQA or WUPA (6.4.1). True: there is at least one card, whatever its ATQA says."""
        self.chip.sent[1] = command
        return await self.chip.exchange(1, _WAIT_MS, 7) != SILENT

    async def choose(self):
        """One of the cards that answered a request: CHOSEN, GONE, UNCLEAR or MANY."""
        self._size = 0
        for number in range(3):
            outcome = await self._anticollision(0x93 + 2 * number)
            if outcome == CHOSEN:
                outcome = await self._select_level(0x93 + 2 * number)
            if outcome != CHOSEN:
                return outcome
            more = self._level[0] == _CASCADE and number < 2
            if bool(self.sak & _MORE) != more:
                return UNCLEAR
            for at in range(1 if more else 0, 4):
                self._uid[self._size] = self._level[at]
                self._size += 1
            if not more:
                return CHOSEN
        return UNCLEAR

    async def select(self, uid):
        """The card with this UID and no other, after a request: CHOSEN, GONE or UNCLEAR."""
        level, at = self._level, 0
        outcome = UNCLEAR
        for number in range(3):
            more = len(uid) - at > 4
            level[0] = _CASCADE
            for place in range(1 if more else 0, 4):
                level[place] = uid[at]
                at += 1
            level[4] = level[0] ^ level[1] ^ level[2] ^ level[3]
            outcome = await self._select_level(0x93 + 2 * number)
            if outcome == CHOSEN and bool(self.sak & _MORE) != more:
                return UNCLEAR
            if outcome != CHOSEN or not more:
                break
        return outcome

    async def halt(self):
        """The chosen card hears nothing but WUPA from now on (6.4.3); no answer is its consent."""
        sent = self.chip.sent
        sent[1], sent[2] = 0x50, 0x00
        await self.exchange(2, _WAIT_MS)

    # One level of the UID with its BCC into `_level`.
    async def _anticollision(self, command):
        chip, level = self.chip, self._level
        sent, got = chip.sent, chip.got
        sent[1], sent[2] = command, 0x20
        outcome = await chip.exchange(2, _WAIT_MS)
        known = 0
        if outcome == COLLISION:
            known = chip.collided_at
            if not known or chip.size * 8 < known:
                return UNCLEAR
            whole, bits = known // 8, known % 8
            for at in range((known + 7) // 8):
                level[at] = sent[3 + at] = got[1 + at]
            last = (known - 1) // 8
            level[last] = sent[3 + last] = (level[last] & ((1 << ((known - 1) % 8)) - 1)
                                            | 1 << ((known - 1) % 8))
            sent[2] = (2 + whole) << 4 | bits
            outcome = await chip.exchange(3 + last, _WAIT_MS, bits, bits)
            if outcome == COLLISION:
                return MANY
        if outcome == SILENT:
            return UNCLEAR if known else GONE
        first = known // 8
        if outcome != OK or chip.size != 5 - first or chip.last_bits:
            return UNCLEAR
        mask = (1 << (known % 8)) - 1
        level[first] = (level[first] if mask else 0) & mask | got[1] & ~mask & 0xFF
        for at in range(first + 1, 5):
            level[at] = got[1 + at - first]
        return CHOSEN if level[0] ^ level[1] ^ level[2] ^ level[3] == level[4] else UNCLEAR

    # SELECT of the level that stands in `_level` (6.5.3.2): its answer is SAK.
    async def _select_level(self, command):
        sent = self.chip.sent
        sent[1], sent[2] = command, 0x70
        for at in range(5):
            sent[3 + at] = self._level[at]
        outcome = await self.exchange(7, _WAIT_MS)
        if outcome == SILENT:
            return GONE
        if outcome != OK or not self.sound(1):
            return UNCLEAR
        self.sak = self.chip.got[1]
        return CHOSEN
