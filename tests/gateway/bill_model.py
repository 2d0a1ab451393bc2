"""What a bill gives, takes and is settled for, as far as it stands: no import from gateway.

The law is that of DESIGN 6.5 and of rulings J1, J10 and J16, read anew; what becomes of its points
is points_model.py's.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from tests.gateway.token_model import Lot


@dataclass
class Bill:
    """A sale, or a bill that points paid in part. `elsewhere`: what HQ's refunds changed for the
    merchants that bear them, instead of for its own. `untaken`: by return, from where to where it
    brought what remained, of those whose points nobody took: they are held, or were released."""

    number: int
    merchant: int
    amount: int
    day: int
    multiplier: int
    lot: Lot | None
    redeemed: int = 0
    discount: int = 0
    point: Fraction = Fraction(0)  # what a point was worth, in minor units
    rates: tuple[int, int] = (10000, 10000)  # cost and credit of its merchant, basis points
    refunds: list[tuple[int, int]] = field(default_factory=list)  # (number, amount), standing
    gone: bool = False
    posted: bool = True  # not while it is held, and never where HQ refused it
    basket: tuple[tuple[int, int], ...] = ()  # (category, amount), where one was told
    elsewhere: Counter[int] = field(default_factory=Counter)
    back: dict[int, tuple[int, int]] = field(default_factory=dict)  # by refund: its line
    untaken: dict[int, tuple[int, int]] = field(default_factory=dict)

    def left_of(self, category: int) -> int:
        """What remains of a category of the basket."""
        bought = sum(amount for each, amount in self.basket if each == category)
        return bought - sum(self.back[number][1] for number, _ in self.refunds
                            if self.back.get(number, (0, 0))[0] == category)

    @property
    def remaining(self) -> int:
        return self.amount - sum(amount for _, amount in self.refunds)

    def standing(self, remaining: int) -> tuple[int, int, int]:
        """(points given, points taken, money paid) for what remains."""
        back = self.amount - remaining
        taken = self.redeemed - self.redeemed * back // self.amount
        discount = self.discount - self.discount * back // self.amount
        paid = remaining - discount
        return paid * self.multiplier // (100 * 10000), taken, paid

    @property
    def money(self) -> tuple[int, int]:
        """(for its merchant, for the pool): what is settled for what of it stands today, whatever
        was taken back before, in whatever parts, and for points that nobody took of the rest."""
        remaining = self.remaining if self.posted and not self.gone else 0
        _, taken, paid = self.standing(remaining)
        costs = [self._cost(remaining)]
        for before, after in self.untaken.values():
            costs += [self._cost(before), tuple(-each for each in self._cost(after))]
        return (whole((remaining - paid) * Fraction(self.rates[1], 10000))
                - sum(cost for cost, _ in costs),
                sum(worth for _, worth in costs) - whole(taken * self.point))

    def _cost(self, remaining: int) -> tuple[int, int]:
        """(what its merchant pays for, what the pool has for) the points given for so much."""
        given, _, paid = self.standing(remaining)
        base = min(given, paid // 100)
        return (whole(base * self.point * Fraction(self.rates[0], 10000)),
                whole(given * self.point))

    def due(self, merchant: int) -> int:
        """What is settled with this merchant for it."""
        mine = self.money[0] - sum(self.elsewhere.values()) if merchant == self.merchant else 0
        return mine + self.elsewhere[merchant]

    def refunded_by_hq(self, number: int, amount: int, bearer: int) -> None:
        """So much of it taken back, and borne by this merchant (0: HQ) instead of its own."""
        before = self.money[0]
        self.refunds.append((number, amount))
        self.elsewhere[bearer] += self.money[0] - before


def whole(exact: Fraction) -> int:
    """The nearest whole number; of two equally near, the one that is further from zero."""
    below = exact.numerator // exact.denominator
    left = exact - below
    return below if left < Fraction(1, 2) or left == Fraction(1, 2) and exact < 0 else below + 1
