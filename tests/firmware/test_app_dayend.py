"""A terminal's day and its end: the whole handset program and the real gateway, virtual time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from firmware.recall import content
from firmware.texts import Words, parts
from gateway.intake import Arrival
from protocol import codes, messages
from simulator.loop import US
from tests.firmware.counter import Counter
from tests.firmware.replies import Asked
from tests.support.databases import sqlite_engine
from tests.support.street import NOON, Street

__all__ = ["sqlite_engine"]
SALE, REDEMPTION, VOID, REFUND = (
    messages.SALE, messages.REDEMPTION, messages.VOID, messages.REFUND)
CLOSE = messages.BATCH_CLOSE


class Till(Counter):
    """A counter whose gateway is the real one. `lost`: types of which no answer comes down;
    `deaf`: traces that never reach it."""

    def __init__(self, engine: Engine, language: str, blocks: int = 16) -> None:
        self.street = Street(engine)
        self.lost: set[int] = set()
        self.deaf: set[int] = set()
        terminal_id = self.street.terminals[0]
        key = self.street.keyring.terminal_key(terminal_id, 1)
        super().__init__(self._ask, blocks=blocks, language=language, terminal=(terminal_id, key))

    def _ask(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        self.street.now = NOON + timedelta(microseconds=self.loop.now_us)
        if asked.trace in self.deaf:
            return None
        arrival = Arrival(frame, self.street.now, self.street.terminals[0])
        reply = self.street.intake.take([arrival])[0].reply
        return None if asked.type in self.lost else reply

    @property
    def card(self) -> int:
        return int(self.street.cards[0])

    def sell(self, keys: str = "1250") -> None:
        self.sale(keys, self.card)
        self.wait(1)

    def online(self, kind: int, amount_minor: int | None, **fields: object) -> None:
        card = (2, self.card) if kind == REDEMPTION else None
        self.app.journal_online(kind, card, amount_minor, **fields)
        self.wait(1)

    def told_totals(self) -> list[dict]:
        """Key 13 of each close that stands in the outbox."""
        frames = [record.frame for record in self.app.outbox.records()]
        return [content(frame)[13] for frame in frames if Asked(frame).type == CLOSE]

    def says(self, english: str, chinese: str) -> str:
        return chinese if self.settings.language == "zh" else english


@pytest.fixture(params=["en", "zh"])
def till(request: pytest.FixtureRequest, sqlite_engine: Engine) -> Iterator[Till]:
    with Till(sqlite_engine, request.param) as made:
        made.boot()
        made.wait(5)
        yield made


def agrees(till: Till) -> bool:
    return till.lines[1:3] == (till.says("Day is closed", "日结完成"),
                               till.says("Agrees with HQ", "与总部一致"))


def whole_day(till: Till) -> None:
    """Sales, a redemption, a void, a refund, and one that is refused."""
    till.sell("100000")
    till.sell("20000")
    till.keys("D#")
    till.wait(1)
    till.online(REDEMPTION, 5000, points=500)
    till.online(REFUND, 30000, original=(7, 1))
    till.sale("700", 6200009999999999)
    till.wait(1)
    till.keys("*")


def test_q37_a_whole_day_is_counted_and_the_gateway_agrees(till: Till):
    whole_day(till)
    till.keys("D4")
    till.wait(1)
    assert till.lines[1:3] == (till.says("Sale x 2", "消费 2笔"), "1200.00")
    till.keys("B")
    assert till.lines[1:3] == (till.says("Redeem x 1", "抵扣 1笔"), "50.00")
    assert till.lines[3] == till.says("Points -446", "积分 -446")
    till.keys("#")
    till.wait(2)
    assert agrees(till)
    assert till.told_totals() == [{0: (1, 6), SALE: (2, 120000, 1440), REDEMPTION: (1, 5000, -446),
                                   VOID: (1, 0, -240), REFUND: (1, 30000, -360)}]
    # the points of the report are what the ledger has posted to the member
    (posted,), = till.street.rows("postings p JOIN accounts a ON a.id = p.account_id",
                                  "sum(p.amount)", "a.kind = 'member_points'")
    assert posted == 1440 - 446 - 240 - 360
    till.keys("#D4")
    till.wait(1)
    assert till.lines[2] == till.says("No taps to close", "无交易可结")
    till.sell("300")
    till.keys("*D4")
    till.wait(1)
    till.keys("#")
    till.wait(2)
    assert agrees(till) and till.told_totals()[1][0] == (8, 8)


def test_a_planted_difference_is_named_tap_by_tap(till: Till):
    till.sell("1250")
    till.sell("800")
    till.deaf.add(3)
    till.sell("500")
    # an answer that the gateway never gave: somebody wrote it to the flash
    till.app.outbox.settle(7, 3, 0, 6, 99)
    till.app._dispatch.link.settled((7, 3))
    till.keys("*D4")
    till.wait(1)
    till.keys("#")
    till.wait(2)
    differs = till.says("Sale DIFFERS", "消费 不一致")
    assert till.lines[1:4] == (differs, till.says("HQ:2 20.50 +24", "总部:2 20.50 +24"),
                               till.says("We:3 25.50 +30", "本机:3 25.50 +30"))
    till.keys("B")
    assert till.lines[1:4] == (till.says("Tap 3 DIFFERS", "流水 3 不符"),
                               till.says("HQ:nothing", "总部:无记录"),
                               till.says("We:+6", "本机:+6"))
    assert till.lines[4] == "2/2 A↑B↓ *←"


def test_without_a_link_or_with_a_tap_unanswered_there_is_no_day_end(till: Till):
    till.lost.add(SALE)
    till.sell("1250")
    till.keys("*D4")
    assert till.lines[2] == till.says("1 unanswered", "1笔未应答")
    till.lost.clear()
    till.wait(60)
    till.keys("*D4")
    till.wait(1)
    till.radio.set_dark(True)
    till.wait(120)
    till.keys("#")
    assert till.lines[2] == till.says("Only when online", "联网后可用")
    till.keys("*D4")
    assert till.lines[2] == till.says("Only when online", "联网后可用")
    assert till.told_totals() == []


def test_a_close_whose_answer_is_lost_stands_and_is_compared_when_it_comes(till: Till):
    till.sell("1250")
    till.lost.add(CLOSE)
    till.keys("*D4")
    till.wait(1)
    till.keys("#")
    till.wait(31)
    assert till.lines[2] == till.says("No answer yet", "尚无应答")
    assert till.app.outbox.unsettled == 1 and not till.app._dispatch.cancels
    till.keys("*D4")
    assert till.lines[2] == till.says("1 unanswered", "1笔未应答")
    till.keys("*")
    till.lost.clear()
    till.wait(90)
    assert agrees(till) and till.app.outbox.unsettled == 0


def test_a_close_is_kept_through_a_power_cut_and_compared_behind_it(till: Till):
    till.sell("1250")
    till.lost.add(CLOSE)
    till.keys("*D4")
    till.wait(1)
    till.keys("#")
    till.wait(2)
    till.cut()
    till.radio.set_dark(True)
    till.boot()
    assert till.lines[1] == till.says("Day-end", "日结")
    assert till.lines[2] == till.says("No answer yet", "尚无应答")
    till.lost.clear()
    till.radio.set_dark(False)
    till.wait(60)
    assert agrees(till) and len(till.told_totals()) == 1
    till.cut()
    till.boot()
    assert till.lines[1] == till.says("Day is closed", "日结完成")


def test_power_that_goes_while_the_close_is_stored_leaves_one_day_end(till: Till):
    till.sell("1250")
    for operation in (1, 2, 3):
        till.keys("*D4")
        till.wait(1)
        till.flash.cut_at = till.flash.operations + operation
        try:
            till.keys("#")
            till.wait(2)
        except BaseException as error:  # noqa: BLE001 - PowerCut is no Exception
            assert type(error).__name__ == "PowerCut"
        till.cut()
        till.boot()
        till.wait(60)
        assert till.app.outbox.unsettled == 0
        assert len(till.told_totals()) <= 1
    till.keys("*D4")
    till.wait(1)
    if not till.told_totals():
        till.keys("#")
        till.wait(2)
    assert len(till.told_totals()) == 1


def test_a_long_day_is_counted_in_turns_while_the_link_goes_on(sqlite_engine: Engine):
    with Till(sqlite_engine, "en", blocks=64) as till:
        till.radio.set_dark(True)
        till.boot()
        for _ in range(400):
            till.sale("500", till.card)
        till.radio.set_dark(False)
        till.wait(600)
        assert till.app.outbox.unsettled == 0
        till.screens.clear()
        till.keys("*D4")
        began = till.loop.now_us
        while till.app.state.name == "dayend.count":
            till.wait(0.01)
            assert till.loop.now_us - began < 20 * US
        counting = {lines[2] for lines in till.screens if "Counting" in lines[2]}
        assert len(counting) > 5 and till.lines[1:3] == ("Sale x 400", "2000.00")
        till.keys("#")
        till.wait(2)
        assert agrees(till)


def test_a_refused_close_is_named_and_stands_until_it_is_acknowledged(till: Till):
    till.sell("1250")
    # another life of this flash has closed the day already
    assert till.street.take(till.street.batch_close(1, 1, trace=50, journal=7)).code == 0
    till.keys("*D4")
    till.wait(1)
    till.keys("#")
    till.wait(2)
    why = Words(parts(till.settings.language)).reason(codes.NOTHING_LEFT)
    assert till.lines[2:4] == (till.says("REFUSED", "已拒绝"), why)
    till.keys("*")
    assert till.app.state.alert == (1, 2, codes.NOTHING_LEFT)
    till.wait(1)
    till.keys("#")
    assert till.app.state.alert is None


def test_a_training_till_closes_no_day(till: Till):
    till.sell("1250")
    till.app.till = till.app.till._replace(training=True)
    till.keys("*D4")
    till.wait(1)
    till.keys("#")
    assert till.lines[2] == till.says("Training: none", "练习不可日结")
    assert till.told_totals() == []
