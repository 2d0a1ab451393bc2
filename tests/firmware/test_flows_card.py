"""The card of a sale: twice, unreadable, or not there. Runs on both interpreters."""

from firmware import states, views
from firmware.checkout import start, step
from firmware.flows import card_texts
from firmware.states import CARD, HOME, NOBODY, READER, SAVING, SENT, changed
from protocol.fields import SALE
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.replies import CARD as CARD_NUMBER

TAPPED = ("card", 2, CARD_NUMBER)
# sold for 12.50 when the clock stood at 5 s, under trace 1
SOLD = changed(NOBODY, "last", (CARD_NUMBER, 1250, 5000, (7, 1)))


def tapped(keys, till=NOBODY, now=6000, card=TAPPED):
    """The state and the effects behind the keys of a sale and a card."""
    return step(press(start(), keys, till)[0], card, now, till)


def rows(state, language="en", fault=None):
    status = views.Status(True, 0, 1, "0", fault, "", None, None, "", None)
    return views.lines(state, status, language, 2)


def test_the_same_card_with_the_same_amount_is_asked_about():
    state, effects = tapped("1250#", SOLD)
    assert state.name == "card.twice" and effects == (("beep", "refused"),)
    assert rows(state) == ("●", "Same card+amount", "Sell again?", "12.50", "#✓ *✗")
    assert press(state, "*")[0].name == HOME
    for key in "123ABCD0":
        assert press(state, key) == (state, [])
    assert step(state, TAPPED, 6000, SOLD)[0] == state
    state, effects = press(state, "#", SOLD)
    assert state.name == SAVING
    assert effects == [("journal", SALE, {"card": (2, CARD_NUMBER), "amount_minor": 1250})]


def test_however_the_card_came_in():
    assert tapped("1250#", SOLD, card=("card", 1, CARD_NUMBER))[0].name == "card.twice"


def test_another_card_another_amount_or_a_minute_later_are_no_question():
    assert tapped("1251#", SOLD)[0].name == SAVING
    assert tapped("1250#", SOLD, card=("card", 2, CARD_NUMBER + 1))[0].name == SAVING
    assert tapped("1250#", SOLD, 64999)[0].name == "card.twice"
    assert tapped("1250#", SOLD, 65000)[0].name == SAVING
    assert tapped("1250#")[0].name == SAVING


def test_a_sale_counts_as_the_last_once_it_is_saved():
    state, effects = tapped("1250#")
    assert not [each for each in effects if each[0] == "till"]
    effects = step(state, ("saved", 7, 1), 5000)[1]
    assert ("till", "last", SOLD.last) in effects
    for became in (("full",), ("failed",), ("trained",)):
        assert not [each for each in step(state, became, 5000)[1] if each[0] == "till"]


def test_what_was_voided_may_be_sold_again_and_nothing_else_is_forgotten():
    voiding = press(states.State(SENT, SALE, 1250, (7, 1), None, 99000, None), "D#", SOLD)[0]
    assert ("till", "last", None) in step(voiding, ("saved", 7, 2), 6000, SOLD)[1]
    voiding = press(states.State(SENT, SALE, 1250, (7, 9), None, 99000, None), "D#", SOLD)[0]
    assert not [each for each in step(voiding, ("saved", 7, 10), 6000, SOLD)[1]
                if each[0] == "till"]


def test_without_a_card_there_are_no_points_and_the_sale_goes_on():
    state = press(start(), "1250#D")[0]
    assert state.name == "card.none"
    assert rows(state)[1:] == ("No card", "Points need one", "12.50", "*←")
    assert step(state, TAPPED, 0) == (state, ())
    for key in "1#*D":
        after = press(state, key)[0]
        assert after.name == CARD and after.amount_minor == 1250
    assert press(start(), "AD")[0].name == CARD


def test_a_card_that_cannot_be_read_says_why():
    card = press(start(), "1250#")[0]
    for why, said in (("two_cards", "Two cards there"), ("random_id", "Phone is no card"),
                      ("product", "Not a card code"), ("lrc", "Cannot be read")):
        state, effects = step(card, ("unread", 2, why), 0)
        assert rows(state)[1:4] == ("Card again", "12.50", said)
        assert effects == (("beep", "refused"),)
        assert step(state, TAPPED, 0)[0].name == SAVING
    assert rows(press(start(), "A")[0], "zh")[1:4] == ("请刷卡", "查询余额", "")


def test_a_reader_that_fails_is_said_until_it_reads():
    effects = step(start(), ("fault", 2, "absent"), 0)[1]
    assert effects == (("till", "reader", "absent"),)
    broken = changed(NOBODY, "reader", "absent")
    assert step(start(), ("fault", 2, "absent"), 0, broken)[1] == ()
    for event in (("fault", 2, None), TAPPED, ("unread", 2, "two_cards")):
        assert ("till", "reader", None) in step(start(), event, 0, broken)[1]
    assert ("till", "reader", None) not in step(start(), ("card", 1, 5), 0, broken)[1]
    card = press(start(), "1250#")[0]
    assert rows(card, fault=READER)[:4] == ("●  ?reader", "Tap the card", "12.50",
                                            "Reader is broken")


def test_home_is_always_near():
    events = [TAPPED, ("unread", 2, "two_cards"), ("fault", 2, "bus"), ("long", "C")]
    for begun in (tapped("1250#", SOLD)[0], press(start(), "1250#D")[0]):
        home_is_near(walk(begun, events, SOLD), SOLD)


def test_it_says_the_same_in_both_languages():
    same_words(card_texts)
