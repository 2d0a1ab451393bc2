"""Conflicts and voids, carried out: what dispatch.py does when the rare happens.

`own` is the Dispatch. Apart from it so that a handset loads this only when it is needed. The
laws are conflict.py's and autovoid.py's; nothing here is told before it is durable.
"""

from micropython import const

from firmware import autovoid, conflict, link
from firmware.outbox import OutboxFull
from firmware.outbox_find import tell_moves, void_of
from firmware.outbox_kept import code_of
from firmware.recall import content, original
from firmware.session import type_of
from protocol import codes
from protocol.fields import VOID

_VOID_SIZE_MAX = const(128)


def mounted(own):
    """What stands in the outbox may be other than was known, or was found by a boot."""
    outbox = own._outbox
    link.remounted(own.link)
    for key in outbox.to_cancel:
        row = autovoid.of(own.cancels, key)
        if row is None:
            autovoid.found(own.cancels, key, void_of(outbox, key))
        elif row[2] is None:
            _found_voided(own, row, key)
    outbox.to_cancel = []
    if outbox.found_moved:  # who was to hear of it may not have, when the power went
        tell_moves(outbox, own._tell)


# the device failed when its void was being written, and it may be there
def _found_voided(own, row, key):
    row[2] = void_of(own._outbox, key)
    if row[2]:
        own._say("saved", row[2][0], row[2][1], VOID, key)
        _hear(own, "cancelling", key, row[2], True)


def found_saved(own, key, kind, now, named):
    """What a fault of flash or heap interrupted has come to stand in the outbox."""
    if autovoid.online_only(kind) and not autovoid.of(own.cancels, key):
        autovoid.saved(own.cancels, key, now)
    own._tell("saved", key[0], key[1], kind, named)


def cancel(own, now):
    """Journal the voids that are owed; `announce` must follow. Milliseconds until there may be
    more to do, or None."""
    key = autovoid.owed(own.cancels, now)
    while key and _void(own, key, now):
        key = autovoid.owed(own.cancels, now)
    return autovoid.due(own.cancels, now)


def _void(own, key, now):
    """Journal the void of `key`; False when there is no room yet."""
    try:
        void = own.journal(VOID, now, original=key)
    except OutboxFull:
        autovoid.no_room(own.cancels, key, now)
        return False
    autovoid.voided(own.cancels, key, void)
    _hear(own, "cancelling", key, void, own._outbox.waits(*key))
    return True


def _hear(own, *event):
    own._news.append((own._on_event, event))


def answered(own, key, frame, reply, now):
    """What a conflict, or a final answer where there is something to cancel, means beside
    settling its entry: SETTLE, QUIETLY (nobody need hear of it) or LATER (it must wait)."""
    if reply.code == codes.TRACE_CONFLICT:
        return _journal_again(own, key, frame, now)
    becomes = _cancelled_first(own, key, frame, reply, now)
    if becomes == autovoid.SETTLE:
        voided = autovoid.voided_by(own.cancels, key)
        if voided:  # it need not wait any longer
            link.soon(own.link, voided, now)
        autovoid.settled(own.cancels, key)
    return becomes


# The same message under a fresh journal, and a void of that where there was one of `old`.
def _journal_again(own, old, frame, now):
    outbox, rows, keys = own._outbox, own.cancels, own.keys
    gone = (type_of(frame) != VOID
            and (autovoid.owes(rows, old, now) or void_of(outbox, old) is not None))
    own.link.appended()
    try:
        new = conflict.journal_again(
            outbox, own._board.random, keys.key, own._terminal_id, keys.epoch, old,
            gone or autovoid.of(rows, old) is not None, _VOID_SIZE_MAX if gone else 0)
    except OutboxFull:
        return autovoid.LATER
    autovoid.moved(rows, old, new, gone)
    own._say("conflict", old, new)
    _hear(own, "moved", old, new)
    if gone:
        _void(own, new, now)
    return autovoid.QUIETLY


def _cancelled_first(own, key, frame, reply, now):
    if autovoid.owes(own.cancels, key, now):
        return autovoid.SETTLE if _void(own, key, now) else autovoid.LATER
    if type_of(frame) != VOID or reply.code == codes.APPROVED:
        return autovoid.SETTLE
    named = original(content(frame))
    if named is None:
        return autovoid.SETTLE
    outbox = own._outbox
    becomes = autovoid.void_answered(reply.code, outbox.waits(*named), code_of(outbox, *named))
    if becomes == autovoid.AGAIN:
        again = void_of(outbox, named, key, True) or _void(own, named, now)
        becomes = autovoid.QUIETLY if again else autovoid.LATER
    return becomes
