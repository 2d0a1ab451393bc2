"""The cashier's way through a sale or an inquiry. Runs on both interpreters."""

from firmware import checkout, states
from firmware.checkout import (
    AMOUNT,
    ASK_VOID,
    ASKED,
    CANCELLING,
    CARD,
    HOME,
    READ_MS,
    RECOVERY,
    RESULT,
    SAVING,
    SENT,
    STATUS,
    WAITING,
    start,
    step,
)
from firmware.errors import FirmwareError
from firmware.states import NOBODY, changed
from protocol import codes
from protocol.fields import REPLY_FIELDS, Reply
from protocol.messages import INQUIRY, REDEMPTION, SALE, VOID
from tests.firmware.portable import raises
from tests.firmware.replies import CARD as CARD_NUMBER
from tests.firmware.replies import inquiry_frame, reply, sale_frame, void_frame

TAP = ("card", 2, CARD_NUMBER)


def play(state, *events):
    """The state after the events, and the last effects that were no beeps."""
    wanted = ()
    for event in events:
        if isinstance(event, str):
            for key in event:
                state, effects = step(state, ("key", key), 0)
        else:
            state, effects = step(state, event, 0)
            wanted = tuple([each for each in effects if each[0] != "beep"])
    return state, wanted


def came_home(state, event, till, now=0):
    """The state and the till after the event and what it brought, each carried out in order."""
    events = [event]
    while events:
        state, effects = step(state, events.pop(0), now, till)
        now = 0
        for effect in effects:
            if effect[0] == "till":
                till = changed(till, effect[1], effect[2])
            if effect[0] == "late":
                events.append(effect)
    return state, till


def saved(trace=1):
    """A sale of 12.50 that stands in the outbox and waits for its answer."""
    return play(start(), "1250#", TAP, ("saved", 7, trace))[0]


def test_a_sale_is_keyed_confirmed_and_tapped():
    state, effects = play(start(), "1250#", TAP)
    assert state.name == SAVING
    assert effects == (("journal", SALE, {"card": (2, CARD_NUMBER), "amount_minor": 1250}),)


def test_nothing_is_claimed_before_the_outbox_has_it():
    state, _ = play(start(), "1250#", TAP)
    assert state.name == SAVING and state.key is None
    state, _ = play(state, ("saved", 7, 41))
    assert state.name == SENT and state.key == (7, 41)


def test_points_are_shown_when_the_reply_has_settled_the_tap():
    approved = reply(sale_frame(7, 1), points=15, balance=1234)
    state, _ = play(saved(), ("settled", approved))
    assert state.name == RESULT and state.shown == ("posted", approved, 1250)


def test_an_unanswered_sale_becomes_saved_will_post_after_ten_seconds():
    state = saved()
    assert step(state, ("time",), 9999)[0] == state
    state, _ = step(state, ("time",), 10000)
    assert state.name == RESULT and state.shown == ("saved", 1, 1250)
    approved = reply(sale_frame(7, 1), points=15)
    state, _ = play(state, ("settled", approved))
    assert state.shown[0] == "posted"


def test_a_refusal_names_its_reason():
    lost = reply(sale_frame(7, 1), codes.CARD_LOST)
    state, _ = play(saved(), ("settled", lost))
    assert state.shown == ("refused", lost, 1250) and state.alert is None


def test_only_an_approval_is_shown_as_posted():
    for code in (codes.CARD_UNKNOWN, codes.CARD_BLOCKED, codes.MEMBER_SUSPENDED, codes.VOIDED,
                 codes.HELD, codes.MALFORMED):
        state, _ = play(saved(), ("settled", reply(sale_frame(7, 1), code)))
        assert state.shown[0] == "refused" and state.shown[1].code == code


def test_too_old_with_a_receipt_counts_as_posted():
    posted = reply(sale_frame(7, 1), codes.TOO_OLD, points=15, receipt=9)
    assert play(saved(), ("settled", posted))[0].shown[0] == "posted"
    refused = reply(sale_frame(7, 1), codes.TOO_OLD)
    assert play(saved(), ("settled", refused))[0].shown[0] == "refused"


def test_the_next_customer_need_not_wait_for_the_answer():
    for key in "#*":  # a saved sale that still waits is left at once
        assert step(saved(), ("key", key), 0)[0].name == HOME
    state, effects = play(saved(), "300#", TAP)
    assert effects == (("journal", SALE, {"card": (2, CARD_NUMBER), "amount_minor": 300}),)
    approved = reply(sale_frame(7, 1), points=15)
    state, _ = play(saved(), "3", ("settled", approved))
    assert state.name == AMOUNT and state.amount_minor == 3 and state.alert is None


