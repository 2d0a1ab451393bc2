"""The law of the ledger (I3), by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import Books, LedgerError, Posting, accrue, balanced
from gateway.member import Member, consistent

BOOKS = Books(901, 801, 700, 0, 30)
NEW = Member(7, 1, "basic", "active", 0, "A**", 70, 0, 0, 0, 0, bytes(32), bytes(16))

# (merchant, points, earned_on, expires_on)
accruals = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 10**6), st.integers(0, 3),
                              st.integers(10, 13)), max_size=20)


@given(accruals)
def test_every_entry_sums_to_zero_and_balances_equal_the_lots(taps):
    member, posted = NEW, 0
    for merchant, points, earned_on, expires_on in taps:
        draft = accrue(member, BOOKS._replace(issued=900 + merchant), merchant, points, earned_on,
                       expires_on)
        assert balanced(draft.postings)
        assert sum(moved.delta for moved in draft.movements) == points
        assert sum(each.amount for each in draft.postings if each.account_id == 70) == points
        member, posted = draft.member, posted + points
        assert consistent(member) and member.available == posted
    assert member.chain_seq == len(taps)
    keys = [(lot.merchant_id, lot.earned_on, lot.expires_on) for lot in member.lots]
    assert len(keys) == len(set(keys)), "lots of one day, issuer and date merge"
    assert len({lot.id for lot in member.lots}) == len(member.lots)
    assert all(lot.issued == lot.remaining for lot in member.lots)


def test_a_second_sale_of_the_day_joins_the_lot_and_opens_none():
    first = accrue(NEW, BOOKS, 1, 10, 5, 100)
    second = accrue(first.member, BOOKS, 1, 5, 5, 100)
    assert len(first.opened) == 1 and second.opened == ()
    assert second.changed[0].issued == 15
    assert second.movements[0].lot_id == first.opened[0].id


def test_no_points_make_an_entry_without_lines():
    draft = accrue(NEW, BOOKS, 1, 0, 5, 100)
    assert (draft.postings, draft.movements, draft.changed) == ((), (), ())
    assert draft.member.chain_seq == 1


def test_negative_points_are_no_accrual():
    with pytest.raises(LedgerError):
        accrue(NEW, BOOKS, 1, -1, 5, 100)


def test_a_member_whose_lots_do_not_add_up_gets_no_entry():
    with pytest.raises(LedgerError, match="run the audit"):
        accrue(NEW._replace(available=3), BOOKS, 1, 10, 5, 100)


def test_units_are_balanced_one_by_one():
    assert not balanced([Posting(1, 1, 5), Posting(2, 2, -5)])
    assert balanced([Posting(1, 1, 5), Posting(2, 1, -5), Posting(3, 2, 0)])
