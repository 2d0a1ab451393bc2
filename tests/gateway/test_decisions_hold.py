"""Returns that hold points for HQ's word: what they put aside, and each way in which that ends."""

from random import Random

import pytest

from gateway import holds
from gateway.audit import run_audit
from gateway.clock import business_day, to_ms
from gateway.database import counting_statements, reading
from gateway.days import figures
from gateway.decisions.hold import HoldError
from gateway.expiry import expire_lots
from gateway.rules import HOLD_FOR_HQ, RulesError, check
from protocol import codes
from tests.gateway.test_proposals import done
from tests.support.street import RULES, Street

HOLDING = RULES._replace(on_return=HOLD_FOR_HQ)


def holding(engine, **options) -> Street:
    """A street whose returns hold their points."""
    street = Street(engine, **options)
    street.registry.add_rule_set(street.programme, HOLDING, 1)
    return street


def balances(street: Street, member: int = 1) -> tuple:
    """(available, held, debt)."""
    return street.rows("members", "available, held, debt", f"id = {member}")[0]


def posted(street: Street, kind: str) -> int:
    """What the postings of all days put on accounts of this kind."""
    return int(street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                           "coalesce(sum(p.amount), 0)", f"a.kind = '{kind}'")[0][0])


def sound(street: Street) -> None:
    assert run_audit(street.engine, street.keyring, rebuild=True,
                     clock=lambda: street.now).findings == ()


def take(street: Street, receipt: int) -> holds.Ended:
    return holds.take(street.intake, receipt, "Lin", "goods were worn")


def release(street: Street, receipt: int) -> holds.Ended:
    return holds.release(street.intake, receipt, "Lin", "goods are back")


def jobs(street: Street) -> int:
    released = 0
    while found := holds.release_due(street.engine, street.keyring, to_ms(street.now), 100):
        released += found
    while expire_lots(street.engine, street.keyring, to_ms(street.now), 100):
        pass
    return released


def states(street: Street) -> list[tuple]:
    return street.rows("holds", "entry_id, state, ended_by", "1=1 ORDER BY entry_id")


# ---- what a return puts aside (L10) -------------------------------------------------------------

def test_a_refund_freezes_what_its_sale_gave_and_posts_nothing(engine):  # L10, K5
    street = holding(engine)
    street.take(street.sale(10_000))
    reply = street.take(street.refund(1, amount_minor=2500))
    assert (reply.code, reply.points, reply.balance, reply.amount_minor) == (0, 0, 90, 2500)
    assert balances(street) == (90, 30, 0)
    assert street.rows("lots", "remaining, held, issued") == [(90, 30, 120)]
    assert street.rows("draws", "taker, lot_id, points, held") == [(2, 1, 30, 1)]
    assert (posted(street, "member_points"), posted(street, "merchant_issued")) == (120, -120)
    assert street.take(street.redemption(100, 20_000)).code == codes.INSUFFICIENT_POINTS
    sound(street)


def test_a_return_holds_of_its_own_lot_before_others(engine):  # J12
    street = holding(engine)
    street.take(street.sale(10_000))
    street.later(days=40)
    street.take(street.sale(10_000))
    street.take(street.refund(2, amount_minor=10_000))
    assert street.rows("draws", "lot_id, points") == [(2, 120)]
    street.take(street.sale(10_000))
    street.take(street.redemption(100, 200))  # of the first
    street.take(street.refund(1, amount_minor=10_000))
    assert street.rows("draws", "lot_id, points", "taker = 6") == [(1, 20), (2, 100)]
    sound(street)


def test_no_more_is_held_than_there_is_and_the_verdict_makes_the_rest_debt(engine):
    street = holding(engine)
    street.take(street.sale(10_000))
    street.take(street.redemption(100, 200))
    assert balances(street) == (21, 0, 0)
    street.take(street.refund(1, amount_minor=10_000))
    assert balances(street) == (0, 21, 0)
    assert take(street, 3).points == -120 and balances(street) == (0, 0, 99)
    sound(street)


def test_points_paid_come_back_at_once_and_only_those_given_are_held(engine):
    street = holding(engine)
    street.take(street.sale(60_000))
    street.take(street.redemption(200, 5000))
    assert balances(street) == (720 - 200 + 57, 0, 0)
    due = posted(street, "merchant_due")
    assert street.take(street.refund(2, amount_minor=5000)).points == 200
    assert balances(street) == (720, 57, 0)
    assert posted(street, "merchant_due") - due == -200  # the credit, not yet the cost
    take(street, 3)
    assert balances(street) == (720, 0, 0)
    assert posted(street, "merchant_due") - due == -200 + 48
    sound(street)


def test_what_a_terminal_cancels_by_itself_is_taken_at_once_and_a_cashier_s_void_is_held(engine):
    street = holding(engine, terminals=2)
    for _ in range(3):
        street.take(street.sale(1000))
    assert street.take(street.void(1)).points == -12 and balances(street) == (24, 0, 0)
    street.take(street.void(2, operator=9))  # somebody pressed a key
    assert balances(street) == (12, 12, 0)
    street.take(street.void(street.terminals[0], street.message(
        street.sale()).request.journal, 3, terminal=1))
    assert balances(street) == (0, 24, 0)
    assert len(states(street)) == 2
    sound(street)


