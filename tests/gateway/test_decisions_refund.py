"""Part of a bill taken back: what of it stands, in whatever order, and what may not be."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit import run_audit
from gateway.database import writing
from gateway.decisions.taken_back import Standing, standing
from gateway.effects import Made
from gateway.held import HeldKey, post
from protocol import codes
from tests.gateway.test_decisions_redemption import balance, sound, trace_of
from tests.support.street import RULES, Street


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, terminals=2, members=2)


def refund(street: Street, frame: bytes, amount_minor: int, **how) -> tuple:
    """(code, points, money to hand back) of a refund of a frame that was sent."""
    reply = street.take(street.refund(trace_of(street, frame), amount_minor=amount_minor, **how))
    return reply.code, reply.points, reply.amount_minor


def test_a_part_of_a_sale_takes_what_its_award_loses(street):  # Q3
    sale = street.sale(1250)
    street.take(sale)
    assert refund(street, sale, 250) == (0, 12 - 15, 250)
    assert street.rows("lots", "issued, remaining") == [(12, 12)]
    assert refund(street, sale, 1000) == (0, -12, 1000)
    assert balance(street) == (0, 0)
    sound(street)


def test_four_parts_take_as_much_as_the_whole(street):  # Q4
    whole, split = street.sale(2000), street.sale(2000)
    street.answers(whole, split)
    assert refund(street, whole, 2000)[1] == -24
    assert sum(refund(street, split, 500)[1] for _ in range(4)) == -24
    assert balance(street) == (0, 0)


def test_more_than_remains_is_refused_and_the_rest_named(street):
    sale = street.sale(1250)
    street.take(sale)
    assert refund(street, sale, 1251) == (codes.EXCEEDS_ORIGINAL, None, 1250)
    assert refund(street, sale, 1000)[0] == 0
    assert refund(street, sale, 251) == (codes.EXCEEDS_ORIGINAL, None, 250)
    assert refund(street, sale, 250)[0] == 0
    assert refund(street, sale, 1) == (codes.NOTHING_LEFT, None, None)
    assert street.take(street.void(trace_of(street, sale))).code == codes.NOTHING_LEFT
    sound(street)


def test_twice_at_once_from_two_terminals_the_second_finds_nothing(street):
    sale = street.sale(1250)
    street.take(sale)
    named = (street.terminals[0], street.message(sale).request.journal, trace_of(street, sale))
    frames = [street.refund(*named, terminal=till, amount_minor=1250) for till in (0, 1)]
    assert [answer.code for answer in street.answers(*frames)] == [0, codes.NOTHING_LEFT]
    sound(street)


def test_what_cannot_be_refunded(street):
    unknown = street.sale(card="6200008999999994")
    sale, void = street.sale(), street.void(2)
    street.answers(unknown, sale, void)
    assert refund(street, unknown, 100)[0] == codes.ORIGINAL_NOT_FOUND
    assert refund(street, sale, 100)[0] == codes.NOTHING_LEFT
    assert street.take(street.refund(77, amount_minor=5)).code == codes.ORIGINAL_NOT_FOUND
    other = street.sale(5000)
    street.take(other)
    part = street.refund(trace_of(street, other), amount_minor=100)
    street.take(part)
    assert refund(street, part, 50)[0] == codes.NOT_VOIDABLE
    stranger = street.registry.create_merchant(street.programme, "Leaf")
    street.terminals.append(street.registry.create_terminal(
        street.registry.create_shop(stranger, "Elsewhere")))
    named = (street.terminals[0], street.message(other).request.journal, trace_of(street, other))
    assert street.take(street.refund(*named, terminal=2, amount_minor=5)).code == (
        codes.ORIGINAL_NOT_FOUND)
    street.later(days=91)
    assert refund(street, other, 100)[0] == codes.LIMIT_REACHED
    sound(street)


def test_a_shop_takes_goods_back_through_the_last_of_the_return_days(street):  # J10
    sale = street.sale(1250)
    street.take(sale)
    street.later(days=90)
    assert refund(street, sale, 250) == (0, 12 - 15, 250)
    street.later(days=1)
    assert refund(street, sale, 250)[0] == codes.LIMIT_REACHED
    street.registry.add_rule_set(street.programme, RULES._replace(return_days=91), 1)
    assert refund(street, sale, 250)[0] == 0
    sound(street)


def test_a_bill_that_points_paid_in_part_goes_back_pro_rata(street):  # J1, Q2
    street.take(street.sale(30_000))
    bill = street.redemption(300, 1000)  # 3 yuan off 10, 7 in money: 8 points
    assert street.take(bill).balance == 68
    assert refund(street, bill, 500) == (0, 150 - 4, 350)
    assert refund(street, bill, 499) == (0, 149 - 4, 350)
    assert refund(street, bill, 1) == (0, 1, 0)
    assert balance(street) == (360, 0)
    sound(street)


def test_a_refund_is_taken_back_as_long_as_it_is_the_last(street):
    sale = street.sale(1250)
    street.take(sale)
    parts = [street.refund(trace_of(street, sale), amount_minor=amount) for amount in (250, 500)]
    street.answers(*parts)
    assert balance(street) == (6, 0)
    assert street.take(street.void(trace_of(street, parts[0]))).code == codes.NOT_VOIDABLE
    reply = street.take(street.void(trace_of(street, parts[1])))
    assert (reply.code, reply.points, reply.balance) == (0, 6, 12)
    assert street.take(street.void(trace_of(street, parts[1]))).code == codes.NOTHING_LEFT
    assert street.take(street.void(trace_of(street, parts[0]))).balance == 15
    assert refund(street, sale, 1250)[1] == -15
    sound(street)


def test_all_of_it_in_one_batch(street):
    sale = street.sale(1250)
    trace = trace_of(street, sale)
    part = street.refund(trace, amount_minor=250)
    frames = [sale, part, street.void(trace_of(street, part)),
              street.refund(trace, amount_minor=1000), street.void(trace), street.void(trace)]
    assert [answer.code for answer in street.answers(*frames)] == [0, 0, 0, 0, 0, 38]
    assert balance(street) == (0, 0)
    sound(street)


def test_a_void_of_a_void_or_of_what_it_voided_keeps_nobody_back(street):
    sale = street.sale(1250)
    part = street.refund(1, amount_minor=250)
    void = street.void(2)
    street.answers(sale, part, void)
    for named in (street.void(trace_of(street, void)),
                  street.refund(trace_of(street, void), amount_minor=1)):
        assert [answer.code for answer in street.answers(
            named, street.sale(1000, terminal=1, card=1))] == [codes.NOT_VOIDABLE, 0]
    sound(street)


def test_a_refund_that_hq_posted_can_be_voided_like_any_other(street):
    sale = street.sale(10_000)
    street.take(sale)
    street.registry.set_terminal_state(street.terminals[0], "lost")
    part = street.refund(trace_of(street, sale), amount_minor=3000)
    assert street.take(part).code == codes.HELD
    street.registry.set_terminal_state(street.terminals[0], "active")
    journal = street.message(part).request.journal
    post(street.intake, HeldKey(street.terminals[0], journal, trace_of(street, part)), "Chen")
    assert balance(street) == (84, 0)
    assert street.take(street.void(trace_of(street, part))).code == 0
    assert balance(street) == (120, 0)
    assert refund(street, sale, 10_000)[1] == -120
    sound(street)


def test_a_draw_that_a_refund_moved_elsewhere_is_given_back_from_there(street):
    first = street.sale(5000)
    street.take(first)
    street.later(days=1)
    street.take(street.sale(50_000))
    bills = [street.redemption(100, 200) for _ in range(2)]
    street.answers(*bills)
    assert refund(street, first, 2500)[0] == 0
    for bill in bills:
        assert street.take(street.void(trace_of(street, bill))).code == 0
        sound(street)
    assert balance(street) == (60 + 600 - 30, 0)


def test_what_cost_nothing_when_it_was_taken_back_brings_nothing_when_it_is_put_back(street):
    sales = [street.sale(10_000), street.sale(10_000)]
    street.answers(*sales)
    bill = street.redemption(200, 400)
    street.take(bill)
    assert refund(street, sales[0], 10_000)[1] == -120
    assert street.take(street.void(trace_of(street, bill))).code == 0
    street.later(days=85)
    street.later(days=200)
    street.registry.add_rule_set(street.programme, RULES._replace(return_days=900), 1)
    part = street.refund(trace_of(street, sales[1]), amount_minor=10_000)
    assert street.take(part).points == 0
    assert street.take(street.void(trace_of(street, part))).points == 0
    assert balance(street) == (0, 0)
    sound(street)


def test_a_basket_comes_back_by_its_lines(street):
    sale = street.sale(3000, basket=((1, 1000), (2, 2000)))
    street.take(sale)
    trace = trace_of(street, sale)
    for how, code in (({"amount_minor": 500}, 39), ({"basket": ((9, 500),)}, 39),
                      ({"basket": ((1, 1500),)}, 39), ({"basket": ((1, 600),)}, 0),
                      ({"basket": ((1, 600),)}, 39), ({"basket": ((1, 400), (2, 2000))}, 0)):
        assert street.take(street.refund(trace, **how)).code == code, how
    assert balance(street) == (0, 0)
    sound(street)


def test_a_refund_of_spent_points_is_debt(street):
    sale = street.sale(10_000)
    street.answers(sale, street.redemption(100, 200))
    assert balance(street) == (21, 0)
    assert refund(street, sale, 5000)[:2] == (0, -60)
    assert balance(street) == (0, 39)
    reply = street.take(street.void(trace_of(street, sale)))
    assert (reply.points, reply.balance) == (-60, -99)
    sound(street)


@pytest.mark.parametrize("statement", [
    "DELETE FROM reversals WHERE seq = 1", "DELETE FROM reversals",
    "UPDATE reversals SET seq = seq + 1 WHERE seq = 2", "UPDATE entries SET amount_minor = -1"
    " WHERE kind = 4", "UPDATE entries SET context = '{}' WHERE kind = 1"])
def test_nothing_is_taken_back_on_rows_that_were_tampered_with(street, statement):
    sale = street.sale(1250)
    street.take(sale)
    for _ in range(2):
        refund(street, sale, 400)
    with writing(street.engine) as connection:
        connection.exec_driver_sql(statement)
    if statement == "DELETE FROM reversals":  # with nothing left that tells, the audit does
        assert {found.table for found in run_audit(street.engine, street.keyring,
                                                   clock=lambda: street.now).findings} == {
            "reversals"}
        return
    for frame in (street.refund(1, amount_minor=400), street.void(1)):
        assert street.take(frame).code == codes.TRY_LATER
    assert street.rows("quarantine", "fault") == [("SealBroken",)] * 2


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_split_of_reversals_ends_the_same(engine, seed):  # Q26
    random, street = Random(seed), Street(engine)
    for _ in range(3):
        amounts = (20_000, 1000, 3000)
        bills = [street.sale(amounts[0]), street.redemption(200, amounts[1]),
                 street.sale(amounts[2])]
        assert [answer.code for answer in street.answers(*bills)] == [0, 0, 0]
        parts = []
        for frame, bill_minor in zip(bills, amounts, strict=True):
            cut = random.randint(1, bill_minor - 1)
            parts += [(frame, cut), (frame, bill_minor - cut)]
        random.shuffle(parts)
        assert all(refund(street, *part)[0] == 0 for part in parts)
        assert balance(street) == (0, 0)
        sound(street)
        street.later(days=1)


# -- what stands, as arithmetic -----------------------------------------------------------------


def made(bill_minor: int, redeemed: int, discount_minor: int) -> Made:
    context = '{"rate":[1,100],"multiplier_bp":12000'
    if redeemed:
        context += f',"redeemed":{redeemed},"discount_minor":{discount_minor}'
    return Made(1, 1, 1, 1, 1, 1, bill_minor, 0, context + "}", (), ())


@settings(max_examples=300)
@given(st.integers(1, 10**6), st.integers(0, 10**4), st.data())
def test_what_stands_only_shrinks_and_ends_at_nothing(bill_minor, redeemed, data):
    discount_minor = data.draw(st.integers(0, min(bill_minor, redeemed)))
    entry = made(bill_minor, redeemed, discount_minor)
    assert standing(entry, bill_minor).taken == redeemed
    assert standing(entry, 0) == Standing(0, 0, 0)
    more, less = sorted(data.draw(st.tuples(st.integers(0, bill_minor),
                                            st.integers(0, bill_minor))), reverse=True)
    assert all(a >= b >= 0 for a, b in zip(standing(entry, more), standing(entry, less),
                                          strict=True))
