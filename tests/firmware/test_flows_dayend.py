"""The end of a day. Runs on both interpreters."""

from firmware.checkout import start, step
from firmware.day_count import Count
from firmware.flows import dayend_texts
from firmware.states import HOME, NOBODY, changed
from firmware.views import columns
from protocol import codes
from protocol.fields import BATCH_CLOSE, REDEMPTION, REFUND, SALE, VOID, reply_of
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.test_views import OFFLINE, show

COUNT = Count(7, 1, 9, 7, ((SALE, 5, 6250, 60), (REDEMPTION, 1, 5000, -500)), (3, 0), None, (),
              None, None, None)
SENT = {0: (1, 9), SALE: (5, 6250, 60), REDEMPTION: (1, 5000, -500)}
OURS = COUNT.totals


def answer(code=0, totals=SENT, differing=None):
    said = {0: 128 + BATCH_CLOSE, 1: 7, 2: 10, 3: bytes(8), 4: code, 5: 0}
    if totals:
        said[21] = totals
    if differing:
        said[22] = differing
    return reply_of(said)


def found(state, value, now=0):
    return step(state, ("found", value), now)[0]


def counted():
    return found(press(start(), "D4")[0], ("done", COUNT))


def sent():
    state = found(press(counted(), "#")[0], None)
    return step(state, ("saved", 7, 10), 0)[0]


def compared(reply, *looked):
    """Behind the answer; `looked`: what looking up each row of it found."""
    state, effects = step(sent(), ("settled", reply), 0)
    assert effects[-1] == ("look", "close", (7, 10))
    state = found(state, OURS)
    for value in looked:
        assert state.name == "dayend.compare"
        state, _ = step(state, ("time",), state.due)
        state = found(state, value)
    return state


def test_it_counts_in_turns_and_says_how_far_it_is():
    state, wanted = press(start(), "D4")
    assert wanted == [("look", "day", None)]
    value = ("count", COUNT, 40)
    state, effects = step(state, ("found", value), 1000)
    assert effects == () and show(state)[1:3] == ("Day-end", "Counting 40%")
    assert step(state, ("time",), 1000)[1] == ()
    assert step(state, ("time",), state.due)[1] == (("look", "day", value),)


def test_each_type_has_a_page():
    state = counted()
    assert show(state)[1:] == ("Sale x 5", "62.50", "Points +60", "1/2 A↑B↓#✓*←")
    assert show(press(state, "B")[0])[1:4] == ("Redeem x 1", "50.00", "Points -500")
    assert press(state, "BB")[0] == press(state, "AA")[0] == state
    nothing = COUNT._replace(totals=()) if hasattr(COUNT, "_replace") else None
    if nothing:
        state = found(press(start(), "D4")[0], ("done", nothing))
        assert show(press(state, "B")[0])[2:4] == ("7 taps", "None posted")


def test_each_type_of_message_has_its_name():
    for kind, name in ((SALE, "Sale"), (REDEMPTION, "Redeem"), (VOID, "Cancel"),
                       (REFUND, "Refund"), (6, "Type 6")):
        count = Count(7, 1, 9, 7, ((kind, 5, 6250, 60),), (3, 0), None, (), None, None, None)
        state = found(press(start(), "D4")[0], ("done", count))
        assert show(state)[1] == name + " x 5"


def test_it_is_sent_only_where_the_link_is_up_and_nothing_waits():
    state, wanted = press(counted(), "#")
    assert wanted == [("look", "ready", None)]
    after, effects = step(state, ("found", None), 0)
    assert effects == (("journal", BATCH_CLOSE, {"totals": SENT}),)
    for value, said in ((("no", "offline", 0), "Only when online"),
                        (("no", "unsettled", 2), "2 unanswered")):
        assert show(found(state, value))[2] == said
        assert show(found(press(start(), "D4")[0], value))[2] == said
    assert show(found(press(start(), "D4")[0], ("no", "nothing", 0)), language="zh")[2] == (
        "无交易可结")


def test_what_cannot_be_stored_is_said():
    state = press(counted(), "#")[0]
    for kind, said in (("full", "Try again"), ("failed", "Try again"),
                       ("trained", "Training: none")):
        assert show(step(state, (kind,), 0)[0])[2] == said


def test_an_operator_without_a_gateway_login_is_asked_for_one():
    assert press(start(), "D4", changed(NOBODY, "login", True))[0].name.startswith("login.")


def test_an_unanswered_close_says_so_and_goes_on():
    state = sent()
    assert state.key == (7, 10) and show(state)[1:] == ("Day-end", "Asking HQ...", "", "TRACE 10")
    soon, effects = step(state, ("time",), state.due)
    assert effects == () and show(soon) == show(state)
    late, effects = step(soon, ("time",), 30000)
    assert step(late, ("time",), late.due)[1] == ()
    assert show(late, OFFLINE)[2:4] == ("No answer yet", "Sent by itself") and effects
    assert compared(answer()).name == "dayend.done"
    assert step(late, ("settled", answer()), 0)[0].name == "dayend.compare"


def test_a_day_that_agrees():
    state = compared(answer())
    assert show(state)[1:3] == ("Day is closed", "Agrees with HQ")
    assert show(state, language="zh")[1:3] == ("日结完成", "与总部一致")
    assert press(state, "#")[0].name == HOME


