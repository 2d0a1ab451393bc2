# A key that was sent has its slot.
# pyright: reportOptionalMemberAccess=false
"""Which tap goes out now: the window, the resends and the back-off, without any IO.

Law (WIRE.md, "Topics"):
- first sends in trace order, at most 8 frames unanswered, asked questions included;
- 10 s after PUBACK without a reply the same bytes go out again, doubling with jitter to 60 s,
  for ever; a PUBACK settles nothing;
- a transient answer frees the slot: that entry waits 60 s, doubling with jitter to 1 h, and goes
  behind first sends; so does what moves (62) for the second time and oftener;
- an answer shows that the gateway is back: whatever waits longer is due 10 s behind it;
- after a new connection everything in the window goes out again at once, in its order, and its
  waits begin anew: what an earlier connection swallowed says nothing about this one;
- a void waits behind its original (voids.py): it is put aside like one that was postponed, and is
  due when the original was answered, those for which there was no place with the next answer;
- what the gateway asked for again goes behind all of that, one at a time. Unanswered three times
  or postponed, it makes room for the next one and waits like a transient.

RAM is bounded however many taps wait: the outbox holds them, the link keeps a cursor, 8 slots
and at most 16 postponed entries. What is postponed beyond that is found again by a new walk
over the outbox; of what was asked for again 8 may be postponed, the rest is for the gateway to
ask once more. `now` is ms since boot; `random(n)` gives bytes.
"""

from micropython import const

from firmware import again

WINDOW = const(8)
REPLY_MS = const(10000)
REPLY_MS_MAX = const(60000)
TRANSIENT_MS = const(60000)
TRANSIENT_MS_MAX = const(3600000)
POSTPONED_MAX = const(16)
# sent so often on one connection, it is said that nobody answers
UNANSWERED_SENDS = const(4)
AGAIN_SENDS_MAX = const(3)
AGAIN_POSTPONED_MAX = const(8)


class _Slot:
    def __init__(self, journal, trace, again=False):
        self.key = (journal, trace)
        self.again = again
        self.packet_id = 0
        self.due_ms = None
        self.sends = 0
        self.refusals = 0
        self.later = False  # the gateway answered this very key: later
        self.behind = None  # the key it waits for; () when that was answered


