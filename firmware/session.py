"""What a frame from the gateway means for this terminal. Pure: bytes and `now` in, values out.

Law: an entry is settled only by an authentic reply for (terminal, journal, trace) that carries
the digest of the very frame that stands in the outbox. In order, a frame that came down is
  1. unreadable      not one of our frames, or larger than 1,400 bytes
  2. foreign         sealed for another terminal, or under an epoch we do not hold
  3. unauthentic     its tag does not hold
  4. meaningless     authentic, but no reply (a newer gateway): as if it had not come
  5. stray           no question or entry of ours waits for it (late, double, already settled)
  6. digest          its trace waits, but for the answer to other bytes than these
  7. epoch           right, but sealed under another epoch than its request: an old key that
                     leaked must not settle what was sealed under a newer one
  8. type            right, but the answer to another kind of message
  9. an answer       and then its code alone decides what becomes of the entry.

The first final answer counts: what comes behind it is stray, whatever it says. A transient one
settles nothing, so a final one may follow it at any time, asked for or not. Only the answer to
the newest heartbeat sets the clock, and only if it came within 10 s. A reply that was stored,
repeated or held back can therefore never set it.
"""

from collections import namedtuple

from micropython import const

from firmware.errors import ReplyRefused
from firmware.keys_held import epoch_of, key_of
from protocol import codes, frames
from protocol.errors import ProtocolError
from protocol.fields import HEARTBEAT, read_reply
from protocol.limits import DOWN, FRAME_DOWN_SIZE_MAX, REPLY_TYPE_BASE

# What becomes of a journaled entry, by the code of its reply.
FINAL = const(1)
TRANSIENT = const(2)
CONFLICT = const(3)

CLOCK_ROUND_TRIP_MS_MAX = const(10000)

# A question outside the journal: `kind` is its type, `digest` and `epoch` those of its only frame.
Question = namedtuple("Question", ("kind", "journal", "digest", "asked_ms", "epoch"))


def verdict(code):
    """FINAL, TRANSIENT or CONFLICT. 63 is final: keys 6 and 11 carry the stored outcome."""
    if code == codes.TRACE_CONFLICT:
        return CONFLICT
    return TRANSIENT if codes.transient(code) else FINAL


def settlement(reply):
    """(code, points, receipt, money) for the outbox; None for what the reply does not carry."""
    return reply.code, reply.points, reply.receipt, reply.amount_minor


def sets_clock(question, now):
    """Whether the answer to this heartbeat is fresh enough to set the clock."""
    round_trip_ms = now - question.asked_ms
    return question.kind == HEARTBEAT and round_trip_ms <= CLOCK_ROUND_TRIP_MS_MAX


def check(reply, epoch, frame):
    """ReplyRefused unless `reply`, sealed under `epoch`, answers this frame of ours."""
    if frames.digest(frame) != reply.digest:
        raise ReplyRefused("digest")
    if epoch_of(frame) != epoch:
        raise ReplyRefused("epoch")
    if reply.type != REPLY_TYPE_BASE + type_of(frame):
        raise ReplyRefused("type")


def type_of(frame):
    """The message type in a frame that we sealed: key 0, behind the head of the payload's map."""
    first = frame[14]
    payload_at = 15 if first < 0x58 else 16 if first == 0x58 else 17
    kind = frame[payload_at + 2]
    return kind if kind < 24 else frame[payload_at + 3]


def asked(session, kind, journal, frame, now):
    """A question went out; an older one of its kind is no longer outstanding."""
    session.forget(kind)
    session.questions.append(Question(kind, journal, frames.digest(frame), now,
                                          epoch_of(frame)))


class Session:
    """`keys`: what this terminal holds (KeysHeld). `questions`: those that wait for an answer,
    oldest first."""

    def __init__(self, terminal_id, keys):
        self._terminal_id = terminal_id
        self._keys = keys
        self.questions = []

    def read(self, frame):
        """(epoch, Reply) of an authentic frame that came down, else ReplyRefused and why."""
        parts = self._authentic(frame)
        try:
            return parts.epoch, read_reply(parts.payload)
        except ProtocolError:
            raise ReplyRefused("meaningless")

    def _authentic(self, frame):
        try:
            parts = frames.split(frame, FRAME_DOWN_SIZE_MAX)
        except ProtocolError:
            raise ReplyRefused("unreadable")
        key = key_of(self._keys, parts.epoch)
        if parts.terminal_id != self._terminal_id or key is None:
            raise ReplyRefused("foreign")
        if not frames.authentic(key, DOWN, parts):
            raise ReplyRefused("unauthentic")
        return parts

    # -- questions outside the journal ---------------------------------------------------------

    def forget(self, kind):
        self.questions = [each for each in self.questions if each.kind != kind]

    def answered(self, reply, epoch):
        """The question this reply (trace 0) answers; ReplyRefused if none. `forget` it then."""
        for question in self.questions:
            if question.digest == reply.digest and question.journal == reply.journal:
                if question.epoch != epoch:
                    raise ReplyRefused("epoch")
                if reply.type != REPLY_TYPE_BASE + question.kind:
                    raise ReplyRefused("type")
                return question
        raise ReplyRefused("stray")

