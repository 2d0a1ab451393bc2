"""A street whose members a model follows point by point: what a story is told on.

Frames are kept until they are sent together, so that what a batch decides on itself is tried as
much as what it finds in the database. Rules are in story_returns.py, story_tills.py and
story_desk.py; what must hold after each batch is in story_books.py.
"""

from calendar import monthrange
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from gateway.on_hold import OPEN
from gateway.rules import DEDUCT, HOLD_FOR_HQ, Redeeming, RuleSet
from gateway.validity import EXPIRE, HOLD, Rolling
from protocol import codes
from tests.gateway.bill_model import Bill
from tests.gateway.points_model import Member
from tests.gateway.token_model import Lot
from tests.support.databases import KINDS, fresh_engine
from tests.support.inserted_only import inserted_only
from tests.support.story_books import POINT_MINOR, Books
from tests.support.street import RULES, Street

MEMBERS, SILVER = 2, 12000
RETURN_DAYS, WRITE_OFF_DAYS, LATE_LOT_DAYS, HOLD_DAYS = 90, 20, 7, 5
WAITING_MAX = 5  # frames that are sent together

TILLS = (0, 1, 2, 0, 1, 2, 0, 1, 2)  # the last draw is one of another merchant, for a reversal
tills = st.integers(0, len(TILLS) - 1)
members = st.integers(0, MEMBERS - 1)
places = st.integers(0, 6)  # from the newest

Name = tuple[int, int, int]  # terminal, journal, trace


@dataclass(eq=False)
class Tap:
    """A bill, whose it is (None: nobody's), what its frame is called, and its receipt number.
    `waits`: it is held, and HQ has not had its word."""

    member: int | None
    bill: Bill
    name: Name
    waits: bool = False
    receipt: int = 0


@dataclass(eq=False)
class Held:
    """What a return claims of a bill's points until HQ or time has its word; `number`: of the
    return, as a taker; `receipt`: of its entry."""

    tap: Tap
    number: int
    points: int
    due_on: int
    state: int = OPEN
    receipt: int = 0


class Counted(NamedTuple):
    """What became of a trace, as its terminal counts it."""

    type: int
    code: int
    amount: int
    points: int


class Sent(NamedTuple):
    """A frame on its way, and what the model says it must be answered."""

    frame: bytes
    expected: dict[str, Any]
    tap: Tap | None
    held: Held | None = None


@dataclass(eq=False)
class Adjusted:
    """Points that HQ gave (or took, by `taker`), and who bears them."""

    member: int
    points: int
    bearer: int
    taker: int
    lot: Lot | None
    receipt: int
    gone: bool = False


