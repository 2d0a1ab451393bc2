"""A sale by table T: what is refused, what is held, what posts."""

import json
from datetime import date, timedelta

from gateway.registry import NewMember
from gateway.validity import YearEnd
from protocol import codes
from tests.support.street import NOON, RULES, Street, card_number


def codes_of(street: Street, *sealed: bytes) -> list[int | None]:
    return [answer.code for answer in street.answers(*sealed)]


def another_card(street: Street, place: int, state: str = "active", **fields) -> str:
    """A card of a new member, in this state since now."""
    member, = street.registry.create_members(street.programme, [NewMember("Ann Lee")])
    number = card_number(1000 + place)
    street.registry.create_card(street.programme, number, member, **fields)
    if state != "active":
        street.registry.set_card_state(number, state)
    return number


def test_an_unknown_card_is_10_and_a_wrong_check_digit_15(engine):
    street = Street(engine)
    wrong = card_number(9)[:-1] + str((int(card_number(9)[-1]) + 1) % 10)
    assert codes_of(street, street.sale(card=card_number(9)), street.sale(card=wrong),
                    street.sale(card=bytes.fromhex("04a1b2c3"))) == [10, 15, 10]
    assert street.rows("entries", "count(*)") == [(0,)]
    assert street.rows("outcomes", "count(*)") == [(3,)]


def test_a_card_state_that_began_before_the_tap_refuses_it(engine):
    street = Street(engine)
    states = {"lost": 12, "blocked": 13, "expired": 14, "suspect": 16}
    cards = [another_card(street, place, state) for place, state in enumerate(states)]
    street.later(minutes=1)
    assert codes_of(street, *(street.sale(card=card) for card in cards)) == list(states.values())


def test_a_stock_card_answers_11_and_posts_nothing(engine):
    street = Street(engine)
    street.registry.create_card(street.programme, card_number(7), state="stock")
    assert codes_of(street, street.sale(card=card_number(7))) == [11]
    assert codes_of(street, street.inquiry(card=card_number(7))) == [11]


def test_a_stock_card_becomes_active_by_its_first_tap_where_the_programme_says_so(engine):
    street = Street(engine, first_tap_activates=True)
    street.registry.create_card(street.programme, card_number(7), state="stock")
    first, second = street.answers(street.sale(card=card_number(7)),
                                   street.sale(card=card_number(7)))
    assert (first.code, second.code) == (0, 0)
    assert street.read(second.reply).balance == 24  # a nameless member of the first tier
    where = f"identity = '{card_number(7)}'"
    assert street.rows("cards", "state, state_before", where) == [("active", "stock")]
    assert street.rows("card_events", "state", "reason = 'first tap'") == [("active",)]


def test_a_card_is_usable_through_the_last_day_of_its_validity(engine):
    street = Street(engine)
    card = another_card(street, 1, valid_through=date(2026, 11, 21))
    street.now = street.now.replace(hour=19, minute=59)  # 03:59 of the 22nd in Shanghai
    assert codes_of(street, street.sale(card=card)) == [0]
    street.later(minutes=1)
    assert codes_of(street, street.sale(card=card)) == [14]


def test_a_replaced_card_posts_to_its_member(engine):
    street = Street(engine)
    card = another_card(street, 1, "replaced")
    assert codes_of(street, street.sale(card=card)) == [0]


def test_an_offline_tap_of_a_card_lost_later_posts(engine):
    street = Street(engine)
    tapped = street.sale(at=street.seconds())
    street.later(hours=2)
    street.registry.set_card_state(street.cards[0], "lost")
    assert codes_of(street, tapped, street.sale()) == [0, 12]


def test_an_offline_tap_is_held_when_the_card_changed_twice_since(engine):
    street = Street(engine)
    tapped = street.sale(at=street.seconds())
    street.later(hours=2)
    street.registry.set_card_state(street.cards[0], "lost")
    street.registry.set_card_state(street.cards[0], "blocked")
    assert codes_of(street, tapped) == [codes.HELD]


def test_a_tap_from_when_the_card_was_still_lost_is_held(engine):
    street = Street(engine)
    street.registry.set_card_state(street.cards[0], "lost")
    street.later(minutes=10)
    tapped = street.sale(at=street.seconds())
    street.later(minutes=10)
    street.registry.set_card_state(street.cards[0], "active")
    assert codes_of(street, tapped, street.sale()) == [codes.HELD, 0]


