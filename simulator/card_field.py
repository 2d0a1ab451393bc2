"""Contactless cards as a reader's field sees them, bit by bit: ISO/IEC 14443-3 type A.

Written from the standard (states 6.2, frames 6.2.3, anticollision 6.5) and from NXP's datasheets
MF1S50YYX_V1 and NTAG213_215_216, in the subset that MicroPython runs. Law: a card acts on what it
hears and nothing else, and answers with bits; whether several answers collide is the reader's
business. A card without field forgets everything but its memory.
"""

IDLE, READY, ACTIVE, HALT = "idle", "ready", "active", "halt"
SECTOR_BLOCKS = 4
PROGRAM_US = 4000


def bits_of(data):
    """Least significant bit first, as on the air."""
    return [byte >> place & 1 for byte in data for place in range(8)]


def bytes_of(bits):
    made = bytearray((len(bits) + 7) // 8)
    for place, bit in enumerate(bits):
        made[place // 8] |= bit << place % 8
    return bytes(made)


def with_crc(data):
    """Behind it the CRC_A of annex B: x^16 + x^12 + x^5 + 1, reflected, preset 6363."""
    crc = 0x6363
    for bit in bits_of(data):
        low = (crc ^ bit) & 1
        crc >>= 1
        if low:
            crc ^= 0x8408
    return bytes(data) + bytes((crc & 0xFF, crc >> 8))


def levels_of(uid):
    """The five bytes of each cascade level: UID CLn and BCC."""
    parts = {4: [uid], 7: [b"\x88" + uid[:3], uid[3:]],
             10: [b"\x88" + uid[:3], b"\x88" + uid[3:6], uid[6:]]}[len(uid)]
    return [part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],)) for part in parts]


class Card:
    """A card without memory. `leaves_after` frames heard it is gone, in the middle of that one."""

    sak = 0x20

    def __init__(self, uid, leaves_after=None):
        self.uid = bytes(uid)
        self.levels = levels_of(self.uid)
        self.leaves_after = leaves_after
        self.present = True
        self.silent = False  # too far away to be heard
        self.bad_bcc = False
        self.bad_crc = False
        self.delay_us = 0
        self.lose_power()

    def lose_power(self):
        self.state = IDLE
        self.crypto = None  # the sector that is open
        self._star = False  # woken out of HALT
        self._level = 0
        self._pending = None

    def hear(self, bits, encrypted):
        """The bits of the answer, or None. `encrypted`: the reader has authenticated itself."""
        self.delay_us = 0
        if self.away(bits):
            return None
        if encrypted != (self.crypto is not None):
            return self._back()
        answer = self._hear(bits)
        return None if answer is None or self.silent else answer

    def away(self, bits):
        """Whether it is gone by the time it should have heard these bits."""
        if self.present and self.leaves_after is not None:
            self.leaves_after -= 1
            if self.leaves_after < 0:
                self._leave(bits)
        return not self.present

    def authenticate(self, kind, block, key, uid) -> bool:
        """Only Classic cards know how."""
        self._back()
        return False

    def _leave(self, bits):
        self.present = False
        self.lose_power()

    # what it did not expect: back to where it was woken, without a word
    def _back(self):
        if self.state in (READY, ACTIVE):
            self.state = HALT if self._star else IDLE
        self.crypto = self._pending = None
        return None

    def _hear(self, bits):
        if len(bits) == 7:
            return self._short(bytes_of(bits)[0])
        frame = bytes_of(bits)
        if self.state == READY and len(frame) > 1 and frame[0] == 0x93 + 2 * self._level:
            return self._select(frame, bits)
        if self.state != ACTIVE or len(frame) < 3 or with_crc(frame[:-2]) != frame:
            return self._back()
        if frame[:2] == b"\x50\x00":
            self.state, self.crypto, self._star = HALT, None, False
            return None
        return self.command(frame[:-2])

    def _short(self, command):
        if (self.state == IDLE and command in (0x26, 0x52)
                or self.state == HALT and command == 0x52):
            self._star = self.state == HALT
            self.state, self._level = READY, 0
            return bits_of((0x04 | (len(self.levels) - 1) << 6, 0x00))
        return self._back()

    def _select(self, frame, bits):
        own = self.levels[self._level]
        if frame[1] == 0x70:
            if frame != with_crc(frame[:2] + own):
                return self._back()
            self._level += 1
            last = self._level == len(self.levels)
            if last:
                self.state = ACTIVE
            sak = with_crc(bytes((self.sak if last else 0x04,)))
            return bits_of(sak if not self.bad_crc else b"\x00" + sak[1:2] + b"\x00")
        known = (frame[1] >> 4) * 8 + (frame[1] & 0x0F) - 16
        if known != len(bits) - 16 or bits[16:] != bits_of(own)[:known]:
            return self._back()
        own = own[:4] + bytes((own[4] ^ 0xFF,)) if self.bad_bcc else own
        return bits_of(own)[known:]

    def command(self, frame) -> list | None:
        return self._back()

    def _nak(self, code):
        self._back()
        return bits_of((code,))[:4]

    def _ack(self):
        return bits_of((0x0A,))[:4]


