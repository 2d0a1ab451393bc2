"""Instants, days and business days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import (
    ClockError,
    add_months,
    business_day,
    day_begins,
    from_day,
    from_ms,
    month_of,
    to_day,
    to_ms,
    utc_now,
    zone_of,
)

SHANGHAI = "Asia/Shanghai"


def ms(*parts: int) -> int:
    return to_ms(datetime(*parts, tzinfo=UTC))


@given(st.integers(0, 7_000_000_000_000))
def test_an_instant_reads_back_to_the_millisecond(at):
    assert to_ms(from_ms(at)) == at


def test_a_naive_time_is_refused():
    with pytest.raises(ClockError, match="without its zone"):
        to_ms(utc_now().replace(tzinfo=None))


def test_a_business_day_ends_at_four_in_the_morning():
    day = to_day(date(2026, 11, 21))
    assert business_day(ms(2026, 11, 20, 19, 59, 59), SHANGHAI, 240) == day - 1
    assert business_day(ms(2026, 11, 20, 20, 0), SHANGHAI, 240) == day
    assert business_day(ms(2026, 11, 21, 19, 59, 59), SHANGHAI, 240) == day
    assert business_day(ms(2026, 11, 20, 16, 0), SHANGHAI, 0) == day


@given(st.integers(0, 4_000_000_000_000), st.sampled_from([SHANGHAI, "Asia/Kathmandu",
                                                           "Europe/Berlin", "UTC"]))
def test_the_business_day_is_that_of_the_local_clock(at, zone):
    local = from_ms(at).astimezone(zone_of(zone))
    before_cutover = local.hour < 4
    expected = to_day(local.date() - timedelta(days=1) if before_cutover else local.date())
    assert business_day(at, zone, 240) == expected


@given(st.integers(0, 40_000), st.sampled_from([SHANGHAI, "Asia/Kathmandu", "Europe/Berlin",
                                                "America/New_York", "UTC"]),
       st.sampled_from([0, 240, 255, 720]))
def test_a_business_day_begins_where_the_one_before_it_ends(day, zone, cutover):
    begins = day_begins(day, zone, cutover)
    assert (business_day(begins - 1, zone, cutover), business_day(begins, zone, cutover)) == (
        day - 1, day)


@pytest.mark.parametrize("start, months, end", [
    (date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2028, 1, 31), 1, date(2028, 2, 29)),
    (date(2026, 5, 31), 9, date(2027, 2, 28)), (date(2026, 12, 15), 1, date(2027, 1, 15)),
    (date(2028, 2, 29), 12, date(2029, 2, 28)), (date(2026, 3, 31), 12, date(2027, 3, 31))])
def test_months_clamp_to_the_last_day(start, months, end):
    assert from_day(add_months(to_day(start), months)) == end


def test_a_frame_month_is_the_utc_month():
    assert month_of(ms(2026, 11, 30, 23, 59)) == 202611


def test_an_unknown_zone_is_named():
    with pytest.raises(ClockError, match="Mars/Base"):
        zone_of("Mars/Base")
