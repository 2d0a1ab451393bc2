"""The buzzer: five patterns by name, on a pin with PWM.

Law: `play` returns at once and replaces what still sounds; the task `run` plays. However it ends,
the pin is silent. Volume 0 says nothing, 1 to 3 by duty cycle: a piezo is loudest at one half.
"""

import asyncio

from micropython import const

from firmware.board.signs import awaited, silent

_SILENT_HZ = const(0)
# tone in 50 Hz and length in 10 ms, one after another; 0 is a pause
_PATTERNS = {
    "key": b"\x2d\x03",  # 2,250 Hz, 30 ms: short, or fast typing blurs
    "ok": b"\x28\x08\x00\x03\x3c\x0c",  # up
    "saved": b"\x28\x08\x00\x03\x28\x08",  # twice the same: kept, not posted yet
    "refused": b"\x18\x14\x00\x06\x10\x28",  # down, long
    "fault": b"\x10\x0c\x00\x06\x10\x0c\x00\x06\x10\x0c",  # three low ones
}
_DUTIES = (0, 1024, 6554, 32768)  # of 65,536


def tones(name):
    """A pattern as (hz, ms) pairs; 0 Hz is a pause. KeyError for a name that is none."""
    pattern = _PATTERNS[name]
    return [(pattern[at] * 50, pattern[at + 1] * 10) for at in range(0, len(pattern), 2)]


class Buzzer:
    """`pwm` has `freq(hz)` and `duty_u16(duty)`; `fault`: None, or "absent" when it refused."""

    def __init__(self, pwm, volume=2, progress=silent):
        self.volume = volume
        self.fault = None
        self._pwm = pwm
        self._progress = progress
        self._next = None
        self._something = asyncio.Event()

    def play(self, name):
        """Start a pattern: "key", "ok", "refused", "saved", "fault"."""
        self._next = tones(name)
        self._something.set()

    async def run(self):
        """The task that plays; it ends only by being cancelled, and then it is silent."""
        try:
            while True:
                await awaited(self._something, self._progress)
                self._something.clear()
                await self._pattern(self._next)
        finally:
            self._sound(_SILENT_HZ)

    # to its end, or until another one is wanted
    async def _pattern(self, pattern):
        for hz, ms in pattern:
            self._sound(hz)
            try:
                await asyncio.wait_for_ms(self._something.wait(), ms)
                break
            except asyncio.TimeoutError:
                pass
        self._sound(_SILENT_HZ)

    def _sound(self, hz):
        duty = _DUTIES[self.volume] if hz else 0
        try:
            if duty:
                self._pwm.freq(hz)
            self._pwm.duty_u16(duty)
            self.fault = None
        except (OSError, ValueError):
            self.fault = "absent"
