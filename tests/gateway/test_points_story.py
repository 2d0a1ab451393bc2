"""Whole lives of members, message by message and in batches, against a model of every point.

The machine keeps the frames it makes until they are sent together, so that what a batch decides on
itself is tried as much as what it finds in the database. A failure prints the steps; Hypothesis
keeps it and tries it first the next time (`.hypothesis/`). `make test-long` takes more and longer
stories: POINTWIRE_STORIES and POINTWIRE_STEPS say how many.
"""

import os
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.expiry import expire_lots
from gateway.rules import Redeeming
from gateway.validity import EXPIRE, HOLD, Rolling
from protocol import codes
from tests.gateway.points_model import Bill, Member
from tests.gateway.test_proposals import done
from tests.support.databases import KINDS, fresh_engine
from tests.support.street import NOON, RULES, Street

STORIES = int(os.environ.get("POINTWIRE_STORIES", "12"))
STEPS = int(os.environ.get("POINTWIRE_STEPS", "25"))
WALKS = int(os.environ.get("POINTWIRE_WALKS", "4"))
WALK_STEPS = int(os.environ.get("POINTWIRE_WALK_STEPS", "250"))
MEMBERS, SILVER = 2, 12000
POINT_MINOR = 10
RETURN_DAYS = 90


TILLS = (0, 1, 2, 0, 1, 2, 0, 1, 2)  # the last draw is one of another merchant, for a reversal
tills = st.integers(0, len(TILLS) - 1)
members = st.integers(0, MEMBERS - 1)
places = st.integers(0, 6)  # from the newest
rates = st.integers(0, 12000)  # basis points


class Sent(NamedTuple):
    """A frame on its way, and what the model says it must be answered."""

    frame: bytes
    expected: dict[str, Any]


