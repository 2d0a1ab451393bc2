"""The contactless reader chip MFRC522 on SPI: registers, frames on the air, self-test.

By NXP's datasheet rev 3.9: SPI 8.1.2, registers 9, commands 10, self-test 16.1.1. Law: no
wait is without a deadline, no await lasts longer than one transfer on the bus, and whatever a call
was doing when it was cancelled or the card left, the next begins from an idle chip. What goes
wrong with a card is an outcome; what goes wrong with the chip is a CardReaderError, after which
`ready` is False and only `start` helps.
"""

import asyncio
from binascii import crc32

from micropython import const

from firmware.errors import CardReaderError

_COMMAND = const(0x01)
_COM_IRQ = const(0x04)
_ERROR = const(0x06)
_STATUS2 = const(0x08)
_FIFO = const(0x09)
_FIFO_LEVEL = const(0x0A)
_CONTROL = const(0x0C)
_BIT_FRAMING = const(0x0D)
_COLL = const(0x0E)
_MODE = const(0x11)
_TX_MODE = const(0x12)
_RX_MODE = const(0x13)
_TX_CONTROL = const(0x14)
_TX_ASK = const(0x15)
_T_MODE = const(0x2A)
_T_PRESCALER = const(0x2B)
_T_RELOAD_HIGH = const(0x2C)
_T_RELOAD_LOW = const(0x2D)
_AUTO_TEST = const(0x36)
_VERSION = const(0x37)

_IDLE = const(0x00)
_MEM = const(0x01)
_CALC_CRC = const(0x03)
_TRANSCEIVE = const(0x0C)
_MF_AUTHENT = const(0x0E)
_SOFT_RESET = const(0x0F)

_FIFO_SIZE = const(64)
_ANTENNA = const(0x03)
_CRYPTO_ON = const(0x08)
_POWER_DOWN = const(0x10)
_COLLIDED = const(0x08)  # of ErrorReg; 0x17 are overflow, CRC, parity and protocol
_DAMAGED = const(0x17)

# The timer ticks every 25 us (13.56 MHz / (2 * 169 + 1)) and starts by itself behind a frame.
_PRESCALER = const(169)
_TICKS_A_MS = const(40)

_OSCILLATOR_MS = const(5)
_RESET_MS_MAX = const(50)
_SELF_TEST_MS_MAX = const(50)
# how much longer than its own timer a chip may take before it counts as stuck
_GRACE_MS = const(20)

# What `start` sets and a reset undoes (9.3): 100 % ASK; CRC preset 6363; the timer; 106 kBd.
_SETTINGS = ((_TX_ASK, 0x40), (_MODE, 0x3D), (_T_MODE, 0x80), (_T_PRESCALER, _PRESCALER),
             (_TX_MODE, 0x00), (_RX_MODE, 0x00), (_COLL, 0x00), (_COMMAND, 0x00))

# 16.1.1: the 64 bytes that a sound chip gives, by version, as their CRC-32
_SELF_TESTS = ((0x91, 0x57AB9CA0), (0x92, 0x367110C6))

# outcomes of an exchange
OK = const(0)
SILENT = const(1)     # nobody answered
COLLISION = const(2)  # several answered, and not the same
DAMAGED = const(3)    # an answer that cannot be read