def test_a_card_bound_a_moment_after_its_tap_posts(engine):
    street = Street(engine)
    street.registry.create_card(street.programme, card_number(7), state="stock")
    tapped = street.sale(card=card_number(7), at=street.seconds() - 2)
    street.registry.bind_card(card_number(7), street.members[0])
    assert codes_of(street, tapped) == [0]


def test_a_suspended_member_refuses_and_one_suspended_later_holds(engine):
    street = Street(engine)
    tapped = street.sale(at=street.seconds())
    street.later(hours=2)
    street.registry.set_member_state(street.members[0], "suspended")
    assert codes_of(street, tapped, street.sale()) == [codes.HELD, codes.MEMBER_SUSPENDED]


def test_every_other_cause_holds_the_tap_and_posts_nothing(engine):
    street = Street(engine, terminals=3)
    registry = street.registry
    registry.create_operator(street.merchant, 5, "Li")
    registry.set_operator_state(street.merchant, 5, "suspended")
    registry.set_terminal_state(street.terminals[1], "suspended")
    registry.set_terminal_state(street.terminals[2], "lost")
    taps = [street.sale(operator=5), street.sale(operator=6), street.sale(terminal=1),
            street.sale(terminal=2)]
    assert codes_of(street, *taps) == [codes.HELD] * 4
    registry.set_merchant_state(street.merchant, "suspended")
    assert codes_of(street, street.sale()) == [codes.HELD]
    assert codes_of(street, *taps) == [codes.HELD] * 4  # final, the trace is used up
    assert street.rows("entries", "count(*)") == [(0,)]


def test_a_tap_from_before_the_merchant_was_suspended_posts(engine):
    street = Street(engine)
    tapped = street.sale(at=street.seconds())
    street.later(hours=2)
    street.registry.set_merchant_state(street.merchant, "suspended")
    assert codes_of(street, tapped) == [0]


def test_a_lost_terminal_is_held_whatever_its_clock_says(engine):
    street = Street(engine)
    long_ago = street.seconds() - 86400
    street.registry.set_terminal_state(street.terminals[0], "lost")
    assert codes_of(street, street.sale(at=long_ago),
                    street.sale(at=long_ago, card=card_number(99))) == [codes.HELD] * 2


def test_a_known_operator_may_sell(engine):
    street = Street(engine)
    street.registry.create_operator(street.merchant, 5, "Li")
    assert codes_of(street, street.sale(operator=5)) == [0]


def test_a_tap_before_the_first_rules_is_held(engine):
    street = Street(engine)
    programme = street.registry.create_programme(
        "late", "Late", RULES, effective_at=int(street.now.timestamp() * 1000) + 60_000)
    merchant = street.registry.create_merchant(programme, "Late")
    terminal = street.registry.create_terminal(street.registry.create_shop(merchant, "Late"))
    street.terminals.append(terminal)
    member, = street.registry.create_members(programme, [NewMember("Ann Lee")])
    street.registry.create_card(programme, card_number(500), member)
    assert codes_of(street, street.sale(terminal=1, card=card_number(500))) == [codes.HELD]
    street.later(minutes=2)
    assert codes_of(street, street.sale(terminal=1, card=card_number(500))) == [0]


def test_a_card_of_another_programme_is_unknown(engine):
    street = Street(engine)
    programme = street.registry.create_programme("other", "Other", RULES)
    member, = street.registry.create_members(programme, [NewMember("Ann Lee")])
    street.registry.create_card(programme, card_number(500), member)
    assert codes_of(street, street.sale(card=card_number(500))) == [10]


def test_lots_live_nine_months_clamped_to_the_month_and_seven_days_at_least(engine):
    street = Street(engine, members=2, opening=NOON.replace(month=5, day=31))
    reply = street.take(street.sale(1000))
    day = (date(2027, 2, 28) - date(1970, 1, 1)).days
    assert tuple(reply.expiring) == (12, day)
    first_day = street.seconds()
    street.later(days=365)
    late = street.take(street.sale(1000, at=first_day, card=1))
    booked = (date(2027, 5, 31) - date(1970, 1, 1)).days
    assert tuple(late.expiring) == (12, booked + 7)


