"""What a settlement day comes to, of a merchant and of a programme. Pure.

Law: figures are sums of entries and postings by `booked_on`, and of nothing else; each sums what
was booked, so what is taken back counts on the day on which it was. On merchant 0 stands the whole
programme: what its members have more, what expired, the pool, HQ, and what all merchants are due;
pool, HQ and merchants are 0 together, every day (K9).

On a merchant's account of money an entry has one line for what the points cost that it gives and
one for the credit of those that paid. Which is which follows from the sign and from whether the
entry makes a bill or takes one back; what HQ takes of a hold is cost; what any other entry books
there (an adjustment, and what takes one back) is `other_minor`.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from gateway.catalogue import (
    MEMBER_POINTS,
    MERCHANT_DUE,
    MERCHANT_ISSUED,
    MERCHANT_REDEEMED,
    PROGRAMME_ADJUSTED,
    PROGRAMME_EXPIRED,
    PROGRAMME_HQ,
    PROGRAMME_POOL,
)
from gateway.ledger import ACCRUAL, HOLD_TAKEN, REDEMPTION, REFUND, REVERSAL

WHOLE = 0  # in place of a merchant: the programme
NO_BILL = 0  # in place of a kind: of an entry that neither makes a bill nor takes one back


class Figures(NamedTuple):
    """Of one day and merchant, or of the whole programme. Numbers of entries; money as requests
    named it, signed (a refund's is negative); points as merchants gave and took them; and what is
    booked on accounts of money (negative: owed by the merchant)."""

    entries: int = 0
    sales: int = 0
    sales_minor: int = 0
    redemptions: int = 0
    redemptions_minor: int = 0
    refunds: int = 0
    refunds_minor: int = 0
    voids: int = 0
    voids_minor: int = 0
    points_issued: int = 0
    points_taken_back: int = 0
    points_redeemed: int = 0
    points_given_back: int = 0
    cost_minor: int = 0
    credit_minor: int = 0
    other_minor: int = 0
    due_minor: int = 0
    members_points: int = 0
    points_expired: int = 0
    points_adjusted: int = 0
    pool_minor: int = 0
    hq_minor: int = 0

    def plus(self, other: "Figures") -> "Figures":
        return Figures(*(mine + more for mine, more in zip(self, other, strict=True)))

    @property
    def balances(self) -> bool:
        """Of a whole programme: merchants, pool and HQ are 0 together."""
        return not self.due_minor + self.pool_minor + self.hq_minor


NONE = Figures()
COUNTED = {ACCRUAL: "sales", REDEMPTION: "redemptions", REFUND: "refunds", REVERSAL: "voids"}
BILLS = tuple(COUNTED)
WHOLE_FIGURES = {MEMBER_POINTS: "members_points", PROGRAMME_EXPIRED: "points_expired",
                 PROGRAMME_ADJUSTED: "points_adjusted",
                 PROGRAMME_POOL: "pool_minor", PROGRAMME_HQ: "hq_minor"}
MERCHANT_FIGURES = (MERCHANT_ISSUED, MERCHANT_REDEEMED, MERCHANT_DUE)

Place = tuple[int, int, int]  # programme, day, merchant


class Made(NamedTuple):
    """Entries alike: how many, and the sum of their money. `kind`: theirs, or NO_BILL."""

    programme_id: int
    booked_on: int
    merchant_id: int
    kind: int
    entries: int
    amount_minor: int


class Booked(NamedTuple):
    """Lines alike: on accounts of one kind and owner, of entries of one `kind` (or NO_BILL);
    `takes_back`: these entries take a bill back; `amount`: their sum, all of one sign."""

    programme_id: int
    booked_on: int
    account: str
    owner_id: int
    kind: int
    takes_back: bool
    amount: int


def gathered(made: Iterable[Made], booked: Iterable[Booked]) -> dict[Place, Figures]:
    """The figures of each day: of its merchants that have any, and of the programme."""
    sums: dict[Place, dict[str, int]] = {}

    def add(place: Place, name: str, amount: int) -> None:
        of_place = sums.setdefault(place, {})
        of_place[name] = of_place.get(name, 0) + amount

    for each in made:
        day = each[:2]
        for merchant_id in {each.merchant_id, WHOLE}:
            add((*day, merchant_id), "entries", each.entries)
        name = COUNTED.get(each.kind)
        if name is not None and each.merchant_id != WHOLE:
            add((*day, each.merchant_id), name, each.entries)
            add((*day, each.merchant_id), f"{name}_minor", each.amount_minor)
    for line in booked:
        day = line[:2]
        if line.account in WHOLE_FIGURES:
            add((*day, WHOLE), WHOLE_FIGURES[line.account], line.amount)
            continue
        if line.account not in MERCHANT_FIGURES:
            continue  # an account of which no statement tells; a test asks whether there is any
        add((*day, line.owner_id), _name(line), _size(line))
        if line.account == MERCHANT_DUE:
            for merchant_id in (line.owner_id, WHOLE):
                add((*day, merchant_id), "due_minor", line.amount)
    return {place: Figures(**each) for place, each in sums.items()}


def _name(line: Booked) -> str:
    """Under which figure of its merchant a line counts."""
    if line.account == MERCHANT_ISSUED:
        return "points_issued" if line.amount < 0 else "points_taken_back"
    if line.account == MERCHANT_REDEEMED:
        return "points_redeemed" if line.amount > 0 else "points_given_back"
    if line.kind == HOLD_TAKEN:
        return "cost_minor"
    if line.kind not in BILLS:
        return "other_minor"
    return "cost_minor" if (line.amount < 0) != line.takes_back else "credit_minor"


def _size(line: Booked) -> int:
    """Points of a merchant count what was given and taken, money as it was booked."""
    return line.amount if line.account == MERCHANT_DUE else abs(line.amount)


def to_json(figures: Figures) -> str:
    """Canonical text of the figures that are not 0."""
    told = {name: value for name, value in figures._asdict().items() if value}
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> Figures:
    return Figures(**json.loads(text))
