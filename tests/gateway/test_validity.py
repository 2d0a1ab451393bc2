"""How long points live: fixed, until a day of the year, carried on by activity (K1, K2, L4-L8)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import add_months, from_day, to_day
from gateway.validity import NO_SPAN, Rolling, Span, YearEnd

NEW_YEARS_EVE = YearEnd(12, 31)
days = st.integers(to_day(date(2000, 1, 1)), to_day(date(2099, 12, 31)))
year_ends = st.builds(YearEnd, st.integers(1, 12), st.integers(1, 28), st.integers(0, 5))


def day(text: str) -> int:
    return to_day(date.fromisoformat(text))


# ---- cleared on a day of the year (L8) --------------------------------------------------------

@pytest.mark.parametrize("shape, earned, ends", [
    (NEW_YEARS_EVE, "2026-11-22", "2026-12-31"), (NEW_YEARS_EVE, "2026-12-31", "2026-12-31"),
    (NEW_YEARS_EVE, "2027-01-01", "2027-12-31"), (YearEnd(12, 31, 1), "2026-11-22", "2027-12-31"),
    (YearEnd(6, 30), "2026-07-01", "2027-06-30"), (YearEnd(6, 30), "2026-06-30", "2026-06-30"),
    (YearEnd(2, 29), "2027-01-01", "2027-02-28"), (YearEnd(2, 29), "2027-03-01", "2028-02-29"),
    (YearEnd(2, 29, 1), "2028-02-29", "2029-02-28")])
def test_points_end_on_the_day_that_comes_next_and_years_later(shape, earned, ends):  # J13
    assert from_day(shape.after(day(earned))) == date.fromisoformat(ends)


@given(year_ends, days, days)
def test_who_earns_later_never_loses_earlier(shape, one, other):
    first, second = sorted((one, other))
    assert first <= shape.after(first) <= shape.after(second)
    assert (from_day(shape.after(first)).month, from_day(shape.after(first)).day) == shape[:2]


# ---- carried on by activity (L5, L6, L7, K2) --------------------------------------------------

STAY = Rolling(12)                   # one year after the last activity
SOON = Rolling(6, within_months=3)   # within three months of the end: six months more


def test_one_year_after_the_last_activity():  # L7
    assert from_day(STAY.carried_to(day("2026-11-22"), ())) == date(2027, 11, 22)


@pytest.mark.parametrize("on, ends, carried", [
    ("2026-11-22", ["2027-02-22"], "2027-08-22"), ("2026-11-22", ["2027-02-23"], None),
    ("2026-11-22", ["2026-11-22"], "2027-05-22"), ("2026-11-22", ["2026-11-21"], None),
    ("2026-11-22", ["2027-02-01", "2026-12-01", "2026-11-01"], "2027-06-01"),
    ("2026-11-22", [], None)])
def test_activity_shortly_before_the_end_carries_on_from_the_end(on, ends, carried):  # L6
    until = SOON.carried_to(day(on), [day(each) for each in ends])
    assert (from_day(until) if until else None) == (carried and date.fromisoformat(carried))


def test_what_lives_is_carried_and_what_lapsed_stays_lapsed():
    span = NO_SPAN.carried(100, 200)
    assert [span.last_day(own) for own in (99, 100, 150, 200, 300)] == [99, 200, 200, 200, 300]


def test_a_span_goes_on_while_it_lasts_and_a_new_one_begins_after_it():
    span = NO_SPAN.carried(100, 200)
    assert span.carried(200, 300) == Span(100, 300)
    assert span.carried(201, 300) == Span(201, 300)
    assert span.carried(150, 190) == span  # a late activity takes nothing away
    assert span.carried(300, 250) == span  # and one that comes too late carries nothing


@given(days, st.lists(st.tuples(st.integers(0, 400), st.integers(1, 24)), max_size=8), days)
def test_a_lot_lapses_once_whatever_comes_afterwards(begin, activities, own):
    """Told day by day: what was over before an activity is over after it, with the same end."""
    span, today = NO_SPAN, begin
    for later, months in activities:
        today += later
        before = span.last_day(own)
        span = span.carried(today, add_months(today, months))
        if before < today:
            assert span.last_day(own) == before
        else:
            assert span.last_day(own) >= before


@given(days, st.permutations([3, 9, 14, 30]))
def test_activities_of_one_day_carry_as_far_in_any_order(today, months):
    span = NO_SPAN
    for each in months:
        span = span.carried(today, add_months(today, each))
    assert span == Span(today, add_months(today, 30))