def test_a_late_refusal_or_hold_stands_as_an_alert_until_acknowledged():
    state, _ = play(saved(), "*", ("settled", reply(sale_frame(7, 1), codes.HELD)))
    assert state.name == HOME and state.alert == (1, 1, codes.HELD)
    state, _ = play(state, ("settled", reply(sale_frame(7, 2), codes.CARD_LOST)))
    assert state.alert == (2, 2, codes.CARD_LOST)
    state, _ = play(state, "5#**")
    assert state.alert == (2, 2, codes.CARD_LOST)
    state, _ = step(state, ("key", "#"), READ_MS)
    assert state.name == HOME and state.alert is None
    assert step(start(None, (1, 2, 12)), ("key", "#"), 0)[1][0] == ("seen",)


def test_an_alert_found_by_a_boot_stands_behind_the_last_tap_until_it_is_acknowledged():
    state = start(("last", 2, 1250, CARD_NUMBER, None, None), (1, 1, 12))
    state, effects = step(state, ("key", "#"), 0)
    assert state.alert == (1, 1, 12) and state.shown is None and effects == (("beep", "key"),)
    state, effects = step(state, ("key", "#"), READ_MS)
    assert state.alert is None and effects[0] == ("seen",)


def test_a_key_pressed_twice_acknowledges_no_alert_that_nobody_has_read():
    lost, other = [("settled", reply(sale_frame(7, trace), codes.CARD_LOST)) for trace in (1, 2)]
    shown = play(saved(1), "*", lost, "1250#", TAP, ("saved", 7, 2), other)[0]
    assert shown.name == RESULT and shown.alert
    state, _ = step(shown, ("key", "#"), 5000)
    assert state.name == HOME and state.due == 5000 + READ_MS
    for event in (("key", "#"), ("key", "*"), ("time",)):  # none of them begins the second anew
        after, effects = step(state, event, 5000 + READ_MS - 1)
        assert (after.alert, after.due) == (state.alert, state.due) and ("seen",) not in effects
    assert step(state, ("key", "#"), 5500)[1] == (("beep", "refused"),)
    rested = step(state, ("time",), state.due)[0]
    assert rested.alert and rested.due is None
    for each in (state, rested):
        assert step(each, ("key", "#"), state.due)[1][0] == ("seen",)
    # another one comes as it is about to be acknowledged
    more = step(rested, ("settled", reply(sale_frame(7, 3), codes.CARD_LOST)), 9000)[0]
    assert more.alert[0] == 2 and step(more, ("key", "#"), 9100)[0].alert


def test_a_key_that_does_nothing_says_so():
    refused = (("beep", "refused"),)
    for state, keys in ((start(), "0"), (play(start(), "12")[0], "BD"),
                        (play(start(), "A")[0], "1#"), (play(saved(), "D")[0], "5A"),
                        (checkout.recovery("blank"), "1#")):
        for key in keys:
            assert step(state, ("key", key), 0) == (state, refused), key


def test_an_outcome_that_was_on_the_screen_is_seen_when_the_cashier_goes_on():
    lost = ("settled", reply(sale_frame(7, 1), codes.CARD_LOST))
    for key in "5*#A":
        assert ("seen",) in step(play(saved(), lost)[0], ("key", key), READ_MS)[1]
        assert ("seen",) not in step(saved(), ("key", key), READ_MS)[1]
    approved = ("settled", reply(sale_frame(7, 1), points=15))
    assert ("seen",) not in step(play(saved(), approved)[0], ("key", "#"), 0)[1]
    unknown = reply(inquiry_frame(), codes.CARD_UNKNOWN)  # no tap
    asked = play(start(), "A", TAP, ("answer", unknown))[0]
    assert asked.shown[0] == "refused" and ("seen",) not in step(asked, ("key", "#"), 0)[1]
    # never what stands as an alert beside it, for that was not on the screen
    state, _ = play(saved(1), "*", lost, "1250#", TAP, ("saved", 7, 2))
    state, _ = play(state, ("settled", reply(sale_frame(7, 2), codes.CARD_LOST)))
    assert ("seen",) not in step(state, ("key", "#"), READ_MS)[1]


