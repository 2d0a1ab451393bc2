"""The outbox: every tap the merchant saw accepted, on flash until its answer is on flash too.

Law (DESIGN 5.2; README.md has layout, capacity and cost):
- `append` and `settle` return after the record is durable, and only then does RAM follow. What
  breaks off in between leaves the outbox `doubtful`: nothing is written until a mount has looked.
- A trace is given once per journal: the next is above every header, tap and note that can be read.
- New taps stop while four blocks are still free. Voids may use one of the four, what moves the
  same and a little more, settles never lack a slot: each makes at least three slots useless, and
  going once round the ring finds them.
- The oldest block is given up only when its unsettled taps have been copied to the head: same
  frame, same trace. A settle stands behind its tap in the ring, so it may go when its turn comes.
- A tap that the gateway has under other content moves: `append(..., origin=)` writes it under its
  new identity and settles the old one in one record, so no power cut can double or lose it.
- A copy says out of which block it was made. While that block is still in the ring the copy does
  not count, so a tap is never seen twice, and an interrupted round goes on where it stopped.
- Nothing here formats by itself.
"""

from collections import namedtuple

from firmware import outbox_kept
from firmware.outbox_back import not_posted
from firmware.outbox_bitmap import Unsettled, clear
from firmware.outbox_format import (
    BLOCKS_MIN, CANCEL, FRAME_SIZE_MAX, Header, MOVED, NOTE, OutboxFull, OutboxUnreadable,
    RECORDS_END, SEEN, SETTLE, SLOT_SIZE, TAP, VERSION, read_header, read_origin, set_source,
    slots_of, write_header, write_note, write_settle, write_tap,
)
from firmware.outbox_mount import find_head, forget, make_sure
from firmware.outbox_ring import Ring, corrupt
from firmware.outbox_search import Search

__all__ = ("Outbox", "OutboxFull", "OutboxUnreadable", "Record", "format_outbox")

# settled: None, or (code, points, receipt) as the gateway answered
Record = namedtuple("Record", ("journal", "trace", "frame", "settled"))

RESERVE_BLOCKS = 4
_VOID_BLOCKS = 3
_FREE_BLOCKS_MIN = 2
# of the last block that voids may use; what moves leaves less: it is a settle, and makes room
_VOID_LEAVES_SLOTS = 32
_MOVE_LEAVES_SLOTS = 16
_ROUNDS_PER_TAP = 8
_TAP_WORTH = 3  # slots that a tap takes at least
_USELESS_MIN = 32
_USELESS_MIN_TO_MOVE = 4
_U32_MAX = 0xFFFFFFFF
_EIO = 5
_SEQUENCE_JUMP = 1024
_SEQUENCES = 0x80000000  # no ring comes so far: what says so is nonsense


def format_outbox(device, journal):
    """Erase everything and start the journal `journal` (1..2**32-1). Asks nobody: the caller did.

    Interrupted, it must be done again: the head goes last, so that what remains does not mount.
    """
    if not 0 < journal <= _U32_MAX:
        raise ValueError("a journal id is 1..4294967295")
    blocks = device.ioctl(4, 0)
    if blocks < BLOCKS_MIN:
        raise ValueError("an outbox needs %d blocks" % BLOCKS_MIN)
    buffer = bytearray(SLOT_SIZE)
    newest, place = None, 0
    for block in range(blocks):
        device.readblocks(block, buffer, 0)
        header = read_header(buffer)
        if header and (newest is None or header.sequence > newest.sequence):
            newest, place = header, block
    first = newest.tail if newest else 0
    for step in range(blocks):
        block = (first + step) % blocks
        if block != place:
            device.ioctl(6, block)
    device.ioctl(6, place)
    device.ioctl(3, 0)
    sequence = (newest.sequence if newest else 0) % _SEQUENCES + _SEQUENCE_JUMP
    write_header(buffer, Header(VERSION, 0, 1, blocks, sequence, 0, 0, journal, 0, 1))
    device.writeblocks(0, buffer, 0)
    device.ioctl(3, 0)


