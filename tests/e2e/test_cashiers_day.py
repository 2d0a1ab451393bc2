"""Sales (also in lines), inquiries, settings and training on real MicroPython with the real
gateway: keys and cards in, pixels and postings out; in both languages, online, offline, and with
the link lost at the worst moment: the gateway has posted, and its answer is gone.
"""

from sqlalchemy import select

from firmware.flows import basket_texts, reverse_texts, setup_texts, taps_texts
from firmware.texts import Words, names, parts
from gateway.database import reading
from gateway.decisions.refund import basket_in
from gateway.ledger import REFUND, REVERSAL
from gateway.tables import entries
from protocol.fields import INQUIRY, SALE, VOID
from protocol.limits import BASKET_LINES_MAX
from tests.support.till_day import Day


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
    day.sees(None, words[names.OFFLINE_DO])  # before a card is asked for
    assert day.booked() == []
    day.keys("*")
    day.link(True)
    for trace in (1, 2, 3):
        day.handset.event("settled", trace=trace)
    assert sorted(day.booked()) == [(SALE, 300, 0), (SALE, 1250, 0), (REVERSAL, -300, 0)]


def test_answers_that_are_lost_change_nothing_that_was_posted(day: Day, words: Words):
    day.mute.add(SALE)
    day.keys("1250#")
    day.tap()
    day.handset.event("saved")
    day.books(1)
    day.link(False)
    day.mute.clear()
    day.sees(words[names.SENT], "12.50")
    day.link(True)
    day.sees(words[names.POSTED] % 18, words[names.BALANCE] % 18)
    assert day.booked() == [(SALE, 1250, 0)] and day.heard.count(SALE) > 1


def test_a_cancel_and_a_balance_whose_answers_are_lost(day: Day, words: Words):
    day.keys("300#")
    day.tap()
    day.sees(words[names.POSTED] % 4)
    day.mute |= {VOID, INQUIRY}
    day.keys("D#")
    day.sees(words[names.CANCELLING], "3.00")
    day.books(2)
    day.link(False)
    day.mute.remove(VOID)
    day.sees(words[names.CANCELLING], "3.00")
    day.link(True)
    day.sees(words[names.CANCELLED], "3.00")
    day.keys("*A")
    day.tap()
    day.until(lambda: INQUIRY in day.heard)
    day.link(False)
    day.sees(words[names.NO_ANSWER], words[names.OFFLINE_DO])
    day.mute.clear()
    day.link(True)
    day.keys("A")
    day.tap()
    day.sees(None, words[names.BALANCE] % 0)
    assert day.booked() == [(SALE, 300, 0), (REVERSAL, -300, 0)]


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


# -- sales in lines -------------------------------------------------------------------------------


def baskets(day: Day) -> list[list[tuple[int, int]]]:
    """What the ledger keeps of each entry's lines, oldest first."""
    with reading(day.engine) as connection:
        kept = connection.scalars(select(entries.c.context).order_by(entries.c.id))
        return [[(line[0], line[1]) for line in basket_in(context)] for context in kept]


def test_a_sale_in_lines_is_booked_with_them(day: Day, words: Words, language: str):
    lines = Words(basket_texts.parts(language))
    day.keys("1250A12#500")
    day.sees(lines[basket_texts.LINES] % 1, "5.00", lines[basket_texts.SUM] % "12.50")
    day.keys("A3##")
    day.sees(words[names.TAP_CARD], "17.50")
    day.tap()
    day.sees(words[names.POSTED] % 26, words[names.BALANCE] % 26)
    day.keys("*CC500##")  # a part of it: the gateway wants lines
    day.sees(words[names.REFUSED], words[names.HAS_BASKET], words[names.BY_ITEMS])
    day.keys("*CBC200A3###")
    day.sees(words[names.HAND_BACK] % "2.00", words[names.POSTED] % -3)
    posted = [row for row in day.booked() if row[2] == 0]
    assert posted == [(SALE, 1750, 0), (REFUND, -200, 0)]
    assert baskets(day)[0] == [(12, 1250), (3, 500)] and baskets(day)[-1] == [(3, 200)]


def test_the_longest_sale_in_lines_is_kept_offline_and_booked_once(day: Day, words: Words):
    day.mute.add(SALE)  # at the worst moment: it is booked, and its answer is gone
    day.keys("100A65535#" * BASKET_LINES_MAX + "#")
    day.tap()
    day.books(1)
    day.link(False)
    day.mute.clear()
    day.keys("*200A1#300A2##")
    day.tap()
    day.sees(words[names.SENT], "5.00")
    day.link(True)
    day.handset.event("settled", trace=2)
    assert day.booked() == [(SALE, 1600, 0), (SALE, 500, 0)]
    assert baskets(day) == [[(65535, 100)] * BASKET_LINES_MAX, [(1, 200), (2, 300)]]


def test_a_part_of_the_last_tap_goes_back_then_the_rest_then_nothing(
        day: Day, words: Words, language: str):
    back = Words(reverse_texts.parts(language))
    day.keys("20000#")
    day.tap()
    day.sees(words[names.POSTED] % 300)
    day.keys("*CC5000#")
    day.sees(back[reverse_texts.REFUND_ASK], "50.00", back[reverse_texts.TAP] % 1)
    day.keys("#")
    day.sees(words[names.HAND_BACK] % "50.00", words[names.POSTED] % -75)
    day.keys("*CBD")  # the refund is the newest
    day.sees(words[names.CANCEL_ASK], "200.00")
    day.keys("#")
    day.sees(words[names.CANCELLED], "150.00")
    day.keys("*300#")
    day.tap()
    day.sees(words[names.POSTED] % 4)
    day.keys("*CC300##")
    day.sees(words[names.HAND_BACK] % "3.00", words[names.POSTED] % -4)
    day.keys("*CBD#")  # all of it went back before: it is not asked for again
    day.sees(None, Words(taps_texts.parts(language))[taps_texts.REFUNDED] % "3.00")
    assert [row for row in day.booked() if row[2] == 0] == [
        (SALE, 20000, 0), (REFUND, -5000, 0), (REVERSAL, -15000, 0), (SALE, 300, 0),
        (REFUND, -300, 0)]
