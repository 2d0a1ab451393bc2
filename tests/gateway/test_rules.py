"""Points for money: exact, one rounding, down."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import from_day, to_day
from gateway.rules import (
    BP,
    ON_RETURN,
    Redeeming,
    RulesError,
    RuleSet,
    Tier,
    award,
    check,
    from_json,
    to_json,
)
from gateway.validity import EXPIRE, HOLD, Rolling, YearEnd

SILVER = Tier("silver", "银卡", 12000)
SHOP = RuleSet(1, 1, 100, 9, (Tier("basic", "普卡", 10000), SILVER))

tiers = st.builds(Tier, st.just("t"), st.just("T"), st.integers(0, 10 * BP))
kinds_of_end = st.one_of(
    st.tuples(st.none(), st.none()),
    st.tuples(st.builds(YearEnd, st.integers(1, 12), st.integers(1, 28), st.integers(0, 50)),
              st.none()),
    st.tuples(st.none(), st.builds(Rolling, st.integers(1, 600), st.integers(0, 600))))
numbers = st.integers(1, 10**9)
redeemings = st.builds(Redeeming, numbers, numbers, numbers, numbers, st.integers(1, BP))


def fits(rules: RuleSet) -> bool:
    """Whether the points of the largest sale, and their worth, are not too many."""
    most = award(rules, rules.tiers[0], 10**9).points
    return most <= 10**12 and (rules.redeeming is None or rules.redeeming.value(most) <= 10**14)


rule_sets = st.builds(RuleSet, st.just(1), st.integers(0, 10_000), st.integers(1, 10**9),
                      st.integers(1, 600), st.tuples(tiers), st.none() | redeemings,
                      st.integers(0, 3660), st.integers(0, 3660), st.integers(0, 3660),
                      year_end=st.none(), rolling=st.none(),
                      at_end=st.sampled_from((EXPIRE, HOLD)),
                      on_return=st.sampled_from(ON_RETURN),
                      hold_days=st.integers(0, 3660)).filter(fits)
living_long = st.builds(lambda rules, ends, months: rules._replace(
    year_end=ends[0], rolling=ends[1], tiers=(
        rules.tiers[0]._replace(lot_months=0 if ends[0] else months),)),
    rule_sets, kinds_of_end, st.integers(0, 600))
amounts = st.integers(1, 10**9)


def test_12_50_yuan_at_silver_are_15_points():
    assert award(SHOP, SILVER, 1250).points == 15


@pytest.mark.parametrize("amount_minor, points", [
    (1, 0), (83, 0), (84, 1), (99, 1), (100, 1), (166, 1), (167, 2), (10**9, 12_000_000)])
def test_the_one_rounding_is_down(amount_minor, points):
    assert award(SHOP, SILVER, amount_minor).points == points


@given(rule_sets, amounts)
def test_points_are_the_floor_of_the_exact_fraction(rules, amount_minor):
    tier = rules.tiers[0]
    exact = Fraction(amount_minor * rules.rate_points * tier.multiplier_bp,
                     rules.rate_minor * BP)
    given_points = award(rules, tier, amount_minor).points
    assert given_points <= exact < given_points + 1


@given(rule_sets, amounts, amounts)
def test_splitting_a_bill_never_earns_more(rules, one, other):
    tier = rules.tiers[0]
    apart = award(rules, tier, one).points + award(rules, tier, other).points
    assert 0 <= award(rules, tier, one + other).points - apart <= 1


def test_an_award_says_what_made_it():
    made = award(SHOP, SILVER, 1250)
    assert made == (15, 1, "silver", 1, 100, 12000, 12)


@given(living_long)
def test_a_rule_set_reads_back_as_it_was_written(rules):
    assert from_json(rules.version, to_json(rules)) == rules


@pytest.mark.parametrize("wrong", [
    SHOP._replace(rate_minor=0), SHOP._replace(rate_points=-1), SHOP._replace(lot_months=0),
    SHOP._replace(rate_points=1.5), SHOP._replace(tiers=()), SHOP._replace(version=0),
    SHOP._replace(tiers=(SILVER, SILVER)), SHOP._replace(tiers=(Tier("x", "长" * 9, 1),)),
    SHOP._replace(tiers=(Tier("x", "x", 10 * BP + 1),)), SHOP._replace(rate_points=True),
    SHOP._replace(tiers=(SILVER._replace(lot_months=-1),)),
    SHOP._replace(year_end=YearEnd(13, 1)), SHOP._replace(year_end=YearEnd(2, 30)),
    SHOP._replace(year_end=YearEnd(12, 31, -1)), SHOP._replace(rolling=Rolling(0)),
    SHOP._replace(rolling=Rolling(6, -1)),
    SHOP._replace(year_end=YearEnd(12, 31), rolling=Rolling(6)),
    SHOP._replace(year_end=YearEnd(12, 31), tiers=(SILVER._replace(lot_months=6),))])
def test_an_impossible_rule_set_is_refused_in_words(wrong):
    with pytest.raises(RulesError, match="Nothing was stored"):
        check(wrong)


def test_what_a_rule_set_does_not_use_is_not_in_its_text():
    """So the text of a rule set of before is the same one today."""
    assert to_json(SHOP) == ('{"lot_months":9,"rate_minor":100,"rate_points":1,"tiers":'
                             '[["basic","普卡",10000],["silver","银卡",12000]]}')


def test_a_tier_may_have_its_own_months():  # L21
    gold = Tier("gold", "金卡", 15000, lot_months=24)
    day = to_day(date(2026, 11, 22))
    ends = [from_day(SHOP.lot_ends_on(day, tier)) for tier in (SILVER, gold, None)]
    assert ends == [date(2027, 8, 22), date(2028, 11, 22), date(2027, 8, 22)]
    assert from_day(SHOP._replace(year_end=YearEnd(12, 31)).lot_ends_on(day, SILVER)) == date(
        2026, 12, 31)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"rate_points":1}', "null", "[" * 100_000],
                         ids=lambda body: body[:9])
def test_a_body_that_does_not_read_is_named(body):
    with pytest.raises(RulesError, match="does not read"):
        from_json(3, body)


# ---- points off a bill -----------------------------------------------------------------------

FEN = Redeeming(100, 100, 100, 100, 5000)  # a point is a fen, in hundreds, for half a bill


@pytest.mark.parametrize("points, bill_minor, discount_minor", [
    (100, 200, 100), (100, 1000, 100), (500, 1000, 500), (600, 1000, None), (400, 700, None),
    (0, 1000, None), (150, 1000, None), (50, 1000, None), (100, 199, None), (100, 1, None)])
def test_points_pay_a_share_of_the_bill_in_steps(points, bill_minor, discount_minor):
    assert FEN.discount(points, bill_minor) == discount_minor


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 50), st.integers(1, 10**6))
def test_a_whole_bill_can_be_paid_by_points_at_every_remainder(points, minor, step, bill):  # Q22
    redeeming = Redeeming(points, minor, step, step)
    worth = -(-bill * points // minor)
    taken = -(-worth // step) * step
    assert redeeming.discount(taken, bill) == bill
    assert redeeming.discount(taken + step, bill) is None


@pytest.mark.parametrize("wrong", [
    {"rate_points": 10_000, "rate_minor": 1, "tiers": (SILVER,)},
    {"rate_points": 1000, "rate_minor": 1, "redeeming": Redeeming(1, 10**9)}])
def test_rules_by_which_a_sale_might_not_fit_the_books_are_refused(wrong):
    with pytest.raises(RulesError, match="of the largest sale"):
        check(SHOP._replace(**wrong))
