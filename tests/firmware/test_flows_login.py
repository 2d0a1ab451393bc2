"""Operators at the handset: number and PIN, with the gateway and without. Both interpreters."""

from firmware import checkout, states
from firmware.checkout import start, step
from firmware.flows import login_texts
from firmware.flows.login import needs_link, needs_login
from firmware.states import ASKED, HOME, NOBODY, RESULT, SENT, WAITING, Till, changed
from protocol import codes
from protocol.fields import INQUIRY, LOGIN, REPLY_FIELDS, SALE, VOID, Reply
from tests.firmware.flow_walk import home_is_near, press, same_words, walk

WANTED = Till(0, False, False, None, True, (0, 0), None, False, (), ())
ONLINE = Till(5, False, False, None, True, (0, 0), None, False, (), ())
BY_HASH = Till(5, True, False, None, True, (0, 0), None, False, (), ())
CANDIDATE = b"salt and hash"
TO_LOGIN = ("operator", "ask", 5, "2468")


def reply(code, kind=LOGIN, **fields):
    values = {"type": 128 + kind, "journal": 7, "trace": 0, "code": code}
    for name in fields:
        values[name] = fields[name]
    return Reply(*[values.get(name) for name in REPLY_FIELDS])


def asked(till=WANTED, online=True, state=None, now=0):
    """Behind number and PIN: the gateway is asked, or the hash."""
    state, wanted = press(state or start(), "5#2468#", till, now)
    assert wanted == [TO_LOGIN] and state.name == "login.asked"
    return step(state, ("found", (CANDIDATE, online)), now, till)


def effects_of(effects, name):
    return [each[1:] for each in effects if each[0] == name]


def test_each_key_where_nobody_is_logged_in_leads_to_the_login():
    refused = ("refused", reply(codes.CARD_LOST, SALE), 5)
    places = [start(), start(("last", 1, 500, None, None, None)), start(None, (2, 9, 12)),
              states.waiting(2, (7, 1), 500, None), states.cancelling((7, 1), (7, 2), 500),
              checkout.to(start(), SENT, SALE, 500, (7, 1), None, 10000),
              checkout.to(start(), RESULT, SALE, 500, (7, 1), refused)]
    for place in places:
        for key in "0123456789#ABCD":
            state, effects = press(place, key, WANTED)
            left = [("till", "left", ((7, 1),))] if place.name == WAITING else []
            assert state.name == "login.operator" and effects == left
            assert state.amount_minor == (int(key) if key.isdigit() else 0)
        assert press(place, "*", WANTED)[0].name == HOME
    assert press(start(), "5", NOBODY)[0].name == "amount"
    assert press(start(), "5", ONLINE)[0].name == "amount"


def test_number_and_pin_are_keyed_and_taken_back():
    assert press(start(), "#", WANTED)[0].amount_minor == 0
    assert press(start(), "##", WANTED)[0].name == "login.operator"  # 0 is nobody's number
    assert press(start(), "12C", WANTED)[0].amount_minor == 1
    assert press(start(), "65535", WANTED)[0].amount_minor == 65535
    assert press(start(), "65536", WANTED)[0].amount_minor == 6553
    state = press(start(), "5#246", WANTED)[0]
    assert state.name == "login.pin" and state.shown == ("pin", "246")
    assert press(state, "#", WANTED) == (state, [])  # too short
    assert press(state, "CCC", WANTED)[0].shown == ("pin", "")
    assert press(state, "CCCC", WANTED)[0].name == "login.operator"
    assert press(state, "802467", WANTED)[0].shown == ("pin", "24680246")
    assert press(state, "AB", WANTED)[0] == state


def test_behind_its_confirmation_no_state_knows_the_pin():
    state, wanted = press(start(), "5#2468#", WANTED)
    assert wanted == [TO_LOGIN] and "2468" not in repr(state)
    assert "2468" not in repr(step(state, ("found", (CANDIDATE, True)), 0, WANTED)[0])
    assert "2468" not in repr(press(press(start(), "5#2468", WANTED)[0], "*", WANTED)[0])


def test_the_gateways_approval_logs_in_and_is_kept():
    state, effects = asked()
    assert effects == () and state.shown == ("asked", CANDIDATE)
    state, effects = step(state, ("answer", reply(0, line="Li")), 0, WANTED)
    assert state.name == HOME and state.shown == ("operator", 5, "Li")
    assert effects_of(effects, "till") == [("operator", 5), ("by_hash", False), ("wrong", (0, 0))]
    assert effects_of(effects, "operator") == [("keep", 5, CANDIDATE)]


