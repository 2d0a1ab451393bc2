"""Cards laid on the reader, as events: one tap each, however long they lie, however they flicker.

Law: a card is told once, when it was seen alone twice running, and again only after it was away
for `MISSES` looks. Two different cards in the field are told once, and then no card is until the
field was empty: nobody can know which one was meant. A look that found somebody, but nobody
readable, counts neither as seen nor as missed. A random id (ISO/IEC 14443-3 6.5.4: 4 bytes, the
first 0x08, what phones send) is no card: it would be another one at the next tap.

The field is on only while somebody looks: cards start afresh, so each look sees all of them, and
a resting reader uses little power. A chip that lost its settings is started again in silence, and
what lies on it is still the same tap.
"""

import asyncio

from micropython import const

from firmware.board.card_memory import CardMemory
from firmware.board.iso14443a import CHOSEN, GONE, MANY, REQA, Field
from firmware.errors import CardReaderError

TAP = const(2)  # entry of the wire
MISSES = const(4)

_LOOK_EVERY_MS = const(90)
_LOOK_AGAIN_MS = const(10)  # at what was seen for the first time
_POWER_UP_MS = const(5)
_TRIES = const(4)  # a card that was interrupted hears the next request and stays silent to it
_UNCLEAR_LOOKS = const(10)
_FAILURES = const(3)  # running, before the reader counts as broken
_RETRY_MS = const(1000)
_RETRY_MS_MAX = const(30000)
_TICKS_MASK = const(0x3FFFFFFF)
_RANDOM = b"\x08"

# places in a row of what lies there
_UID = const(0)
_MISSED = const(1)  # looks since it was last seen
_SEEN = const(2)    # looks running that saw it
_TOLD = const(3)


class Presence:
    """What the looks into the field add up to; `saw` and `unclear` give an event or None."""

    def __init__(self):
        self._lying = []
        self._closed = False  # two were seen, and the field was not empty since
        self._unclear = 0

    def fresh(self):
        """Whether the next look decides about somebody."""
        return not self._closed and len(self._lying) == 1 and self._lying[0][_SEEN] == 1

    def saw(self, found):
        """`found`: the UIDs in the field; None: more than can be told apart."""
        self._unclear = 0
        several = found is None or len(found) > 1
        if found is not None and self._count(found):
            several = True
        if several:
            closed, self._closed = self._closed, True
            return None if closed else ("unread", TAP, "two_cards")
        if not self._lying:
            self._closed = False
        if self._closed or len(self._lying) != 1:
            return None
        row = self._lying[0]
        if row[_TOLD] or row[_SEEN] < 2:
            return None
        row[_TOLD] = True
        if row[_UID] == _RANDOM:
            return ("unread", TAP, "random_id")
        return ("card", TAP, row[_UID])

    def unclear(self):
        """Somebody is there and cannot be read."""
        self._unclear += 1
        if self._unclear == _UNCLEAR_LOOKS and not self._lying:
            return ("unread", TAP, "unreadable")
        return None

    # True: one came back while another was there, so that both are, and the chip hears one only.
    def _count(self, found):
        both = False
        seen = [_RANDOM if len(uid) == 4 and uid[0] == 0x08 else uid for uid in found]
        for row in list(self._lying):
            if row[_UID] in seen:
                both = both or (row[_MISSED] > 0 and len(self._lying) > 1)
                row[_MISSED] = 0
                row[_SEEN] += 1
                seen.remove(row[_UID])
            else:
                row[_MISSED] += 1
                row[_SEEN] = 0
                if row[_MISSED] >= MISSES:
                    self._lying.remove(row)
        for uid in seen:
            self._lying.append([uid, 0, 1, False])
        return both


class TapReader:
    """`next` gives ("card", 2, uid), ("unread", 2, why) or, once each time, ("fault", 2, why).

    why of "unread": two_cards, random_id, unreadable; of "fault": the reason of a CardReaderError,
    or "bus", and None once it works again, where no card says so. `fault` is that of now, None
    while it works. `memory` reads and writes cards.
    """

    def __init__(self, chip, ticks_ms):
        self._chip = chip
        self._ticks_ms = ticks_ms
        self._field = Field(chip)
        self._lock = asyncio.Lock()
        self.memory = CardMemory(self._field, self._lock)
        self.fault = None
        self.starts = 0
        self._presence = Presence()
        self._failures = 0
        self._retry_ms = _RETRY_MS
        self._rested_ms = ticks_ms()
        self._rest_ms = 0

    async def next(self):
        """The next event. May be cancelled and called again; nothing is told twice or lost."""
        while True:
            rested = (self._ticks_ms() - self._rested_ms) & _TICKS_MASK
            if rested < self._rest_ms:
                await asyncio.sleep_ms(self._rest_ms - rested)
            event = await self._try()
            if event:
                return event

    async def _try(self):
        try:
            async with self._lock:
                if not self._chip.ready or self._chip.lost():
                    await self._chip.start()
                    self.starts += 1
                outcome, found = await self._look()
        except (CardReaderError, OSError) as error:
            return self._failed(error)
        self._failures = 0
        self._retry_ms = _RETRY_MS
        healed = ("fault", TAP, None) if self.fault else None
        self.fault = None
        if outcome != CHOSEN:
            self._rest(_LOOK_EVERY_MS)
            return self._presence.unclear() or healed
        event = self._presence.saw(found)
        self._rest(_LOOK_AGAIN_MS if self._presence.fresh() else _LOOK_EVERY_MS)
        return event or healed

    def _failed(self, error):
        self._chip.ready = False
        self._failures += 1
        if self._failures < _FAILURES:
            self._rest(_LOOK_EVERY_MS)
            return None
        self._rest(self._retry_ms)
        self._retry_ms = min(2 * self._retry_ms, _RETRY_MS_MAX)
        told, self.fault = self.fault, getattr(error, "reason", "bus")
        return None if told else ("fault", TAP, self.fault)

    def _rest(self, ms):
        self._rested_ms = self._ticks_ms()
        self._rest_ms = ms

    # (CHOSEN, UIDs that are there or None) or, where somebody cannot be read, (UNCLEAR, None).
    async def _look(self):
        self._chip.field(True)
        try:
            await asyncio.sleep_ms(_POWER_UP_MS)
            outcome = await self._choose()
            if outcome == GONE:
                return CHOSEN, ()
            if outcome != CHOSEN:
                return CHOSEN if outcome == MANY else outcome, None
            first = self._field.uid()
            await self._field.halt()
            outcome = await self._choose()
            if outcome == GONE or outcome == CHOSEN and self._field.uid() == first:
                return CHOSEN, (first,)
            if outcome != CHOSEN:
                return CHOSEN if outcome == MANY else outcome, None
            return CHOSEN, (first, self._field.uid())
        finally:
            self._chip.field(False)

    async def _choose(self):
        outcome = GONE
        for _ in range(_TRIES):
            if await self._field.request(REQA):
                outcome = await self._field.choose()
                if outcome == CHOSEN:
                    break
            elif outcome == GONE:
                break
        return outcome