def test_a_type_of_which_head_office_has_nothing_either_does_not_differ():
    totals = dict(SENT)
    totals[REFUND] = (0, 0, 0)
    state = compared(answer(totals=totals))
    assert state.name == "dayend.done" and show(state)[2] == "Agrees with HQ"


def test_where_nothing_posted_there_is_one_page():
    count = Count(7, 1, 9, 7, (), (3, 0), None, (), None, None, None)
    state = found(press(start(), "D4")[0], ("done", count))
    assert show(state)[4][:4] == "1/1 " and press(state, "B")[0] == press(state, "A")[0] == state


def test_what_is_named_and_as_it_is_here_does_not_differ():
    assert compared(answer(differing=((3, 12, 0),)), None).name == "dayend.done"


def test_differing_types_and_taps_are_shown_one_by_one():
    theirs = {0: (1, 9), SALE: (4, 5000, 48), REDEMPTION: (1, 5000, -500)}
    state = compared(answer(0, theirs, ((17, 90, 0), (18, 12, 0), (19, 0, 5), (20, 0, 1))),
                     (17, 90, 0, 0, 12), (18, 12, 0, 0, 3), None, (20, 0, 1, None, None))
    shown = [show(press(state, "B" * number)[0])[1:] for number in range(4)]
    assert shown == [
        ("Sale DIFFERS", "HQ:4 50.00 +48", "We:5 62.50 +60", "1/4 A↑B↓ *←"),
        ("Tap 17 DIFFERS", "HQ:nothing", "We:+12", "2/4 A↑B↓ *←"),
        ("Tap 18 DIFFERS", "HQ:code 12", "We:+3", "3/4 A↑B↓ *←"),
        ("Tap 20 DIFFERS", "HQ:+1", "We:nothing", "4/4 A↑B↓ *←")]
    assert press(state, "BBBB")[0] == state


def test_a_close_that_is_refused_is_named_and_so_is_one_that_tells_nothing():
    state, _ = step(sent(), ("settled", answer(codes.NOTHING_LEFT)), 0)
    assert show(state)[2:4] == ("REFUSED", "Nothing left")
    assert state.alert == (1, 10, codes.NOTHING_LEFT)
    assert show(compared(answer(totals=None)))[2] == "Not compared"
    gone = step(sent(), ("settled", answer()), 0)[0]
    assert show(found(gone, None))[2] == "Not compared"


def test_a_flash_that_fails_behind_the_answer_leaves_the_day_closed():
    rows = ((17, 90, 0), (18, 12, 0))
    for state in (compared(answer(differing=rows)),
                  step(sent(), ("settled", answer()), 0)[0]):
        assert state.name == "dayend.compare"
        state, effects = step(state, ("failed",), 0)
        assert show(state)[1:3] == ("Day is closed", "Not compared")
        assert effects[-1][:2] == ("print", "day")


def test_an_answer_that_comes_late_is_shown_where_nobody_does_a_thing():
    late, effects = step(start(("last_day", 10, None)), ("settled", answer()), 0)
    assert late.name == "dayend.compare" and effects[-1] == ("look", "close", (7, 10))
    busy = press(start(), "12")[0]
    assert step(busy, ("settled", answer()), 0) == (busy, (("till", "late", ((answer(), True),)),))
    # where nobody is logged in it waits for who does
    nobody = changed(NOBODY, "login", True)
    assert step(start(), ("settled", answer()), 0, nobody) == (
        start(), (("till", "late", ((answer(), True),)),))
    till = changed(NOBODY, "late", ((answer(), True),))
    home, effects = step(busy, ("key", "*"), 0, till)
    assert effects[-1] == ("late",)
    late, effects = step(home, effects[-1], 0, till)
    assert late.name == "dayend.compare" and effects[-1] == ("look", "close", (7, 10))
    assert press(sent(), "*")[0].name == HOME


def test_the_first_screen_behind_a_boot_names_it():
    for settled, rows in ((None, ("Day-end", "No answer yet", "Sent by itself")),
                          ((0, None, 9), ("Day is closed", "", "")),
                          ((codes.HELD, None, None), ("Day-end", "REFUSED", "HQ will decide"))):
        assert show(start(("last_day", 10, settled)))[1:] == rows + ("TRACE 10",)


def test_the_longest_values_fit():
    most = 9007199254740991
    row = (SALE, 4294967295, most, -most)
    state = found(press(start(), "D4")[0], ("done", Count(
        7, 1, 9, 7, (row,), (3, 0), None, (), None, None, None)))
    long = (4294967295, 255, most, 0, -most)
    theirs = {0: (1, 9), SALE: row[1:]}
    differs = compared(answer(0, theirs, (long[:3],)), long)
    for each in (state, differs, press(differs, "B")[0]):
        for language in ("en", "zh"):
            for text in show(each, language=language):
                assert columns(text) <= 16, text
    assert show(differs)[2:4] == ("HQ:4294967295", "We:5 62.50 +60")


def test_home_is_always_near():
    events = [("settled", answer()), ("time",), ("failed",), ("trained",), ("saved", 7, 10)]
    home_is_near(walk(counted(), events, limit=60))
    home_is_near(walk(compared(answer(0, {0: (1, 9)}))))
    home_is_near([press(start(), "D4")[0], sent()])


def test_it_says_the_same_in_both_languages():
    same_words(dayend_texts)
