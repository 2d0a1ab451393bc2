"""The keypad on an I2C expander of eight lines (PCA8574, NXP data sheet rev 3): pins for Keypad.

Its lines are quasi bidirectional: a 1 is a weak pull-up that anything may pull down, so the upper
four are rows (open drain) and the lower four columns (with pull-ups), as the keypad wants them.
Law: a bus that fails keeps nobody waiting: what cannot be read is no pressed key, `fault` says so,
and the chip is left alone for a second, for each attempt on a bus that is held costs its timeout.
All rows lie low while nothing is pressed: then one read a scan is enough (`any_down`).
"""

from micropython import const

RETRY_MS = const(1000)
_ALL = const(0xFF)
_COLUMNS = const(0x0F)  # all rows low


class Expander:
    """`rows` and `columns` for Keypad. `now()`: ms. `fault`: None, or "absent"."""

    def __init__(self, i2c, now, address=0x20):
        self._i2c = i2c
        self._now = now
        self._address = address
        self._put = bytearray(1)
        self._got = bytearray(1)
        self._written = None
        self._silent_ms = None  # until when it is left alone
        self.fault = None
        self.levels = _ALL
        self.rows = [_Row(self, 0x10 << row) for row in range(4)]
        self.columns = [_Column(self, 1 << column) for column in range(4)]

    def any_down(self):
        """Whether some key is pressed, or it cannot be known."""
        self._write(_COLUMNS)
        return self.column_levels() != _COLUMNS

    def put(self, levels):
        self.levels = levels
        # a row that goes up is written with the next one that goes down
        if levels & ~_COLUMNS & _ALL != _ALL & ~_COLUMNS:
            self._write(levels)

    def column_levels(self):
        if not self._rests():
            try:
                self._i2c.readfrom_into(self._address, self._got)
                self.fault = None
                return self._got[0] & _COLUMNS
            except OSError:
                self._failed()
        return _COLUMNS

    def _write(self, levels):
        if levels == self._written or self._rests():
            return
        self._put[0] = levels
        try:
            self._i2c.writeto(self._address, self._put)
            self._written = levels
        except OSError:
            self._failed()

    def _rests(self):
        if self._silent_ms is not None and self._now() >= self._silent_ms:
            self._silent_ms = None
        return self._silent_ms is not None

    def _failed(self):
        self.fault = "absent"
        self._written = None
        self._silent_ms = self._now() + RETRY_MS


class _Row:
    def __init__(self, expander, bit):
        self._expander = expander
        self._bit = bit

    def value(self, level):
        levels = self._expander.levels
        self._expander.put(levels | self._bit if level else levels & ~self._bit)


class _Column:
    def __init__(self, expander, bit):
        self._expander = expander
        self._bit = bit

    def value(self):
        return 1 if self._expander.column_levels() & self._bit else 0
