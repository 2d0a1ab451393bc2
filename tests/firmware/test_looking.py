"""What flows are told of the outbox. Runs on both interpreters."""

from firmware.errors import FirmwareError
from firmware.looking import look
from firmware.outbox import Outbox, format_outbox
from protocol import codes
from protocol.fields import SALE, VOID
from tests.firmware.portable import RamFlash, raises
from tests.firmware.replies import sale_frame, void_frame


class Shelf:
    """Stands in for the App."""

    def __init__(self):
        flash = RamFlash()
        format_outbox(flash, 7)
        self.outbox = Outbox(flash)
        self.outbox.mount()

    def add(self, frame, *settled):
        trace = self.outbox.next_trace
        self.outbox.append(trace, frame)
        if settled:
            self.outbox.settle(7, trace, *settled)


def older(shelf):
    told, found = [], look(shelf, "older", None)
    while found:
        if found[1]:
            told.append(found[1])
        found = look(shelf, "older", found[0])
    return told


def test_a_tap_is_told_with_what_became_of_it():
    shelf = Shelf()
    shelf.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    shelf.add(sale_frame(7, 2, 800), codes.HELD)
    shelf.add(sale_frame(7, 3, 500), codes.CARD_LOST)
    shelf.add(void_frame(7, 4, (7, 1)))
    assert older(shelf) == [
        (VOID, 7, 4, 0, "", "waiting", None, None, None, (7, 1)),
        (SALE, 7, 3, 500, "..7892", "refused", codes.CARD_LOST, None, None, None),
        (SALE, 7, 2, 800, "..7892", "held", codes.HELD, None, None, None),
        (SALE, 7, 1, 1250, "..7892", "posted", 0, 12, 1000, None)]
    newest = look(shelf, "older", None)[0]
    before = look(shelf, "older", newest)[0]
    assert look(shelf, "newer", before)[1][2] == 4
    assert look(shelf, "newer", newest) is None


def test_a_void_by_receipt_is_told_with_the_money_of_its_answer():
    shelf = Shelf()
    shelf.add(void_frame(7, 1, 900), 0, -12, 1001, 1250)
    shelf.add(void_frame(7, 2, 901), 0)
    shelf.add(void_frame(7, 3, 902))
    shelf.add(sale_frame(7, 4, 800), 0, 8, 1002)
    shelf.add(void_frame(7, 5, (7, 4)), 0, -8, 1003, 800)
    assert [tap[3] for tap in older(shelf)] == [0, 800, 0, 0, 1250]


def test_what_stands_under_another_name_is_passed_over():
    shelf = Shelf()
    shelf.add(sale_frame(7, 1, 200))
    shelf.outbox.new_journal(9)
    shelf.outbox.append(1, sale_frame(9, 1, 200), origin=(7, 1))
    assert [each[1:3] for each in older(shelf)] == [(9, 1)]


def test_unsent_taps_come_oldest_first():
    shelf = Shelf()
    shelf.add(sale_frame(7, 1, 100))
    shelf.add(sale_frame(7, 2, 200), 0)
    shelf.add(sale_frame(7, 3, 300))
    first = look(shelf, "unsent", None)
    second = look(shelf, "unsent", first[1:3])
    assert (first[2], second[2]) == (1, 3) and second[5] == "waiting"
    assert look(shelf, "unsent", second[1:3]) is None


def test_refusals_come_newest_first_also_where_the_frame_is_gone():
    shelf = Shelf()
    shelf.add(sale_frame(7, 1, 100), codes.CARD_LOST)
    assert look(shelf, "refused", None)[1][:7] == (
        SALE, 7, 1, 100, "..7892", "refused", codes.CARD_LOST)
    shelf.outbox.frame = lambda *key: {}[key]
    place, tap = look(shelf, "refused", None)
    assert tap[:4] == (0, 7, 1, 0) and tap[6] == codes.CARD_LOST
    assert look(shelf, "refused", place) is None


def test_what_head_office_names_is_told_where_it_is_another_thing_here():
    shelf = Shelf()
    shelf.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    shelf.add(sale_frame(7, 2, 800), codes.CARD_LOST)
    shelf.add(sale_frame(7, 3, 800), codes.TOO_OLD, 8, 9)
    for row in ((1, 0, 12), (2, codes.CARD_LOST, 0), (3, 0, 8), (4, 90, 0)):
        assert look(shelf, "row", (7, row)) is None, row
    assert look(shelf, "row", (7, (1, 90, 0))) == (1, 90, 0, 0, 12)
    assert look(shelf, "row", (7, (1, 0, 11))) == (1, 0, 11, 0, 12)
    assert look(shelf, "row", (7, (2, 0, 8))) == (2, 0, 8, codes.CARD_LOST, 0)
    assert look(shelf, "row", (7, (4, 0, 8))) == (4, 0, 8, None, None)


def test_an_unknown_question_is_an_error():
    raises(FirmwareError, look, Shelf(), "tomorrow", None)
