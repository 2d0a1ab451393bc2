"""What the outbox says about a tap, in words for people."""

from protocol import cbor, frames
from protocol.limits import FRAME_UP_SIZE_MAX


def content(frame):
    """The message in one of our own frames: {key: value}."""
    return cbor.decode(frames.split(frame, FRAME_UP_SIZE_MAX).payload)


def identity(outbox, key):
    """The (journal, trace) under which this message stands now; its own unless it has moved."""
    while True:
        moved = outbox.moved_to(*key)
        if moved is None:
            return key
        key = moved


def last_tap(outbox):
    """For the first screen after a boot: ("last", trace, amount, card id, settled), or None."""
    record = outbox.last()
    if record is None:
        return None
    said = content(record.frame)
    card = said.get(6)
    return "last", record.trace, said.get(7, 0), card[1] if card else None, record.settled
