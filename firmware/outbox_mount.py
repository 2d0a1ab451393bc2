"""How a mount finds the head of the ring and makes it sure, through any number of power cuts.

Law: what was written last may read differently each time, so nothing is built on it. The whole
head block is copied to a fresh block behind it (whose *home* says where it belongs), the old place
is erased and written back from there, and the fresh block is erased: three erases, no block spent.
- A copied block gets its header LAST: a block with a header is complete. That header is the mount
  record: last trace, and by its sequence, higher than the one it replaces, the span now dead.
- The home is erased only after this boot has completed a copy elsewhere. No block that reads as a
  complete copy is overwritten before that, since a boot before may have left only that one.
- A header counts if it reads the same 16 times: one that was completed always does.
- A torn record can only be the last one. Whatever else cannot be read is damage (what that is
  stands in outbox_damage.py): then nothing is erased, and the technician is called.
"""

from firmware.outbox_damage import check_end, check_headers, check_place
from firmware.outbox_format import (
    BLOCK_SIZE, BLOCKS_MIN, Header, OutboxUnreadable, SLOT_SIZE, SLOTS, VERSION,
)
from firmware.outbox_ring import SYNC, corrupt

_COUNT = 4
_SIZE = 5
_REACH = 8  # a copy of the head stands at most so many blocks behind it
_READS = 16
_SEQUENCE_MAX = 0xFFFFFFF0  # a mount takes two, a block one: no ring comes so far


def forget(ring):
    """Nothing is known of the flash: no place to write to until a mount has looked again."""
    ring.head = ring.tail = 0
    ring.blocks, ring.end = 1, SLOTS
    ring.erased = -1
    ring.window = (-1, 0, 0)


def find_head(ring):
    """Find head and tail, and write nothing; for `make_sure`: (header of the head, what reads as
    the head). From then on the blocks between tail and head can be read, the head cannot."""
    device = ring.device
    ring.blocks = device.ioctl(_COUNT, 0)
    size = device.ioctl(_SIZE, 0)
    if size != BLOCK_SIZE or ring.blocks < BLOCKS_MIN:
        raise OutboxUnreadable("wrong_size", "the partition has %d blocks of %d bytes, an outbox "
                               "needs at least %d of %d; give it its own"
                               % (ring.blocks, size, BLOCKS_MIN, BLOCK_SIZE))
    passed = []
    place, newest = _newest(ring, passed)
    while not _certain(ring, place):
        passed.append(place)
        place, newest = _newest(ring, passed)
    ring.head, ring.tail = newest.home, newest.tail
    ring.durable_tail = ring.tail
    _check(ring, place, newest)
    check_place(ring, place, newest)
    found = _candidates(ring, place, newest)
    check_headers(ring, newest, _REACH + 1)  # the head may be one further than was found
    if len(found) == 1 and place == ring.head:
        check_end(ring, newest)
    return newest, found


# a copy counts before what it was made from
def _newest(ring, but):
    place, newest, blank = -1, None, True
    for block in range(ring.blocks):
        header = ring.header(block)
        if header is None:
            blank = blank and ring.header_bytes == b"\xff" * SLOT_SIZE
        elif block not in but and (newest is None or (header.sequence, header.home != block)
                                   > (newest.sequence, newest.home != place)):
            place, newest = block, header
    if newest is None:
        if blank:
            raise OutboxUnreadable("blank", "the outbox was never formatted; format it")
        raise corrupt("no block has a header")
    if newest.version != VERSION:
        raise OutboxUnreadable("newer_version", "the outbox was written by a newer program "
                               "(format %d); install that one again" % newest.version)
    if newest.blocks != ring.blocks:
        raise OutboxUnreadable("wrong_size", "the outbox was written with %d blocks, the "
                               "partition has %d; restore its size"
                               % (newest.blocks, ring.blocks))
    return place, newest


# The header, if it reads the same many times over. One that was completed always does; one
# that was being written or erased when the power went is hardly ever lucky so often.
def _certain(ring, block):
    header = ring.header(block)
    for _ in range(_READS if header else 0):
        if ring.header(block) != header:
            return None
    return header


