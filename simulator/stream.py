"""The two ends of a byte stream, as the board hands them to the firmware's MQTT client.

Law: bytes come out in the order in which they went in, in pieces the reader does not choose;
after the end `read` gives b"" and `readexactly` raises EOFError; a stream that broke raises
OSError on both ends, now and for ever. Waiting is asyncio's, time is nobody's business here.
"""

import asyncio
from collections.abc import Callable

RESET = 104


class Reader:
    """What the other side sent. `feed`, `end` and `fail` are for the one who owns the link."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._ended = False
        self._error: OSError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, part: bytes) -> None:
        if not self._ended and self._error is None:
            self._held += part
            self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def fail(self, error: OSError) -> None:
        self._error = error
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _more(self) -> bool:
        """Wait for a change; False when nothing more can come."""
        if self._error is not None:
            raise self._error
        if self._ended:
            return False
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
        return True

    async def read(self, size: int = -1) -> bytes:
        """Between 1 and `size` bytes as soon as there are any; b"" at the end."""
        while not self._held:
            if not await self._more():
                return b""
        taken = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(taken)]
        return taken

    async def readexactly(self, size: int) -> bytes:
        while len(self._held) < size:
            if not await self._more():
                raise asyncio.IncompleteReadError(bytes(self._held), size)
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


class Writer:
    """Hands what is written to `send` at `drain`; `shut` is called once, at `close`."""

    def __init__(self, send: Callable[[bytes], None], shut: Callable[[], None]) -> None:
        self._send = send
        self._shut = shut
        self._held = bytearray()
        self._closed = False
        self._error: OSError | None = None

    def fail(self, error: OSError) -> None:
        self._error = error

    def write(self, part: bytes) -> None:
        if not self._closed:
            self._held += part

    async def drain(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise OSError(RESET, "the stream is closed")
        if self._held:
            part = bytes(self._held)
            self._held.clear()
            self._send(part)

    def close(self) -> None:
        if not self._closed:
            if self._held and self._error is None:
                self._send(bytes(self._held))
            self._closed = True
            self._shut()

    def is_closing(self) -> bool:
        return self._closed

    async def wait_closed(self) -> None:
        """The link is the simulation's: there is nothing to wait for."""