def test_a_refusal_that_a_key_hid_as_it_appeared_stays_as_an_alert():
    lost = ("settled", reply(sale_frame(7, 1), codes.CARD_LOST))
    kept = ("settled", reply(VOID_REPLY, codes.OPERATOR_NOT_ALLOWED))
    approved = ("settled", reply(sale_frame(7, 1), points=15))
    for shown, alert in ((play(saved(), lost)[0], (1, 1, codes.CARD_LOST)),
                         (play(cancelling(), kept, approved)[0],
                          (1, 1, codes.OPERATOR_NOT_ALLOWED))):
        assert shown.name == RESULT and shown.due == READ_MS
        for key in "5*A":
            after, effects = step(shown, ("key", key), READ_MS - 1)
            assert after.alert == alert and ("seen",) not in effects
        for key in "0#":
            assert step(shown, ("key", key), READ_MS - 1) == (shown, (("beep", "refused"),))
        assert step(shown, ("time",), READ_MS - 1) == (shown, ())
        read, effects = step(shown, ("time",), READ_MS)
        assert read.due is None and read.shown == shown.shown and effects == ()
        assert ("seen",) in step(read, ("key", "#"), READ_MS)[1]
    # what nobody is told of is left at once, with the alert that stood there
    before = play(saved(9), "*", ("settled", reply(sale_frame(7, 9), codes.CARD_LOST)))[0]
    for answer in (approved, ("settled", reply(sale_frame(7, 1), codes.VOIDED))):
        state, _ = play(before, "1250#", TAP, ("saved", 7, 1), answer, "*")
        assert state.alert == (1, 9, codes.CARD_LOST)


def test_one_tap_makes_one_sale():
    state = play(start(), "1250#")[0]
    state, effects = play(state, TAP)
    assert effects
    for event in (TAP, ("saved", 7, 1), TAP, ("time",), TAP):
        state, effects = play(state, event)
        assert not [each for each in effects if each[0] == "journal"]


def test_a_card_without_an_amount_is_no_sale():
    state, effects = play(start(), TAP)
    assert state == start() and effects == ()
    state, effects = play(start(), "12", TAP)
    assert state.name == AMOUNT and effects == ()


def test_a_full_outbox_refuses_the_tap_and_says_so():
    state, effects = play(start(), "1250#", TAP, ("full",))
    assert state.name == RESULT and state.shown == ("full",) and effects == ()


def test_a_tap_that_could_not_be_sealed_is_not_claimed():
    state, _ = play(start(), "1250#", TAP, ("failed",))
    assert state.shown == ("failed",) and state.key is None


def test_an_amount_is_corrected_cleared_and_bounded():
    assert play(start(), "125C")[0].amount_minor == 12
    assert play(start(), "1C")[0].name == HOME
    assert play(start(), "125*")[0].name == HOME
    assert play(start(), "125C", ("long", "C"))[0].name == HOME
    assert play(start(), "125D", ("long", "D"))[0].amount_minor == 125
    assert play(start(), "0")[0].name == HOME
    assert play(start(), "1000000000")[0].amount_minor == 1000000000
    assert play(start(), "10000000000")[0].amount_minor == 1000000000
    assert play(start(), "999999999900")[0].amount_minor == 999999999


def test_back_from_the_card_keeps_the_amount():
    state, _ = play(start(), "1250#*")
    assert state.name == AMOUNT and state.amount_minor == 1250


def test_an_inquiry_asks_and_shows_the_balance():
    state, effects = play(start(), "A", TAP)
    assert state.name == ASKED and effects == (("ask", INQUIRY, {"card": (2, CARD_NUMBER)}),)
    answer = reply(inquiry_frame(), balance=1234)
    state, _ = play(state, ("answer", answer))
    assert state.name == RESULT and state.shown == ("balance", answer, 0)


def test_an_inquiry_without_answer_says_so_and_a_late_one_disturbs_nobody():
    state, _ = play(start(), "A", TAP, ("no_answer",))
    assert state.shown == ("no_answer",)
    state, _ = play(start(), "A", TAP, "*", "5", ("answer", reply(inquiry_frame())))
    assert state.name == AMOUNT and state.amount_minor == 5


def test_a_conflict_moves_the_screen_to_the_new_entry():
    state, _ = play(saved(), ("moved", (7, 1), (8, 1)))
    state, _ = play(state, ("settled", reply(sale_frame(8, 1), points=15)))
    assert state.shown[0] == "posted"


VOID_REPLY = void_frame(7, 2, (7, 1))


def cancelling(state=None):
    """The sale of 12.50 is being voided; its void has trace 2."""
    return play(state or saved(), "D#", ("saved", 7, 2))[0]


def test_a_sale_on_the_screen_is_voided_after_a_confirmation():
    state, effects = play(saved(), "D")
    assert state.name == ASK_VOID and effects == ()
    state, effects = step(state, ("key", "#"), 0)
    assert state.name == SAVING and effects == (("journal", VOID, {"original": (7, 1)}),)
    state, _ = step(state, ("saved", 7, 2), 0)
    assert state.name == CANCELLING and state.key == (7, 1)
    assert state.shown == ("cancelling", (7, 2), None, True)


