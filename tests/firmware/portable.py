"""What tests need that run on both interpreters: CPython under pytest, MicroPython by `run_all`.

Such a test module imports neither pytest nor anything MicroPython lacks, and asserts only.
"""

import asyncio
import sys


def raises(kind, call, *arguments):
    """The error of `kind` that the call raises; anything else fails the test."""
    try:
        call(*arguments)
    except kind as error:
        return error
    raise AssertionError("nothing was raised, expected " + kind.__name__)


async def within(ms, awaitable):
    """What it gives within so long, or None; then it is cancelled."""
    try:
        return await asyncio.wait_for_ms(awaitable, ms)
    except asyncio.TimeoutError:  # noqa: UP041 - MicroPython has it nowhere else
        return None


async def all_within(ms, awaitables, now_ms):
    """All that one call of `awaitables` after the other gives within so long, None left out."""
    given, until_ms = [], now_ms() + ms
    while now_ms() < until_ms:
        each = await within(until_ms - now_ms(), awaitables())
        if each is not None:
            given.append(each)
    return given


def drawn(size):
    """A `random` that always draws the largest bytes: jitter at its most."""
    return b"\xff" * size


def undrawn(size):
    """A `random` that always draws zeros: no jitter."""
    return bytes(size)


def run_all(names):
    """Import each module and run its tests in order; prints how many ran."""
    count = 0
    for name in names:
        __import__(name)
        module = sys.modules[name]
        for each in dir(module):
            if each.startswith("test_"):
                getattr(module, each)()
                count += 1
    sys.stdout.write(f"ran {count}\n")


class RamFlash:
    """A NOR flash in memory: programs only clear bits, without an offset it erases first."""

    def __init__(self, blocks=16):
        self._cells = bytearray(b"\xff" * (4096 * blocks))
        self._blocks = blocks
        self.reads = 0

    def readblocks(self, block, buffer, offset=0):
        self.reads += 1
        at = block * 4096 + offset
        buffer[:] = self._cells[at:at + len(buffer)]

    def writeblocks(self, block, data, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        at = block * 4096 + offset
        for place in range(len(data)):
            assert self._cells[at + place] & data[place] == data[place], "programs a 0 to 1"
            self._cells[at + place] = data[place]

    def copy(self):
        made = RamFlash(self._blocks)
        made._cells[:] = self._cells
        return made

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return 4096
        if operation == 6:
            at = argument * 4096
            self._cells[at:at + 4096] = b"\xff" * 4096
        return 0
