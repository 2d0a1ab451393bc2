"""What a monkey's handset stands in: a board, a broker and a gateway in memory. Portable.

All of it follows from the dice and from virtual time, and outlives the handset's power.
"""

import asyncio

from cryptolib import aes

import firmware  # noqa: F401 - brings MicroPython's names
from firmware import mqtt_codec, views
from firmware.screen import ICONS
from protocol import cbor, codes, frames, messages, topics
from protocol.limits import DOWN, FRAME_DOWN_SIZE_MAX
from tests.firmware.replies import AT, KEY, TERMINAL_ID, Asked, reply_frame
from tests.firmware.virtual_time import now_ms

MODE_ECB = 1
TICKS_MASK = (1 << 30) - 1
UNKNOWN_CARD = 6200009999999999
REFUSALS = (codes.CARD_LOST, codes.CARD_BLOCKED, codes.MEMBER_SUSPENDED, codes.HELD, 33)
ANSWERING, SILENT, REFUSING, PUTTING_OFF = "answering", "silent", "refusing", "putting off"
RAVING = "raving"
MOODS = (ANSWERING, ANSWERING, SILENT, REFUSING, PUTTING_OFF, RAVING)
# keys of a reply that a sick gateway leaves out, or fills with these; the others are its verdict
_RAVED = (6, 7, 8, 9, 10, 11, 12, 13, 15, 21, 22, 25, 25)
_NONSENSE = (-1, (1 << 53) - 1, -(1 << 53) + 1, "x" * 500, "\x1b[2J\n\0", "%d=1", b"12345678", (),
             {}, ((1, 2, 3),), (1 << 40, 65535), (5000, 100, 5, 1, 100, 5000),
             {0: (1, 2), 9: (1, 2, 3)})
_CONNECT, _PUBLISH, _SUBSCRIBE, _PING = 0x10, 0x30, 0x80, 0xC0


