"""The handset's end of a UART at which a part talks: bytes at the speed of the line.

In the subset that MicroPython runs. Law: `read` gives what came, as soon as it came, and b"" for
ever once the port is closed.
"""

import asyncio


class SerialLine:
    """`await send(data, baud)` is the part, `await read(n)` the handset."""

    def __init__(self):
        self._held = bytearray()
        self._closed = False
        self._changed = asyncio.Event()

    async def read(self, size):
        while not self._held and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        taken = bytes(self._held[:size])
        self._held = self._held[len(taken):]
        return taken

    async def send(self, data, baud=9600, piece=8):
        """Ten bits a byte; a UART tells of them in pieces."""
        for at in range(0, len(data), piece):
            part = data[at:at + piece]
            await asyncio.sleep(len(part) * 10 / baud)
            self.put(part)

    def put(self, data):
        self._held = self._held + bytearray(data)
        self._changed.set()

    def close(self):
        self._closed = True
        self._changed.set()
