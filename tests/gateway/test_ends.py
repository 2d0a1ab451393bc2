"""What becomes of points at the end of their lot: frozen, or carried on (K1, K2)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit import run_audit
from gateway.clock import to_day, to_ms
from gateway.commands import CommandError
from gateway.database import counting_statements, writing
from gateway.expiry import expire_lots
from gateway.holding import Holding
from gateway.lapsing import Lapsing
from gateway.lots import Lot, LotsError
from gateway.rules import RulesError, check
from gateway.validity import CONVERT, EXPIRE, HOLD, Rolling, policy_on
from tests.gateway.test_proposals import done, sound
from tests.support.street import RULES, Street

FROZEN = RULES._replace(at_end=HOLD)
TODAY = 20_000


def freezing(street: Street, effective_at: int = 1) -> Street:
    street.registry.add_rule_set(street.programme, FROZEN, effective_at)
    return street


def jobs(street: Street) -> None:
    while expire_lots(street.engine, street.keyring, to_ms(street.now), 100):
        pass


def balances(street: Street) -> tuple:
    return street.rows("members", "available, held, debt", "id = 1")[0]


def expired(street: Street) -> int:
    return street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                       "coalesce(sum(p.amount), 0)", "a.kind = 'programme_expired'")[0][0]


# ---- the policy (L9) --------------------------------------------------------------------------

@pytest.mark.parametrize("by_job", [True, False])
def test_what_ends_is_frozen_and_not_lost(engine, by_job):  # L9
    street = freezing(Street(engine))
    street.answers(street.sale(10_000))
    street.later(days=300)
    if by_job:
        jobs(street)
        jobs(street)
        assert street.rows("entries", "count(*)") == [(2,)]
    else:
        assert street.take(street.sale(100)).balance == 1
    assert balances(street) == (0 if by_job else 1, 120, 0) and expired(street) == 0
    assert street.rows("lots", "remaining, held, expired", "id = 1") == [(0, 120, 0)]
    assert street.take(street.inquiry()).balance == (0 if by_job else 1)
    assert street.take(street.redemption(100, 200)).code == 30
    sound(street)


def test_the_policy_is_that_of_the_lot_s_last_day_whenever_it_is_found_out(engine):
    street = Street(engine, members=2)
    street.answers(street.sale(10_000), street.sale(10_000, card=1))
    street.later(days=280)  # the lots ended days ago
    freezing(street, to_ms(street.now))
    street.take(street.sale(100))
    jobs(street)
    assert street.rows("members", "held", "1=1 ORDER BY id") == [(0,), (0,)]
    assert expired(street) == 240
    street.later(days=300)
    street.registry.add_rule_set(street.programme, RULES, to_ms(street.now))
    jobs(street)
    assert balances(street) == (0, 1, 0)
    sound(street)


def test_a_refund_of_a_frozen_sale_takes_what_is_frozen_and_a_void_puts_it_back_there(engine):
    street = Street(engine)
    street.registry.add_rule_set(street.programme, FROZEN._replace(return_days=400), 1)
    street.take(street.sale(10_000))
    street.later(days=80)
    street.take(street.redemption(100, 200))
    street.later(days=200)
    jobs(street)
    assert balances(street) == (1, 20, 0)
    reply = street.take(street.refund(1, amount_minor=1500))
    assert (reply.code, reply.points, reply.balance) == (0, -18, 1)
    assert balances(street) == (1, 2, 0)
    assert street.take(street.void(3)).points == 18 and balances(street) == (1, 20, 0)
    assert street.take(street.void(1)).points == -120 and balances(street) == (0, 0, 99)
    sound(street)


# ---- HQ's word on what is frozen ---------------------------------------------------------------

def frozen_street(engine) -> Street:
    """120 points frozen in lot 1, and 24 that can be used in lot 2."""
    street = freezing(Street(engine))
    street.take(street.sale(10_000))
    street.later(days=300)
    street.take(street.sale(2000))
    assert balances(street) == (24, 120, 0)
    return street


def test_hq_releases_what_is_frozen_with_grace_once(engine):  # L9, J2
    street = frozen_street(engine)
    ended = done(street, "release", 0, lot_id=1)
    assert (ended.points, ended.balance) == (0, 144) and balances(street) == (144, 0, 0)
    today = to_day(street.now.date())
    assert street.rows("lots", "remaining, expires_on", "replaces = 1") == [(120, today + 30)]
    with pytest.raises(CommandError, match="Nothing of lot 1 is frozen"):
        done(street, "release", 0, lot_id=1)
    street.later(days=31)
    jobs(street)
    assert balances(street) == (24, 120, 0)  # frozen again, and now only to be taken
    again, = street.rows("lots", "id", "replaces = 1")[0]
    with pytest.raises(CommandError, match="came back once"):
        done(street, "release", 0, lot_id=again)
    assert done(street, "forfeit", 0, lot_id=again).points == -120
    assert expired(street) == 120 and balances(street) == (24, 0, 0)
    sound(street)


def test_hq_takes_what_is_frozen_and_a_refund_of_it_then_costs_the_member_nothing(engine):
    street = frozen_street(engine)
    street.registry.add_rule_set(street.programme, FROZEN._replace(return_days=400), 2)
    assert done(street, "forfeit", 0, lot_id=1).points == -120
    assert street.take(street.refund(1, amount_minor=10_000)).points == 0
    assert balances(street) == (24, 0, 0) and expired(street) == 0
    sound(street)


def test_what_hq_releases_pays_debt_first(engine):  # J11
    street = frozen_street(engine)
    street.take(street.redemption(100, 200))  # refused: 24 can be used
    done(street, "penalty", 50)
    assert balances(street) == (0, 120, 26)
    assert done(street, "release", 0, lot_id=1).balance == 94
    assert balances(street) == (94, 0, 0)
    sound(street)


@pytest.mark.parametrize("lot_id", [1, 2, 77])
def test_a_lot_without_frozen_points_is_refused_and_changes_nothing(engine, lot_id):
    street = Street(engine)
    street.take(street.sale(10_000))
    with pytest.raises(CommandError, match="Nothing was changed"):
        done(street, "forfeit", 0, lot_id=lot_id)
    assert street.rows("proposals", "count(*)") == [(0,)] and balances(street) == (120, 0, 0)


# ---- as the lots do it -------------------------------------------

def frozen_lot(points: int = 50, replaces: int | None = None) -> Lot:
    return Lot(1, 7, 3, TODAY - 400, TODAY - 10, 1, 90, replaces, points, 0, points)


def test_frozen_points_come_back_with_grace_once_or_expire():  # J2
    holding = Holding([frozen_lot()], (), TODAY, grace_days=30)
    assert (holding.available, holding.frozen(1)) == (0, 50)
    assert holding.thaw(1, take=False) == 50
    assert (holding.available, holding.held) == (50, 0)
    assert [lot.expires_on for lot in holding.lots.values() if lot.replaces] == [TODAY + 30]
    taken = Holding([frozen_lot()], (), TODAY)
    assert taken.thaw(1, take=True) == 50
    assert (taken.available, taken.held, taken.lots[1].expired) == (0, 0, 50)


def test_what_is_not_frozen_cannot_be_thawed_nor_what_came_back_before():
    with pytest.raises(LotsError, match="Nothing of lot 1 is frozen"):
        Holding([frozen_lot(0)], (), TODAY).thaw(1, take=True)
    with pytest.raises(LotsError, match="came back once"):
        Holding([frozen_lot(replaces=9)], (), TODAY).thaw(1, take=False)
    assert Holding([frozen_lot(replaces=9)], (), TODAY).thaw(1, take=True) == 50


# ---- carried on by activity (L6, L7, K2) ------------------------------------------------------

def rolling(engine, shape: Rolling, **fields) -> Street:
    """Lots of nine months that activity carries on; the first sale is today's."""
    street = Street(engine, members=2)
    street.registry.add_rule_set(street.programme, RULES._replace(rolling=shape, **fields), 1)
    street.take(street.sale(10_000))
    return street


