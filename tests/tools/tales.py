"""Hand-made stories for the checker: one true one, and a way to make each thing in it untrue.

A tale tells what a world would: the cashier taps, the handset says saved, frames and replies are
seen, the books are written. Frames are sealed here with cbor2 alone.
"""

from hashlib import sha256
from typing import Any, NamedTuple

import cbor2

from tools.prove.bills import Redeeming
from tools.prove.books import Books, Entry, MemberBooks
from tools.prove.model import CardFacts, Rate, Rules
from tools.prove.story import Named, Story

SALE, REDEMPTION, VOID, REFUND, HEARTBEAT = 1, 2, 3, 4, 10
TERMINAL, OTHER_TERMINAL, SISTER_TERMINAL, JOURNAL = 7, 8, 9, 0x5EED
CARD, SILVER_CARD, STOCK_CARD = 6200001234567892, 6200000000000018, 6200000000000026
STRANGE_CARD, MISREAD_CARD = 6200000000000047, 6200000000000043
MEMBER, SILVER = 1, 2
SECOND = 1_000_000
OPENING_S = 1_780_000_000
OPEN = -10**15
DAY = (OPENING_S + 4 * 3600) // 86400
RULES = Rules(OPENING_S, (Rate(OPEN, 1, 100),),
              {CARD: CardFacts(MEMBER), SILVER_CARD: CardFacts(SILVER),
               STOCK_CARD: CardFacts(None, "stock")},
              {MEMBER: 10000, SILVER: 12000}, {TERMINAL: 1, OTHER_TERMINAL: 2, SISTER_TERMINAL: 1},
              -86400 * SECOND, redeeming=Redeeming(20, 100, 20, 10, 5000))


def sealed(terminal_id: int, payload: dict[int, Any], epoch: int = 1) -> bytes:
    kid = terminal_id.to_bytes(4, "big") + bytes((epoch,))
    return cbor2.dumps(cbor2.CBORTag(17, [
        b"\xa1\x01\x05", {4: kid}, cbor2.dumps(payload), sha256(repr(payload).encode()).digest()]))


class Said(NamedTuple):
    """What a screen shows of a reply."""

    journal: int
    trace: int
    code: int
    points: int | None
    balance: int | None
    receipt: int | None
    at: int


