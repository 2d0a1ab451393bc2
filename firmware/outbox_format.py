"""The bytes of the outbox: block headers and records, and when they may be believed.

    block   4,096 bytes = 128 slots of 32; slot 0 is the header, records begin at slot 1; the last
            slot stays free until the next block was opened, and then has that one's header too
    header  magic, version, where its copied part ends, where the block before it ended, number of
            blocks, sequence, home, tail, journal, last trace, erase count, CRC
    tap     kind, flags, size, journal, trace, source, CRC, then the frame, padded with 0xFF to
            a slot; with MOVED 8 bytes behind the frame: journal and trace it stands in for
    settle  kind, code, what follows, quiet, journal, trace, points, receipt, money, CRC: one slot
    note    kind, seen, journal, last trace, CRC: one slot; a new journal, traces jumped over, or
            SEEN: what did not post until here was acknowledged

Law: a CRC alone says whether something is there; nothing is concluded from 0xFF. `source` is 0 for
a tap as the merchant made it, else the sequence of the block it was copied from. A MOVED tap is
the same message under another identity: its record is the settlement (62) of the old one too, so
that there is never a moment with both or neither. CANCEL: whoever finds it unanswered voids it.
Numbers are little-endian. A later version keeps magic, version, sequence and CRC where they are,
so that an older program can say "newer" instead of "corrupt".
"""

from binascii import crc32
from collections import namedtuple
from struct import pack_into, unpack_from

from firmware.errors import FirmwareError

BLOCK_SIZE = 4096
SLOT_SIZE = 32
SLOTS = 128
RECORDS_END = SLOTS - 1
FRAME_SIZE_MAX = 1024
BLOCKS_MIN = 8
VERSION = 1
MAGIC = b"PWO"

TAP = 0x54
SETTLE = 0x53
NOTE = 0x4E
MOVED = 1
CANCEL = 2
TAP_HEAD_SIZE = 20
_ORIGIN_SIZE = 8
BUFFER_SLOTS = (TAP_HEAD_SIZE + FRAME_SIZE_MAX + _ORIGIN_SIZE + SLOT_SIZE - 1) // SLOT_SIZE + 1

_PADDING = b"\xff" * SLOT_SIZE
_HEADER = "<3sBBBHIHHIII"
_HEADER_CRC_AT = 28
_TAP = "<BBHIII"
_TAP_CRC_AT = 16
_SOURCE_AT = 12
_SETTLE = "<BBBBIIqII"
_NOTE = "<BBBBII"
_SHORT_CRC_AT = 28
SEEN = 1
_HAS_POINTS = 1
_HAS_RECEIPT = 2
_HAS_MONEY = 4

Header = namedtuple("Header", ("version", "copied_end", "previous_end", "blocks", "sequence",
                               "home", "tail", "journal", "last", "erases"))


class OutboxUnreadable(FirmwareError):
    """The outbox cannot be used; no tap in it was erased.

    `reason`: "blank" (never formatted), "corrupt", "wrong_size" or "newer_version".
    """

    code = "outbox_unreadable"

    def __init__(self, reason, detail):
        super().__init__(detail)
        self.reason = reason


class OutboxFull(FirmwareError):
    """No room: this record was not written, every earlier one is safe. Settle, then try again."""

    code = "outbox_full"


def slots_of(frame_size, flags=0):
    """Slots that a tap with a frame of this many bytes takes."""
    return (TAP_HEAD_SIZE + _body_size(frame_size, flags) + SLOT_SIZE - 1) // SLOT_SIZE


def _body_size(frame_size, flags):
    return frame_size + _ORIGIN_SIZE if flags & MOVED else frame_size


def write_header(buffer, header):
    pack_into(_HEADER, buffer, 0, MAGIC, header.version, header.copied_end, header.previous_end,
              header.blocks, header.sequence, header.home, header.tail, header.journal,
              header.last, header.erases)
    _seal(buffer, _HEADER_CRC_AT)


def read_header(buffer):
    """The header in these 32 bytes, or None where its CRC does not hold."""
    if not _sealed(memoryview(buffer), 0, _HEADER_CRC_AT):
        return None
    fields = unpack_from(_HEADER, buffer, 0)
    return Header(*fields[1:]) if fields[0] == MAGIC else None


