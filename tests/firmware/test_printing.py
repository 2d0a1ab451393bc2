"""Slips out of the outbox. Runs on both interpreters."""

from firmware.printing import put
from firmware.slip import layout
from protocol import codes
from tests.firmware.replies import reply, sale_frame, void_frame
from tests.firmware.test_looking import Shelf


class Paper:
    """Stands in for a printer."""

    def __init__(self):
        self.state = "idle"
        self.slips = []

    def print_slip(self, slip, copy):
        self.slips.append((slip, copy))


class Desk(Shelf):
    """Stands in for the App, and is its own board and settings."""

    language = "en"
    terminal_id = 10000042

    def __init__(self, printer):
        super().__init__()
        self.printer = printer
        self.board = self.settings = self


def text(slip, copy=False):
    return "\n".join([line for _, line in layout(slip, 2, copy)])


def test_a_posted_sale_is_printed_as_it_was_answered():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    answer = reply(sale_frame(7, 1, 1250), points=12, balance=1012, receipt=1000, member="Wang *")
    assert put(desk, (7, 1), answer, False) == "idle"
    (slip, copy), = desk.printer.slips
    said = text(slip)
    for part in ("SALE", "12.50", "+12", "1012", "1000", "..7892", "Wang *", "Posted",
                 "2025-11-30 10:53 UTC"):
        assert part in said, part
    assert not copy and "6200001234567892" not in said


def test_a_slip_that_is_asked_for_again_is_marked_and_says_what_became_of_the_tap():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250))
    desk.add(sale_frame(7, 2, 800), codes.CARD_LOST)
    for trace, part in ((1, "Saved, will post"), (2, "Card lost")):
        assert put(desk, (7, trace), None, True) == "idle"
        slip, copy = desk.printer.slips[-1]
        said = text(slip, copy)
        assert copy and part in said and "REPRINT" in said and "clock not set" in said


def test_a_void_names_the_tap_and_the_money_that_it_takes_back():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    desk.add(void_frame(7, 2, (7, 1)), 0, -12, 1001)
    put(desk, (7, 2), None, False)
    said = text(desk.printer.slips[0][0])
    for part in ("CANCELLED SALE", "Tap 1", "12.50", "-12", "1001"):
        assert part in said, part


def test_no_printer_and_a_tap_that_is_gone_print_nothing():
    assert put(Desk(None), (7, 1), None, True) == "absent"
    desk = Desk(Paper())
    desk.printer.state = "paper_out"
    assert put(desk, (7, 99), None, True) == "paper_out" and not desk.printer.slips
