"""Time as the gateway counts it: instants, days, business days.

Law: an instant is a whole number of milliseconds since 1970-01-01 UTC (columns `*_at`), a day a
whole number of days since 1970-01-01 (columns `*_on`, and `business_date`), as on the wire. A
business day ends at the programme's cut-over in its own time zone (J13), so 03:59 belongs to the
day before. Months clamp to the last day of the month. Nothing here reads a clock but `utc_now`,
which is handed in wherever time is needed.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.errors import GatewayError

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MS = 1000
MINUTE_MS = 60 * MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class ClockError(GatewayError):
    """A time zone or date that cannot be: nothing was changed."""

    code = "clock"


def utc_now() -> datetime:
    """The one clock of the gateway; everything else is given the time."""
    return datetime.now(UTC)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime; ClockError for a naive one."""
    if at.tzinfo is None:
        raise ClockError("A time without its zone. Nothing was changed; give an aware datetime.")
    span = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86400 + span.seconds) * MS + span.microseconds // 1000


def from_ms(at_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)


def to_day(on: date) -> int:
    return on.toordinal() - EPOCH_ORDINAL


def from_day(day: int) -> date:
    return date.fromordinal(day + EPOCH_ORDINAL)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ClockError(f"No time zone is called {name!r}. Nothing was changed;"
                         " use a name like Asia/Shanghai.") from None


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int, zone_name: str, cutover_minutes: int) -> int:
    # offsets and cut-overs change on quarters of an hour at the finest, so a quarter has one day
    local = from_ms(quarter * 15 * MINUTE_MS).astimezone(zone_of(zone_name))
    minute = local.hour * 60 + local.minute
    return to_day(local.date()) - (1 if minute < cutover_minutes else 0)


def business_day(at_ms: int, zone_name: str, cutover_minutes: int) -> int:
    """The business day (days since 1970) on which an instant falls.

    `cutover_minutes` counts from local midnight, 0 to 720, in quarters of an hour.
    """
    return _day_of_quarter(at_ms // (15 * MINUTE_MS), zone_name, cutover_minutes)


def day_begins(day: int, zone_name: str, cutover_minutes: int) -> int:
    """The instant (ms) at which a business day begins, by the local clock."""
    local = datetime.combine(from_day(day), time(*divmod(cutover_minutes, 60)), zone_of(zone_name))
    return to_ms(local.astimezone(UTC))


@lru_cache(maxsize=4096)
def add_months(day: int, months: int) -> int:
    """The same day `months` later, or the last day of that month (31 January + 1 = 28 or 29)."""
    start = from_day(day)
    count = start.year * 12 + start.month - 1 + months
    year, month = divmod(count, 12)
    return to_day(date(year, month + 1, min(start.day, monthrange(year, month + 1)[1])))


def month_of(at_ms: int) -> int:
    """The UTC month of an instant as one number: 202611. Names the room of a stored frame."""
    at = from_ms(at_ms)
    return at.year * 100 + at.month
