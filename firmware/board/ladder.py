"""What to do next to a link that fails: ever harder measures, ever longer waits, both bounded.

Law: a rung is used as often as `tries` says, then the next one; the last rung for ever. One that
does not exist on this board has 0 tries, and the next harder one stands for it. `cap` keeps a
fault from a rung that could not help it. The wait before a measure doubles from 2 s to 120 s;
after success it starts anew, at the foot. No IO, no clock. For modem and Wi-Fi alike.
"""

from micropython import const

WAIT_MS = const(2000)
WAIT_MS_MAX = const(120000)


class Ladder:
    """`tries`: how often each rung is used, from the mildest on."""

    def __init__(self, tries):
        self._tries = tries
        self.good()

    def good(self):
        """It works: everything from the beginning."""
        self.rung = 0
        self._used = 0
        self._wait_ms = WAIT_MS

    def failed(self, cap=None, floor=0):
        """(rung, wait_ms): what to do now, and how long to wait before it. `cap`: the hardest
        rung that makes sense for this fault, `floor`: the mildest; it goes on from there."""
        top = len(self._tries) - 1
        if floor > self.rung:
            self.rung = floor
            self._used = 0
        while self.rung < top and self._used >= self._tries[self.rung]:
            self.rung += 1
            self._used = 0
        rung = self.rung if cap is None else min(self.rung, cap)
        rung = max(rung, floor)
        while not self._tries[rung]:
            rung += 1
        self._used += 1
        wait_ms = self._wait_ms
        self._wait_ms = min(wait_ms * 2, WAIT_MS_MAX)
        return rung, wait_ms