def test_what_hq_takes_back_itself_is_taken_at_once(engine):
    street = holding(engine)
    street.take(street.sale(1000))
    assert done(street, "refund", 0, receipt=1).points == -12
    assert balances(street) == (0, 0, 0) and states(street) == []
    sound(street)


# ---- how it ends -----------------------------------------------------------------------------

KINDS = ("member_points", "merchant_issued", "merchant_redeemed", "merchant_due",
         "programme_pool", "programme_hq", "programme_expired")


def bought_and_returned(street: Street, card: int, *, verdicts: bool) -> list[int]:
    """What a sale, a bill paid from it and the sale's return in three parts come to."""
    before = [posted(street, kind) for kind in KINDS]
    first = street.sale(10_000, card=card)
    street.answers(first, street.redemption(100, 5000, card=card))
    for amount in (3333, 3333, 3334):
        street.take(street.refund(street.message(first).request.trace, amount_minor=amount))
        if verdicts:
            take(street, street.rows("entries", "max(id)")[0][0])
    return [posted(street, kind) - was for kind, was in zip(KINDS, before, strict=True)]


def test_taken_it_ends_as_if_the_return_had_taken_it(engine):
    street = Street(engine, members=2)
    at_once = bought_and_returned(street, 0, verdicts=False)
    street.registry.add_rule_set(street.programme, HOLDING, to_ms(street.now))
    assert bought_and_returned(street, 1, verdicts=True) == at_once
    assert len(states(street)) == 3
    assert balances(street, 2) == balances(street, 1)
    sound(street)


def test_released_the_points_are_the_member_s_and_the_bill_stays_taken_back(engine):
    street = holding(engine)
    street.take(street.sale(10_000))
    street.take(street.refund(1, amount_minor=10_000))
    ended = release(street, 2)
    assert (ended.state, ended.points, ended.balance, ended.receipt) == ("released", 0, 120, 3)
    assert balances(street) == (120, 0, 0) and posted(street, "merchant_issued") == -120
    assert street.take(street.refund(1, amount_minor=1)).code == codes.NOTHING_LEFT
    assert street.take(street.void(1)).code == codes.NOTHING_LEFT
    sound(street)


def test_what_was_released_is_not_taken_by_what_comes_later(engine):
    street = holding(engine)
    street.take(street.sale(10_000))
    street.take(street.refund(1, amount_minor=2500))
    release(street, 2)
    street.take(street.refund(1, amount_minor=2500))
    take(street, 4)
    assert balances(street) == (90, 0, 0)
    assert street.take(street.void(1)).points == -60  # the half that was never refunded
    assert balances(street) == (30, 0, 0)
    sound(street)


@pytest.mark.parametrize("end, between, after", [
    (None, (90, 30, 0), (120, 0, 0)), (take, (90, 0, 0), (120, 0, 0)),
    (release, (120, 0, 0), (120, 0, 0))])
def test_a_void_of_the_refund_puts_its_part_back_however_far_it_came(engine, end, between, after):
    street = holding(engine)
    street.take(street.sale(10_000))
    street.take(street.refund(1, amount_minor=2500))
    if end:
        end(street, 2)
    assert balances(street) == between
    assert street.take(street.void(2)).code == 0
    assert balances(street) == after and posted(street, "merchant_issued") == -120
    with pytest.raises(HoldError, match="already"):
        take(street, 2)
    street.take(street.refund(1, amount_minor=10_000))  # all of it can come back again
    assert balances(street) == (0, 120, 0)
    sound(street)


def test_sale_refund_and_its_void_in_one_batch(engine):
    street = holding(engine)
    answers = street.answers(street.sale(10_000), street.refund(1, amount_minor=2500),
                             street.void(2), street.refund(1, amount_minor=5000))
    assert [each.code for each in answers] == [0, 0, 0, 0]
    assert balances(street) == (60, 60, 0)
    assert states(street) == [(2, 4, 3), (4, 0, None)]
    sound(street)


def test_held_points_outlive_their_lot_and_come_back_with_grace(engine):  # J12, J2
    street = holding(engine)
    street.registry.add_rule_set(street.programme, HOLDING._replace(
        return_days=400, hold_days=60), 2)
    street.take(street.sale(10_000))
    street.later(days=260)
    street.take(street.refund(1, amount_minor=2500))
    street.later(days=20)
    jobs(street)
    assert balances(street) == (0, 30, 0) and posted(street, "programme_expired") == 90
    release(street, 2)
    assert balances(street) == (30, 0, 0)
    today = business_day(to_ms(street.now), "Asia/Shanghai", 240)
    assert street.rows("lots", "remaining, expires_on", "replaces = 1") == [(30, today + 30)]
    sound(street)


