"""Processes that do pieces of a job side by side, each with a database connection of its own.

Law: signals are for the process they work for: it finishes what is in hand, and then ends them.
They end with it, however it ends, `kill -9` too; what one had in hand then is rolled back. A hand
that goes ends the work with BrokenProcessPool, and the job with it, until the next round.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any

Work = Callable[[Any], Any]

NICE = 10  # who taps goes before

_work: Work | None = None


class Hands:
    """`count` processes, started when there is something to do; each makes its work by
    `make(*arguments)`, a function of a module and values that can be pickled."""

    def __init__(self, count: int, make: Callable[..., Work], *arguments: object) -> None:
        self._pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (make, arguments))

    def share(self, items: Iterable[Any]) -> list[Any]:
        """What the work comes to for each item; the first fault, when all is done or given up."""
        with _deaf():
            done = self._pool.map(_do, items)
        return list(done)

    def end(self) -> None:
        """Waits for what is in hand."""
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Who is started in here hears no signals; those that come meanwhile come behind it."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def _begin(make: Callable[..., Work], arguments: tuple) -> None:
    global _work
    os.nice(NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work = make(*arguments)


def _do(item: object) -> object:
    assert _work is not None, "a hand begins before it works"
    return _work(item)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a hand works for somebody"
    wait([parent.sentinel])
    os._exit(1)  # without goodbyes: the database rolls back what was in hand