class Gateway:
    """Decides each (journal, trace) once. `posted`: (amount_minor, card) of what counts."""

    def __init__(self, dice):
        self.dice = dice
        self.mood = ANSWERING
        self.codes = {}
        self.digests = {}
        self.posted = {}

    def answer(self, frame, at_ms):
        """The reply frame, or None."""
        reply = self._answer(frame, at_ms)
        if reply is None or self.mood != RAVING:
            return reply
        said = cbor.decode(frames.split(reply, FRAME_DOWN_SIZE_MAX).payload)
        for _ in range(1 + self.dice.below(3)):
            key = _RAVED[self.dice.below(len(_RAVED))]
            said.pop(key, None)
            if self.dice.below(3):
                said[key] = _NONSENSE[self.dice.below(len(_NONSENSE))]
        return frames.seal(KEY, DOWN, TERMINAL_ID, 1, cbor.encode(said))

    def _answer(self, frame, at_ms):
        asked = Asked(frame)
        if self.mood == SILENT:
            return None
        if asked.type == messages.HEARTBEAT:
            return reply_frame(frame, at=AT + at_ms // 1000, highest_trace=0)
        if asked.trace == 0:
            return self._told(frame, asked)
        key, digest = (asked.journal, asked.trace), frames.digest(frame)
        assert self.digests.get(key, digest) == digest, f"{key} has two contents"
        if self.mood == PUTTING_OFF and key not in self.codes:
            return reply_frame(frame, codes.TRY_LATER)
        self.digests[key] = digest
        if key not in self.codes:
            self.codes[key] = self._decide(key, asked)
        return reply_frame(frame, self.codes[key], points=5, balance=1005, receipt=asked.trace,
                           member="王*", tier="银卡")

    def _told(self, frame, asked):
        if asked.type == messages.INQUIRY:
            return reply_frame(frame, balance=1000, member="王*", tier="银卡")
        if asked.type == messages.LOGIN:
            wrong = self.dice.below(2)
            return reply_frame(frame, codes.OPERATOR_PIN_WRONG if wrong else codes.APPROVED)
        return reply_frame(frame, codes.UNSUPPORTED)

    def _decide(self, key, asked):
        if asked.type == messages.VOID:
            return self._void(asked.content[10])
        card = asked.content.get(6)
        if card and card[1] == UNKNOWN_CARD:
            return codes.CARD_UNKNOWN
        if self.mood == REFUSING:
            return REFUSALS[self.dice.below(len(REFUSALS))]
        self.posted[key] = (asked.content.get(7), card[1] if card else None)
        return codes.APPROVED

    # what has not come yet is buried by its void
    def _void(self, original):
        if not isinstance(original, (list, tuple)):
            return codes.ORIGINAL_NOT_FOUND
        original = tuple(original)
        if original not in self.codes:
            self.codes[original] = codes.VOIDED
            return codes.APPROVED
        return codes.APPROVED if self.posted.pop(original, None) else codes.NOTHING_LEFT


class Wire:
    """One connection: reader and writer of the handset, and the broker at its other end."""

    def __init__(self, gateway, at_ms):
        self._gateway = gateway
        self._at_ms = at_ms
        self._up = b""
        self._down = b""
        self._came = asyncio.Event()
        self.ended = False

    async def read(self, size):
        while not self._down and not self.ended:
            self._came.clear()
            await self._came.wait()
        data, self._down = self._down[:size], self._down[size:]
        return data

    def write(self, data):
        if self.ended:
            raise OSError(32)
        self._up += bytes(data)
        while True:
            packet = self._packet()
            if packet is None:
                return
            self._got(*packet)

    async def drain(self):
        await asyncio.sleep_ms(0)

    def close(self):
        self.end()

    async def wait_closed(self):
        pass

    def end(self):
        self.ended = True
        self._came.set()

    # (first byte, body) of a whole packet, or None
    def _packet(self):
        up, length, shift, at = self._up, 0, 0, 1
        while True:
            if at >= len(up):
                return None
            length |= (up[at] & 127) << shift
            shift += 7
            at += 1
            if up[at - 1] < 128:
                break
        if at + length > len(up):
            return None
        self._up = up[at + length:]
        return up[0], up[at:at + length]

    def _got(self, first, body):
        kind = first & 0xF0
        if kind == _CONNECT:
            self._send(b"\x20\x02\x00\x00")
        elif kind == _SUBSCRIBE:
            self._send(b"\x90\x03" + body[:2] + b"\x01")
        elif kind == _PING:
            self._send(b"\xd0\x00")
        elif kind == _PUBLISH:
            topic, packet_id, payload = mqtt_codec.read_publish(first, body)
            self._send(b"\x40\x02" + bytes((packet_id >> 8, packet_id & 255)))
            if topic == topics.up(TERMINAL_ID).encode():
                asyncio.create_task(self._answer(bytes(payload)))

    async def _answer(self, frame):
        await asyncio.sleep_ms(20 + self._gateway.dice.below(400))
        reply = self._gateway.answer(frame, self._at_ms + now_ms())
        if reply is not None and not self.ended:
            out = bytearray()
            mqtt_codec.put_publish(out, topics.down(TERMINAL_ID), 0, reply)
            self._send(bytes(out))

    def _send(self, data):
        self._down += data
        self._came.set()


class Display:
    """Takes lines as a board's own display does, and none that does not fit."""

    def __init__(self, drawn):
        self.lines = ()
        self._drawn = drawn

    def draw(self, lines):
        assert len(lines) == 5, lines
        for number, line in enumerate(lines):
            assert views.columns(line) <= views.COLUMNS or number in (0, 4), lines
            assert len(line) <= views.COLUMNS, lines
            if number in (0, 4):
                assert all([letter in ICONS or 32 <= ord(letter) < 127 for letter in line]), lines
        changed = lines != self.lines
        self.lines = lines
        self._drawn()
        return changed


class Board:
    """One boot of the handset in `world` (monkey.py)."""

    name = "monkey"
    font = None
    font_fault = ""
    watchdog_ms = 60000
    reset_cause = 1

    def __init__(self, world):
        self._world = world
        self.boot_count = world.boots
        self.outbox_device = world.flash
        self.display = Display(world.drawn)
        self.printer = None
        self._events = []
        self._event = asyncio.Event()
        self.wire = None

    def ticks_ms(self):
        return now_ms() & TICKS_MASK

    def random(self, size):
        return bytes([self._world.dice.getrandbits(8) for _ in range(size)])

    def aes(self, key):
        return aes(key, MODE_ECB)

    def save_settings(self, settings):
        if self._world.dice.below(4) == 0:
            raise OSError(28)
        self._world.settings = settings

    def keep(self, name, data):
        if self._world.dice.below(8) == 0:
            raise OSError(28)
        self._world.files[name] = data

    def kept(self, name):
        return self._world.files.get(name)

    def beep(self, name):
        pass

    def put(self, event):
        self._events.append(event)
        self._event.set()

    async def event(self):
        while not self._events:
            self._event.clear()
            await self._event.wait()
        return self._events.pop(0)

    async def connect(self, host, port):
        await asyncio.sleep_ms(50)
        if not self._world.link:
            raise OSError(113)
        self.wire = Wire(self._world.gateway, self._world.lived_ms)
        return self.wire, self.wire

    def heap_free(self):
        return None

    def battery_percent(self):
        return self._world.dice.below(101)

    def signal_dbm(self):
        return -51 - self._world.dice.below(62)

    def feed_watchdog(self):
        pass

    def reset(self):
        pass