def test_held_points_of_an_ended_lot_are_what_hq_takes_not_what_expired(engine):
    street = holding(engine)
    street.registry.add_rule_set(street.programme, HOLDING._replace(
        return_days=400, hold_days=60), 2)
    street.take(street.sale(10_000))
    street.later(days=260)
    street.take(street.refund(1, amount_minor=2500))
    street.later(days=20)
    jobs(street)
    assert take(street, 2).points == -30
    assert balances(street) == (0, 0, 0) and posted(street, "programme_expired") == 90
    assert street.take(street.void(2)).points == 30  # and with grace, as what was held
    assert balances(street) == (30, 0, 0)
    sound(street)


# ---- who says so, and when -------------------------------------------------------------------

@pytest.mark.parametrize("first", [take, release])
@pytest.mark.parametrize("second", [take, release])
def test_a_hold_has_one_verdict(engine, first, second):
    street = holding(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    first(street, 2)
    before = street.rows("entries", "count(*)"), balances(street)
    with pytest.raises(HoldError, match="already"):
        second(street, 2)
    assert (street.rows("entries", "count(*)"), balances(street)) == before
    sound(street)


@pytest.mark.parametrize("receipt", [1, 77])
def test_a_verdict_on_what_holds_nothing_changes_nothing(engine, receipt):
    street = holding(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    with pytest.raises(HoldError, match=f"{receipt} holds nothing"):
        take(street, receipt)
    assert street.rows("entries", "count(*)") == [(2,)]


def test_returns_deduct_unless_the_rules_say_hold(engine):
    street = Street(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    assert balances(street) == (90, 0, 0) and states(street) == []
    with pytest.raises(RulesError, match="on_return is 'later'"):
        check(RULES._replace(on_return="later"))
    with pytest.raises(RulesError, match="hold_days"):
        check(RULES._replace(hold_days=-1))


def test_a_return_that_holds_costs_one_statement_more_and_a_sale_none(engine):
    street, counts = Street(engine), []
    street.take(street.sale(100))
    for rules in (RULES, HOLDING):
        street.registry.add_rule_set(street.programme, rules, to_ms(street.now))
        street.later(minutes=1)
        street.take(street.inquiry())  # reads the rules
        sold = street.sale(10_000)
        with counting_statements(engine) as sale:
            street.take(sold)
        back = street.refund(street.message(sold).request.trace, amount_minor=2500)
        with counting_statements(engine) as refund:
            street.take(back)
        counts.append((len(sale), len(refund), sum("holds" in each for each in refund)))
    assert counts == [(15, 19, 0), (15, 20, 1)]


# ---- every evening ---------------------------------------------------------------------------

@pytest.mark.parametrize("seed", [1, 2])
def test_every_evening_what_was_there_came_and_went_is_what_is_there(engine, seed):
    street, random = holding(engine, members=2, terminals=1), Random(seed)
    street.registry.add_rule_set(street.programme, HOLDING._replace(lot_months=1, hold_days=4), 2)
    bills, opening, ends = [], 0, set()
    for _ in range(70):
        for _ in range(3):
            kind, amount = random.randrange(6), random.randrange(100, 20_000)
            if kind < 2:
                frame = street.sale(amount, card=random.randrange(2))
            elif kind == 2:
                frame = street.redemption(100, 4000, card=0)
            elif not bills:
                continue
            elif kind == 3:
                frame = street.void(bills[-1], operator=9)
            else:
                frame = street.refund(random.choice(bills[-6:]), amount_minor=amount // 3 + 1)
            bills.append(street.message(frame).request.trace)
            street.take(frame)
        for hold, state, _ in states(street):
            if not state and random.randrange(6) == 0:
                random.choice([take, release])(street, hold)
        jobs(street)
        today = business_day(to_ms(street.now), "Asia/Shanghai", 240)
        (closing,), = street.rows("members", "sum(available + held - debt)")
        went, = street.rows(
            "postings p JOIN accounts a ON a.id = p.account_id JOIN entries e ON e.id ="
            " p.entry_id", "coalesce(sum(p.amount), 0)", "a.kind IN ('merchant_issued',"
            f" 'merchant_redeemed', 'programme_expired') AND e.booked_on = {today}")
        assert opening - int(went[0]) == closing
        (money,), = street.rows("postings", "coalesce(sum(amount), 0)", "unit = 2")
        assert money == 0
        opening = closing
        ends |= {state for _, state, _ in states(street)}
        street.later(days=1)
    assert ends == {0, 1, 2, 3, 4}
    sound(street)


def test_a_statement_tells_what_hq_takes_as_points_taken_back_and_cost(engine):
    street = holding(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=5000))
    street.later(days=1)
    take(street, 2)
    first = business_day(to_ms(street.now), "Asia/Shanghai", 240) - 1
    with reading(engine) as connection:
        told = figures(connection, first, first + 1)
    sold, taken = (told[street.programme, day, street.merchant] for day in (first, first + 1))
    assert (sold.points_issued, sold.points_taken_back, sold.refunds) == (120, 0, 1)
    assert (sold.cost_minor, taken.cost_minor, taken.other_minor) == (-100, 50, 0)
    assert (taken.points_taken_back, taken.refunds) == (60, 0)