def test_back_from_the_confirmation_leaves_the_sale_as_it_is():
    assert play(saved(), "D*")[0] == saved()
    state = step(saved(), ("time",), saved().due)[0]
    assert play(state, "D*")[0] == state and state.shown == ("saved", 1, 1250)
    approved = reply(sale_frame(7, 1), points=15)
    state, _ = play(saved(), "D", ("settled", approved), "*")
    assert state.name == RESULT and state.shown == ("posted", approved, 1250)


def test_a_sale_has_one_slip_though_it_was_about_to_be_cancelled():
    due, approved = saved().due, reply(sale_frame(7, 1), points=15)
    asked = play(saved(), "D")[0]
    assert step(asked, ("time",), due - 1) == (asked, ())
    late, effects = step(asked, ("time",), due)
    assert late.name == ASK_VOID and effects == (("print", (7, 1), None, False),)
    posted, effects = step(asked, ("settled", approved), 0)
    assert posted.name == ASK_VOID and ("print", (7, 1), approved, False) in effects
    for state in (late, posted):  # it has one
        assert state.due is None
        assert step(state, ("key", "*"), due)[1] == (("beep", "key"),)
        after, effects = step(state, ("settled", approved), due)
        assert "print" not in [each[0] for each in effects]
    assert play(late, "*")[0].shown == ("saved", 1, 1250)
    assert step(late, ("key", "#"), due)[1] == (("journal", VOID, {"original": (7, 1)}),)
    for why in ("full", "failed"):  # it was not cancelled: the sale posts
        kept, effects = play(saved(), "D#", (why,))
        assert kept.due is None and effects == (("print", (7, 1), None, False),)
        assert "print" not in [each[0] for each in step(kept, ("settled", approved), due)[1]]
        assert play(late, "#", (why,))[1] == ()


def test_posted_held_and_saved_sales_can_be_voided_and_nothing_else():
    for answer in (reply(sale_frame(7, 1), points=15), reply(sale_frame(7, 1), codes.HELD)):
        state, _ = play(saved(), ("settled", answer), "D")
        assert state.name == ASK_VOID
        assert cancelling(play(saved(), ("settled", answer))[0]).shown[3] is False
    refused = play(saved(), ("settled", reply(sale_frame(7, 1), codes.CARD_LOST)))[0]
    balance = play(start(), "A", TAP, ("answer", reply(inquiry_frame(), balance=1)))[0]
    for state in (refused, balance, start()):
        assert play(state, "D")[0].name == "menu.main"
    assert play(start(), "12D") == play(start(), "12")


def test_a_void_that_could_not_be_stored_leaves_the_sale_as_it_is_and_to_be_cancelled():
    approved = reply(sale_frame(7, 1), points=15)
    posted = play(saved(), ("settled", approved))[0]
    for why in ("full", "failed"):
        for sale, before in ((saved(), ("saved", 1, 1250)), (posted, ("posted", approved, 1250))):
            state, _ = play(sale, "D#", (why,))
            assert state.name == RESULT and state.shown == ("no_void", why, before)
            assert play(state, "D*")[0].shown == before
            state, effects = step(play(state, "D")[0], ("key", "#"), 0)
            assert effects == (("journal", VOID, {"original": (7, 1)}),)
            assert step(state, ("saved", 7, 2), 0)[0].shown[3] is (before[0] == "saved")
    state, _ = play(saved(), "D#", ("failed",), ("settled", approved))
    assert state.shown == ("posted", approved, 1250)


def test_a_sale_refused_while_the_question_stands_is_just_refused():
    lost = reply(sale_frame(7, 1), codes.CARD_LOST)
    state, _ = play(saved(), "D", ("settled", lost))
    assert state.name == RESULT and state.shown[0] == "refused"


def test_cancelled_is_said_only_when_both_are_answered_in_either_order():
    gone = ("settled", reply(sale_frame(7, 1), codes.VOIDED))
    voided = ("settled", reply(VOID_REPLY, points=0))
    for first, second in ((gone, voided), (voided, gone)):
        state, _ = play(cancelling(), first)
        assert state.name == CANCELLING
        state, _ = play(state, second)
        assert state.name == RESULT and state.shown == ("cancelled", 1, 1250, 0)
        assert state.alert is None
    posted = play(saved(), ("settled", reply(sale_frame(7, 1), points=15)))[0]
    assert play(cancelling(posted), voided)[0].shown[0] == "cancelled"


