"""What no power cut can have done: damage about the head, named before a mount writes anything.

Law: a power cut leaves at most one torn operation. A block is erased in full before its header is
written; an opened one gets its header before its first record, a copied one behind its last. So
- behind a torn record nothing was ever programmed: nothing valid stands there, and further behind
  than one record is long every byte is erased;
- a header that one bit keeps from being a newer one than the head's has no records, or it was
  damaged: the taps behind it may be all there is of them;
- a header that one bit keeps from being the copy of the head holds no more than the head, or what
  the head had was being erased;
- what an interrupted erase left in a next block without a header is older than the head, or a
  copy of it. Beyond its last trace there may be one tap only: the torn one, where it was torn.
"""

from firmware.outbox_format import BUFFER_SLOTS, NOTE, SLOT_SIZE, SLOTS, TAP, read_header
from firmware.outbox_ring import corrupt

_ERASED = b"\xff" * SLOT_SIZE


def check_headers(ring, newest, reach):
    """Look at each block up to `reach` behind the head whose header cannot be read."""
    for distance in range(1, min(reach, ring.free) + 1):
        block = (ring.head + distance) % ring.blocks
        if ring.header(block) is None:
            header = _but_for_one_bit(ring.header_bytes)
            if header and _lost(ring, block, header, newest):
                raise corrupt("block %d has lost its header" % block)


def _lost(ring, block, header, newest):
    if header.sequence > newest.sequence:
        return header.copied_end > 1 or ring.read(block, 1)
    return (header.sequence == newest.sequence and header.home == ring.head
            and _end(ring, newest)[0] < header.copied_end)


def _but_for_one_bit(data):
    if data == _ERASED:
        return None
    for bit in range(8 * SLOT_SIZE):
        data[bit // 8] ^= 1 << bit % 8
        header = read_header(data)
        data[bit // 8] ^= 1 << bit % 8
        if header:
            return header
    return None


# (slot behind the last record of the head that can be read, journal there, its last trace)
def _end(ring, newest):
    record, slot, journal, last = ring.record, 1, newest.journal, newest.last
    while slot < SLOTS and ring.read(ring.head, slot):
        if record.kind == NOTE:
            journal, last = record.journal, record.trace
        elif record.kind == TAP and record.journal == journal:
            last = max(last, record.trace)
        slot += record.slots
    return slot, journal, last


def check_end(ring, newest):
    """With no copy about, the head is whole up to one torn record."""
    end, journal, last = _end(ring, newest)
    for slot in range(end + 1, SLOTS):
        if ring.read(ring.head, slot) or slot >= end + BUFFER_SLOTS and not _erased(ring, slot):
            raise corrupt("a record in the middle of block %d cannot be read" % ring.head)
    block, record = ring.next(ring.head), ring.record
    if ring.free and ring.header(block) is None:
        for slot in range(1, SLOTS):
            if (ring.read(block, slot) and record.kind == TAP and not record.source
                    and record.journal == journal and record.trace > last
                    and (slot, record.trace) != (end, last + 1)):
                raise corrupt("block %d has lost its header" % block)


def _erased(ring, slot):
    ring.device.readblocks(ring.head, ring.header_bytes, slot * SLOT_SIZE)
    return ring.header_bytes == _ERASED