class PointsStory(RuleBasedStateMachine):
    kind = KINDS[0]
    months, grace_days = 2, 30
    freezes = rolls = False

    def __init__(self) -> None:
        super().__init__()
        self._opened = fresh_engine(self.kind)
        self.street = Street(self._opened.__enter__(), members=MEMBERS, terminals=1)
        registry = self.street.registry
        registry.add_rule_set(self.street.programme, RULES._replace(
            lot_months=self.months, redeeming=Redeeming(1, POINT_MINOR),
            return_grace_days=self.grace_days, at_end=HOLD if self.freezes else EXPIRE,
            rolling=Rolling(self.months) if self.rolls else None), 1)
        self.merchants = (self.street.merchant,
                          registry.create_merchant(self.street.programme, "Leaf"))
        self.rates: dict[int, tuple[int, int]] = {1: (10000, 10000), 2: (10000, 10000)}
        other = registry.create_shop(self.merchants[1], "B")
        self.street.terminals += [registry.create_terminal(self.street.shop),
                                  registry.create_terminal(other)]
        self.members = [Member(self.grace_days, freezes=self.freezes) for _ in range(MEMBERS)]
        self.bills: list[tuple[int, Bill, tuple[int, int, int]]] = []
        self.refunds: list[tuple[Bill, int, tuple[int, int, int]]] = []
        self.voided: set[int] = set()
        self.queue: list[Sent] = []
        self.past: list[tuple[bytes, bytes]] = []
        self.taker = 0
        self.adjusted = 0  # points that HQ gave, less what it took
        self.day = self._today()

    def teardown(self) -> None:
        self._send()
        report = run_audit(self.street.engine, self.street.keyring, rebuild=True,
                           clock=lambda: self.street.now)
        assert report.findings == ()
        self._opened.__exit__(None, None, None)

    # -- the story -------------------------------------------------------------------------------

    @rule(member=members, amount=st.integers(50, 2500), till=tills)
    def sale(self, member: int, amount: int, till: int) -> None:
        points = amount * SILVER // (100 * 10000)
        till = TILLS[till]
        bill = self._bill(till, amount)
        self._begin(member)
        before = self._net(member)
        bill.lot = self.members[member].give(bill.merchant, self.day, self._ends_on(), points)
        self._active(member)
        frame = self.street.sale(amount, terminal=till, card=member)
        self.bills.append((member, bill, self._name(frame, till)))
        self._expect(frame, member, code=0, points=self._net(member) - before)

    @rule(member=members, percent=st.sampled_from([10, 30, 50, 80, 100, 100, 110]),
          amount=st.integers(-20, 900), till=tills)
    def redemption(self, member: int, percent: int, amount: int, till: int) -> None:
        who, till = self.members[member], TILLS[till]
        points = max(who.usable * percent // 100, 1)
        amount = max(points * POINT_MINOR + amount, 1)
        frame = self.street.redemption(points, amount, terminal=till, card=member)
        if (points - 1) * POINT_MINOR >= amount:
            self._expect(frame, member, code=codes.LIMIT_REACHED, balance=None)
            return
        if who.debt or points > who.usable:
            self._expect(frame, member, code=codes.INSUFFICIENT_POINTS,
                         balance=who.usable - who.debt)
            return
        bill = self._bill(till, amount)
        bill.redeemed, bill.discount = points, min(points * POINT_MINOR, amount)
        self._begin(member)
        before = self._net(member)
        who.spend(bill.number, points)
        bill.lot = who.give(bill.merchant, self.day, self._ends_on(), bill.standing(amount)[0])
        self._active(member)
        self.bills.append((member, bill, self._name(frame, till)))
        self._expect(frame, member, code=0, points=self._net(member) - before,
                     amount_minor=bill.discount)

    @rule(which=places, percent=st.sampled_from([5, 30, 50, 70, 100, 120]), till=tills)
    def refund(self, which: int, percent: int, till: int) -> None:
        if not self.bills:
            return
        member, bill, name = self.bills[-1 - which % len(self.bills)]
        till = self._near(bill, till)
        amount = max(bill.amount * percent // 100, 1)
        frame = self.street.refund(*name, terminal=till, amount_minor=amount)
        if bill.merchant != self._merchant(till):
            self._expect(frame, member, code=codes.ORIGINAL_NOT_FOUND, balance=None)
        elif bill.gone or not bill.remaining:
            self._expect(frame, member, code=codes.NOTHING_LEFT, balance=None)
        elif amount > bill.remaining:
            self._expect(frame, member, code=codes.EXCEEDS_ORIGINAL, balance=None,
                         amount_minor=bill.remaining)
        elif self.day - bill.day > RETURN_DAYS:
            self._expect(frame, member, code=codes.LIMIT_REACHED, balance=None)
        else:
            self.taker += 1
            self.refunds.append((bill, self.taker, self._name(frame, till)))
            self._restate(frame, member, bill, bill.remaining - amount)
            bill.refunds.append((self.taker, amount))

    @rule(which=places, till=tills)
    def void(self, which: int, till: int) -> None:
        if not self.bills:
            return
        member, bill, name = self.bills[-1 - which % len(self.bills)]
        till = self._near(bill, till)
        frame = self.street.void(*name, terminal=till)
        if bill.merchant != self._merchant(till):
            self._expect(frame, member, code=codes.ORIGINAL_NOT_FOUND, balance=None)
        elif bill.gone or not bill.remaining:
            self._expect(frame, member, code=codes.NOTHING_LEFT, balance=None)
        else:
            self._restate(frame, member, bill, 0)
            bill.gone = True

    @rule(which=places, till=tills)
    def void_of_a_refund(self, which: int, till: int) -> None:
        if not self.refunds:
            return
        bill, number, name = self.refunds[-1 - which % len(self.refunds)]
        till = self._near(bill, till)
        member = next(member for member, each, _ in self.bills if each is bill)
        frame = self.street.void(*name, terminal=till)
        if bill.merchant != self._merchant(till):
            self._expect(frame, member, code=codes.ORIGINAL_NOT_FOUND, balance=None)
        elif number in self.voided:
            self._expect(frame, member, code=codes.NOTHING_LEFT, balance=None)
        elif bill.gone or bill.refunds[-1][0] != number:
            self._expect(frame, member, code=codes.NOT_VOIDABLE, balance=None)
        else:
            self._restate(frame, member, bill, bill.remaining + bill.refunds[-1][1])
            bill.refunds.pop()
            self.voided.add(number)

    @rule(merchant=st.integers(1, 2), cost=rates, credit=rates)
    def rates_change(self, merchant: int, cost: int, credit: int) -> None:
        self._send()
        self.street.registry.set_rates(self.merchants[merchant - 1], cost, credit)
        self.rates[merchant] = cost, credit

    @rule(days=st.sampled_from([1, 5, 31, 70]))
    def days_pass(self, days: int) -> None:
        self._send()
        self.street.later(days=days)
        self.day = self._today()

    @rule(member=members, points=st.sampled_from([1, 20, 300, -1, -20, -300]))
    def hq_gives_or_takes(self, member: int, points: int) -> None:
        self._send()
        who = self.members[member]
        self._begin(member)
        before = self._net(member)
        self.taker += 1
        if points > 0:
            who.give(0, self.day, self._ends_on(), points)
        else:
            who.spend(self.taker, -points)
        self.adjusted += points
        ended = done(self.street, "grant" if points > 0 else "penalty", abs(points),
                     member_id=self.street.members[member])
        assert (ended.points, ended.balance) == (self._net(member) - before,
                                                 who.available - who.debt)

    @rule(rows=st.integers(1, 3))
    def the_job_runs(self, rows: int) -> None:
        self._send()
        while expire_lots(self.street.engine, self.street.keyring, to_ms(self.street.now), rows):
            pass
        for member in range(MEMBERS):
            self._begin(member)

    @rule(which=places)
    def a_frame_comes_again(self, which: int) -> None:
        if self.past:
            frame, reply = self.past[which % len(self.past)]
            assert self.street.answers(frame)[0].reply == reply

    @rule()
    def what_waits_is_sent(self) -> None:
        self._send()

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        if self.queue:
            return
        street = self.street
        rows = street.rows("members", "available, held, debt", "1=1 ORDER BY id")
        assert rows == [(who.available, who.frozen, who.debt) for who in self.members]
        sums = street.rows("lots l RIGHT JOIN members m ON m.id = l.member_id",
                           "coalesce(sum(remaining), 0), coalesce(sum(expired), 0),"
                           " coalesce(sum(paid), 0)", "1=1 GROUP BY m.id ORDER BY m.id")
        assert [tuple(map(int, row)) for row in sums] == [
            (who.available, who.expired, sum(lot.paid + len(lot.away) for lot in who.lots))
            for who in self.members]
        assert not any(total for total, in street.rows("postings", "sum(amount)",
                                                       "1=1 GROUP BY unit"))
        self._money_is_settled()

    def _money_is_settled(self) -> None:
        """By what of each bill stands: nothing else is known here of how it came to that."""
        def stands(kind: str, owner: int) -> int:
            (total,), = self.street.rows(
                "postings p JOIN accounts a ON a.id = p.account_id",
                "coalesce(sum(p.amount), 0)", f"a.kind = '{kind}' AND a.owner_id = {owner}")
            return int(total)

        for number, merchant in enumerate(self.merchants, 1):
            assert stands("merchant_due", merchant) == sum(
                bill.money[0] for _, bill, _ in self.bills if bill.merchant == number)
        assert stands("programme_pool", self.street.programme) == (
            sum(bill.money[1] for _, bill, _ in self.bills) + POINT_MINOR * self.adjusted
            - POINT_MINOR * sum(who.expired for who in self.members))

    # -- how -------------------------------------------------------------------------------------

    def _begin(self, member: int) -> None:
        """What an entry of this member finds."""
        self.members[member].today = self.day
        self.members[member].expire()

    def _active(self, member: int) -> None:
        if self.rolls:
            self.members[member].carry(self._ends_on())

    def _net(self, member: int) -> int:
        """What the member has, and would have if HQ released what is frozen."""
        who = self.members[member]
        return who.available + who.frozen - who.debt

    def _restate(self, frame: bytes, member: int, bill: Bill, remaining: int) -> None:
        who = self.members[member]
        given, taken, paid = bill.standing(bill.remaining)
        given_after, taken_after, paid_after = bill.standing(remaining)
        self._begin(member)
        before = self._net(member)
        if taken > taken_after:
            who.unspend(bill.number, taken - taken_after)
        if given > given_after and bill.lot:
            who.take_back(bill.lot, given - given_after)
        if given < given_after and bill.lot:
            who.put_back(bill.lot, given_after - given)
        if taken < taken_after:
            who.spend_again(bill.number, taken_after - taken)
        self._expect(frame, member, code=0, points=self._net(member) - before,
                     amount_minor=abs(paid - paid_after))

    def _expect(self, frame: bytes, member: int, **expected: Any) -> None:
        if expected["code"] == 0:
            expected["balance"] = self._net(member) - self.members[member].frozen
        self.queue.append(Sent(frame, expected))
        if len(self.queue) >= 5:
            self._send()

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

    def _bill(self, till: int, amount: int) -> Bill:
        self.taker += 1
        for who in self.members:
            who.today = self.day
        merchant = self._merchant(till)
        return Bill(self.taker, merchant, amount, self.day, SILVER, None,
                    point=Fraction(POINT_MINOR), rates=self.rates[merchant])

    def _near(self, bill: Bill, till: int) -> int:
        """A till of the bill's own merchant, nearly always."""
        if till == len(TILLS) - 1:
            return 0 if bill.merchant == 2 else 2
        return 2 if bill.merchant == 2 else till % 2

    def _merchant(self, till: int) -> int:
        return 2 if till == 2 else 1

    def _name(self, frame: bytes, till: int) -> tuple[int, int, int]:
        said = self.street.message(frame).request
        return self.street.terminals[till], said.journal, said.trace

    def _today(self) -> int:
        local = self.street.now + timedelta(hours=8 - 4)  # Shanghai, and a day ends at four
        day = (local.date() - date(1970, 1, 1)).days
        for who in getattr(self, "members", ()):
            who.today = day
        return day

    def _ends_on(self) -> int:
        begin = date(1970, 1, 1) + timedelta(days=self.day)
        year, month = divmod(begin.year * 12 + begin.month - 1 + self.months, 12)
        end = date(year, month + 1, min(begin.day, monthrange(year, month + 1)[1]))
        return (end - date(1970, 1, 1)).days


@pytest.mark.parametrize("kind", KINDS)
def test_every_story_ends_as_the_model_says(kind: str):
    assert datetime(2026, 11, 21, 4, tzinfo=UTC) == NOON
    machine = type("Story", (PointsStory,), {"kind": kind})
    run_state_machine_as_test(machine, settings=settings(
        max_examples=STORIES, stateful_step_count=STEPS, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much,
                               HealthCheck.data_too_large]))


WALK = {"sale": 5, "redemption": 6, "refund": 6, "void": 2, "void_of_a_refund": 5, "days_pass": 2,
        "rates_change": 1, "hq_gives_or_takes": 1, "the_job_runs": 1, "a_frame_comes_again": 1,
        "what_waits_is_sent": 2}


def walk(kind: str, seed: int, steps: int, **options: bool) -> None:
    """One long life, drawn from a seed: deeper than stories that are kept short to be shrunk. In
    every other one points lapse soon, also those that came back."""
    random = Random(seed)
    short = {"months": 1, "grace_days": 2} if seed % 2 else {}
    story: Any = type("Story", (PointsStory,), {"kind": kind, **short, **options})()
    till, which = lambda: random.randrange(len(TILLS)), lambda: random.randrange(5)
    member = lambda: random.randrange(MEMBERS)  # noqa: E731
    draw = {
        "sale": lambda: (member(), random.randrange(50, 2500), till()),
        "redemption": lambda: (member(), random.choice([10, 30, 50, 80, 100, 110]),
                               random.randrange(-20, 900), till()),
        "refund": lambda: (which(), random.choice([5, 30, 50, 70, 100]), till()),
        "void": lambda: (which(), till()), "void_of_a_refund": lambda: (which(), till()),
        "days_pass": lambda: (random.choice([1, 5, 31, 70]),),
        "rates_change": lambda: (random.randrange(1, 3), random.randrange(12001),
                                 random.randrange(12001)),
        "hq_gives_or_takes": lambda: (member(), random.choice([1, 20, 300, -1, -20, -300])),
        "the_job_runs": lambda: (random.randrange(1, 4),),
        "a_frame_comes_again": lambda: (which(),), "what_waits_is_sent": lambda: ()}
    try:
        for _ in range(steps):
            name, = random.choices(list(WALK), list(WALK.values()))
            getattr(story, name).hypothesis_stateful_rule.function(story, *draw[name]())
            story.the_books_say_what_the_model_says()
    finally:
        story.teardown()


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_life_is_as_the_model_says(kind: str, seed: int):
    walk(kind, seed, WALK_STEPS)


@pytest.mark.parametrize("freezes, rolls", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("seed", range(max(WALKS // 2, 1)))
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_life_of_points_that_are_frozen_or_carried_on(kind: str, seed: int, freezes: bool,
                                                             rolls: bool):  # K1, K2
    walk(kind, seed, WALK_STEPS, freezes=freezes, rolls=rolls)
