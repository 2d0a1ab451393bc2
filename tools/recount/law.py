"""Points and money of a bill, and of what is left of it. Pure, whole numbers.

Law (gateway/README.md, Posting catalogue): points are amount x rate x multiplier, one fraction,
rounded down; base points the same at a multiplier of at most 1. What a merchant pays is the exact
worth of the base points at its cost rate, what it gets the discount at its credit rate, each
rounded once, half up, alike on both sides of zero. Of a bill in part paid by points, points and
discount come back pro rata, rounded down; what is left of the money keeps its award.

>>> Bill(1000, 0, 0, (1, 100), 12000, (100, 100, 9000, 10000)).after(1000)
Stand(given=12, taken=0, cost=-9, credit=0)
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from tools.recount.boxes import EPOCH

ONE = 10_000  # a whole, in basis points
HOLD_DAYS = 14  # of a rule set that does not say
T = TypeVar("T")


def nearest(numerator: int, denominator: int) -> int:
    """Half up, away from zero."""
    whole, rest = divmod(abs(numerator), denominator)
    whole += 2 * rest >= denominator
    return whole if numerator > 0 else -whole


class Stand(NamedTuple):
    """What a bill comes to: points given and taken; money, negative where the merchant owes."""

    given: int = 0
    taken: int = 0
    cost: int = 0
    credit: int = 0


class Bill(NamedTuple):
    """A sale, or a redemption that took `taken` points for `discount` of its `amount`. `rate`:
    points for so much money. `terms`: points, what they are worth, cost and credit rate (bp); None
    where points have no worth."""

    amount: int
    taken: int
    discount: int
    rate: tuple[int, int]
    multiplier: int
    terms: tuple[int, int, int, int] | None

    def after(self, left: int) -> Stand:
        """What it comes to while so much of it is left."""
        back = self.amount - left
        taken = self.taken - self.taken * back // self.amount if self.taken else 0
        discount = self.discount - self.discount * back // self.amount if self.taken else 0
        given, base = (self._points(left - discount, each)
                       for each in (self.multiplier, min(self.multiplier, ONE)))
        if self.terms is None:
            return Stand(given, taken)
        points, worth, cost_bp, credit_bp = self.terms
        return Stand(given, taken, -nearest(base * worth * cost_bp, points * ONE),
                     nearest(discount * credit_bp, ONE))

    def _points(self, paid: int, multiplier: int) -> int:
        points, money = self.rate
        return paid * points * multiplier // (money * ONE)


class Rules(NamedTuple):
    """A rule set's body, as far as a statement needs it. `redeeming`: points, worth, least points,
    step, share of a bill (bp). `hold_days`: how long a return holds its points for a verdict; None
    where it takes them at once."""

    rate: tuple[int, int]
    multipliers: dict[str, int]
    redeeming: tuple[int, int, int, int, int] | None
    hold_days: int | None = None

    @classmethod
    def of(cls, body: str) -> "Rules":
        said = json.loads(body)
        redeeming = said.get("redeeming")
        return cls((said["rate_points"], said["rate_minor"]),
                   {tier[0]: tier[2] for tier in said["tiers"]},
                   None if redeeming is None else tuple(redeeming),
                   said.get("hold_days", HOLD_DAYS) if said.get("on_return") == "hold" else None)

    def discount(self, points: int, bill: int) -> int | None:
        """What points take off a bill; None where the rules do not allow it."""
        if self.redeeming is None:
            return None
        each, worth, least, step, share = self.redeeming
        value, most = points * worth // each, bill * share // ONE
        if points < least or points % step:
            return None
        if value <= most:
            return value
        # the last step may be worth more than is left, where points may pay a whole bill
        return most if share == ONE and (points - step) * worth // each < most else None


class Rates(NamedTuple):
    """At what a merchant settles, in basis points."""

    cost: int = ONE
    credit: int = ONE


class Version(NamedTuple):
    """Something in force from `since` until the next one; nobody knew it before `known`."""

    since: int
    number: int
    known: int
    what: object


def in_force(versions: Sequence[Version], at: int, known: int, kind: type[T]) -> T | None:
    """What was in force at an instant, as far as it was known at another."""
    found = [each for each in versions if each.since <= at and each.known <= known]
    what = max(found, key=lambda each: each[:2]).what if found else None
    assert what is None or isinstance(what, kind)
    return what


def date_of(day: int) -> str:
    return str(EPOCH.date() + timedelta(days=day))


def day_of(at_ms: int, zone: str, cutover_minutes: int) -> int:
    """The business day (since 1970) of an instant: it ends at the cut-over, by the local clock."""
    local = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone))
    day = local.date().toordinal() - EPOCH.date().toordinal()
    return day - (local.hour * 60 + local.minute < cutover_minutes)
