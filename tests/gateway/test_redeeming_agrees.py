"""What the handset shows before a redemption is what the gateway takes off (Q23)."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.flows.redeem_terms import money_off, most
from gateway.rules import Redeeming

units = st.one_of(st.integers(1, 20), st.sampled_from((100, 150, 1000, 10**9)))
steps = st.one_of(st.integers(1, 60), st.sampled_from((100, 10**9)))
shares = st.one_of(st.sampled_from((1, 3333, 5000, 9999, 10000)), st.integers(1, 10000))
rules = st.builds(Redeeming, units, units, steps, steps, shares)
bills = st.one_of(st.integers(1, 2000), st.integers(1, 10**9))


@settings(max_examples=3000)
@given(rules, bills, st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 40))
@example(Redeeming(100, 100, 100, 100, 10000), 250, 1000, 300, 0)
@example(Redeeming(100, 100, 100, 100, 5000), 399, 1000, 200, 0)
def test_handset_and_gateway_take_the_same_off(
        rule: Redeeming, bill_minor: int, usable: int, drawn: int, near: int):
    terms = (usable, *rule)
    best = most(terms, bill_minor)
    # anything, small numbers, whole steps, and what lies round the most
    for points in {drawn, drawn % 500, drawn % 50 * rule.points_step, best,
                   best + near, best - near, best + rule.points_step, best - rule.points_step}:
        if 0 < points <= 10**9:
            here, there = money_off(terms, points, bill_minor), rule.discount(points, bill_minor)
            assert here == (there if points <= usable else None), points
            assert not here or points <= best
    assert not best or rule.discount(best, bill_minor) and best <= usable
