"""What no power cut can have done: damage about the head, named before a mount writes anything.

Law: a power cut leaves at most one torn operation. A block is erased in full before its header is
written; an opened one gets its header before its first record, a copied one behind its last. So
- a block whose last slot has the header of the next one is never the head: that one was opened,
  for good, and is lost if it is not found;
- what a header vouches for was whole when it was written, and no power cut reaches it again: where
  the head has less and no copy is about, nothing can bring it back;
- a copy of the head was erased in full first: nothing valid stands behind its end, and in its home
  one torn record more at most;
- behind a torn record nothing was ever programmed: nothing valid stands there, and further behind
  than one record is long every byte is erased;
- a header that one bit keeps from being a newer one than the head's has no records, or it was
  damaged: the taps behind it may be all there is of them;
- a header that one bit keeps from being the copy of the head holds no more than the head, or what
  the head had was being erased;
- what an interrupted erase left in a next block without a header is older than the head, or a
  copy of it. Beyond its last trace there may be one tap only: the torn one, where it was torn.
"""

from firmware.outbox_format import (
    BUFFER_SLOTS, NOTE, RECORDS_END, SLOT_SIZE, SLOTS, TAP, read_header,
)
from firmware.outbox_ring import corrupt

_ERASED = b"\xff" * SLOT_SIZE


def check_place(ring, place, newest):
    """Look at the block that was found newest, and at the one it says it is."""
    for block in (ring.head, place):
        if read_header(_slot(ring, block, RECORDS_END)):
            raise corrupt("block %d is not the newest" % block)
    if place != ring.head:
        _ends(ring, place, newest.copied_end)
        _ends(ring, ring.head, newest.copied_end + 1)


def _ends(ring, block, end):
    for slot in range(end, SLOTS):
        if ring.read(block, slot):
            raise corrupt("block %d has records that its copy has not" % ring.head)


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
    if end < newest.copied_end:
        raise corrupt("a record of block %d cannot be read" % ring.head)
    for slot in range(end + 1, SLOTS):
        if (ring.read(ring.head, slot) or slot >= end + BUFFER_SLOTS
                and _slot(ring, ring.head, slot) != _ERASED):
            raise corrupt("a record in the middle of block %d cannot be read" % ring.head)
    block, record = ring.next(ring.head), ring.record
    if ring.free and ring.header(block) is None:
        for slot in range(1, SLOTS):
            if (ring.read(block, slot) and record.kind == TAP and not record.source
                    and record.journal == journal and record.trace > last
                    and (slot, record.trace) != (end, last + 1)):
                raise corrupt("block %d has lost its header" % block)


def _slot(ring, block, slot):
    ring.device.readblocks(block, ring.header_bytes, slot * SLOT_SIZE)
    return ring.header_bytes
