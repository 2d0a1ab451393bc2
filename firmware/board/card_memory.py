"""What we keep on a card: blocks of a MIFARE Classic sector, pages of an NTAG21x.

By NXP's datasheets MF1S50YYX_V1 (12) and NTAG213_215_216 (10). Law: only the card with the named
UID is spoken to. Every call ends in one of the outcomes below, whatever the card or the chip does,
and leaves the field off. A write is told as `ok` only when the card acknowledged every block;
`torn` is said whenever a block may have changed and not all of them did for certain. What tells a
card from another or locks it (manufacturer's block, trailers, pages 0 to 3) is never written.

| outcome | what it is | what was written |
|---|---|---|
| `ok` | done | all |
| `gone` | the card is not there, or left | nothing |
| `refused` | wrong key, or the card does not let us | nothing |
| `damaged` | answers came, and could not be read | nothing |
| `fault` | the reader chip failed | nothing |
| `torn` | one of these happened in the middle of a write | some of it, perhaps |
"""

import asyncio

from micropython import const

from firmware.board.iso14443a import CHOSEN, GONE, WUPA
from firmware.board.mfrc522 import OK, SILENT
from firmware.errors import CardReaderError

KEY_A = const(0x60)
KEY_B = const(0x61)

_READ = const(0x30)
_CLASSIC_WRITE = const(0xA0)
_NTAG_WRITE = const(0xA2)
_ACK = const(0x0A)
_NAK_EEPROM = const(0x05)

_POWER_UP_MS = const(5)
_READ_MS = const(5)
_WRITE_MS = const(15)  # both kinds need at most 10 ms for their EEPROM
_TRIES = const(3)


class CardMemory:
    """`field`: an iso14443a.Field; `lock`: who holds it has the chip for itself."""

    def __init__(self, field, lock):
        self._field = field
        self._chip = field.chip
        self._lock = lock
        self._written = False

    async def read_blocks(self, uid, first, into, key, kind=KEY_A):
        """Whole blocks of 16 bytes of one sector of a Classic card, from block `first` on."""
        _check_blocks(first, len(into))
        return await self._carry_out(self._blocks, uid, first, into, key, kind, False)

    async def write_blocks(self, uid, first, data, key, kind=KEY_A):
        """As `read_blocks`; in the order of the blocks."""
        _check_blocks(first, len(data))
        return await self._carry_out(self._blocks, uid, first, data, key, kind, True)

    async def read_pages(self, uid, first, into):
        """Whole pages of 4 bytes of an NTAG21x, from page `first` on."""
        _check_pages(first, len(into))
        return await self._carry_out(self._read_pages, uid, first, into)

    async def write_pages(self, uid, first, data):
        """As `read_pages`; in the order of the pages."""
        _check_pages(first, len(data))
        return await self._carry_out(self._write_pages, uid, first, data)

    async def _carry_out(self, act, uid, *arguments):
        chip = self._chip
        async with self._lock:
            self._written = False
            if not chip.ready:
                return "fault"
            try:
                outcome = await self._with_field(act, uid, arguments)
                if outcome != "ok" and chip.lost():
                    raise CardReaderError("reset", "a reset in the middle looks like no card")
            except (CardReaderError, OSError):
                chip.ready = False
                outcome = "fault"
        return "torn" if self._written and outcome != "ok" else outcome

    async def _with_field(self, act, uid, arguments):
        chip = self._chip
        if chip.lost():
            raise CardReaderError("reset", "the chip lost its settings")
        try:
            chip.field(True)
            await asyncio.sleep_ms(_POWER_UP_MS)
            outcome = await self._select(uid)
            return await act(uid, *arguments) if outcome == "ok" else outcome
        finally:
            chip.end_crypto()
            chip.field(False)

    async def _select(self, uid):
        outcome = GONE
        for _ in range(_TRIES):
            if await self._field.request(WUPA):
                outcome = await self._field.select(uid)
                if outcome == CHOSEN:
                    return "ok"
        return "gone" if outcome == GONE else "damaged"

    async def _blocks(self, uid, first, data, key, kind, write):
        if not await self._chip.authenticate(kind, first, key, uid, _READ_MS):
            return "refused" if await self._still_there(uid) else "gone"
        for at in range(0, len(data), 16):
            block = first + at // 16
            if write:
                outcome = await self._write_block(block, data, at)
            else:
                outcome = await self._read(block, data, at, 16)
            if outcome != "ok":
                return outcome
        return "ok"

    # A card that gets a wrong key falls silent, like one that left.
    async def _still_there(self, uid):
        return await self._select(uid) == "ok"

    async def _write_block(self, block, data, at):
        sent = self._chip.sent
        sent[1], sent[2] = _CLASSIC_WRITE, block
        outcome = self._acknowledged(await self._field.exchange(2, _READ_MS))
        if outcome != "ok":
            return outcome
        for place in range(16):
            sent[1 + place] = data[at + place]
        self._written = True
        return self._acknowledged(await self._field.exchange(16, _WRITE_MS))

    async def _read_pages(self, uid, first, into):
        for at in range(0, len(into), 16):
            outcome = await self._read(first + at // 4, into, at, min(16, len(into) - at))
            if outcome != "ok":
                return outcome
        return "ok"

    async def _write_pages(self, uid, first, data):
        sent = self._chip.sent
        for at in range(0, len(data), 4):
            sent[1], sent[2] = _NTAG_WRITE, first + at // 4
            for place in range(4):
                sent[3 + place] = data[at + place]
            self._written = True
            outcome = self._acknowledged(await self._field.exchange(6, _WRITE_MS))
            if outcome == "refused" and at == 0 and self._chip.got[1] & 0x0F != _NAK_EEPROM:
                self._written = False  # it did not even begin
            if outcome != "ok":
                return outcome
        return "ok"

    # 16 bytes from a block or page on, the first `size` of them into `into`.
    async def _read(self, place, into, at, size):
        chip = self._chip
        chip.sent[1], chip.sent[2] = _READ, place
        outcome = await self._field.exchange(2, _READ_MS)
        if outcome == SILENT:
            return "gone"
        if chip.size == 1 and chip.last_bits == 4:
            return "refused"  # 4 bits are a NAK
        if outcome != OK or not self._field.sound(16):
            return "damaged"
        for offset in range(size):
            into[at + offset] = chip.got[1 + offset]
        return "ok"

    def _acknowledged(self, outcome):
        chip = self._chip
        if outcome == SILENT:
            return "gone"
        if chip.size != 1 or chip.last_bits != 4:
            return "damaged"
        return "ok" if chip.got[1] & 0x0F == _ACK else "refused"


# Within one sector, without its trailer and without the manufacturer's block.
def _check_blocks(first, size):
    count = size // 16
    sector = 4 if first < 128 else 16
    if (size % 16 or count < 1 or not 0 < first < 256
            or first % sector + count > sector - 1):
        raise ValueError("blocks of one sector, without block 0 and the trailer")


def _check_pages(first, size):
    if size % 4 or size < 4 or first < 4 or first + size // 4 > 256:
        raise ValueError("whole pages from page 4 on")
