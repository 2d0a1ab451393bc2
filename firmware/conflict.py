"""The gateway knows our trace with other content (62): what becomes of the tap.

Law: the message is journaled again under a fresh journal, and only then the old entry is settled
as conflict. A power cut in between leaves a copy behind; it is known by its content, which is the
old one's but for journal and trace, so the same tap is never journaled twice. Equal taps of
one second have equal content: a copy stands for one of them, and the settled ones have theirs.
"""

from firmware.recall import content
from protocol import cbor, codes, frames
from protocol.limits import U32_MAX, UP


def journal_again(outbox, random, key, terminal_id, epoch, old, frame):
    """(journal, trace, whether it was appended now). OutboxFull: there is no room yet."""
    if old[0] == outbox.journal:
        outbox.new_journal(_drawn(random, outbox.journal))
    said = content(frame)
    copy = _copy_of(said, outbox, old[0])
    if copy:
        return copy[0], copy[1], False
    said[1], said[2] = outbox.journal, outbox.next_trace
    again = frames.seal(key, UP, terminal_id, epoch, cbor.encode(said))
    outbox.append(said[2], again, reserve=True)
    return said[1], said[2], True


def _drawn(random, present):
    while True:
        journal = int.from_bytes(random(4), "big")
        if 0 < journal <= U32_MAX and journal != present:
            return journal


def _copy_of(said, outbox, old_journal):
    copies, moved = [], 0
    for record in outbox.records():
        if record.journal == outbox.journal:
            if _same(content(record.frame), said):
                copies.append((record.journal, record.trace))
        elif record.journal == old_journal and record.settled:
            if record.settled[0] == codes.TRACE_CONFLICT and _same(content(record.frame), said):
                moved += 1
    return copies[moved] if moved < len(copies) else None


def _same(one, other):
    if len(one) != len(other):
        return False
    for key, value in one.items():
        if key not in (1, 2) and other.get(key) != value:
            return False
    return True
