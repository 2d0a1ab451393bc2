"""Paying with points, voids and refunds by receipt: the whole program, on a good day and on a bad
one, in both languages. In virtual time."""

from collections.abc import Iterator

import pytest

from gateway.rules import Redeeming
from protocol import codes, messages
from tests.firmware.bars import bar
from tests.firmware.counter import Counter
from tests.firmware.replies import CARD, Asked, reply_frame

SALE, REDEMPTION, VOID, REFUND = messages.SALE, messages.REDEMPTION, messages.VOID, messages.REFUND
RULE = Redeeming(100, 100, 100, 100, 5000)
POINTS_A_YUAN = 1
SAID = {
    "en": {"most": ("Balance 360", "At most 300", "# = all of that"),
           "sure": ("Points 300", "Off 3.00", "To pay 47.00"),
           "done": ("Off 3.00", "Points -300 +47", "Balance 107"),
           "none": ("No answer", "Only when online"),
           "door": ("No connection", "Only when online"), "cancelling": "Cancelling",
           "cancelled": "Cancelled", "voided": ("Hand back 12.50", "Posted -12", "Balance 348"),
           "refunded": ("Hand back 5.00", "Posted -5", "Balance 355"),
           "gone": ("REFUSED", "Nothing left", "")},
    "zh": {"most": ("余额 360", "最多 300", "# 全部使用"),
           "sure": ("使用积分 300", "抵扣 3.00", "应付 47.00"),
           "done": ("抵扣 3.00", "积分 -300 +47", "余额 107"),
           "none": ("无应答", "联网后可用"), "door": ("当前没有网络", "联网后可用"),
           "cancelling": "正在撤销",
           "cancelled": "已撤销", "voided": ("应退 12.50", "积分 -12", "余额 348"),
           "refunded": ("应退 5.00", "积分 -5", "余额 355"),
           "gone": ("已拒绝", "已撤销或已退完", "")},
}


