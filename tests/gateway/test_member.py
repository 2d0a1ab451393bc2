"""What a member's lots say of a day, and how it goes on from entry to entry."""

from gateway.lots import Lot
from gateway.member import (
    Member,
    balance_on,
    consistent,
    derived,
    expiring_next,
    lapses,
    last_days,
    spendable,
)

NEW = Member(7, 1, "basic", "active", 0, "A**", 70, 0, 0, 0, 0, bytes(32), bytes(16))


def lot(number: int, expires_on: int, remaining: int) -> Lot:
    return Lot(number, 7, 1, 0, expires_on, 1, 1, None, remaining, remaining, 0)


def test_what_expires_next_is_the_sum_of_the_soonest_day_from_today():
    member = NEW._replace(available=16, lots=(lot(1, 9, 1), lot(2, 20, 5), lot(3, 20, 2),
                                              lot(4, 30, 8), lot(5, 15, 0)))
    assert expiring_next(member, today=10) == (7, 20)
    assert expiring_next(member, today=20) == (7, 20)
    assert expiring_next(member, today=31) is None


def test_the_balance_shown_is_what_is_available_less_the_debt():
    assert NEW._replace(available=10, debt=4).balance == 6
    assert derived(NEW) == (7, 0, 0, 0, 0, bytes(32), bytes(16))


def test_what_has_ended_is_no_points_to_spend_even_before_it_expires():
    member = NEW._replace(available=12, debt=1, lots=(lot(1, 9, 4), lot(2, 20, 8), lot(3, 30, 0)))
    assert (spendable(member, 9), spendable(member, 10), spendable(member, 21)) == (12, 8, 0)
    assert (balance_on(member, 10), last_days(member, 10)) == (7, [20])
    assert lapses(member, 10) and not lapses(member, 9)


def test_balances_must_be_those_of_the_lots():
    member = NEW._replace(available=4, lots=(lot(1, 9, 4),))
    assert consistent(member) and not consistent(member._replace(available=5))
    assert not consistent(member._replace(held=1)) and not consistent(NEW._replace(debt=-1))


def test_an_entry_counts_on_in_the_chain_and_gets_its_link_later():
    after = NEW.after(5, 1, 2, (lot(1, 9, 5),), ())
    assert (after.available, after.held, after.debt, after.chain_seq) == (5, 1, 2, 1)
    assert (after.chain_link, after.chain_head) == (NEW.chain_link, NEW.chain_head)
    linked = after.linked(b"l" * 32, b"h" * 16)
    assert (linked.chain_link, linked.chain_head) == (b"l" * 32, b"h" * 16)
    assert linked[:11] == after[:11] and linked[13:] == after[13:]
