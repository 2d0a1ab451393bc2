"""One lithium-ion cell behind a divider: how full it is, as far as a voltage can tell.

Law: the number does not flicker. One sample a second, the median of nine, and nine medians in a
row must agree that it changed: a modem sends in bursts of 2 A that pull the voltage down, now and
then in most of nine samples. While it discharges the percentage only falls, while it charges it
only rises; ten and more the other way (another cell, charged while it was off) are believed.
`level` has thresholds with five points of hysteresis.

The curve is a compromise: published ones differ by twenty points in the middle (a lithium-polymer
chart, blog.ampow.com/lipo-voltage-chart: 3.61 V 5 %, 3.84 V 50 %, 4.02 V 80 %; 18650 cells as in
the Meshtastic firmware's power.h: 3.30 V 10 %, 3.72 V 50 %, 3.99 V 80 %). It errs low where it
matters, and its zero is no empty cell: below 3.4 V a modem cannot send (SIM800, hardware design,
supply 3.4 to 4.4 V). A board whose cell is known hands over its own.
"""

import asyncio

from micropython import const

from firmware.board.signs import silent

SAMPLE_MS = const(1000)
SAMPLES = const(9)
# (mV, percent), rising
CURVE = ((3400, 0), (3500, 4), (3600, 12), (3700, 25), (3800, 47), (3900, 66), (4000, 79),
         (4100, 91), (4180, 100))
LOW_PERCENT = const(15)
CRITICAL_PERCENT = const(5)
_LEVEL_BACK = const(5)
_OTHER_WAY = const(10)
# nothing that is a cell in use reads beyond these
_CELL_MV_MIN = const(2500)
_CELL_MV_MAX = const(4500)
# without a charger pin: no cell rests here, or a rise that no end of a load explains
_CHARGER_MV = const(4220)
_CHARGER_RISE_MV = const(120)
_CHARGER_FALL_MV = const(60)


def percent_of(mv, curve=CURVE):
    """0 to 100 by straight lines between the points."""
    below_mv, below = curve[0]
    for at_mv, percent in curve:
        if mv < at_mv:
            if mv <= below_mv:
                return below
            return below + (mv - below_mv) * (percent - below) // (at_mv - below_mv)
        below_mv, below = at_mv, percent
    return below


class Gauge:
    """Samples in, a steady percentage out.

    `percent`: 0..100, None while unknown. `level`: None, "normal", "low", "critical". `charging`.
    `fault`: None, "absent" (no cell), "unreadable" (the converter fails, or reads nonsense).
    """

    def __init__(self, curve=CURVE):
        self.percent = None
        self.level = None
        self.charging = False
        self.fault = None
        self._curve = curve
        self._samples = []
        self._extreme_mv = None  # lowest while it discharges, highest while it charges
        self._agreed = 0  # medians in a row that want the percentage changed
        self._nearest = 0  # and by how much at least

    def feed(self, mv, charging=None):
        """A sample in mV, None where it could not be read; `charging` None: no such pin."""
        if len(self._samples) == SAMPLES:
            self._samples.pop(0)
        self._samples.append(-1 if mv is None else mv)
        if len(self._samples) < 3:
            return
        middle_mv = sorted(self._samples)[len(self._samples) // 2]
        if not _CELL_MV_MIN <= middle_mv <= _CELL_MV_MAX:
            self.fault = "absent" if 0 <= middle_mv < _CELL_MV_MIN else "unreadable"
            self.percent = self.level = self._extreme_mv = None
            self.charging = bool(charging)
            return
        self.fault = None
        self.charging = self._charges(middle_mv) if charging is None else charging
        self._follow(percent_of(middle_mv, self._curve))

    def _charges(self, mv):
        if self._extreme_mv is None:
            self._extreme_mv = mv
        if mv >= _CHARGER_MV:
            self._extreme_mv = mv
            return True
        if self.charging:
            self._extreme_mv = max(mv, self._extreme_mv)
            if mv > self._extreme_mv - _CHARGER_FALL_MV:
                return True
        else:
            self._extreme_mv = min(mv, self._extreme_mv)
            if mv < self._extreme_mv + _CHARGER_RISE_MV:
                return False
        self._extreme_mv = mv
        return not self.charging

    def _follow(self, percent):
        if self.percent is None:
            self._agreed = 0
            self.percent = percent
            self.level = self._level(percent)
            return
        change = percent - self.percent
        ahead = change if self.charging else -change
        if -_OTHER_WAY < ahead <= 0:
            self._agreed = 0
            return
        if self._agreed == 0 or (change > 0) != (self._nearest > 0):
            self._agreed = 0
            self._nearest = change
        elif abs(change) < abs(self._nearest):
            self._nearest = change
        self._agreed += 1
        if self._agreed >= SAMPLES:
            self._agreed = 0
            self.percent += self._nearest
            self.level = self._level(self.percent)

    def _level(self, percent):
        critical, low = CRITICAL_PERCENT, LOW_PERCENT
        if self.level == "critical":
            critical += _LEVEL_BACK
        if self.level in ("critical", "low"):
            low += _LEVEL_BACK
        if percent <= critical:
            return "critical"
        return "low" if percent <= low else "normal"


class Battery:
    """`adc` has `read_uv()`; the cell has `ratio_per_1000` thousandths of what the pin has.

    `charger`, a pin that is 0 while it charges (open drain, as TP4056 and its kin), or None.
    """

    def __init__(self, adc, ratio_per_1000=2000, charger=None, curve=CURVE, progress=silent):
        self.gauge = Gauge(curve)
        self._adc = adc
        self._progress = progress
        self._ratio_per_1000 = ratio_per_1000
        self._charger = charger

    def read(self):
        """Take one sample."""
        try:
            mv = self._adc.read_uv() * self._ratio_per_1000 // 1000000
        except (OSError, ValueError):
            mv = None
        self.gauge.feed(mv, None if self._charger is None else not self._charger.value())

    async def run(self):
        """The task that samples; it ends only by being cancelled."""
        while True:
            self._progress()
            self.read()
            await asyncio.sleep_ms(SAMPLE_MS)