def _check(ring, place, newest):
    if not (newest.home < ring.blocks and newest.tail < ring.blocks
            and int(place != newest.home) <= newest.copied_end <= SLOTS
            and newest.previous_end <= SLOTS and newest.sequence <= _SEQUENCE_MAX):
        raise corrupt("the newest header points outside")
    block, sequence = ring.head, newest.sequence
    while block != ring.tail:
        block = (block - 1) % ring.blocks
        header = ring.ring_header(block)
        if header.sequence >= sequence:
            raise corrupt("block %d is out of order" % block)
        sequence = header.sequence
    ring.sequence, ring.tail_sequence = newest.sequence, sequence


# Law above. A copy keeps the sequence of what it was made from; the home written from it is
# two higher, above all that an unfinished mount may have left behind (the next head, one
# higher, and copies of it). Nothing takes the place of the newest that has fewer records.
def make_sure(ring, newest, found):
    """Write the head anew; from then on it can be read and written."""
    fresh = _fresh(ring, found)
    made = None
    for _, _, block, header in found:
        if block != fresh and made is None:  # one that cannot be read was being erased
            made = _copy(ring, block, fresh, header, header.sequence, newest.copied_end)
    made = made and _copy(ring, fresh, ring.head, made, made.sequence + 2, made.copied_end)
    if made is None:
        raise corrupt("records of block %d cannot be read" % found[0][2])
    ring.end, ring.sequence = made.copied_end, made.sequence
    for _, away, block, _ in found:
        if away and block != fresh:
            ring.erase(block, made)
    ring.erase(fresh, made)
    ring.tail_sequence = ring.ring_header(ring.tail).sequence


# What reads as this head, the newest first: (sequence, 1 for a copy, block, header). The home
# comes before its copies: as long as it can be read it has all that they have.
def _candidates(ring, place, newest):
    found = [(newest.sequence, int(place != ring.head), place, newest)]
    for block in _reach(ring) + [ring.head]:
        header = None if block == place else _certain(ring, block)
        if header and header.home == ring.head and header.sequence >= newest.sequence - 2:
            found.append((header.sequence, int(block != ring.head), block, header))
    found.sort(key=lambda each: (-each[0], each[1]))
    return found


# A block for the copy. A candidate may be one whose header a boot before was writing when the
# power went, so none is overwritten as long as there is another block.
def _fresh(ring, found):
    taken = [each[2] for each in found]
    for block in _reach(ring):
        if block not in taken:
            return block
    return [each[2] for each in found if each[1]][-1]


def _reach(ring):
    return [(ring.head + distance) % ring.blocks
            for distance in range(1, min(_REACH, ring.free) + 1)]


def _copy(ring, source, target, newest, sequence, needed):
    """Copy all records of `source`, then the header; the header written, or None when they do
    not reach as far as the slot `needed`."""
    ring.erase(target, newest)
    erases = ring.erases
    limit = newest.copied_end if source != newest.home else SLOTS
    slot = 1
    while slot < limit:
        slots = _run(ring, source, slot, limit)
        if not slots:
            break
        ring.device.writeblocks(target, ring.view[:slots * SLOT_SIZE], slot * SLOT_SIZE)
        slot += slots
    if slot < needed:
        return None
    ring.device.ioctl(SYNC, 0)
    made = Header(VERSION, slot, newest.previous_end, ring.blocks, sequence, newest.home,
                  newest.tail, newest.journal, newest.last, erases)
    ring.put_header(target, made)
    return made


# how many slots of whole valid records stand in the buffer, read from `slot` on
def _run(ring, block, slot, limit):
    size = ring.load(block, slot) * SLOT_SIZE
    record, at = ring.record, 0
    while at < size and record.parse(ring.view, at, size) and record.kind:
        if slot * SLOT_SIZE + at + record.slots * SLOT_SIZE > limit * SLOT_SIZE:
            break
        at += record.slots * SLOT_SIZE
    return at // SLOT_SIZE
