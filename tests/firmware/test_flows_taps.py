"""The last taps. Runs on both interpreters."""

from firmware.checkout import start, step
from firmware.flows import taps_texts
from firmware.states import ASK_VOID, CANCELLING, HOME, NOBODY, RESULT, SAVING, changed
from protocol import codes
from protocol.fields import REDEMPTION, REFUND, SALE, VOID
from tests.firmware.flow_walk import home_is_near, press, same_words, walk
from tests.firmware.replies import reply, sale_frame, void_frame
from tests.firmware.test_views import show

POSTED = (SALE, 7, 41, 1250, "..7892", "posted", 0, 12, 1000, None)
WAITS = (SALE, 7, 42, 800, "..7892", "waiting", None, None, None, None)
REFUSED = (SALE, 7, 40, 800, "..7892", "refused", codes.CARD_LOST, None, None, None)
GONE = (VOID, 7, 43, 0, "", "posted", 0, -12, 1001, (7, 41))
BACK = (REFUND, 7, 44, 500, "", "posted", 0, -5, 1002, 1000)
PAID = (REDEMPTION,) + POSTED[1:]
PLACE = (9, 0, 3)


def seen(*taps):
    """The screen behind going back over these."""
    state = press(start(), "C")[0]
    for number, tap in enumerate(taps):
        if number:
            state, _ = step(state, ("key", "B"), 0)
        state, _ = step(state, ("found", (PLACE, tap)), 0)
    return state


def test_c_asks_for_the_newest_tap():
    state, wanted = press(start(), "C")
    assert state.name == "taps.look" and wanted == [("look", "older", None)]
    assert step(state, ("found", None), 0)[0].name == "taps.none"


def test_it_reads_on_in_a_later_turn_so_that_the_link_goes_on():
    state, effects = step(press(start(), "C")[0], ("found", (PLACE, None)), 1000)
    assert effects == () and state.due > 1000
    assert step(state, ("time",), 1000)[1] == ()
    after, effects = step(state, ("time",), state.due)
    assert effects == (("look", "older", PLACE),) and after.due is None


def test_a_goes_to_newer_ones_and_b_to_older_ones_and_the_end_beeps():
    state = seen(POSTED)
    assert press(state, "A")[1] == [("look", "newer", PLACE)]
    older, wanted = press(state, "B")
    assert wanted == [("look", "older", PLACE)]
    stays, effects = step(older, ("found", None), 0)
    assert stays.name == "taps.one" and effects == (("beep", "refused"),)
    assert stays.shown[0] == POSTED


def test_each_says_what_became_of_it():
    assert show(seen(POSTED))[1:] == (
        "Sale 12.50", "Posted +12", "..7892 C refund", "41 A↑B↓ D✗")
    assert show(seen(WAITS))[2] == "Not yet posted"
    assert show(seen(REFUSED))[2:] == ("Card lost", "..7892", "40 A↑B↓")
    assert show(seen(GONE))[1:] == ("Cancel", "Posted", "Of tap 41", "43 A↑B↓")
    assert show(seen(BACK))[1:4] == ("Refund 5.00", "Posted -5", "Of REF 1000")
    assert show(seen(POSTED), language="zh")[1:4] == ("消费 12.50", "已入账 +12", "..7892 C 退货")


def test_a_sale_whose_void_was_passed_is_cancelled_and_cannot_be_again():
    state = seen(GONE, POSTED)
    assert show(state)[2] == "Cancelled" and press(state, "D")[0].name == "taps.one"
    waits = GONE[:5] + ("waiting", None, None, None, (7, 41))
    assert show(seen(waits, POSTED))[2] == "Cancelling"
    refused = GONE[:5] + ("refused", codes.NOT_VOIDABLE, None, None, (7, 41))
    assert show(seen(refused, POSTED))[2] == "Posted +12"


