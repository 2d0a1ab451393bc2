"""What cashiers and days do in a story: frames of every type, and time."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from gateway.clock import to_ms
from gateway.expiry import expire_lots
from protocol import codes
from protocol.messages import BATCH_CLOSE, SALE
from tests.support.story import MEMBERS, TILLS, Counted, Tap, members, places, tills
from tests.support.story_books import POINT_MINOR
from tests.support.story_returns import NOBODYS_NUMBER, Returns, named
from tests.support.street import NOON

TOLD_MAX = 100  # differences that a reply has room for

rates = st.integers(0, 12000)  # basis points
late = st.sampled_from([1, 8, 30, 60])


class Tills(Returns):
    @rule(member=members, amount=st.integers(50, 2500), till=tills, lines=st.integers(0, 2))
    def sale(self, member: int, amount: int, till: int, lines: int) -> None:
        """`lines`: of its basket, each of a category of its own."""
        till = TILLS[till]
        basket = ((), ((1, amount),), ((1, amount // 3), (2, amount - amount // 3)))[lines]
        frame = self.street.sale(amount, terminal=till, card=member, **named(basket))
        tap = Tap(member, self._new(member, till, amount), self._name(frame))
        tap.bill.basket = basket
        before = self._begin(member)
        self._award(tap, amount)
        self.taps.append(tap)
        self._expect(frame, tap=tap, code=0, points=self._changed(member, before))

    @rule(amount=st.integers(50, 2500), till=tills)
    def walk_in(self, amount: int, till: int) -> None:
        till = TILLS[till]
        frame = self.street.walk_in(amount, terminal=till)
        tap = Tap(None, self._new(None, till, amount), self._name(frame))
        self.taps.append(tap)
        self._expect(frame, tap=tap, code=0, points=0, balance=None)

    @rule(member=members, amount=st.integers(50, 2500), till=tills)
    def sale_that_is_held(self, member: int, amount: int, till: int) -> None:
        till = TILLS[till]
        frame = self.street.sale(amount, terminal=till, card=member, operator=NOBODYS_NUMBER)
        tap = Tap(member, self._new(member, till, amount), self._name(frame), waits=True)
        tap.bill.posted = False
        self.taps.append(tap)
        self._expect(frame, code=codes.HELD, balance=None)

    @rule(member=members, amount=st.integers(50, 2500), till=tills, days=late)
    def sale_that_comes_late(self, member: int, amount: int, till: int, days: int) -> None:
        """Dated to its tap, by the rates of then; usable for some days at least (J7)."""
        till, at = TILLS[till], max(NOON, self.street.now - timedelta(days=days))
        frame = self.street.sale(amount, terminal=till, card=member, at=self.street.seconds(at))
        tap = Tap(member, self._new(member, till, amount, at), self._name(frame))
        before = self._begin(member)
        self._award(tap, amount)
        self.taps.append(tap)
        self._expect(frame, tap=tap, code=0, points=self._changed(member, before))

    @rule(member=members, amount=st.integers(50, 2500), till=tills)
    def void_that_comes_before_its_sale(self, member: int, amount: int, till: int) -> None:
        till = TILLS[till]
        sale = self.street.sale(amount, terminal=till, card=member)
        void = self.street.void(self._name(sale)[2], terminal=till)
        self._expect(void, code=0, points=0, balance=None, amount_minor=None)
        self._expect(sale, code=codes.VOIDED, balance=None)

    @rule(member=members, percent=st.sampled_from([10, 30, 50, 80, 100, 100, 110]),
          amount=st.integers(-20, 900), till=tills)
    def redemption(self, member: int, percent: int, amount: int, till: int) -> None:
        who, till = self.members[member], TILLS[till]
        points = max(who.usable * percent // 100, 1)
        amount = max(points * POINT_MINOR + amount, 1)
        frame = self.street.redemption(points, amount, terminal=till, card=member)
        if (points - 1) * POINT_MINOR >= amount:
            self._expect(frame, code=codes.LIMIT_REACHED, balance=None)
            return
        if who.debt or points > who.usable:
            self._expect(frame, code=codes.INSUFFICIENT_POINTS, balance=who.usable - who.debt)
            return
        bill = self._new(member, till, amount)
        bill.redeemed, bill.discount = points, min(points * POINT_MINOR, amount)
        tap = Tap(member, bill, self._name(frame))
        before = self._begin(member)
        who.spend(bill.number, points)
        self._award(tap, amount)
        self.taps.append(tap)
        self._expect(frame, tap=tap, code=0, points=self._changed(member, before),
                     amount_minor=bill.discount)

    @rule(till=tills, again=st.booleans(), off=st.sampled_from([0, 0, 1]))
    def batch_close(self, till: int, again: bool, off: int) -> None:
        """A terminal's day ends, with totals that may be `off`; `again`: one that has ended."""
        till = TILLS[till]
        terminal = self.street.terminals[till]
        closed, taps = self.closed.get(terminal, 0), self.counted.get(terminal, {})
        first, last = 1 if again else closed + 1, max(taps, default=0)
        inside = {trace: tap for trace, tap in sorted(taps.items()) if trace >= first}
        differing = in_question(inside) if off else None
        if not inside or differing and len(differing) > TOLD_MAX:
            return
        ours = totals_of(inside.values())
        count, amount, points = ours.get(SALE, (0, 0, 0))
        theirs = ours | {SALE: (count + 1, amount, points)} if off else ours
        frame = self.street.batch_close(first, last, terminal=till, totals=theirs)
        if first <= closed:
            self._expect(frame, code=codes.NOTHING_LEFT, balance=None)
            return
        self.closed[terminal] = last
        self._expect(frame, code=0, totals={0: (first, last), **ours},
                     differing=differing or None)

    @rule(merchant=st.integers(1, 2), cost=rates, credit=rates)
    def rates_change(self, merchant: int, cost: int, credit: int) -> None:
        self._send()
        self.street.later(seconds=1)  # what was tapped at the same instant would have them too
        self.street.registry.set_rates(self.merchants[merchant - 1], cost, credit)
        self.rates[merchant].append((self.street.now, (cost, credit)))

    @rule(days=st.sampled_from([1, 5, 31, 70]))
    def days_pass(self, days: int) -> None:
        self._send()
        self.street.later(days=days)
        self.day = self._today()

    @rule(rows=st.integers(1, 3))
    def the_job_runs(self, rows: int) -> None:
        self._send()
        self._holds_lapse(rows)
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


def totals_of(taps: Iterable[Counted]) -> dict[int, tuple[int, int, int]]:
    """By type what was answered 0: how many, for how much, for how many points."""
    sums: dict[int, tuple[int, int, int]] = {}
    for tap in taps:
        if tap.code == 0 and tap.type != BATCH_CLOSE:
            count, amount, points = sums.get(tap.type, (0, 0, 0))
            sums[tap.type] = count + 1, amount + tap.amount, points + tap.points
    return sums


def in_question(taps: Mapping[int, Counted]) -> tuple[tuple[int, int, int], ...]:
    """What a close tells where the totals of sales differ: all that was not answered 0, then the
    sales that were."""
    return (*((trace, tap.code, 0) for trace, tap in taps.items() if tap.code),
            *((trace, 0, tap.points) for trace, tap in taps.items()
              if tap.code == 0 and tap.type == SALE))
