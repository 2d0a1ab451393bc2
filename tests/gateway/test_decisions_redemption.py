"""Points off a bill: what is taken, what the rest earns, who may not, and how it is taken back."""

from datetime import timedelta
from itertools import permutations

import pytest

from gateway.audit import run_audit
from gateway.clock import DAY_MS, from_ms, to_ms
from gateway.expiry import expire_lots
from gateway.rules import Redeeming, RuleSet
from protocol import codes
from tests.support.street import RULES, Street

RICH = 30_000  # 300 yuan at silver: 360 points


@pytest.fixture
def street(engine) -> Street:
    """A member with 360 points."""
    street = Street(engine, members=2, terminals=2)
    assert street.take(street.sale(RICH)).points == 360
    return street


def sound(street: Street) -> None:
    assert run_audit(street.engine, street.keyring, clock=lambda: street.now,
                     rebuild=True).findings == ()


def trace_of(street: Street, frame: bytes) -> int:
    return street.message(frame).request.trace


def balance(street: Street) -> tuple:
    return street.rows("members", "available, debt", "1=1 ORDER BY id")[0]


def test_points_are_taken_and_only_the_money_part_earns(street):  # Q24, K4
    reply = street.take(street.redemption(300, 5000))
    # 47 yuan of 50 are paid in money: 56 points at silver
    assert (reply.code, reply.points, reply.balance, reply.amount_minor) == (0, 56 - 300, 116, 300)
    assert street.rows("lots", "issued, remaining") == [(416, 116)]
    sound(street)


def test_points_are_usable_through_the_night_of_their_last_day(street):  # J13
    (ends_on,), = street.rows("lots", "expires_on")
    # 03:59 in Shanghai of the next calendar day, and a minute later
    street.now = from_ms(ends_on * DAY_MS) + timedelta(days=1, hours=-8 + 3, minutes=59)
    assert street.take(street.inquiry()).balance == 360
    assert street.take(street.redemption(300, 600)).balance == 63
    assert street.rows("lots", "expired, remaining", "id = 1") == [(0, 60)]
    while expire_lots(street.engine, street.keyring, to_ms(street.now), 10):
        pass
    assert street.rows("lots", "expired, remaining", "id = 1") == [(0, 60)]
    street.later(minutes=1)
    assert street.take(street.inquiry()).balance == 3
    assert street.take(street.redemption(100, 600)).code == codes.INSUFFICIENT_POINTS
    assert expire_lots(street.engine, street.keyring, to_ms(street.now), 10) == 1
    assert street.rows("lots", "expired, remaining", "id = 1") == [(60, 0)]
    sound(street)


def test_what_a_bill_earns_never_pays_for_it_even_where_it_ends_first(street):
    street.registry.add_rule_set(street.programme, RULES._replace(lot_months=1), 1)
    assert street.take(street.redemption(300, 5000)).points == 56 - 300
    first, second = street.rows("lots", "issued, remaining, expires_on", "1=1 ORDER BY id")
    assert second[2] < first[2] and [first[:2], second[:2]] == [(360, 60), (56, 56)]
    sound(street)


def test_a_bill_paid_as_far_as_points_may_pay_it(street):  # Q22, Q44
    assert [street.take(street.redemption(points, bill)).code for points, bill in (
        (200, 399), (200, 200), (150, 1000), (50, 1000))] == [codes.LIMIT_REACHED] * 4
    assert balance(street) == (360, 0)
    assert street.take(street.redemption(200, 400)).amount_minor == 200


def test_it_takes_off_what_was_shown_or_nothing(street):  # Q23
    assert street.take(street.redemption(200, 5000, off_minor=200)).amount_minor == 200
    dearer = RULES._replace(redeeming=Redeeming(100, 50, 100, 100, 5000))
    street.registry.add_rule_set(street.programme, dearer, 1)
    before = balance(street)
    for off_minor in (100, 49, 51):
        assert street.take(street.redemption(100, 5000, off_minor=off_minor)).code == (
            codes.LIMIT_REACHED)
    assert balance(street) == before
    assert street.take(street.redemption(100, 5000, off_minor=50)).amount_minor == 50
    sound(street)


def test_more_than_there_is_is_refused_with_the_balance(street):
    reply = street.take(street.redemption(400, 5000))
    assert (reply.code, reply.balance) == (codes.INSUFFICIENT_POINTS, 360)
    assert balance(street) == (360, 0)
    sound(street)


def test_two_in_one_batch_see_each_other(street):  # Q13
    frames = [street.redemption(200, 1000), street.redemption(200, 1000)]
    assert [answer.code for answer in street.answers(*frames)] == [0, codes.INSUFFICIENT_POINTS]
    sound(street)


def test_the_same_redemption_again_takes_nothing_again(street):
    frame = street.redemption(100, 1000)
    first, again = street.answers(frame, frame)
    assert first.reply == again.reply == street.answers(frame)[0].reply
    assert balance(street)[0] == 360 - 100 + 10


