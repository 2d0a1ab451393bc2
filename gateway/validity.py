"""How long points live: the shapes that a rule set can give it. Pure.

Law (K1, K2): a lot carries one date, its own, which never changes: so many months after its day,
or a day of the year on which everything is cleared. Moving validity is no date of a lot but one
fact of its member, a `Span` of days: whatever was alive when the span began lives until it ends.
So activity carries what lives and revives nothing that has lapsed.

>>> from gateway.clock import to_day, from_day
>>> from datetime import date
>>> str(from_day(YearEnd(12, 31, 1).after(to_day(date(2026, 11, 22)))))
'2027-12-31'
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from gateway.clock import add_months, from_day, to_day


class YearEnd(NamedTuple):
    """Points end on this day of the year: the first one from their own day on, or `years_later`
    after that. 29 February is the 28th in other years (J13)."""

    month: int
    day: int
    years_later: int = 0

    def after(self, day: int) -> int:
        """The last day (since 1970) of points of this day."""
        year = from_day(day).year
        year += self._in(year) < day
        return self._in(year + self.years_later)

    def _in(self, year: int) -> int:
        return to_day(date(year, self.month, min(self.day, monthrange(year, self.month)[1])))


class Rolling(NamedTuple):
    """Activity carries a member's points on: until `months` after its day (L7); with
    `within_months`, only where some of them would end within so many months of it, and until
    `months` after that end (L6)."""

    months: int
    within_months: int = 0

    def carried_to(self, day: int, ends: Iterable[int]) -> int:
        """The day until which activity of `day` carries points with these last days; 0: none."""
        if not self.within_months:
            return add_months(day, self.months)
        near = [each for each in ends if day <= each <= add_months(day, self.within_months)]
        return add_months(min(near), self.months) if near else 0


class Span(NamedTuple):
    """Through which days a member's activity carries what was alive when the span began."""

    begins_on: int = 0
    ends_on: int = -1

    def last_day(self, own: int) -> int:
        """The last day of a lot whose own date this is."""
        return max(own, self.ends_on) if own >= self.begins_on else own

    def carried(self, today: int, ends_on: int) -> "Span":
        """The span after activity booked today that carries points until `ends_on`: the same one
        goes on while it lasts, else a new one begins."""
        if ends_on <= max(self.ends_on, today):
            return self
        return Span(self.begins_on if self.ends_on >= today else today, ends_on)


NO_SPAN = Span()

# what becomes of points whose lot has ended (K1)
EXPIRE = "expire"
HOLD = "hold"        # frozen until HQ has its word (L9)
CONVERT = "convert"  # to stored value, once there is any
AT_END = (EXPIRE, HOLD, CONVERT)

Policies = tuple[tuple[int, str], ...]  # (first day, policy from it on), oldest first


def policy_on(policies: Policies, day: int) -> str:
    """What becomes of points whose last day this was."""
    found = EXPIRE
    for first_day, policy in policies:
        if first_day > day:
            break
        found = policy
    return found
