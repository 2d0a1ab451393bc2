"""Milliseconds that never wrap, from a tick counter that does.

Law: every core takes `now` in milliseconds since boot as a plain int that only grows; only this
module knows that the hardware counter wraps at 2**30. It must be asked at least once in
six days (the supervisor asks every few seconds).
"""

from micropython import const

_PERIOD = const(1 << 30)
_HALF = const(1 << 29)


class Uptime:
    """`ticks_ms`: the board's wrapping counter. Calling the object gives ms since it was made."""

    def __init__(self, ticks_ms):
        self._ticks_ms = ticks_ms
        self._last = ticks_ms()
        self._now_ms = 0

    def __call__(self):
        ticks = self._ticks_ms()
        ahead = ((ticks - self._last + _HALF) & (_PERIOD - 1)) - _HALF
        # a counter that seems to run backwards was read by an interrupt in between: no time passed
        if ahead > 0:
            self._now_ms += ahead
            self._last = ticks
        return self._now_ms
