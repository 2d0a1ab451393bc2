"""A merchant's statement: it goes on from day to day, and its programme sums to zero."""

from datetime import timedelta

import pytest

from gateway import days
from gateway.clock import business_day, from_day, to_ms
from gateway.database import writing
from gateway.errors import SealBroken
from gateway.statement import Statement, StatementError, statement
from tests.gateway.test_proposals import done
from tests.support.street import Street


def made(street: Street, first: int, last: int) -> Statement:
    """Of days counted from today."""
    today = from_day(business_day(to_ms(street.now), "Asia/Shanghai", 240))
    return statement(street.engine, street.keyring, street.merchant,
                     today + timedelta(days=first), today + timedelta(days=last),
                     to_ms(street.now))


def three_days(engine) -> Street:
    street = Street(engine)
    for _ in range(3):
        street.answers(street.sale(30_000), street.redemption(100, 900))
        street.later(days=1)
    return street


def test_q37_a_statement_is_what_the_ledger_says(engine):
    street = three_days(engine)
    due, = street.rows("postings p JOIN accounts a ON a.id = p.account_id", "sum(p.amount)",
                       "a.kind = 'merchant_due'")[0]
    found = made(street, -9, 0)
    assert (found.opening_minor, found.closing_minor, len(found.days)) == (0, due, 3)
    assert (found.sum.credit_minor, found.sum.points_redeemed) == (300, 300)
    assert all(day.whole.balances for day in found.days)


def test_a_period_opens_with_what_the_one_before_closed_with(engine):
    street = three_days(engine)
    for closed in (False, True):
        if closed:
            days.close(engine, street.keyring, to_ms(street.now))
        one, two = made(street, -3, -3), made(street, -2, 0)
        assert one.closing_minor == two.opening_minor != 0
        assert two.closing_minor == made(street, -3, 0).closing_minor
        assert {day.closed for day in one.days + two.days} == {closed}


@pytest.mark.parametrize(("kind", "other_minor"), [("grant", -40), ("penalty", 40)])
def test_an_adjustment_and_what_takes_it_back_are_no_bills(engine, kind, other_minor):
    street = Street(engine)
    receipt = done(street, kind, 40, bearer_id=street.merchant).receipt
    assert made(street, 0, 0).sum.other_minor == other_minor
    done(street, "correction", 0, receipt=receipt, bearer_id=street.merchant)
    found = made(street, 0, 0).sum
    assert (found.entries, found.voids) == (2, 0)
    assert (found.other_minor, found.cost_minor, found.credit_minor) == (0, 0, 0)


def test_a_statement_that_cannot_be_says_why(engine):
    street = three_days(engine)
    with pytest.raises(StatementError, match="is before"):
        made(street, 0, -1)
    with pytest.raises(StatementError, match="has not begun"):
        made(street, 0, 1)
    street.merchant = 99
    with pytest.raises(StatementError, match="no merchant 99"):
        made(street, -1, 0)


def test_totals_that_were_tampered_with_make_no_statement(engine):
    street = three_days(engine)
    days.close(engine, street.keyring, to_ms(street.now))
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE day_totals SET figures = '{}'")
    with pytest.raises(SealBroken, match="not what was sealed"):
        made(street, -3, 0)
