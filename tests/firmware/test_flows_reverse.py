"""Voids and refunds by receipt, key by key. Runs on both interpreters."""

from firmware import views
from firmware.checkout import start, step
from firmware.flows import reverse, reverse_texts
from firmware.states import HOME, NOBODY, RESULT, WAITING, changed
from protocol import codes
from protocol.fields import REFUND, VOID, reply_of
from tests.firmware.flow_walk import home_is_near, press, same_words, walk

STATUS = views.Status(True, 0, 1, "", None, "", -71, 80, "", 0)


def told(state, language="en"):
    return views.lines(state, STATUS, language, 2)[1:]


def result(kind, code=0, amount_minor=0, **more):
    """The screen behind the answer to this message."""
    state, _ = step(start(), ("online", kind, amount_minor, ("saved", 7, 1)), 0)
    assert state.name == WAITING
    keys = {"points": 6, "balance": 7, "receipt": 11, "off": 13, "line": 15}
    said = {0: 128 + kind, 1: 7, 2: 1, 3: bytes(8), 4: code, 5: 9}
    for name, value in more.items():
        said[keys[name]] = value
    return step(state, ("settled", reply_of(said)), 0)[0]


def test_a_void_by_receipt_is_asked_before_it_goes():
    state, _ = press(start(), "D1")
    assert told(state) == ("Void: receipt no", "", "", "#✓ C← *✗")
    assert press(state, "#")[0] == state
    state, wanted = press(state, "10234C#")
    assert told(state) == ("Void all of it?", "REF 1023", "", "#✓ *←") and not wanted
    state, wanted = press(state, "#")
    assert wanted == [("online", VOID, {"original": 1023})]
    state, _ = step(state, ("online", VOID, 0, ("saved", 7, 1)), 0)
    assert (state.name, state.purpose) == (WAITING, VOID) and told(state)[0] == "Cancelling"


def test_a_refund_by_receipt_wants_its_amount_too():
    state, _ = press(start(), "D2")
    assert told(state)[0] == "Refund: receipt"
    state, _ = press(state, "1023#")
    assert told(state)[:2] == ("Refund how much", "0.00") and press(state, "#")[0] == state
    state, _ = press(state, "500#")
    assert told(state) == ("Refund this?", "5.00", "REF 1023", "#✓ *←")
    assert press(state, "#")[1] == [("online", REFUND, {"original": 1023, "amount_minor": 500})]


def test_a_refund_of_the_last_tap_names_it_by_its_trace():
    state, effects = reverse.refund_of(start(), NOBODY, (7, 41))
    assert effects == (("beep", "key"),)
    state, wanted = press(state, "500#")
    assert told(state)[:3] == ("Refund this?", "5.00", "TRACE 41")
    assert press(state, "#")[1] == [("online", REFUND, {"original": (7, 41), "amount_minor": 500})]
    assert press(state, "**")[0].name == HOME


def test_lines_of_a_sale_in_lines_are_refunded_by_their_categories():
    for begun, named, said in ((press(start(), "D21023#")[0], 1023, "REF 1023"),
                               (reverse.refund_of(start(), NOBODY, (7, 41))[0], (7, 41),
                                "TRACE 41")):
        assert told(begun)[3] == "#✓ C← *✗ A=ITEMS" and press(begun, "A")[0] == begun
        state = press(begun, "500A3#200A12#")[0]
        assert (state.name, told(state)[2]) == ("basket.amount", "Sum 7.00")
        asked = press(state, "#")[0]
        assert told(asked)[:3] == ("Refund this?", "7.00", said)
        assert press(asked, "#")[1] == [
            ("online", REFUND, {"original": named, "basket": ((3, 500), (12, 200))})]
        assert press(asked, "*")[0] == state and press(asked, "**")[0].name == HOME


def test_a_number_that_no_receipt_has_cannot_be_keyed():
    state, _ = press(start(), "D14294967295")
    assert told(state)[1] == "4294967295"
    assert press(press(start(), "D1429496729")[0], "6")[0].shown == (429496729, None)
    assert step(state, ("card", 2, 1), 0) == (state, (("beep", "refused"),))