def test_points_of_a_lot_that_ended_cannot_be_spent_and_are_gone(street):
    street.later(days=300)
    reply = street.take(street.redemption(100, 1000))
    assert (reply.code, reply.balance) == (codes.INSUFFICIENT_POINTS, 0)
    assert street.take(street.inquiry()).balance == 0
    assert street.take(street.sale(1000)).points == 12  # the next entry writes it down
    assert balance(street) == (12, 0)
    assert street.rows("lots", "remaining, expired", "1=1 ORDER BY id") == [(0, 360), (12, 0)]
    sound(street)


@pytest.mark.parametrize(("state", "code"), [("lost", codes.CARD_LOST),
                                             ("blocked", codes.CARD_BLOCKED)])
def test_a_card_that_may_not_is_told_so(street, state, code):
    street.registry.set_card_state(street.cards[0], state)
    assert street.take(street.redemption(100, 1000)).code == code


@pytest.mark.parametrize(("states", "code"), [
    (("blocked", "lost"), codes.CARD_LOST), (("blocked", "active"), 0)])
def test_a_clock_that_went_back_leaves_a_card_as_it_stands(street, states, code):
    for state in states:
        street.registry.set_card_state(street.cards[0], state)
    street.later(hours=-1)
    assert street.take(street.inquiry()).code == code
    assert street.take(street.redemption(100, 1000)).code == code
    assert street.rows("quarantine") == []


def test_who_may_not_is_told_so_at_once(street):
    assert street.take(street.redemption(100, 1000, operator=7)).code == codes.OPERATOR_UNKNOWN
    street.registry.set_member_state(street.members[0], "suspended")
    assert street.take(street.redemption(100, 1000)).code == codes.MEMBER_SUSPENDED
    street.registry.set_member_state(street.members[0], "active")
    street.registry.set_merchant_state(street.merchant, "suspended")
    frame = street.redemption(100, 1000)
    assert street.take(frame).code == codes.MERCHANT_SUSPENDED
    street.registry.set_merchant_state(street.merchant, "active")
    assert street.take(frame).code == codes.APPROVED


def test_without_a_rule_points_buy_nothing(engine):
    street = Street(engine)
    street.registry.add_rule_set(street.programme, RuleSet(1, 1, 100, 9, RULES.tiers), 1)
    street.take(street.sale(RICH))
    assert street.take(street.redemption(100, 1000)).code == codes.LIMIT_REACHED


# -- taken back --------------------------------------------------------------------------------


def test_a_void_gives_the_points_back_and_takes_what_was_earned(street):
    bill = street.redemption(300, 5000)
    street.take(bill)
    reply = street.take(street.void(trace_of(street, bill)))
    assert (reply.code, reply.points, reply.balance) == (0, 300 - 56, 360)
    assert street.take(street.void(trace_of(street, bill))).code == codes.NOTHING_LEFT
    sound(street)


def test_its_void_may_come_first(street):
    bill = street.redemption(300, 5000)
    assert street.take(street.void(trace_of(street, bill))).code == 0
    assert street.take(bill).code == codes.VOIDED and balance(street) == (360, 0)


def test_a_redemption_and_its_void_in_one_batch_leave_nothing(street):
    bill = street.redemption(300, 5000)
    assert [answer.code for answer in street.answers(
        bill, street.void(trace_of(street, bill)), street.redemption(300, 5000))] == [0, 0, 0]
    assert balance(street) == (116, 0)
    sound(street)


def test_what_was_spent_and_taken_back_is_debt_that_takes_nothing_until_it_is_paid(street):  # J11
    bill = street.redemption(300, 600)
    street.take(bill)
    street.take(street.sale(10_000, card=1))
    reply = street.take(street.void(1))  # the sale whose points were spent
    assert (reply.points, reply.balance) == (-360, 3 - 300)
    assert balance(street) == (0, 297)
    assert street.take(street.redemption(100, 1000)).code == codes.INSUFFICIENT_POINTS
    assert street.take(street.sale(10_000)).balance == 120 - 297
    assert street.take(street.sale(20_000)).balance == 63
    assert balance(street) == (63, 0)
    sound(street)
    street.take(street.void(trace_of(street, bill)))
    assert balance(street) == (63 - 3 + 300, 0)
    sound(street)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_voids_leaves_the_same(engine, order):  # Q1, Q2, Q26
    street = Street(engine)
    frames = [street.sale(RICH), street.redemption(300, 2000), street.sale(5000),
              street.redemption(100, 500)]
    assert [answer.code for answer in street.answers(*frames)] == [0] * 4
    for place in order:
        assert street.take(street.void(trace_of(street, frames[place]))).code == 0
        sound(street)
    assert balance(street) == (0, 0)


def test_points_given_back_to_an_ended_lot_live_a_while_longer_once(street):  # J2
    bill = street.redemption(300, 600)
    street.take(bill)
    street.later(days=300)
    reply = street.take(street.void(trace_of(street, bill)))
    assert (reply.code, reply.balance) == (0, 300)
    assert street.rows("lots", "replaces, remaining, expired", "1=1 ORDER BY id") == [
        (None, 0, 60), (1, 300, 0)]
    sound(street)
    street.later(days=31)
    assert street.take(street.redemption(100, 1000)).code == codes.INSUFFICIENT_POINTS
    street.take(street.sale(1000))
    assert balance(street) == (12, 0)
    sound(street)