def test_lots_end_on_a_day_of_the_year_or_after_the_months_of_a_tier(engine):  # L4, L8, L21
    street = Street(engine, members=2)
    gold = RULES.tiers[2]._replace(lot_months=24)
    street.registry.add_rule_set(street.programme, RULES._replace(tiers=(*RULES.tiers[:2], gold)),
                                 street.seconds() * 1000)
    golden, = street.registry.create_members(street.programme, [NewMember("Ann Lee", "gold")])
    street.registry.create_card(street.programme, card_number(7), golden)
    street.answers(street.sale(), street.sale(card=card_number(7)))
    street.later(days=1)
    street.registry.add_rule_set(street.programme, RULES._replace(
        year_end=YearEnd(11, 22)), street.seconds() * 1000)
    street.answers(street.sale(card=1))  # seven days at least, as always (J7)
    street.later(days=1)
    street.answers(street.sale(card=1))
    assert [date.fromordinal(719163 + row[0]).isoformat() for row in street.rows(
        "lots", "expires_on", "1=1 ORDER BY id")] == [
            "2027-08-21", "2028-11-21", "2026-11-29", "2027-11-22"]


def test_a_late_sale_earns_by_the_rules_of_its_tap_and_not_by_those_of_its_arrival(engine):  # J7
    street = Street(engine)
    before = street.seconds()
    street.later(days=2)
    street.registry.add_rule_set(street.programme, RULES._replace(
        rate_points=3, lot_months=1), street.seconds() * 1000)
    street.later(days=1)
    answers = street.answers(street.sale(1000, at=before), street.sale(1000))
    assert [street.read(answer.reply).points for answer in answers] == [12, 36]
    assert street.rows("lots", "earned_on - (SELECT min(earned_on) FROM lots), remaining",
                       "1=1 ORDER BY id") == [(0, 12), (3, 36)]
    assert [json.loads(row[0])["rule"] for row in street.rows(
        "entries", "context", "1=1 ORDER BY id")] == [1, 2]


def test_the_business_day_ends_at_four_and_time_is_never_in_the_future(engine):
    street = Street(engine)
    after_midnight = street.now.replace(hour=19, minute=30)  # 03:30 on the 22nd
    street.now = after_midnight
    street.take(street.sale(at=street.seconds()))
    street.take(street.sale(at=street.seconds() + 86400))
    street.take(street.sale(at=None))
    today = (date(2026, 11, 21) - date(1970, 1, 1)).days
    assert street.rows("entries", "business_date, booked_on") == [(today, today)] * 3
    dated = street.rows("entries", "dated_at, at_claimed", "at_claimed IS NULL")
    assert dated == [(int(after_midnight.timestamp() * 1000), None)]


def test_lots_of_one_day_and_merchant_merge(engine):
    street = Street(engine)
    street.answers(street.sale(), street.sale())
    street.take(street.sale())
    assert street.rows("lots", "issued, remaining") == [(45, 45)]
    street.now += timedelta(days=1)
    street.take(street.sale())
    assert street.rows("lots", "count(*)") == [(2,)]


def test_an_amount_too_small_for_a_point_posts_with_a_receipt(engine):
    street = Street(engine)
    reply = street.take(street.sale(50))
    assert (reply.code, reply.points, reply.balance, reply.receipt) == (0, 0, 0, 1)
    assert street.rows("postings", "count(*)") == [(0,)]


def test_an_entry_keeps_all_that_its_points_came_from(engine):
    street = Street(engine)
    basket = ((3, 900), (5, 350))
    answer = street.take(street.sale(1250, trace=1, basket=basket, clock_age=9, bill=1))
    context = json.loads(street.rows("entries", "context")[0][0])
    dated = context.pop("dated")
    assert len(dated) == 3 and dated[1] <= dated[2]
    assert context == {"rule": 1, "tier": "silver", "rate": [1, 100], "multiplier_bp": 12000,
                       "points": 15, "entry": 2, "clock_age": 9, "bill": 1,
                       "basket": [[3, 900], [5, 350]], "money": [100, 100, 10000, 10000]}
    rate, multiplier_bp = context["rate"], context["multiplier_bp"]
    assert answer.points == 1250 * rate[0] * multiplier_bp // (rate[1] * 10_000)
