"""Conflicts and voids, carried out: what dispatch.py does when the rare happens.

`own` is the Dispatch. Apart from it so that a handset loads this only when it is needed. The
laws are conflict.py's and autovoid.py's; nothing here is told before it is durable.
"""

from micropython import const

from firmware import autovoid, conflict, link
from firmware.outbox import OutboxFull
from firmware.outbox_find import identity, tell_moves, void_of
from firmware.outbox_kept import code_of, has_moved
from firmware.recall import content, original
from firmware.session import type_of
from protocol import codes, frames
from protocol.fields import VOID, reply_of
from protocol.limits import REPLY_TYPE_BASE

_VOID_SIZE_MAX = const(128)


def mounted(own):
    """What stands in the outbox may be other than was known, or was found by a boot."""
    outbox = own._outbox
    link.remounted(own.link)
    if own.in_doubt:
        _find_settled(own)
    _prune(own)
    for key in outbox.to_cancel:
        row = autovoid.of(own.cancels, key)
        if row is None:
            autovoid.found(own.cancels, key, void_of(outbox, key))
        elif row[2] is None:
            _found_voided(own, row, key)
    outbox.to_cancel = []
    if outbox.found_moved:  # who was to hear of it may not have, when the power went
        tell_moves(outbox, own._tell)


# a fault may have come between an answer on flash and what was to be noted behind it
def _prune(own):
    for row in own.cancels[:]:
        if not own._outbox.doubtful and not own._outbox.waits(*row[0]):
            own.cancels.remove(row)


# the device failed when its answer was being written, and it may be there: then nobody was told
def _find_settled(own):
    key, news = own.in_doubt
    if not own._outbox.waits(*key):
        own._news.extend(news)
        own.link.settled(key)
        link.let_go(own.link, key, 0)
    own.in_doubt = None


# device or heap failed when its void was being written, and it may be there
def _found_voided(own, row, key):
    row[2] = void_of(own._outbox, key)
    if row[2]:
        own.voiding = None
        if row[2] != own.told:
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
    _prune(own)
    key = autovoid.owed(own.cancels, now)
    while key and _void(own, key, now):
        key = autovoid.owed(own.cancels, now)
    return autovoid.due(own.cancels, now)


def _void(own, key, now, but=None):
    """Journal the void of `key`, or another one than `but`; False when there is no room yet."""
    # where this broke off before, for want of memory, it may be there
    void = void_of(own._outbox, key, but, True) if own.voiding == key else None
    own.voiding = key
    if void is None:
        try:
            void = own.journal(VOID, now, original=key)
        except OutboxFull:
            own.voiding = None
            autovoid.no_room(own.cancels, key, now)
            return False
    elif void != own.told:
        own._say("saved", void[0], void[1], VOID, key)
    _hear(own, "cancelling", key, void, own._outbox.waits(*key))
    autovoid.voided(own.cancels, key, void)
    own.voiding = None
    link.soon(own.link, void, now)
    return True


def _hear(own, *event):
    own._news.append((own._on_event, event))


def ended(own, key, now):
    """The final answer to `key` is on flash: not before that may its row be forgotten."""
    voided = autovoid.voided_by(own.cancels, key)
    if voided:  # it need not wait any longer
        link.soon(own.link, voided, now)
    autovoid.settled(own.cancels, key)


def may_go(own, key, frame, now):
    """Whether this void may be sent; else it waits for its original, or goes with it.

    A sale's void waits for the final answer, for what the gateway has under that name may be
    another tap. The gateway may say "later" for ever to what it cannot do without the member: to
    its void any answer is enough.
    """
    named = original(content(frame))
    if named is None or link.resends(own.link, key):
        return True
    row = autovoid.of(own.cancels, named)
    if own.voiding == named and row and row[2] is None:  # it is still to be told
        own.link.postponed(key, now)
        return False
    outbox = own._outbox
    if outbox.waits(*named):
        if (autovoid.online_only(type_of(outbox.frame(*named)))
                and link.answered(own.link, key, named)):
            return True
        link.hold(own.link, key, named, now)
        return False
    code = code_of(outbox, *named)
    # where its block was needed meanwhile, only the one that stands in for it still tells
    if code != codes.TRACE_CONFLICT and (code is not None or identity(outbox, named) == named):
        return True
    own.link.postponed(key, now)
    if (key, None) not in own.to_move:
        own.to_move.append((key, None))
    return False


def move(own, now):
    """The oldest that is to be named anew: one that was answered 62, or (at no time) a void that
    may not go, because its original was."""
    old, at = own.to_move.pop(0)
    if own._outbox.waits(*old):
        if at is None:
            _follow(own, old, now)
        else:
            _conflicted(own, old, at, now)


# Each step in a unit of its own, for where the heap is short they must not stand there together.
def _conflicted(own, old, at, now):
    found = _looked(own, old, now)
    new = found and _named_anew(own, old, found[1], found[2])
    if new:
        _moved(own, old, new, found, at, now)
    else:
        own.link.postponed(old, now)


def _follow(own, void, now):
    new = _named_anew(own, void, False, 0, False)
    if new is None:
        own.link.postponed(void, now)
        return
    own.link.settled(void)
    autovoid.voided(own.cancels, original(content(own._outbox.frame(*new))), new)
    own._say("conflict", void, new)
    _hear(own, "moved", void, new)


# (did it move before, is it one that must be answered, room for a void, its void, is it to be
# voided, its type, its digest); None: not now
def _looked(own, old, now):
    outbox, rows = own._outbox, own.cancels
    before = has_moved(outbox, old)
    if before and link.full(own.link):
        return None
    row = autovoid.of(rows, old)
    void = row and row[2]
    # that of a sale waits on flash for as long as the sale does, and moves by itself (`may_go`)
    gone = void or autovoid.owes(rows, old, now)
    frame = outbox.frame(*old)
    kind = type_of(frame)
    spare = 0 if kind == VOID else _VOID_SIZE_MAX
    return before, row is not None, spare, void, gone, kind, frames.digest(frame)


# None: there is no room
def _named_anew(own, old, cancel, spare, fresh=True):
    own.link.appended()
    try:
        return conflict.journal_again(own._outbox, own._board.random, own.keys.key,
                                      own._terminal_id, own.keys.epoch, old, cancel, spare, fresh)
    except OutboxFull:
        return None


# The first time it goes out at once; a gateway that says 62 to everything may not wear out flash
# and network. A void of `old` becomes one of `new`.
def _moved(own, old, new, found, at, now):
    before, _, _, void, gone, kind, digest = found
    if before:
        link.moved(own.link, old, new, now)
    autovoid.moved(own.cancels, old, new, gone)
    own._say("conflict", old, new)
    _hear(own, "moved", old, new)
    if void and own._outbox.waits(*void):
        # it is named anew when its turn comes: here there is no heap for that
        autovoid.voided(own.cancels, new, void)
    elif gone:
        _void(own, new, now)
    own.link.settled(old)
    link.let_go(own.link, old, now)
    own._say("settled", reply_of({0: REPLY_TYPE_BASE + kind, 1: old[0], 2: old[1], 3: digest,
                                  4: codes.TRACE_CONFLICT, 5: at}))


def answered(own, key, frame, reply, now):
    """What a final answer means, where there is something to cancel, beside settling its entry:
    SETTLE, QUIETLY (nobody need hear of it) or LATER (it must wait)."""
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
        again = void_of(outbox, named, key, True) or _void(own, named, now, key)
        becomes = autovoid.QUIETLY if again else autovoid.LATER
    return becomes
