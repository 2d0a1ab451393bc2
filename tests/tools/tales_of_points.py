"""Tales of redemptions, refunds and their voids: true ones, and lies with their findings' names.

A bill of 2000 of which 100 points paid 500 has earned 15: a quarter of it back gives 25 points
back, takes 125 of the 500 with it, and leaves 1125 of money, which earn 11 instead of 15.
"""

from collections.abc import Callable
from typing import Any

from tests.tools.tales import (
    CARD,
    DAY,
    JOURNAL,
    MEMBER,
    OTHER_TERMINAL,
    REDEMPTION,
    REFUND,
    SISTER_TERMINAL,
    TERMINAL,
    VOID,
    Tale,
)
from tools.prove import findings as named
from tools.prove.purses import Ends
from tools.prove.story import CARD as CARD_STATE
from tools.prove.story import (
    EPOCH_REVOKED,
    MERCHANT,
    SURVIVED,
    VERDICT,
    Survived,
)
from tools.prove.story import MEMBER as MEMBER_STATE

RICH = 100_000  # of money: 1000 points
BILL = (JOURNAL, 2)


def told(tale: Tale, trace: int, code: int, kind: int = REDEMPTION, balance: int | None = None,
         terminal: int = TERMINAL) -> None:
    tale.answer(trace, code, None, balance, kind=kind, terminal=terminal)


def rich(tale: Tale) -> None:
    tale.heartbeat()
    tale.sale(1, RICH)


def a_bill(tale: Tale) -> None:
    rich(tale)
    tale.redeem(2)


def void(tale: Tale, trace: int, original: int, points: int, money: int, amount: int) -> None:
    tale.cancel(trace, original)
    tale.does(trace, VOID, points, money, amount)


# ---- true --------------------------------------------------------------------------------------

def points_off_a_bill_and_all_of_it_back_in_parts(tale: Tale) -> None:
    a_bill(tale)
    tale.refund(3, 500, BILL, 25 - 4, 375)
    tale.refund(4, 500, (TERMINAL, *BILL), 25 - 4, 375)
    tale.refund(5, 1000, 2, 50 - 7, 750)
    tale.asked(6, REFUND, 1, original=2)
    told(tale, 6, 38, REFUND)
    tale.cancel(7, 2)
    told(tale, 7, 38, VOID)


def a_redemption_nobody_answered_in_time(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    tale.wait(31)
    tale.cancel(3, 2)
    tale.does(2, REDEMPTION, -85, 500, 2000)
    tale.does(3, VOID, 85, 1500, -2000)


def a_redemption_whose_void_came_first(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100, arrives=False)
    tale.cancel(3, 2)
    tale.answer(3, 0, 0, kind=VOID)
    tale.story.arrived(TERMINAL, tale.frames[TERMINAL, JOURNAL, 2], tale.now_us)
    told(tale, 2, 40)


def points_that_the_rules_and_the_balance_forbid(tale: Tale) -> None:
    rich(tale)
    for trace, points, amount, code, balance in (
            (2, 95, 2000, 32, None), (3, 10, 2000, 32, None), (4, 210, 2000, 32, None),
            (5, 1010, RICH, 30, 1000)):
        tale.asked(trace, REDEMPTION, amount, card=CARD, points=points)
        told(tale, trace, code, balance=balance)


def states_that_forbid_it(tale: Tale) -> None:
    rich(tale)
    tale.happen(MERCHANT, 1, "suspended")
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    tale.answer(2, 54, kind=REDEMPTION, shows=False)
    tale.cancel(3, 2)
    tale.answer(3, 0, 0, kind=VOID)
    told(tale, 2, 40)
    tale.happen(MERCHANT, 1, "active")
    tale.happen(MEMBER_STATE, MEMBER, "suspended")
    tale.asked(4, REDEMPTION, 2000, card=CARD, points=100)
    told(tale, 4, 20)
    tale.happen(MEMBER_STATE, MEMBER, "active")
    tale.happen(CARD_STATE, CARD, "lost")
    tale.asked(5, REDEMPTION, 2000, card=CARD, points=100)
    told(tale, 5, 12)
    tale.happen(EPOCH_REVOKED, TERMINAL, 1)
    tale.asked(6, REFUND, 100, original=1)
    told(tale, 6, 41, REFUND)
    tale.held.add((TERMINAL, JOURNAL, 6))


def a_held_refund_that_headquarters_posts(tale: Tale) -> None:
    a_bill(tale)
    tale.happen(EPOCH_REVOKED, TERMINAL, 1)
    tale.asked(3, REFUND, 500, original=BILL)
    told(tale, 3, 41, REFUND)
    tale.happen(VERDICT, (TERMINAL, JOURNAL, 3), "post")
    tale.post(3, 21, MEMBER, -500, kind=4, by_hq=True)


def what_is_spent_and_taken_back_is_owed(tale: Tale) -> None:
    rich(tale)
    tale.sale(2, RICH)
    tale.asked(3, REDEMPTION, 2 * RICH, card=CARD, points=1900)
    tale.does(3, REDEMPTION, -1900 + 1905, 9500, 2 * RICH)
    void(tale, 4, 1, -1000, RICH, -RICH)
    void(tale, 5, 2, -1000, RICH, -RICH)
    void(tale, 6, 3, -5, 2 * RICH - 9500, -2 * RICH)
    tale.sale(7, 50_000)
    tale.asked(8, REDEMPTION, 2000, card=CARD, points=100)
    tale.does(8, REDEMPTION, -85, 500, 2000)


def a_debt_that_forbids_it(tale: Tale) -> None:
    tale.heartbeat()
    tale.sale(1, 20_000)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=200)
    tale.does(2, REDEMPTION, -190, 1000, 2000)
    tale.refund(3, 10_000, (JOURNAL, 1), -100, 10_000)
    tale.asked(4, REDEMPTION, 2000, card=CARD, points=20)
    told(tale, 4, 30, balance=-90)