def test_of_a_cancelled_sale_is_handed_back_what_the_gateway_says():
    posted = play(saved(), ("settled", reply(sale_frame(7, 1), points=15)))[0]
    part = ("settled", reply(VOID_REPLY, points=-9, amount_minor=850))
    assert play(cancelling(posted), part)[0].shown == ("cancelled", 1, 850, 0)
    later = play(cancelling(), part, ("settled", reply(sale_frame(7, 1), points=15)))[0]
    assert later.shown == ("cancelled", 1, 850, 0)
    again = play(cancelling(posted), ("moved", (7, 1), (9, 1)),
                 ("cancelling", (9, 1), (7, 2), False), part)[0]  # voided once more behind a 62
    assert again.shown == ("cancelled", 1, 850, 0)
    # a bill that nobody paid is named as it was keyed
    unpaid = states.cancelling((7, 1), (7, 2), 1250, None, False)
    assert play(unpaid, part)[0].shown == ("cancelled", 1, 1250, 0)


def test_nothing_left_to_void_counts_as_cancelled_and_a_refusal_is_named():
    posted = play(saved(), ("settled", reply(sale_frame(7, 1), points=15)))[0]
    nothing = reply(VOID_REPLY, codes.NOTHING_LEFT)
    state, effects = play(cancelling(posted), ("settled", nothing))
    assert state.shown == ("cancelled", 1, 1250, codes.NOTHING_LEFT)
    assert not [effect for effect in effects if effect[0] == "print"]
    refused = reply(VOID_REPLY, codes.NOT_VOIDABLE)
    assert play(cancelling(posted), ("settled", refused))[0].shown == (
        "not_cancelled", 1, 1250, codes.NOT_VOIDABLE)


def test_a_receipt_of_which_nothing_is_left_sounds_refused_and_is_not_printed():
    asked = play(start(), ("online", VOID, 0, ("saved", 7, 2)))[0]
    for code, sound, slips in ((codes.APPROVED, "ok", 1), (codes.NOTHING_LEFT, "refused", 0)):
        effects = step(asked, ("settled", reply(VOID_REPLY, code)), 0)[1]
        assert effects[0] == ("beep", sound) and len(effects) == 1 + slips


def test_each_answer_to_an_inquiry_has_its_sound():
    asked = play(start(), "A", TAP)[0]
    for code, sound in ((codes.APPROVED, "ok"), (codes.CARD_LOST, "refused")):
        effects = step(asked, ("answer", reply(inquiry_frame(), code, balance=1)), 0)[1]
        assert effects == (("beep", sound),)


def test_the_next_customer_need_not_wait_for_a_void_and_its_refusal_is_an_alert():
    state, _ = play(cancelling(), "3", ("settled", reply(VOID_REPLY)),
                    ("settled", reply(sale_frame(7, 1), codes.VOIDED)))
    assert state.name == AMOUNT and state.alert is None
    state, _ = play(cancelling(), "3", ("settled", reply(VOID_REPLY, codes.NOT_VOIDABLE)))
    assert state.alert == (1, 2, codes.NOT_VOIDABLE)


def test_a_conflict_of_the_void_or_its_original_moves_the_screen_along():
    state, _ = play(cancelling(), ("moved", (7, 2), (9, 1)), ("moved", (7, 1), (9, 2)))
    assert state.key == (9, 2) and state.shown[1] == (9, 1)
    state, _ = play(state, ("cancelling", (9, 2), (9, 3), True))
    assert state.shown == ("cancelling", (9, 3), None, True)


def online(state=None):
    """A redemption waits for its answer."""
    return play(state or start(), ("online", REDEMPTION, 1250, ("saved", 7, 1)))[0]


def test_what_needs_an_answer_waits_for_it_and_shows_it():
    state = online()
    assert state.name == WAITING and state.purpose == REDEMPTION and state.key == (7, 1)
    assert play(state, TAP)[0] == state
    approved = reply(sale_frame(7, 1), points=-15)
    assert play(state, ("settled", approved))[0].shown == ("posted", approved, 1250)


def test_nobody_has_to_stand_before_a_message_that_waits_for_its_answer():
    assert play(online(), "12")[0].name == AMOUNT and play(online(), "A")[0].name == checkout.CARD
    assert play(online(), "D7")[0].name == STATUS and play(online(), "*")[0].name == HOME
    refused = reply(sale_frame(7, 1), codes.CARD_LOST)
    assert play(online(), "*", ("settled", refused))[0].alert == (1, 1, codes.CARD_LOST)
    assert step(play(online(), "*")[0], ("settled", refused), 0)[1] == (("beep", "refused"),)


