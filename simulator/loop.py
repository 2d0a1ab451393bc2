"""An asyncio event loop whose clock jumps: virtual time for the unmodified firmware.

Law:
- Time moves only when nothing is ready to run, and then exactly to the next timer.
- Time is an integer number of microseconds since the simulation began; `time()` shows it to
  asyncio in seconds. Two timers of one instant run in the order in which they were set.
- Nothing outside reaches in: no selector, no thread, no signal, no wall clock. The order of
  every step follows from the program alone, so it is the same on every machine.
- Work that goes on for ever at one instant stops the run too: a handset would never get there.
- An exception that nobody waits for stops the run, which raises it.
"""

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

from simulator.errors import Spinning, Stalled, TaskDied

US = 1_000_000
DEAD_TIMERS_MIN = 1000
SPINNING_STEPS = (1 << 20) - 1  # far more than a street of handsets does at one instant
T = TypeVar("T")


class Step:
    """A callback that waits for its turn: what asyncio knows as a Handle, and no more of it.

    Without a context the callback runs in that of the loop: nothing here keeps context variables.
    """

    __slots__ = ("callback", "arguments", "context", "loop")

    def __init__(self, callback: Callable[..., object], arguments: tuple[Any, ...],
                 context: Context | None, loop: "VirtualLoop | None") -> None:
        self.callback: Callable[..., object] | None = callback
        self.arguments = arguments
        self.context = context
        self.loop = loop  # of a timer, until it is cancelled or due

    def cancel(self) -> None:
        self.callback, self.arguments = None, ()
        loop, self.loop = self.loop, None
        if loop is not None:
            loop.timer_died()

    def cancelled(self) -> bool:
        return self.callback is None


class VirtualLoop(asyncio.AbstractEventLoop):
    """`now_us`: microseconds since the simulation began. Not reusable after `close`."""

    def __init__(self) -> None:
        self.now_us = 0
        self.steps = 0
        self._ready: deque[Step] = deque()
        self._timers: list[tuple[int, int, Step]] = []
        self._set = 0
        self._dead = 0
        self._running = False
        self._closed = False
        self._looked_us = -1
        self._failures: list[dict[str, Any]] = []

    # -- the clock ---------------------------------------------------------------------------

    def time(self) -> float:
        return self.now_us / US

    def call_soon(self, callback: Callable[..., object], *args: Any,  # type: ignore[override]
                  context: Context | None = None) -> Step:
        step = Step(callback, args, context, None)
        self._ready.append(step)
        return step

    def call_at_us(self, when_us: int, callback: Callable[..., object], *args: Any,
                   context: Context | None = None) -> Step:
        """Run `callback(*args)` at a virtual instant; one that has passed means at once."""
        step = Step(callback, args, context, self)
        self._set += 1
        heapq.heappush(self._timers, (max(when_us, self.now_us), self._set, step))
        return step

    def call_at(self, when: float, callback: Callable[..., object],  # type: ignore[override]
                *args: Any, context: Context | None = None) -> Step:
        return self.call_at_us(round(when * US), callback, *args, context=context)

    def call_later(self, delay: float, callback: Callable[..., object],  # type: ignore[override]
                   *args: Any, context: Context | None = None) -> Step:
        step = Step(callback, args, context, self)
        self._set += 1
        due_us = self.now_us + round(delay * US) if delay > 0 else self.now_us
        heapq.heappush(self._timers, (due_us, self._set, step))
        return step

    def timer_died(self) -> None:
        """A timer was cancelled. It is skipped when its turn comes; should most of them be dead,
        all of those are thrown out at once. The order of the living never depends on it."""
        self._dead += 1
        if self._dead > DEAD_TIMERS_MIN and self._dead * 2 > len(self._timers):
            self._timers = [each for each in self._timers if each[2].callback is not None]
            heapq.heapify(self._timers)
            self._dead = 0

    # -- running -----------------------------------------------------------------------------

    def run(self, main: Awaitable[T]) -> T:
        """Run until `main` is done and return its result; other tasks stay where they are."""
        task = asyncio.ensure_future(main, loop=self)
        self._turn(task.done)
        self._raise_failure()
        return task.result()

    def run_until_us(self, until_us: int) -> None:
        """Run everything that happens up to and at `until_us`, and set the clock to it."""
        self._turn(lambda: not self._ready and not self._due(until_us))
        self.now_us = max(self.now_us, until_us)
        self._raise_failure()

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        async def waited() -> T:
            return await future  # type: ignore[misc]
        return self.run(waited())

    def _turn(self, done: Callable[[], bool]) -> None:
        if self._running or self._closed:
            raise RuntimeError("the virtual loop is running or closed")
        self._running = True
        outer = events._get_running_loop()
        events._set_running_loop(self)
        ready, failures = self._ready, self._failures
        try:
            while not failures and not done():
                step = ready.popleft() if ready else self._jump()
                callback = step.callback
                if callback is not None:
                    self.steps += 1
                    if not self.steps & SPINNING_STEPS:
                        self._look_whether_time_moves()
                    try:
                        if step.context is None:
                            callback(*step.arguments)
                        else:
                            step.context.run(callback, *step.arguments)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:
                        failures.append({"message": "a callback failed", "exception": error})
        finally:
            events._set_running_loop(outer)
            self._running = False

    def _look_whether_time_moves(self) -> None:
        if self.now_us == self._looked_us:
            raise Spinning(f"virtual time stands at {self.now_us} us: {SPINNING_STEPS + 1} steps"
                           " were made there. Some task goes round without waiting.")
        self._looked_us = self.now_us

    def _due(self, until_us: int) -> bool:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
            self._dead -= 1
        return bool(self._timers) and self._timers[0][0] <= until_us

    def _jump(self) -> Step:
        """Move the clock to the next timer that was not cancelled, whose turn it is."""
        timers = self._timers
        while timers:
            when_us, _, step = heapq.heappop(timers)
            if step.callback is not None:
                self.now_us = when_us
                step.loop = None
                return step
            self._dead -= 1
        raise Stalled(f"virtual time stands at {self.now_us} us: nothing is scheduled, and what "
                      "was waited for can never come. Some task waits for an event nobody sets.")

    # -- what asyncio asks of a loop ---------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], *,
                    name: str | None = None, context: Context | None = None,
                    **options: Any) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)  # type: ignore[arg-type]

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._failures.append(context)

    def _raise_failure(self) -> None:
        if self._failures:
            first = self._failures[0]
            self._failures.clear()
            cause = first.get("exception")
            raise TaskDied(f"{first.get('message', 'a callback failed')}: {cause!r}") from cause

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Cancel what still runs, let it end, and drop every timer."""
        if self._closed:
            return
        for task in sorted(asyncio.all_tasks(self), key=lambda each: each.get_name()):
            task.cancel()
        self._timers.clear()
        self._failures.clear()
        self._turn(lambda: not self._ready)
        self._failures.clear()
        self._closed = True
