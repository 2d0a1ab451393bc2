"""A modem with everything around it in virtual time: UART, PPP, network and a driver. Portable.

`pieces`: how many bytes a read gives at most, drawn anew each time when it is a Random.
"""

import asyncio

from firmware.board import modem_models
from firmware.board.at import ModemError
from firmware.board.modem import Modem, Pins
from firmware.board.modem_steps import Access
from firmware.board.way import NoWay
from simulator.modem_peer import Peer
from simulator.modem_ppp import FakePpp, Network
from tests.firmware.virtual_time import now_ms, run

MODELS = {"SIM800": modem_models.SIM800, "SIM7600": modem_models.SIM7600,
          "A7670": modem_models.A7670}
ACCESS = Access("cmnet", "", "", "", 3)


class Uart:
    """Both directions as asyncio's streams have them, and as a stream that never waits."""

    def __init__(self, peer, now, pieces=None):
        self._peer = peer
        self._now = now
        self._pieces = pieces
        self.written = []

    def _size(self, most):
        return most if self._pieces is None else self._pieces.randint(1, most)

    async def read(self, most):
        while True:
            data = self._peer.take(self._size(most))
            if data:
                return data
            due = self._peer.due()
            wait_ms = 40 if due is None else max(1, min(due - self._now(), 40))
            await asyncio.sleep_ms(wait_ms)

    def write(self, data):
        if len(self.written) > 400:
            del self.written[:200]
        self.written.append((self._now(), bytes(data)))
        self._peer.receive(data)

    async def drain(self):
        pass


class Stream:
    """What PPP is given: the same UART."""

    def __init__(self, uart, peer):
        self._peer = peer
        self.write = uart.write

    def read(self, most):
        return self._peer.take(most) or None


class World:
    """`failures`: (ms, fault, rung) as the driver told them."""

    def __init__(self, model="SIM800", access=ACCESS, has_reset=True, has_power=True, pieces=None):
        now = self.now = now_ms
        self.peer = Peer(model, now)
        self.network = Network(self.peer)
        self.uart = Uart(self.peer, now, pieces)
        self.ppp = FakePpp(Stream(self.uart, self.peer), now)
        pins = Pins(self.peer.pwrkey, self.peer.reset if has_reset else None,
                    self.peer.power if has_power else None)
        self.failures = []
        self.deaths = []
        self.progress_ms = 0
        self.silence_ms = 0
        self.answer = None  # what a connection meets: None it stands, else an error
        self.modem = Modem(self.uart, self.uart, self.ppp, pins, MODELS[model], access, now,
                           self._progress, self._told, self._open)

    def _progress(self):
        self.silence_ms = max(self.silence_ms, self.now() - self.progress_ms)
        self.progress_ms = self.now()

    def _told(self, fault, rung):
        self.failures.append((self.now(), fault, rung))

    async def _open(self, host, port):
        if self.answer is not None:
            raise self.answer
        if self.peer.is_dead() or self.network.silent or not self.peer.in_data:
            await asyncio.sleep_ms(1000000)
        return "reader", "writer"

    def run(self, story):
        """Run the driver beside `story(world)`, and give what that gives."""
        return run(self._run(story))

    async def _run(self, story):
        tasks = [asyncio.create_task(self._live()), asyncio.create_task(self._interrupts())]
        try:
            return await story(self)
        finally:
            for task in tasks:
                task.cancel()

    # as the supervisor does: begun again when it dies
    async def _live(self):
        while True:
            try:
                await self.modem.run()
            except ModemError as error:
                self.deaths.append(error)
            await asyncio.sleep_ms(1000)

    async def _interrupts(self):
        while True:
            self.ppp.poll()
            await asyncio.sleep_ms(20 if self.ppp.status() in (3, 4) else 200)

    async def until(self, there, within_ms):
        """ms until `there()`; fails the test when it takes longer."""
        start_ms = self.now()
        while not there():
            assert self.now() - start_ms < within_ms, (
                "not within", within_ms, self.modem.fault, self.failures, self.peer.commands[-8:])
            await asyncio.sleep_ms(100)
        return self.now() - start_ms

    async def up(self, within_ms):
        return await self.until(lambda: self.modem.up, within_ms)

    async def connects(self):
        """Whether a connection over the modem stands within 10 s."""
        try:
            await asyncio.wait_for_ms(self.modem.connect("broker", 1883), 10000)
        except (OSError, NoWay, asyncio.TimeoutError):  # noqa: UP041 - MicroPython
            return False
        return True
