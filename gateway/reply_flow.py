"""Replies on their way to the broker: how many may be under way, and which wait their turn.

Law: at most `allowed` are unconfirmed at any time. MQTT 5 (4.9) makes more than the Receive
Maximum a protocol error, for which a broker may cut the connection; a client that resends all of
them at once would be cut for ever. First in, first out; what a reconnect caught goes first.
Two threads use it; it calls nothing while it holds its lock.
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class Outgoing(NamedTuple):
    """A sealed reply and the topic it goes to."""

    topic: str
    frame: bytes


class ReplyFlow:
    """`waiting_max`: more than this are refused, the terminals ask for them again."""

    def __init__(self, allowed: int, waiting_max: int):
        self._lock = threading.Lock()
        self._waiting: deque[Outgoing] = deque()
        self._waiting_max = waiting_max
        self.allowed = allowed
        self._under_way = 0

    def offer(self, reply: Outgoing) -> bool:
        """Line up a reply; False when the line is full."""
        with self._lock:
            if len(self._waiting) >= self._waiting_max:
                return False
            self._waiting.append(reply)
            return True

    def next(self) -> Outgoing | None:
        """The reply to send now, counted as under way; None: nothing waits or none may go."""
        with self._lock:
            if not self._waiting or self._under_way >= self.allowed:
                return None
            self._under_way += 1
            return self._waiting.popleft()

    def confirmed(self) -> None:
        """The broker has taken one over."""
        with self._lock:
            self._under_way = max(0, self._under_way - 1)

    def restart(self, caught: Iterable[Outgoing]) -> None:
        """A new connection: what was under way on the old one goes out first."""
        with self._lock:
            self._waiting.extendleft(reversed(list(caught)))
            self._under_way = 0

    @property
    def empty(self) -> bool:
        """Nothing waits and nothing is under way."""
        with self._lock:
            return not self._waiting and not self._under_way
