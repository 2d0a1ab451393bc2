"""The time of day, as far as the handset may claim to know it.

Law: only the reply to the outstanding heartbeat sets the clock, and only within 10 s of round
trip (session.py decides that). Time is never identity or order: a request carries what the
clock says and how old that knowledge is, or uptime and boot count when it was never set. The
interpreter's own clock, whose epoch is 2000 on ESP32 and 1970 elsewhere, is never asked.
"""

from protocol.limits import U32_MAX


class Clock:
    """Unix seconds by the gateway's last word and our own uptime."""

    def __init__(self, boot_count):
        self._boot_count = boot_count
        self._at = None
        self._set_ms = 0

    def set(self, at, now_ms):
        self._at = at
        self._set_ms = now_ms

    def now(self, now_ms):
        """Unix seconds, or None when the gateway has not set the clock since boot."""
        if self._at is None:
            return None
        return self._at + (now_ms - self._set_ms) // 1000

    def fields(self, now_ms):
        """The time keys of a request: (at, clock_age, uptime_s, boot_count), None = absent."""
        if self._at is None:
            return None, None, now_ms // 1000, self._boot_count
        age_s = (now_ms - self._set_ms) // 1000
        # a clock past 2106 has no room on the wire: a tap must not be malformed for that
        return min(self._at + age_s, U32_MAX), age_s, None, None
