"""A statement with returns that hold points, worked out again: from frames, and from the notes of
verdicts; whatever was altered of a verdict is named."""

from random import Random

import pytest
from sqlalchemy import Engine

from gateway import held
from gateway.clock import to_ms
from gateway.database import writing
from gateway.held import HeldKey
from gateway.rules import HOLD_FOR_HQ
from tests.gateway.test_decisions_hold import HOLDING, holding, jobs, release, states, take
from tests.gateway.test_proposals import done
from tests.gateway.test_year import Shop
from tests.support.street import JOURNAL, Street
from tests.tools.test_recount import LONG_AGO, RICHER, by_receipt, compared, stated, told

RICHLY = RICHER._replace(on_return=HOLD_FOR_HQ, hold_days=3)
TAKEN, RELEASED, LAPSED, VOIDED = 1, 2, 3, 4


def story(engine: Engine) -> Street:
    """Holds of every end, over days in which rates and rules change; receipts stand beside."""
    street = holding(engine, terminals=2, opening=LONG_AGO)
    street.registry.add_rule_set(street.programme, HOLDING._replace(hold_days=3), 2)
    sold = told(street, street.sale(50_000))                                  # 1
    bill = told(street, street.redemption(200, 10_000))                       # 2
    told(street, street.refund(sold, amount_minor=3_333))                     # 3, taken by 8
    told(street, street.refund(sold, amount_minor=1_111))                     # 4, released by 9
    told(street, street.refund(bill, amount_minor=999))                       # 5, lapses by 18
    last = told(street, street.refund(bill, amount_minor=1))                  # 6, gave nothing
    told(street, street.void(street.terminals[0], JOURNAL, last, terminal=1))  # 7
    street.later(days=1)
    street.registry.set_rates(street.merchant, 8_000, 7_000)
    take(street, 3)
    release(street, 4)
    undone = told(street, street.refund(bill, amount_minor=2_500))            # 10, voided by 11
    told(street, street.void(undone))
    street.later(days=1)
    street.registry.add_rule_set(street.programme, RICHLY, to_ms(street.now))
    street.later(minutes=1)
    undone = told(street, street.refund(sold, amount_minor=7_000))            # 12, is taken
    take(street, 12)                                                          # 13
    told(street, street.void(undone))                                         # 14
    undone = told(street, street.refund(sold, amount_minor=7_001))            # 15, is released
    release(street, 15)                                                       # 16
    told(street, street.void(undone, operator=9, terminal=0))                 # 17
    street.later(days=3)
    assert jobs(street) == 1                                                  # 18
    told(street, street.void(bill, operator=9))                               # 19, is held
    own = told(street, street.sale(2_000))                                    # 20
    told(street, street.void(own))                                            # 21, is not
    done(street, "refund", 0, receipt=1, amount_minor=5_000, bearer_id=street.merchant)  # 22
    told(street, street.refund(sold, amount_minor=100))                       # 23, taken by 24
    take(street, 23)                                                          # 24
    street.registry.set_terminal_state(street.terminals[1], "lost")
    waiting = told(street, street.refund(
        street.terminals[0], JOURNAL, sold, amount_minor=50, terminal=1), 41)
    held.post(street.intake, HeldKey(street.terminals[1], JOURNAL, waiting), "Lin")  # 25, is not
    told(street, street.batch_close(1, 3))  # makes no entry
    assert [(hold, state) for hold, state, _ in states(street)] == [
        (3, TAKEN), (4, RELEASED), (5, LAPSED), (10, VOIDED), (12, TAKEN), (15, RELEASED),
        (19, 0), (23, TAKEN)]
    return street


def test_holds_and_every_end_come_out_the_same_from_frames_and_notes(engine):
    street = story(engine)
    found = compared(street)
    assert (found.differences, found.unverifiable) == ([], [])
    assert [each.receipt for each in found.not_from_frames] == [22]
    assert found.worked_out == 24
    for first, last in ((-6, -6), (-5, -4), (-4, -1), (0, 0)):
        assert compared(street, stated(street, first, last)).differences == []


@pytest.mark.parametrize("seed", range(2))
def test_whatever_customers_clerks_and_time_do_comes_out_the_same(engine, seed):
    street = holding(engine, members=4, opening=LONG_AGO)
    random, ends = Random(seed), set()
    shop = Shop(street, random)
    shop.bills += [(told(street, street.sale(30_000, card=card)), 30_000) for card in range(4)]
    for number in range(14):
        if number % 5 == 4:
            rates = random.randrange(5_000, 12_000), random.randrange(5_000, 12_000)
            street.registry.set_rates(street.merchant, *rates)
            rules = RICHLY if number == 4 else RICHER  # which takes at once
            street.registry.add_rule_set(street.programme, rules._replace(
                rate_points=random.randrange(1, 9)), to_ms(street.now))
            street.later(minutes=1)
        shop.day(number)
        trace, bill = random.choice(shop.bills)
        street.answers(street.refund(trace, amount_minor=random.randrange(1, bill + 1)),
                       street.void(random.choice(shop.bills)[0], operator=9))
        for hold, state, _ in states(street):
            ends.add(state)
            if not state and not random.randrange(4):
                random.choice([take, release])(street, hold)
        street.later(days=1)
        jobs(street)
    for days in ((-30, 0), (-9, -5)):
        found = compared(street, stated(street, *days))
        assert (found.differences, found.unverifiable) == ([], [])
    assert ends >= {0, TAKEN, RELEASED}


