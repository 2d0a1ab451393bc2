"""A TCP proxy of our own that misbehaves on request, in the ways of faults.py.

Law: without a fault it passes bytes on unchanged, in order, both ways, and an end of one side is
an end of the other. With one it does exactly that and tells nobody. A direction in which bytes
were swallowed is dead for that connection for ever (TCP would never skip bytes), and then neither
side hears of the other's end. `calm` ends all faults; dead connections stay dead.
"""

import asyncio
import contextlib
import socket
import struct
from random import Random

from tools.chaos import faults
from tools.chaos.faults import Fault

HOST = "127.0.0.1"
READ_SIZE = 4096
DRIP_STEP_S = 0.05
END_WAIT_S = 1.0
UP, DOWN = "up", "down"
SWALLOWS = {faults.BLACK_HOLE: (UP, DOWN), faults.MUTE: (UP,), faults.DEAF: (DOWN,)}
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Proxy:
    """One listening port in front of `target_port`; `random` draws the jitter."""

    def __init__(self, target_port: int, random: Random) -> None:
        self.port = 0
        self.connections = 0
        self._target_port = target_port
        self._random = random
        self._on: dict[str, Fault] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._left: int | None = None  # bytes upwards until the connection ends
        self._flows: set[_Flow] = set()
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None

    # -- up and down -------------------------------------------------------------------------

    async def open(self) -> int:
        """Listen on a free port and return it."""
        self._held = _bound(0)
        self.port = self._held.getsockname()[1]
        await self._listen()
        return self.port

    async def close(self) -> None:
        await self.calm()
        if self._server is not None:
            self._server.close()
            self._server = None
        for flow in tuple(self._flows):
            flow.abort()

    async def _listen(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._server = await asyncio.start_server(self._serve, sock=held)

    def _refuse(self) -> None:
        """The port stays ours, but nobody listens there: connecting is refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._held = _bound(self.port)

    # -- faults ------------------------------------------------------------------------------

    async def apply(self, fault: Fault) -> None:
        """Misbehave so from now on, until its time is over. One of a name at a time."""
        loop = asyncio.get_running_loop()
        if fault.name == faults.CUT:
            loop.call_later(fault.value / 1000, self._cut)
            return
        if fault.name == faults.TRUNCATE:
            self._left = fault.value
            return
        self._on[fault.name] = fault
        if fault.name == faults.REFUSE:
            self._refuse()
        if fault.name in self._ends:
            self._ends.pop(fault.name).cancel()
        self._ends[fault.name] = loop.call_later(
            fault.lasts_ms / 1000, lambda: loop.create_task(self._end(fault.name)))

    async def _end(self, name: str) -> None:
        self._on.pop(name, None)
        if name in self._ends:
            self._ends.pop(name).cancel()
        if name == faults.REFUSE:
            await self._listen()

    async def calm(self) -> None:
        """All faults end now."""
        self._left = None
        for name in tuple(self._on):
            await self._end(name)

    def faulty(self) -> tuple[Fault, ...]:
        return tuple(self._on.values())

    def swallows(self, direction: str) -> bool:
        return any(direction in SWALLOWS.get(name, ()) for name in self._on)

    def _cut(self) -> None:
        for flow in tuple(self._flows):
            flow.abort()

    def value(self, name: str) -> int:
        """Of a fault that is on, in its unit; else 0."""
        return self._on[name].value if name in self._on else 0

    def wait_s(self) -> float:
        """How long a piece that came now is held back."""
        jitter_ms = self._random.randint(0, self.value(faults.JITTER))
        return (self.value(faults.DELAY) + jitter_ms) / 1000

    def passes(self, size: int) -> int | None:
        """How much of a piece upwards still passes before the end; None: all, and no end."""
        if self._left is None or size < self._left:
            self._left = None if self._left is None else self._left - size
            return None
        size, self._left = self._left, None
        return size

    # -- connections -------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        flow = _Flow(self, writer)
        self._flows.add(flow)
        try:
            await flow.live(reader, self._target_port)
        finally:
            flow.abort()
            self._flows.discard(flow)


class _Flow:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._server: asyncio.StreamWriter | None = None
        self._lost: set[str] = set()
        self._over = asyncio.Event()

    def abort(self) -> None:
        """Both sides are reset."""
        for writer in (self._client, self._server):
            if writer is not None and not writer.is_closing():
                _reset(writer)
        self._over.set()

    async def live(self, reader: asyncio.StreamReader, port: int) -> None:
        if self._proxy.swallows(UP) and self._proxy.swallows(DOWN):
            # a black hole shakes hands and says no more
            self._lost |= {UP, DOWN}
            await self._until_over(self._pump(reader, None, UP))
            return
        try:
            far, self._server = await asyncio.open_connection(HOST, port)
        except OSError:
            return
        await self._until_over(self._pump(reader, self._server, UP),
                               self._pump(far, self._client, DOWN))

    async def _until_over(self, *pumps) -> None:
        tasks = [asyncio.ensure_future(each) for each in pumps]
        over = asyncio.ensure_future(self._over.wait())
        try:
            waiting = set(tasks)
            while waiting and not over.done():
                done, _ = await asyncio.wait({*waiting, over},
                                             return_when=asyncio.FIRST_COMPLETED)
                waiting -= done
                if not self._lost and len(waiting) < len(tasks):
                    await self._end()
                    return
        finally:
            for each in (*tasks, over):
                each.cancel()
            await asyncio.gather(*tasks, over, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None,
                    direction: str) -> None:
        """Until this side ends. What was read is passed on in order, each piece in its time."""
        clock = asyncio.get_running_loop().time
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        carrier = asyncio.ensure_future(self._carry(pieces, writer, direction))
        try:
            while not carrier.done():
                try:
                    data = await reader.read(READ_SIZE)
                except OSError:
                    data = b""
                pieces.put_nowait((clock() + self._proxy.wait_s(), data))
                if not data:
                    await carrier
        finally:
            carrier.cancel()

    async def _carry(self, pieces: asyncio.Queue[tuple[float, bytes]],
                     writer: asyncio.StreamWriter | None, direction: str) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(max(due - clock(), 0))
            if not data:
                return
            if self._proxy.swallows(direction):
                self._lost.add(direction)
            if direction in self._lost or writer is None:
                continue
            passes = self._proxy.passes(len(data)) if direction == UP else None
            with contextlib.suppress(OSError):
                await self._put(writer, data if passes is None else data[:passes])
            if passes is not None:
                await self._end()
                return

    async def _put(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while data and not writer.is_closing():
            rate = self._proxy.value(faults.DRIP)
            piece = max(int(rate * DRIP_STEP_S), 1) if rate else len(data)
            writer.write(data[:piece])
            await writer.drain()
            data = data[piece:]
            if rate:
                await asyncio.sleep(piece / rate)

    async def _end(self) -> None:
        """A proper end on both sides: what was passed on arrives before it."""
        for writer in (self._client, self._server):
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError, TimeoutError):
                    await asyncio.wait_for(writer.wait_closed(), END_WAIT_S)
        self._over.set()


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    writer.transport.abort()


def _bound(port: int) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, port))
    return held