def refunds_that_do_not_fit(tale: Tale) -> None:
    a_bill(tale)
    part = tale.refund(3, 500, BILL, 21, 375)
    for trace, amount, original, code, terminal in (
            (4, 1501, BILL, 39, TERMINAL), (5, 10, part, 42, TERMINAL),
            (6, 10, 99, 37, TERMINAL), (7, 10, 2, 37, OTHER_TERMINAL)):
        tale.asked(trace, REFUND, amount, original=original, terminal=terminal)
        told(tale, trace, code, REFUND, terminal=terminal)


def twice_at_once_from_two_terminals(tale: Tale) -> None:
    """The second was decided behind the first, although both came together."""
    a_bill(tale)
    tale.asked(3, REFUND, 1500, original=BILL)
    tale.asked(3, REFUND, 1500, original=2, terminal=SISTER_TERMINAL)
    tale.does(3, REFUND, 75 - 12, 1125, -1500, terminal=SISTER_TERMINAL)
    told(tale, 3, 39, REFUND)


def the_void_of_a_refund(tale: Tale) -> None:
    a_bill(tale)
    tale.refund(3, 500, BILL, 21, 375)
    void(tale, 4, 3, -21, 375, 500)
    tale.cancel(5, 3)
    told(tale, 5, 38, VOID)


def the_void_of_a_refund_that_is_not_the_last(tale: Tale) -> None:
    a_bill(tale)
    tale.refund(3, 500, BILL, 21, 375)
    tale.refund(4, 500, BILL, 21, 375)
    tale.cancel(5, 3)
    told(tale, 5, 42, VOID)


def a_void_of_what_refunds_left(tale: Tale) -> None:
    rich(tale)
    tale.refund(2, 40_000, 1, -400, 40_000)
    void(tale, 3, 1, -600, 60_000, -60_000)


