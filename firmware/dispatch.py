"""From a tap to its settlement: seal, append, send, match the reply. Everything but the waiting.

Law:
- a tap is sealed once and stands in the outbox, synced, before anyone hears of it; what is sent,
  now or after ten reboots, are those bytes;
- an entry is settled only as session.py says, and the outbox knows it before the screen does;
- 62 (the gateway knows our trace with other content) is conflict.py's: the tap goes out again
  under a fresh journal;
- questions (trace 0) are asked once, with a fresh nonce, and forgotten after 30 s.

What a frame brought is kept as news until `announce`: first everything is made durable, then
it is said. Events for the App: ("settled", reply) ("answer", reply) ("no_answer",)
("moved", old, new).
"""

from micropython import const

from firmware import VERSION, conflict
from firmware import session as rules
from firmware.errors import ReplyRefused
from firmware.link import Link
from firmware.outbox import OutboxFull
from protocol import codes, frames
from protocol import fields as messages
from protocol.limits import HEARTBEAT_EVERY_S, NONCE_SIZE
from protocol.sealer import Sealer

ANSWER_MS = const(30000)
_HEARTBEAT_RETRY_MS = const(30000)
# no message of this program is longer: a sale of 16 basket lines, a heartbeat's report
_FRAME_SIZE_MAX = const(512)


