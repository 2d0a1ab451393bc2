"""The checker's arithmetic of bills and purses, judged by the model of every point: what a bill
comes to is the same, and what ended lies within the checker's bounds."""

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.bill_model import Bill as Judge
from tests.gateway.points_model import Member
from tests.gateway.token_model import Lot
from tools.prove import bills
from tools.prove.model import Rate
from tools.prove.purses import Purse

SILVER, GRACE_DAYS = 12000, 30
RATE = Rate(0, 1, 100)
KEY = (1, 2, 3)  # terminal, journal, trace


@given(st.integers(1, 5000), st.integers(0, 60), st.data())
def test_what_remains_of_a_bill_is_what_the_model_says(amount: int, taken: int, data):
    off = min(taken * 10, amount) if taken else 0
    judge = Judge(1, 1, amount, 0, SILVER, None, redeemed=taken, discount=off)
    bill = bills.Bill(KEY, 1, 1, amount, RATE, SILVER, taken, off)
    for number in range(1, 8):
        assert bill.remaining_minor == judge.remaining
        assert tuple(bill.standing) == judge.standing(judge.remaining)
        part, undone = data.draw(st.integers(1, amount + 5)), data.draw(st.booleans())
        if undone and judge.refunds:
            last, _ = judge.refunds.pop()
            assert bills.void_of_refund_code(bill, (last, 0, 0), voided=False) == bills.APPROVED
            bill = bill.restored((last, 0, 0))
            continue
        code = bills.refund_code(bill, part)
        assert (code == bills.APPROVED) == (part <= judge.remaining)
        assert (code == bills.NOTHING_LEFT) == (not judge.remaining)
        if code == bills.APPROVED:
            judge.refunds.append((number, part))
            bill = bill.refunded((number, 0, 0), part)


class Life:
    """A member by the model, and beside it what the checker knows of its purse."""

    def __init__(self) -> None:
        self.who, self.purse, self.day = Member(GRACE_DAYS), Purse(), 100
        self.sales: list[tuple[Lot, int]] = []
        self.bills: list[tuple[int, int]] = []  # (taker, points)

    def entry(self, days: int, kind: str, points: int, which: int) -> None:
        self.day += days
        gone = self.who.expired
        self.who.begin(self.day)
        assert self.who.expired - gone in self.purse.lapse(self.day)
        last_day, given_points = getattr(self, kind)(points, which)
        self.who.end()
        self.purse = self.purse.with_given(last_day, given_points)._replace(
            balance=self.who.available - self.who.debt, swept_on=self.day)

    def sale(self, points: int, which: int) -> tuple[int, int]:
        last_day = self.day + 20 + which % 3 * 15
        lot = self.who.give(1, self.day, last_day, points)
        assert lot is not None
        self.sales.append((lot, points))
        return last_day, points

    def spend(self, points: int, _which: int) -> tuple[None, int]:
        if not self.who.debt and points <= self.who.usable:
            self.bills.append((len(self.bills) + 1, points))
            self.who.spend(*self.bills[-1])
        return None, 0

    def refund(self, _points: int, which: int) -> tuple[None, int]:
        if self.sales:
            self.who.take_back(*self.sales.pop(which % len(self.sales)))
        return None, 0

    def give_back(self, _points: int, which: int) -> tuple[int | None, int]:
        if not self.bills:
            return None, 0
        taker, points = self.bills[which % len(self.bills)]
        self.bills[which % len(self.bills)] = taker, 0
        ended = self.purse.has_ended(self.day)
        self.who.unspend(taker, points)
        return (self.day + GRACE_DAYS, points) if ended else (None, 0)


@given(st.lists(st.tuples(
    st.sampled_from((0, 0, 1, 9, 21, 40)),
    st.sampled_from(("sale", "sale", "spend", "spend", "refund", "give_back")),
    st.integers(1, 30), st.integers(0, 5)), max_size=30))
def test_what_ended_lies_within_the_checkers_bounds(steps: list[tuple[int, str, int, int]]):
    life = Life()
    for days, kind, points, which in steps:
        life.entry(days, kind, points, which)
