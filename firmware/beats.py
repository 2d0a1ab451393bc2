"""The heartbeat: when it goes out, what it says of this handset, and what its answer brings.

Law: only the approved answer to the outstanding heartbeat is heard here (session.py matches the
digest, and with it the nonce); it sets the clock only when the round trip took at most 10 s.
At each connect and then hourly; unanswered again after 30 s, doubling to an hour.
"""

from micropython import const

from firmware import VERSION
from firmware import session as rules
from firmware.errors import RotationRefused
from firmware.outbox import OutboxFull
from firmware.outbox_kept import oldest_kept
from protocol import codes
from protocol.limits import HEARTBEAT_EVERY_S

RETRY_MS = const(30000)
# told of a list to send again; the list may be longer
_TOLD_MAX = const(8)


class Beats:
    """`keys`: KeysHeld. `again`: Again. `say(kind, *values)` keeps what is to be told."""

    def __init__(self, board, outbox, clock, keys, again, say):
        self._board = board
        self._outbox = outbox
        self._clock = clock
        self._keys = keys
        self._again = again
        self._say = say
        self._wait_ms = RETRY_MS
        self.due_ms = 0

    def connected(self, now):
        self.due_ms = now
        self._wait_ms = RETRY_MS

    def tend(self, now):
        """The report to send now, or None."""
        if self._again.ended:  # there may be more than one list could hold
            self._again.ended = False
            self._wait_ms = RETRY_MS
            self.due_ms = min(self.due_ms, now + RETRY_MS)
        if now < self.due_ms:
            return None
        # the answer sets the hourly rhythm
        self.due_ms = now + self._wait_ms
        self._wait_ms = min(self._wait_ms * 2, HEARTBEAT_EVERY_S * 1000)
        return self._report()

    def _report(self):
        board, outbox = self._board, self._outbox
        in_use = self._keys.in_use(outbox)
        try:
            self._keys.forget(in_use)
        except RotationRefused as refused:
            self._say("not_rotated", self._keys.epoch, refused.code)
        report = {0: VERSION, 3: outbox.unsettled, 6: board.name, 7: board.reset_cause,
                  8: (outbox.journal, oldest_kept(outbox), outbox.last_trace), 9: in_use}
        for key, value in ((1, board.battery_percent()), (2, board.signal_dbm()),
                           (4, board.heap_free())):
            if value is not None:
                report[key] = value
        return report

    def answered(self, question, reply, now):
        """Act on the answer. One that is not approved is as none: it is asked again."""
        if reply.code != codes.APPROVED:
            return
        self._keys.answered_under(question.epoch)
        if rules.sets_clock(question, now):
            self.due_ms = now + HEARTBEAT_EVERY_S * 1000
            self._clock.set(reply.at, now)
            self._say("clock", reply.at)
        if reply.highest_trace and reply.journal == self._outbox.journal:
            self._raise(reply.highest_trace)
        if reply.next_key:
            self._rotate(reply.next_key, question.epoch, now)
        if reply.send_again:
            self._again.ask(reply.send_again)
            for each in reply.send_again[:_TOLD_MAX]:
                self._say("asked_again", *each)

    def _raise(self, highest):
        try:
            self._outbox.raise_trace(highest)
        except OutboxFull:
            pass  # the next heartbeat says it again

    def _rotate(self, offer, epoch, now):
        try:
            self._keys.rotate(offer, epoch)
        except RotationRefused as refused:
            self._say("not_rotated", offer[0], refused.code)
            return
        self._say("rotated", offer[0])
        # at once under the new key: answered, it shows that the old one may go
        self._wait_ms = RETRY_MS
        self.due_ms = now
