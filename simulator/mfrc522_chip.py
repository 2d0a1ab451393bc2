"""An MFRC522 on SPI, at register level: what a driver sees of it, and how it fails.

Written from NXP's datasheet rev 3.9 (SPI 8.1.2, registers 9, commands 10, self-test 16.1.1), in
the subset that MicroPython runs. The cards are `card_field`'s; their answers meet here, and where
their bits differ they collide. Time is `ticks_us`; a command ends when its time has come and
somebody reads a register. Faults: `bus` "zeros", "ones" or "garbage" (nothing of the chip is
seen), `stuck` (no command ever ends), `hung` (the same, until `power` goes low), `reset_after` so
many transfers (the supply broke down), `worn` (it fails its self-test), `noise` (one bit of each
answer is turned).
"""

from simulator.card_field import ACTIVE, bits_of, bytes_of

COMMAND, COM_IRQ, ERROR, STATUS2, FIFO, FIFO_LEVEL = 0x01, 0x04, 0x06, 0x08, 0x09, 0x0A
CONTROL, BIT_FRAMING, COLL, TX_CONTROL, AUTO_TEST, VERSION = 0x0C, 0x0D, 0x0E, 0x14, 0x36, 0x37
T_MODE, T_PRESCALER, T_RELOAD = 0x2A, 0x2B, 0x2C
RX_IRQ, IDLE_IRQ, ERR_IRQ, TIMER_IRQ = 0x20, 0x10, 0x02, 0x01
IDLE, MEM, CALC_CRC, TRANSCEIVE, MF_AUTHENT, SOFT_RESET = 0x00, 0x01, 0x03, 0x0C, 0x0E, 0x0F
FIFO_SIZE = 64

# What a reset leaves (9.2, tables), where it is not zero.
AFTER_RESET = ((COMMAND, 0x20), (0x02, 0x80), (COM_IRQ, 0x14), (0x07, 0x21), (0x0B, 0x08),
               (CONTROL, 0x10), (COLL, 0xA0), (0x11, 0x3F), (TX_CONTROL, 0x80), (0x16, 0x10),
               (0x17, 0x84), (0x18, 0x84), (0x19, 0x4D), (0x1C, 0x62), (0x1F, 0xEB), (0x21, 0xFF),
               (0x22, 0xFF), (0x24, 0x26), (0x26, 0x48), (0x27, 0x88), (0x28, 0x20), (0x29, 0x20),
               (AUTO_TEST, 0x40))

# 16.1.1
SELF_TEST = {
    0x91: bytes.fromhex(
        "00C637D532B7575CC2D87C4DD970C77310E6D2AA5EA13E5A14AF3061C970DB2E"
        "642272B5BD65F4EC22BCD37235CDAA411FA7F35314DE7E02D90FB55E251D2979"),
    0x92: bytes.fromhex(
        "00EB66BA57BF2395D0E30D3D27895CDE9D3BA700215B8982513AEB020CA50049"
        "7C844DB3CCD21B815D4876D5716121A986968338CF9D5B6DDC15BA3E7D953B2F"),
}

BIT_US = 9.44
ANSWER_US = 86
START_UP_US = 1000
SELF_TEST_US = 2000
POWER_UP_US = 5000
AUTHENTICATION_US = 3000


class _Pin:
    def __init__(self, changed):
        self._changed = changed
        self._level = 1

    def value(self, level=None):
        if level is not None and level != self._level:
            self._level = level
            self._changed()
        return self._level


