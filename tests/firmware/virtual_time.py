"""Seconds that take no time, on both interpreters: for portable tests of what waits.

`run(main)` runs a coroutine to its end and returns its result; a task that died is an error.
asyncio's clock jumps to the next timer whenever nothing is left to do, and stands at 0 when it
begins. On CPython that is the simulator's loop. On MicroPython asyncio's own clock moves by what
was slept and by nothing else, so code under test may ask asyncio for time and nothing else:
time.ticks_ms is the real one there.
"""

import asyncio
import sys
import time

_jumped = [lambda: 0]

if sys.implementation.name == "micropython":
    from asyncio import core

    class _Jumps:
        """In the place of asyncio's poller: nothing is polled, waiting moves the clock."""

        def __init__(self):
            self.jumped_ms = 0
            self.died = []
            # What is due at once is queued by C at the real time: that has to be long past, or
            # the clock would move by what a slow machine took.
            self.begin = time.ticks_add(time.ticks_ms(), 3_600_000)

        def wait_io_event(self, wait_ms):
            assert wait_ms >= 0, "what was waited for can never come"
            self.jumped_ms += wait_ms

        def remove(self, task):
            pass

        def note(self, loop, context):
            self.died.append(context["exception"])

        def ticks(self):
            return time.ticks_add(self.begin, self.jumped_ms)

    def run(main):
        jumps = _Jumps()
        _jumped[0] = lambda: jumps.jumped_ms
        poller, ticks = core._io_queue, core.ticks
        asyncio.new_event_loop().set_exception_handler(jumps.note)
        core._io_queue, core.ticks = jumps, jumps.ticks
        try:
            result = asyncio.run(main)
            if jumps.died:
                raise jumps.died[0]
            return result
        finally:
            core._io_queue, core.ticks = poller, ticks
            asyncio.new_event_loop()

else:
    import firmware  # noqa: F401 - brings MicroPython's names
    from simulator.loop import VirtualLoop

    def run(main):
        loop = VirtualLoop()
        _jumped[0] = lambda: loop.now_us // 1000
        try:
            return loop.run(main)
        finally:
            loop.close()


def now_ms():
    """How far the clock of `run` has jumped, of the last one where none runs."""
    return _jumped[0]()
