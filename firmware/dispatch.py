"""From a tap to its settlement: seal, append, send, match the reply. Everything but the waiting.

Law:
- a tap is sealed once and stands in the outbox, synced, before anyone hears of it; what is sent,
  now or after ten reboots, are those bytes;
- an entry is settled only as session.py says, and the outbox knows it before the screen does;
- 62 (the gateway knows our trace with other content) is conflict.py's: the tap goes out again
  under a fresh journal; what is voided, and what its answer means, is autovoid.py's;
- what is sent again for want of a newer backup goes with the answer that settled it (type 15), but
  sales; to a gateway that does not know that, as it is;
- questions (trace 0) are asked once, with a fresh nonce, and forgotten after 30 s.

What a frame brought is kept as news until `announce`: first everything is made durable, then
it is said. Events for the App: ("settled", reply[, void of what it answers]) ("answer", reply)
("no_answer", what was asked)
("moved", old, new) ("cancelling", key, its void, whether key waits).
"""

from micropython import const

from firmware import autovoid, beats, conflict, link, voids
from firmware import session as rules
from firmware.again import Again
from firmware.errors import ReplyRefused
from firmware.keys_held import KeysHeld
from firmware.outbox_kept import answer_of
from firmware.outbox import OutboxUnreadable
from protocol import fields as messages
from protocol.limits import NONCE_SIZE, REPLY_TYPE_BASE, U32_MAX
from protocol.sealer import Sealer

ANSWER_MS = const(30000)
# what stands in the connection's buffer at once; the rest goes with the next turn
SENDS_A_TURN = const(2)
# no message of this program is longer: a sale of 16 basket lines, a heartbeat's report
_FRAME_SIZE_MAX = const(320)
# what stands round one that goes with its answer
_ROUND_SIZE_MAX = const(112)
_VOID_REPLY = const(131)
_RETELLS_MAX = const(3)
_RETELL_MS = const(10000)
_UNTOLD_MAX = const(8)


# of news, which whoever asks anew would take for the answer to that
def _without_answer(news, kind):
    return [each for each in news
            if each[1][0] != "answer" or each[1][1].type != REPLY_TYPE_BASE + kind]


