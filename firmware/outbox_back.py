"""What stands in the outbox, from the newest back: taps, and answers that nobody has seen.

Law: nothing is written here, and a call reads one block at most; where that block has no more, it
says at which place to go on. Copies count as in `records`. Part of the outbox, and so it may know
its insides.

A place is (sequence of its block, block, slot); one whose block was given up since has nothing
before it. What is found has the place at which it stands.
"""

from firmware.outbox_format import NOTE, SEEN, SETTLE, SLOTS, TAP, read_outcome
from firmware.outbox_ring import corrupt
from firmware.states import did
from protocol.codes import APPROVED, TRACE_CONFLICT, VOIDED
from protocol.fields import VOID


def not_posted(buffer, at):
    """(code, points, receipt) of the settle record at `at`, where that is news for the cashier:
    its message has not done what it was for, and nobody had wanted that. Else None."""
    if buffer[at + 1] in (APPROVED, VOIDED, TRACE_CONFLICT) or buffer[at + 3]:
        return None
    outcome = read_outcome(buffer, at)
    return None if did(VOID, outcome[0], outcome[2]) else outcome


def tap_before(outbox, place):
    """The tap before `place` (None: the newest): (its place, Record's four values), (where to go
    on, None) or (None, None): there is no older one."""
    ring = outbox._ring
    place = _behind_all(ring) if place is None else place
    if not _holds(ring, place):
        return None, None
    sequence, block, limit = place
    found = _tap_between(ring, block, 1, min(limit, ring.end_of(block)), True)
    if found:
        return (sequence, block, found), _tap_at(outbox, block, found)
    return _block_before(ring, block), None


def tap_behind(outbox, place):
    """As `tap_before`, for the tap behind one at `place`, or from where to go on."""
    ring = outbox._ring
    if not _holds(ring, place):
        return None, None
    sequence, block, slot = place
    if slot and ring.read(block, slot):
        slot += ring.record.slots
    found = _tap_between(ring, block, slot or 1, ring.end_of(block), False)
    if found:
        return (sequence, block, found), _tap_at(outbox, block, found)
    if block == ring.head:
        return None, None
    block = ring.next(block)
    return (ring.ring_header(block).sequence, block, 0), None


def refusal_before(outbox, place):
    """The answer before `place` (None: the newest) that has told of something not posted and was
    not acknowledged: (its place, (journal, trace, (code, points, receipt))), else as above."""
    ring = outbox._ring
    place = _behind_all(ring) if place is None else place
    if not _holds(ring, place):
        return None, None
    sequence, block, limit = place
    slot, end, record = 1, min(limit, ring.end_of(block)), ring.record
    found, seen = None, False
    while slot < end:
        _stand(ring, block, slot)
        if record.kind == NOTE and ring.buffer[ring.at + 1] & SEEN:
            found, seen = None, True
        elif record.kind == SETTLE:
            outcome = not_posted(ring.buffer, ring.at)
            if outcome:
                found = (sequence, block, slot), (record.journal, record.trace, outcome)
        slot += record.slots
    return found or (None if seen else _block_before(ring, block), None)


# behind all that was written so far
def _behind_all(ring):
    return ring.sequence, ring.head, SLOTS


def _holds(ring, place):
    return ring.holds(place[1]) and ring.ring_header(place[1]).sequence == place[0]


def _block_before(ring, block):
    if block == ring.tail:
        return None
    block = (block - 1) % ring.blocks
    return ring.ring_header(block).sequence, block, SLOTS


def _stand(ring, block, slot):
    if not ring.read(block, slot):
        raise corrupt("a record of block %d cannot be read" % block)


# the slot of the first or last tap that counts from `slot` to before `end`; 0 for none
def _tap_between(ring, block, slot, end, last):
    record, found = ring.record, 0
    while slot < end and (last or not found):
        _stand(ring, block, slot)
        if record.kind == TAP and record.source < ring.tail_sequence:
            found = slot
        slot += record.slots
    return found


def _tap_at(outbox, block, slot):
    ring, search = outbox._ring, outbox._search
    _stand(ring, block, slot)
    journal, trace, behind = ring.record.journal, ring.record.trace, slot + ring.record.slots
    frame, settled = bytes(search.frame()), None
    if not outbox.waits(journal, trace):
        settled = search.outcome(journal, trace, block, behind)
    return journal, trace, frame, settled
