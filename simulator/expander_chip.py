"""A PCA8574 with a keypad matrix on it: the upper lines are its rows, the lower its columns.

By NXP's data sheet: a byte that is written sets the lines, a 1 being a pull-up that anything may
pull down; a read gives what stands on them. `powered` False: nobody acknowledges. `held`: the bus
is. It wakes with all lines high. Runs on both interpreters.
"""

ENODEV = 19
ETIMEDOUT = 116


class ExpanderChip:
    """`matrix`: a KeypadMatrix."""

    def __init__(self, matrix, address=0x20):
        self.address = address
        self.powered = True
        self.held = False
        self.transfers = 0
        self._matrix = matrix
        self._lines = 0xFF

    def writeto(self, address, buffer):
        self._addressed(address)
        self._lines = buffer[-1]
        for place, row in enumerate(self._matrix.rows):
            row.value(self._lines >> 4 + place & 1)

    def readfrom_into(self, address, buffer):
        self._addressed(address)
        lines = self._lines & 0xF0
        for place, column in enumerate(self._matrix.columns):
            if self._lines >> place & 1 and column.value():
                lines |= 1 << place
        for at in range(len(buffer)):
            buffer[at] = lines

    def _addressed(self, address):
        self.transfers += 1
        if self.held:
            raise OSError(ETIMEDOUT, "the bus is held")
        if not self.powered or address != self.address:
            raise OSError(ENODEV, "no answer")
