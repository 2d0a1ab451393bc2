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
    BLOCK_SIZE, BLOCKS_MIN, BUFFER_SLOTS, Header, NOTE, OutboxUnreadable, Record, SLOT_SIZE,
    SLOTS, TAP, VERSION, read_header, write_header,
)

_SYNC = 3
_COUNT = 4
_SIZE = 5
_ERASE = 6
_REACH = 8  # a copy of the head stands at most so many blocks behind it
_READS = 16


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
        passed = []
        place, newest = self._newest(passed)
        while not self._certain(place) or self._given_up(newest):
            passed.append(place)
            place, newest = self._newest(passed)
        self.head, self.tail = newest.home, newest.tail
        self._durable_tail = self.tail
        self._check(newest)
        found = self._candidates(place, newest)
        if len(found) == 1 and place == self.head:
            self._check_end(newest)
        self._make_sure(found)
        self.tail_sequence = self._ring_header(self.tail).sequence

    # a copy counts before what it was made from
    def _newest(self, but):
        place, newest, blank = -1, None, True
        for block in range(self.blocks):
            header = self.header(block)
            if header is None:
                blank = blank and self._header == b"\xff" * SLOT_SIZE
            elif block not in but and (newest is None or (header.sequence, header.home != block)
                                       > (newest.sequence, newest.home != place)):
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

    # The header, if it reads the same many times over. One that was completed always does; one
    # that was being written or erased when the power went is hardly ever lucky so often.
    def _certain(self, block):
        header = self.header(block)
        for _ in range(_READS if header else 0):
            if self.header(block) != header:
                return None
        return header

    # Was it opened by a boot whose successor could not read it, and began to copy the block
    # before it? Then no tap in it was ever promised, and that copy may be all there is.
    def _given_up(self, newest):
        before = (newest.home - 1) % self.blocks
        for distance in range(1, _REACH + 2):
            block = (before + distance) % self.blocks
            header = self._certain(block)
            if (header and block != before and header.home == before
                    and header.sequence == newest.sequence - 1):
                return True
        return False

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

    # With no copy about, the head is not half erased, and a cut leaves nothing valid behind the
    # record that it tore. Something valid there, or new taps
    # in a next block without a header, means that flash went bad: then nothing may be erased.
    def _check_end(self, newest):
        record, slot, journal, last = self.record, 1, newest.journal, newest.last
        while slot < SLOTS and self.read(self.head, slot):
            if record.kind == NOTE:
                journal, last = record.journal, record.trace
            elif record.kind == TAP and record.journal == journal:
                last = max(last, record.trace)
            slot += record.slots
        for behind in range(slot + 1, SLOTS):
            if self.read(self.head, behind):
                raise _corrupt("a record in the middle of block %d cannot be read" % self.head)
        block = self.next(self.head)
        if self.free and self.header(block) is None:
            for slot in range(1, SLOTS):
                if (self.read(block, slot) and record.kind == TAP and not record.source
                        and record.journal == journal and record.trace > last + 1):
                    raise _corrupt("block %d has lost its header" % block)

    def _ring_header(self, block):
        header = self.header(block)
        if header is None or header.home != block:
            raise _corrupt("block %d has lost its header" % block)
        return header

    # Law above. A copy keeps the sequence of what it was made from; the home written from it is
    # two higher, above all that an unfinished mount may have left behind (the next head, one
    # higher, and copies of it).
    def _make_sure(self, found):
        fresh = self._fresh(found)
        made = None
        for _, _, block, header in found:
            if block != fresh and made is None:  # one that cannot be read was being erased
                made = self._copy(block, fresh, header, header.sequence)
        made = made and self._copy(fresh, self.head, made, made.sequence + 2)
        if made is None:
            raise _corrupt("records of block %d cannot be read" % found[0][2])
        self.end, self.sequence = made.copied_end, made.sequence
        for _, away, block, _ in found:
            if away and block != fresh:
                self._erase(block, made)
        self._erase(fresh, made)

    # what reads as this head, the newest first: (sequence, 1 for a copy, block, header)
    def _candidates(self, place, newest):
        found = [(newest.sequence, int(place != self.head), place, newest)]
        for block in self._reach() + [self.head]:
            header = None if block == place else self._certain(block)
            if header and header.home == self.head and header.sequence >= newest.sequence - 2:
                found.append((header.sequence, int(block != self.head), block, header))
        found.sort(key=lambda each: (-each[0], -each[1]))
        return found

    # A block for the copy. A candidate may be one whose header a boot before was writing when the
    # power went, so none is overwritten as long as there is another block.
    def _fresh(self, found):
        taken = [each[2] for each in found]
        for block in self._reach():
            if block not in taken:
                return block
        return [each[2] for each in found if each[1]][-1]

    def _reach(self):
        return [(self.head + distance) % self.blocks
                for distance in range(1, min(_REACH, self.free) + 1)]

    def _copy(self, source, target, newest, sequence):
        """Copy all records of `source`, then the header; the header written, or None when fewer
        can be read than there must be."""
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
            return None
        self.device.ioctl(_SYNC, 0)
        made = Header(VERSION, slot, newest.previous_end, self.blocks, sequence, newest.home,
                      newest.tail, newest.journal, newest.last, erases)
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
    return OutboxUnreadable("corrupt", "the outbox is damaged: %s; no tap was erased, call a "
                            "technician" % detail)
