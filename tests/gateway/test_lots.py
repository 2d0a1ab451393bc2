"""The values of lots.py: what a lot says of itself, and what a move tells."""

import pytest

from gateway.lots import Lot, Move, age
from gateway.validity import NO_SPAN, Span

LOT = Lot(1, 1, 7, 100, 130, 1, 1, None, 10, 4, 1, expired=2)


def test_what_of_a_lot_is_nowhere_else_is_drawn():
    assert LOT.drawn == 3


@pytest.mark.parametrize(("today", "span", "lives"), [
    (130, NO_SPAN, True), (131, NO_SPAN, False), (131, Span(100, 140), True),
    (141, Span(100, 140), False), (131, Span(131, 140), False)])
def test_a_lot_lives_through_its_last_day_and_as_long_as_it_is_carried_on(
        today: int, span: Span, lives: bool):
    assert LOT.lives(today, span) is lives


@pytest.mark.parametrize("field", [name for name in Move._fields if name.endswith("delta")])
def test_a_move_says_whatever_changed(field: str):
    assert not Move(1, 0, taker=5).says
    assert Move(1, 0, taker=5)._replace(**{field: -1}).says


def test_what_has_no_number_yet_is_younger_than_all_that_have():
    assert sorted([-1, 9, -2, 3], key=age) == [3, 9, -1, -2]