def test_the_result_says_points_and_money():
    state = result(VOID, points=-15, balance=985, receipt=1024, off=1250)
    assert told(state) == ("Hand back 12.50", "Posted -15", "Balance 985", "REF 1024")
    assert told(state, "zh")[:3] == ("应退 12.50", "积分 -15", "余额 985")
    state = result(REFUND, amount_minor=500, points=-6, balance=994, receipt=1025, off=500)
    assert told(state) == ("Hand back 5.00", "Posted -6", "Balance 994", "REF 1025")
    assert told(result(VOID, points=0))[:2] == ("Cancelled", "Posted +0")


def test_a_void_by_receipt_cannot_be_voided_and_is_never_taken_for_a_sale():
    state = result(VOID, points=-15, balance=985, receipt=1024, off=1250)
    assert state.purpose == VOID and press(state, "D")[0].name == "menu.main"


def test_every_refusal_has_its_words():
    for kind, code, more, words in (
            (VOID, codes.ORIGINAL_NOT_FOUND, {}, ("REFUSED", "Not found", "")),
            (VOID, codes.NOTHING_LEFT, {}, ("REFUSED", "Nothing left", "")),
            (REFUND, codes.NOTHING_LEFT, {}, ("REFUSED", "Nothing left", "")),
            (VOID, codes.NOT_VOIDABLE, {}, ("REFUSED", "Too late for it", "")),
            (REFUND, codes.HELD, {}, ("HELD FOR HQ", "No points yet", "")),
            (REFUND, codes.LIMIT_REACHED, {}, ("REFUSED", "Not by the rules", "")),
            (REFUND, codes.EXCEEDS_ORIGINAL, {"off": 300},
             ("REFUSED", "More than left", "Left 3.00")),
            # as much is left, so it is not the sum: its goods are given back by line
            (REFUND, codes.EXCEEDS_ORIGINAL, {"off": 500},
             ("REFUSED", "Sold by items", "Use A = ITEMS")),
            (REFUND, codes.EXCEEDS_ORIGINAL, {},
             ("REFUSED", "Sum/items wrong", "")),
            (REFUND, codes.MALFORMED, {"line": "Call HQ"}, ("REFUSED", "Malformed", "Call HQ"))):
        state = result(kind, code, 500 if kind == REFUND else 0, **more)
        assert state.name == RESULT and told(state)[:3] == words, (code, told(state))
        chinese = told(state, "zh")
        assert "代码" not in chinese[1] and chinese[1] != words[1]


def test_lines_that_were_not_sold_are_named_as_such():
    by_line = result(REFUND, codes.EXCEEDS_ORIGINAL, 0, off=1250)
    assert told(by_line)[:3] == ("REFUSED", "Not these items", "Left 12.50")
    assert told(by_line, "zh")[:3] == ("已拒绝", "商品与原单不符", "可退 12.50")


def test_what_could_not_be_stored_or_sent_says_so():
    for became, words in ((("no_answer",), "No answer"), (("full",), "Outbox is full"),
                          (("failed",), "Not stored"), (("trained",), "TRAINING")):
        for kind in (VOID, REFUND):
            state, _ = step(start(), ("online", kind, 0, became), 0)
            assert state.name == RESULT and told(state)[0] == words


def test_who_logged_in_without_the_gateway_does_not_get_there():
    till = changed(changed(changed(NOBODY, "login", True), "operator", 5), "by_hash", True)
    assert press(start(), "D1", till)[0].name == "login.online"
    assert reverse.refund_of(start(), till, (7, 1))[0].name == "login.online"


def test_home_is_always_near():
    keys = ("D1", "D123", "D123#", "D123##", "D2", "D223#", "D223#5", "D223#5#", "D223#5##")
    states = [press(start(), each)[0] for each in keys]
    states.append(reverse.refund_of(start(), NOBODY, (7, 41))[0])
    assert len(set([each.name for each in states])) == 4
    for each in states:
        home_is_near(walk(each, [("time",), ("answer", None)], limit=60))


def test_it_says_the_same_in_both_languages():
    same_words(reverse_texts)


def test_every_screen_has_room_for_the_longest_values():
    for language in ("en", "zh"):
        for keys in ("D14294967295", "D14294967295#", "D24294967295#1000000000",
                     "D24294967295#1000000000#"):
            state = press(start(), keys)[0]
            rows = told(state, language)[:3]
            assert "4294967295" in "".join(rows) or "10000000.00" in rows[1]
        state, _ = press(reverse.refund_of(start(), NOBODY, (7, 4294967295))[0], "1#")
        assert told(state, language)[2].endswith("4294967295")
