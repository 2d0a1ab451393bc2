"""Slips out of the outbox. Runs on both interpreters."""

from firmware.clock import Clock
from firmware.printing import carry_out
from firmware.slip import BIG, CENTER, layout
from firmware.states import NOBODY
from protocol import codes, frames, messages
from protocol.fields import REDEMPTION, REFUND
from tests.firmware.replies import CARD, KEY, TERMINAL_ID, reply, sale_frame, void_frame
from tests.firmware.test_looking import Shelf


class Paper:
    """Stands in for a printer."""

    def __init__(self):
        self.state = "idle"
        self.waiting = self.dropped = 0
        self.last = None
        self.slips = []

    def print_slip(self, slip, copy):
        self.last = slip
        self.slips.append((slip, copy))

    def drop(self):
        self.waiting = 0


class Desk(Shelf):
    """Stands in for the App, and is its own board and settings."""

    language = "en"
    terminal_id = 10000042

    slips = 1
    shop = ""
    utc_offset_min = 0
    till = NOBODY
    clock = Clock(1)

    def now(self):
        return 0

    def __init__(self, printer):
        super().__init__()
        self.printer = printer
        self.board = self.settings = self

    def keys_held(self):
        return self


def text(slip, copy=False):
    return "\n".join([line for _, line in layout(slip, 2, copy)])


def test_a_posted_sale_is_printed_as_it_was_answered():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    answer = reply(sale_frame(7, 1, 1250), points=12, balance=1012, receipt=1000, member="Wang *")
    assert carry_out(desk, (7, 1), answer, False) == ("printer", "idle", 0, 0)
    (slip, copy), = desk.printer.slips
    said = text(slip)
    for part in ("SALE", "12.50", "+12", "1012", "1000", "..7892", "Wang *", "Posted",
                 "2025-11-30 10:53 UTC"):
        assert part in said, part
    assert not copy and "6200001234567892" not in said


def test_a_slip_begins_with_the_shop_and_has_its_time():
    desk = Desk(Paper())
    desk.shop = "豆叶咖啡 Bean"
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    answer = reply(sale_frame(7, 1, 1250), points=12, balance=1012, receipt=1000)
    for offset_min, when in ((480, "2025-11-30 18:53"), (-690, "2025-11-29 23:23")):
        desk.utc_offset_min = offset_min
        carry_out(desk, (7, 1), answer, False)
        slip, _ = desk.printer.slips[-1]
        lines = layout(slip, 2)
        assert lines[0] == (CENTER | BIG, "豆叶咖啡 Bean")
        assert slip.when == when


def test_a_slip_that_is_asked_for_again_is_marked_and_says_what_became_of_the_tap():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250))
    desk.add(sale_frame(7, 2, 800), codes.CARD_LOST)
    for trace, part in ((1, "Saved, will post"), (2, "Card lost")):
        assert carry_out(desk, (7, trace), None, True)[1] == "idle"
        slip, copy = desk.printer.slips[-1]
        said = text(slip, copy)
        assert copy and part in said and "REPRINT" in said and "clock not set" in said


def test_a_void_names_the_tap_and_the_money_that_it_takes_back():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    desk.add(void_frame(7, 2, (7, 1)), 0, -12, 1001)
    carry_out(desk, (7, 2), None, False)
    said = text(desk.printer.slips[0][0])
    for part in ("CANCELLED", "Tap 1", "12.50", "-12", "1001"):
        assert part in said, part


def test_the_slip_of_a_refund_says_again_how_much_is_handed_back():
    for given, said in ((667, "Hand back                   6.67"), (None, None)):
        desk = Desk(Paper())
        request = messages.request(REFUND, 7, 1, original=900, amount_minor=1000)
        desk.add(frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request)), 0, -6,
                 1025, given)
        carry_out(desk, (7, 1), None, True)
        again = text(desk.printer.slips[0][0])
        assert "REFUND" in again and "Amount                     10.00" in again
        assert said in again if said else "Hand back" not in again


def test_a_void_of_what_was_refunded_in_part_says_again_what_was_left_to_hand_back():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    desk.add(void_frame(7, 2, (7, 1)), 0, -7, 1002, 750)
    carry_out(desk, (7, 2), None, True)
    assert "Hand back                   7.50" in text(desk.printer.slips[0][0])