def test_an_alert_stands_on_the_screen_behind_the_login_and_not_before_it_is_acknowledged():
    state = start(None, (1, 9, codes.CARD_LOST))
    assert press(state, "#", WANTED)[1] == []  # nobody saw it
    state = step(asked(state=state)[0], ("answer", reply(0, line="Li")), 0, WANTED)[0]
    assert state.name == HOME and state.shown is None and state.alert == (1, 9, codes.CARD_LOST)
    state, effects = press(state, "#", ONLINE, 1000)
    assert state.alert is None and effects == [("seen",)]


def test_a_refused_operator_is_forgotten_and_may_not_try_again_with_the_same_number():
    for code in (codes.OPERATOR_UNKNOWN, codes.OPERATOR_NOT_ALLOWED):
        state, effects = step(asked()[0], ("answer", reply(code)), 0, WANTED)
        assert state.shown == ("refused", "other", code)
        assert effects_of(effects, "operator") == [("forget", 5, None)]
        assert effects_of(effects, "till") == []
        again = press(state, "#", WANTED)[0]
        assert again.name == "login.operator" and again.amount_minor == 0


def test_what_is_no_verdict_asks_for_the_pin_anew():
    state, effects = step(asked()[0], ("answer", reply(codes.TRY_LATER)), 0, WANTED)
    assert effects == (("operator", "match", 5, CANDIDATE),)
    state, effects = step(state, ("found", "none"), 0, WANTED)
    assert state.shown == ("refused", "again", codes.TRY_LATER) and effects[0][0] == "beep"
    again = press(state, "#", WANTED)[0]
    assert (again.name, again.amount_minor, again.shown) == ("login.pin", 5, ("pin", ""))
    assert press(again, "1357#", WANTED)[1] == [("operator", "ask", 5, "1357")]
    state = step(asked()[0], ("answer", reply(codes.TERMINAL_SUSPENDED)), 0, WANTED)[0]
    assert state.shown[1] == "other"
    state = step(asked()[0], ("failed",), 0, WANTED)[0]
    assert state.shown == ("refused", "again", "failed")


def test_without_an_answer_the_hash_decides():
    later = "answer", reply(codes.TRY_LATER)
    for state, effects in (asked(online=False), step(asked()[0], later, 0, WANTED),
                           step(asked()[0], ("no_answer", LOGIN), 0, WANTED)):
        assert effects == (("operator", "match", 5, CANDIDATE),)
        after, effects = step(state, ("found", "right"), 0, WANTED)
        assert after.name == HOME and after.shown == ("operator", 5, None)
        assert effects_of(effects, "till")[:2] == [("operator", 5), ("by_hash", True)]
        assert effects_of(effects, "operator") == []
        for why in ("none", "old", "tries"):
            after = step(state, ("found", why), 0, WANTED)[0]
            assert after.shown == (("refused", "other", why) if len(state.shown) == 2 else (
                "refused", "again", codes.TRY_LATER))


def test_the_answer_to_another_question_is_none_of_the_logins():
    state = asked()[0]
    assert step(state, ("no_answer", INQUIRY), 0, WANTED) == (state, ())
    assert step(state, ("answer", reply(0, INQUIRY)), 0, WANTED) == (state, ())
    inquiry = checkout.to(start(), ASKED, INQUIRY)
    assert step(inquiry, ("no_answer", LOGIN), 0, ONLINE) == (inquiry, ())
    assert step(inquiry, ("answer", reply(0)), 0, ONLINE) == (inquiry, ())
    gone = press(asked()[0], "*", WANTED)[0]
    assert step(gone, ("answer", reply(0)), 0, WANTED) == (gone, ())


def wrong_three_times(now, by_gateway=True):
    till, state = WANTED, start()
    for count in (1, 2, 3):
        state = asked(till, by_gateway, state, now)[0]
        event = ("answer", reply(codes.OPERATOR_PIN_WRONG)) if by_gateway else ("found", "wrong")
        state, effects = step(state, event, now, till)
        forgets = effects_of(effects, "operator")
        assert forgets == ([("forget", 5, CANDIDATE)] if by_gateway else [])
        (name, wrong), = effects_of(effects, "till")
        assert name == "wrong"
        till = Till(0, False, False, None, True, wrong, None, False, (), ())
        if count < 3:
            assert state.shown == ("refused", "again", codes.OPERATOR_PIN_WRONG)
            assert wrong == (count, 0)
            state = press(state, "*", till)[0]  # leaving makes no try more
    return state, till