def test_what_was_refunded_in_part_or_whole_says_so_however_its_refund_named_it():
    for named in (1000, (7, 41)):
        part = BACK[:9] + (named,)
        assert show(seen(part, POSTED))[2:] == (
            "Refunded 5.00", "..7892 C refund", "41 A↑B↓ D✗")
        rest = (REFUND, 7, 45, 750) + part[4:]
        state = seen(rest, part, POSTED)
        assert show(state)[2:] == ("Refunded 12.50", "..7892", "41 A↑B↓")
        assert show(state, language="zh")[2] == "已退 12.50"
        for key, said in (("C", "No refund of it"), ("D", "..7892")):
            after = press(state, key)[0]
            assert after.name == "taps.one" and show(after)[3] == said
        assert show(seen(part, PAID))[2] == "Refunded 5.00"
    other = BACK[:9] + (999,)
    assert show(seen(other, POSTED))[2] == "Posted +12"
    refused = BACK[:5] + ("refused", codes.EXCEEDS_ORIGINAL, None, None, 1000)
    assert show(seen(refused, POSTED))[2] == "Posted +12"


def test_a_refund_that_was_passed_twice_counts_once():
    newer = (SALE, 7, 45) + POSTED[3:]
    state = seen(newer, BACK)
    for key, tap in (("A", newer), ("B", BACK), ("B", POSTED), ("A", BACK), ("B", POSTED)):
        state, _ = step(step(state, ("key", key), 0)[0], ("found", (PLACE, tap)), 0)
    assert show(state)[2:] == ("Refunded 5.00", "..7892 C refund", "41 A↑B↓ D✗")


def test_a_void_that_is_answered_while_it_stands_here_marks_its_sale_as_it_ended():
    waits = GONE[:5] + ("waiting", None, None, None, (7, 41))
    for code, said in ((codes.APPROVED, "Cancelled"), (codes.NOT_VOIDABLE, "Posted +12")):
        answer = reply(void_frame(7, 43, (7, 41)), code)
        state, _ = step(seen(waits), ("settled", answer), 0)
        state, _ = step(step(state, ("key", "B"), 0)[0], ("found", (PLACE, POSTED)), 0)
        assert show(state)[2] == said


def test_a_refund_that_was_cancelled_marks_nothing():
    for named in ((7, 44), 1002):
        undone = (VOID, 7, 46, 0, "", "posted", 0, 5, 1003, named)
        assert show(seen(undone, BACK))[2] == "Cancelled"
        assert show(seen(undone, BACK, POSTED))[2] == "Posted +12"


def test_a_void_by_receipt_marks_its_sale():
    state = seen(GONE[:9] + (1000,), POSTED)
    assert show(state)[2] == "Cancelled" and press(state, "D")[0].name == "taps.one"


def test_a_void_by_receipt_says_what_is_handed_back_and_one_in_vain_that_nothing_was_left():
    by_receipt = (VOID, 7, 43, 1250) + GONE[4:9] + (900,)
    assert show(seen(by_receipt))[1:4] == ("Cancel 12.50", "Posted", "Of REF 900")
    waits = by_receipt[:3] + (0, "", "waiting", None, None, None, 900)
    for code, said in ((0, ("Cancel 12.50", "Posted")),
                       (codes.NOTHING_LEFT, ("Cancel", "Nothing left"))):
        answer = reply(void_frame(7, 43, 900), code, amount_minor=1250)
        state, _ = step(seen(waits), ("settled", answer), 0)
        assert show(state)[1:3] == said
    state, _ = step(seen(waits), ("settled", reply(void_frame(7, 43, 900))), 0)
    assert show(state)[1] == "Cancel"
    vain = GONE[:6] + (codes.NOTHING_LEFT,) + GONE[7:]
    assert show(seen(vain))[1:3] == ("Cancel", "Nothing left")
    assert show(seen(vain, POSTED))[2] == "Cancelled"


def test_d_asks_as_the_sale_itself_does_and_names_it():
    for tap, shown in ((POSTED, "posted"), (WAITS, "saved")):
        state = press(seen(tap), "D")[0]
        assert state.name == ASK_VOID and state.shown[0] == shown
        after, wanted = press(state, "#")
        assert after.name == SAVING and wanted == [("journal", VOID, {"original": tap[1:3]})]
        saved = step(after, ("saved", 7, 50), 0)[0]
        assert saved.name == CANCELLING and saved.key == tap[1:3]
        kept = press(state, "*")[0]
        assert kept.name == RESULT and show(kept)[1:]
    assert show(press(seen(POSTED), "D*")[0])[1:] == ("Posted +12", "", "", "REF 1000")
    assert press(seen(REFUSED), "D")[0].name == "taps.one"
    assert press(seen(BACK), "D")[0].name == "taps.one"


