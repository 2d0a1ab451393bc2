"""Paying with points, key by key. Runs on both interpreters."""

from firmware import views
from firmware.checkout import start, step
from firmware.flows import redeem_texts
from firmware.states import HOME, NOBODY, RESULT, WAITING, changed
from protocol import codes
from protocol.fields import INQUIRY, REDEMPTION
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.replies import CARD, inquiry_frame, reply

TERMS = (360, 100, 100, 100, 100, 5000)
STATUS = views.Status(True, 0, 1, "", None, "", -71, 80, "", 0)


def asked(keys="5000#", till=NOBODY):
    state, _ = press(start(), "B" + keys, till)
    return step(state, ("card", 2, CARD), 0, till)


def answered(code=0, keys="5000#", **fields):
    state, _ = asked(keys)
    return step(state, ("answer", reply(inquiry_frame(), code, **fields)), 0)[0]


def told(state, language="en"):
    return views.lines(state, STATUS, language, 2)[1:]


def test_b_asks_for_the_bill_then_for_the_card_then_for_the_balance():
    state, _ = press(start(), "B")
    assert told(state)[:2] == ("Points pay: bill", "0.00")
    assert press(state, "#")[0] == state
    state, _ = press(state, "5C500")
    assert told(state)[1] == "5.00"
    state, _ = press(state, "#")
    assert told(state)[:2] == ("Tap the card", "5.00")
    again = step(state, ("unread", 2, "crc"), 0)[0]
    assert told(again)[0] == "Card again"
    state, effects = step(again, ("card", 2, CARD), 0)
    assert effects == (("ask", INQUIRY, {"card": (2, CARD)}),)
    assert told(state)[:2] == ("Asking...", "5.00")


def test_points_and_money_stand_there_before_it_is_confirmed():
    state = answered(balance=360, redeeming=TERMS)
    assert told(state)[:3] == ("Balance 360", "At most 300", "# = all of that")
    state, _ = press(state, "300")
    assert told(state)[:3] == ("Balance 360", "300", "")
    state, _ = press(state, "#")
    assert told(state) == ("Points 300", "Off 3.00", "To pay 47.00", "#✓ *←")
    state, wanted = press(state, "#")
    assert wanted == [("online", REDEMPTION, {
        "card": (2, CARD), "amount_minor": 5000, "points": 300, "off_minor": 300})]
    state, _ = step(state, ("online", REDEMPTION, 5000, ("saved", 7, 1)), 0)
    assert state.name == WAITING and state.key == (7, 1)


def test_the_key_alone_takes_the_most_that_may_be_used():
    for keys, points, off in (("5000#", "300", "3.00"), ("399#", "100", "1.00")):
        state, _ = press(answered(keys=keys, balance=360, redeeming=TERMS), "#")
        assert told(state)[:2] == ("Points " + points, "Off " + off)


def test_what_may_not_be_used_is_refused_by_name_before_anything_is_sent():
    for keys, said in (("400#", "Has only 360"), ("50#", "At least 100"),
                       ("150#", "In steps of 100")):
        state, wanted = press(answered(balance=360, redeeming=TERMS), keys)
        assert told(state)[:3] == ("Balance 360", keys[:-1], said) and not wanted
    state, wanted = press(answered(keys="500#", balance=360, redeeming=TERMS), "300#")
    assert told(state)[2] == "At most 200" and not wanted
    state, wanted = press(answered(balance=-5, redeeming=(0,) + TERMS[1:]), "#")
    assert told(state)[:3] == ("Balance -5", "", "No points to use") and not wanted
    for keys, redeeming, said in (
            ("100#", TERMS, ("Balance 360", "Bill too small", "")),
            ("5000#", (50,) + TERMS[1:], ("Balance 360", "From 100 points", "Has only 50")),
            ("5000#", (0,) + TERMS[1:], ("Balance 360", "No points to use", ""))):
        assert told(answered(keys=keys, balance=360, redeeming=redeeming))[:3] == said
        state, wanted = press(answered(keys=keys, balance=360, redeeming=redeeming), "100#")
        assert told(state)[:3] == ("Balance 360", "100", said[1]) and not wanted
    state, _ = press(answered(balance=360, redeeming=TERMS), "400#CCC")
    assert told(state)[:3] == ("Balance 360", "At most 300", "# = all of that")


def test_without_terms_no_money_is_shown_and_none_is_named():
    state = answered(balance=360)
    assert told(state)[:3] == ("Balance 360", "Key the points", "")
    assert press(state, "#")[0] == state
    assert told(press(state, "361#")[0])[2] == "Has only 360"
    state, _ = press(state, "100#")
    assert told(state)[:3] == ("Points 100", "Bill 50.00", "Sum when posted")
    fields = press(state, "#")[1][0][2]
    assert fields == {"card": (2, CARD), "amount_minor": 5000, "points": 100}


def test_a_card_that_may_not_says_why_and_an_answer_to_something_else_counts_for_nothing():
    state = answered(codes.CARD_LOST)
    assert state.name == RESULT and told(state)[:2] == ("REFUSED", "Card lost")
    state, _ = asked()
    login = reply(inquiry_frame(kind=12))
    assert step(state, ("answer", login), 0)[0] == state
    state, _ = step(state, ("no_answer",), 0)
    assert state.name == RESULT and told(state)[0] == "No answer"


def test_who_logged_in_without_the_gateway_does_not_get_there():
    till = changed(changed(changed(NOBODY, "login", True), "operator", 5), "by_hash", True)
    assert press(start(), "B", till)[0].name == "login.online"


def test_home_is_always_near():
    states = [press(start(), keys)[0] for keys in ("B", "B50", "B50#")] + [asked()[0]]
    for redeeming in (TERMS, None):
        state = answered(balance=360, redeeming=redeeming)
        states += [press(state, keys)[0] for keys in ("", "300", "100#", "100##", "50#")]
    assert len(set([each.name for each in states])) == 6
    for each in states:
        home_is_near(walk(each, [("card", 2, CARD), ("time",), ("full",)], limit=60))
    assert press(states[-2], "*")[0].name == HOME


def test_it_says_the_same_in_both_languages():
    same_words(redeem_texts)


def rows_of(state, language):
    """The rows of its screen before any would be cut."""
    uncut, seen = views.fit, []
    views.fit = lambda text: seen.append(text) or uncut(text)
    try:
        told(state, language)
    finally:
        views.fit = uncut
    return seen


def test_every_screen_has_room_for_the_longest_values():
    big = (9007199254740991, 1, 1000000000, 1, 1, 10000)
    for language in ("en", "zh"):
        for redeeming in (big, None, (9007199254740991, 1, 1, 1000000000, 1000000000, 10000)):
            state = answered(keys="1000000000#", balance=9007199254740991, redeeming=redeeming)
            for keys in ("", "1000000000", "1000000000#", "7#", "1000000000##"):
                rows = rows_of(press(state, keys)[0], language)
                assert len(rows) > 1
                assert all([views.columns(row) <= views.COLUMNS for row in rows]), rows