def redeemed(trace):
    """The answer to a redemption of this handset."""
    values = list(reply(sale_frame(7, trace), points=-300))
    values[REPLY_FIELDS.index("type")] = 128 + REDEMPTION
    return Reply(*values)


def test_what_was_left_unanswered_and_posts_shows_itself_where_nobody_does_a_thing():
    answer = redeemed(1)
    home = play(online(), "*")[0]
    shown, effects = step(home, ("settled", answer), 0)
    assert (shown.name, shown.purpose, shown.shown) == (RESULT, REDEMPTION, ("posted", answer, 0))
    assert effects == (("beep", "ok"), ("print", (7, 1), answer, False))
    assert step(shown, ("settled", answer), 0)[1] == (("beep", "ok"),)  # printed once
    assert step(home, ("settled", answer, (7, 2)), 0) == (home, ())  # it is voided by now
    assert step(home, ("settled", reply(VOID_REPLY)), 0) == (home, ())  # a cancel that was left
    # a key for the screen before hides nothing that money depends on
    for early in (shown, step(online(), ("settled", answer), 0)[0]):
        for key in "*#":
            assert step(early, ("key", key), READ_MS - 1) == (early, (("beep", "refused"),))
            assert step(early, ("key", key), READ_MS)[0] == start()
        keyed, effects = step(early, ("key", "5"), READ_MS - 1)
        again = effects[-1]
        assert keyed.name == AMOUNT and again[:2] == ("till", "late")
        assert ("till", "late") not in [each[:2] for each in step(early, ("key", "5"), READ_MS)[1]]
        back, effects = step(start(), ("late",), 0, changed(NOBODY, "late", again[2]))
        assert (back.name, back.shown[1]) == (RESULT, answer)
        assert effects == (("till", "late", ()), ("beep", "ok"))  # and no second slip
        # nor where it came, or goes, with nobody logged in
        nobody = changed(NOBODY, "login", True)
        someone = changed(nobody, "operator", 5)
        for gone, till in ((("key", "*"), nobody), (("key", "5"), nobody), (("lock",), someone)):
            assert step(early, gone, READ_MS - 1, till)[1][-1] == again
            assert (again in step(early, gone, READ_MS, till)[1]) is (till is nobody)
        # told once more, for want of memory to draw it
        assert step(early, ("settled", answer), READ_MS - 1)[0] == early


def test_the_last_tap_of_a_boot_says_so_once_it_has_posted():
    home = start(("last", 1, 1250, CARD_NUMBER, None, None), None, (7, 1))
    posted = reply(sale_frame(7, 1), points=12, receipt=1000)
    after, effects = step(home, ("settled", posted), 0)
    assert after == start(("last", 1, 1250, CARD_NUMBER, (0, 12, 1000), None))
    assert effects == (("beep", "ok"),)
    moved = step(home, ("moved", (7, 1), (9, 4)), 0)[0]
    assert moved == start(("last", 4, 1250, CARD_NUMBER, None, None), None, (9, 4))
    assert step(moved, ("settled", posted), 0) == (moved, ())
    refused = step(home, ("settled", reply(sale_frame(7, 1), codes.CARD_LOST)), 0)[0]
    assert refused.alert == (1, 1, codes.CARD_LOST) and refused.shown is None
    day = start(("last_day", 1, None), None, (7, 1))
    assert step(day, ("settled", posted), 0) == (day, ())


def test_what_posts_while_something_else_is_done_shows_itself_on_the_way_home():
    nobody = changed(NOBODY, "login", True)
    for place, till in ((play(start(), "12")[0], NOBODY), (saved(), NOBODY),
                        (play(online(), "*")[0], nobody)):
        after, effects = step(place, ("settled", redeemed(9)), 0, till)
        assert after == place and effects == (("till", "late", ((redeemed(9), True),)),)
        assert step(place, ("settled", redeemed(9), (7, 10)), 0, till) == (place, ())  # voided
    late = changed(NOBODY, "late", ((redeemed(9), True),))
    home, effects = step(play(start(), "12")[0], ("key", "*"), 0, late)
    assert home.name == HOME and effects == (("beep", "key"), ("late",))
    shown, effects = step(home, ("late",), 0, late)
    assert (shown.name, shown.shown) == (RESULT, ("posted", redeemed(9), 0))
    assert effects == (("till", "late", ()), ("beep", "ok"),
                       ("print", (7, 9), redeemed(9), False))
    assert step(home, ("late",), 0, NOBODY) == (home, ())  # it was shown
    assert step(saved(), ("late",), 0, late) == (saved(), ())  # home was left for something else
    # who is not logged in sees nothing of it
    locked = changed(late, "login", True)
    assert came_home(play(start(), "12")[0], ("key", "*"), locked) == (home, locked)
    someone = changed(locked, "operator", 5)
    assert came_home(play(start(), "12")[0], ("key", "*"), someone)[0] == shown
    # whoever logs in does at once
    asked = states.to(start(), "login.asked", None, 5, None, ("asked", b"candidate"))
    at_work, till = came_home(asked, ("found", "right"), locked)
    assert at_work.shown == ("posted", redeemed(9), 0) and till.late == ()
    for leaves in (("lock",), ("key", "8")):  # it waits for who comes next
        gone, till = came_home(play(start(), "D")[0], leaves, someone)
        assert gone.name == HOME and not till.operator and till.late == ((redeemed(9), True),)