def a_void_from_another_journal_that_came_first(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    tale.wait(31)
    for trace in (1, 2):
        tale.attempt(VOID, None, None, BILL)
        tale.save(trace, VOID, None, None, BILL, journal=99)
        tale.send(trace, VOID, None, None, BILL, journal=99)
        if trace == 1:
            tale.answer(1, 37, kind=VOID, journal=99)
            tale.does(2, REDEMPTION, -85, 500, 2000)
    receipt = tale.post(2, 85, MEMBER, -2000, kind=2, journal=99)
    tale.answer(2, 0, 85, 1000, receipt, kind=VOID, journal=99, money=1500)


def forty_days_later(tale: Tale) -> int:
    """1000 points that live a month, and then some; today's business date."""
    tale.rules = tale.rules._replace(ends=Ends(1))
    rich(tale)
    tale.wait(40 * 86400)
    tale.heartbeat()
    return DAY + 40


def points_that_ended_with_the_next_sale(tale: Tale) -> None:
    today = forty_days_later(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    told(tale, 2, 30, balance=0)
    tale.offered(3)
    receipt = tale.post(3, 12 - 1000, business_date=today)
    tale.answer(3, 0, 12, 12, receipt)
    tale.cancel(4, 1)
    receipt = tale.post(4, 0, MEMBER, -RICH, kind=2, business_date=today)
    tale.answer(4, 0, 0, 12, receipt, kind=VOID, money=RICH)


TRUE: tuple[Callable[[Tale], None], ...] = (
    points_off_a_bill_and_all_of_it_back_in_parts, a_redemption_nobody_answered_in_time,
    a_redemption_whose_void_came_first, points_that_the_rules_and_the_balance_forbid,
    states_that_forbid_it, a_held_refund_that_headquarters_posts,
    what_is_spent_and_taken_back_is_owed, a_debt_that_forbids_it, refunds_that_do_not_fit,
    twice_at_once_from_two_terminals, the_void_of_a_refund,
    the_void_of_a_refund_that_is_not_the_last, a_void_of_what_refunds_left,
    a_void_from_another_journal_that_came_first, points_that_ended_with_the_next_sale)


# ---- lies --------------------------------------------------------------------------------------

def another_points_than_asked(tale: Tale) -> None:
    rich(tale)
    tale.attempt(REDEMPTION, 2000, CARD, points=100)
    tale.save(2, REDEMPTION, 2000, CARD, points=100)
    tale.send(2, REDEMPTION, 2000, CARD, points=200)
    tale.does(2, REDEMPTION, -190, 1000, 2000)


def a_redemption_that_takes_too_little(tale: Tale) -> None:
    rich(tale)
    tale.redeem(2, net=-84)


def a_refund_that_gives_back_twice(tale: Tale) -> None:
    a_bill(tale)
    tale.refund(3, 500, BILL, 50 - 4, 375)


def a_redemption_off_the_step_posts(tale: Tale) -> None:
    rich(tale)
    tale.redeem(2, 105, 2000, -91, 525)


def a_redemption_above_the_balance_posts(tale: Tale) -> None:
    tale.sale(1, 5000)
    tale.redeem(2)


def a_refund_of_more_than_remains_posts(tale: Tale) -> None:
    a_bill(tale)
    tale.refund(3, 1500, BILL, 75 - 12, 1125)
    tale.refund(4, 1000, BILL, 25 - 3, 375)


def refused_although_there_is_enough(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    told(tale, 2, 30, balance=1000)


def refused_by_another_balance(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, RICH, card=CARD, points=1010)
    told(tale, 2, 30, balance=990)


def refused_as_if_it_were_gone(tale: Tale) -> None:
    a_bill(tale)
    tale.asked(3, REFUND, 100, original=BILL)
    told(tale, 3, 38, REFUND)


def refused_for_what_came_long_after(tale: Tale) -> None:
    """By a refund that arrived when this one had its answer."""
    a_bill(tale)
    tale.asked(3, REFUND, 1500, original=BILL)
    told(tale, 3, 39, REFUND)
    tale.refund(3, 1500, 2, 75 - 12, 1125, SISTER_TERMINAL)


def a_refund_at_another_merchant(tale: Tale) -> None:
    a_bill(tale)
    tale.asked(3, REFUND, 500, original=2, terminal=OTHER_TERMINAL)
    tale.does(3, REFUND, 21, 375, -500, terminal=OTHER_TERMINAL, merchant_id=1)


def a_refund_from_another_members_points(tale: Tale) -> None:
    a_bill(tale)
    tale.asked(3, REFUND, 500, original=BILL)
    tale.does(3, REFUND, 21, 375, -500, member_id=2)


def a_refund_booked_with_another_amount(tale: Tale) -> None:
    a_bill(tale)
    tale.asked(3, REFUND, 500, original=BILL)
    tale.does(3, REFUND, 21, 375, -400)


def another_money_on_the_slip(tale: Tale) -> None:
    rich(tale)
    tale.redeem(2, money=600)


def a_redemption_voided_and_not_given_back(tale: Tale) -> None:
    a_bill(tale)
    tale.cancel(3, 2)
    tale.answer(3, 0, 0, kind=VOID)


def a_void_of_a_redemption_that_forgets_the_points(tale: Tale) -> None:
    a_bill(tale)
    void(tale, 3, 2, -15, 1500, -2000)


def a_redemption_approved_and_not_posted(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    tale.answer(2, 0, -85, 915, 2, kind=REDEMPTION, money=500)


def a_redemption_lost_with_the_servers_power(tale: Tale) -> None:
    a_bill(tale)
    key = TERMINAL, JOURNAL, 1
    tale.happen(SURVIVED, None, Survived(frozenset((key,)), frozenset(((key, 0),))))


def a_debt_beside_points(tale: Tale) -> None:
    rich(tale)
    tale.adjust[MEMBER] = {"available": 1100, "lots_remaining": 1100, "debt": 100}


def one_redemption_makes_two(tale: Tale) -> None:
    a_bill(tale)
    tale.save(3, REDEMPTION, 2000, CARD, points=100)
    tale.send(3, REDEMPTION, 2000, CARD, points=100)
    tale.does(3, REDEMPTION, -85, 500, 2000)


def unanswered_and_left_alone(tale: Tale) -> None:
    rich(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    tale.wait(100)
    tale.does(2, REDEMPTION, -85, 500, 2000)


def points_that_should_have_ended_stay(tale: Tale) -> None:
    today = forty_days_later(tale)
    tale.offered(2)
    receipt = tale.post(2, 12, business_date=today)
    tale.answer(2, 0, 12, 1012, receipt)


def points_that_have_ended_are_spent(tale: Tale) -> None:
    today = forty_days_later(tale)
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    tale.does(2, REDEMPTION, -85, 500, 2000, business_date=today)


def refused_although_it_had_not_ended(tale: Tale) -> None:
    forty_days_later(tale)
    tale.rules = tale.rules._replace(ends=Ends(2))
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    told(tale, 2, 30, balance=0)


UNTRUE: tuple[tuple[Callable[[Tale], Any], str], ...] = (
    (another_points_than_asked, named.MESSAGE_DIFFERS),
    (a_redemption_that_takes_too_little, named.WRONG_POINTS),
    (a_refund_that_gives_back_twice, named.WRONG_POINTS),
    (a_redemption_off_the_step_posts, named.POSTED_WITHOUT_RIGHT),
    (a_redemption_above_the_balance_posts, named.POSTED_WITHOUT_RIGHT),
    (a_refund_of_more_than_remains_posts, named.POSTED_WITHOUT_RIGHT),
    (refused_although_there_is_enough, named.REFUSED_WITHOUT_CAUSE),
    (refused_by_another_balance, named.SCREEN_DIFFERS),
    (refused_as_if_it_were_gone, named.REFUSED_WITHOUT_CAUSE),
    (refused_for_what_came_long_after, named.REFUSED_WITHOUT_CAUSE),
    (a_refund_at_another_merchant, named.POSTED_WITHOUT_RIGHT),
    (a_refund_from_another_members_points, named.WRONG_MEMBER),
    (a_refund_booked_with_another_amount, named.WRONG_AMOUNT),
    (another_money_on_the_slip, named.SCREEN_DIFFERS),
    (a_redemption_voided_and_not_given_back, named.VOIDED_BUT_COUNTS),
    (a_void_of_a_redemption_that_forgets_the_points, named.WRONG_POINTS),
    (a_redemption_approved_and_not_posted, named.CLAIMED),
    (a_redemption_lost_with_the_servers_power, named.CLAIMED),
    (a_debt_beside_points, named.BALANCE_DIFFERS),
    (one_redemption_makes_two, named.DOUBLED),
    (unanswered_and_left_alone, named.NOT_CANCELLED),
    (points_that_should_have_ended_stay, named.WRONG_POINTS),
    (points_that_have_ended_are_spent, named.POSTED_WITHOUT_RIGHT),
    (refused_although_it_had_not_ended, named.REFUSED_WITHOUT_CAUSE),
)
