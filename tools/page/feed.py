"""What is told to every page that is open, each in its own queue.

Law: whoever listens gets first how things stand and then every change, in order, without a gap;
who is too slow to be told everything is dropped, and comes again as anybody new does.
"""

import queue
from collections.abc import Callable, Iterator
from typing import Any

WAITING_MAX = 500
SIGN_OF_LIFE_S = 15.0

Told = tuple[str, Any]


class Listener:
    """One page. Filled by the loop, read by the thread that serves it."""

    def __init__(self) -> None:
        self.over = False
        self._waiting: queue.Queue[Told | None] = queue.Queue(WAITING_MAX)

    def tell(self, told: Told) -> bool:
        """False: it does not keep up."""
        try:
            self._waiting.put_nowait(told)
        except queue.Full:
            return False
        return True

    def end(self) -> None:
        self.over = True
        if not self._waiting.full():
            self._waiting.put_nowait(None)  # it may be waiting for the next

    def all(self, sign_of_life_s: float = SIGN_OF_LIFE_S) -> Iterator[Told | None]:
        """Everything told, and None whenever there was nothing for a while, until it is over."""
        while not self.over:
            try:
                yield self._waiting.get(timeout=sign_of_life_s)
            except queue.Empty:
                yield None


class Feed:
    """`snapshot` gives what a new listener has to know. Runs in the loop, as `tell` and `end` of a
    Listener do."""

    def __init__(self, snapshot: Callable[[], Any]) -> None:
        self._snapshot = snapshot
        self._listeners: set[Listener] = set()

    def listen(self) -> Listener:
        made = Listener()
        made.tell(("street", self._snapshot()))
        self._listeners.add(made)
        return made

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def tell(self, kind: str, what: Any) -> None:
        for each in [each for each in self._listeners if not each.tell((kind, what))]:
            self.leave(each)
            each.end()

    def end(self) -> None:
        """No more pages."""
        for each in self._listeners:
            each.end()
        self._listeners.clear()