class Outbox:
    """One mounted outbox. `mount` first; where it raises OutboxUnreadable no tap was erased.

    `doubtful`: a change broke off, by a fault of the device or of the heap. What stands on flash
    only another `mount` tells; until then every change raises OSError.
    """

    def __init__(self, device):
        self._ring = Ring(device)
        self.doubtful = False
        self._unsettled = Unsettled()
        self._last_tap = self._made = (0, 0)  # the newest, and as it was called when made
        self._copied = (0, 0, 0)
        self._worth = self._round = self._in_vain = 0
        self._search = Search(self._ring)
        # what a mount found: unsettled taps to be cancelled, whoever acts on them takes them over;
        # whether any tap was ever moved
        self.to_cancel = []
        self.found_moved = False
        # what a mount found settled without having done what it was for, and not acknowledged:
        # (how many, trace and code of the last), or None
        self.alert = None
        # (lowest trace, of its journal, sequence of the head then) of taps carried along
        self.carried = (0, 0, 0)
        self.journal = 0
        self.last_trace = 0

    # -- what it holds -----------------------------------------------------------------------

    @property
    def next_trace(self):
        return self.last_trace + 1

    @property
    def unsettled(self):
        """How many taps wait for their answer."""
        return self._unsettled.count

    def waits(self, journal, trace):
        return self._unsettled.has(journal, trace)

    def following(self, key):
        """The oldest unsettled (journal, trace) behind `key`, or None; key None: the oldest."""
        return self._unsettled.following(*(key or (0, 0)))

    def pending(self):
        """Unsettled (journal, trace), oldest first. Settling and appending meanwhile is fine."""
        key = self.following(None)
        while key:
            yield key
            key = self.following(key)

    def frame(self, journal, trace, into=None):
        """The sealed frame of a tap, as bytes, or copied into `into` (a memoryview of it comes
        back). KeyError when the tap is not here any more."""
        if self._search.tap(journal, trace, self.journal) is None:
            raise KeyError((journal, trace))
        found = self._search.frame()
        if into is None:
            return bytes(found)
        view = memoryview(into)[:len(found)]
        view[:] = found
        return view

    def records(self):
        """Each tap still kept, settled or not, in the order in which they were written.

        Who writes while walking may miss one or see it twice.
        """
        ring = self._ring
        again = True
        while again:
            again = False
            for block, slot in ring.walk(ring.tail, 1):
                record = ring.record
                slots = record.slots
                if record.kind == TAP and record.source < ring.tail_sequence:
                    journal, trace = record.journal, record.trace
                    frame = bytes(self._search.frame())
                    yield Record(journal, trace, frame,
                                 self._outcome(journal, trace, block, slot + slots))
                    again = not ring.holds(block)
                    if again:  # the caller wrote meanwhile, and the block was needed
                        break

    def last(self):
        """The newest tap as a Record, or None."""
        journal, trace = self._last_tap
        place = self._search.tap(journal, trace, self.journal) if trace else None
        if place is None:
            return None
        block, slot = place[0], place[1] + self._ring.record.slots
        frame = bytes(self._search.frame())
        return Record(journal, trace, frame, self._outcome(journal, trace, block, slot))

    def _outcome(self, journal, trace, block, slot):
        if self._unsettled.has(journal, trace):
            return None
        return self._search.outcome(journal, trace, block, slot)

    # -- writing -----------------------------------------------------------------------------

    def room(self, size, reserve=False, flags=0, spare=0):
        """Whether a frame of `size` bytes can be appended, and one of `spare` bytes behind it;
        first makes room if it can."""
        slots, leaves = slots_of(size, flags) + (slots_of(spare) if spare else 0), 0
        if reserve:
            leaves = _MOVE_LEAVES_SLOTS if flags & MOVED else _VOID_LEAVES_SLOTS
        return (self._unsettled.fits(self.journal, self.last_trace + 1, 0 if reserve else 1)
                and self.last_trace < _U32_MAX
                and self._make_room(slots, leaves))

    def append(self, trace, frame, reserve=False, cancel=False, origin=None, spare=0):
        """Write a tap with the next trace; durable on return. `reserve` is for voids and the like.

        `cancel`: a later mount that finds it unsettled puts it into `to_cancel`. `origin`: the
        unsettled (journal, trace) of the same message, settled as conflict by this very record.
        `spare`: bytes of a second frame for which there must be room too.
        OutboxFull: nothing was written.
        """
        self._sure()
        if trace != self.last_trace + 1:
            raise ValueError("the next trace is %d, not %d" % (self.next_trace, trace))
        if not 0 < len(frame) <= FRAME_SIZE_MAX:
            raise ValueError("a frame has 1..%d bytes" % FRAME_SIZE_MAX)
        flags = (CANCEL if cancel else 0) | (MOVED if origin else 0)
        if origin and not self.waits(*origin):
            raise ValueError("what moves must wait: %d/%d" % origin)
        if not self.room(len(frame), reserve, flags, spare):
            raise OutboxFull("the outbox is full: this tap was not taken, all earlier ones are "
                             "safe; let the terminal reach the gateway")
        ring, journal, key = self._ring, self.journal, (self.journal, trace)
        block, slot = ring.head, ring.end
        slots = write_tap(ring.claim(), journal, trace, frame, flags, origin)
        self.doubtful = True
        ring.write(0, slots)
        self._unsettled.add(journal, trace)
        if origin:
            self._unsettled.discard(*origin)
        self.last_trace = trace
        if origin is None:
            self._last_tap = self._made = key
        elif origin == self._last_tap:
            self._last_tap = key
        self._worth += _TAP_WORTH
        self._search.remember(journal, trace, block, slot)
        self.doubtful = False

    def settle(self, journal, trace, code, points=None, receipt=None, money_minor=None,
               quiet=False):
        """Write the gateway's final answer; durable on return. False when the tap did not wait.
        `quiet`: nobody need hear of it."""
        self._sure()
        if not self._unsettled.has(journal, trace):
            return False
        ring = self._ring
        if not ring.head_room:
            self._need_slot()
        self.doubtful = True
        ring.write(0, write_settle(ring.claim(), journal, trace, code, points, receipt,
                                   money_minor, int(quiet)))
        self._worth += 1
        self._unsettled.discard(journal, trace)
        self.doubtful = False
        return True

    def raise_trace(self, highest):
        """Continue above `highest`, which the gateway has seen in this journal; durable."""
        if self.last_trace < highest <= _U32_MAX:
            self._note(self.journal, highest)

    def new_journal(self, journal):
        """From now on append to this journal, from trace 1; the old one's taps stay. Durable."""
        if not 0 < journal <= _U32_MAX:
            raise ValueError("a journal id is 1..4294967295")
        if journal != self.journal:
            self._note(journal, 0)

    def seen(self):
        """What did not post so far was acknowledged: no later mount finds it again. Durable."""
        self._note(self.journal, self.last_trace, SEEN)

    def tidy(self):
        """One step of housekeeping for an idle moment; True when there may be more to do."""
        self._sure()
        ring = self._ring
        if not ring.erased_ahead:
            ring.erase_ahead()
            return True
        return ring.free <= RESERVE_BLOCKS and self._worth_a_try() and self._reclaim()

    def _note(self, journal, last, seen=0):
        self._sure()
        ring = self._ring
        if not ring.head_room:
            self._need_slot()
        self.doubtful = True
        ring.write(0, write_note(ring.claim(), journal, last, seen))
        self._worth += 1
        self.journal, self.last_trace = journal, last
        self.doubtful = False

    def _sure(self):
        if self.doubtful:
            raise OSError(_EIO)

    # -- room --------------------------------------------------------------------------------

    # slots that reclaiming the whole ring would give back, at least
    @property
    def _useless(self):
        return self._worth - _TAP_WORTH * self._unsettled.count

    # A bounded piece of work for one tap. The next one goes on with it, round the ring at most,
    # and after a round that found no room only further settles give reason to try again.
    # `leaves`: so many slots must be left of the last block of the reserve; 0: it is not for this.
    def _make_room(self, slots, leaves):
        least = _USELESS_MIN_TO_MOVE if leaves == _MOVE_LEAVES_SLOTS else _USELESS_MIN
        for _ in range(_ROUNDS_PER_TAP):
            fits = self._has_room(slots, leaves)
            if fits or self._opens(leaves):
                if not fits:
                    self._open()
                self._round = self._in_vain = 0
                return True
            if not self._worth_a_try(least) or not self._reclaim():
                return False
        return self._has_room(slots, leaves)

    def _worth_a_try(self, least=_USELESS_MIN):
        if self._round >= self._ring.blocks:
            self._round, self._in_vain = 0, self._useless
        self._round += 1
        return self._useless >= self._in_vain + least

    def _has_room(self, slots, leaves):
        ring = self._ring
        free, left = ring.free, RECORDS_END - ring.end - slots
        if left < 0:
            return False
        if leaves:
            return free > _VOID_BLOCKS or free == _VOID_BLOCKS and left >= leaves
        return free >= RESERVE_BLOCKS

    def _opens(self, leaves):
        return self._ring.free > (_VOID_BLOCKS if leaves else RESERVE_BLOCKS)

    def _need_slot(self):
        ring = self._ring
        for _ in range(ring.blocks):
            if self._opens(True):
                self._open()
                return
            if not self._reclaim():
                break
            if ring.head_room:
                return
        raise OutboxFull("the outbox has not one slot left: nothing was written, all taps are "
                         "safe; call a technician")

    def _open(self):
        self.doubtful = True  # a header that may be there ends the block before it
        self._ring.open(self.journal, self.last_trace)
        self.doubtful = False

    # Copy what still waits in the oldest block to the head and give the block up.
    def _reclaim(self):
        ring, waiting = self._ring, self._unsettled
        block, source = ring.tail, ring.tail_sequence
        if block == ring.head:
            return False
        end, slot, worth = ring.end_of(block), 1, 0
        passed = self._copied[0] != source
        while slot < end:
            if not ring.read(block, slot):
                raise corrupt("a record of block %d cannot be read" % block)
            record = ring.record
            slots, key = record.slots, (record.journal, record.trace)
            worth += _TAP_WORTH if record.kind == TAP else 1
            if record.kind == TAP and passed and waiting.has(*key):
                if slots > ring.head_room:
                    if ring.free <= _FREE_BLOCKS_MIN:
                        return False
                    self._open()
                    ring.read(block, slot)
                set_source(ring.buffer, ring.at, record, source)
                to, to_slot, copied = ring.head, ring.end, (source,) + key
                self.doubtful = True
                ring.write(ring.at, slots)
                self._worth += _TAP_WORTH
                self._copied = copied
                outbox_kept.carry(self, key)
                self._search.remember(key[0], key[1], to, to_slot)
                self.doubtful = False
            elif record.kind == TAP and not passed and key == self._copied[1:]:
                passed = True
            slot += slots
        if not passed:
            raise corrupt("trace %d is no longer where it was copied from" % self._copied[2])
        ring.advance_tail()
        self._worth -= worth
        return True

    # -- mounting ----------------------------------------------------------------------------

    def mount(self):
        """Make the flash certain, then read it: OutboxUnreadable or a working outbox.

        May be called again, after a write that failed. Where it raises nothing can be written,
        and nothing is said to wait, until it was called again.
        """
        known, done, ring = (self.journal, self.last_trace), False, self._ring
        self._forget()
        try:
            newest, found = find_head(ring)
            block = ring.tail
            while block != ring.head:
                behind = ring.next(block)
                header = newest if behind == ring.head else ring.ring_header(behind)
                self._replay_block(block, header.previous_end)
                block = behind
            # damage in any block was named before this
            make_sure(ring, newest, found)
            self._replay_block(block, ring.end)
            self._pass_what_was_copied()
            while ring.free <= _FREE_BLOCKS_MIN and self._reclaim():
                pass
            # a straggler of an older journal may have been met behind the journal in use
            self._unsettled.put_last(self.journal)
            done = True
        finally:
            if not done:
                self._forget()
                self.journal, self.last_trace = known
            self.doubtful = not done

    def _forget(self):
        forget(self._ring)
        clear(self._unsettled)
        self._last_tap = self._made = (0, 0)  # the newest, and as it was called when made
        self._copied = (0, 0, 0)
        self._worth = self._round = self._in_vain = 0
        self.to_cancel = []
        self.found_moved = False
        self.alert = None
        self.carried = (0, 0, 0)
        self.journal = self.last_trace = 0

    def _replay_block(self, block, end):
        ring, slot = self._ring, 1
        header = ring.ring_header(block)
        self._advance(header.journal, header.last)
        while slot < end:
            if not ring.read(block, slot):
                raise corrupt("a record of block %d cannot be read" % block)
            slots = ring.record.slots
            self._replay()
            slot += slots

    def _advance(self, journal, last):
        if journal != self.journal:
            self.journal, self.last_trace = journal, last
        elif last > self.last_trace:
            self.last_trace = last

    def _replay(self):
        record = self._ring.record
        if record.kind == TAP:
            self._worth += _TAP_WORTH
            key = (record.journal, record.trace)
            if not self._unsettled.add(*key):
                raise OutboxUnreadable("newer_version", "the outbox holds more than this program "
                                       "can keep in mind; install the one that wrote it")
            if record.flags:
                self._replay_flags(record, key)
            if record.journal == self.journal:
                self.last_trace = max(self.last_trace, record.trace)
            if record.source:
                self._copied = (record.source,) + key
                outbox_kept.carry(self, key)
            self._replay_newest(record, key)
            return
        self._worth += 1
        if record.kind == SETTLE:
            self._replay_settled((record.journal, record.trace))
            self._replay_outcome(record.trace)
        elif record.kind == NOTE:
            if self._ring.buffer[self._ring.at + 1] & SEEN:
                self.alert = None
            self._advance(record.journal, record.trace)

    # What moved after a conflict is as old as it was, and what was copied older than what was not.
    def _replay_newest(self, record, key):
        made, newest, moved = key, self._made, record.flags & MOVED
        if moved:
            made = read_origin(self._ring.buffer, self._ring.at, record.size)
            if made == self._last_tap:
                self._last_tap = key
                return
        if made[0] == newest[0]:
            newer = made[1] > newest[1]
        else:
            first = not record.source or made[0] == self.journal
            newer = not newest[1] or first and not moved
        if newer:
            self._last_tap, self._made = key, made

    def _replay_outcome(self, trace):
        outcome = not_posted(self._ring.buffer, self._ring.at)
        if outcome:
            self.alert = (self.alert[0] + 1 if self.alert else 1, trace, outcome[0])

    def _replay_flags(self, record, key):
        if record.flags & MOVED:
            self.found_moved = True
            self._replay_settled(read_origin(self._ring.buffer, self._ring.at, record.size))
        if record.flags & CANCEL and key not in self.to_cancel:
            self.to_cancel.append(key)

    def _replay_settled(self, key):
        self._unsettled.discard(*key)
        if key in self.to_cancel:
            self.to_cancel.remove(key)

    # Blocks that a reclaim before the cut had finished copying are given up at once.
    def _pass_what_was_copied(self):
        ring = self._ring
        while ring.tail != ring.head and ring.tail_sequence < self._copied[0]:
            end, slot = ring.end_of(ring.tail), 1
            while slot < end and ring.read(ring.tail, slot):
                self._worth -= _TAP_WORTH if ring.record.kind == TAP else 1
                slot += ring.record.slots
            ring.advance_tail()
