"""Settled taps that still stand in the outbox: how far back they reach, finding them in order.

Law: nothing is written here, and a call reads one block at most, so that a walk round a full ring
can be spread over any number of turns. Blocks may be given up meanwhile: the walk then goes
on at the oldest that is left. Part of the outbox, and so it may know its insides.
"""

from firmware.outbox_format import MOVED, NOTE, SETTLE, TAP, read_money
from firmware.outbox_ring import corrupt


def oldest_kept(outbox):
    """The lowest trace of the journal in use that may be kept: the header of the oldest block
    names the last one before it, and of older ones some may have been carried along."""
    ring = outbox._ring
    header = ring.ring_header(ring.tail)
    oldest = header.last + 1 if header.journal == outbox.journal else 1
    trace, journal, sequence = outbox.carried
    if journal == outbox.journal and sequence >= ring.tail_sequence:
        return min(oldest, trace)
    return oldest


def older_journals(outbox, turn):
    """How many journals are in the ring and not in use any more; of the one whose `turn` it is
    (from 1, the oldest first) (journal, oldest trace, last trace), or None. There may be hundreds,
    so they are never all in memory. Headers tell where one ends; only such blocks are read."""
    ring, found = outbox._ring, _Found(turn)
    block = ring.tail
    header = ring.ring_header(block)
    journal, oldest, last = header.journal, header.last + 1, header.last
    while journal != outbox.journal:
        if block == ring.head:
            behind = outbox.journal
        else:
            header = ring.ring_header(ring.next(block))
            behind = header.journal
        if behind == journal:
            last = header.last
        else:
            journal, oldest, last = _ends(ring, block, journal, oldest, last, found)
        if block == ring.head:
            break
        block = ring.next(block)
    return found.count, found.span


class _Found:
    def __init__(self, turn):
        self.turn = turn
        self.count = 0
        self.span = None


# walks the block in which `journal` ends, and maybe others behind it; what the last one is like
def _ends(ring, block, journal, oldest, last, found):
    slot, end, record = 1, ring.end_of(block), ring.record
    while slot < end:
        if not ring.read(block, slot):
            raise corrupt("a record of block %d cannot be read" % block)
        if record.kind == NOTE:
            if record.journal != journal:
                found.count += 1
                if found.count == found.turn:
                    found.span = journal, oldest, last
                journal, oldest = record.journal, 1
            last = record.trace
        elif record.kind == TAP and record.journal == journal:
            last = max(last, record.trace)
        slot += record.slots
    return journal, oldest, last


def carry(outbox, key):
    """A tap was copied to the head. Once the ring has gone round, no copy of then is left."""
    ring, (trace, journal, sequence) = outbox._ring, outbox.carried
    if journal == key[0] and sequence >= ring.tail_sequence:
        outbox.carried = (min(trace, key[1]), journal, ring.sequence)
    elif key[0] == outbox.journal:
        outbox.carried = (key[1], key[0], ring.sequence)


def end_of_ring(outbox):
    """The place behind the newest record: (sequence of its block, slot)."""
    return outbox._ring.sequence, outbox._ring.end


# where a walk goes on: at its place, or at the oldest block when that was given up meanwhile
def _from(ring, place):
    if place and ring.holds(place[1]) and ring.ring_header(place[1]).sequence == place[0]:
        return place
    return ring.tail_sequence, ring.tail, 1


def kept_behind(outbox, place, ranges, limit):
    """The next tap behind `place` (None: the oldest) that is in one of `ranges`, three numbers
    each (journal, first, last), and was settled before `limit`, an `end_of_ring`.

    -> (place, key, code): code as the gateway answered then; key None: none in this block, place
    None: there are no more blocks.
    """
    ring = outbox._ring
    sequence, block, slot = _from(ring, place)
    end, record = ring.end_of(block), ring.record
    while slot < end:
        if not ring.read(block, slot):
            raise corrupt("a record of block %d cannot be read" % block)
        at, key = slot, (record.journal, record.trace)
        slot += record.slots
        if (record.kind == TAP and record.source < ring.tail_sequence and _within(key, ranges)
                and not outbox.waits(*key)):
            code = outbox._search.outcome(key[0], key[1], block, slot)[0]
            settled = outbox._search.found
            if (ring.ring_header(settled[0]).sequence, settled[1]) < limit:
                outbox._search.remember(key[0], key[1], block, at)
                return (sequence, block, slot), key, code
    return _next(ring, block), None, None


def record_behind(outbox, place):
    """As `kept_behind`, for each tap there is, settled or not: (place, Record or None)."""
    ring = outbox._ring
    sequence, block, slot = _from(ring, place)
    end, record = ring.end_of(block), ring.record
    while slot < end:
        if not ring.read(block, slot):
            raise corrupt("a record of block %d cannot be read" % block)
        slot += record.slots
        if record.kind == TAP and record.source < ring.tail_sequence:
            journal, trace = record.journal, record.trace
            frame = bytes(outbox._search.frame())
            settled = None
            if not outbox.waits(journal, trace):
                settled = outbox._search.outcome(journal, trace, block, slot)
            return (sequence, block, slot), (journal, trace, frame, settled)
    return _next(ring, block), None


def _next(ring, block):
    if block == ring.head:
        return None
    block = ring.next(block)
    return ring.ring_header(block).sequence, block, 1


def _within(key, ranges):
    journal, trace = key
    for at in range(0, len(ranges), 3):
        if ranges[at] == journal and ranges[at + 1] <= trace <= ranges[at + 2]:
            return True
    return False


def has_moved(outbox, key):
    """Whether this tap, which waits, stands in for one that was settled as a conflict."""
    outbox._search.tap(key[0], key[1], outbox.journal)
    return outbox._ring.record.flags & MOVED != 0


def code_of(outbox, journal, trace):
    """The code a tap was settled with; None while it waits or when it is gone."""
    answer = answer_of(outbox, journal, trace)
    return answer and answer[0]


def answer_of(outbox, journal, trace):
    """(code, points, receipt) a tap was settled with; None while it waits or when it is gone."""
    if outbox.waits(journal, trace):
        return None
    place = outbox._search.tap(journal, trace, outbox.journal)
    if place is None:
        return None
    end = place[1] + outbox._ring.record.slots
    return outbox._search.outcome(journal, trace, place[0], end)


def money_of(outbox, journal, trace):
    """The money that the answer to a settled tap named; None where it named none, or is gone."""
    if answer_of(outbox, journal, trace) is None:
        return None
    ring = outbox._ring  # it stands on the answer, or on what was journaled in place of the tap
    return read_money(ring.buffer, ring.at) if ring.record.kind == SETTLE else None