class Mfrc522Chip:
    """The bus (`write`, `write_readinto`), its pins `select` and `power` (NRSTPD), and the `cards`
    in the field."""

    def __init__(self, ticks_us, random, version=0x92):
        self._ticks_us = ticks_us
        self._random = random
        self._version = version
        self.cards = []
        self.select = _Pin(self._selected)
        self.power = _Pin(self._powered)
        self.first = True
        self.transfers = 0
        self.frames = 0
        self.bus: str | None = None
        self.stuck = self.hung = self.worn = False
        self.reset_after: int | None = None
        self.noise = self.field_on = False
        self.power_on()

    def _selected(self):
        self.first = True

    def _powered(self):
        self.hung = False
        self.power_on()

    # -- the bus -----------------------------------------------------------------------------

    def write(self, data):
        self.write_readinto(data, bytearray(len(data)))

    def write_readinto(self, data, into):
        assert len(data) == len(into)
        self.transfers += 1
        if self.reset_after is not None:
            self.reset_after -= 1
            if self.reset_after < 0:
                self.reset_after = None
                self.power_on()
        for at in range(len(data)):
            into[at] = self._clock(data[at])

    def _clock(self, byte):
        if self.bus:
            return {"zeros": 0x00, "ones": 0xFF}.get(self.bus, self._random.getrandbits(8))
        if self.select.value() or not self.power.value():
            return 0xFF
        if self.first:
            self.first = False
            self._reading = byte & 0x80
            self._address = byte >> 1 & 0x3F
            return 0x00
        if not self._reading:
            self._put(self._address, byte)
            return 0x00
        value = self._get(self._address)
        self._address = byte >> 1 & 0x3F
        return value

    # -- registers ---------------------------------------------------------------------------

    def power_on(self):
        """All that was set is gone; the oscillator starts up. A brown-out does the same."""
        self._values = bytearray(64)
        for register, value in AFTER_RESET:
            self._values[register] = value
        self._values[VERSION] = self._version
        self._fifo = bytearray()
        self._inner = None
        self._due_us = self._then = None
        self._up_us = self._ticks_us() + START_UP_US
        self._field(False)

    def _get(self, register):
        self._advance()
        if register == FIFO:
            if not self._fifo:
                return 0x00
            byte = self._fifo[0]
            self._fifo = self._fifo[1:]
            return byte
        if register == FIFO_LEVEL:
            return len(self._fifo)
        value = self._values[register]
        if register == COMMAND and self._ticks_us() < self._up_us:
            value |= 0x10
        return value

    def _put(self, register, value):
        self._advance()
        if register == COMMAND:
            self._values[COMMAND] = self._values[COMMAND] & 0xC0 | value & 0x3F
            self._command(value & 0x0F)
        elif register == COM_IRQ:
            kept = self._values[COM_IRQ]
            self._values[COM_IRQ] = kept | value & 0x7F if value & 0x80 else kept & ~value & 0x7F
        elif register == FIFO:
            if len(self._fifo) < FIFO_SIZE:
                self._fifo.append(value)
            else:
                self._values[ERROR] |= 0x10
        elif register == FIFO_LEVEL:
            if value & 0x80:
                self._fifo = bytearray()
        elif register == STATUS2:
            self._values[STATUS2] = value & 0xC0 | self._values[STATUS2] & 0x08 & value
        elif register == COLL:
            self._values[COLL] = value & 0x80 | self._values[COLL] & 0x3F
        elif register == BIT_FRAMING:
            self._values[BIT_FRAMING] = value & 0x7F
            if value & 0x80 and self._values[COMMAND] & 0x0F == TRANSCEIVE:
                self._transceive()
        elif register == TX_CONTROL:
            self._values[TX_CONTROL] = value
            self._field(value & 0x03 == 0x03)
        elif register not in (ERROR, VERSION, CONTROL):
            self._values[register] = value

    # A card hears 5 ms after it has a field (ISO/IEC 14443-3 5.1).
    def _hearing(self):
        sound = self._values[AUTO_TEST] & 0x0F != 0x09
        up = self.field_on and self._ticks_us() - self._field_us >= POWER_UP_US
        return self.cards if up and sound else ()

    def _field(self, on):
        if on and not self.field_on:
            self._field_us = self._ticks_us()
        self.field_on = on
        if not on:
            for card in self.cards:
                card.lose_power()

    # -- commands ----------------------------------------------------------------------------

    def _command(self, command):
        self._due_us = self._then = None
        if command == SOFT_RESET:
            self.power_on()
        elif command == MEM:
            self._inner, self._fifo = bytes(self._fifo[:25]), bytearray()
            self._values[COMMAND] &= 0xF0
        elif command == CALC_CRC and self._values[AUTO_TEST] & 0x0F == 0x09:
            self._later(SELF_TEST_US, self._self_tested)
        elif command == MF_AUTHENT:
            self._values[ERROR] = 0
            self._authenticate()

    def _self_tested(self):
        sound = self._inner == bytes(25) and self._fifo == b"\x00" and not self.worn
        right = SELF_TEST.get(self._version, bytes(64))
        self._fifo = bytearray(right if sound else bytes(64))
        self._values[COMMAND] &= 0xF0

    def _transceive(self):
        last = self._values[BIT_FRAMING] & 0x07
        bits = bits_of(self._fifo)
        if last:
            bits = bits[:len(bits) - 8 + last]
        self._fifo = bytearray()
        self._values[ERROR] = 0
        self.frames += 1
        encrypted = bool(self._values[STATUS2] & 0x08)
        answers, delay_us = [], 0
        for card in self._hearing():
            answer = card.hear(bits, encrypted)
            if answer is not None:
                answers.append(answer)
                delay_us = max(delay_us, card.delay_us)
        sent_us = int(BIT_US * len(bits) * 9 / 8)
        wait_us = self._timer_us()
        if answers and (wait_us is None or delay_us + ANSWER_US <= wait_us):
            self._merge(answers, sent_us + delay_us)
        elif wait_us is not None:
            self._later(sent_us + wait_us, self._timed_out)

    def _merge(self, answers, before_us):
        size = max(len(each) for each in answers)
        merged, collided = [], None
        for place in range(size):
            heard = {each[place] for each in answers if place < len(each)}
            if len(heard) > 1 and collided is None:
                collided = place
            after = collided is not None and not self._values[COLL] & 0x80
            merged.append(0 if after else max(heard))
        if self.noise:
            merged[self._random.getrandbits(16) % len(merged)] ^= 1
        took_us = before_us + ANSWER_US + int(BIT_US * size * 9 / 8)
        self._later(took_us, lambda: self._received(merged, collided))

    def _received(self, bits, collided):
        align = self._values[BIT_FRAMING] >> 4 & 0x07
        whole = [0] * align + bits
        self._fifo = bytearray(bytes_of(whole))[:FIFO_SIZE]
        self._values[CONTROL] = self._values[CONTROL] & 0xF8 | len(whole) % 8
        self._values[COM_IRQ] |= RX_IRQ
        self._values[COLL] = self._values[COLL] & 0x80 | 0x20
        if collided is not None:
            # its parity bit is wrong as well; a place beyond 32 the register cannot hold
            self._values[ERROR] |= 0x08 | 0x02
            self._values[COM_IRQ] |= ERR_IRQ
            if collided < 32:
                self._values[COLL] = self._values[COLL] & 0x80 | collided + 1 & 0x1F

    def _authenticate(self):
        frame, self._fifo = bytes(self._fifo), bytearray()
        opened = False
        for card in self._hearing():
            if card.state == ACTIVE and not card.silent and len(frame) == 12:
                opened = opened or card.authenticate(frame[0], frame[1], frame[2:8], frame[8:])
        wait_us = self._timer_us()
        if opened:
            self._later(AUTHENTICATION_US, self._authenticated)
        elif wait_us is not None:
            self._later(wait_us, self._timed_out)

    def _authenticated(self):
        self._values[STATUS2] |= 0x08
        self._values[COM_IRQ] |= IDLE_IRQ
        self._values[COMMAND] &= 0xF0

    # TAuto: the timer starts behind the frame and stops when an answer begins.
    def _timer_us(self):
        if not self._values[T_MODE] & 0x80:
            return None
        prescaler = (self._values[T_MODE] & 0x0F) << 8 | self._values[T_PRESCALER]
        reload = self._values[T_RELOAD] << 8 | self._values[T_RELOAD + 1]
        return int((2 * prescaler + 1) * (reload + 1) / 13.56)

    def _timed_out(self):
        self._values[COM_IRQ] |= TIMER_IRQ

    def _later(self, us, act):
        if not self.stuck and not self.hung:
            self._due_us, self._then = self._ticks_us() + us, act

    def _advance(self):
        if self._then and self._ticks_us() >= self._due_us:
            act, self._due_us, self._then = self._then, None, None
            act()
