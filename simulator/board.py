"""A fake board: everything the firmware asks of hardware, under the simulation's hand.

It has the members that `firmware/board/__init__.py` lists and no others that the firmware could
come to rely on. Law: whatever it answers follows from the virtual clock, its own random stream
and what the simulation did to it; the screen keeps what was shown last. Of that it keeps the
lines, and draws their pixels with the firmware's own Screen for whoever looks. Its tick counter
may run fast or slow (`drift_ppm`) and jump (`jump`), as a bad crystal or a brown-out makes it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from firmware.screen import Screen
from firmware.settings import Settings
from firmware.shim import Aes
from simulator.loop import VirtualLoop

TICKS_MASK = (1 << 30) - 1
RESET_POWER = 1
MODE_ECB = 1
WATCHDOG_MS = 60000
BUFFER_SIZE = 1024

Connect = Callable[[str, int], Awaitable[tuple[Any, Any]]]


class Panel:
    """Keys and cards waiting for the program, oldest first; `event` may be cancelled at will.
    `on_card` is called when the program takes a card."""

    def __init__(self) -> None:
        self.on_card: Callable[[], None] = lambda: None
        self._events: deque[tuple[Any, ...]] = deque()
        self._changed: asyncio.Future[None] | None = None

    def press(self, keys: str) -> None:
        for key in keys:
            self._put(("key", key))

    def card(self, entry: int, identity: int | bytes) -> None:
        self._put(("card", entry, identity))

    def clear(self) -> None:
        self._events.clear()

    def _put(self, event: tuple[Any, ...]) -> None:
        self._events.append(event)
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def event(self) -> tuple[Any, ...]:
        while not self._events:
            self._changed = asyncio.get_running_loop().create_future()
            await self._changed
        taken = self._events.popleft()
        if taken[0] == "card":
            self.on_card()
        return taken


class Display:
    """Stands in for the firmware's Screen: nobody looks at the pixels of a thousand handsets."""

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()

    def draw(self, lines: tuple[str, ...]) -> bool:
        changed = lines != self.lines
        self.lines = lines
        return changed


class FakeBoard:
    """One boot of a handset. `device` is the outbox partition, `connect` the radio's.

    `watchdog_ms` decides how often idle tasks wake (three times in it), so a long one makes a
    day in which little happens cheap. `files`: what it keeps by name, for later boots.
    """

    name = "simulator"
    font = None
    font_fault = ""

    def __init__(self, loop: VirtualLoop, random: Random, device: Any, connect: Connect,
                 boot_count: int = 1, reset_cause: int = RESET_POWER,
                 watchdog_ms: int = WATCHDOG_MS) -> None:
        self.outbox_device = device
        self.watchdog_ms = watchdog_ms
        self.display = Display()
        self.printer: Any = None
        self.boot_count = boot_count
        self.reset_cause = reset_cause
        self.panel = Panel()
        self.on_settings: Callable[[Settings], None] = lambda settings: None
        self.files: dict[str, bytes] = {}
        self.beeps: deque[str] = deque(maxlen=32)
        self.resets = 0
        self.watchdog_fed = 0
        self.fed_us = loop.now_us
        self.drift_ppm = 0
        self._jumped_ms = 0
        self._loop = loop
        self._random = random
        self._connect = connect
        self._booted_us = loop.now_us
        self._shown = bytes(BUFFER_SIZE)

    def ticks_ms(self) -> int:
        elapsed_us = self._loop.now_us - self._booted_us
        if self.drift_ppm:
            elapsed_us += elapsed_us * self.drift_ppm // 1_000_000
        return elapsed_us // 1000 + self._jumped_ms & TICKS_MASK

    def jump(self, ms: int) -> None:
        """The tick counter is suddenly so much further."""
        self._jumped_ms += ms

    def random(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def aes(self, key: bytes) -> Aes:
        return Aes(key, MODE_ECB)

    def save_settings(self, settings: Settings) -> None:
        self.on_settings(settings)

    def keep(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def kept(self, name: str) -> bytes | None:
        return self.files.get(name)

    def show(self, buffer: bytes | bytearray | memoryview) -> None:
        self._shown = bytes(buffer)

    @property
    def screen(self) -> bytes:
        """The pixels of what was shown last."""
        if self.display.lines:
            Screen(self.show).draw(self.display.lines)
        return self._shown

    def beep(self, name: str) -> None:
        self.beeps.append(name)

    async def event(self) -> tuple[Any, ...]:
        return await self.panel.event()

    async def connect(self, host: str, port: int) -> tuple[Any, Any]:
        return await self._connect(host, port)

    def heap_free(self) -> int | None:
        return None

    def battery_percent(self) -> int | None:
        return 80

    def signal_dbm(self) -> int | None:
        return -71

    def feed_watchdog(self) -> None:
        self.watchdog_fed += 1
        self.fed_us = self._loop.now_us

    def reset(self) -> None:
        self.resets += 1
