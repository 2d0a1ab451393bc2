"""What points are worth in money, and who bears it. Pure, whole minor units.

Law (K9, J16, Q42): rates are basis points; a figure is one fraction, rounded once, half up, and
alike on both sides of zero. A merchant owes the worth of the points that its sale gave at the base
rate, and is owed what a redemption took off its bill, both at its rates; the pool holds what
points given out are worth; HQ bears the rest: bonuses, breakage, what rates leave over, and the
other side of every rounding.

What an entry puts on these accounts follows from how it stands and from its `Terms`, which stay
with it; so whatever is taken back of it in parts adds up to what it was.

>>> figure(Terms(100, 100, 9000, 10000), given=12, base=10)
Money(pool=12, merchant=-9, credit=0)
"""

from typing import NamedTuple

from gateway.rules import BP


def half_up(numerator: int, denominator: int) -> int:
    """The whole number nearest to a fraction; from a half away from zero. `denominator` > 0."""
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


class Worth(NamedTuple):
    """So many `points` are worth so much money (`minor`)."""

    points: int
    minor: int

    def of(self, points: int) -> int:
        """What they are worth, in minor units."""
        return half_up(points * self.minor, self.points)


class Terms(NamedTuple):
    """By what an entry is settled, as its context keeps it: what points are worth, and the rates
    of its merchant."""

    points: int
    minor: int
    cost_bp: int
    credit_bp: int


class Money(NamedTuple):
    """What goes to the pool and to the merchant (minor units); HQ bears both. `credit`: of what
    goes to the merchant, what it gets for points that paid; the rest is what it pays."""

    pool: int = 0
    merchant: int = 0
    credit: int = 0

    def less(self, other: "Money") -> "Money":
        return Money(self.pool - other.pool, self.merchant - other.merchant,
                     self.credit - other.credit)


NO_MONEY = Money()


class Purse(NamedTuple):
    """Where money is booked: the accounts of the merchant, the pool and HQ; `worth`: what points
    are worth today, None where they buy nothing."""

    merchant_due: int
    pool: int
    hq: int
    worth: Worth | None = None

    def lines(self, money: Money, expired: int) -> tuple[tuple[int, int], ...]:
        """(account, amount) of an entry of which so many points expired: their worth leaves the
        pool for HQ."""
        pool = money.pool - (self.worth.of(expired) if self.worth and expired else 0)
        # cost and credit in lines of their own: a statement tells them apart
        return ((self.merchant_due, money.merchant - money.credit),
                (self.merchant_due, money.credit), (self.pool, pool),
                (self.hq, -pool - money.merchant))


NO_PURSE = Purse(0, 0, 0)


def figure(terms: Terms | None, *, given: int, base: int, taken: int = 0,
           discount_minor: int = 0) -> Money:
    """What an entry comes to that gives points, `base` of them at the base rate, and takes points
    for money off a bill. Nothing where points had no worth."""
    if terms is None:
        return NO_MONEY
    points, minor, cost_bp, credit_bp = terms
    worth = Worth(points, minor)
    credit = half_up(discount_minor * credit_bp, BP)
    return Money(worth.of(given) - worth.of(taken),
                 credit - half_up(base * minor * cost_bp, points * BP), credit)