class Story(RuleBasedStateMachine):
    kind = KINDS[0]
    months, grace_days = 2, 30
    freezes = rolls = holds = False

    def __init__(self) -> None:
        super().__init__()
        self._opened = ExitStack()
        engine = self._opened.enter_context(fresh_engine(self.kind))
        self._opened.enter_context(inserted_only(engine))
        self.street = Street(engine, members=MEMBERS, terminals=1)
        registry = self.street.registry
        registry.add_rule_set(self.street.programme, self._rules(), 1)
        self.merchants = (self.street.merchant,
                          registry.create_merchant(self.street.programme, "Leaf"))
        # by merchant, since when: oldest first
        self.rates = {number: [(self.street.now, (10000, 10000))] for number in (1, 2)}
        other = registry.create_shop(self.merchants[1], "B")
        self.street.terminals += [registry.create_terminal(self.street.shop),
                                  registry.create_terminal(other)]
        self.members = [Member(self.grace_days, freezes=self.freezes) for _ in range(MEMBERS)]
        self.taps: list[Tap] = []
        self.refunds: list[tuple[Tap, int, Name]] = []
        self.held: dict[int, Held] = {}  # by the number of the return
        self.voided: set[int] = set()
        self.adjusted: list[Adjusted] = []
        self.queue: list[Sent] = []
        self.past: list[tuple[bytes, bytes]] = []
        self.counted: dict[int, dict[int, Counted]] = {}  # by terminal and trace
        self.closed: dict[int, int] = {}  # the last trace of each terminal's closed batches
        self.taker = 0
        self.books = Books(self.street, self.merchants)
        self.day = self._today()

    def _rules(self) -> RuleSet:
        return RULES._replace(
            lot_months=self.months, redeeming=Redeeming(1, POINT_MINOR),
            return_grace_days=self.grace_days, at_end=HOLD if self.freezes else EXPIRE,
            write_off_days=WRITE_OFF_DAYS, rolling=Rolling(self.months) if self.rolls else None,
            on_return=HOLD_FOR_HQ if self.holds else DEDUCT, hold_days=HOLD_DAYS)

    def teardown(self) -> None:
        try:
            self._send()
            self.books.audited()
            self.books.recounted(self.day)
        finally:
            self.close()

    def close(self) -> None:
        """The database goes, whatever it holds."""
        self._opened.close()

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        if not self.queue:
            self.books.check(self.members, [tap.bill for tap in self.taps], self.given_by_hq())
            self.books.held([(each.receipt, each.tap.member or 0, each.number, each.due_on,
                              each.state) for each in self.held.values()], self.members)

    def given_by_hq(self) -> list[int]:
        """Points that HQ gave less what it took, by who bears them (0: HQ itself)."""
        return [sum(each.points for each in self.adjusted
                    if each.bearer == bearer and not each.gone)
                for bearer in range(len(self.merchants) + 1)]

    # -- entries of a member -------------------------------------------------------------------

    def _begin(self, member: int | None) -> int:
        """What an entry of this member finds: what it has, and would have if HQ released all that
        is held, less what it owes."""
        if member is None:
            return 0
        self.members[member].begin(self.day)
        return self._net(member)

    def _net(self, member: int) -> int:
        who = self.members[member]
        return who.available + who.held - who.debt

    def _changed(self, member: int | None, before: int) -> int:
        """What an entry did for its member."""
        if member is None:
            return 0
        self.members[member].end()
        return self._net(member) - before

    def _award(self, tap: Tap, amount: int) -> None:
        """The points for a bill, or for the money part of it."""
        if tap.member is None:
            return
        who, bill = self.members[tap.member], tap.bill
        ends_on = max(self._ends_on(bill.day), self.day + LATE_LOT_DAYS)
        bill.lot = who.give(bill.merchant, bill.day, ends_on, bill.standing(amount)[0])
        if self.rolls:
            who.carry(self._ends_on(bill.day))

    # -- frames --------------------------------------------------------------------------------

    def _expect(self, frame: bytes, *, tap: Tap | None = None, held: Held | None = None,
                **expected: Any) -> None:
        """What this frame is answered; `balance` is that of the tap's member where it is 0."""
        if expected["code"] == 0 and tap is not None and tap.member is not None:
            who = self.members[tap.member]
            expected.setdefault("balance", who.available - who.debt)
        self.queue.append(Sent(frame, expected, tap, held))
        self._count(frame, **expected)
        if len(self.queue) >= WAITING_MAX:
            self._send()

    def _count(self, frame: bytes, *, code: int, points: int = 0, **_: Any) -> None:
        message = self.street.message(frame)
        said = message.request
        named = said.amount_minor or sum(line[1] for line in said.basket or ())
        self.counted.setdefault(message.terminal_id, {})[said.trace] = Counted(
            said.type, code, named, points)

    def _closed(self, name: Name) -> bool:
        """Whether its terminal's day with it is over (J9)."""
        return name[2] <= self.closed.get(name[0], 0)

    def _send(self) -> None:
        waiting, self.queue = self.queue, []
        answers = self.street.answers(*(each.frame for each in waiting)) if waiting else []
        for sent, answer in zip(waiting, answers, strict=True):
            assert answer.code == sent.expected["code"], (answer, sent.expected)
            reply = self.street.read(answer.reply or b"")
            for name, value in sent.expected.items():
                assert getattr(reply, name) == value, (name, reply, sent.expected)
            if answer.code == 0 and answer.reply:
                self.past.append((sent.frame, answer.reply))
            if answer.code == 0 and sent.tap and self._name(sent.frame) == sent.tap.name:
                sent.tap.receipt = reply.receipt or 0
            if answer.code == 0 and sent.held:
                sent.held.receipt = reply.receipt or 0

    def _name(self, frame: bytes) -> Name:
        message = self.street.message(frame)
        return message.terminal_id, message.request.journal, message.request.trace

    def _new(self, member: int | None, till: int, amount: int,
             at: datetime | None = None) -> Bill:
        """Of a tap of this instant (now, without one), by the rates that were in force."""
        self.taker += 1
        merchant, at = self._merchant(till), at or self.street.now
        if member is None:
            return Bill(self.taker, merchant, amount, day_of(at), 0, None)
        rates = [each for since, each in self.rates[merchant] if since <= at]
        return Bill(self.taker, merchant, amount, day_of(at), SILVER, None,
                    point=Fraction(POINT_MINOR), rates=rates[-1])

    def _near(self, bill: Bill, till: int) -> int:
        """A till of the bill's own merchant, nearly always."""
        if till == len(TILLS) - 1:
            return 0 if bill.merchant == 2 else 2
        return 2 if bill.merchant == 2 else till % 2

    def _merchant(self, till: int) -> int:
        return 2 if till == 2 else 1

    # -- days ----------------------------------------------------------------------------------

    def _today(self) -> int:
        day = day_of(self.street.now)
        for who in self.members:
            who.today = day
        return day

    def _ends_on(self, day: int) -> int:
        begin = date(1970, 1, 1) + timedelta(days=day)
        year, month = divmod(begin.year * 12 + begin.month - 1 + self.months, 12)
        end = date(year, month + 1, min(begin.day, monthrange(year, month + 1)[1]))
        return (end - date(1970, 1, 1)).days


def day_of(instant: datetime) -> int:
    local = instant + timedelta(hours=8 - 4)  # Shanghai, and a day ends at four
    return (local.date() - date(1970, 1, 1)).days


def newest(items: Sequence[Any], which: int) -> Any:
    """One of them, from the newest; None where there is none."""
    return items[-1 - which % len(items)] if items else None


def not_of(tap: Tap, merchant: int) -> int:
    """0, or the code for a bill that another merchant names."""
    return 0 if tap.bill.merchant == merchant else codes.ORIGINAL_NOT_FOUND
