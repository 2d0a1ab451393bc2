"""A gateway that answers by a script, and a counter that lives on through power cuts. Portable.

The gateway keeps what WIRE says of outcomes, voids and tombstones, and calls as many identities
taken (62) as the script wants. A story is what the cashier does; `tell` it, cut the power at any
flash operation, let it drain, and `check` the books against what was told: every saved message
ends in one final outcome under one identity, and what was told cancelled is not posted.
"""

from firmware import voids
from firmware.clock import Clock
from firmware.dispatch import Dispatch
from firmware.outbox import Outbox, OutboxFull, format_outbox
from firmware.outbox_find import identity
from firmware.settings import settings
from protocol import codes, frames, messages
from simulator.flash import NorFlash, PowerCut
from tests.firmware.outbox_life import Dice
from tests.firmware.replies import CARD, KEY, TERMINAL_ID, Asked, reply_frame

SETTINGS = settings(TERMINAL_ID, 1, KEY, "127.0.0.1", 1883, "u", "p")
SALE, VOID, REDEMPTION = messages.SALE, messages.VOID, messages.REDEMPTION
TURNS_MAX = 400
# Where its void had to go to another journal (37 there), only its own answer ends a message, so
# the gateway learns its type in the end.
LEARNS_AFTER_TURNS = 20
# the outcome of a tombstone was never a frame's
TOMBSTONE = b""


class Gateway:
    """`taken(journal, trace)`: something else stands there. `undecided`: types answered 61."""

    def __init__(self, taken, undecided=(REDEMPTION,)):
        self.taken = taken
        self.undecided = undecided
        self.outcomes = {}
        self.posted = {}
        self.conflicts = 0

    def answer(self, frame):
        asked = Asked(frame)
        if asked.type == messages.HEARTBEAT:
            return reply_frame(frame)
        return reply_frame(frame, self._decide(asked, frames.digest(frame)))

    def _decide(self, asked, digest):
        key = (asked.journal, asked.trace)
        known = self.outcomes.get(key)
        if known:
            return known[0] if known[1] in (digest, TOMBSTONE) else codes.TRACE_CONFLICT
        if self.taken(*key):
            self.conflicts += 1
            return codes.TRACE_CONFLICT
        if asked.type in self.undecided:
            return codes.UNSUPPORTED
        if asked.type == VOID:
            code = self._void(key, tuple(asked.content[10]))
        else:
            code = codes.APPROVED
            self.posted[key] = asked.content[7]
        self.outcomes[key] = (code, digest)
        return code

    def _void(self, key, original):
        known = self.outcomes.get(original)
        assert known or not self.taken(*original), "a void took back what another tap posted"
        if known is None:
            if original[0] != key[0] or original[1] > key[1]:
                return codes.ORIGINAL_NOT_FOUND
            self.outcomes[original] = (codes.VOIDED, TOMBSTONE)
            return codes.APPROVED
        if known[0] == codes.VOIDED or known[0] == codes.APPROVED and original not in self.posted:
            return codes.NOTHING_LEFT
        self.posted.pop(original, None)
        return codes.APPROVED


class Board:
    name = "scripted"
    reset_cause = 1

    def __init__(self, drawn):
        self.drawn = drawn

    # journals 1001, 1002, ...; else jitter and nonces
    def random(self, size):
        if size != 4:
            return bytes(size)
        self.drawn[0] += 1
        return (1000 + self.drawn[0]).to_bytes(4, "big")

    def battery_percent(self):
        return None

    signal_dbm = heap_free = battery_percent


