"""What happened, line by line, and the hash that says whether two runs were the same.

Law: a line is virtual microseconds, who, what and values, written in one way only; the hash
covers every line in order. Same seed, same hash, on any machine: nothing that differs between
machines (addresses, wall clocks, set order, floats) may enter a line. A line holds no card
number: cards are written as their last 4 digits.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import sha256

Value = int | str | bytes | None


def _written(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace(" ", "\\s").replace("\n", "\\n")
    return str(value)


class EventLog:
    """`counts`: how often each `what` was noted. `echo` gets each line, for a person to read."""

    def __init__(self, now_us: Callable[[], int],
                 echo: Callable[[str], None] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._now_us = now_us
        self._echo = echo
        self._hash = sha256()

    def note(self, who: str, what: str, *values: Value) -> None:
        line = " ".join([str(self._now_us()), who, what, *map(_written, values)])
        self.counts[what] += 1
        self._hash.update(line.encode() + b"\n")
        if self._echo is not None:
            self._echo(line)

    def digest(self) -> str:
        """Hash of everything noted so far, in hex."""
        return self._hash.hexdigest()
