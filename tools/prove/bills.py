"""What bills come to: points given and taken, and what refunds and voids leave of them.

Law (DESIGN 6.5; J1, J10, J11): everything follows from how much of a bill remains. Points and
money that paid it together go back pro rata, rounded down; the money part keeps the rate at which
it earned. A void takes the rest, that of a refund puts its part back while it is the last one. A
member with less than nothing owes; who owes, or has too little, redeems nothing. Pure, and nothing
of the gateway is used.
"""

from typing import NamedTuple

from tools.prove.model import APPROVED, BP, Rate, points_of
from tools.prove.purses import Range
from tools.prove.story import TapKey

INSUFFICIENT, LIMIT, NOT_FOUND, NOTHING_LEFT, EXCEEDS, NOT_VOIDABLE = 30, 32, 37, 38, 39, 42


class Redeeming(NamedTuple):
    """So many `points` are worth so much `minor`; at least `points_min` at a time, in steps, for
    at most `share_bp` of a bill."""

    points: int
    minor: int
    points_min: int
    points_step: int
    share_bp: int

    def off_minor(self, points: int, bill_minor: int) -> int:
        """What these points take off a bill; 0 where they may not."""
        worth, most = self._worth(points), bill_minor * self.share_bp // BP
        if points < self.points_min or points % self.points_step:
            return 0
        if worth > most:
            worth = most if self.share_bp == BP else 0
        return worth if worth > self._worth(points - self.points_step) else 0

    def _worth(self, points: int) -> int:
        return points * self.minor // self.points


class Standing(NamedTuple):
    """Points given and taken, and money paid, for what remains of a bill."""

    given: int
    taken: int
    paid_minor: int

    @property
    def points(self) -> int:
        return self.given - self.taken


class Bill(NamedTuple):
    """A sale, or a bill of which points paid a part. `parts`: refunds that stand, oldest first;
    `ends_on`: the last day of what it earned (None: it lives for ever)."""

    key: TapKey
    member_id: int
    merchant_id: int
    amount_minor: int
    rate: Rate
    multiplier_bp: int
    taken: int = 0
    off_minor: int = 0
    parts: tuple[tuple[TapKey, int], ...] = ()
    gone: bool = False
    ends_on: int | None = None

    @property
    def remaining_minor(self) -> int:
        return 0 if self.gone else self.amount_minor - sum(amount for _, amount in self.parts)

    @property
    def standing(self) -> Standing:
        left_minor = self.remaining_minor
        back_minor = self.amount_minor - left_minor
        taken = self.taken - self.taken * back_minor // self.amount_minor
        off_minor = self.off_minor - self.off_minor * back_minor // self.amount_minor
        paid_minor = left_minor - off_minor
        return Standing(points_of(paid_minor, self.rate, self.multiplier_bp), taken, paid_minor)

    def refunded(self, by: TapKey, amount_minor: int) -> "Bill":
        return self._replace(parts=(*self.parts, (by, amount_minor)))

    def restored(self, refund: TapKey) -> "Bill":
        return self._replace(parts=tuple(part for part in self.parts if part[0] != refund))


def redemption_codes(paid: Redeeming | None, points: int, bill_minor: int,
                     usable: Range) -> frozenset[int]:
    """`usable`: points less debts, as far as known."""
    if paid is None or not paid.off_minor(points, bill_minor):
        return frozenset((LIMIT,))
    return frozenset(code for code, may in ((APPROVED, points <= usable.most),
                                            (INSUFFICIENT, points > usable.least)) if may)


def refund_code(bill: Bill, amount_minor: int) -> int:
    if not bill.remaining_minor:
        return NOTHING_LEFT
    return APPROVED if 0 < amount_minor <= bill.remaining_minor else EXCEEDS


def void_code(bill: Bill) -> int:
    return APPROVED if bill.remaining_minor else NOTHING_LEFT


def void_of_refund_code(bill: Bill, refund: TapKey, *, voided: bool) -> int:
    if voided:
        return NOTHING_LEFT
    last = bill.parts[-1][0] if bill.parts else None
    return NOT_VOIDABLE if bill.gone or last != refund else APPROVED