class Dispatch:
    """`tell(kind, *values)` is the log and the control channel; `on_event` the App's checkout.
    `ready`: the outbox can be read. OSError, OutboxUnreadable: it failed, and what was under way
    is tried again later."""

    def __init__(self, board, settings, outbox, clock, tell, on_event):
        self._board = board
        self._terminal_id = settings.terminal_id
        self._outbox = outbox
        self._clock = clock
        self._tell = tell
        self._on_event = on_event
        self._sealer = Sealer(_FRAME_SIZE_MAX + _ROUND_SIZE_MAX)
        self.keys = KeysHeld(settings, board)
        self.session = rules.Session(settings.terminal_id, self.keys)
        self._again = Again(outbox)
        self.link = link.Link(outbox.following, board.random, self._again)
        self.ready = False
        self.cancels = []  # rows of autovoid.py
        self.beats = beats.Beats(board, outbox, clock, self.keys, self._again, self._say)
        # (key, when) of what was answered 62; (key, None) of a void whose original moved
        self.to_move = []
        self._to_ask = []
        self._news = []
        self._plainly = False  # the gateway does not know type 15
        self._retells = 0
        self._untold = []
        self._retell_ms = 0
        self.told = None  # the last key that was told as saved
        self.voiding = None  # the key whose void is being journaled
        self.in_doubt = None  # (key, its news): whether that was settled the next mount will tell

    # -- what the App asks for -----------------------------------------------------------------

    def journal(self, kind, now, **fields):
        """Seal and append; (journal, trace), durable on return. OutboxFull: nothing happened."""
        journal, trace = self._outbox.journal, self._outbox.next_trace
        key, online = (journal, trace), autovoid.online_only(kind)
        self.link.appended()  # first: whatever fails behind the append, the link finds it
        self._outbox.append(trace, self._seal(kind, journal, trace, now, fields),
                            kind == messages.VOID, online)
        if online:
            autovoid.saved(self.cancels, key, now)
        # a void behind what is still to be said of its original; a tap now: its cashier waits
        tell = self._say if kind == messages.VOID and self._news else self._tell
        tell("saved", journal, trace, kind, fields.get("original"))
        self.told = key
        return key

    def ask(self, kind, now, **fields):
        """Seal a question; it goes out ahead of all taps, and takes the place of an older one."""
        if "nonce" not in fields:  # a PIN is sealed with it
            fields["nonce"] = self._board.random(NONCE_SIZE)
        journal = self._outbox.journal
        frame = bytes(self._seal(kind, journal, 0, now, fields))
        self.drop(kind)
        if self._news or self._untold:
            self._news = _without_answer(self._news, kind)
            self._untold = _without_answer(self._untold, kind)
        self._to_ask.append((kind, journal, frame, now))

    def drop(self, kind):
        """Nobody waits for the answer any more."""
        self._to_ask = [each for each in self._to_ask if each[0] != kind]
        self.session.forget(kind)
        self.link.asked(len(self.session.questions))

    def _seal(self, kind, journal, trace, now, fields):
        at, clock_age, uptime_s, boot_count = self._clock.fields(now)
        if uptime_s is not None:
            fields["uptime_s"], fields["boot_count"] = uptime_s, boot_count
        # no Request: to make one of all its keys takes longer than to write those of a sale
        request = messages.put([kind, journal, trace, at, clock_age], fields)
        keys = self.keys
        return self._sealer.seal_request(keys.key, self._terminal_id, keys.epoch, request)

    # -- the connection ------------------------------------------------------------------------

    def connected(self, now):
        self._plainly = False
        link.connected(self.link, now)
        beats.connected(self.beats, now)

    def lost(self):
        link.lost(self.link)
        for kind, _ in self._asked():
            self._give_up(kind)

    def tend(self, now):
        """Give up what was not answered in time, and ask the heartbeat when it is due."""
        for kind, asked_ms in self._asked():
            if now - asked_ms >= ANSWER_MS:
                self._give_up(kind)
        if self._outbox.next_trace > U32_MAX:
            conflict.next_journal(self._outbox, self._board.random)
        if self.beats.offer:
            beats.rotate(self.beats, now)
        if self.to_move:
            voids.move(self, now)
        if self._news:
            self.announce()
        if self._untold and now >= self._retell_ms:
            self._retell(now)
        if now >= self.beats.due_ms or self._again.ended:
            report = beats.report(self.beats, now)
            if report:
                self.ask(messages.HEARTBEAT, now, report=report)

    def pump(self, now, publish):
        """Hand everything that may go out now to `publish(frame)`, which gives a packet id."""
        while self._may_ask():
            kind, journal, frame, _ = self._to_ask[0]
            publish(frame)
            rules.asked(self.session, kind, journal, frame, now)
            self._to_ask.pop(0)  # now: should the heap end before, it is still known and given up
            self.link.asked(len(self.session.questions))
        for _ in range(SENDS_A_TURN):
            key = self.link.next_send(now)
            if key is None:
                return
            self._send(key, publish, now)

    def _send(self, key, publish, now):
        if not self._outbox.waits(*key) and not link.resends(self.link, key):
            self.link.settled(key)  # a fault came before its slot was given up
            return
        try:
            frame = self._outbox.frame(*key)
            kind = rules.type_of(frame)
            goes = kind != messages.VOID or voids.may_go(self, key, frame, now)
            if goes and kind != messages.SALE and not self._outbox.waits(*key):
                frame = self._retold(key, frame, now)
        except KeyError:  # asked for again, and its block was needed meanwhile
            self.link.settled(key)
            return
        except (OSError, OutboxUnreadable):  # the others go on
            self.link.postponed(key, now)
            raise
        if goes:
            self.link.sent(key, publish(frame))

    # A settled frame with the answer that it was settled by. Good until the next thing is sealed.
    def _retold(self, key, frame, now):
        settled = answer_of(self._outbox, *key)
        if settled is None or self._plainly or len(frame) > _FRAME_SIZE_MAX:
            return frame
        code, points, receipt = settled
        held = (code, points or 0, receipt) if receipt else (code, points or 0)
        journal = self._outbox.journal
        told = self._seal(messages.SETTLED, journal, 0, now, {
            "nonce": self._board.random(NONCE_SIZE), "frame": frame, "held": held})
        rules.asked(self.session, messages.SETTLED, journal, told, now)
        return told

    # a heartbeat waits for no place: frames that nobody will ever answer must not keep it back
    def _may_ask(self):
        return self._to_ask and (self.link.free() > 0
                                 or self._to_ask[0][0] == messages.HEARTBEAT)

    def due(self, now):
        """Milliseconds until `tend` or `pump` has something to do."""
        times = [self.beats.due_ms - now]
        for _, asked_ms in self._asked():
            times.append(asked_ms + ANSWER_MS - now)
        if self._may_ask() or self.to_move or self._news:
            times.append(0)
        waiting = self.link.due(now)
        if waiting is not None:
            times.append(waiting)
        return max(min(times), 0)

    # (kind, since when) of what somebody waits for, out already or behind a full window; a
    # heartbeat that has not gone out keeps its place
    def _asked(self):
        asked = [(each.kind, each.asked_ms) for each in self.session.questions]
        return asked + [(kind, asked_ms) for kind, _, _, asked_ms in self._to_ask
                        if kind != messages.HEARTBEAT]

    def _give_up(self, kind):
        if kind == messages.INQUIRY or kind == messages.LOGIN:
            self._on_event(("no_answer", kind))
        self.drop(kind)

    # -- what came down --------------------------------------------------------------------------

    def announce(self):
        """Tell what happened since, in order: to the log, and events to the App. What finds no
        memory is told again: first with the memory of the connection, which ends, then apart."""
        while self._news:
            item = self._news.pop(0)
            try:
                item[0](*item[1:])
            except MemoryError:
                self._retells += 1
                if self._retells <= _RETELLS_MAX:
                    self._news.insert(0, item)
                    raise
                self._put_off(item)
            self._retells = 0

    def keeps_news(self):
        """Whether something happened that could not be told yet."""
        return bool(self._news or self._untold)

    # It keeps nothing else back. What falls out at the end the flash still knows.
    def _put_off(self, item):
        if len(self._untold) >= _UNTOLD_MAX:
            self._untold.pop(0)
        self._untold.append(item)

    def _retell(self, now):
        self._retell_ms = now + _RETELL_MS
        item = self._untold.pop(0)
        try:
            item[0](*item[1:])
        except MemoryError:
            self._put_off(item)

    def received(self, frame, now):
        """One frame from the down topic. What settles nothing is said and changes nothing.

        True when it is none that this handset could ever have asked for.
        """
        try:
            epoch, reply = self.session.read(frame)
            if reply.trace:
                self._settle(reply, epoch, now)
            else:
                self._answer(reply, epoch, now)
        except ReplyRefused as refused:
            self._say("set_aside", refused.code)
            return refused.code not in ("stray", "meaningless")
        except MemoryError:  # it comes again, and smaller ones go on
            link.remounted(self.link)  # what was about to wait elsewhere is walked again
            if self._outbox.doubtful:
                raise
            self._say("set_aside", "memory")
        return False

    def _say(self, kind, *values):
        self._news.append((self._tell, kind) + values)

    def _answer(self, reply, epoch, now):
        link.heard(self.link, now)
        question = self.session.answered(reply, epoch)
        if question.kind == messages.SETTLED:  # what is in it was not looked at
            self._plainly = True
        elif question.kind != messages.HEARTBEAT:  # noted before it is forgotten that it was asked
            self._news.append((self._on_event, ("answer", reply)))
        self.drop(question.kind)
        if question.kind == messages.HEARTBEAT:
            beats.answered(self.beats, question, reply, now)

    def _settle(self, reply, epoch, now):
        link.heard(self.link, now)
        key = (reply.journal, reply.trace)
        if not self._outbox.waits(*key):
            self._answer_again(key, reply, epoch, now)
            return
        frame = self._outbox.frame(*key)
        rules.check(reply, epoch, frame)
        verdict = rules.verdict(reply.code)
        if verdict == rules.TRANSIENT:
            self.link.postponed(key, now, True)
            link.let_go(self.link, key, now)
            self._say("postponed", reply.journal, reply.trace, reply.code)
            return
        if verdict == rules.CONFLICT:
            # In a turn of its own: here is no heap for it. A Reply takes 800 bytes, so it is made
            # again then. Beyond a whole window: sent, and answered so, once more.
            if len(self.to_move) < link.WINDOW:
                self.to_move.append((key, reply.at))
            return
        becomes = autovoid.SETTLE
        if self.cancels or reply.type == _VOID_REPLY:
            becomes = voids.answered(self, key, frame, reply, now)
        if becomes == autovoid.LATER:
            self.link.postponed(key, now)
            return
        told, doubt = len(self._news), None
        try:  # what is told goes first: there must be memory to tell what becomes durable
            self._say("settled", reply)
            if becomes == autovoid.SETTLE:
                row = autovoid.of(self.cancels, key)
                event = ("settled", reply, row[2]) if row and row[2] else ("settled", reply)
                self._news.append((self._on_event, event))
            doubt = key, self._news[told:]
            self._outbox.settle(reply.journal, reply.trace, *rules.settlement(reply),
                                quiet=becomes != autovoid.SETTLE)
        except Exception:
            del self._news[told:]
            if doubt and self._outbox.doubtful:  # it may be there: the outbox is read anew
                self.in_doubt = doubt
            raise
        self.link.settled(key)
        link.let_go(self.link, key, now)
        self.link.eased()
        if self.cancels:
            voids.ended(self, key, now)

    # What the gateway asked for again is settled here: its answer is only told. Not even a 62
    # moves it, for where it once was posted it may stand in what the backup had.
    def _answer_again(self, key, reply, epoch, now):
        if not link.resends(self.link, key):
            self.link.settled(key)  # should a mount have found more on flash than we knew
            raise ReplyRefused("stray")
        try:
            frame = self._outbox.frame(*key)
        except KeyError:  # its block was needed meanwhile
            raise ReplyRefused("stray")
        rules.check(reply, epoch, frame)
        self.drop(messages.SETTLED)
        if rules.verdict(reply.code) == rules.TRANSIENT:
            self.link.postponed(key, now)
        else:
            self.link.settled(key)
            self._again.answered += 1
        self._say("sent_again", reply.journal, reply.trace, reply.code)
