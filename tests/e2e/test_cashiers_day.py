"""Every flow of the handset on real MicroPython with the real gateway: keys and cards in, pixels
and postings out; in both languages, online, offline, and with the link lost at the worst moment:
the gateway has posted, and its answer is gone. All within the 160 KB of heap that a flow may take.
"""

from pathlib import Path

import pytest

from firmware.flows import redeem_texts, reverse_texts, setup_texts
from firmware.texts import Words, names, parts
from gateway.ledger import REDEMPTION as REDEEMED
from gateway.ledger import REFUND as REFUNDED
from gateway.ledger import REVERSAL
from gateway.rules import Redeeming
from protocol.fields import INQUIRY, REDEMPTION, REFUND, SALE
from tests.support import handset_process
from tests.support.micropython import need_micropython
from tests.support.till_day import Day
from tools import coffee_shop, handset_program

# a hundred points are worth a yuan, of at most half the bill
RULES = coffee_shop.RULES._replace(redeeming=Redeeming(100, 100, 100, 100, 5000))


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    need_micropython()
    return handset_program.stage(tmp_path_factory.mktemp("program"), heap_size="160K")


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def words(language: str) -> Words:
    return Words(parts(language))


@pytest.fixture
def day(tmp_path: Path, command: list[str], language: str, monkeypatch: pytest.MonkeyPatch):
    # what needs an answer waits 30 s for it
    monkeypatch.setattr(handset_process, "WAIT_S", 90.0)
    with Day(tmp_path, command, language, RULES).open() as begun, begun.on():
        yield begun


def test_a_sale_is_posted_asked_for_and_cancelled(day: Day, words: Words):
    day.keys("1250#")
    day.sees(words[names.TAP_CARD], "12.50")
    day.tap()
    day.sees(words[names.POSTED] % 18, words[names.BALANCE] % 18)
    day.keys("*A")
    day.sees(words[names.TAP_CARD], words[names.INQUIRY])
    day.tap()
    day.sees(None, words[names.BALANCE] % 18)
    day.keys("*300#")
    day.tap()
    day.sees(words[names.POSTED] % 4, words[names.BALANCE] % 22)
    day.keys("D")
    day.sees(words[names.CANCEL_ASK], "3.00")
    day.keys("#")
    day.sees(words[names.CANCELLED], "3.00")
    assert day.booked() == [(SALE, 1250, 0), (SALE, 300, 0), (REVERSAL, -300, 0)]


def test_sales_offline_are_posted_once_when_the_link_is_back(day: Day, words: Words):
    day.link(False)
    for amount in (1250, 300):
        day.keys(f"{amount}#")
        day.tap()
        day.sees(words[names.SENT], f"{amount / 100:.2f}")
    day.keys("D")
    day.sees(words[names.CANCEL_ASK], "3.00")
    day.keys("#")
    day.sees(words[names.CANCELLING], "3.00")
    day.keys("*A")
    day.tap()
    day.sees(words[names.NO_ANSWER], words[names.OFFLINE_DO])
    assert day.booked() == []
    day.keys("*")
    day.link(True)
    for trace in (1, 2, 3):
        day.handset.event("settled", trace=trace)
    assert sorted(day.booked()) == [(SALE, 300, 0), (SALE, 1250, 0), (REVERSAL, -300, 0)]


def test_answers_that_are_lost_change_nothing_that_was_posted(day: Day, words: Words):
    day.mute |= {SALE, INQUIRY}
    day.keys("1250#")
    day.tap()
    day.handset.event("saved")
    while not day.booked():
        day.sees(None)
    day.link(False)
    day.mute.clear()
    day.sees(words[names.SENT], "12.50")
    day.link(True)
    day.sees(words[names.POSTED] % 18, words[names.BALANCE] % 18)
    assert day.booked() == [(SALE, 1250, 0)] and day.heard.count(SALE) > 1


# -- points off a bill ---------------------------------------------------------------------------


@pytest.fixture
def paying(language: str) -> Words:
    return Words(redeem_texts.parts(language))


def earn_and_ask_for_points(day: Day, paying: Words) -> None:
    """A sale of 200.00, then a bill of 10.00 that points pay in part, up to the last question."""
    day.keys("20000#")
    day.tap()
    day.handset.event("settled", points=300)
    day.keys("*B1000#")
    day.sees(paying[redeem_texts.TAP_CARD], "10.00")
    day.tap()
    day.sees(paying[redeem_texts.BALANCE] % 300)
    day.keys("200#")
    day.sees(paying[redeem_texts.USE] % 200, paying[redeem_texts.OFF] % "2.00",
             paying[redeem_texts.TO_PAY] % "8.00")


