"""What of a member's points may have ended by a day: bounds, which nearly always are one number.

Law (DESIGN 6.5, J2, J7): points live for whole months from their business day, and not less than a
week from the day they are booked; what has ended goes with the next entry of its member. Which lot
a redemption drew from is not followed here. So of what is there at most as much has ended as was
given into lots that have, and at least what those that live cannot hold. Where all lots end
together, or none does, both are the same number. Points that come back to a lot that has ended
live for the days of grace. Pure.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

EPOCH = date(1970, 1, 1)
LATE_DAYS = 7


class Ends(NamedTuple):
    """How long points live. `months` None: for ever."""

    months: int | None = None
    grace_days: int = 30

    def of(self, business_date: int, booked_on: int) -> int | None:
        """The last day, since 1970, of points of a sale."""
        if self.months is None:
            return None
        day = EPOCH + timedelta(days=business_date)
        count = day.year * 12 + day.month - 1 + self.months
        year, month = count // 12, count % 12 + 1
        last = date(year, month, min(day.day, monthrange(year, month)[1]))
        return max((last - EPOCH).days, booked_on + LATE_DAYS)


class Range(NamedTuple):
    """From `least` to `most`, both possible."""

    least: int
    most: int

    def plus(self, other: "Range") -> "Range":
        return Range(self.least + other.least, self.most + other.most)

    def minus(self, other: "Range") -> "Range":
        return Range(self.least - other.most, self.most - other.least)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.least <= value <= self.most


def just(value: int) -> Range:
    return Range(value, value)


class Purse(NamedTuple):
    """`balance` of a member; `given`: what was put into lots in all, by their last day; all that
    ended before `swept_on` is gone."""

    balance: int = 0
    given: tuple[tuple[int, int], ...] = ()
    swept_on: int = 0

    def lapse(self, today: int) -> Range:
        """What goes today because it has ended."""
        there = max(self.balance, 0)
        ended = sum(points for last, points in self.given if self.swept_on <= last < today)
        if not ended:
            return just(0)
        living = sum(points for last, points in self.given if last >= today)
        return Range(max(there - living, 0), min(there, ended))

    def has_ended(self, today: int) -> bool:
        """Whether anything ever given has."""
        return any(last < today for last, _ in self.given)

    def with_given(self, last_day: int | None, points: int) -> "Purse":
        if last_day is None or points <= 0:
            return self
        given = dict(self.given)
        given[last_day] = given.get(last_day, 0) + points
        return self._replace(given=tuple(sorted(given.items())))