def test_of_several_that_posted_unseen_each_shows_itself():
    busy, till = play(start(), "12")[0], NOBODY
    for trace in range(1, 7):
        _, ((_, _, late),) = step(busy, ("settled", redeemed(trace)), 0, till)
        till = changed(till, "late", late)
    # in training nothing of it is shown, for nothing would be printed
    assert came_home(busy, ("key", "*"), changed(till, "training", True))[0].shown is None
    assert step(start(), ("settled", redeemed(9)), 0, changed(NOBODY, "training", True)) == (
        start(), (("till", "late", ((redeemed(9), True),)),))
    # another was on the screen, and a key hid it: it pushes out none that nobody saw, and else
    # goes first
    first = step(start(), ("settled", redeemed(9)), 0)[0]
    assert step(first, ("key", "5"), 0, till)[1][-1] == ("till", "late", till.late)
    till = changed(till, "late", till.late[:2])
    till = changed(till, "late", step(first, ("key", "5"), 0, till)[1][-1][2])
    shown = []
    state, till = came_home(busy, ("key", "*"), till)
    while state.name == RESULT:
        shown.append(state.shown[1].trace)
        state, till = came_home(state, ("key", "*"), till, READ_MS)
    assert shown == [9, 3, 4] and till.late == ()


def test_a_void_by_receipt_that_was_left_is_told_and_any_other_is_not():
    waits = play(start(), ("online", VOID, 0, ("saved", 7, 2)))[0]
    home, effects = step(waits, ("key", "*"), 0)
    assert home.name == HOME and ("till", "left", ((7, 2),)) in effects
    till = changed(NOBODY, "left", ((7, 2),))
    shown, effects = step(home, ("settled", reply(VOID_REPLY, points=-12)), 0, till)
    assert shown.shown[0] == "posted" and effects[0] == ("beep", "ok")
    vain = step(home, ("settled", reply(VOID_REPLY, codes.NOTHING_LEFT)), 0, till)
    assert vain[0].name == RESULT and vain[1] == (("beep", "refused"),)
    busy = play(home, "12")[0]
    assert step(busy, ("settled", reply(VOID_REPLY)), 0, till)[1] == (
        ("till", "late", ((reply(VOID_REPLY), True),)),)
    # two were left: both are told
    waits = play(start(), ("online", VOID, 0, ("saved", 7, 3)))[0]
    both = [each for each in step(waits, ("key", "*"), 0, till)[1] if each[0] == "till"]
    assert both == [("till", "left", ((7, 3), (7, 2)))]
    assert step(home, ("settled", reply(VOID_REPLY, points=-12)), 0,
                changed(till, *both[0][1:])) == (shown, effects)
    other = changed(NOBODY, "left", ((7, 3),))
    # another was left when this had come
    late = changed(other, "late", ((reply(VOID_REPLY), True),))
    told, after = came_home(busy, ("key", "*"), late)
    assert told.shown == ("posted", reply(VOID_REPLY), 0) and after.left == ((7, 3),)
    assert step(home, ("settled", reply(VOID_REPLY)), 0, other) == (home, ())
    # under its new name too
    assert step(home, ("moved", (7, 2), (9, 1)), 0, till)[1] == (("till", "left", ((9, 1),)),)
    assert step(home, ("moved", (7, 2), (9, 1)), 0, other)[1] == ()
    # so is the last sale, which is cancelled under that name
    sold = changed(NOBODY, "last", (CARD_NUMBER, 1250, 0, (7, 2)))
    assert step(home, ("moved", (7, 2), (9, 1)), 0, sold)[1] == (
        ("till", "last", (CARD_NUMBER, 1250, 0, (9, 1))),)
    assert step(home, ("moved", (7, 3), (9, 1)), 0, sold)[1] == ()


