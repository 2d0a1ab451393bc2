"""The cellular link of one handset: latency, loss of coverage, and TCP's behaviour under both.

Law:
- Bytes of one direction arrive in order and once, as TCP promises; a link never invents bytes.
- In the dark nothing moves in either direction and nobody is told: what was written before or
  during it is held, as TCP would retransmit it, and arrives after the light returns unless an
  end has closed the link meanwhile. That is the half-open link of the field.
- Connecting in the dark fails after `connect_timeout_s`, as a modem's would.
- `set_half` stops one direction only: the other end is heard and does not hear, or the reverse.
- TCP's checksum is 16 bits: with `garbage_per_10000` a part arrives with one bit turned.
Each radio has its own random stream, so that one handset's weather never moves another's.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from simulator import packets
from simulator.broker import Broker, Connection
from simulator.loop import US, VirtualLoop
from simulator.stream import Reader, Writer

ETIMEDOUT = 110
ECONNREFUSED = 111
UP = "up"
DOWN = "down"


class Weather(NamedTuple):
    """What a radio does to a link. Times in the units of the names."""

    latency_ms_min: int = 60
    latency_ms_max: int = 400
    connect_timeout_s: int = 20
    dark_per_day: int = 0
    dark_s_min: int = 5
    dark_s_max: int = 300
    garbage_per_10000: int = 0


class Radio:
    """The radio of one handset, with at most a few links open at a time."""

    def __init__(self, loop: VirtualLoop, random: Random, weather: Weather,
                 broker: Broker) -> None:
        self.loop = loop
        self.dark = False
        self.half: str | None = None
        self.garbage_per_10000 = weather.garbage_per_10000
        self.garbled = 0
        # hears each publication as the program wrote it, before anything happens to it
        self.on_publish: Callable[[packets.Publication], None] | None = None
        self.links_made = 0
        self._random = random
        self._weather = weather
        self._broker = broker
        self._links: list[_Link] = []

    def latency_us(self) -> int:
        low, high = self._weather.latency_ms_min, self._weather.latency_ms_max
        return self._random.randrange(low * 1000, high * 1000 + 1)

    def garble(self, part: bytes) -> bytes:
        """The part as it arrives: now and then with a bit turned that no checksum noticed."""
        if not self.garbage_per_10000 or self._random.randrange(10000) >= self.garbage_per_10000:
            return part
        self.garbled += 1
        spoilt = bytearray(part)
        spoilt[self._random.randrange(len(spoilt))] ^= 1 << self._random.randrange(8)
        return bytes(spoilt)

    async def connect(self, host: str, port: int) -> tuple[Reader, Writer]:
        """A byte stream to the broker, whatever host and port the settings name."""
        if self.dark:
            await asyncio.sleep(self._weather.connect_timeout_s)
            raise OSError(ETIMEDOUT, "no coverage")
        await asyncio.sleep(self.latency_us() * 2 / US)
        if self.dark:
            raise OSError(ETIMEDOUT, "no coverage")
        if not self._broker.open:
            raise OSError(ECONNREFUSED, "connection refused")
        link = _Link(self, self._broker)
        self._links.append(link)
        self.links_made += 1
        return link.reader, link.writer

    def set_dark(self, dark: bool) -> None:
        """Coverage goes or comes back."""
        self.dark = dark
        if not dark:
            self._resume()

    def set_half(self, half: str | None) -> None:
        """The link carries nothing UP, or nothing DOWN; None: both ways again."""
        self.half = half
        if half is None:
            self._resume()

    def stopped(self, way: str) -> bool:
        return self.dark or self.half == way

    def _resume(self) -> None:
        for link in list(self._links):
            link.resume()

    def cut(self) -> None:
        """The handset lost its power: its ends of all links are gone without a word."""
        for link in self._links:
            link.abandon()
        self._links.clear()

    def forget(self, link: "_Link") -> None:
        if link in self._links:
            self._links.remove(link)


class _Direction:
    """One way of a link: deliveries in order, held in the dark."""

    def __init__(self, radio: Radio, way: str,
                 arrive: Callable[[bytes | None], None]) -> None:
        self._radio = radio
        self._way = way
        self._arrive = arrive
        self._last_us = 0
        self._sent = 0
        self._held: list[tuple[int, bytes | None]] = []

    def send(self, part: bytes | None) -> None:
        """Bytes, or None for the end of the stream."""
        self._sent += 1
        self._carry(self._sent, part)

    def resume(self) -> None:
        if self._radio.stopped(self._way):
            return
        # what was on its way when it stopped stands behind what was written later: sort
        held, self._held = sorted(self._held, key=_number), []
        for number, part in held:
            self._carry(number, part)

    def _carry(self, number: int, part: bytes | None) -> None:
        if self._radio.stopped(self._way) or self._held:
            self._held.append((number, part))
            return
        loop = self._radio.loop
        self._last_us = max(self._last_us, loop.now_us + self._radio.latency_us())
        loop.call_at_us(self._last_us, self._deliver, number, part)

    def _deliver(self, number: int, part: bytes | None) -> None:
        if self._radio.stopped(self._way):
            self._held.append((number, part))
        else:
            self._arrive(self._radio.garble(part) if part else part)


def _number(held: tuple[int, bytes | None]) -> int:
    return held[0]


class _Link:
    """One TCP connection between the handset and the broker."""

    def __init__(self, radio: Radio, broker: Broker) -> None:
        self._radio = radio
        self._heard_us = radio.loop.now_us
        self._device_gone = False
        self._written = bytearray()
        self._up = _Direction(radio, UP, self._at_broker)
        self._down = _Direction(radio, DOWN, self._at_device)
        self.reader = Reader()
        self.writer = Writer(self._device_sends, self._device_closed)
        self._connection: Connection = broker.accept(self._down.send, self._broker_closed)
        self._watching = False

    def resume(self) -> None:
        self._up.resume()
        self._down.resume()

    def abandon(self) -> None:
        """Nothing more reaches or leaves the device; the broker finds out by silence."""
        self._device_gone = True

    def _device_sends(self, part: bytes | None) -> None:
        if not self._device_gone:
            if part and self._radio.on_publish is not None:
                self._overhear(part, self._radio.on_publish)
            self._up.send(part)

    def _overhear(self, part: bytes, tell: Callable[[packets.Publication], None]) -> None:
        self._written += part
        while (packet := packets.split(self._written)) is not None:
            if packet.kind == packets.PUBLISH:
                tell(packets.read_publication(packet.flags, packet.body))

    def _device_closed(self) -> None:
        self._device_sends(None)

    def _broker_closed(self) -> None:
        self._down.send(None)
        self._radio.forget(self)

    def _at_broker(self, part: bytes | None) -> None:
        self._heard_us = self._radio.loop.now_us
        if part is None:
            self._connection.broken()
            return
        self._connection.receive(part)
        if not self._watching:
            self._watch()

    def _at_device(self, part: bytes | None) -> None:
        if self._device_gone:
            return
        if part is None:
            self.reader.end()
        else:
            self.reader.feed(part)

    def _watch(self) -> None:
        """The broker's keepalive: a client silent for one and a half periods is gone."""
        silence_s_max = self._connection.silence_s_max
        if silence_s_max is None or not self._connection.open:
            self._watching = False
            return
        self._watching = True
        due_us = self._heard_us + round(silence_s_max * US)
        if due_us <= self._radio.loop.now_us:
            self._connection.broken()
            return
        self._radio.loop.call_at_us(due_us, self._watch)