def test_three_wrong_pins_in_a_row_cost_a_minute_that_is_shown():
    for by_gateway in (True, False):
        state, till = wrong_three_times(1000, by_gateway)
        assert state.name == "login.wait" and state.shown == ("wait", 60)
        assert state.due == 11000 and till.wrong == (0, 61000)
        assert press(state, "5#2468#", till, 2000)[1] == []
        state = step(state, ("time",), 11000, till)[0]
        assert state.shown == ("wait", 50) and state.due == 21000
        home = press(state, "*", till, 12000)[0]
        assert home.name == HOME
        back = press(home, "5", till, 12000)[0]
        assert back.name == "login.wait" and back.shown == ("wait", 50)
        assert step(back, ("time",), 60999, till)[0].shown == ("wait", 10)
        assert step(back, ("time",), 61000, till)[0].name == "login.operator"
        assert press(home, "5", till, 61000)[0].name == "login.operator"


def test_who_leaves_is_gone_at_once_and_only_where_somebody_has_to_log_in():
    state, effects = press(start(), "D8", ONLINE)
    assert state.name == HOME and effects == [("till", "operator", 0), ("till", "by_hash", False)]
    assert press(start(), "D8", NOBODY)[0].name == "menu.off"


def test_what_nobody_saw_when_the_lock_came_stays_as_an_alert():
    def locked(*shown):
        purpose = VOID if shown[0] == "not_cancelled" else SALE
        state = checkout.to(start(), RESULT, purpose, 500, (7, 3), shown)
        after, effects = step(state, ("lock",), 0, ONLINE)
        assert after.name == HOME and after.shown is None
        assert effects_of(effects, "till") == [("operator", 0), ("by_hash", False)]
        assert press(state, "5", WANTED)[0].alert == after.alert
        return after.alert

    assert locked("refused", reply(codes.CARD_LOST, SALE, trace=3), 500) == (1, 3, codes.CARD_LOST)
    assert locked("not_cancelled", 3, 500, codes.NOT_VOIDABLE) == (1, 3, codes.NOT_VOIDABLE)
    assert locked("posted", reply(0, SALE), 500) is None
    two = checkout.to(start(None, (1, 2, codes.CARD_LOST)), RESULT, SALE, 500, (7, 3),
                      ("refused", reply(codes.CARD_BLOCKED, SALE, trace=3), 500))
    assert step(two, ("lock",), 0, ONLINE)[0].alert == (2, 3, codes.CARD_BLOCKED)


def test_a_lock_in_the_middle_of_anything_ends_it():
    for keys in ("125", "125#", "A", "D", "D7"):
        state = press(start(), keys, ONLINE)[0]
        assert step(state, ("lock",), 0, ONLINE)[0].name == HOME
    waits = states.waiting(2, (7, 1), 500, None)
    home = step(waits, ("lock",), 0, ONLINE)[0]
    refused = reply(codes.CARD_LOST, 2, trace=1)
    assert step(home, ("settled", refused), 0, WANTED)[0].alert == (1, 1, codes.CARD_LOST)
    unreadable = checkout.recovery("blank")
    assert step(unreadable, ("lock",), 0, ONLINE)[0] == unreadable


def test_what_needs_the_gateway_needs_a_login_that_it_saw():
    assert needs_login(start(), NOBODY) is None and needs_login(start(), ONLINE) is None
    for till in (WANTED, BY_HASH):
        state, effects = needs_login(start(), till)
        assert state.name == "login.online" and effects == (("beep", "refused"),)
        assert press(state, "*", till)[0].name == HOME
        assert press(state, "#", till)[0].name == "login.operator"
        home_is_near(walk(state, till=till), till)
    for till in (NOBODY, ONLINE, BY_HASH):
        state, effects = needs_link(start(), changed(till, "down", True))
        assert state.name == "login.link" and effects == (("beep", "refused"),)
        assert needs_link(start(), till) == needs_login(start(), till)
        assert press(state, "*", till)[0].name == HOME
        assert press(state, "900#500#A", till)[0] == state
    begun = press(needs_login(start(), BY_HASH)[0], "#", BY_HASH)[0]
    assert asked(BY_HASH, state=begun)[0].name == "login.asked"


def test_home_is_always_near():
    events = [("found", (CANDIDATE, True)), ("found", (CANDIDATE, False)), ("found", "right"),
              ("found", "wrong"), ("found", "none"), ("no_answer", LOGIN), ("failed",), ("time",),
              ("answer", reply(0)), ("answer", reply(51)), ("answer", reply(52))]
    for till in (WANTED, Till(0, False, False, None, True, (2, 0), None, False, None, None),
                 Till(0, False, False, None, True, (0, 50000), None, False, None, None), BY_HASH):
        states = walk(press(start(), "#", WANTED)[0], events, till)
        home_is_near(states, till)


def test_it_says_the_same_in_both_languages():
    same_words(login_texts)