def test_a_second_press_of_the_key_that_confirmed_hides_not_even_a_good_outcome():
    approved = ("settled", reply(sale_frame(7, 1), points=-15))
    gone = ("settled", reply(sale_frame(7, 1), codes.VOIDED))
    voided = ("settled", reply(VOID_REPLY, points=0))
    for state in (play(online(), approved)[0], play(cancelling(), gone, voided)[0]):
        assert step(state, ("key", "#"), READ_MS - 1) == (state, (("beep", "refused"),))
        assert step(state, ("key", "#"), READ_MS)[0].name == HOME
        assert step(state, ("key", "5"), 1)[0].name == AMOUNT
    posted = play(saved(), approved)[0]  # a sale waits for nobody
    assert step(posted, ("key", "#"), 0)[0].name == HOME


def test_a_second_press_of_the_key_that_confirmed_hides_no_outcome():
    assert play(online(), "#") == (online(), ()) and play(cancelling(), "#") == (cancelling(), ())


def test_unanswered_it_is_cancelled_until_both_outcomes_are_in():
    state, _ = play(online(), ("cancelling", (7, 1), (7, 2), True))
    assert state.name == CANCELLING
    state, _ = play(state, ("settled", reply(VOID_REPLY)),
                    ("settled", reply(sale_frame(7, 1), codes.VOIDED)))
    assert state.shown[0] == "cancelled"


def test_a_void_of_something_else_changes_no_screen():
    for state in (online(), saved(), start(), cancelling()):
        assert play(state, ("cancelling", (7, 40), (7, 41), True))[0] == state


def test_what_could_not_be_begun_says_why():
    for became in (("no_answer",), ("full",), ("failed",)):
        state, _ = play(start(), ("online", REDEMPTION, 1250, became))
        assert state.name == RESULT and state.shown == became
    assert play(checkout.recovery("blank"), ("online", REDEMPTION, 1, ("no_answer",)))[0] == (
        checkout.recovery("blank"))


def test_a_boot_that_finds_a_void_under_way_says_so():
    state = states.cancelling((7, 1), (7, 2), 1250, None, False)
    assert state.name == CANCELLING and state.purpose == VOID
    assert play(state, ("settled", reply(VOID_REPLY)))[0].shown[0] == "cancelled"


def test_after_a_boot_the_last_tap_is_named_until_a_key_is_pressed():
    last = ("last", 41, 1250, CARD_NUMBER, None, None)
    assert start(last).shown == last
    assert play(start(last), "#")[0].shown is None
    assert play(start(), "D7")[0].name == STATUS
    assert play(start(), "D7B")[0].name == play(start(), "D70")[0].name == HOME
    state = play(start(), "D71250")[0]
    assert (state.name, state.amount_minor) == (AMOUNT, 1250)


def test_recovery_takes_nothing():
    state = checkout.recovery("no header")
    after, effects = play(state, "1250#", TAP, "A", TAP, "*")
    assert after == state and after.name == RECOVERY and effects == ()


def test_every_state_takes_every_event_and_home_is_always_near():
    approved, answer = reply(sale_frame(7, 1), points=1), reply(inquiry_frame(), balance=1)
    events = [("key", key) for key in "0123456789*#ABCD"] + [
        TAP, ("saved", 7, 1), ("full",), ("failed",), ("unread", 2, "two_cards"),
        ("fault", 2, "absent"), ("long", "C"), ("settled", approved), ("answer", answer),
        ("no_answer",), ("moved", (7, 1), (8, 1)), ("time",), ("settled", reply(VOID_REPLY)),
        ("cancelling", (7, 1), (7, 2), True), ("online", REDEMPTION, 9, ("saved", 7, 1))]
    seen, fresh = [], [start()]
    while fresh and len(seen) < 600:
        state = fresh.pop()
        seen.append(state)
        for event in events:
            after, _ = step(state, event, 20000)
            # a flow's own test walks it
            if (after not in seen and after not in fresh and after.amount_minor < 100
                    and "." not in after.name):
                fresh.append(after)
    names = set([state.name for state in seen])
    assert names == set((HOME, AMOUNT, CARD, SAVING, SENT, ASKED, RESULT, ASK_VOID,
                         CANCELLING, WAITING))
    for state in seen:
        if state.name != SAVING:
            for _ in range(4):
                state = step(state, ("key", "*"), 20000 + READ_MS)[0]
            assert state.name == HOME


def test_an_unknown_event_is_a_fault_of_the_program():
    assert raises(FirmwareError, step, start(), ("surprise",), 0)
