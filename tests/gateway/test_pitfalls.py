"""What went wrong in other systems (../shared/PITFALLS.md): each test carries the id of its row.

Everything goes in as sealed frames and is read from replies and the database, on both databases.
Beside them: Q9 in tests/firmware/test_app_voids.py, Q21 also in tests/house/test_house.py.
"""

from itertools import permutations
from random import Random

import pytest

from gateway.clock import to_ms
from gateway.expiry import expire_lots
from gateway.rules import Redeeming
from gateway.web.app import create_app
from protocol import codes, messages
from tests.gateway.test_decisions_redemption import balance, sound, trace_of
from tests.support.street import JOURNAL, RULES, Street

POINT_MINOR = 7  # what a point is worth where a whole bill can be paid by points


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, members=2, terminals=2)


def whole_bills(street: Street) -> None:
    """From now on points may pay a whole bill, one by one."""
    street.registry.add_rule_set(street.programme, RULES._replace(
        redeeming=Redeeming(1, POINT_MINOR)), 1)


def elsewhere(street: Street) -> int:
    """The place of a terminal of another merchant of the programme."""
    shop = street.registry.create_shop(
        street.registry.create_merchant(street.programme, "Leaf"), "Mall")
    street.terminals.append(street.registry.create_terminal(shop))
    return len(street.terminals) - 1


def taken(street: Street, frame: bytes):
    """The reply to a frame that must be approved."""
    reply = street.take(frame)
    assert reply.code == codes.APPROVED, reply
    return reply


def ledger_sum(street: Street, place: int = 0) -> int:
    """What all postings put on a member's account."""
    (total,), = street.rows(
        "postings p JOIN members m ON m.points_account_id = p.account_id",
        "coalesce(sum(p.amount), 0)", f"m.id = {street.members[place]}")
    return int(total)


# -- buying, returning, keeping the points ------------------------------------------------------


def test_q1_buy_and_return_again_and_again_leaves_no_points(street):
    for _ in range(12):
        sale = street.sale(1250)
        assert taken(street, sale).points == 15
        assert taken(street, street.refund(trace_of(street, sale), amount_minor=1250)).balance == 0
    assert balance(street) == (0, 0)
    sound(street)


@pytest.mark.parametrize("parts", list(permutations((100, 333, 567))))
def test_q2_a_bill_that_points_paid_gives_them_back_once_in_parts_of_any_order(engine, parts):
    street = Street(engine)
    taken(street, street.sale(30_000))
    bill = street.redemption(300, 1000)
    taken(street, bill)
    for part in parts:
        taken(street, street.refund(trace_of(street, bill), amount_minor=part))
    assert balance(street) == (360, 0)
    assert street.take(street.refund(trace_of(street, bill), amount_minor=1)).code == (
        codes.NOTHING_LEFT)
    sound(street)


@pytest.mark.parametrize("back", [1, 83, 84, 1249])
def test_q3_a_partial_return_takes_the_points_of_what_does_not_remain(street, back):
    sale = street.sale(1250)
    taken(street, sale)
    reply = taken(street, street.refund(trace_of(street, sale), amount_minor=back))
    remains = street.sale(1250 - back, card=1)
    assert reply.balance == taken(street, remains).points
    assert reply.points == reply.balance - 15


def test_q4_four_small_returns_take_what_one_does_and_restore_what_was_spent(street):
    street.registry.add_rule_set(street.programme, RULES._replace(rate_minor=1000), 1)
    taken(street, street.sale(100_000))  # 120 points to spend
    one, four = street.sale(2000), street.sale(2000)
    street.answers(one, four)
    whole = taken(street, street.refund(trace_of(street, one), amount_minor=2000)).points
    split = sum(taken(street, street.refund(trace_of(street, four), amount_minor=500)).points
                for _ in range(4))
    assert whole == split == -2
    bill = street.redemption(100, 400)
    taken(street, bill)
    taken(street, street.void(trace_of(street, bill)))
    assert street.rows("lots", "sum(remaining)") == [(120,)]
    sound(street)


# -- the network --------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [2, 5])
def test_q5_every_frame_repeated_posts_once(street, times):
    frames = [street.sale(30_000), street.redemption(100, 1000), street.refund(1, amount_minor=50),
              street.void(2)]
    first = [answer.reply for answer in street.answers(*frames)]
    for _ in range(times):
        assert [answer.reply for answer in street.answers(*frames, *frames)] == first * 2
    assert street.rows("entries", "count(*)") == [(4,)]
    assert balance(street) == (359, 0)
    sound(street)


