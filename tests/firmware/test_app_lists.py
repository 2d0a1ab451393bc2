"""The last taps and what is not done, as the cashier sees them, in virtual time."""

from collections.abc import Iterator

import pytest

from protocol import codes, messages
from tests.firmware.bars import bar
from tests.firmware.counter import Counter, refusing
from tests.firmware.replies import CARD, Asked, reply_frame
from tests.firmware.test_app_voids import Gate


@pytest.fixture(params=["en", "zh"])
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    with Counter(Gate(), language=request.param) as made:
        made.boot()
        made.wait(5)
        yield made


def said(counter: Counter, english: str, chinese: str) -> str:
    return chinese if counter.settings.language == "zh" else english


def test_the_last_taps_are_looked_through_and_one_is_cancelled(counter: Counter):
    for keys in ("500", "800", "1250"):
        counter.sale(keys)
        counter.wait(1)
    counter.keys("*C")
    sale, posted = said(counter, "Sale", "消费"), said(counter, "Posted", "已入账")
    assert counter.lines[1:] == (sale + " 12.50", posted + " +12", "..7892", "3 A↑B↓ D✗")
    counter.keys("BB")
    assert counter.lines[1] == sale + " 5.00"
    counter.keys("B")
    assert counter.lines[1] == sale + " 5.00" and counter.board.beeps[-1] == "refused"
    counter.keys("AD")
    assert counter.lines[2:] == ("8.00", "TRACE 2", "#✓ *←")
    counter.keys("#")
    counter.wait(1)
    assert counter.lines[1] == said(counter, "Cancelled", "已撤销")
    counter.keys("*C")
    assert counter.lines[3] == said(counter, "Of tap 2", "原流水 2")
    counter.keys("BB")
    assert counter.lines[1:3] == (sale + " 8.00", said(counter, "Cancelled", "已撤销"))
    assert counter.app.outbox.unsettled == 0


def test_without_a_link_a_tap_in_the_list_waits_and_is_cancelled_all_the_same(counter: Counter):
    counter.radio.set_dark(True)
    counter.wait(30)
    counter.sale("500")
    counter.keys("*C")
    assert counter.lines[2] == said(counter, "Not yet posted", "尚未入账")
    counter.keys("D#*C")
    assert counter.lines[3] == said(counter, "Of tap 1", "原流水 1")
    counter.keys("B")
    assert counter.lines[2] == said(counter, "Cancelling", "正在撤销")
    counter.radio.set_dark(False)
    counter.wait(120)
    counter.keys("*CB")
    assert counter.lines[2] == said(counter, "Cancelled", "已撤销")
    assert counter.app.outbox.unsettled == 0


def test_taps_that_wait_are_looked_through_without_a_link(counter: Counter):
    counter.radio.set_dark(True)
    counter.wait(120)
    for keys in ("500", "800", "1250"):
        counter.sale(keys)
    counter.keys("*D3")
    assert counter.lines[0] == bar(False, 3)
    assert counter.lines[2] == said(counter, "A unsent 3", "A 未发送 3")
    counter.keys("A")
    assert counter.lines[4] == "1 B↓ *←"
    counter.keys("BBB")
    assert counter.lines[1] == said(counter, "No more", "没有了")
    counter.keys("**")
    assert counter.app.state.name == "home"


def test_a_refusal_stands_in_the_list_through_a_reboot_until_it_is_acknowledged():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.radio.set_dark(True)
        counter.wait(30)
        counter.sale("500")
        counter.sale("800")
        counter.keys("*")
        counter.radio.set_dark(False)
        counter.wait(120)
        counter.keys("1*D3")
        assert counter.lines[3] == "B refused 1"
        counter.cut()
        counter.boot()
        counter.wait(5)
        counter.keys("1*D3B")
        assert counter.lines[1:] == ("Sale 5.00", "Card lost", "..7892", "1 B↓#✓")
        counter.keys("#")
        assert counter.lines[3] == "B refused 0" and counter.lines[0] == bar()
        counter.cut()
        counter.boot()
        assert counter.app.state.alert is None
        counter.keys("D3B")
        assert counter.lines[1] == "No more"


def test_a_long_list_is_read_in_turns_and_the_link_goes_on():
    with Counter(blocks=64) as counter:
        counter.radio.set_dark(True)
        counter.boot()
        for _ in range(300):
            counter.sale("500")
        counter.radio.set_dark(False)
        counter.wait(600)
        assert counter.app.outbox.unsettled == 0
        # the newest tap stands behind blocks of answers alone
        counter.keys("*C")
        assert counter.app.state.name == "taps.look"
        counter.wait(1)
        assert counter.lines[4].startswith("300 ")
        counter.keys("B")
        counter.wait(1)
        assert counter.lines[4].startswith("299 ")


def test_a_flash_that_fails_while_it_is_read_is_named_and_read_anew(counter: Counter):
    counter.sale()
    counter.wait(1)
    counter.keys("*")
    real = counter.flash.readblocks
    failed: list[int] = []

    def once(block, buffer, offset=0):
        if not failed:
            failed.append(block)
            raise OSError(5, "flash")
        real(block, buffer, offset)

    counter.flash.readblocks = once  # type: ignore[method-assign]
    counter.app.outbox._ring.window = (-1, 0, 0)
    counter.keys("C")
    assert counter.lines[1] == said(counter, "Cannot be read", "无法读取") and failed
    counter.keys("*C")
    assert counter.lines[4].startswith("1 ")


def test_a_flash_that_fails_as_an_outcome_is_left_for_the_list_is_named():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.sale()
        counter.wait(2)
        real = counter.flash.readblocks, counter.flash.writeblocks

        def fails(*_: object) -> None:
            raise OSError(5, "flash")

        counter.flash.readblocks = fails  # type: ignore[method-assign]
        counter.flash.writeblocks = fails  # type: ignore[method-assign]
        counter.keys("C")
        assert counter.lines[1] == "OUTBOX FAULT" and not counter.all("died")
        counter.flash.readblocks, counter.flash.writeblocks = real  # type: ignore[method-assign]
        counter.wait(60)
        assert counter.lines[1:3] == ("Last saved tap", "refused (12)")
        counter.keys("*")
        assert counter.lines[1:3] == ("1 not posted", "Card lost")


def test_a_redemption_in_the_list_is_named_and_not_cancelled_by_d():
    def answer(frame: bytes) -> bytes | None:
        kind = Asked(frame).type
        return reply_frame(frame, points=-5 if kind == messages.REDEMPTION else 0)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        counter.app.journal_online(messages.REDEMPTION, (2, CARD), 1250, points=5)
        counter.wait(1)
        counter.keys("*C")
        assert counter.lines[1:] == ("Redeem 12.50", "Posted -5", "..7892", "1 A↑B↓")