LINE = "SELECT id FROM accounts WHERE kind = 'merchant_{}'"
ALTERED = {
    "what a taken hold takes back": ({8: {"points_taken_back"}}, (
        f"UPDATE postings SET amount = amount - 1 WHERE entry_id = 8 AND account_id ="
        f" ({LINE.format('issued')})",)),
    "what a taken hold costs": ({8: {"cost_minor"}}, (
        f"UPDATE postings SET amount = amount + 7 WHERE entry_id = 8 AND account_id ="
        f" ({LINE.format('due')})",)),
    "a release that takes": ({9: {"points_taken_back"}}, (
        f"INSERT INTO postings SELECT 9, 1, id, 1, 13 FROM ({LINE.format('issued')}) a",)),
    "a release made of what was taken": (
        {3: {"hold"}, 8: {"entry", "points_taken_back", "other_minor"}}, (
            "UPDATE entries SET kind = 24 WHERE id = 8",
            "UPDATE holds SET state = 2 WHERE entry_id = 3")),
    "a verdict in its row": ({4: {"hold"}}, ("UPDATE holds SET state = 1 WHERE entry_id = 4",)),
    "a verdict in its context": ({9: {"hold_ended"}}, (
        "UPDATE entries SET context = replace(context, '\"hold_ended\":2', '\"hold_ended\":1')"
        " WHERE id = 9",)),
    "a hold that is gone": ({5: {"hold"}}, ("DELETE FROM holds WHERE entry_id = 5",)),
    "the last day of a hold": ({10: {"hold"}}, (
        "UPDATE holds SET due_on = due_on + 1 WHERE entry_id = 10",)),
    "what a return claims": ({4: {"claim"}}, (
        "UPDATE entries SET context = replace(context, '\"hold\":[', '\"hold\":[1')"
        " WHERE id = 4",)),
    "a context too deep to read": ({4: {"context", "dated_at"}}, (
        "UPDATE entries SET context = '{\"hold\":' || replace(hex(zeroblob(50000)), '0', '[')"
        " WHERE id = 4",)),
    "a return that takes at once": ({4: {"points_taken_back"}}, (
        f"INSERT INTO postings SELECT 4, 1, id, 1, 13 FROM ({LINE.format('issued')}) a",)),
    "the day of a verdict": ({8: {"booked_on"}}, (
        "UPDATE entries SET booked_on = booked_on + 2 WHERE id = 8",)),
    "the instant of a verdict": ({8: {"dated_at"}}, (
        "UPDATE entries SET dated_at = dated_at + 1 WHERE id = 8",)),
    "a verdict that is gone": ({3: {"hold"}, None: {"entry"}}, (
        "DELETE FROM entries WHERE id = 8", "DELETE FROM postings WHERE entry_id = 8")),
    "a verdict that nobody gave": ({3: {"hold"}, 8: {
        "entry", "points_taken_back", "cost_minor"}}, (
            "DELETE FROM outcomes WHERE origin = -3 AND entry_id = 8",)),
    "a verdict of another merchant": ({8: {"booked", "entry", "points_taken_back",
                                           "cost_minor"}}, (
        "UPDATE entries SET merchant_id = 0 WHERE id = 8",)),
    "what a void of a released return puts back": ({17: {"points_issued"}}, (
        f"INSERT INTO postings SELECT 17, 9, id, 1, -70 FROM ({LINE.format('issued')}) a",)),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_of_a_hold_is_named(sqlite_engine, name: str):
    named, statements = ALTERED[name]
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        for each in statements:
            assert connection.exec_driver_sql(each).rowcount
    assert by_receipt(compared(street)) == named


def test_rules_that_say_something_else_of_returns_are_seen_in_each_of_them(sqlite_engine):
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql(
            "UPDATE rule_sets SET body = replace(body, '\"on_return\":\"hold\",', '')")
    found = by_receipt(compared(street))
    assert {"points_taken_back", "claim", "hold"} <= found[3]
    assert {3, 4, 5, 8, 9, 10, 12, 15, 18, 19, 23} <= found.keys()


def test_a_release_by_time_that_came_too_early_is_named(sqlite_engine):
    street = story(sqlite_engine)
    with writing(sqlite_engine) as connection:
        connection.exec_driver_sql(
            "UPDATE rule_sets SET body = replace(body, '\"hold_days\":3', '\"hold_days\":9')")
    assert "released_on" in by_receipt(compared(street))[18]


def test_a_verdict_whose_note_is_gone_counts_as_booked_and_is_told(engine):
    street = story(engine)
    text = stated(street)
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM frames WHERE origin = -3 AND operation_key IN"
                                   " (SELECT operation_key FROM entries WHERE id IN (8, 13))")
    found = compared(street, text)
    # and of the void of what the second one took nobody knows what it had to put back
    assert [each.receipt for each in found.unverifiable] == [8, 13, 14]
    assert "its note is not kept" in found.unverifiable[0].why
    assert found.differences == [] and not found.equal


def test_a_note_says_what_was_decided_and_cannot_be_another_s(engine):
    street = story(engine)
    first, second = sorted(street.rows("frames", "operation_key, box", "origin = -3"))[:2]
    with writing(engine) as connection:
        mark = "%s" if engine.dialect.name == "postgresql" else "?"
        connection.exec_driver_sql(
            f"UPDATE frames SET box = {mark} WHERE origin = -3 AND operation_key = {mark}",
            (second[1], first[0]))
    found = compared(street)
    assert [each.receipt for each in found.unverifiable] == [8]
    assert "does not open" in found.unverifiable[0].why and not found.equal


def test_a_void_by_receipt_of_what_was_returned_before_the_period_counts(engine):
    street = holding(engine, opening=LONG_AGO)
    sold = told(street, street.sale(10_000))
    told(street, street.refund(sold, amount_minor=4_000))
    told(street, street.void(receipt=2))
    street.later(days=1)
    told(street, street.refund(sold, amount_minor=6_001))
    assert compared(street, stated(street, 0, 0)).differences == []