def test_q9_what_was_done_offline_counts_as_of_then_and_the_rest_as_of_now(street):
    sale, void = street.sale(10_000), street.void(1)
    kept, redeemed = street.sale(20_000), street.redemption(100, 1000)
    street.later(days=3)
    assert [answer.code for answer in street.answers(sale, void, kept, redeemed)] == [0] * 4
    days = street.rows("entries", "kind, booked_on - business_date", "1=1 ORDER BY id")
    assert [late for _, late in days] == [3] * 4  # dated to the tap, booked today
    # whoever is told while the member waits is judged by today's states, a sale by the tap's
    street.later(days=1)
    late, asked = street.sale(1000), street.redemption(100, 1000)
    street.later(days=1)
    street.registry.set_member_state(street.members[0], "suspended")
    assert [answer.code for answer in street.answers(late, asked)] == [
        codes.HELD, codes.MEMBER_SUSPENDED]


def test_q12_two_gateways_never_lose_what_the_other_one_wrote(street):
    gateways = [street.intake, street.new_intake()]
    for number in range(20):
        frame = street.sale(1000) if number % 3 else street.sale(500, terminal=1)
        answer, = street.answers(frame, intake=gateways[number % 2])
        assert answer.code == 0
    answer, = street.answers(street.redemption(100, 1000), intake=gateways[1])
    assert street.read(answer.reply).balance == 13 * 12 + 7 * 6 - 100 + 10
    assert balance(street) == (13 * 12 + 7 * 6 - 100 + 10, 0)
    sound(street)


def test_q13_what_comes_together_is_checked_against_what_is_left(street):
    taken(street, street.sale(10_000))
    frames = [street.redemption(100, 500, terminal=till) for till in (0, 1, 0)]
    assert [answer.code for answer in street.answers(*frames)] == [
        0, codes.INSUFFICIENT_POINTS, codes.INSUFFICIENT_POINTS]
    assert balance(street)[0] >= 0


def test_q16_earned_here_by_handset_spent_there_over_the_web_is_deducted(street):
    taken(street, street.sale(30_000))
    there = elsewhere(street)
    web = create_app(street.intake, lambda: None, lambda: street.now).test_client()
    answer = web.post("/v1/frames", data=street.redemption(300, 1000, terminal=there),
                      content_type="application/cose")
    reply = street.read(answer.data)
    assert (reply.code, reply.amount_minor, reply.balance) == (0, 300, 360 - 300 + 8)
    assert street.rows("members", "available", f"id = {street.members[0]}") == [(68,)]
    sound(street)


