"""The entries that HQ's commands make: what moves, who bears it, in points and in money."""

import pytest

from gateway.adjustments import borne, extend, give, take
from gateway.ledger import (
    MONEY,
    POINTS,
    REVERSAL,
    Books,
    Change,
    Draft,
    LedgerError,
    accrue,
    balanced,
    restate,
)
from gateway.lots import LotsError
from gateway.money import Money, Purse, Worth
from tests.gateway.test_ledger import NEW

TODAY = 100
MEMBER, BORNE, EXPIRED, DUE, POOL, HQ = 70, 801, 700, 810, 720, 721
BOOKS = Books(BORNE, BORNE, EXPIRED, TODAY, 30, purse=Purse(DUE, POOL, HQ, Worth(100, 50)))


def lines(draft: Draft, unit: int = POINTS) -> dict[int, int]:
    assert balanced(draft.postings)
    return {each.account_id: each.amount for each in draft.postings if each.unit == unit}


def test_points_given_are_a_lot_of_their_own_kind_and_their_worth_goes_to_the_pool():
    bought = accrue(NEW, BOOKS, 5, 10, TODAY, 300).member
    draft = give(bought, BOOKS, 5, 40, 300)
    assert lines(draft) == {MEMBER: 40, BORNE: -40}
    assert lines(draft, MONEY) == {POOL: 20, DUE: -20}
    assert [(lot.merchant_id, lot.origin, lot.remaining) for lot in draft.opened] == [(5, 2, 40)]


def test_what_hq_bears_costs_no_merchant():
    assert borne(Worth(100, 50), 0, 40) == Money(20, 0)
    assert borne(Worth(100, 50), 5, -40) == Money(-20, 20)
    assert borne(None, 5, 40) == Money(0, 0)
    assert lines(give(NEW, BOOKS, 0, 40, 300), MONEY) == {POOL: 20, HQ: -20}


def test_a_penalty_takes_what_ends_first_and_the_rest_is_debt():  # Q42
    held = give(give(NEW, BOOKS, 0, 30, 300).member, BOOKS, 0, 20, 200).member
    part = take(held, BOOKS, 0, 25)
    assert lines(part) == {MEMBER: -25, BORNE: 25}
    assert {lot.expires_on: lot.remaining for lot in part.member.lots} == {200: 0, 300: 25}
    more = take(held, BOOKS, 0, 65)
    assert (more.member.available, more.member.debt) == (0, 15)
    assert give(more.member, BOOKS, 0, 20, 300).member.balance == 5


@pytest.mark.parametrize("points", [0, -1])
def test_nothing_and_less_are_no_adjustment(points):
    for entry in (lambda: give(NEW, BOOKS, 0, points, 300), lambda: take(NEW, BOOKS, 0, points)):
        with pytest.raises(LedgerError, match="Nothing was posted"):
            entry()


def test_a_lot_that_lives_is_only_moved_to_its_new_day():
    member = give(NEW, BOOKS, 0, 30, 300).member._replace(chain_seq=1)
    lot, = member.lots
    draft = extend(member, BOOKS, lot.id, 400)
    assert draft.postings == () and draft.points == 0
    assert [(each.expires_on, each.replaces, each.remaining) for each in draft.opened] == [
        (400, lot.id, 30)]
    assert (draft.member.available, draft.changed[0].issued) == (30, 0)


@pytest.mark.parametrize("written_down", [True, False])
def test_what_had_expired_is_the_members_again_and_its_worth_the_pools(written_down):
    member = give(NEW, BOOKS, 0, 30, 110).member
    later = BOOKS._replace(today=120)
    if written_down:
        member = take(member, later, 0, 5).member  # finds the lot ended
        assert (member.available, member.debt) == (0, 5)
    lot = next(lot for lot in member.lots)
    draft = extend(member, later, lot.id, 120)
    assert draft.member.balance == (25 if written_down else 30)
    assert lines(draft) == ({MEMBER: 30, EXPIRED: -30} if written_down else {})
    assert lines(draft, MONEY) == ({POOL: 15, HQ: -15} if written_down else {})


@pytest.mark.parametrize("ends_on", [110, 119])
def test_a_lot_is_never_made_shorter_or_left_ended(ends_on):
    member = give(NEW, BOOKS, 0, 30, 110).member
    with pytest.raises(LotsError, match="Nothing was changed"):
        extend(member, BOOKS._replace(today=120), member.lots[0].id, ends_on)


def test_an_extended_lot_is_extended_once_more():
    member = give(NEW, BOOKS, 0, 30, 110).member
    once = extend(member, BOOKS, member.lots[0].id, 130).member
    draft = extend(once, BOOKS._replace(today=140), once.lots[1].id, 150)
    assert [(each.expires_on, each.replaces) for each in draft.opened] == [
        (150, member.lots[0].id)]
    assert draft.member.available == 30


def test_points_that_come_back_to_an_extended_lot_live_as_long_as_the_rest():
    member = give(NEW, BOOKS, 0, 30, 110).member
    spent = take(member, BOOKS, 0, 10)
    taker = -spent.member.chain_seq
    longer = extend(spent.member, BOOKS, member.lots[0].id, 130).member
    back = restate(REVERSAL, longer, BOOKS._replace(today=120), taker, spent.movements,
                   Change(0, 0, 10, 0))
    assert {lot.expires_on: lot.remaining for lot in back.member.lots} == {110: 0, 130: 30}
