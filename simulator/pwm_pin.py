"""A PWM pin with a buzzer on it: what would be heard, by the clock it was given.

`heard`: [hz, from_ms, to_ms, duty] of each tone, the last one open (None) while it sounds. It
refuses (ValueError) what the ESP32's timer cannot do, and `fails` as a pin that is gone (OSError).
Runs on both interpreters.
"""

HZ_MIN, HZ_MAX = 1, 40000000
DUTY_MAX = 65535


class PwmPin:
    """`now()` in ms."""

    def __init__(self, now):
        self.heard = []
        self.fails = False
        self._now = now
        self._hz = 5000
        self._duty = 0

    def freq(self, hz):
        self._powered()
        if not HZ_MIN <= hz <= HZ_MAX:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._change(hz, self._duty)

    def duty_u16(self, duty):
        self._powered()
        if not 0 <= duty <= DUTY_MAX:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._change(self._hz, duty)

    def sounds(self):
        return bool(self._duty)

    def _powered(self):
        if self.fails:
            raise OSError(19, "no such pin")

    def _change(self, hz, duty):
        if (hz, duty) == (self._hz, self._duty):
            return
        if self._duty:
            self.heard[-1][2] = self._now()
            if self.heard[-1][1] == self.heard[-1][2]:
                self.heard.pop()
        self._hz, self._duty = hz, duty
        if duty:
            self.heard.append([hz, self._now(), None, duty])
