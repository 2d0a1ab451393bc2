"""What a member's points must come to, by a model that shares nothing with the gateway.

Every point is a token of its own, in its lot: there, spent by somebody, or expired. The law is
that of DESIGN 6.5 and of rulings J1 to J4, J11, read anew: no sums, no movements, no import from
gateway. Slow on purpose; amounts in tests are small.
"""

from dataclasses import dataclass, field
from fractions import Fraction

GRACE_DAYS = 30
SPENT_BY_NOBODY = 0


@dataclass(eq=False)
class Token:
    """One point. `taker`: who spent it, 0 while it is the member's; `expired`: nobody can."""

    taker: int = SPENT_BY_NOBODY
    expired: bool = False


@dataclass(eq=False)
class Lot:
    """Points of one issuer and day. `paid`: who paid for points that were taken back although they
    were spent, one entry a point: the taker that had to go elsewhere, or 0."""

    number: int
    merchant: int
    earned_on: int
    ends_on: int
    replaces: "Lot | None" = None
    tokens: list[Token] = field(default_factory=list)
    paid: list[int] = field(default_factory=list)


@dataclass
class Bill:
    """A sale, or a bill that points paid in part."""

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
        was taken back before, in whatever parts."""
        if self.gone:
            return 0, 0
        given, taken, paid = self.standing(self.remaining)
        base = min(given, paid // 100)
        cost, credit = (Fraction(rate, 10000) for rate in self.rates)
        return (whole((self.remaining - paid) * credit) - whole(base * self.point * cost),
                whole(given * self.point) - whole(taken * self.point))


def whole(exact: Fraction) -> int:
    """The nearest whole number; of two equally near, the one that is further from zero."""
    below = exact.numerator // exact.denominator
    left = exact - below
    return below if left < Fraction(1, 2) or left == Fraction(1, 2) and exact < 0 else below + 1


class Member:
    """One member's points; `today` is moved by whoever tells the story."""

    def __init__(self) -> None:
        self.lots: list[Lot] = []
        self.owed: dict[int, int] = {}  # by taker, what it could not have
        self.today = 0

    # -- figures -------------------------------------------------------------------------------

    @property
    def usable(self) -> int:
        return sum(len(self._there(lot)) for lot in self.lots if self._lives(lot))

    @property
    def available(self) -> int:
        return sum(len(self._there(lot)) for lot in self.lots)

    @property
    def debt(self) -> int:
        return sum(self.owed.values())

    @property
    def expired(self) -> int:
        return sum(token.expired for lot in self.lots for token in lot.tokens)

    # -- what happens --------------------------------------------------------------------------

    def expire(self) -> None:
        for lot in self.lots:
            if not self._lives(lot):
                for token in self._there(lot):
                    token.expired = True

    def give(self, merchant: int, earned_on: int, ends_on: int, points: int) -> Lot | None:
        if not points:
            return None
        for lot in self.lots:
            if ((lot.merchant, lot.earned_on, lot.ends_on, lot.replaces)
                    == (merchant, earned_on, ends_on, None) and self._there(lot)):
                break
        else:
            lot = self._open(merchant, earned_on, ends_on)
        lot.tokens += [Token() for _ in range(points)]
        self._cover()
        return lot

    def spend(self, taker: int, points: int) -> None:
        self.owed[taker] = self.owed.get(taker, 0) + points
        self._cover()

    def unspend(self, taker: int, points: int) -> None:
        left = points
        for lot in self.lots:
            while left and self._lives(lot) and taker in lot.paid:
                lot.paid.remove(taker)
                left -= 1
        for _ in range(points):
            self._unspend_one(taker)
        self._cover()

    def take_back(self, lot: Lot, points: int) -> None:
        for _ in range(points):
            self._take_back_one(lot)
        self._cover()

    def put_back(self, lot: Lot, points: int) -> None:
        paid = min(points, len(lot.paid))
        for _ in range(points - paid):
            lot.tokens.append(Token(expired=not self._lives(lot)))
        for taker in sorted(lot.paid, key=lambda taker: (not taker, taker))[:paid]:
            lot.paid.remove(taker)
            if taker and self._has(taker, lot):
                self._unspend_one(taker, but=lot)
                lot.tokens.append(Token(taker))
            else:
                self._return_to(lot)
        self._cover()

    # -- one point at a time ---------------------------------------------------------------------

    def _lives(self, lot: Lot) -> bool:
        return lot.ends_on >= self.today

    def _there(self, lot: Lot) -> list[Token]:
        return [token for token in lot.tokens if not token.taker and not token.expired]

    def _has(self, taker: int, but: Lot) -> bool:
        return bool(self.owed.get(taker)) or any(
            token.taker == taker for lot in self.lots if lot is not but for token in lot.tokens)

    def _family(self, lot: Lot) -> list[Lot]:
        return [lot, *(each for each in self.lots if each.replaces is lot)]

    def _cover(self) -> None:
        for taker in sorted(self.owed):
            for lot in sorted(self.lots, key=lambda lot: (lot.ends_on, lot.number)):
                while self.owed[taker] and self._lives(lot) and self._there(lot):
                    self._there(lot)[0].taker = taker
                    self.owed[taker] -= 1

    def _unspend_one(self, taker: int, but: Lot | None = None) -> None:
        if self.owed.get(taker):
            self.owed[taker] -= 1
            return
        lot = max((lot for lot in self.lots if lot is not but
                   and any(token.taker == taker for token in lot.tokens)),
                  key=lambda lot: (lot.ends_on, lot.number))
        lot.tokens.remove(next(token for token in lot.tokens if token.taker == taker))
        self._return_to(lot)

    def _return_to(self, lot: Lot) -> None:
        stand_ins = self._family(lot)[1:]
        if self._lives(lot):
            lot.tokens.append(Token())
        elif lot.replaces or stand_ins and not self._lives(stand_ins[0]):
            lot.tokens.append(Token(expired=True))
        else:
            if not stand_ins:
                ends_on = max(lot.ends_on, self.today + GRACE_DAYS)
                stand_ins = [self._open(lot.merchant, lot.earned_on, ends_on, lot)]
            stand_ins[0].tokens.append(Token())

    def _take_back_one(self, lot: Lot) -> None:
        family = self._family(lot)
        for where, free in ((lot, True), *((each, False) for each in family)):
            found = self._there(where) if free else [
                token for token in where.tokens if token.expired]
            if found:
                where.tokens.remove(found[0])
                return
        for where in family[1:]:
            if self._there(where):
                where.tokens.remove(self._there(where)[0])
                lot.paid.append(SPENT_BY_NOBODY)
                return
        for where in family:
            takers = [token.taker for token in where.tokens if token.taker]
            if takers:
                taker = max(takers)
                where.tokens.remove(next(
                    token for token in where.tokens if token.taker == taker))
                lot.paid.append(taker)
                self.owed[taker] = self.owed.get(taker, 0) + 1
                return
        raise AssertionError("more was taken back than given")

    def _open(self, merchant: int, earned_on: int, ends_on: int,
              replaces: Lot | None = None) -> Lot:
        lot = Lot(len(self.lots) + 1, merchant, earned_on, ends_on, replaces)
        self.lots.append(lot)
        return lot
