"""A terminal's day as both sides count it: found and counted, a block a call.

Law (protocol/README.md, "Batch close"): what was answered 0 counts under its type, with the money
its frame names and the points of its answer, nothing else; a close counts nowhere. A day begins
behind the last approved close of this journal. Nothing is written here. Whatever a call has found
is in the value it returns, and the next call goes on from it: RAM holds totals and the taps whose
answer was not met yet, two blocks of them at most, and a call reads one block. Answers mostly
stand right behind their taps; where hundreds of taps were made offline they stand far behind, in
nearly the same order, and are looked for from where those of the taps before were found.

    ("no", why, how many)   offline, unsettled: no day-end now; nothing: nothing was tapped
    ("back", block)         looking for the last close
    ("count", Count, percent)
    ("done", Count)
Part of the outbox, and so it may know its insides.
"""

from collections import namedtuple

from micropython import const

from firmware.outbox_format import MOVED, SETTLE, TAP, read_origin, read_outcome
from firmware.outbox_kept import oldest_kept
from firmware.outbox_ring import corrupt
from firmware.recall import amount_of, content
from firmware.session import type_of
from firmware.states import did
from protocol.fields import BATCH_CLOSE

# Traces `first` to `last` of `journal`. `taps`: how many stand in it, whatever became of them;
# `totals`: rows (type, count, amount_minor, points). `begun`: (sequence, block) where the day
# begins; `block`: whose taps are collected next, None: all are. `pending`: trace, type and amount
# of each tap without its answer so far. `seek`: the block in which answers are looked for next, or
# None; `since`: where that began; `hint`: where the last search met its first answer, or None.
Count = namedtuple("Count", ("journal", "first", "last", "taps", "totals", "begun", "block",
                             "pending", "seek", "since", "hint"))

_PENDING_MAX = const(144)  # numbers, three a tap; a block has no more than 42 taps
TOTALS = const(13)


def refusal(app):
    """Why there can be no day-end now, or None."""
    if app.outbox.unsettled:
        return "no", "unsettled", app.outbox.unsettled
    return None if app.up() else ("no", "offline", 0)


def turn(app, at):
    """The next value; `at`: the value before, None to begin."""
    outbox = app.outbox
    ring = outbox._ring
    if at is None:
        return refusal(app) or ("back", ring.head)
    if at[0] == "back":
        return _back(outbox, at[1]) if ring.holds(at[1]) else ("back", ring.head)
    count = at[1]
    if count.journal != outbox.journal or count.begun[0] < ring.tail_sequence:
        return "back", ring.head  # another journal, or a block of it was given up: anew
    after = _sought(ring, count) if count.seek is not None else _collected(outbox, count)
    if after.block is None and not after.pending:
        return ("done", after) if after.taps else ("no", "nothing", 0)
    whole = _ahead(ring, ring.head) - _ahead(ring, after.begun[1]) + 1
    there = ring.head if after.block is None else after.block
    return "count", after, 100 * (_ahead(ring, there) - _ahead(ring, after.begun[1])) // whole


def close_of(outbox, key):
    """The totals that the close `key` told, as rows; None where its frame is gone."""
    try:
        said = content(outbox.frame(*key))[TOTALS]
    except KeyError:
        return None
    return rows_of(said)


def rows_of(totals):
    """{type: (count, amount_minor, points)} as rows; those of nothing are as if not there."""
    return tuple([(kind,) + tuple(totals[kind]) for kind in sorted(totals)
                  if kind and any(totals[kind])])


def _ahead(ring, block):
    return (block - ring.tail) % ring.blocks


def _stand(ring, block, slot):
    if not ring.read(block, slot):
        raise corrupt("a record of block %d cannot be read" % block)
    return ring.record


