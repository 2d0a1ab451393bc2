"""What the gateway answered, in three rows. Runs on both interpreters."""

from firmware import views
from firmware.states import RESULT, State
from firmware.views_answer import day
from protocol import codes
from protocol.fields import INQUIRY, REDEMPTION, REFUND, SALE, VOID, reply_of

STATUS = views.Status(True, 0, 1, "", None, "", -71, 80, "", 0)
KEYS = {"points": 6, "balance": 7, "receipt": 11, "expiring": 12, "off": 13, "line": 15}


def answer(kind, code, more):
    said = {0: 128 + kind, 1: 7, 2: 41, 3: bytes(8), 4: code, 5: 9}
    for name, value in more.items():
        said[KEYS[name]] = value
    return reply_of(said)


def told(kind, code=codes.APPROVED, amount_minor=5000, left=(), language="en", **more):
    """The screen of an answer to a message of this type, without the bar."""
    shown = "posted" if code in (codes.APPROVED, codes.NOTHING_LEFT) else "refused"
    state = State(RESULT, kind, amount_minor, (7, 41),
                  (shown, answer(kind, code, more), amount_minor) + left, None, None)
    return views.lines(state, STATUS, language, 2)[1:]


def inquired(**more):
    """The screen of a balance, without the bar."""
    shown = ("balance", answer(INQUIRY, codes.APPROVED, more), 0)
    return views.lines(State(RESULT, INQUIRY, 0, None, shown, None, None), STATUS, "en", 2)[1:]


def test_points_that_were_used_and_points_that_the_rest_earned_stand_apart():
    fields = {"points": -253, "balance": 107, "receipt": 1000, "off": 300}
    assert told(REDEMPTION, left=("used", 300), **fields) == (
        "Off 3.00", "Points -300 +47", "Balance 107", "REF 1000")
    assert told(REDEMPTION, left=("used", 300), language="zh", **fields)[:3] == (
        "抵扣 3.00", "积分 -300 +47", "余额 107")
    # behind a boot nobody knows any more how many were keyed
    assert told(REDEMPTION, **fields)[1] == "Posted -253"
    fields["points"] = -300
    assert told(REDEMPTION, left=("used", 300), **fields)[1] == "Posted -300"


def test_a_number_is_never_cut():
    fields = {"points": -999999000, "balance": 9007199254740991, "off": 1000000000}
    assert told(REDEMPTION, left=("used", 1000000000), **fields)[:3] == (
        "Off 10000000.00", "-999999000", "9007199254740991")
    assert told(REDEMPTION, left=("used", 99999999), points=-99999998)[0] == "-99999999 +1"
    for language in ("en", "zh"):
        for row in told(REFUND, language=language, **fields)[:3]:
            assert views.columns(row) <= views.COLUMNS


def test_a_number_that_no_row_has_room_for_is_no_number():
    assert told(REFUND, points=-9007199254740991, balance=-9007199254740991,
                off=9007199254740991)[:3] == ("?", "?", "?")
    assert inquired(balance=100, expiring=(1000000000, 20450))[-2:] == (
        "1000000000", "EXP 2025-12-28")


def test_points_that_the_answer_does_not_tell_are_not_made_up():
    assert told(REDEMPTION, left=("used", 300), balance=107, off=300)[:3] == (
        "Off 3.00", "Balance 107", "")


def test_an_answer_that_tells_nothing_of_a_balance_leaves_no_dark_screen():
    assert inquired() == ("Balance", "", "", "")


def test_a_refund_and_a_void_say_what_is_handed_back():
    for kind in (REFUND, VOID):
        assert told(kind, points=-6, balance=94, receipt=1001, off=500) == (
            "Hand back 5.00", "Posted -6", "Balance 94", "REF 1001")
    assert told(VOID, points=0)[:2] == ("Cancelled", "Posted +0")


def test_what_was_done_before_is_not_called_done():
    assert told(VOID, codes.NOTHING_LEFT)[:2] == ("REFUSED", "Nothing left")


def test_too_few_points_are_named_with_the_balance():
    assert told(REDEMPTION, codes.INSUFFICIENT_POINTS, balance=90) == (
        "REFUSED", "Too few points", "Balance 90", "TRACE 41 50.00")
    assert told(REDEMPTION, codes.LIMIT_REACHED)[1] == "Not by the rules"
    # whatever else was refused: its balance is not why
    assert told(SALE, codes.CARD_LOST, balance=90, line="Keep the card")[2] == "Keep the card"


def test_days_are_written_without_floats():
    assert [day(0), day(59), day(11016), day(20453)] == [
        "19700101", "19700301", "20000229", "20251231"]
