"""Where a tap or its answer stands in the ring, found by reading flash.

Law: RAM holds twelve hints and one cursor and no index. A hint is believed only when the record at
its place says the same; without one, block headers (each names the last trace before it) lead to
the block by halving, and a tap that was copied since is found by walking the ring.
"""

from array import array

from firmware.outbox_format import (
    MOVED, OutboxUnreadable, SETTLE, TAP, TAP_HEAD_SIZE, read_origin, read_outcome,
)
from protocol.codes import TRACE_CONFLICT

_HINTS = 12


class Search:
    """`found`: where `outcome` found the last answer, (block, slot, sequence of the head)."""

    def __init__(self, ring):
        self._ring = ring
        self._hints = array("I", [0] * (4 * _HINTS))
        self._hint = 0
        self.found = (0, 0, -1)

    def remember(self, journal, trace, block, slot):
        hints, at = self._hints, self._hint
        hints[at], hints[at + 1], hints[at + 2], hints[at + 3] = journal, trace, block, slot
        self._hint = (at + 4) % len(hints)

    def tap(self, journal, trace, current):
        """Stand on the tap; its (block, slot), or None. `current` is the journal in use."""
        hints = self._hints
        for at in range(0, len(hints), 4):
            if (hints[at] == journal and hints[at + 1] == trace
                    and self._is_at(journal, trace, hints[at + 2], hints[at + 3])):
                return hints[at + 2], hints[at + 3]
        likely = self._likely(journal, trace, current)
        for only, start in ((likely, likely), (-1, self._ring.tail)):
            for block, slot in self._ring.walk(start, 1):
                if only >= 0 and block != only:
                    break
                if self._stands_on(journal, trace):
                    self.remember(journal, trace, block, slot)
                    return block, slot
        return None

    def frame(self):
        """The frame of the tap it stands on, as a view that the next reading spoils."""
        start = self._ring.at + TAP_HEAD_SIZE
        return self._ring.view[start:start + self._ring.record.size]

    # A settle record stands behind its tap, mostly near the one that was found before.
    def outcome(self, journal, trace, block, slot):
        """(code, points, receipt) of a settled tap that ends where (block, slot) begins."""
        ring, own = self._ring, (block, slot)
        # the answers of a window come in any order: from the block before the last one found
        start = ((self.found[0] - 1) % ring.blocks, 1)
        near = (self.found[2] == ring.sequence and ring.holds(start[0])
                and self._later(start, own))
        for begin in (start, own) if near else (own,):
            for place in ring.walk(*begin):
                record = ring.record
                if (record.kind == SETTLE and record.trace == trace
                        and record.journal == journal):
                    self.found = place + (ring.sequence,)
                    return read_outcome(ring.buffer, ring.at)
                if (record.flags & MOVED
                        and read_origin(ring.buffer, ring.at, record.size) == (journal, trace)):
                    self.found = place + (ring.sequence,)
                    return TRACE_CONFLICT, None, None
        raise OutboxUnreadable("corrupt", "the answer to trace %d is gone; all taps that wait are "
                               "safe, call a technician" % trace)

    def _stands_on(self, journal, trace):
        record = self._ring.record
        return record.kind == TAP and record.trace == trace and record.journal == journal

    def _is_at(self, journal, trace, block, slot):
        ring = self._ring
        return (ring.holds(block) and (block != ring.head or slot < ring.end)
                and ring.read(block, slot) and self._stands_on(journal, trace))

    # The block in which a tap that was never copied stands: the last that was opened below it.
    def _likely(self, journal, trace, current):
        ring = self._ring
        low, high = 0, (ring.head - ring.tail) % ring.blocks
        while low < high:
            middle = (low + high + 1) // 2
            header = ring.header((ring.tail + middle) % ring.blocks)
            if header and (header.last < trace if header.journal == journal
                           else journal == current):
                low = middle
            else:
                high = middle - 1
        return (ring.tail + low) % ring.blocks

    def _later(self, place, other):
        ring = self._ring
        ahead = (place[0] - ring.tail) % ring.blocks - (other[0] - ring.tail) % ring.blocks
        return ahead > 0 or ahead == 0 and place[1] >= other[1]