# The last approved close in this block, or the block before.
def _back(outbox, block):
    ring, search = outbox._ring, outbox._search
    journal, closes, slot, end = outbox.journal, [], 1, ring.end_of(block)
    while slot < end:
        record = _stand(ring, block, slot)
        if (record.kind == TAP and record.source < ring.tail_sequence
                and record.journal == journal and type_of(search.frame()) == BATCH_CLOSE):
            closes.append(slot)
        slot += record.slots
    while closes:
        slot = closes.pop()
        record = _stand(ring, block, slot)
        trace, behind = record.trace, slot + record.slots
        last = content(bytes(search.frame()))[TOTALS][0][1]
        code, _, receipt = search.outcome(journal, trace, block, behind)
        if did(BATCH_CLOSE, code, receipt):
            return _begun(outbox, block, trace + 1 if last + 1 == trace else last + 1)
    if block == ring.tail:
        return _begun(outbox, block, oldest_kept(outbox))
    if ring.ring_header(block).journal != journal:  # it began in this block
        return _begun(outbox, block, 1)
    return "back", (block - 1) % ring.blocks


def _begun(outbox, block, first):
    last = outbox.last_trace
    if first > last:
        return "no", "nothing", 0
    begun = outbox._ring.ring_header(block).sequence, block
    return "count", Count(outbox.journal, first, last, 0, (), begun, block, (), None, None,
                          None), 0


# the taps of the next block, and the answers that stand there
def _collected(outbox, count):
    ring, journal, block = outbox._ring, count.journal, count.block
    pending, totals, taps = list(count.pending), list(count.totals), count.taps
    slot, end = 1, ring.end_of(block)
    while slot < end:
        record = _stand(ring, block, slot)
        _meet(ring, journal, pending, totals)
        if (record.kind == TAP and record.source < ring.tail_sequence
                and record.journal == journal and count.first <= record.trace <= count.last):
            said = content(bytes(outbox._search.frame()))
            if said[0] != BATCH_CLOSE:
                taps += 1
                pending.extend((record.trace, said[0], amount_of(said)))
        slot += record.slots
    seek, behind = None, ring.next(block)
    if block == ring.head:
        if pending:
            raise corrupt("the answer to trace %d is gone" % pending[0])
        behind = None
    elif len(pending) > _PENDING_MAX:
        seek = behind
        if count.hint is not None and _ahead(ring, count.hint) > _ahead(ring, behind):
            seek = (count.hint - 1) % ring.blocks  # answers come in any order within a window
    return Count(journal, count.first, count.last, taps, tuple(totals), count.begun, behind,
                 tuple(pending), seek, seek, count.hint if seek is None else None)


# Only answers, in a block further on. What is not found up to the head stands before `since`.
def _sought(ring, count):
    pending, totals, block = list(count.pending), list(count.totals), count.seek
    slot, end, hint = 1, ring.end_of(block), count.hint
    while slot < end:
        slot += _stand(ring, block, slot).slots
        if _meet(ring, count.journal, pending, totals) and hint is None:
            hint = block
    seek = ring.next(block) if pending else None
    if seek is not None and block == ring.head:
        seek = count.block
    if seek is not None and seek == count.since:
        raise corrupt("the answer to trace %d is gone" % pending[0])
    return Count(count.journal, count.first, count.last, count.taps, tuple(totals), count.begun,
                 count.block, tuple(pending), seek, count.since, hint)


# what the record says of a tap that waits for its answer; True where it does
def _meet(ring, journal, pending, totals):
    record = ring.record
    if record.kind == SETTLE:
        key, outcome = (record.journal, record.trace), read_outcome(ring.buffer, ring.at)
    elif record.kind == TAP and record.flags & MOVED:
        key, outcome = read_origin(ring.buffer, ring.at, record.size), None
    else:
        return False
    for at in range(0, len(pending), 3):
        if key == (journal, pending[at]):
            kind, amount_minor = pending[at + 1], pending[at + 2]
            pending[at:at + 3] = []
            if outcome and did(0, outcome[0], outcome[2]):
                _add(totals, kind, amount_minor, outcome[1] or 0)
            return True
    return False


def _add(totals, kind, amount_minor, points):
    for at, row in enumerate(totals):
        if row[0] == kind:
            totals[at] = (kind, row[1] + 1, row[2] + amount_minor, row[3] + points)
            return
    totals.append((kind, 1, amount_minor, points))
    totals.sort()
