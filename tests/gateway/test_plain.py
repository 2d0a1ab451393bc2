"""The short way for plain members ends like the long one, to the last line."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import EXPIRY, Books, Draft, drafted, expire, held_by
from gateway.lots import Lot
from gateway.member import Member
from gateway.money import Purse, Worth
from gateway.validity import HOLD, Span

TODAY = 20_000
BOOKS = Books(901, 801, 700, TODAY, 30, purse=Purse(600, 610, 620, Worth(3, 2)))


def _lot(number: int, figures: tuple[int, ...]) -> Lot:
    merchant, earned_on, expires_on, remaining, held, drawn, expired, paid, replaces = figures
    return Lot(number, 7, merchant, TODAY - earned_on, TODAY + expires_on, 1, abs(number),
               replaces or None, remaining + held + drawn + expired, remaining, held, expired,
               paid)


few = st.sampled_from((0, 0, 1, 5))
figures = st.tuples(st.integers(1, 2), st.integers(0, 2), st.integers(-2, 2),
                    st.integers(0, 10**6), few, few, few, few, few)


@st.composite
def members(draw) -> Member:
    """Somebody who owes nothing, with lots of any state, by the day on which they end; those of
    this batch have negative ids."""
    numbers = draw(st.lists(st.integers(-5, 10**10).filter(bool), unique=True, max_size=6))
    lots = sorted((_lot(number, draw(figures)) for number in numbers),
                  key=lambda lot: (lot.expires_on, lot.id))
    return Member(7, 1, "basic", "active", 0, "A**", 70, sum(lot.remaining for lot in lots),
                  sum(lot.held for lot in lots), 0, 5, bytes(32), bytes(16), tuple(lots),
                  span=draw(st.sampled_from((Span(), Span(TODAY - 2, TODAY), Span(0, TODAY - 1)))))


def told(draft: Draft) -> tuple:
    """All of it, with the names of its columns."""
    return draft, [lot._asdict() for lot in draft.changed], [
        move._asdict() for move in draft.movements]


@given(members(), st.sampled_from(((), ((TODAY - 1, HOLD),))))
def test_what_expires_is_what_a_holding_makes_of_it(member, at_end):
    books = BOOKS._replace(at_end=at_end)
    assert told(expire(member, books)) == told(
        drafted(EXPIRY, member, held_by(member, books), books, ()))