def test_c_refunds_what_posted_and_names_it_by_its_trace():
    for tap in (POSTED, PAID):
        state = press(seen(tap), "C")[0]
        assert (state.name, state.purpose) == ("reverse.amount", REFUND)
        asked = press(state, "500#")[0]
        assert show(asked)[1:4] == ("Refund this?", "5.00", "TRACE 41")
        assert press(asked, "#")[1] == [
            ("online", REFUND, {"original": (7, 41), "amount_minor": 500})]
        assert press(asked, "**")[0].name == HOME


def test_what_did_not_post_or_went_back_says_why_there_is_no_refund():
    without_receipt = POSTED[:8] + (None, None)
    held = POSTED[:5] + ("held", codes.HELD, None, None, None)
    for taps, said in (((WAITS,), "Refund if posted"), ((without_receipt,), "Refund if posted"),
                       ((held,), "Refund if posted"), ((REFUSED,), "No refund of it"),
                       ((GONE, POSTED), "No refund of it"), ((BACK,), "No refund of it"),
                       ((GONE,), "No refund of it")):
        state = seen(*taps)
        assert "C refund" not in show(state)[3]
        state, effects = step(state, ("key", "C"), 0)
        assert state.name == "taps.one" and effects == (("beep", "refused"),)
        assert show(state)[3] == said
        assert step(state, ("key", "B"), 0)[0].name == "taps.look"
    assert show(press(seen(WAITS), "C")[0], language="zh")[3] == "入账后才能退货"


def test_who_logged_in_without_the_gateway_refunds_nothing():
    till = changed(changed(changed(NOBODY, "login", True), "operator", 5), "by_hash", True)
    assert press(seen(POSTED), "C", till)[0].name == "login.online"


def test_the_answer_that_comes_meanwhile_is_shown():
    state = seen(WAITS)
    answer = reply(sale_frame(7, 42, 800), points=8, receipt=9)
    assert show(step(state, ("settled", answer), 0)[0])[2] == "Posted +8"
    refused = reply(sale_frame(7, 42, 800), codes.CARD_LOST)
    after, _ = step(state, ("settled", refused), 0)
    assert show(after)[2] == "Card lost" and after.alert == (1, 42, codes.CARD_LOST)
    # while an older one is looked for, and there is none
    state, _ = step(press(state, "B")[0], ("found", (PLACE, None)), 1000)
    after, _ = step(state, ("settled", answer), 1001)
    assert after.due == state.due and after.name == "taps.look"
    after, _ = step(step(after, ("time",), after.due)[0], ("found", None), 1010)
    assert show(after)[2] == "Posted +8"


def test_a_tap_that_moves_while_it_stands_here_is_named_anew():
    state, _ = step(seen(WAITS), ("moved", (7, 42), (9, 1)), 0)
    assert press(state, "D#")[1] == [("journal", VOID, {"original": (9, 1)})]
    assert press(state, "#")[1] == [("print", (9, 1), None, True)]
    answer = reply(sale_frame(9, 1, 800), points=8, receipt=9)
    state, _ = step(state, ("settled", answer), 0)
    assert show(state)[4][:2] == "1 " and state.shown[0][1:3] == (9, 1)
    # under the old name the gateway has another sale
    assert press(state, "C500##")[1] == [
        ("online", REFUND, {"original": (9, 1), "amount_minor": 500})]


def test_a_flash_that_fails_is_named():
    state, effects = step(press(start(), "C")[0], ("failed",), 0)
    assert show(state)[1] == "Cannot be read" and effects == (("beep", "fault"),)


def test_home_is_always_near():
    events = [("found", value) for value in (None, (PLACE, None), (PLACE, POSTED), (PLACE, GONE))]
    home_is_near(walk(press(start(), "C")[0], events + [("failed",), ("time",)], limit=60))
    assert press(seen(POSTED), "*")[0].name == HOME


def test_it_says_the_same_in_both_languages():
    same_words(taps_texts)


def test_its_slip_comes_again_and_the_printer_is_shown():
    state, wanted = press(seen(POSTED), "#")
    assert state.name == "paper.main" and wanted == [("print", (7, 41), None, True)]
