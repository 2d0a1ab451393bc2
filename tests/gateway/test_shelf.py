"""Single steps on a member's lots: what they tell, and what they leave behind."""

from gateway.lots import Draw, Lot, Move
from gateway.shelf import Shelf

TODAY = 200
ENDED = Lot(1, 1, 7, 100, 130, 1, 1, None, 10, 0, 0)
LIVING = Lot(2, 1, 7, 190, 230, 1, 2, None, 10, 6, 1)
DRAWS = (Draw(5, 1, 10), Draw(5, 2, 3), Draw(6, 2, 1, held=True), Draw(6, 0, 4))


def shelf() -> Shelf:
    return Shelf((ENDED, LIVING), DRAWS, TODAY)


def test_what_lies_where():
    on = shelf()
    assert (on.available, on.held, on.debt, on.of(5)) == (6, 1, 4, 13)


def test_a_line_for_each_lot_and_taker_tells_what_all_steps_came_to():
    on = shelf()
    on._move(2, -3)
    on._draw(5, 2, 3)
    on._draw(5, 2, -1)
    on._move(2, 1)
    assert on.moved == (Move(2, -2), Move(2, 0, drawn_delta=2, taker=5))
    assert on.lots[2].drawn == LIVING.drawn + 2


def test_steps_that_undo_each_other_tell_nothing():
    on = shelf()
    on._move(2, -3)
    on._move(2, 3)
    assert on.moved == () and on.ended().lots == {1: ENDED, 2: LIVING}


def test_a_lot_that_was_opened_and_emptied_never_was():
    on = shelf()
    lot = on._open(1, (7, TODAY, 230, 1))
    on._move(lot.id, 5)
    on._move(lot.id, -5)
    assert on.ended().opened == () and lot.id not in on.ended().lots


def test_a_lot_that_stood_in_for_another_is_remembered_though_it_is_empty():
    on = shelf()
    on._return(1, 5)
    stand_in = on.ended().opened[0]
    assert on.lots[stand_in].expires_on == TODAY + 30 and on.available == 11
    on._shrink(stand_in, 5)
    assert on.ended().opened == (stand_in,) and on.available == 6
