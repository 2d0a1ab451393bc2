"""What points take off a bill, against a search through all numbers of them. Both interpreters.

That it is what the gateway takes off: tests/gateway/test_redeeming_agrees.py.
"""

from firmware.flows.redeem_terms import (
    AT_LEAST,
    AT_MOST,
    BILL,
    ENOUGH,
    FROM,
    NO_POINTS,
    ONLY,
    STEPS,
    money_off,
    most,
    refusal,
)

COFFEE = (360, 100, 100, 100, 100, 5000)


def some_terms():
    """Terms and bills of every shape, drawn by a small generator of its own."""
    drawn = 12345
    for _ in range(150):
        picks = []
        for choices in ((1, 2, 3, 7, 10, 100), (1, 2, 3, 10, 100, 150), (1, 1, 5, 30),
                        (1, 1, 2, 7, 10, 50), (10000, 5000, 1, 3333, 9999), range(200),
                        range(1, 400)):
            drawn = (drawn * 1103515245 + 12345) % 2147483648
            picks.append(choices[(drawn >> 8) % len(choices)])
        unit, unit_minor, least, step, share_bp, usable, bill_minor = picks
        yield (usable, unit, unit_minor, least, step, share_bp), bill_minor


def test_the_most_is_what_a_search_finds():
    found = 0
    for terms, bill_minor in some_terms():
        good = [points for points in range(1, 220) if money_off(terms, points, bill_minor)]
        assert most(terms, bill_minor) == (max(good) if good else 0), (terms, bill_minor)
        for limit in (5, 50):
            fewer = [points for points in good if points <= limit]
            assert most(terms, bill_minor, limit) == (max(fewer) if fewer else 0)
        found += bool(good)
    assert found > 50


def test_what_takes_nothing_off_is_refused_by_name():
    for terms, bill_minor in some_terms():
        for points in range(1, 220, 3):
            why = refusal(terms, points, bill_minor)
            assert (why is None) == bool(money_off(terms, points, bill_minor))
            if why and why[0] == ENOUGH:
                assert money_off(terms, why[1], bill_minor) and why[1] < points
            if why and why[0] == AT_MOST:
                assert why[1] == most(terms, bill_minor) > 0
            if why and why[0] == FROM:  # with that many, and a bill that is no hindrance
                enough = (why[1],) + terms[1:]
                assert why[1] > terms[0] and most(enough, 1000000000) == why[1]
            if why and why[0] == BILL:
                assert most(terms, 1000000000) and not most(terms, bill_minor)


def test_each_reason_has_its_number():
    assert money_off(COFFEE, 200, 500) == 200 and refusal(COFFEE, 200, 500) is None
    assert refusal(COFFEE, 400, 5000) == (ONLY, 360)
    assert refusal(COFFEE, 50, 5000) == (AT_LEAST, 100)
    assert refusal(COFFEE, 150, 5000) == (STEPS, 100)
    assert refusal(COFFEE, 300, 500) == (AT_MOST, 200)
    assert refusal((360, 100, 1, 1, 1, 10000), 150, 500) == (ENOUGH, 100)
    # too few to be worth anything, and nothing smaller that is
    assert refusal((360, 10, 1, 5, 1, 10000), 6, 500) == (AT_MOST, 360)


def test_where_none_at_all_may_be_used_the_cause_is_told():
    for points in (0, 100):
        assert refusal(COFFEE, points, 100) == (BILL, None)
        for usable in (0, -5):
            assert refusal((usable,) + COFFEE[1:], points, 5000) == (NO_POINTS, None)
        assert refusal((99,) + COFFEE[1:], points, 5000) == (FROM, 100)
    # 7 points of which ten are a cent, in steps of three
    assert refusal((7, 10, 1, 5, 3, 10000), 6, 500) == (FROM, 12)


def test_a_whole_bill_is_paid_by_a_last_step_worth_more_than_is_left():
    whole = (1000, 100, 100, 100, 100, 10000)
    assert most(whole, 250) == 300 and money_off(whole, 300, 250) == 250
    assert money_off(whole, 400, 250) is None


def test_the_largest_values_are_counted_exactly():
    terms = (9007199254740991, 1000000000, 999999999, 1, 1, 10000)
    assert money_off(terms, 1000000000, 1000000000) == 999999999
    assert most(terms, 1000000000) == 1000000000
