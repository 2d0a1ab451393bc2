"""The heartbeat: when it goes out, what it says of this handset, and what its answer brings.

Law: only the approved answer to the outstanding heartbeat is heard here (session.py matches the
digest, and with it the nonce); it sets the clock only when the round trip took at most 10 s.
At each connect and then hourly; unanswered again after 30 s, doubling to an hour. A report tells
of one journal (key 8); older ones that are still on flash follow, each half a minute later.
"""

from micropython import const

from firmware import VERSION, again, keys_held
from firmware import session as rules
from firmware.outbox import OutboxFull
from firmware.outbox_kept import older_journals, oldest_kept
from protocol import codes
from protocol.limits import HEARTBEAT_EVERY_S

RETRY_MS = const(30000)
# told of a list to send again; the list may be longer
_TOLD_MAX = const(8)
_EPOCHS_MAX = const(8)


class Beats:
    """`keys`: KeysHeld. `resends`: Again. `offer`: the next key and the epoch it came under, for
    `rotate`, when the answer's own memory is free again. `say(kind, *values)` keeps
    what is to be told."""

    def __init__(self, board, outbox, clock, keys, resends, say):
        self.board = board
        self.outbox = outbox
        self.clock = clock
        self.keys = keys
        self.resends = resends
        self.say = say
        self.wait_ms = RETRY_MS
        self.due_ms = 0
        self.offer = None
        # which journal the next report tells of: 0 the one in use, then older ones still kept
        self.turn = self.older = 0
        # whether some journal was asked for; whether all had their say and none was
        self.asked = self.quiet = False


def connected(beats, now):
    """One is due at once."""
    beats.due_ms = now
    beats.wait_ms = RETRY_MS
    beats.turn = 0
    beats.asked = False


def report(beats, now):
    """What to send when `due_ms` has come or `resends.ended`; None: not yet."""
    if beats.resends.ended:  # there may be more than one list could hold
        beats.resends.ended = False
        beats.wait_ms = RETRY_MS
        beats.due_ms = min(beats.due_ms, now + RETRY_MS)
    if now < beats.due_ms:
        return None
    if beats.turn and beats.resends.walking:
        # an older journal's answer brings a list that takes the place of the one being sent
        beats.due_ms = now + RETRY_MS
        return None
    # the answer sets the hourly rhythm
    beats.due_ms = now + beats.wait_ms
    beats.wait_ms = min(beats.wait_ms * 2, HEARTBEAT_EVERY_S * 1000)
    return _said(beats)


def _said(beats):
    board, outbox, keys = beats.board, beats.outbox, beats.keys
    span = _kept(beats, outbox)
    used = keys_held.in_use(keys, outbox)
    if beats.older and not beats.quiet:
        # what an older journal may have to send again was sealed under any of them
        used = tuple(range(max(1, keys.epoch - _EPOCHS_MAX), keys.epoch))
    elif len(keys.held) > 1:
        keys_held.forget(keys, used)
    report = {0: VERSION, 3: outbox.unsettled, 6: board.name, 7: board.reset_cause,
              8: span, 9: used}
    for key, value in ((1, board.battery_percent()), (2, board.signal_dbm()),
                       (4, board.heap_free())):
        if value is not None:
            report[key] = value
    return report


def _kept(beats, outbox):
    beats.older, span = older_journals(outbox, beats.turn)
    if span:
        return span
    beats.turn = 0
    return outbox.journal, oldest_kept(outbox), outbox.last_trace


def answered(beats, question, reply, now):
    """Act on the answer. One that is not approved is as none: it is asked again."""
    if reply.code != codes.APPROVED:
        return
    outbox, keys, say = beats.outbox, beats.keys, beats.say
    # first: where flash or memory fails the question was not answered, and is asked again
    if reply.highest_trace and reply.journal == outbox.journal:
        try:
            outbox.raise_trace(reply.highest_trace)
        except OutboxFull:
            pass  # the next heartbeat says it again
    keys.answered = keys.answered or question.epoch == keys.epoch
    beats.turn += 1
    if reply.send_again:
        beats.asked, beats.quiet = True, False
    if beats.turn > beats.older:
        beats.quiet, beats.asked = not beats.asked, False
    if rules.sets_clock(question, now):
        more = beats.turn <= beats.older  # older journals have their say before the hour
        beats.due_ms = now + (RETRY_MS if more else HEARTBEAT_EVERY_S * 1000)
        beats.clock.set(reply.at, now)
        say("clock", reply.at)
    if reply.next_key:
        beats.offer = reply.next_key, question.epoch
    if reply.send_again:
        again.ask(beats.resends, reply.send_again)
        for each in reply.send_again[:_TOLD_MAX]:
            say("asked_again", *each)


def rotate(beats, now):
    """Take the next key that was offered; why not, is told."""
    (offer, epoch), beats.offer = beats.offer, None
    try:
        why = keys_held.rotate(beats.keys, offer, epoch)
    except MemoryError:  # it is offered again
        why = "memory"
    if why:
        beats.say("not_rotated", offer[0], why)
        return
    beats.say("rotated", offer[0])
    connected(beats, now)  # at once under the new key: answered, it shows that the old one may go
