"""Points pay a bill, and receipts are voided and refunded, at a real MicroPython handset: what
stood on the screen is what the real gateway booked; in both languages, online, offline, and with
the answer lost at the worst moment: the gateway has posted, and the handset does not know.
"""

import pytest

from firmware.flows import redeem_texts, reverse_texts
from firmware.texts import Words, names
from gateway import ledger
from protocol import codes
from protocol.fields import REDEMPTION, REFUND, SALE, VOID
from tests.support.till_day import Day

ANSWER_MS = 30_000  # DESIGN 5.5: what needs an answer is cancelled without one


@pytest.fixture
def paying(language: str) -> Words:
    return Words(redeem_texts.parts(language))


@pytest.fixture
def back(language: str) -> Words:
    return Words(reverse_texts.parts(language))


def sold(day: Day, words: Words) -> str:
    """A sale of 300.00, 450 points at gold; its receipt number."""
    day.keys("30000#")
    day.tap()
    foot = day.sees(words[names.POSTED] % 450, words[names.BALANCE] % 450)[-1]
    day.keys("*")
    return foot.split()[-1]


def keyed(day: Day, paying: Words, points: str = "100") -> None:
    """So many points of 450 for a bill of 20.00, until points and money stand there."""
    day.keys("B2000#")
    day.sees(paying[redeem_texts.TAP_CARD], "20.00")
    day.tap()
    day.sees(paying[redeem_texts.BALANCE] % 450, paying[redeem_texts.WHY + 4] % 200)
    day.keys(points + "#")


def test_points_and_money_are_booked_as_the_screen_said(day: Day, words: Words, paying: Words,
                                                        back: Words):
    sale = sold(day, words)
    keyed(day, paying, "205")
    day.sees(None, "205", paying[redeem_texts.WHY + 3] % 10)
    day.keys("CCC100#")
    day.sees(paying[redeem_texts.USE] % 100, paying[redeem_texts.OFF] % "5.00",
             paying[redeem_texts.TO_PAY] % "15.00")
    day.keys("#")  # the 15.00 earn 22 points at gold
    foot = day.sees(words[names.OFF] % "5.00", words[names.POINTS] % "-100 +22",
                    words[names.BALANCE] % 372)[-1]
    day.keys(f"*D2{sale}#")
    day.sees(back[reverse_texts.AMOUNT], "0.00")
    day.keys("10000#")
    day.sees(back[reverse_texts.REFUND_ASK], "100.00", back[reverse_texts.RECEIPT] % int(sale))
    day.keys("#")
    day.sees(words[names.HAND_BACK] % "100.00", words[names.POSTED] % -150,
             words[names.BALANCE] % 222)
    day.keys(f"*D2{sale}#20001##")
    day.sees(words[names.REFUSED], words[names.MORE_THAN_LEFT],
             words[names.LEFT] % "200.00")
    day.keys(f"*D1{foot.split()[-1]}#")
    day.sees(back[reverse_texts.VOID_ASK])
    day.keys("#")
    day.sees(words[names.HAND_BACK] % "15.00", words[names.POSTED] % 78,
             words[names.BALANCE] % 300)
    day.keys(f"*D1{sale}##")
    day.sees(words[names.HAND_BACK] % "200.00", words[names.POSTED] % -300,
             words[names.BALANCE] % 0)
    day.keys(f"*D1{sale}##")
    day.sees(words[names.REFUSED], words.reason(codes.NOTHING_LEFT))
    assert [row for row in day.booked() if row[2] == 0] == [
        (SALE, 30000, 0), (ledger.REDEMPTION, 2000, 0), (ledger.REFUND, -10000, 0),
        (ledger.REVERSAL, -2000, 0), (ledger.REVERSAL, -20000, 0)]


