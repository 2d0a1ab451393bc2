"""The 4x4 keypad: rows are driven low one after another, columns are read, by a timer.

Law: a press counts once, when its contact has been closed for 20 ms without a break, so that 20 ms
of bouncing make no second one. Keys count in the order in which they settled; of what cannot be
told apart none counts: three keys on the corners of a rectangle close a fourth that nobody touched
(`ghost`), two keys that settle in the same scan have no order (`together`). What was part of it,
or was down when the handset started, counts only after it was released. A key down for 10 s is
`stuck`: it is named, the others go on.

Wiring: rows are open drain, else two pressed keys short two outputs; columns have pull-ups.
Call `scan` every 5 ms from a machine.Timer (100 us of work): keys are then read while tasks wait.
"""

import asyncio

from micropython import const

KEYS = "123A456B789C*0#D"
SCAN_MS = const(5)
DEBOUNCE_MS = const(20)
LONG_MS = const(1000)
STUCK_MS = const(10000)
_POLL_MS = const(10)
_ROWS = const(4)
_COLUMNS = const(4)
_ROW_MASK = const(0xF)
_QUEUE_SIZE = const(16)
_LONG = const(0x10)


class Debouncer:
    """(sample, now) -> presses. A sample has bit row * 4 + column for each closed contact.

    After `feed`: `long`: keys held for a second just now; `stuck`: keys that are; `fault`: None,
    "ghost", "together" or "stuck".
    """

    def __init__(self):
        self.long = 0
        self.stuck = 0
        self.fault = None
        self._raw = None
        self._down = 0  # closed, as far as was accepted
        self._silent = 0  # of those that count for nothing until released
        self._was_long = 0
        self._since_ms = [0] * len(KEYS)  # last change of the contact
        self._began_ms = [0] * len(KEYS)

    def feed(self, sample, now_ms):
        """Mask of the key that was just pressed, 0 for none."""
        self.long = 0
        if self._raw is None:
            self._begin(sample, now_ms)
        if not (sample or self._raw or self._down or self._silent):
            self.fault = None
            return 0
        ghost = _ambiguous(sample)
        if ghost:
            self._silent |= sample & ~self._down
        changed = sample ^ self._raw
        self._raw = sample
        pressed = 0
        for key in range(len(KEYS)):
            bit = 1 << key
            if changed & bit:
                self._since_ms[key] = now_ms
            elif now_ms - self._since_ms[key] < DEBOUNCE_MS:
                continue
            elif not sample & bit:
                self._released(bit)
            elif self._down & bit:
                self._held(key, bit, now_ms)
            else:
                self._down |= bit
                self._began_ms[key] = now_ms
                pressed |= bit & ~self._silent
        together = pressed & (pressed - 1)
        if together:
            self._silent |= pressed
            pressed = 0
        self._name(ghost, together)
        return pressed

    # whatever is down already was not pressed for us
    def _begin(self, sample, now_ms):
        self._raw = self._down = self._silent = sample
        for key in range(len(KEYS)):
            self._since_ms[key] = self._began_ms[key] = now_ms

    def _released(self, bit):
        self._down &= ~bit
        self._silent &= ~bit
        self._was_long &= ~bit
        self.stuck &= ~bit

    def _held(self, key, bit, now_ms):
        held_ms = now_ms - self._began_ms[key]
        if held_ms >= LONG_MS and not (self._was_long | self._silent) & bit:
            self._was_long |= bit
            self.long |= bit
        if held_ms >= STUCK_MS:
            self.stuck |= bit

    def _name(self, ghost, together):
        if self.stuck:
            self.fault = "stuck"
        elif ghost:
            self.fault = "ghost"
        elif together:
            self.fault = "together"
        elif not self._down:
            self.fault = None


def _ambiguous(sample):
    """Whether two rows share two columns: then one of the four contacts may be a ghost."""
    if not sample & (sample - 1):
        return False
    for one in range(_ROWS - 1):
        for other in range(one + 1, _ROWS):
            shared = sample >> one * _COLUMNS & sample >> other * _COLUMNS & _ROW_MASK
            if shared & (shared - 1):
                return True
    return False


class Keypad:
    """`rows` and `columns` are four pins each; `now()` in ms that never wrap (ticks.py).
    `any_down()`, where one look can tell: whether any key may be pressed.

    `lost`: presses for which there was no room, because nobody took any for so long.
    """

    def __init__(self, rows, columns, now, any_down=None):
        self.lost = 0
        self._any_down = any_down
        self._rows = rows
        self._columns = columns
        self._now = now
        self._debouncer = Debouncer()
        self._queue = bytearray(_QUEUE_SIZE)
        self._put_at = 0
        self._take_at = 0
        for row in rows:
            row.value(1)

    @property
    def fault(self):
        return self._debouncer.fault

    def stuck_keys(self):
        """Those that are stuck, e.g. "5#"."""
        return "".join([KEYS[key] for key in range(len(KEYS)) if self._debouncer.stuck >> key & 1])

    def held(self, key):
        """Whether it is down now: for who switches on with a key held."""
        return bool(self._sample() >> KEYS.index(key) & 1)

    def scan(self, timer=None):
        """Read all keys once; the callback of a timer."""
        sample = 0
        if self._any_down is None or self._any_down():
            sample = self._sample()
        pressed = self._debouncer.feed(sample, self._now())
        long = self._debouncer.long
        if pressed or long:
            for key in range(len(KEYS)):
                if pressed >> key & 1:
                    self._put(key)
                if long >> key & 1:
                    self._put(_LONG | key)

    def _sample(self):
        sample = 0
        bit = 1
        for row in self._rows:
            row.value(0)
            for column in self._columns:
                if not column.value():
                    sample |= bit
                bit <<= 1
            row.value(1)
        return sample

    def _put(self, event):
        after = (self._put_at + 1) % _QUEUE_SIZE
        if after == self._take_at:
            self.lost += 1
            return
        self._queue[self._put_at] = event
        self._put_at = after

    async def next(self):
        """("key", k), and ("long", k) behind it when k stays down for a second."""
        # a timer's callback may not wake a task: it is looked whether there is something
        while self._take_at == self._put_at:
            await asyncio.sleep_ms(_POLL_MS)
        event = self._queue[self._take_at]
        self._take_at = (self._take_at + 1) % _QUEUE_SIZE
        return "long" if event & _LONG else "key", KEYS[event & ~_LONG]
