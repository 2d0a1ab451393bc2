"""What points are worth, and who bears it: exact, at any rate, in any order (K9, J16, Q42)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import to_ms
from gateway.expiry import expire_lots
from gateway.money import NO_MONEY, Money, Purse, Terms, Worth, figure, half_up
from gateway.rules import Tier
from tests.support.street import RULES, Street

WHOLE = Terms(100, 100, 10000, 10000)  # 100 points are 1 yuan


@given(st.integers(-10**9, 10**9), st.integers(1, 10**6))
def test_a_half_goes_away_from_zero_and_nothing_else_is_lost(numerator: int, denominator: int):
    exact, rounded = Fraction(numerator, denominator), half_up(numerator, denominator)
    assert abs(exact - rounded) <= Fraction(1, 2)
    assert half_up(-numerator, denominator) == -rounded
    if abs(exact - rounded) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


@pytest.mark.parametrize(("cost_bp", "due"), [
    (10000, -12), (9999, -12), (3333, -4), (375, 0), (417, -1), (0, 0), (12500, -15)])
def test_q42_a_rate_is_basis_points_and_exact(cost_bp: int, due: int):  # Q42
    assert figure(WHOLE._replace(cost_bp=cost_bp), given=15, base=12) == (15, due, 0)


def test_the_share_of_one_sale_is_not_rounded_before_it_is_a_sum():  # Q42
    terms = Terms(3, 1, 3333, 10000)  # a point is a third of a fen
    assert figure(terms, given=10**6, base=10**6).merchant == -half_up(10**6 * 3333, 30000)


def test_a_redemption_is_paid_from_the_pool_and_credited_at_the_rate():
    terms = WHOLE._replace(cost_bp=5000, credit_bp=9500)
    assert figure(terms, given=20, base=20, taken=300, discount_minor=299) == (
        20 - 300, 284 - 10, 284)


def test_where_points_buy_nothing_no_money_moves():
    assert figure(None, given=15, base=12) == NO_MONEY
    assert Purse(1, 2, 3).lines(NO_MONEY, expired=15) == ((1, 0), (1, 0), (2, 0), (3, 0))


def test_what_expired_leaves_the_pool_for_hq_and_comes_back():
    purse = Purse(1, 2, 3, Worth(200, 100))
    assert purse.lines(Money(10, -7), expired=5) == ((1, -7), (1, 0), (2, 7), (3, 0))
    assert purse.lines(NO_MONEY, expired=-5) == (
        (1, 0), (1, 0), (2, 3), (3, -3))


def money(street: Street) -> dict[str, int]:
    """What there is on each kind of account of money."""
    return dict(street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                            "a.kind, sum(p.amount)", "p.unit = 2 GROUP BY a.kind"))


def test_the_merchant_pays_for_the_base_rate_and_hq_for_the_bonus(engine):
    street = Street(engine)
    street.take(street.sale(1250))  # 12 points, and 3 more for silver
    assert money(street) == {"programme_pool": 15, "merchant_due": -12, "programme_hq": -3}
    assert {row[0] for row in street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                                          "a.unit - p.unit")} == {0}


def test_a_merchant_pays_for_no_more_points_than_were_given(engine):
    """Where a tier earns less than the rate alone would give."""
    street = Street(engine)
    slow = RULES._replace(tiers=(Tier("silver", "银卡", 5000),))
    street.registry.add_rule_set(street.programme, slow, 1)
    assert street.take(street.sale(1250)).points == 6
    assert money(street) == {"programme_pool": 6, "merchant_due": -6}


def test_what_was_made_without_money_is_taken_back_without_it(engine):
    """As what was sold before there was money in the ledger."""
    street = Street(engine)
    street.registry.add_rule_set(street.programme, RULES._replace(redeeming=None), 1)
    street.answers(street.sale(10_000), street.sale(10_000))
    street.registry.add_rule_set(street.programme, RULES, 2)
    assert [answer.code for answer in street.answers(
        street.refund(1, amount_minor=3000), street.void(1), street.void(2))] == [0, 0, 0]
    assert street.rows("members", "available, debt") == [(0, 0)] and money(street) == {}


def test_points_that_expired_are_hqs_and_come_back_from_it(engine):
    street = Street(engine)
    street.take(street.sale(10_000))
    street.later(days=300)
    assert expire_lots(engine, street.keyring, to_ms(street.now), 10) == 1
    assert money(street) == {"programme_pool": 0, "merchant_due": -100, "programme_hq": 100}
    assert street.take(street.void(1)).points == 0
    assert set(money(street).values()) == {0}
