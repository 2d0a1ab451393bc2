"""Work shared out to all cores.

Law: Ctrl-C is this process's alone. It reaches every process of a terminal's group, and one that
still imports, or that waits for work, would print a traceback of its own beside our last line.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

_AT_ONCE_MAX = 8  # items that a process takes at a time


def shared(work: Callable[[Item], Done], items: Sequence[Item],
           jobs: int | None = None) -> Iterator[Done]:
    """What `work` makes of each item, in the order in which they come. `jobs` processes, default
    one for each core."""
    count = min(jobs or os.cpu_count() or 1, len(items))
    if count <= 1:
        yield from map(work, items)
        return
    with _deaf():
        pool = multiprocessing.get_context("spawn").Pool(count)
    with pool:
        at_once = max(min(len(items) // 64, _AT_ONCE_MAX), 1)
        yield from pool.imap_unordered(work, items, chunksize=at_once)


@contextmanager
def _deaf() -> Iterator[None]:
    """Who is started in here ignores Ctrl-C for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
