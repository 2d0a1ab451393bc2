"""Waiting without waiting, on both interpreters: asyncio whose clock jumps to the next timer.

Nothing outside may be waited for: no socket, no file. What is left when `main` is done is gone.
"""

import asyncio
import sys
import time


class VirtualTime:
    """`now()`: ms since it was made. `run(main)` gives the result of a coroutine."""

    def __init__(self):
        self._now_ms = 0
        self._start_ms = 0
        self._loop = None

    def now(self):
        if self._loop is not None:
            return self._loop.now_us // 1000
        return self._now_ms - self._start_ms

    def run(self, main):
        if sys.implementation.name == "micropython":
            return self._run_there(main)
        return self._run_here(main)

    def _run_here(self, main):
        from simulator.loop import VirtualLoop

        self._loop = VirtualLoop()
        try:
            return self._loop.run(main)
        finally:
            self._loop.close()

    # the scheduler of MicroPython takes its time and its rest from two names of its module
    def _run_there(self, main):
        core = sys.modules["asyncio.core"] if "asyncio.core" in sys.modules else asyncio.core
        ticks, queue = core.ticks, core._io_queue
        asyncio.new_event_loop()
        # a new task is due at the real time, which must not lie ahead
        self._now_ms = self._start_ms = time.ticks_ms()
        core.ticks = lambda: self._now_ms
        core._io_queue = _Jumps(self)
        try:
            return asyncio.run(main)
        finally:
            core.ticks, core._io_queue = ticks, queue
            asyncio.new_event_loop()

    def jump(self, duration_ms):
        assert duration_ms >= 0, "everybody waits, and for nothing that could come"
        self._now_ms += duration_ms


class _Jumps:
    def __init__(self, time):
        self._time = time
        self.map = {}

    def wait_io_event(self, duration_ms):
        self._time.jump(duration_ms)

    def remove(self, task):
        pass
