"""The ring of blocks under the outbox: where records stand, and how a mount makes the tail sure.

Law:
- A block is erased by this very boot before its header is written; what an earlier boot may have
  begun is never continued. Every program goes to slots that were not touched since.
- `tail` in the header of the head names the first block that counts. At least two blocks behind
  the head are outside of it, so erasing the next ones never takes anything with it.
- What was written last may read differently each time. So a mount copies the whole head block to
  a fresh block (its *home* names where it belongs), erases the old one and copies it back; then it
  erases the fresh one. A copied block gets its header LAST: a block with a header is complete. The
  old place is erased only after this boot has written a complete copy elsewhere, and no copy that
  reads as complete is overwritten before. That header is the mount record: last trace, and by its
  sequence, higher than the one it replaces, the span now dead.
- `previous_end` in a header says how far the records of the block before it reach: a closed block
  in which fewer can be read is corrupt, and that is said, never passed over.
"""

from firmware.outbox_format import (
    BLOCK_SIZE, BLOCKS_MIN, BUFFER_SLOTS, Header, OutboxUnreadable, Record, SLOT_SIZE, SLOTS,
    VERSION, read_header, write_header,
)

_SYNC = 3
_COUNT = 4
_SIZE = 5
_ERASE = 6


class Ring:
    """Blocks of a device. `record` is what `read` or `walk` stands on, `view`[`at`:] its bytes."""

    def __init__(self, device):
        self.device = device
        self.blocks = self.head = self.tail = self.end = 0
        self.sequence = self.tail_sequence = 0
        self.record = Record()
        self.buffer = bytearray(BUFFER_SLOTS * SLOT_SIZE)
        self.view = memoryview(self.buffer)
        self.at = 0
        self._durable_tail = 0
        self._erased = -1
        self._erases = 0
        self._window = (-1, 0, 0)
        self._header = bytearray(SLOT_SIZE)
        self._broken = False

    # -- shape -------------------------------------------------------------------------------

    @property
    def free(self):
        """Blocks that hold nothing needed."""
        return (self.tail - self.head - 1) % self.blocks

    @property
    def head_room(self):
        """Slots left in the head block."""
        return 0 if self._broken else SLOTS - self.end

    @property
    def erased_ahead(self):
        return self._erased == self.next(self.head)

    def next(self, block):
        return (block + 1) % self.blocks

    def holds(self, block):
        return (block - self.tail) % self.blocks <= (self.head - self.tail) % self.blocks

    # -- reading -----------------------------------------------------------------------------

    def header(self, block):
        self.device.readblocks(block, self._header, 0)
        return read_header(self._header)

    def end_of(self, block):
        """The slot behind the last record of a block of the ring."""
        if block == self.head:
            return self.end
        header = self.header(self.next(block))
        if header is None:
            raise _corrupt("block %d has lost its header" % self.next(block))
        return header.previous_end

    def read(self, block, slot):
        """Stand on the record at this place; False when nothing valid is there."""
        record = self.record
        start, slots = self._window[1], self._window[2]
        if self._window[0] != block or not start <= slot < start + slots:
            start, slots = slot, self._load(block, slot)
        while True:
            self.at = (slot - start) * SLOT_SIZE
            certain = record.parse(self.view, self.at, slots * SLOT_SIZE)
            if certain or start == slot:
                return record.kind != 0 and slot + record.slots <= SLOTS
            start, slots = slot, self._load(block, slot)

    def walk(self, block, slot):
        """Stand on each record from this place to the head, yielding (block, slot)."""
        while True:
            end = self.end_of(block)
            while slot < end:
                if not self.read(block, slot):
                    raise _corrupt("a record of block %d cannot be read" % block)
                slots = self.record.slots
                yield block, slot
                slot += slots
            if block == self.head:
                return
            block, slot = self.next(block), 1

    def _load(self, block, slot):
        slots = min(BUFFER_SLOTS, SLOTS - slot)
        self._window = (-1, 0, 0)
        self.device.readblocks(block, self.view[:slots * SLOT_SIZE], slot * SLOT_SIZE)
        self._window = (block, slot, slots)
        return slots

    # -- writing -----------------------------------------------------------------------------

    def claim(self):
        """The buffer, to build a record in."""
        self._window = (-1, 0, 0)
        return self.buffer

    def write(self, at, slots):
        """Program `slots` slots of the buffer from byte `at` on; durable on return."""
        self._window = (-1, 0, 0)
        self._broken = True  # should the device fail, this place is not used again
        self.device.writeblocks(self.head, self.view[at:at + slots * SLOT_SIZE],
                                self.end * SLOT_SIZE)
        self.device.ioctl(_SYNC, 0)
        self.end += slots
        self._broken = False

    def open(self, journal, last):
        """Make the next block the head; its header names the tail as it is now."""
        block = self.next(self.head)
        if block == self._durable_tail or self.free < 1:
            raise _corrupt("the ring would overwrite its own tail")  # no caller lets this happen
        if self._erased != block:
            self._erase(block, self.header(self.head))
        self._erased = -1
        erases = self._erases
        self._put_header(block, Header(VERSION, 0, self.end, self.blocks, self.sequence + 1, block,
                                       self.tail, journal, last, erases))
        self.head, self.end, self.sequence = block, 1, self.sequence + 1
        self._durable_tail = self.tail
        self._broken = False

    def advance_tail(self):
        self.tail = self.next(self.tail)
        self.tail_sequence = self._ring_header(self.tail).sequence

    def erase_ahead(self):
        """Erase the block that will be the next head."""
        self._erase(self.next(self.head), self.header(self.head))

    def _erase(self, block, fallback):
        old = self.header(block) or fallback
        self._erases = (old.erases if old else 0) + 1
        self._erased = -1
        self._window = (-1, 0, 0)
        self.device.ioctl(_ERASE, block)
        self.device.ioctl(_SYNC, 0)
        if block == self.next(self.head):
            self._erased = block

    def _put_header(self, block, header):
        write_header(self._header, header)
        self.device.writeblocks(block, self._header, 0)
        self.device.ioctl(_SYNC, 0)

    # -- mounting ----------------------------------------------------------------------------

    def mount(self):
        """Find head and tail and make the head sure; OutboxUnreadable leaves all as it is."""
        device = self.device
        self.blocks = device.ioctl(_COUNT, 0)
        if device.ioctl(_SIZE, 0) != BLOCK_SIZE or self.blocks < BLOCKS_MIN:
            raise OutboxUnreadable("wrong_size", "the outbox needs %d blocks of %d bytes; give it "
                                   "its partition" % (BLOCKS_MIN, BLOCK_SIZE))
        place, newest = self._newest()
        self.head, self.tail, self.sequence = newest.home, newest.tail, newest.sequence
        self._durable_tail = self.tail
        self._check(newest)
        self._make_sure(place, newest)
        self.tail_sequence = self._ring_header(self.tail).sequence

    def _newest(self):
        place, newest, blank = -1, None, True
        for block in range(self.blocks):
            header = self.header(block)
            if header is None:
                blank = blank and self._header == b"\xff" * SLOT_SIZE
            elif newest is None or header.sequence > newest.sequence:
                place, newest = block, header
        if newest is None:
            if blank:
                raise OutboxUnreadable("blank", "the outbox was never formatted; format it")
            raise _corrupt("no block has a header")
        if newest.version != VERSION:
            raise OutboxUnreadable("newer_version", "the outbox was written by a newer program "
                                   "(format %d); install that one again" % newest.version)
        if newest.blocks != self.blocks:
            raise OutboxUnreadable("wrong_size", "the outbox was written with %d blocks, the "
                                   "partition has %d; restore its size"
                                   % (newest.blocks, self.blocks))
        return place, newest

    def _check(self, newest):
        if not (newest.home < self.blocks and newest.tail < self.blocks
                and newest.copied_end <= SLOTS and newest.previous_end <= SLOTS):
            raise _corrupt("the newest header points outside")
        block, sequence = self.head, newest.sequence
        while block != self.tail:
            block = (block - 1) % self.blocks
            header = self._ring_header(block)
            if header.sequence >= sequence:
                raise _corrupt("block %d is out of order" % block)
            sequence = header.sequence

    def _ring_header(self, block):
        header = self.header(block)
        if header is None or header.home != block:
            raise _corrupt("block %d has lost its header" % block)
        return header

    # Law above. `place` holds the newest content of the head; where it is itself a copy, it may be
    # one whose header an earlier boot was writing when the power went: it is copied once more.
    def _make_sure(self, place, newest):
        home = self.head
        copies = self._copies(newest)
        fresh = self._fresh(place, newest, copies)
        source = place
        if fresh >= 0:
            newest = self._copy(place, fresh, newest)
            source = fresh
            if fresh not in copies:
                copies.append(fresh)
        newest = self._copy(source, home, newest)
        self.end, self.sequence = newest.copied_end, newest.sequence
        copies.sort(key=self._distance)
        while copies:  # the next block last: it is then erased ahead
            self._erase(copies.pop(), newest)

    def _distance(self, block):
        return (block - self.head) % self.blocks

    # blocks outside of the ring that read as copies of the head
    def _copies(self, newest):
        found = []
        block = self.next(self.head)
        for _ in range(self.free):
            header = self.header(block)
            if header and header.home == self.head and header.sequence <= newest.sequence:
                found.append(block)
            block = self.next(block)
        return found

    # A block for the copy, or -1. Where the newest stands at home, only the newest copy matters:
    # the home was written from it, after it was complete. Else each copy may be the one to keep.
    def _fresh(self, place, newest, copies):
        keep = copies
        if place == self.head and copies:
            best = copies[0]
            for block in copies:
                if self._ring_sequence(block) > self._ring_sequence(best):
                    best = block
            keep = (best,)
        block = self.next(self.head)
        for _ in range(self.free):
            if block not in keep and block != place:
                return block
            block = self.next(block)
        return -1

    def _ring_sequence(self, block):
        header = self.header(block)
        return header.sequence if header else -1

    def _copy(self, source, target, newest):
        """Copy all records of `source`, then the header; returns the header written."""
        self._erase(target, newest)
        erases = self._erases
        limit = newest.copied_end if source != newest.home else SLOTS
        slot = 1
        while slot < limit:
            slots = self._run(source, slot, limit)
            if not slots:
                break
            self.device.writeblocks(target, self.view[:slots * SLOT_SIZE], slot * SLOT_SIZE)
            slot += slots
        if slot < newest.copied_end:
            raise _corrupt("records of block %d cannot be read" % source)
        self.device.ioctl(_SYNC, 0)
        made = Header(VERSION, slot, newest.previous_end, self.blocks, newest.sequence + 1,
                      newest.home, newest.tail, newest.journal, newest.last, erases)
        self._put_header(target, made)
        return made

    # how many slots of whole valid records stand in the buffer, read from `slot` on
    def _run(self, block, slot, limit):
        size = self._load(block, slot) * SLOT_SIZE
        record, at = self.record, 0
        while at < size and record.parse(self.view, at, size) and record.kind:
            if slot * SLOT_SIZE + at + record.slots * SLOT_SIZE > limit * SLOT_SIZE:
                break
            at += record.slots * SLOT_SIZE
        return at // SLOT_SIZE


def _corrupt(detail):
    return OutboxUnreadable("corrupt", "the outbox is damaged: %s; nothing in it was changed, "
                            "call a technician" % detail)