class Tale:
    """A run in the telling. `now_s` moves on by a minute with every tap."""

    def __init__(self) -> None:
        self.story = Story()
        self.rules = RULES
        self.now_s = 1000
        self.entries: list[Entry] = []
        self.held: set[tuple[int, int, int]] = set()
        self.frames: dict[tuple[int, int, int], bytes] = {}
        self.bodies: dict[tuple[int, int, int], bytes] = {}
        self.running: dict[int, int] = {}
        self.tapped_s: dict[tuple[int, int, int], int] = {}
        self.adjust: dict[int, dict[str, int]] = {}

    @property
    def now_us(self) -> int:
        return self.now_s * SECOND

    def books(self) -> Books:
        members = {}
        for member_id in (MEMBER, SILVER):
            sum_ = sum(entry.points for entry in self.entries if entry.member_id == member_id)
            row = MemberBooks(max(sum_, 0), 0, max(-sum_, 0), max(sum_, 0), 0)
            members[member_id] = row._replace(**self.adjust.get(member_id, {}))
        return Books(tuple(sorted(self.entries)), members, frozenset(self.held))

    # -- one step at a time --------------------------------------------------------------------

    def attempt(self, kind: int = SALE, amount: int | None = 1250, card: int | None = CARD,
                original: Named | None = None, terminal: int = TERMINAL,
                points: int | None = None) -> None:
        self.story.attempted(terminal, kind, amount, card, original, self.now_us, points)

    def save(self, trace: int, kind: int = SALE, amount: int | None = 1250,
             card: int | None = CARD, original: Named | None = None, *, journal: int = JOURNAL,
             terminal: int = TERMINAL, points: int | None = None) -> None:
        self.story.accepted(terminal, journal, trace, kind, amount, card, original, self.now_us,
                            points)

    def send(self, trace: int, kind: int = SALE, amount: int | None = 1250,
             card: int | None = CARD, original: Named | None = None, *, journal: int = JOURNAL,
             terminal: int = TERMINAL, points: int | None = None, off_s: int = 0,
             age: int | None = 60, arrives: bool = True, epoch: int = 1, clock: bool = True,
             planted: bool = False) -> bytes:
        payload: dict[int, Any] = {0: kind, 1: journal, 2: trace}
        if clock:
            payload[3] = OPENING_S + self.now_s + off_s
            if age is not None:
                payload[4] = age
        if amount is not None:
            payload[7] = amount
        if card is not None:
            payload[6] = [2, card]
        if original is not None:
            payload[10] = original if isinstance(original, int) else list(original)
        if points is not None:
            payload[9] = points
        frame = sealed(terminal, payload, epoch)
        self.frames[terminal, journal, trace] = frame
        self.tapped_s[terminal, journal, trace] = self.now_s
        if planted:
            self.story.happened(self.now_us, "planted", terminal, frame)
        else:
            self.story.sent(terminal, frame, self.now_us)
        if arrives:
            self.story.arrived(terminal, frame, self.now_us)
            self.story.acknowledged(terminal, frame, self.now_us)
        return frame

    def heartbeat(self, terminal: int = TERMINAL, oldest: int = 1) -> None:
        frame = sealed(terminal, {0: HEARTBEAT, 1: JOURNAL, 2: 0, 14: {8: [JOURNAL, oldest, 9]},
                                  16: self.now_s.to_bytes(8)})
        self.story.sent(terminal, frame, self.now_us)
        self.story.arrived(terminal, frame, self.now_us)

    def post(self, trace: int, points: int, member: int = MEMBER, amount: int | None = 1250, *,
             journal: int = JOURNAL, terminal: int = TERMINAL, kind: int = 1,
             by_hq: bool = False, **changes: Any) -> int:
        """An entry of the books; its receipt."""
        key = terminal, journal, trace
        receipt = changes.pop("receipt", max((e.receipt for e in self.entries), default=0) + 1)
        made = Entry(receipt, kind, key, by_hq, sha256(self.frames[key]).digest(), member,
                     RULES.merchants[terminal], amount, points, (0,),
                     (OPENING_S + self.tapped_s[key]) * 1000, DAY,
                     frozenset((RULES.merchants[terminal],) if points else ()))
        self.entries.append(made._replace(**changes))
        self.running[member] = self.running.get(member, 0) + points
        return receipt

    def answer(self, trace: int, code: int = 0, points: int | None = None,
               balance: int | None = None, receipt: int | None = None, *,
               journal: int = JOURNAL, terminal: int = TERMINAL, kind: int = SALE,
               shows: bool = True, at_s: int | None = None, frame: bytes | None = None,
               money: int | None = None) -> None:
        """`money`: what a slip says beside; that of a void, the usual sale's."""
        frame = frame or self.frames[terminal, journal, trace]
        digest = sha256(frame).digest()[:8]
        at = OPENING_S + (self.now_s if at_s is None else at_s)
        if kind == VOID and points and money is None:
            money = 1250
        said = {6: points, 7: balance, 11: receipt, 13: money}
        body = sealed(terminal, {0: 128 + kind, 1: journal, 2: trace, 3: digest, 4: code, 5: at}
                      | {key: value for key, value in said.items() if value is not None})
        self.bodies[terminal, journal, trace] = body
        self.story.replied(terminal, body, self.now_us)
        if shows:
            self.show(trace, code, points, balance, receipt, at, journal=journal,
                      terminal=terminal)

    def show(self, trace: int, code: int, points: int | None, balance: int | None,
             receipt: int | None, at: int, *, journal: int = JOURNAL,
             terminal: int = TERMINAL) -> None:
        self.story.shown(terminal, Said(journal, trace, code, points, balance, receipt, at),
                         self.now_us)

    def display(self, *lines: str, terminal: int = TERMINAL) -> None:
        self.story.displayed(terminal, lines, self.now_us)

    def happen(self, what: str, subject: Any = None, value: Any = None,
               since_s: int | None = None) -> None:
        self.story.happened(self.now_us, what, subject, value,
                            since_us=None if since_s is None else since_s * SECOND)

    def wait(self, seconds: int = 60) -> None:
        self.now_s += seconds

    # -- whole messages ------------------------------------------------------------------------

    def offered(self, trace: int, amount: int = 1250, card: int = CARD, *,
                arrives: bool = True, **sealing: Any) -> None:
        """A sale up to its frame's arrival."""
        self.wait()
        where = {name: sealing[name] for name in ("terminal", "journal") if name in sealing}
        self.attempt(SALE, amount, card, terminal=where.get("terminal", TERMINAL))
        self.save(trace, SALE, amount, card, **where)
        self.send(trace, SALE, amount, card, arrives=arrives, **sealing)

    def sale(self, trace: int, amount: int = 1250, card: int = CARD, points: int | None = None,
             **sealing: Any) -> int:
        """A sale that posts; its receipt."""
        self.offered(trace, amount, card, **sealing)
        where = {name: sealing[name] for name in ("terminal", "journal") if name in sealing}
        return self.posts(trace, amount, card, points, **where)

    def posts(self, trace: int, amount: int = 1250, card: int = CARD, points: int | None = None,
              **where: Any) -> int:
        member = RULES.cards[card].member_id or 0
        given = amount * RULES.multipliers[member] // 1_000_000 if points is None else points
        receipt = self.post(trace, given, member, amount, **where)
        self.answer(trace, 0, given, self.running[member], receipt, **where)
        return receipt

    def refused(self, trace: int, code: int, card: int = CARD, **sealing: Any) -> None:
        self.offered(trace, card=card, **sealing)
        self.answer(trace, code)
        if code == 41:
            self.held.add((TERMINAL, JOURNAL, trace))

    def cancel(self, trace: int, original: int) -> None:
        """A void up to its frame's arrival."""
        self.wait()
        self.attempt(VOID, None, None, (JOURNAL, original))
        self.save(trace, VOID, None, None, (JOURNAL, original))
        self.send(trace, VOID, None, None, (JOURNAL, original))

    def void(self, trace: int, original: int, points: int = 12, card: int = CARD) -> None:
        """A void that takes back a posted sale."""
        self.cancel(trace, original)
        member = RULES.cards[card].member_id or 0
        receipt = self.post(trace, -points, member, -1250, kind=2)
        self.answer(trace, 0, -points, self.running[member], receipt, kind=VOID)

    def asked(self, trace: int, kind: int, amount: int, *, card: int | None = None,
              original: Named | None = None, points: int | None = None,
              terminal: int = TERMINAL, arrives: bool = True) -> None:
        """A redemption or a refund up to its frame's arrival."""
        self.wait()
        self.attempt(kind, amount, card, original, terminal, points)
        self.save(trace, kind, amount, card, original, terminal=terminal, points=points)
        self.send(trace, kind, amount, card, original, terminal=terminal, points=points,
                  arrives=arrives)

    def does(self, trace: int, kind: int, points: int, money: int, amount: int, *,
             terminal: int = TERMINAL, shows: bool = True, **changes: Any) -> int:
        """What was asked for posts, and is answered; its receipt."""
        entry = {REDEMPTION: 3, VOID: 2, REFUND: 4}[kind]
        receipt = self.post(trace, points, MEMBER, amount, terminal=terminal, kind=entry,
                            **changes)
        self.answer(trace, 0, points, self.running[MEMBER], receipt, terminal=terminal,
                    kind=kind, money=money, shows=shows)
        return receipt

    def redeem(self, trace: int, points: int = 100, amount: int = 2000, net: int = -85,
               money: int = 500) -> int:
        """100 points are 5.00 off 20.00, and what is paid earns 15."""
        self.asked(trace, REDEMPTION, amount, card=CARD, points=points)
        return self.does(trace, REDEMPTION, net, money, amount)

    def refund(self, trace: int, amount: int, original: Named, points: int, money: int,
               terminal: int = TERMINAL) -> int:
        self.asked(trace, REFUND, amount, original=original, terminal=terminal)
        return self.does(trace, REFUND, points, money, -amount, terminal=terminal)