def test_points_live_one_year_after_the_last_activity(engine):  # L7
    street = rolling(engine, Rolling(12))
    street.later(days=200)
    assert street.take(street.redemption(100, 200)).code == 0  # using points is activity
    street.later(days=360)
    jobs(street)
    assert balances(street) == (21, 0, 0) and expired(street) == 0
    inquired = street.take(street.inquiry())
    assert (inquired.balance, inquired.expiring[0]) == (21, 21)
    assert inquired.expiring[1] == street.rows("member_spans", "ends_on")[0][0]
    street.later(days=10)
    assert street.take(street.inquiry()).balance == 0
    jobs(street)
    assert balances(street) == (0, 0, 0) and expired(street) == 21
    sound(street)


def test_activity_near_the_end_carries_on_by_six_months_and_earlier_activity_does_not(engine):
    """L6: the first sale's points would end on 2027-08-21."""
    street = rolling(engine, Rolling(6, within_months=3))
    street.later(days=150)  # April
    street.take(street.sale(100))
    assert street.rows("member_spans", "count(*)") == [(0,)]
    street.later(days=50)   # June
    reply = street.take(street.sale(100))
    assert street.rows("member_spans", "member_id") == [(1,)]
    until = to_day(date(2028, 2, 21))
    assert tuple(reply.expiring) == (121, until)  # with the points that would end in January
    street.later(days=200)
    assert street.take(street.redemption(100, 200)).code == 0
    sound(street)


