"""Figures of a day: under which each line counts."""

import pytest

from gateway.catalogue import UNITS
from gateway.day_figures import (
    MERCHANT_FIGURES,
    NONE,
    WHOLE,
    WHOLE_FIGURES,
    Booked,
    Figures,
    Made,
    from_json,
    gathered,
    to_json,
)
from gateway.ledger import ACCRUAL, EXPIRY, REDEMPTION, REFUND, REVERSAL

DAY = (1, 20_000)


def of_merchant(*booked: tuple) -> Figures:
    return gathered((), [Booked(*DAY, *line) for line in booked])[*DAY, 7]


def test_every_account_of_the_catalogue_counts_somewhere():
    assert {*MERCHANT_FIGURES, *WHOLE_FIGURES} == set(UNITS)


@pytest.mark.parametrize(("kind", "takes_back", "amount", "name"), [
    (ACCRUAL, False, -9, "cost_minor"), (REDEMPTION, False, -9, "cost_minor"),
    (REDEMPTION, False, 95, "credit_minor"), (REFUND, True, 9, "cost_minor"),
    (REFUND, True, -95, "credit_minor"), (REVERSAL, True, 9, "cost_minor"),
    (REVERSAL, True, -95, "credit_minor"),
    # the void of a refund puts its part back
    (REVERSAL, False, -9, "cost_minor"), (REVERSAL, False, 95, "credit_minor"),
    (77, False, 5, "other_minor"), (77, False, -5, "other_minor")])
def test_cost_and_credit_are_told_apart(kind, takes_back, amount, name):
    found = of_merchant(("merchant_due", 7, kind, takes_back, amount))
    assert found == NONE._replace(**{name: amount, "due_minor": amount})


def test_points_are_counted_as_they_were_given_and_taken():
    found = of_merchant(("merchant_issued", 7, ACCRUAL, False, -15),
                        ("merchant_issued", 7, REFUND, True, 3),
                        ("merchant_redeemed", 7, REDEMPTION, False, 100),
                        ("merchant_redeemed", 7, REVERSAL, True, -40))
    assert found == NONE._replace(points_issued=15, points_taken_back=3, points_redeemed=100,
                                  points_given_back=40)


def test_the_programme_counts_what_no_merchant_did():
    found = gathered([Made(*DAY, 7, ACCRUAL, 2, 500), Made(*DAY, WHOLE, EXPIRY, 3, 0)],
                     [Booked(*DAY, "programme_pool", 1, ACCRUAL, False, 12),
                      Booked(*DAY, "merchant_due", 7, ACCRUAL, False, -10),
                      Booked(*DAY, "programme_hq", 1, ACCRUAL, False, -2)])
    whole = found[*DAY, WHOLE]
    assert whole.entries == 5 and whole.balances
    assert not whole._replace(hq_minor=0).balances
    assert found[*DAY, 7] == NONE._replace(entries=2, sales=2, sales_minor=500, cost_minor=-10,
                                           due_minor=-10)


def test_figures_are_read_as_they_were_written():
    figures = NONE._replace(sales=2, refunds_minor=-5)
    assert to_json(figures) == '{"refunds_minor":-5,"sales":2}'
    assert from_json(to_json(figures)) == figures and to_json(NONE) == "{}"