class Mfrc522:
    """`spi` with write and write_readinto, mode 0, up to 10 MHz; `select` is a pin, low in use.

    `power`: the pin of NRSTPD, where it is wired: a chip that hears no command any more still
    hears that one.
    A frame to send stands in `sent` from place 1 on, an answer in `got` from place 1 on.
    """

    def __init__(self, spi, select, ticks_ms, power=None):
        self._spi = spi
        self._select = select
        self._power = power
        self._ticks_ms = ticks_ms
        self.ready = False
        self.version = 0
        self.self_tested = False
        self.sent = bytearray(_FIFO_SIZE + 1)
        self.got = bytearray(_FIFO_SIZE + 1)
        self.size = 0       # bytes of the answer
        self.last_bits = 0  # valid bits of its last byte, 0: all
        self.collided_at = 0  # place of the first collided bit, from 1; 0: the chip does not know
        self._register = bytearray(2)
        self._value = bytearray(2)
        self._asked = bytearray(b"\x92" * _FIFO_SIZE + b"\x00")  # read the FIFO, again and again
        # parts of the three, by size: a frame is made of a few sizes, and none is cut twice
        self._sent_parts = {}
        self._asked_parts = {}
        self._got_parts = {}
        self.sent[0] = _FIFO << 1
        select.value(1)

    # -- one transfer each -------------------------------------------------------------------

    def read(self, register):
        self._register[0] = 0x80 | register << 1
        self._register[1] = 0
        self._select.value(0)
        try:
            self._spi.write_readinto(self._register, self._value)
        finally:
            self._select.value(1)
        return self._value[1]

    def write(self, register, value):
        self._register[0] = register << 1
        self._register[1] = value
        self._send(self._register)

    def _send(self, data):
        self._select.value(0)
        try:
            self._spi.write(data)
        finally:
            self._select.value(1)

    def _write_fifo(self, size):
        if size not in self._sent_parts:
            self._sent_parts[size] = memoryview(self.sent)[:size + 1]
        self._send(self._sent_parts[size])

    def _read_fifo(self, size):
        if size not in self._got_parts:
            self._got_parts[size] = memoryview(self.got)[:size + 1]
            self._asked_parts[size] = memoryview(self._asked)[_FIFO_SIZE - size:]
        self._select.value(0)
        try:
            self._spi.write_readinto(self._asked_parts[size], self._got_parts[size])
        finally:
            self._select.value(1)
        self.size = size

    # -- the chip ----------------------------------------------------------------------------

    async def start(self):
        """From any state to a chip that is set up and sound, its field off."""
        self.ready = False
        if self._power:
            self._power.value(0)
            await asyncio.sleep_ms(1)
            self._power.value(1)
            await asyncio.sleep_ms(_OSCILLATOR_MS)
        await self._reset()
        self.version = self.read(_VERSION)
        if self.version in (0x00, 0xFF):
            raise CardReaderError("absent", "no answer on the bus; check its supply and wiring")
        passed = await self._self_test()
        if passed is False:
            raise CardReaderError("self_test", "the chip fails its self-test; replace the reader")
        self.self_tested = bool(passed)
        await self._reset()
        for register, value in _SETTINGS:
            self.write(register, value)
        if self.lost():
            raise CardReaderError("garbled", "the chip does not keep what is written to it")
        self.ready = True

    def lost(self):
        """Whether the chip is no longer set up as `start` left it: it had a reset of its own."""
        return (self.read(_T_MODE) != 0x80 or self.read(_T_PRESCALER) != _PRESCALER
                or self.read(_TX_ASK) != 0x40)

    def field(self, on):
        """The field goes on or off. Cards need 5 ms of it to hear, and 5 ms without to forget."""
        self.write(_TX_CONTROL, 0x80 | (_ANTENNA if on else 0))

    def end_crypto(self):
        """Behind `authenticate` the chip encrypts until this is called."""
        self.write(_STATUS2, 0x00)

    async def exchange(self, size, wait_ms, bits=0, align=0):
        """Send `size` bytes of `sent` and hear the answer: OK, SILENT, COLLISION or DAMAGED.

        `wait_ms`: how long a card may take before it begins. `bits`: of the last byte that are
        sent, 0 for all. `align`: place within the first byte of the first bit that is received.
        """
        self._prepare(size, wait_ms)
        self.write(_COMMAND, _TRANSCEIVE)
        self.write(_BIT_FRAMING, 0x80 | align << 4 | bits)
        flags = await self._interrupt(0x21, wait_ms)
        error = self.read(_ERROR)
        self.size = 0
        if not flags & 0x20:
            return SILENT
        level = self.read(_FIFO_LEVEL)
        if level > _FIFO_SIZE:
            raise self._broken("garbled", "the chip names an impossible FIFO level")
        if level:
            self._read_fifo(level)
        self.last_bits = self.read(_CONTROL) & 0x07
        if error & _COLLIDED:  # where bits collide, so does their parity
            place = self.read(_COLL)
            self.collided_at = 0 if place & 0x20 else place & 0x1F or 32
            return COLLISION
        return DAMAGED if error & _DAMAGED or not level else OK

    async def authenticate(self, command, block, key, uid, wait_ms):
        """MIFARE Classic (10.3.1.9): `command` 0x60 key A, 0x61 key B. True: behind it, the chip
        encrypts. For a longer UID its last four bytes count (AN10927)."""
        sent = self.sent
        sent[1], sent[2] = command, block
        for at in range(6):
            sent[3 + at] = key[at]
        for at in range(4):
            sent[9 + at] = uid[len(uid) - 4 + at]
        self._prepare(12, wait_ms)
        self.write(_COMMAND, _MF_AUTHENT)
        try:
            await self._interrupt(0x11, wait_ms)
        finally:
            for at in range(3, 9):
                sent[at] = 0
        return bool(self.read(_STATUS2) & _CRYPTO_ON)

    def _prepare(self, size, wait_ms):
        self.write(_BIT_FRAMING, 0)
        self.write(_COM_IRQ, 0x7F)
        self.write(_FIFO_LEVEL, 0x80)
        reload = wait_ms * _TICKS_A_MS
        self.write(_T_RELOAD_HIGH, reload >> 8)
        self.write(_T_RELOAD_LOW, reload & 0xFF)
        self._write_fifo(size)

    # The flags, as soon as one of `wanted` is up; ends the command either way.
    async def _interrupt(self, wanted, wait_ms):
        start_ms = self._ticks_ms()
        try:
            while True:
                await asyncio.sleep_ms(1)
                flags = self.read(_COM_IRQ)
                if flags & wanted:
                    return flags
                if self._since(start_ms) > wait_ms + _GRACE_MS:
                    raise self._broken("stuck", "the chip does not end a command")
        finally:
            self.write(_COMMAND, _IDLE)

    async def _reset(self):
        self.write(_COMMAND, _SOFT_RESET)
        start_ms = self._ticks_ms()
        while True:
            await asyncio.sleep_ms(1)
            if not self.read(_COMMAND) & _POWER_DOWN:
                return
            if self._since(start_ms) > _RESET_MS_MAX:
                raise CardReaderError("absent", "the chip does not come out of its reset")

    # None: nobody published what this version would give.
    async def _self_test(self):
        right = None
        for version, checksum in _SELF_TESTS:
            if version == self.version:
                right = checksum
        if right is None:
            return None
        for at in range(1, 26):
            self.sent[at] = 0
        self.write(_FIFO_LEVEL, 0x80)
        self._write_fifo(25)
        self.write(_COMMAND, _MEM)
        self.write(_AUTO_TEST, 0x09)
        self._write_fifo(1)
        self.write(_COMMAND, _CALC_CRC)
        start_ms = self._ticks_ms()
        while self.read(_FIFO_LEVEL) < _FIFO_SIZE:
            if self._since(start_ms) > _SELF_TEST_MS_MAX:
                return False
            await asyncio.sleep_ms(1)
        self.write(_COMMAND, _IDLE)
        self._read_fifo(_FIFO_SIZE)
        return crc32(memoryview(self.got)[1:]) == right

    def _since(self, start_ms):
        return (self._ticks_ms() - start_ms) & 0x3FFFFFFF

    def _broken(self, reason, what):
        self.ready = False
        return CardReaderError(reason, what)