class Counter:
    """One handset through all its boots. `order(frames, turn)`: what arrives, and how."""

    def __init__(self, gateway, device=None, order=None, blocks=8):
        self.gateway = gateway
        self.device = device or NorFlash(blocks, Dice(5))
        if device is None:
            format_outbox(self.device, 7)
        self.order = order
        self.saved, self.moved, self.done = {}, {}, {}
        self.voided, self.refused = {}, 0
        self.drawn = [0]
        self.now = self.turns = 0
        self.boot()

    def boot(self):
        self.outbox = Outbox(self.device)
        self.outbox.mount()
        self.dispatch = Dispatch(Board(self.drawn), SETTINGS, self.outbox, Clock(1), self._told,
                                 self._hear)
        voids.mounted(self.dispatch)
        self._tend()

    def cut(self):
        self.device = self.device.reborn()
        self.boot()

    def _told(self, kind, *values):
        if kind == "saved":
            journal, trace, type, original = values
            assert (journal, trace) not in self.saved, f"saved twice: {journal}/{trace}"
            self.saved[journal, trace] = type
            if type == VOID:
                self.voided[tuple(original)] = (journal, trace)
        elif kind == "conflict":
            old, new = values
            assert self.moved.get(old, new) == new, f"moved to two places: {old}"
            self.moved[old] = new
        elif kind == "settled":
            reply = values[0]
            self.done[reply.journal, reply.trace] = reply.code

    def _hear(self, event):
        pass

    def _tend(self):
        voids.cancel(self.dispatch, self.now)
        self.dispatch.announce()

    # -- what the cashier does -----------------------------------------------------------------

    def do(self, what, value):
        """("sale", amount), ("online", amount), ("void", amount of a sale), ("wait", ms)"""
        try:
            if what == "void":
                key = self.identity(value)
                if key:
                    self.dispatch.journal(VOID, self.now, original=key)
            elif what == "wait":
                self.now += value
                self._tend()
            elif what == "turn":
                self.turn()
            else:
                kind = SALE if what == "sale" else REDEMPTION
                fields = {"card": (2, CARD), "amount_minor": value}
                if kind == REDEMPTION:
                    fields["points"] = 5
                self.dispatch.journal(kind, self.now, **fields)
        except OutboxFull:
            self.refused += 1

    def identity(self, amount_minor):
        """The identity under which the handset now knows the sale of this amount."""
        found = None
        for record in self.outbox.records():
            asked = Asked(record.frame)
            if asked.content.get(7) == amount_minor:
                found = (record.journal, record.trace)
        return found

    # -- the link ------------------------------------------------------------------------------

    def turn(self):
        """All that may go out goes, and is answered in the script's order."""
        sent, packets = [], [0]

        def publish(frame):
            sent.append(bytes(frame))
            packets[0] += 1
            return packets[0]

        if not self.dispatch.link.up:
            self.dispatch.connected(self.now)
        self.dispatch.tend(self.now)
        self.dispatch.pump(self.now, publish)
        for number in range(packets[0]):
            self.dispatch.link.acked(number + 1, self.now)
        self.turns += 1
        for frame in self.order(sent, self.turns) if self.order else sent:
            self.dispatch.received(self.gateway.answer(frame), self.now)
            self.dispatch.announce()
        self._tend()

    def drain(self):
        for turn in range(TURNS_MAX):
            if not self.outbox.unsettled:
                return
            if turn == LEARNS_AFTER_TURNS:
                self.gateway.undecided = ()
            self.turn()
            self.now += 61000
            self._tend()
        raise AssertionError(f"not drained: {list(self.outbox.pending())}")

    # -- what must be true ---------------------------------------------------------------------

    def check(self):
        """After `drain`; `amounts` are unique, so that each names its message."""
        final = {}
        for record in self.outbox.records():
            asked = Asked(record.frame)
            key = (record.journal, record.trace)
            if record.settled[0] == codes.TRACE_CONFLICT:
                assert identity(self.outbox, key) != key, f"settled as conflict and gone: {key}"
                continue
            if asked.type != VOID:
                amount_minor = asked.content[7]
                assert amount_minor not in final, f"two identities: {amount_minor}"
                final[amount_minor] = key
            known = self.gateway.outcomes.get(key)
            assert known and known[0] == record.settled[0], f"{key} was never decided"
        for key in self.saved:
            while key in self.moved:
                key = self.moved[key]
            known = self.gateway.outcomes.get(key)
            assert known and known[0] != codes.TRACE_CONFLICT, f"saved and lost: {key}"
        for amount_minor, key in final.items():
            count = list(self.gateway.posted.values()).count(amount_minor)
            cancelled = self._cancelled(key)
            if cancelled:
                assert count == 0, f"{amount_minor} was cancelled and stands posted"
            elif self.gateway.outcomes[key][0] == codes.APPROVED:
                assert count <= 1, f"{amount_minor} posted {count} times"
        for amount_minor in self.gateway.posted.values():
            assert amount_minor in final, f"posted and not tapped: {amount_minor}"
        return final

    # a void was told for any of its names
    def _cancelled(self, key):
        names = [key]
        for name in names:
            names.extend([old for old, new in self.moved.items() if new == name])
        return any([name in self.voided for name in names])


def tell(counter, story):
    """Act a story out; the number of its steps that were done when the power went, or None."""
    for number, step in enumerate(story):
        try:
            counter.do(*step)
        except PowerCut:
            return number
    try:
        counter.drain()
    except PowerCut:
        return len(story)
    return None


def live(story, taken, order=None, cuts=()):
    """The story with power cuts before these flash operations of each life in turn."""
    counter = Counter(Gateway(taken), order=order)
    rest = list(story)
    for cut in cuts:
        counter.device.cut_at = counter.device.operations + cut
        done = tell(counter, rest)
        if done is None:
            rest = []
            break
        rest = rest[done + 1:]  # the step in which it went is not done again: the cashier looks
        while True:
            try:
                counter.cut()
                break
            except PowerCut:
                pass
    counter.device.cut_at = None
    assert tell(counter, rest) is None
    counter.check()
    return counter


def operations(story, taken, order=None):
    """How many flash operations the story takes without a cut."""
    counter = Counter(Gateway(taken), order=order)
    before = counter.device.operations
    assert tell(counter, story) is None
    counter.check()
    return counter.device.operations - before
