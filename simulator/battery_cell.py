"""A lithium-ion cell with its charger, its load and the converter that looks at it.

Open-circuit voltage of an NMC cell in tenths of its charge, 150 mOhm inside, a handset that draws
80 mA and a modem that pulls 2 A for an eighth of the time while it sends. `sends`, `plugged`; the
converter `fails` (OSError), is `stuck_uv`, or the cell is `gone` and its pin floats. Runs on both
interpreters.
"""

ETIMEDOUT = 116
OPEN_MV = (3000, 3430, 3540, 3600, 3640, 3680, 3750, 3850, 3940, 4050, 4190)
RESISTANCE_MOHM = 150
IDLE_MA = 80
BURST_MA = 2000
CHARGE_MA = 500
CHARGED_MV = 4200
PIN_UV_MAX = 3100000


class BatteryCell:
    """An ADC's `read_uv()` behind a divider by two; `charger` is the pin of the charger's chip."""

    def __init__(self, capacity_mah=1500, charge_percent=100, seed=1):
        self.capacity_mas = capacity_mah * 3600
        self.charge_mas = self.capacity_mas * charge_percent // 100
        self.sends = self.plugged = self.fails = self.gone = False
        self.stuck_uv: int | None = None
        self.charger = _ChargerPin(self)
        self._seed = seed

    def _below(self, limit):
        self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._seed >> 8) % limit

    def live(self, seconds):
        """So much time passes."""
        load_ma = IDLE_MA + (BURST_MA // 8 if self.sends else 0)
        if self.plugged:
            load_ma -= self._charge_ma()
        self.charge_mas = min(max(self.charge_mas - load_ma * seconds, 0), self.capacity_mas)

    # constant current, then constant voltage
    def _charge_ma(self):
        room_mv = CHARGED_MV - self.open_mv()
        return min(CHARGE_MA, max(room_mv, 0) * 1000 // RESISTANCE_MOHM)

    def open_mv(self):
        tenths = self.charge_mas * 10
        step = min(tenths // self.capacity_mas, 9)
        low, high = OPEN_MV[step], OPEN_MV[step + 1]
        return low + (high - low) * (tenths - step * self.capacity_mas) // self.capacity_mas

    def charge_percent(self):
        return self.charge_mas * 100 // self.capacity_mas

    def read_uv(self):
        if self.fails:
            raise OSError(ETIMEDOUT, "the converter does not answer")
        if self.stuck_uv is not None:
            return self.stuck_uv
        if self.gone:
            return self._below(400000)
        load_ma = IDLE_MA
        if self.sends and self._below(8) == 0:
            load_ma += BURST_MA
        if self.plugged:
            load_ma -= self._charge_ma()
        mv = self.open_mv() - load_ma * RESISTANCE_MOHM // 1000 + self._below(21) - 10
        return min(max(mv, 0) * 500, PIN_UV_MAX)


class _ChargerPin:
    def __init__(self, cell):
        self._cell = cell

    def value(self):
        return 0 if self._cell.plugged else 1
