"""What a frame from the gateway means for this terminal. Pure: bytes and `now` in, values out.

Law: an entry is settled only by an authentic reply for (terminal, journal, trace) that carries
the digest of the very frame that stands in the outbox. In order, a frame that came down is
  1. unreadable      not one of our frames, or larger than 1,400 bytes
  2. foreign         sealed for another terminal, or under an epoch we do not hold
  3. unauthentic     its tag does not hold
  4. meaningless     authentic, but no reply (a newer gateway): as if it had not come
  5. stray           no question or entry of ours with that digest (late, double, conflict lost)
  6. an answer       and then its code alone decides what becomes of the entry.

Only the answer to the newest heartbeat sets the clock, and only if it came within 10 s. A reply
that was stored, repeated or held back can therefore never set it.
"""

from collections import namedtuple

from micropython import const

from firmware.errors import ReplyRefused
from protocol import codes, frames
from protocol.errors import ProtocolError
from protocol.fields import HEARTBEAT, read_reply
from protocol.limits import DOWN, FRAME_DOWN_SIZE_MAX, REPLY_TYPE_BASE

# What becomes of a journaled entry, by the code of its reply.
FINAL = const(1)
TRANSIENT = const(2)
CONFLICT = const(3)

CLOCK_ROUND_TRIP_MS_MAX = const(10000)

# A question outside the journal: `kind` is its type, `digest` that of its only frame.
Question = namedtuple("Question", ("kind", "journal", "digest", "asked_ms"))


def verdict(code):
    """FINAL, TRANSIENT or CONFLICT. 63 is final: keys 6 and 11 carry the stored outcome."""
    if code == codes.TRACE_CONFLICT:
        return CONFLICT
    return TRANSIENT if codes.transient(code) else FINAL


def settlement(reply):
    """(code, points, receipt) for the outbox; None for what the reply does not carry."""
    return reply.code, reply.points, reply.receipt


def sets_clock(question, now):
    """Whether the answer to this heartbeat is fresh enough to set the clock."""
    round_trip_ms = now - question.asked_ms
    return question.kind == HEARTBEAT and round_trip_ms <= CLOCK_ROUND_TRIP_MS_MAX


class Session:
    """`keys`: ((epoch, key), ...) this terminal holds, the newest first."""

    def __init__(self, terminal_id, keys):
        self._terminal_id = terminal_id
        self._keys = keys
        self._questions = []

    def read(self, frame):
        """The authentic Reply in a frame that came down, else ReplyRefused with its reason."""
        payload = self._authentic(frame)
        try:
            return read_reply(payload)
        except ProtocolError:
            raise ReplyRefused("meaningless")

    def _authentic(self, frame):
        try:
            parts = frames.split(frame, FRAME_DOWN_SIZE_MAX)
        except ProtocolError:
            raise ReplyRefused("unreadable")
        key = None
        for epoch, held in self._keys:
            if epoch == parts.epoch:
                key = held
        if parts.terminal_id != self._terminal_id or key is None:
            raise ReplyRefused("foreign")
        if not frames.authentic(key, DOWN, parts):
            raise ReplyRefused("unauthentic")
        return parts.payload

    # -- questions outside the journal ---------------------------------------------------------

    def asked(self, kind, journal, digest, now):
        """A question went out; an older one of its kind is no longer outstanding."""
        self.forget(kind)
        self._questions.append(Question(kind, journal, digest, now))

    def forget(self, kind):
        self._questions = [each for each in self._questions if each.kind != kind]

    def outstanding(self):
        """The questions that wait for an answer, oldest first."""
        return self._questions

    def answered(self, reply):
        """The question this reply (trace 0) answers, taken off the list; ReplyRefused if none."""
        for question in self._questions:
            if question.digest == reply.digest and question.journal == reply.journal:
                if reply.type == REPLY_TYPE_BASE + question.kind:
                    self._questions.remove(question)
                    return question
        raise ReplyRefused("stray")