# -- lots ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_q17_expiry_never_removes_spent_points(engine, seed):
    random, street = Random(seed), Street(engine)
    given = used = 0
    for _ in range(8):
        given += taken(street, street.sale(random.randrange(10_000, 40_000))).points
        if given - used >= 100:
            points = 100 * random.randrange(1, (given - used) // 100 + 1)
            given += points + taken(street, street.redemption(points, 400_000)).points
            used += points
        street.later(days=random.randrange(1, 20))
    street.later(days=300)
    while expire_lots(street.engine, street.keyring, to_ms(street.now), 10):
        pass
    assert street.rows("lots", "sum(expired), sum(remaining)") == [(given - used, 0)]
    assert street.rows("draws", "sum(points)") == [(used,)]
    assert balance(street) == (0, 0)
    sound(street)


def test_q18_points_end_whatever_they_came_from(street):
    street.registry.add_rule_set(street.programme, RULES._replace(return_days=900), 1)
    sale, bill = street.sale(60_000), street.redemption(300, 5000)
    street.answers(sale, bill, street.sale(1250, card=1))
    street.later(days=250)
    spent = street.redemption(300, 600)
    taken(street, spent)
    street.later(days=40)
    taken(street, street.void(trace_of(street, spent)))  # into a lot that stands in
    taken(street, street.refund(trace_of(street, bill), amount_minor=4000))
    assert balance(street)[0] > 0
    street.later(days=400)
    while expire_lots(street.engine, street.keyring, to_ms(street.now), 1):
        pass
    assert street.rows("lots", "max(remaining), max(held)") == [(0, 0)]
    assert street.rows("members", "available, held, debt") == [(0, 0, 0)] * 2
    sound(street)


def test_q19_the_balance_told_is_the_ledgers_sum_at_all_times(street):
    random = Random(19)
    bills: list[int] = []
    for step in range(60):
        kind = random.randrange(6)
        if kind == 0:
            street.later(days=random.randrange(1, 60))
            street.take(street.sale(100))  # what ended is written down by the next entry
        elif kind < 3 or not bills:
            bills.append(trace_of(street, frame := street.sale(random.randrange(1, 30_000))))
            street.take(frame)
        elif kind == 3:
            bills.append(trace_of(street, frame := street.redemption(100, 1000)))
            street.take(frame)
        elif kind == 4:
            street.take(street.refund(random.choice(bills), amount_minor=random.randrange(1, 999)))
        else:
            street.take(street.void(random.choice(bills)))
        (available, held, debt), = street.rows(
            "members", "available, held, debt", f"id = {street.members[0]}")
        assert available >= 0 and available + held - debt == ledger_sum(street), step
        if not kind:
            assert street.take(street.inquiry()).balance == available - debt
    sound(street)


# -- figures ------------------------------------------------------------------------------------


def test_q21_every_figure_that_is_kept_is_a_whole_number(street):
    for amount in (22357, 1, 99, 26828):
        taken(street, street.sale(amount))
    taken(street, street.redemption(300, 1001))
    taken(street, street.refund(1, amount_minor=333))
    for table, columns in (("postings", "amount"), ("lots", "issued, remaining, expired, paid"),
                           ("draws", "points"), ("members", "available, held, debt"),
                           ("lot_movements", "delta, drawn_delta, expired_delta")):
        assert all(type(value) is int for row in street.rows(table, columns) for value in row)
    assert street.rows("postings", "sum(amount)")[0][0] == 0


def test_q22_a_whole_bill_can_be_paid_by_points_at_every_remainder(street):
    whole_bills(street)
    taken(street, street.sale(100_000))
    for bill in range(1, 2 * POINT_MINOR + 2):
        points = -(-bill // POINT_MINOR)
        reply = taken(street, street.redemption(points, bill))
        assert (reply.amount_minor, reply.points) == (bill, -points)
    sound(street)


@pytest.mark.parametrize("amount", [1, 83, 84, 99, 100, 1249, 1250, 26828])
def test_q23_what_the_handset_shows_is_what_was_posted(street, amount):
    reply = taken(street, street.sale(amount))
    assert reply.points == ledger_sum(street) == street.take(street.inquiry()).balance


@pytest.mark.parametrize(("points", "bill"), [(100, 1000), (300, 1000), (100, 200)])
def test_q24_what_points_pay_earns_nothing(street, points, bill):
    taken(street, street.sale(30_000))
    reply = taken(street, street.redemption(points, bill))
    in_money = taken(street, street.sale(bill - reply.amount_minor, card=1))
    assert reply.points == in_money.points - points


def test_q25_what_was_cancelled_and_a_top_up_earn_nothing(street):
    sale, early = street.sale(1250), street.sale(1250)
    street.answers(sale, street.void(trace_of(street, sale)), street.void(trace_of(street, early)))
    assert street.take(early).code == codes.VOIDED
    street.take(street.seal(messages.request(
        messages.TOP_UP, JOURNAL, street.trace(), card=(2, int(street.cards[0])),
        amount_minor=10_000, tender=1)))
    assert balance(street) == (0, 0) and ledger_sum(street) == 0


@pytest.mark.parametrize("order", list(permutations(("refund", "void", "cancel"))))
def test_q26_every_order_of_refund_and_void_ends_the_same(engine, order):
    street = Street(engine)
    sale, bill = street.sale(40_000), street.redemption(300, 5000)
    street.answers(sale, bill)
    frames = {"refund": street.refund(trace_of(street, bill), amount_minor=1250),
              "void": street.void(trace_of(street, bill)),
              "cancel": street.void(trace_of(street, sale))}
    for name in order:
        assert street.take(frames[name]).code in (0, codes.NOTHING_LEFT)
    assert balance(street) == (0, 0)
    sound(street)


@pytest.mark.parametrize(("kind", "how"), [
    (messages.SALE, {"amount_minor": 100, "points": 9999}),
    (messages.TOP_UP, {"amount_minor": 100, "tender": 1, "points": 9999}),
    (messages.PAYMENT, {"amount_minor": 100, "points": 9999})])
def test_q43_no_points_that_a_client_computed_are_taken(street, kind, how):
    frame = street.seal(messages.request(
        kind, JOURNAL, street.trace(), card=(2, int(street.cards[0])), **how))
    assert street.take(frame).code == codes.UNSUPPORTED
    sale = street.sale(1250)
    taken(street, sale)
    said = street.take(street.refund(trace_of(street, sale), points=0xFFFF))
    assert said.code == codes.EXCEEDS_ORIGINAL and balance(street) == (15, 0)


@pytest.mark.parametrize(("points", "bill", "code"), [
    (100, 199, codes.LIMIT_REACHED), (100, 200, 0), (200, 399, codes.LIMIT_REACHED),
    (99, 1000, codes.LIMIT_REACHED), (150, 1000, codes.LIMIT_REACHED), (200, 400, 0)])
def test_q44_a_programme_limits_share_minimum_and_step(street, points, bill, code):
    taken(street, street.sale(30_000))
    assert street.take(street.redemption(points, bill)).code == code
    assert balance(street)[0] <= 360
    sound(street)