class Dispatch:
    """`tell(kind, *values)` is the log and the control channel; `on_event` the App's checkout."""

    def __init__(self, board, settings, outbox, clock, tell, on_event):
        self._board = board
        self._terminal_id = settings.terminal_id
        self._epoch = settings.epoch
        self._key = settings.key
        self._outbox = outbox
        self._clock = clock
        self._tell = tell
        self._on_event = on_event
        self._sealer = Sealer(_FRAME_SIZE_MAX)
        self.session = rules.Session(settings.terminal_id, ((settings.epoch, settings.key),))
        self.link = Link(outbox.following, board.random)
        self._to_ask = []
        self._news = []
        self._heartbeat_ms = 0
        self._heartbeat_wait_ms = _HEARTBEAT_RETRY_MS

    # -- what the App asks for -----------------------------------------------------------------

    def journal(self, kind, now, **fields):
        """Seal and append; (journal, trace), durable on return. OutboxFull: nothing happened."""
        journal, trace = self._outbox.journal, self._outbox.next_trace
        self._outbox.append(trace, self._seal(kind, journal, trace, now, fields))
        self.link.appended()
        self._tell("saved", journal, trace, kind, fields.get("original"))
        return journal, trace

    def ask(self, kind, now, **fields):
        """Seal a question; it goes out ahead of all taps, and takes the place of an older one."""
        fields["nonce"] = self._board.random(NONCE_SIZE)
        frame = bytes(self._seal(kind, self._outbox.journal, 0, now, fields))
        self.drop(kind)
        self._to_ask.append((kind, frame, now))

    def drop(self, kind):
        """Nobody waits for the answer any more."""
        self._to_ask = [each for each in self._to_ask if each[0] != kind]
        self.session.forget(kind)
        self.link.asked(len(self.session.outstanding()))

    def _seal(self, kind, journal, trace, now, fields):
        at, clock_age, uptime_s, boot_count = self._clock.fields(now)
        request = messages.request(kind, journal, trace, at=at, clock_age=clock_age,
                                   uptime_s=uptime_s, boot_count=boot_count, **fields)
        return self._sealer.seal_request(self._key, self._terminal_id, self._epoch, request)

    # -- the connection ------------------------------------------------------------------------

    def connected(self, now):
        self.link.connected(now)
        self._heartbeat_ms = now
        self._heartbeat_wait_ms = _HEARTBEAT_RETRY_MS

    def lost(self):
        self.link.lost()
        for kind, _ in self._asked():
            self._give_up(kind)

    def tend(self, now):
        """Give up what was not answered in time, and ask the heartbeat when it is due."""
        for kind, asked_ms in self._asked():
            if now - asked_ms >= ANSWER_MS:
                self._give_up(kind)
        if now >= self._heartbeat_ms:
            self.ask(messages.HEARTBEAT, now, report=self._report())
            # unanswered: again after 30 s, doubling to an hour; the answer sets the hourly rhythm
            self._heartbeat_ms = now + self._heartbeat_wait_ms
            self._heartbeat_wait_ms = min(self._heartbeat_wait_ms * 2, HEARTBEAT_EVERY_S * 1000)

    def pump(self, now, publish):
        """Hand everything that may go out now to `publish(frame)`, which gives a packet id."""
        while self._to_ask and self.link.free() > 0:
            kind, frame, _ = self._to_ask.pop(0)
            publish(frame)
            self.session.asked(kind, self._outbox.journal, frames.digest(frame), now)
            self.link.asked(len(self.session.outstanding()))
        key = self.link.next_send(now)
        while key is not None:
            self.link.sent(key, publish(self._outbox.frame(*key)))
            key = self.link.next_send(now)

    def due(self, now):
        """Milliseconds until `tend` or `pump` has something to do."""
        times = [self._heartbeat_ms - now]
        for _, asked_ms in self._asked():
            times.append(asked_ms + ANSWER_MS - now)
        if self._to_ask and self.link.free() > 0:
            times.append(0)
        waiting = self.link.due(now)
        if waiting is not None:
            times.append(waiting)
        return max(min(times), 0)

    # (kind, since when) of what somebody waits for, out already or behind a full window; a
    # heartbeat that has not gone out keeps its place
    def _asked(self):
        asked = [(each.kind, each.asked_ms) for each in self.session.outstanding()]
        return asked + [(kind, asked_ms) for kind, _, asked_ms in self._to_ask
                        if kind != messages.HEARTBEAT]

    def _give_up(self, kind):
        self.drop(kind)
        if kind == messages.INQUIRY:
            self._on_event(("no_answer",))

    def _report(self):
        board = self._board
        report = {0: VERSION, 3: self._outbox.unsettled, 6: board.name, 7: board.reset_cause}
        for key, value in ((1, board.battery_percent()), (2, board.signal_dbm()),
                           (4, board.heap_free())):
            if value is not None:
                report[key] = value
        return report

    # -- what came down --------------------------------------------------------------------------

    def announce(self):
        """Tell what happened since, in order: to the log, and events to the App."""
        while self._news:
            hear, *values = self._news.pop(0)
            hear(*values)

    def received(self, frame, now):
        """One frame from the down topic. What settles nothing is said and changes nothing."""
        try:
            reply = self.session.read(frame)
            if reply.trace:
                self._settle(reply, now)
            else:
                self._answer(reply, now)
        except ReplyRefused as refused:
            self._news.append((self._tell, "set_aside", refused.code))

    def _answer(self, reply, now):
        question = self.session.answered(reply)
        self.link.asked(len(self.session.outstanding()))
        if question.kind != messages.HEARTBEAT:
            self._news.append((self._on_event, ("answer", reply)))
            return
        if reply.code != codes.APPROVED:
            return  # `tend` asks again: an answer that set no clock must not rest for an hour
        if rules.sets_clock(question, now):
            self._heartbeat_ms = now + HEARTBEAT_EVERY_S * 1000
            self._clock.set(reply.at, now)
            self._news.append((self._tell, "clock", reply.at))
        if reply.highest_trace and reply.journal == self._outbox.journal:
            self._outbox.raise_trace(reply.highest_trace)

    def _settle(self, reply, now):
        key = (reply.journal, reply.trace)
        if not self._outbox.waits(*key):
            raise ReplyRefused("stray")
        frame = self._outbox.frame(*key)
        if frames.digest(frame) != reply.digest:
            raise ReplyRefused("digest")
        verdict = rules.verdict(reply.code)
        if verdict == rules.TRANSIENT:
            self.link.postponed(key, now)
            self._news.append((self._tell, "postponed", reply.journal, reply.trace, reply.code))
            return
        if verdict == rules.CONFLICT and not self._journal_again(key, frame, now):
            return
        self._outbox.settle(reply.journal, reply.trace, *rules.settlement(reply))
        self.link.settled(key)
        self.link.eased()
        self._news.append((self._tell, "settled", reply))
        if verdict == rules.FINAL:
            self._news.append((self._on_event, ("settled", reply)))

    # -- a conflict ----------------------------------------------------------------------------

    def _journal_again(self, old, frame, now):
        """The same message under a fresh journal; False when there is no room yet."""
        try:
            journal, trace, appended = conflict.journal_again(
                self._outbox, self._board.random, self._key, self._terminal_id, self._epoch,
                old, frame)
        except OutboxFull:
            self.link.postponed(old, now)
            return False
        new = (journal, trace)
        if appended:
            self.link.appended()
        self._news.append((self._tell, "conflict", old, new))
        self._news.append((self._on_event, ("moved", old, new)))
        return True