def test_offline_nothing_of_it_is_taken(day: Day, words: Words, paying: Words):
    receipt = sold(day, words)
    keyed(day, paying)
    day.link(False)
    day.keys("#")
    day.sees(words[names.NO_ANSWER], words[names.OFFLINE_DO])
    for keys in (f"*D1{receipt}##", f"*D2{receipt}#100##", "*B2000#"):  # before it is keyed
        day.keys(keys)
        day.sees(None, words[names.OFFLINE_DO])
    day.link(True)
    assert len(day.handset.do("outbox")["outbox"]) == len(day.booked()) == 1
    assert not {REDEMPTION, REFUND, VOID} & {*day.heard}


def test_points_whose_answer_is_lost_are_told_when_the_link_is_back_at_once(
        day: Day, words: Words, paying: Words):
    sold(day, words)
    keyed(day, paying)
    day.mute.add(REDEMPTION)
    day.keys("#")
    day.books(2)
    day.link(False)
    day.sees(words[names.ASKING], "20.00")
    day.mute.clear()
    day.link(True)
    day.sees(words[names.OFF] % "5.00", words[names.POINTS] % "-100 +22")
    assert day.booked()[1:] == [(ledger.REDEMPTION, 2000, 0)]


def test_what_nobody_answered_is_taken_back_by_itself(day: Day, words: Words, paying: Words):
    receipt = sold(day, words)
    day.mute.add(REFUND)
    day.keys(f"*D2{receipt}#10000##")
    day.sees(words[names.ASKING], "100.00")
    day.books(2)
    unanswered(day, words, "100.00")
    day.mute.add(REDEMPTION)
    keyed(day, paying)
    day.keys("#")
    day.sees(words[names.ASKING], "20.00")
    day.books(4)
    unanswered(day, words, "20.00")
    assert day.booked()[1:] == [(ledger.REFUND, -10000, 0), (ledger.REVERSAL, 10000, 0),
                                (ledger.REDEMPTION, 2000, 0), (ledger.REVERSAL, -2000, 0)]
    day.keys("A")
    day.tap()
    day.sees(None, words[names.BALANCE] % 450)


def unanswered(day: Day, words: Words, money: str) -> None:
    """The link is lost until the answer is due; then it is back, and the cancel goes through."""
    day.link(False)
    day.handset.do("later", ms=ANSWER_MS)
    day.sees(words[names.CANCELLING], money)
    day.mute.clear()
    day.link(True)
    day.sees(words[names.CANCELLED], money)
    day.keys("*")


def test_points_whose_answer_was_lost_behind_a_power_cut_come_back_by_themselves(
        day: Day, words: Words, paying: Words):
    sold(day, words)
    keyed(day, paying)
    day.mute.add(REDEMPTION)
    day.keys("#")
    day.books(2)
    day.handset.send('{"do": "cut"}')
    assert day.handset.end() == 9
    day.mute.clear()
    with day.on():
        day.sees(words[names.CANCELLED], "20.00")
    assert day.booked()[1:] == [(ledger.REDEMPTION, 2000, 0), (ledger.REVERSAL, -2000, 0)]


def test_a_refund_and_a_void_by_receipt_whose_answers_were_lost_behind_a_power_cut(
        day: Day, words: Words):
    receipt = sold(day, words)
    day.mute.add(REFUND)
    day.keys(f"*D2{receipt}#10000##")
    day.books(2)
    day.handset.send('{"do": "cut"}')
    assert day.handset.end() == 9
    day.mute.clear()
    with day.on():
        day.sees(words[names.CANCELLED], "100.00")
        assert day.booked()[1:] == [(ledger.REFUND, -10000, 0), (ledger.REVERSAL, 10000, 0)]
        day.mute.add(VOID)
        day.keys(f"*D1{receipt}##")
        day.books(4)
        day.handset.send('{"do": "cut"}')
        assert day.handset.end() == 9
        day.mute.clear()
        with day.on():  # a void is cancelled by nobody
            day.sees(words[names.HAND_BACK] % "300.00", words[names.POSTED] % -450,
                     words[names.BALANCE] % 0)
    assert day.booked()[3:] == [(ledger.REVERSAL, -30000, 0)]