class Record:
    """One record in a buffer: parsed in place, so that walking the ring allocates next to nothing.

    `kind` 0 means that nothing valid stands there.
    """

    def __init__(self):
        self.kind = self.slots = self.size = self.journal = self.trace = self.source = 0
        self.flags = 0

    def parse(self, view, at, end):
        """Look at `at`; True when the answer is certain, False when more than `end` is needed."""
        self.kind = 0
        kind = view[at]
        if kind == TAP:
            _, flags, size, journal, trace, source = unpack_from(_TAP, view, at)
            if not 0 < size <= FRAME_SIZE_MAX:
                return True
            body_end = at + TAP_HEAD_SIZE + _body_size(size, flags)
            if body_end > end:
                self.slots = slots_of(size, flags)
                return False
            seed = crc32(view[at:at + _TAP_CRC_AT])
            body = view[at + TAP_HEAD_SIZE:body_end]
            if crc32(body, seed) != unpack_from("<I", view, at + _TAP_CRC_AT)[0]:
                return True
            self.size, self.source, self.flags = size, source, flags
            self.slots = slots_of(size, flags)
        elif kind == SETTLE or kind == NOTE:
            if not _sealed(view, at, _SHORT_CRC_AT):
                return True
            journal, trace = unpack_from("<II", view, at + 4)
            self.size, self.source, self.flags, self.slots = 0, 0, 0, 1
        else:
            return True
        self.kind, self.journal, self.trace = kind, journal, trace
        return True


def write_tap(buffer, journal, trace, frame, flags=0, origin=None):
    """Fill `buffer` with the record; how many slots it takes. `origin` with MOVED only."""
    end = TAP_HEAD_SIZE + len(frame)
    pack_into(_TAP, buffer, 0, TAP, flags, len(frame), journal, trace, 0)
    buffer[TAP_HEAD_SIZE:end] = frame
    if origin:
        pack_into("<II", buffer, end, origin[0], origin[1])
        end += _ORIGIN_SIZE
    over = -end % SLOT_SIZE
    buffer[end:end + over] = _PADDING[:over]
    _seal_tap(buffer, 0, end - TAP_HEAD_SIZE)
    return (end + over) // SLOT_SIZE


def read_origin(buffer, at, size):
    """(journal, trace) that the MOVED tap at `at` with a frame of `size` bytes stands in for."""
    return unpack_from("<II", buffer, at + TAP_HEAD_SIZE + size)


def set_source(buffer, at, record, source):
    """Mark the tap at `at` as a copy out of the block with this sequence; all else stays."""
    pack_into("<I", buffer, at + _SOURCE_AT, source)
    _seal_tap(buffer, at, _body_size(record.size, record.flags))


def write_settle(buffer, journal, trace, code, points, receipt, money_minor=None, quiet=0):
    flags = (0 if points is None else _HAS_POINTS) | (0 if receipt is None else _HAS_RECEIPT)
    if money_minor is None or money_minor >> 32:  # as much as no gateway of ours hands back
        money_minor = 0
    else:
        flags |= _HAS_MONEY
    pack_into(_SETTLE, buffer, 0, SETTLE, code, flags, quiet, journal, trace, points or 0,
              receipt or 0, money_minor)
    _seal(buffer, _SHORT_CRC_AT)
    return 1


def read_outcome(buffer, at):
    """(code, points, receipt) of the settle record at `at`; None for what it did not carry."""
    _, code, flags, _, _, _, points, receipt, _ = unpack_from(_SETTLE, buffer, at)
    return (code, points if flags & _HAS_POINTS else None,
            receipt if flags & _HAS_RECEIPT else None)


def read_money(buffer, at):
    """The money of the answer in the settle record at `at`, None where it named none."""
    return unpack_from("<I", buffer, at + 24)[0] if buffer[at + 2] & _HAS_MONEY else None


def write_note(buffer, journal, last, seen=0):
    pack_into(_NOTE, buffer, 0, NOTE, seen, 0, 0, journal, last)
    for at in range(12, _SHORT_CRC_AT):
        buffer[at] = 0
    _seal(buffer, _SHORT_CRC_AT)
    return 1


def _seal(buffer, size):
    pack_into("<I", buffer, size, crc32(memoryview(buffer)[:size]))


def _sealed(view, at, size):
    return crc32(view[at:at + size]) == unpack_from("<I", view, at + size)[0]


def _seal_tap(buffer, at, size):
    view = memoryview(buffer)
    seed = crc32(view[at:at + _TAP_CRC_AT])
    body = view[at + TAP_HEAD_SIZE:at + TAP_HEAD_SIZE + size]
    pack_into("<I", buffer, at + _TAP_CRC_AT, crc32(body, seed))