def test_points_pay_a_bill_with_the_money_that_was_shown(day: Day, words: Words, paying: Words):
    earn_and_ask_for_points(day, paying)
    day.keys("#")
    settled = day.handset.event("settled", trace=2)
    assert settled["points"] == -200 + 12 and settled["balance"] == 112
    day.sees(words[names.OFF] % "2.00", None, words[names.BALANCE] % 112)
    assert day.booked() == [(SALE, 20000, 0), (REDEEMED, 1000, 0)]


def test_points_pay_nothing_offline(day: Day, words: Words, paying: Words):
    day.link(False)
    day.keys("B1000#")
    day.tap()
    day.sees(words[names.NO_ANSWER], words[names.OFFLINE_DO])
    day.link(True)
    assert day.booked() == [] and REDEMPTION not in day.heard


def test_a_payment_whose_answer_is_lost_is_taken_back_by_itself(
        day: Day, words: Words, paying: Words):
    earn_and_ask_for_points(day, paying)
    day.mute.add(REDEMPTION)
    day.keys("#")
    day.sees(words[names.ASKING], "10.00")
    while len(day.booked()) < 2:
        day.sees(None)
    day.link(False)
    day.sees(words[names.CANCELLING], "10.00")
    day.mute.clear()
    day.link(True)
    day.sees(words[names.CANCELLED], "10.00")
    assert day.booked() == [(SALE, 20000, 0), (REDEEMED, 1000, 0), (REVERSAL, -1000, 0)]
    day.keys("*A")
    day.tap()
    day.sees(None, words[names.BALANCE] % 300)


# -- by the number of a receipt ------------------------------------------------------------------


@pytest.fixture
def back(language: str) -> Words:
    return Words(reverse_texts.parts(language))


def sale(day: Day) -> str:
    """A sale of 200.00 that earns 300; its receipt number."""
    day.keys("20000#")
    day.tap()
    return str(day.handset.event("settled", points=300)["receipt"])


def test_a_part_and_then_the_rest_are_taken_back_by_the_receipt(
        day: Day, words: Words, back: Words):
    receipt = sale(day)
    day.keys(f"*D2{receipt}#5000#")
    day.sees(back[reverse_texts.REFUND_ASK], "50.00", back[reverse_texts.RECEIPT] % int(receipt))
    day.keys("#")
    assert day.handset.event("settled", trace=2)["points"] == -75
    day.keys(f"*D1{receipt}#")
    day.sees(back[reverse_texts.VOID_ASK], back[reverse_texts.RECEIPT] % int(receipt))
    day.keys("#")
    assert day.handset.event("settled", trace=3)["points"] == -225
    day.keys(f"*D1{receipt}##")
    assert day.handset.event("settled", trace=4)["code"] == 38
    day.sees(words[names.REFUSED])
    booked = day.booked()
    assert [row for row in booked if row[2] == 0] == [
        (SALE, 20000, 0), (REFUNDED, -5000, 0), (REVERSAL, -15000, 0)]


def test_nothing_is_taken_back_by_a_receipt_offline(day: Day, words: Words, back: Words):
    receipt = sale(day)
    day.link(False)
    day.keys(f"*D2{receipt}#5000##")
    day.sees(words[names.NO_ANSWER], words[names.OFFLINE_DO])
    day.link(True)
    assert day.booked() == [(SALE, 20000, 0)]


def test_a_refund_whose_answer_is_lost_is_taken_back_by_itself(
        day: Day, words: Words, back: Words):
    receipt = sale(day)
    day.mute.add(REFUND)
    day.keys(f"*D2{receipt}#5000##")
    day.sees(words[names.ASKING], "50.00")
    while len(day.booked()) < 2:
        day.sees(None)
    day.link(False)
    day.sees(words[names.CANCELLING], "50.00")
    day.mute.clear()
    day.link(True)
    day.sees(words[names.CANCELLED], "50.00")
    day.keys("*A")
    day.tap()
    day.sees(None, words[names.BALANCE] % 300)


# -- settings and training ------------------------------------------------------------------------


def test_the_language_is_switched_while_it_runs(day: Day, language: str):
    other = {"zh": "en", "en": "zh"}[language]
    before, after = (Words(setup_texts.parts(each)) for each in (language, other))
    day.keys("D5")
    day.sees(before[setup_texts.LANGUAGE], before[setup_texts.VOLUME] % 2)
    day.keys("12")
    day.sees(after[setup_texts.LANGUAGE], after[setup_texts.VOLUME] % 3)
    day.keys("*1250#")
    day.tap()
    day.sees(Words(parts(other))[names.POSTED] % 18)


def test_training_posts_nothing(day: Day, words: Words):
    day.keys("D6#1250#")
    day.tap()
    day.sees(words[names.TRAINING], "12.50", words[names.NOT_POSTED])
    day.keys("*D6#1250#")
    day.tap()
    day.sees(words[names.POSTED] % 18)
    assert day.booked() == [(SALE, 1250, 0)]
    assert day.handset.do("status")["next_trace"] == 2
