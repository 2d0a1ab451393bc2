"""The ring of blocks under the outbox: where records stand, and how they are read and written.

Law:
- A block is erased by this very boot before its header is written; what an earlier boot may have
  begun is never continued. Every program goes to slots that were not touched since.
- `tail` in the header of the head names the first block that counts. At least two blocks behind
  the head are outside of it, so erasing the next ones never takes anything with it.
- Once the next block has its header, the same bytes go into the last slot of this one. So it is
  known for good that there was a next one, whatever becomes of it: what is missing is never
  taken for what was not written yet.
- `previous_end` in a header says how far the records of the block before it reach: a closed block
  in which fewer can be read is corrupt, and that is said, never passed over.
"""

from firmware.outbox_format import (
    BUFFER_SLOTS, Header, OutboxUnreadable, RECORDS_END, Record, SLOT_SIZE, SLOTS, VERSION,
    read_header, write_header,
)

SYNC = 3
_ERASE = 6
_ERASES_MAX = 0xFFFFFFFF


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
        self.durable_tail = 0
        self.erased = -1
        self.erases = 0
        self.window = (-1, 0, 0)
        self.header_bytes = bytearray(SLOT_SIZE)

    # -- shape -------------------------------------------------------------------------------

    @property
    def free(self):
        """Blocks that hold nothing needed."""
        return (self.tail - self.head - 1) % self.blocks

    @property
    def head_room(self):
        """Slots left in the head block."""
        return max(0, RECORDS_END - self.end)

    @property
    def erased_ahead(self):
        return self.erased == self.next(self.head)

    def next(self, block):
        return (block + 1) % self.blocks

    def holds(self, block):
        return (block - self.tail) % self.blocks <= (self.head - self.tail) % self.blocks

    # -- reading -----------------------------------------------------------------------------

    def header(self, block):
        self.device.readblocks(block, self.header_bytes, 0)
        return read_header(self.header_bytes)

    def end_of(self, block):
        """The slot behind the last record of a block of the ring."""
        if block == self.head:
            return self.end
        header = self.header(self.next(block))
        if header is None:
            raise corrupt("block %d has lost its header" % self.next(block))
        return header.previous_end

    def read(self, block, slot):
        """Stand on the record at this place; False when nothing valid is there."""
        record = self.record
        start, slots = self.window[1], self.window[2]
        if self.window[0] != block or not start <= slot < start + slots:
            start, slots = slot, self.load(block, slot)
        while True:
            self.at = (slot - start) * SLOT_SIZE
            certain = record.parse(self.view, self.at, slots * SLOT_SIZE)
            if certain or start == slot:
                return record.kind != 0 and slot + record.slots <= SLOTS
            start, slots = slot, self.load(block, slot)

    def walk(self, block, slot):
        """Stand on each record from this place to the head, yielding (block, slot)."""
        while True:
            end = self.end_of(block)
            while slot < end:
                if not self.read(block, slot):
                    raise corrupt("a record of block %d cannot be read" % block)
                slots = self.record.slots
                yield block, slot
                slot += slots
            if block == self.head:
                return
            block, slot = self.next(block), 1

    def load(self, block, slot):
        slots = min(BUFFER_SLOTS, SLOTS - slot)
        self.window = (-1, 0, 0)
        self.device.readblocks(block, self.view[:slots * SLOT_SIZE], slot * SLOT_SIZE)
        self.window = (block, slot, slots)
        return slots

    # -- writing -----------------------------------------------------------------------------

    def claim(self):
        """The buffer, to build a record in."""
        self.window = (-1, 0, 0)
        return self.buffer

    def write(self, at, slots):
        """Program `slots` slots of the buffer from byte `at` on; durable on return."""
        self.window = (-1, 0, 0)
        self.device.writeblocks(self.head, self.view[at:at + slots * SLOT_SIZE],
                                self.end * SLOT_SIZE)
        self.device.ioctl(SYNC, 0)
        self.end += slots

    def open(self, journal, last):
        """Make the next block the head; its header names the tail as it is now."""
        block = self.next(self.head)
        if block == self.durable_tail or self.free < 1:
            raise corrupt("the ring would overwrite its own tail")  # no caller lets this happen
        if self.erased != block:
            self.erase(block, self.header(self.head))
        self.erased = -1
        erases = self.erases
        self.put_header(block, Header(VERSION, 0, self.end, self.blocks, self.sequence + 1, block,
                                       self.tail, journal, last, erases))
        if self.end < SLOTS:  # a program before this one wrote records there too
            self._program(self.head, RECORDS_END)
        self.head, self.end, self.sequence = block, 1, self.sequence + 1
        self.durable_tail = self.tail

    def advance_tail(self):
        tail = self.next(self.tail)
        sequence = self.ring_header(tail).sequence
        self.tail, self.tail_sequence = tail, sequence

    def erase_ahead(self):
        """Erase the block that will be the next head."""
        self.erase(self.next(self.head), self.header(self.head))

    def erase(self, block, fallback):
        old = self.header(block) or fallback
        self.erases = min((old.erases if old else 0) + 1, _ERASES_MAX)
        self.erased = -1
        self.window = (-1, 0, 0)
        self.device.ioctl(_ERASE, block)
        self.device.ioctl(SYNC, 0)
        if block == self.next(self.head):
            self.erased = block

    def put_header(self, block, header):
        write_header(self.header_bytes, header)
        self._program(block, 0)

    def _program(self, block, slot):
        self.device.writeblocks(block, self.header_bytes, slot * SLOT_SIZE)
        self.device.ioctl(SYNC, 0)

    def ring_header(self, block):
        """The header of a block that must be in the ring."""
        header = self.header(block)
        if header is None or header.home != block:
            raise corrupt("block %d has lost its header" % block)
        return header


def corrupt(detail):
    return OutboxUnreadable("corrupt", "the outbox is damaged: %s; no tap was erased, call a "
                            "technician" % detail)