class Link:
    """`following(key)` gives the oldest unsettled (journal, trace) behind `key`, or None;
    `resends`: what the gateway wants once more (Again)."""

    def __init__(self, following, random, resends):
        self._following = following
        self._random = random
        self._resends = resends
        self.window = []
        self.waiting = []
        self.late = []
        self.cursor = None
        self.walked = False
        self.walk_again_ms = None
        self.early = False  # the first answer may bring that walk: it is for held ones only
        self._walks = 0
        self._asked = 0
        self.up = False
        self.unanswered = False  # until whoever names it takes it back
        self.well = False  # the gateway was heard since the last fault

    # -- what happened -----------------------------------------------------------------------

    def appended(self):
        """A new entry stands in the outbox, behind all others."""
        self.walked = False

    def sent(self, key, packet_id):
        slot = _find(self.window, key)
        slot.packet_id = packet_id
        slot.due_ms = None
        slot.sends += 1
        if slot.sends == UNANSWERED_SENDS:
            self.unanswered = True

    def acked(self, packet_id, now):
        for slot in self.window:
            if slot.packet_id == packet_id:
                slot.packet_id = 0
                slot.due_ms = now + self._jittered(REPLY_MS, REPLY_MS_MAX, slot.sends)

    def settled(self, key):
        for slots in (self.window, self.waiting, self.late):
            slot = _find(slots, key)
            if slot:
                slots.remove(slot)

    def postponed(self, key, now, answered=False):
        """A transient answer came, or the entry cannot be handled now. The slot in which it
        waits, or None where it is found again by a walk."""
        slot = (_find(self.window, key) or _find(self.waiting, key)
                or _find(self.late, key) or _Slot(*key))
        self.settled(key)
        slot.refusals += 1
        slot.later = slot.later or answered
        slot.packet_id = slot.sends = 0
        slot.due_ms = now + self._jittered(TRANSIENT_MS, TRANSIENT_MS_MAX, slot.refusals)
        if slot.again:
            if len(self.late) < AGAIN_POSTPONED_MAX:
                self.late.append(slot)
        elif len(self.waiting) < POSTPONED_MAX:
            self.waiting.append(slot)
            return slot
        else:
            self.early = False
            if self.walk_again_ms is None:
                # what does not fit forgets its count, so all of it waits as one that was refused
                self._walks += 1
                self.walk_again_ms = now + self._jittered(TRANSIENT_MS, TRANSIENT_MS_MAX,
                                                          self._walks)
        return None

    def eased(self):
        """The gateway has settled something: what waits together may come soon again."""
        self._walks = 0

    def asked(self, number):
        """How many questions outside the journal stand unanswered; each takes a slot."""
        self._asked = number

    # -- what to do --------------------------------------------------------------------------

    def free(self):
        return WINDOW - len(self.window) - self._asked

    def next_send(self, now):
        """The (journal, trace) to publish now, or None. `sent` must follow before the next."""
        if not self.up:
            return None
        for slot in self.window:
            if slot.due_ms is not None and slot.due_ms <= now:
                if slot.again and slot.sends >= AGAIN_SENDS_MAX:
                    self.postponed(slot.key, now)
                    break
                return slot.key
        if self.free() <= 0:
            return None
        slot = self._first_send() or self._second_chance(now) or self._once_more(now)
        if slot is None:
            return None
        slot.due_ms = now
        self.window.append(slot)
        return slot.key

    def due(self, now):
        """Milliseconds until `next_send` may have something, or None."""
        if not self.up:
            return None
        times = [slot.due_ms for slot in self.window if slot.due_ms is not None]
        if self.free() > 0:
            if not self.walked:
                return 0
            times.extend([slot.due_ms for slot in self.waiting])
            if not any([slot.again for slot in self.window]):
                times.extend([slot.due_ms for slot in self.late])
                if self._resends.walking:
                    return 0
            if self.walk_again_ms is not None:
                times.append(self.walk_again_ms)
        return max(min(times) - now, 0) if times else None

    def _first_send(self):
        while not self.walked:
            key = self._following(self.cursor)
            if key is None:
                self.walked = True
                return None
            self.cursor = key
            if not _find(self.window, key) and not _find(self.waiting, key):
                return _Slot(*key)
        return None

    def _second_chance(self, now):
        if self.walk_again_ms is not None and self.walk_again_ms <= now:
            self.walk_again_ms = self.cursor = None
            self.walked = self.early = False
            return self._first_send()
        for slot in self.waiting:
            if slot.due_ms <= now:
                self.waiting.remove(slot)
                return slot
        return None

    def _once_more(self, now):
        if any([slot.again for slot in self.window]):
            return None
        for slot in self.late:
            if slot.due_ms <= now:
                self.late.remove(slot)
                return slot
        key = again.following(self._resends) if self._resends.walking else None
        if key is None or _find(self.late, key) or _find(self.window, key):
            return None
        return _Slot(*key, again=True)

    # doubling from `least` to `most`; from the second time on, up to a quarter earlier at random
    def _jittered(self, least, most, times):
        wait_ms = least
        while times > 1 and wait_ms < most:
            wait_ms *= 2
            times -= 1
        wait_ms = min(wait_ms, most)
        if wait_ms == least:
            return wait_ms
        drawn = self._random(2)
        return wait_ms - (wait_ms // 4) * (drawn[0] << 8 | drawn[1]) // 65536


def remounted(link):
    """The outbox was read anew: what it says now is walked from its beginning."""
    link.cursor = None
    link.walked = False


def soon(link, key, now):
    """Something else was answered that may decide this one: it need not wait any longer."""
    slot = _find(link.waiting, key)
    if slot:
        slot.due_ms = now


def connected(link, now):
    """A connection is up: everything in the window is due."""
    link.up = True
    for slot in link.window:
        slot.packet_id = slot.sends = 0
        slot.due_ms = now


def lost(link):
    """It is gone, and with it the questions."""
    link.up = False
    link.asked(0)
    for slot in link.window:
        slot.packet_id = 0
        slot.due_ms = None


def heard(link, now):
    """The gateway is there: nothing waits longer than 10 s from now for what it missed."""
    link.well = True
    for slot in link.window:
        if slot.due_ms is not None:
            slot.due_ms = min(slot.due_ms, now + REPLY_MS)


def resends(link, key):
    """Whether this is out, or waits, because the gateway asked for it again."""
    slot = _find(link.window, key) or _find(link.late, key)
    return slot is not None and slot.again


def full(link):
    """Whether what must wait now would not keep its place."""
    return len(link.waiting) >= POSTPONED_MAX


def moved(link, old, new, now):
    """`old` stands as `new` from now on, not for the first time: it waits like a transient."""
    slot = _find(link.window, old)
    if slot:  # it keeps its count
        slot.key, slot.later = new, False
    link.postponed(new, now)


def hold(link, key, behind, now):
    """It may not go out before `behind` was answered."""
    early = link.early or link.walk_again_ms is None
    slot = link.postponed(key, now)
    if slot:
        slot.behind = behind
    else:
        link.early = early


def let_go(link, key, now):
    """`key` was answered: what waits behind it is due."""
    for slot in link.waiting:
        if slot.behind == key:
            slot.behind, slot.refusals, slot.due_ms = (), 0, now
    if link.early:  # it may be among those that found no place
        link.walk_again_ms = now


def answered(link, key, named):
    """Whether the gateway answered `named`, behind which `key` waits: since, or with later."""
    slot, other = _find(link.window, key), _find(link.window, named) or _find(link.waiting, named)
    return slot is not None and slot.behind == () or other is not None and other.later


def _find(slots, key):
    for slot in slots:
        if slot.key == key:
            return slot
    return None