def test_what_has_lapsed_is_never_revived(engine):  # K2
    street = rolling(engine, Rolling(12))
    spent = street.redemption(100, 200)
    street.take(spent)
    street.later(days=400)
    street.take(street.sale(1000))  # finds 21 points lapsed and carries on from today
    assert balances(street) == (12, 0, 0) and expired(street) == 21
    street.take(street.void(street.message(spent).request.trace))
    lots = street.rows("lots", "issued, expires_on, replaces", "replaces IS NOT NULL")
    assert [(lot[0], lot[2]) for lot in lots] == [(100, 1)]  # not into the lot that has ended
    sound(street)


@pytest.mark.parametrize("together", [True, False])
def test_a_void_of_the_activity_does_not_take_its_date_back(engine, together):
    street = rolling(engine, Rolling(12))
    street.later(days=30)
    tap = street.sale(500)
    void = street.void(street.message(tap).request.trace)
    if together:
        assert [answer.code for answer in street.answers(tap, void)] == [0, 0]
    else:
        assert (street.take(tap).code, street.take(void).code) == (0, 0)
    assert street.rows("member_spans", "begins_on, ends_on") == [
        (to_day(date(2026, 11, 21)), to_day(date(2027, 12, 21)))]
    sound(street)


def test_a_refund_takes_what_was_carried_on_as_what_remains(engine):
    street = rolling(engine, Rolling(12), return_days=1000)
    street.later(days=300)
    street.take(street.sale(100))
    jobs(street)
    street.later(days=300)
    assert street.take(street.refund(1, amount_minor=5000)).points == -60
    assert balances(street) == (61, 0, 0)
    sound(street)


def test_who_is_carried_on_is_not_listed_by_the_job(engine, monkeypatch):
    street = rolling(engine, Rolling(24))
    street.answers(street.sale(10_000, card=1))
    street.later(days=300)
    worked: list[list[int]] = []
    known = Lapsing.__call__

    def seen(self, ids):
        worked.append(list(ids))
        return known(self, ids)

    monkeypatch.setattr(Lapsing, "__call__", seen)
    jobs(street)
    assert worked == []
    street.later(days=500)
    jobs(street)
    assert worked == [street.members] and balances(street) == (0, 0, 0)
    sound(street)


def test_a_sale_takes_fifteen_statements_also_where_it_carries_nothing_further(engine):
    street = rolling(engine, Rolling(12))
    street.take(street.sale(100))
    counts = []
    for days in (0, 1):  # the first activity of a day writes the span
        street.later(days=days)
        frame = street.sale(100)
        with counting_statements(engine) as statements:
            street.answers(frame)
        counts.append(len(statements))
    assert counts == [15, 16]


def test_a_forged_span_carries_nothing_and_is_named(engine):
    street = rolling(engine, Rolling(12))
    with writing(street.engine) as connection:
        connection.exec_driver_sql("UPDATE member_spans SET ends_on = ends_on + 1000")
    assert street.take(street.sale(100)).code == 90
    street.later(days=400)
    jobs(street)
    assert balances(street) == (120, 0, 0)
    found = run_audit(street.engine, street.keyring, clock=lambda: street.now).findings
    assert {(each.table, each.row) for each in found} == {("member_spans", "1")}
    with writing(street.engine) as connection:
        connection.exec_driver_sql("DELETE FROM member_spans")
    found = run_audit(street.engine, street.keyring, clock=lambda: street.now).findings
    assert [each.wrong for each in found if each.table == "member_spans"] == [
        "missing, an entry tells of it."]


def test_a_span_that_was_away_while_its_member_tapped_is_named(engine):
    street = rolling(engine, Rolling(12))
    street.later(days=300)
    with writing(street.engine) as connection:
        connection.exec_driver_sql("DELETE FROM member_spans")
    street.take(street.sale(1000))  # finds no span and lets lots lapse by their own dates
    report = run_audit(street.engine, street.keyring, clock=lambda: street.now)
    assert [(found.table, found.row) for found in report.findings] == [
        ("member_spans", str(street.members[0]))]


# ---- the rule set -----------------------------------------------------------------------------

def test_converting_is_refused_until_there_is_stored_value():
    with pytest.raises(RulesError, match="no stored value in this version. Nothing was stored"):
        check(RULES._replace(at_end=CONVERT))
    with pytest.raises(RulesError, match="say one of expire, hold, convert"):
        check(RULES._replace(at_end="burn"))
    assert check(FROZEN) == FROZEN


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([EXPIRE, HOLD])), max_size=5),
       st.integers(0, 20))
def test_the_newest_rule_set_that_began_by_the_last_day_says_the_policy(policies, day):
    policies = tuple(sorted(policies, key=lambda each: each[0]))
    begun = [policy for first, policy in policies if first <= day]
    assert policy_on(policies, day) == (begun[-1] if begun else EXPIRE)
