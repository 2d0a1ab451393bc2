"""The end of a day, the last taps, and what is not done, at a real MicroPython handset with the
real gateway; in both languages, online, offline, and with the answer lost behind its posting.
"""

import pytest
from sqlalchemy import select

from firmware.flows import card_texts, dayend_texts, taps_texts, waiting_texts
from firmware.texts import Words, names
from gateway.database import reading
from gateway.ledger import REVERSAL
from gateway.tables import batches
from protocol import codes
from protocol.fields import BATCH_CLOSE, SALE, VOID
from protocol.limits import VOID_AFTER_S
from tests.support.till_day import Day
from tools.coffee_shop import MEMBERS, card_number


@pytest.fixture
def end(language: str) -> Words:
    return Words(dayend_texts.parts(language))


@pytest.fixture
def taps(language: str) -> Words:
    return Words(taps_texts.parts(language))


def closed(day: Day) -> list[tuple[int, int]]:
    """(first, last) trace of each batch that was closed, oldest first."""
    with reading(day.engine) as connection:
        rows = connection.execute(select(batches.c.first_trace, batches.c.last_trace)
                                  .order_by(batches.c.first_trace))
        return [(row.first_trace, row.last_trace) for row in rows]


def sold(day: Day, words: Words, amount: str = "1250", points: int = 18) -> None:
    day.keys(f"*{amount}#")
    day.tap()
    day.sees(words[names.POSTED] % points)


def counted(day: Day, words: Words, end: Words, sales: int = 1) -> None:
    """A sale, and the count of it on the screen."""
    sold(day, words)
    day.keys("*D4")
    day.sees(end[dayend_texts.SALE] + " " + end[dayend_texts.TIMES] % sales, "12.50")


def test_the_day_ends_as_head_office_counts_it(day: Day, words: Words, end: Words):
    counted(day, words, end)
    day.keys("#")
    day.sees(end[dayend_texts.DONE], end[dayend_texts.AGREES])
    assert closed(day) == [(1, 1)]
    day.keys("*D4")
    day.sees(end[dayend_texts.TITLE], end[dayend_texts.NOTHING])


def test_no_day_ends_offline_or_while_a_tap_is_not_answered(day: Day, words: Words, end: Words):
    counted(day, words, end)
    day.link(False)
    day.keys("#")
    day.sees(end[dayend_texts.TITLE], end[dayend_texts.OFFLINE])
    day.keys("*300#")
    day.tap()
    day.sees(words[names.SENT], "3.00")
    day.mute.add(SALE)
    day.link(True)
    day.keys("*D4")
    day.sees(end[dayend_texts.TITLE], end[dayend_texts.UNSETTLED] % 1)
    assert closed(day) == []


def test_a_close_whose_answer_is_lost_goes_on_through_a_power_cut(day: Day, words: Words,
                                                                  end: Words):
    day.mute.add(BATCH_CLOSE)
    counted(day, words, end)
    day.keys("#")
    day.sees(end[dayend_texts.TITLE], end[dayend_texts.SENT])
    day.until(lambda: closed(day))
    day.link(False)
    day.handset.do("later", ms=VOID_AFTER_S * 1000)
    day.sees(end[dayend_texts.TITLE], end[dayend_texts.NO_ANSWER], end[dayend_texts.GOES_ON])
    day.handset.send('{"do": "cut"}')
    assert day.handset.end() == 9
    with day.on():
        day.sees(end[dayend_texts.TITLE], end[dayend_texts.NO_ANSWER], end[dayend_texts.GOES_ON])
        day.mute.clear()
        day.link(False)
        day.link(True)
        day.sees(end[dayend_texts.DONE], end[dayend_texts.AGREES])
    assert closed(day) == [(1, 1)] and VOID not in day.heard


def test_a_sale_among_the_last_taps_is_cancelled(day: Day, words: Words, taps: Words):
    sold(day, words)
    sold(day, words, "300", 4)
    day.keys("*CB")
    day.sees(taps[taps_texts.SALE] + " 12.50", taps[taps_texts.WAITING + 1] + " +18")
    day.keys("D")
    day.sees(words[names.CANCEL_ASK], "12.50")
    day.mute.add(VOID)
    day.link(False)  # the void is taken all the same
    day.keys("#")
    day.sees(words[names.CANCELLING], "12.50")
    day.link(True)
    day.books(3)
    day.link(False)
    day.mute.clear()
    day.link(True)
    day.sees(words[names.CANCELLED], "12.50")
    day.keys("*C")
    day.sees(taps[taps_texts.SALE + 2], taps[taps_texts.WAITING + 1])
    assert day.booked() == [(SALE, 1250, 0), (SALE, 300, 0), (REVERSAL, -1250, 0)]


def test_what_was_not_sent_and_what_did_not_post_is_listed_until_it_was_seen(
        day: Day, words: Words, taps: Words, language: str):
    undone = Words(waiting_texts.parts(language))
    day.link(False)
    day.keys("700#")
    day.handset.do("card", entry=2, card=str(card_number(len(MEMBERS) + 1)))
    day.sees(words[names.SENT], "7.00")
    day.keys("*D3")
    day.sees(undone[waiting_texts.TITLE], undone[waiting_texts.UNSENT] % 1,
             undone[waiting_texts.REFUSED] % 0)
    day.keys("A")
    day.sees(taps[taps_texts.SALE] + " 7.00", taps[taps_texts.WAITING])
    day.link(True)
    day.handset.event("settled", trace=1)
    day.keys("**D3")
    day.sees(undone[waiting_texts.TITLE], undone[waiting_texts.UNSENT] % 0,
             undone[waiting_texts.REFUSED] % 1)
    day.keys("B")
    day.sees(taps[taps_texts.SALE] + " 7.00", words.reason(codes.CARD_INACTIVE))
    day.handset.send('{"do": "cut"}')
    assert day.handset.end() == 9
    with day.on():  # nobody has acknowledged it
        day.keys("*D3B")
        day.sees(taps[taps_texts.SALE] + " 7.00", words.reason(codes.CARD_INACTIVE))
        day.keys("#")
        day.sees(undone[waiting_texts.TITLE], None, undone[waiting_texts.REFUSED] % 0)
    with day.on():
        day.keys("*D3")
        day.sees(undone[waiting_texts.TITLE], None, undone[waiting_texts.REFUSED] % 0)
    assert not [row for row in day.booked() if row[2] == 0]


def test_a_sale_without_a_card_is_politely_none(day: Day, words: Words, language: str):
    said = Words(card_texts.parts(language))
    day.keys("1250#D")
    day.sees(said[card_texts.NO_CARD], said[card_texts.NEEDS_CARD], "12.50")
    day.keys("#")
    day.sees(words[names.TAP_CARD], "12.50")
    assert SALE not in day.heard and day.booked() == []
