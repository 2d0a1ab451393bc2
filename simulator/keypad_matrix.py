"""A 4x4 matrix of contacts without diodes: what the column pins read is what current can reach.

A contact that changes bounces for `bounce_ms`: it opens and closes at random, seeded. Pressed keys
connect rows and columns in all directions, so three on the corners of a rectangle make the fourth
read as closed. `press`, `release`; a key nobody releases is stuck. `now_ms` is the test's to move.
Runs on both interpreters.
"""

KEYS = "123A456B789C*0#D"


class KeypadMatrix:
    """`rows` and `columns`: four pins each, rows open drain, columns pulled up."""

    def __init__(self, seed=1):
        self.now_ms = 0
        self.rows = [_Row() for _ in range(4)]
        self.columns = [_Column(self, number) for number in range(4)]
        self._seed = seed
        self._closed = {}  # key -> whether a finger is on it
        self._changed_ms = {}
        self._bounce_ms = {}
        self._seen_ms = None  # of which instant the next is
        self._conducting = ()

    def press(self, key, bounce_ms=0):
        self._change(key, True, bounce_ms)

    def release(self, key, bounce_ms=0):
        self._change(key, False, bounce_ms)

    def _change(self, key, closed, bounce_ms):
        self._closed[key] = closed
        self._changed_ms[key] = self.now_ms
        self._bounce_ms[key] = bounce_ms
        self._seen_ms = None

    def pressed(self):
        """Keys under a finger."""
        return [key for key in KEYS if self._closed.get(key)]

    def touched_ms_ago(self, key):
        """Since when the finger is off: 0 while it is on, None if it never was."""
        if self._closed.get(key):
            return 0
        changed_ms = self._changed_ms.get(key)
        return None if changed_ms is None else self.now_ms - changed_ms

    def _conducts(self, number):
        key = KEYS[number]
        if key not in self._closed:
            return False
        since_ms = self.now_ms - self._changed_ms[key]
        if since_ms >= self._bounce_ms[key]:
            return self._closed[key]
        mixed = (self._seed * 7919 + number * 104729 + self.now_ms * 15485863) & 0x7FFFFFFF
        mixed = (mixed * 1103515245 + 12345) & 0x7FFFFFFF
        return bool(mixed >> 20 & 1)

    def reads_low(self, column):
        """Whether current flows from this column to a row that is driven low."""
        if self._seen_ms != self.now_ms:
            self._seen_ms = self.now_ms
            self._conducting = [number for number in range(16) if self._conducts(number)]
        closed = self._conducting
        if not closed:
            return False
        columns, rows = {column}, set()
        while True:
            found = {number // 4 for number in closed if number % 4 in columns} - rows
            if not found:
                return False
            for row in found:
                if not self.rows[row].level:
                    return True
            rows |= found
            columns |= {number % 4 for number in closed if number // 4 in rows}


class _Row:
    def __init__(self):
        self.level = 1

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level


class _Column:
    def __init__(self, matrix, number):
        self._matrix = matrix
        self._number = number

    def value(self):
        return 0 if self._matrix.reads_low(self._number) else 1