class Classic(Card):
    """MIFARE Classic 1K: 64 blocks; `keys`: sector -> (key A, key B), all access with either."""

    sak = 0x08

    def __init__(self, uid, keys=None, leaves_after=None):
        self.blocks = [bytearray(16) for _ in range(64)]
        self.keys = keys or {}
        super().__init__(uid, leaves_after)

    def authenticate(self, kind, block, key, uid) -> bool:
        keys = self.keys.get(block // SECTOR_BLOCKS, (b"\xff" * 6, b"\xff" * 6))
        if self.away(()):
            return False
        if (self.state == ACTIVE and uid == self.uid[-4:] and kind in (0x60, 0x61)
                and keys[kind - 0x60] == key):
            self.crypto = block // SECTOR_BLOCKS
            return True
        self._back()
        return False

    def _leave(self, bits):
        if self._pending is not None and len(bits) == 144:
            self.blocks[self._pending][:8] = bytes_of(bits)[:8]
        super()._leave(bits)

    def _hear(self, bits):
        if self._pending is None:
            return super()._hear(bits)
        block, self._pending = self._pending, None
        frame = bytes_of(bits)
        if len(frame) != 18 or with_crc(frame[:16]) != frame:
            return self._nak(0x05)
        self.blocks[block][:] = frame[:16]
        self.delay_us = PROGRAM_US
        return self._ack()

    def command(self, frame) -> list | None:
        if len(frame) != 2 or frame[0] not in (0x30, 0xA0):
            return self._back()
        block = frame[1]
        if block >= 64 or self.crypto != block // SECTOR_BLOCKS:
            return self._nak(0x04)
        if frame[0] == 0x30:
            return bits_of(with_crc(self.blocks[block]))
        self._pending = block
        return self._ack()


class Ntag(Card):
    """NTAG213 (45 pages), 215 (135) or 216 (231); user memory begins at page 4."""

    sak = 0x00

    def __init__(self, uid, pages=45, leaves_after=None):
        self.memory = bytearray(4 * pages)
        super().__init__(uid, leaves_after)

    def _leave(self, bits):
        frame = bytes_of(bits)
        if self.state == ACTIVE and len(frame) == 8 and frame[0] == 0xA2:
            self.memory[4 * frame[1]:4 * frame[1] + 2] = frame[2:4]
        super()._leave(bits)

    def command(self, frame) -> list | None:
        pages = len(self.memory) // 4
        if len(frame) < 2 or frame[1] >= pages:
            return self._nak(0x00)
        at = 4 * frame[1]
        if frame[0] == 0x30 and len(frame) == 2:
            return bits_of(with_crc((self.memory + self.memory[:12])[at:at + 16]))
        if frame[0] == 0xA2 and len(frame) == 6 and frame[1] >= 2:
            self.memory[at:at + 4] = frame[2:]
            self.delay_us = PROGRAM_US
            return self._ack()
        return self._nak(0x00)