class Office:
    """A gateway with one member and the receipt 900 of 12.50, which another terminal sold; what
    this one sells is in `sold`, with what is left of it."""

    def __init__(self) -> None:
        self.balance, self.left_minor = 360, 1250
        self.sold: dict[object, int] = {}
        self.posted: dict[tuple[int, int], bytes] = {}
        self.silent: set[int] = set()
        self.terms = True
        self.heard: list[dict] = []

    def __call__(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.type in self.silent:
            return None
        if asked.type == messages.HEARTBEAT:
            return reply_frame(frame, highest_trace=0)
        if asked.type == messages.INQUIRY:
            return reply_frame(frame, balance=self.balance,
                               redeeming=(self.balance, *RULE) if self.terms else None)
        key = asked.journal, asked.trace
        if key not in self.posted:
            self.heard.append(asked.content)
            self.posted[key] = self._decided(frame, asked.type, asked.content)
        return self.posted[key]

    def _decided(self, frame: bytes, kind: int, said: dict) -> bytes:
        if kind == REDEMPTION:
            off_minor = RULE.discount(said[9], said[7])
            if off_minor is None or said.get(24, off_minor) != off_minor:
                return reply_frame(frame, codes.LIMIT_REACHED)
            points = (said[7] - off_minor) // 100 * POINTS_A_YUAN - said[9]
            return self._approved(frame, points, off_minor)
        if kind == SALE:
            self.sold[said[1], said[2]] = said[7]
            return self._approved(frame, said[7] // 100, 0)
        if kind == REFUND and said[10] in self.sold:
            back_minor = sum(line[1] for line in said[8]) if 8 in said else said[7]
            self.sold[said[10]] -= back_minor
            return self._approved(frame, -(back_minor // 100), back_minor)
        if type(said[10]) is not int:  # of one of its own, which has not come or is taken back
            return reply_frame(frame, points=0)
        if said[10] != 900:
            return reply_frame(frame, codes.ORIGINAL_NOT_FOUND)
        back_minor = said.get(7, self.left_minor)
        if not self.left_minor:
            return reply_frame(frame, codes.NOTHING_LEFT)
        if back_minor > self.left_minor:
            return reply_frame(frame, codes.EXCEEDS_ORIGINAL, amount_minor=self.left_minor)
        self.left_minor -= back_minor
        return self._approved(frame, -(back_minor // 100), back_minor)

    def _approved(self, frame: bytes, points: int, amount_minor: int) -> bytes:
        self.balance += points
        return reply_frame(frame, points=points, balance=self.balance, amount_minor=amount_minor,
                           receipt=1000 + len(self.posted))


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture(params=["en", "zh"])
def counter(request: pytest.FixtureRequest, office: Office) -> Iterator[Counter]:
    with Counter(office, language=request.param) as made:
        made.boot()
        made.wait(5)
        yield made


def said(counter: Counter) -> dict:
    return SAID[counter.settings.language]


def confirmed(counter: Counter) -> None:
    """Points are about to pay a bill of 50.00."""
    counter.keys("B5000#")
    counter.tap()
    counter.wait(1)
    counter.keys("#")


def lost_just_now(counter: Counter, office: Office) -> None:
    """The message is on its way when the link goes."""
    counter.keys("#")
    counter.wait(0)
    counter.radio.set_dark(True)


def test_points_pay_a_part_of_a_bill_as_the_screen_said(counter: Counter, office: Office):
    counter.keys("B5000#")
    counter.tap()
    counter.wait(1)
    assert counter.lines[1:4] == said(counter)["most"]
    counter.keys("#")
    assert counter.lines[1:4] == said(counter)["sure"]
    counter.keys("#")
    counter.wait(1)
    assert counter.lines[1:] == (*said(counter)["done"], "REF 1000")
    assert [(each[6], each[7], each[9], each[24]) for each in office.heard] == [
        ((2, CARD), 5000, 300, 300)]
    assert counter.app.outbox.unsettled == 0 and counter.board.beeps[-1] == "ok"


def test_rules_that_changed_meanwhile_take_off_nothing_else_than_was_shown(
        counter: Counter, office: Office, monkeypatch: pytest.MonkeyPatch):
    confirmed(counter)
    monkeypatch.setattr("tests.firmware.test_app_receipts.RULE", RULE._replace(minor=50))
    counter.keys("#")
    counter.wait(1)
    assert counter.lines[2] in ("Not by the rules", "不符合规则") and office.balance == 360


def test_a_gateway_that_tells_no_terms_is_shown_no_sum(counter: Counter, office: Office):
    office.terms = False
    counter.keys("B5000#")
    counter.tap()
    counter.wait(1)
    counter.keys("300#")
    assert not [line for line in counter.lines[1:4] if "3.00" in line or "47.00" in line]
    counter.keys("#")
    counter.wait(1)
    assert counter.lines[1:4] == said(counter)["done"] and 24 not in office.heard[0]


@pytest.mark.parametrize("keys", ["B5000#", "D1900##", "D2900#500##"])
def test_offline_it_is_refused_before_anything_is_keyed(counter: Counter, keys: str):
    counter.radio.set_dark(True)
    counter.wait(120)
    begins = 2 if keys[0] == "D" else 1
    counter.keys(keys[:begins])
    assert counter.lines[1:3] == said(counter)["door"]
    counter.keys(keys[begins:].rstrip("#"))  # never taken for the amount of a sale
    assert counter.lines[1:3] == said(counter)["door"]
    counter.keys("*")
    counter.sale()
    assert counter.app.outbox.unsettled == 1


@pytest.mark.parametrize("keys", ["B5000#", "D1900#", "D2900#500#"])
def test_a_link_that_goes_while_it_is_keyed_is_told_at_the_end(counter: Counter, keys: str):
    counter.keys(keys)
    counter.radio.set_dark(True)
    counter.wait(120)
    if keys[0] == "B":
        counter.tap()
    else:
        counter.keys("#")
    assert counter.lines[1:3] == said(counter)["none"]
    assert not counter.all("saved")
    counter.keys("*")
    counter.sale()
    assert counter.app.outbox.unsettled == 1


def test_points_whose_answer_was_lost_are_cancelled_until_both_are_certain(
        counter: Counter, office: Office):
    confirmed(counter)
    lost_just_now(counter, office)
    counter.wait(31)
    assert counter.lines[:2] == (bar(False, 2), said(counter)["cancelling"])
    counter.wait(60)
    assert counter.lines[1] == said(counter)["cancelling"]
    counter.radio.set_dark(False)
    counter.wait(120)
    assert counter.lines[1] == said(counter)["cancelled"]
    assert counter.app.outbox.unsettled == 0
    assert counter.all("saved") == [(7, 1, REDEMPTION, None), (7, 2, VOID, (7, 1))]


def test_a_refund_whose_answer_was_lost_is_cancelled_too(counter: Counter, office: Office):
    office.silent = {REFUND}
    counter.keys("D2900#500##")
    counter.wait(31)
    assert counter.lines[1] == said(counter)["cancelled"] or counter.app.outbox.unsettled
    office.silent.clear()
    counter.wait(120)
    assert counter.lines[1] == said(counter)["cancelled"]
    assert counter.all("saved") == [(7, 1, REFUND, 900), (7, 2, VOID, (7, 1))]


def test_a_receipt_is_voided(counter: Counter, office: Office):
    counter.keys("D1900##")
    counter.wait(1)
    assert counter.lines[1:] == (*said(counter)["voided"], "REF 1000")
    assert office.heard[0][0] == VOID and office.heard[0][10] == 900
    counter.keys("*D1900##")
    counter.wait(1)
    assert counter.lines[1:4] == said(counter)["gone"] and counter.board.beeps[-1] == "refused"


def test_a_part_of_a_receipt_goes_back_and_no_more_than_is_left(
        counter: Counter, office: Office):
    counter.keys("D2900#500##")
    counter.wait(1)
    assert counter.lines[1:] == (*said(counter)["refunded"], "REF 1000")
    counter.keys("*D2900#1000##")
    counter.wait(1)
    assert counter.lines[2] in ("More than left", "超过可退金额") and "7.50" in counter.lines[3]
    assert counter.lines[4] == "TRACE 2 10.00"


# It was asked for, and the gateway does it whenever it hears of it: nobody cancels a void.
@pytest.mark.parametrize("power", [True, False])
def test_a_void_by_receipt_is_sent_until_it_is_answered(
        counter: Counter, office: Office, power: bool):
    counter.keys("D1900##")
    counter.radio.set_dark(True)
    counter.wait(200)
    assert counter.lines[:2] == (bar(False, 1), said(counter)["cancelling"])
    if not power:
        counter.cut()
        counter.boot()
        assert counter.lines[1] == said(counter)["cancelling"]
    counter.radio.set_dark(False)
    counter.wait(120)
    assert counter.lines[1:4] == said(counter)["voided"]
    assert len(counter.all("saved")) == 1 and counter.app.outbox.unsettled == 0


def test_a_void_by_receipt_that_is_refused_behind_the_cashiers_back_stands_as_an_alert(
        counter: Counter, office: Office):
    office.silent = {VOID}
    counter.keys("D1901##")
    counter.wait(1)
    counter.keys("*1250")
    office.silent.clear()
    counter.wait(120)
    assert counter.lines[0] == bar(alerted=1)
    counter.keys("*")
    assert counter.lines[2] in ("Not found", "找不到原交易")
    counter.keys("#")
    assert counter.lines[0] == bar()


def test_what_a_void_by_receipt_hands_back_stands_in_the_list_for_whoever_left_it(
        counter: Counter, office: Office):
    office.silent = {VOID}
    counter.keys("D1900##")
    counter.wait(1)
    counter.keys("*")
    office.silent.clear()
    counter.wait(120)
    assert counter.lines[1:4] == said(counter)["voided"]
    counter.keys("C")
    assert counter.lines[1] in ("Cancel 12.50", "撤销 12.50")
    counter.keys("*D1900##")
    counter.wait(1)
    counter.keys("*C")
    assert counter.lines[1:3] in (("Cancel", "Nothing left"), ("撤销", "已撤销或已退完"))


@pytest.mark.parametrize("keys", ["D1900##", "D2900#1250##"])
def test_what_was_left_and_posts_while_an_amount_is_keyed_is_shown_behind_it(
        counter: Counter, office: Office, keys: str):
    office.silent = {VOID, REFUND}
    counter.keys(keys)
    counter.wait(1)
    counter.keys("*1250")
    office.silent.clear()
    counter.wait(20)
    assert counter.lines[2] == "12.50" and counter.app.outbox.unsettled == 0
    counter.keys("*")
    assert "12.50" in counter.lines[1] + counter.lines[2] and counter.lines[4] == "REF 1000"
    shown = counter.lines
    counter.keys("*")  # too soon to have read it
    assert counter.lines == shown
    counter.wait(1)
    counter.keys("*12*")
    assert counter.lines[1] == "Pointwire"


def test_a_void_by_receipt_moves_behind_a_conflict(counter: Counter, office: Office):
    decide = office.__call__
    taken: set[tuple[int, int]] = {(7, 1)}

    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if (asked.journal, asked.trace) in taken:
            return reply_frame(frame, codes.TRACE_CONFLICT)
        return decide(frame)

    with Counter(answer, language=counter.settings.language) as other:
        other.boot()
        other.wait(5)
        other.keys("D1900##")
        other.wait(30)
        assert other.lines[1:4] == said(other)["voided"]
        assert office.heard[0][10] == 900 and other.app.outbox.unsettled == 0


def test_a_void_by_receipt_that_finds_no_room_says_that_it_was_not_taken(
        counter: Counter, office: Office, monkeypatch: pytest.MonkeyPatch):
    from firmware.outbox import Outbox, OutboxFull

    def full(*_: object, **__: object) -> None:
        raise OutboxFull

    monkeypatch.setattr(Outbox, "append", full)
    counter.keys("D1900##")
    assert counter.lines[1] in ("Outbox is full", "存储已满")
    counter.keys("D")
    assert counter.lines[1].startswith("1")  # the menu: there is no sale here to be cancelled


# -- of the last taps -----------------------------------------------------------------------------


def test_a_part_of_the_last_tap_goes_back(counter: Counter, office: Office):
    counter.sale()
    counter.wait(1)
    counter.keys("*CC500#")
    assert counter.lines[3] in ("TRACE 1", "流水 1")
    counter.keys("#")
    counter.wait(1)
    assert counter.lines[1] == said(counter)["refunded"][0]
    assert office.sold == {(7, 1): 750} and office.balance == 360 + 12 - 5
    counter.keys("*C")
    assert counter.lines[3] in ("Of tap 1", "原流水 1")
    counter.keys("C")
    assert counter.lines[3] in ("No refund of it", "此笔不能退货")


def test_lines_of_the_last_tap_go_back(counter: Counter, office: Office):
    counter.keys("1000A12#250A3##")
    counter.tap()
    counter.wait(1)
    counter.keys("*CC300A12#200A3###")
    counter.wait(1)
    assert counter.lines[1:4] == said(counter)["refunded"][:1] + (
        ("Posted -5", "Balance 367") if counter.settings.language == "en"
        else ("积分 -5", "余额 367"))
    assert office.heard[-1][8] == ((12, 300), (3, 200)) and 7 not in office.heard[-1]


def test_of_a_tap_that_waits_nothing_goes_back_yet(counter: Counter, office: Office):
    counter.radio.set_dark(True)
    counter.wait(120)
    counter.sale()
    counter.keys("*CC")
    assert counter.lines[3] in ("Refund if posted", "入账后才能退货")
    counter.radio.set_dark(False)
    counter.wait(120)
    assert counter.lines[3].endswith(("C refund", "C 退货"))
    counter.radio.set_dark(True)
    counter.wait(120)
    counter.keys("C500")
    assert counter.lines[1:3] == said(counter)["door"]
    assert len(counter.all("saved")) == 1 and office.sold == {(7, 1): 1250}


def test_a_refund_of_the_last_tap_whose_answer_was_lost_is_cancelled(
        counter: Counter, office: Office):
    counter.sale()
    counter.wait(1)
    office.silent = {REFUND}
    counter.keys("*CC500##")
    counter.wait(31)
    office.silent.clear()
    counter.wait(120)
    assert counter.lines[1] == said(counter)["cancelled"]
    assert counter.all("saved")[1:] == [(7, 2, REFUND, (7, 1)), (7, 3, VOID, (7, 2))]
    assert counter.app.outbox.unsettled == 0
