"""Which slips a day at the counter leaves on paper: the whole program, in virtual time."""

from collections.abc import Iterator

import pytest

from firmware.board.printer import Printer
from firmware.slip import layout
from protocol.fields import REFUND
from simulator.printer_peer import PrinterPeer
from tests.firmware.bars import bar
from tests.firmware.counter import Counter
from tests.firmware.test_app_receipts import Office
from tests.firmware.test_app_voids import Gate
from tests.firmware.test_printing import Paper


class Till(Counter):
    """A counter with paper."""

    def __init__(self, **changed: object) -> None:
        super().__init__(**changed)  # type: ignore[arg-type]
        self.paper = Paper()
        self.boot(printer=self.paper)
        self.wait(2)

    def slips(self) -> list[str]:
        """What came since the last look."""
        torn, self.paper.slips = self.paper.slips, []
        return ["\n".join(text for _, text in layout(slip, 2, copy)) for slip, copy in torn]


@pytest.fixture
def till() -> Iterator[Till]:
    with Till(language="en") as made:
        yield made


def test_a_posted_sale_is_printed_once(till: Till):
    till.sale()
    assert not till.slips()
    till.wait(2)
    slip, = till.slips()
    assert "12.50" in slip and "+12" in slip and "Posted" in slip and "REPRINT" not in slip
    till.wait(60)
    assert not till.slips()


def test_a_sale_that_will_post_says_so_on_paper_and_its_points_come_without(till: Till):
    till.radio.set_dark(True)
    till.sale()
    till.wait(12)
    slip, = till.slips()
    assert "Saved, will post" in slip and "Points follow when online" in slip
    till.radio.set_dark(False)
    till.wait(60)
    assert till.lines[1] == "Posted +12" and not till.slips()


def test_a_slip_of_the_list_is_marked(till: Till):
    till.sale()
    till.wait(2)
    till.slips()
    till.keys("C#")
    till.wait(1)
    slip, = till.slips()
    assert "REPRINT" in slip and "12.50" in slip


def test_training_leaves_no_paper(till: Till):
    till.keys("D6#")
    till.sale()
    till.wait(20)
    assert till.lines[1] == "TRAINING" and not till.slips()


def test_training_prints_nothing_once_more_either(till: Till):
    till.sale()
    till.wait(2)
    till.slips()
    till.keys("*D6#C#")
    till.wait(2)
    assert not till.slips()
    till.keys("**D6#C#")
    till.wait(2)
    assert "REPRINT" in till.slips()[0]


def test_without_paper_taps_go_on_and_their_slips_come_when_it_is_back():
    with Till(language="en") as till:
        peer = PrinterPeer(paper_lines=0)
        printer = Printer(peer.reader, peer.writer,
                          lambda slip, copy: layout(slip, 2, copy), None)
        till.board.printer = printer
        tasks = [till.loop.create_task(each.run()) for each in (peer, printer)]
        for amount in ("1250", "900"):
            till.sale(amount)
            till.wait(3)
        assert len(till.shop.posted) == 2
        assert till.lines[:2] == (bar(fault="printer"), "Posted +9")
        till.keys("*D9")
        assert till.lines[1:4] == ("Printer", "No paper", "2 waiting")
        peer.load_paper()
        till.wait(20)
        paper = [line.decode("gb18030") for _, _, line in peer.tear()]
        assert paper.count("SALE") == 2 and paper.count("Thank you") == 2
        assert till.lines[1:4] == ("Printer", "Ready", "")
        for task in tasks:
            task.cancel()
        till.wait(1)


def test_a_heap_that_has_no_room_for_a_slip_prints_it_later(till: Till, monkeypatch):
    tries, put = [], till.paper.print_slip

    def full(slip: object, copy: bool) -> None:
        tries.append(slip)
        if len(tries) == 1:
            raise MemoryError
        put(slip, copy)

    monkeypatch.setattr(till.paper, "print_slip", full)
    till.sale()
    till.wait(25)
    assert len(tries) == 2 and len(till.slips()) == 1 and not till.all("died")


def test_points_a_refund_and_a_void_are_printed():
    office = Office()
    with Till(language="en", answer=office) as till:
        till.keys("B5000#")
        till.tap()
        till.wait(2)
        till.keys("##")
        till.wait(2)
        slip, = till.slips()
        for part in ("Paid by points              3.00", "To pay                     47.00",
                     "Amount                     50.00"):
            assert part in slip
        till.keys("*D2900#500##")
        till.wait(2)
        slip, = till.slips()
        assert "REFUND" in slip and "Takes back                   900" in slip
        assert "Hand back                   5.00" in slip
        assert [said[0] for said in office.heard][-1] == REFUND
        till.keys("*C#")
        till.wait(2)
        again, = till.slips()
        assert "REPRINT" in again and "Hand back                   5.00" in again
        assert "Takes back                   900" in again
        till.keys("*CB")
        till.wait(1)
        till.keys("#")
        till.wait(2)
        again, = till.slips()
        assert "Paid by points              3.00" in again and "47.00" in again


def test_a_cancelled_sale_is_printed_with_its_money():
    with Till(language="zh", answer=Gate()) as till:
        till.sale()
        till.wait(2)
        till.keys("D#")
        till.wait(2)
        sold, cancelled = till.slips()
        assert "12.50" in sold and "12.50" in cancelled
        assert "REPRINT" not in cancelled and sold != cancelled


def test_a_printer_in_trouble_stands_in_the_bar_and_on_its_screen(till: Till):
    till.paper.state, till.paper.waiting = "paper_out", 1
    till.sale()
    till.wait(2)
    assert till.lines[0] == bar(fault="printer") and till.lines[1] == "Posted +12"
    till.keys("*D9")
    assert till.lines[1:4] == ("Printer", "No paper", "1 waiting")
    till.paper.state, till.paper.waiting = "idle", 0
    till.wait(3)
    assert till.lines[1:4] == ("Printer", "Ready", "")
    till.radio.set_dark(True)
    till.paper.state = "no_answer"
    till.sale()
    assert "printer" not in till.lines[0]  # unsent taps count more
    assert len(till.slips()) == 1


def test_slips_can_be_switched_off_and_are_printed_on_request_all_the_same(till: Till):
    till.keys("D5")
    assert till.lines[4] == "4i 5SLIP ON  *←"
    till.keys("5")
    assert till.lines[4] == "4i 5SLIP OFF *←"
    till.sale()
    till.wait(3)
    assert till.lines[1] == "Posted +12" and not till.slips()
    till.keys("C#")
    till.wait(1)
    assert len(till.slips()) == 1