def test_a_bill_that_was_voided_by_itself_is_handed_back_to_nobody():
    asked = messages.request(REDEMPTION, 7, 1, card=(2, CARD), amount_minor=2000, points=20)
    bill = frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(asked))
    for original, is_named in (((7, 1), False), (1000, True)):  # by receipt a cashier did it
        void = void_frame(7, 2, original)
        desk = Desk(Paper())
        desk.add(bill, 0, -20, 1000, 100)
        desk.add(void, 0, 20, 1001, 1900)
        for answer in (reply(void, points=20, amount_minor=1900, receipt=1001), None):
            carry_out(desk, (7, 2), answer, False)
            said = text(desk.printer.slips[-1][0])
            assert "Posted" in said and ("19.00" in said) is is_named


def test_a_refund_has_the_amount_that_was_asked_for_and_not_that_of_its_sale():
    asked = messages.request(REFUND, 7, 2, original=(7, 1), amount_minor=500)
    refund = frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(asked))
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    desk.add(refund, 0, -5, 1001)
    carry_out(desk, (7, 2), reply(refund, points=-5, amount_minor=500, receipt=1001), False)
    said = text(desk.printer.slips[0][0])
    assert said.count("5.00") == 2 and "Tap 1" in said and "12.50" not in said


def test_a_void_that_found_nothing_left_is_never_printed_as_posted():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    desk.add(void_frame(7, 2, (7, 1)), codes.NOTHING_LEFT)
    carry_out(desk, (7, 2), None, True)
    said = text(desk.printer.slips[0][0])
    assert "Nothing left" in said and "Posted" not in said


def test_a_redemption_whose_answer_names_no_money_says_nothing_of_it():
    asked = messages.request(REDEMPTION, 7, 1, card=(2, CARD), amount_minor=5000, points=300)
    paid = frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(asked))
    desk = Desk(Paper())
    desk.add(paid, 0, -300, 1001)
    carry_out(desk, (7, 1), reply(paid, points=-300, receipt=1001), False)
    said = text(desk.printer.slips[0][0])
    assert "50.00" in said and "To pay" not in said and "Paid by points" not in said
    carry_out(desk, (7, 1), reply(paid, points=-300, amount_minor=300), False)
    said = text(desk.printer.slips[1][0])
    for part in ("Paid by points              3.00", "To pay                     47.00"):
        assert part in said


def test_the_end_of_a_day_says_whether_head_office_agrees():
    ours, theirs = ((1, 2, 2050, 20),), ((1, 1, 1250, 12),)
    for shown, said, never in (
            ((ours, ours, (), 0, ()), "Agrees with head office", "DIFFERS"),
            ((ours, None, (), 0, ()), "Not compared yet", "Agrees"),
            ((ours, theirs, (), 0, ((None, 1, theirs[0][1:], ours[0][1:]), (2, 12, 0, 0, 8))),
             "Code", "Agrees")):
        desk = Desk(Paper())
        carry_out(desk, "day", shown, False)
        paper = text(desk.printer.slips[0][0])
        for part in ("DAY END", "20.50", "+20"):
            assert part in paper, part
        assert said.lower() in paper.lower() and never not in paper


def test_no_printer_and_no_such_tap_are_named():
    assert carry_out(Desk(None), (7, 1), None, True) == ("printer", "absent", 0, 0)
    desk = Desk(Paper())
    assert carry_out(desk, (7, 99), None, True)[1] == "none" and not desk.printer.slips
    assert carry_out(desk, "again", None, True)[1] == "none" and not desk.printer.slips


def test_the_last_slip_comes_again_and_what_waits_is_given_up_on_request():
    desk = Desk(Paper())
    desk.add(sale_frame(7, 1, 1250), 0, 12, 1000)
    answer = reply(sale_frame(7, 1, 1250), points=12, balance=1012, receipt=1000)
    carry_out(desk, (7, 1), answer, False)
    assert carry_out(desk, "again", None, True)[1] == "idle"
    first, second = desk.printer.slips
    assert first[0] is second[0] and second[1] and not first[1]
    desk.printer.state, desk.printer.waiting = "paper_out", 3
    assert carry_out(desk, "state", None, True) == ("printer", "paper_out", 3, 0)
    assert carry_out(desk, "drop", None, True) == ("printer", "paper_out", 0, 0)
    assert len(desk.printer.slips) == 2
