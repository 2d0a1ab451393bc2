"""Every screen as text, in both languages, with the longest values. Runs on both interpreters."""

from firmware import checkout, states, views
from firmware.checkout import State
from firmware.texts import en, names, zh
from firmware.views import COLUMNS, Status, columns, fit, lines, money
from protocol import codes
from protocol.messages import INQUIRY, REDEMPTION, REFUND, SALE, VOID
from tests.firmware.replies import CARD, inquiry_frame, reply, sale_frame

ONLINE = Status(True, 0, 10000042, "0.1.0", None, "", None, None, "", None)
OFFLINE = Status(False, 3, 10000042, "0.1.0", None, "", None, None, "", None)


def state(name, **fields):
    values = {"purpose": SALE, "amount_minor": 1250, "key": (7, 41), "shown": None, "due": None,
              "alert": None}
    for field, value in fields.items():
        values[field] = value
    return State(name, values["purpose"], values["amount_minor"], values["key"],
                 values["shown"], values["due"], values["alert"])


def show(what, status=ONLINE, language="en"):
    return lines(what, status, language, 2)


def result(*shown):
    return state(checkout.RESULT, shown=shown)


def test_what_is_under_way_may_be_left_and_only_a_void_is_said_to_end_when_online():
    void = states.cancelling((7, 41), (7, 42), 0)
    by_receipt = states.waiting(VOID, (7, 41), 0, None)
    bill = states.waiting(REDEMPTION, (7, 41), 1250, None)  # voided by itself, if it waits on
    assert [show(each)[3] for each in (void, by_receipt, bill)] == ["*←"] * 3
    assert [show(each, OFFLINE)[3] for each in (void, by_receipt, bill)] == [
        "When online  *←", "When online  *←", "*←"]


def test_a_posted_sale_shows_points_balance_member_and_receipt():
    answer = reply(sale_frame(), points=15, balance=1234, member="Wang *", tier="Silver",
                   receipt=123456789)
    assert show(result("posted", answer, 1250)) == (
        "●", "Posted +15", "Balance 1234", "Wang * Silver", "REF 123456789")
    assert show(result("posted", answer, 1250), language="zh")[1] == "积分 +15"


def test_saved_will_post_names_the_tap():
    shown = show(result("saved", 41, 1250), OFFLINE)
    assert shown[1:] == ("Saved, will post", "12.50", "D = cancel", "TRACE 41")
    moved = checkout.step(result("saved", 41, 1250), ("moved", (7, 41), (9, 2)), 0)[0]
    assert show(moved, OFFLINE)[4] == "TRACE 2"


def test_the_bar_shows_link_signal_unsent_taps_and_battery_in_every_language():
    for language in ("en", "zh"):
        assert show(checkout.start(), OFFLINE, language)[0] == "○  ↑3"
    full = Status(True, 12, 1, "0.1.0", None, "", -51, 100, "", None)
    assert show(checkout.start(), full)[0] == "●▇ ↑12         █"
    signals = [views.bar(Status(True, 0, 1, "", None, "", dbm, None, "", None), 0)[1]
               for dbm in (-113, -106, -105, -93, -81, -69, -51)]
    assert "".join(signals) == "▁▁▂▃▅▇▇"
    batteries = [views.bar(Status(True, 0, 1, "", None, "", None, percent, "", None), 0)[15]
                 for percent in (0, 9, 10, 31, 32, 54, 76, 100)]
    assert "".join(batteries) == "▏▏▎▎▍▋██"
    crowded = Status(False, 10000, 1, "", None, "", -51, 100, "", None)
    assert views.bar(crowded, 999) == "○▇ ↑10000 !999 █"
    assert views.bar(crowded, 9999) == "○▇ ↑10000 !    █"  # never 999
    assert views.bar(crowded, 0, True) == "○▇ TRAIN ↑     █"


def test_the_bar_of_every_other_screen_says_how_many_did_not_post():
    for name in (checkout.AMOUNT, checkout.CARD, checkout.SENT, checkout.STATUS):
        alerted = state(name, alert=(2, 41, codes.CARD_LOST))
        assert show(alerted)[0] == "●  !2"
        assert show(alerted, OFFLINE, "zh")[0] == "○  ↑3 !2"
    assert show(state(checkout.HOME, alert=(2, 41, codes.HELD)), OFFLINE)[:2] == (
        "○  ↑3", "2 not posted")


def test_a_dead_task_is_said():
    status = Status(True, 0, 1, "0", "panel", "", None, None, "", None)
    assert show(checkout.start(), status)[0] == "●  ?panel"


def test_the_first_screen_after_a_boot_names_the_last_tap():
    waiting = checkout.start(("last", 41, 1250, CARD, None, None))
    assert show(waiting)[1:] == ("Last saved tap", "not yet posted", "Card ..7892",
                                 "TRACE 41 12.50")
    posted = checkout.start(("last", 41, 1250, CARD, (0, 15, 9), None))
    assert show(posted)[2] == "posted +15"
    refused = checkout.start(("last", 41, 1250, b"\x01\x02\x03\x04", (codes.CARD_LOST, 0, 0),
                              None))
    assert show(refused)[2:4] == ("refused (12)", "Card ..0304")
    # of the 12.50 that were asked for the gateway gives back less
    for kind, said in ((REFUND, "Hand back 6.67"), (REDEMPTION, "Off 6.67")):
        last = checkout.start(("last", 41, 1250, CARD, (0, -6, 9), (kind, 667)))
        assert show(last)[2:] == ("posted -6", said, "TRACE 41 12.50")
    for given, said in (((VOID, 750), "Hand back 7.50"), (None, "Cancelled")):
        assert show(checkout.start(("last_void", 41, 0, 9, given)))[3] == said


def test_the_first_screen_calls_an_outcome_what_the_live_screen_called_it():
    def first(code, receipt=None):
        return show(checkout.start(("last", 41, 1250, CARD, (code, 0, receipt), None)))[2]

    def live(code, receipt=None):
        answered = reply(sale_frame(7, 41), code, receipt=receipt, points=0)
        sent = state(checkout.SENT)
        return show(checkout.step(sent, ("settled", answered), 0)[0])[1]

    for code in range(256):
        for receipt in (None, 9):
            said = {"Posted +0": "posted +0", "HELD FOR HQ": "HELD FOR HQ",
                    "REFUSED": "refused (" + str(code) + ")"}[live(code, receipt)]
            assert first(code, receipt) == said, (code, receipt)
    assert first(codes.TOO_OLD) == "refused (63)" and first(codes.TOO_OLD, 9) == "posted +0"
    assert first(codes.HELD) == "HELD FOR HQ"


def test_no_screen_shows_a_full_card_number():
    for name in (checkout.HOME, checkout.CARD, checkout.SENT):
        shown = ("last", 41, 1250, CARD, None, None) if name == checkout.HOME else None
        assert str(CARD) not in "".join(show(state(name, shown=shown)))


def test_a_full_outbox_says_that_the_tap_was_not_taken():
    assert show(result("full"))[1:4] == ("Outbox is full", "Tap NOT taken", "Get it online")


def test_a_void_that_was_not_stored_never_says_that_the_tap_was_not_taken():
    before = ("saved", 41, 1250)
    assert show(result("no_void", "failed", before))[1:] == (
        "NOT cancelled", "Try again", "D = cancel", "TRACE 41 12.50")
    assert show(result("cancelled", 41, 1250, 0))[1:3] == ("Cancelled", "12.50")
    # what was refunded or cancelled before hands no money back
    assert show(result("cancelled", 41, 1250, codes.NOTHING_LEFT))[1:4] == (
        "Cancelled", "Nothing left", "")
    assert show(result("no_void", "full", before))[1:3] == ("NOT cancelled", "Get it online")


def test_held_is_not_called_refused():
    assert show(result("refused", reply(sale_frame(), codes.HELD), 1250))[1] == "HELD FOR HQ"


def test_a_tier_stands_whole_beside_the_name_or_not_at_all():
    for member, tier, said in (("Alexander G***", "G", "Alexander G*** G"),
                               ("Alexander G***", "Gold", "Alexander G***"),
                               ("Maximilian Alexander", "Gold", "Maximilian Alexa"),
                               (None, "Gold", "Gold")):
        answer = reply(sale_frame(), points=15, member=member, tier=tier)
        assert show(result("posted", answer, 1250))[3] == said


def test_an_inquiry_shows_expiring_points():
    answer = reply(inquiry_frame(), balance=9, expiring=(500, 20453), stored_value=1050)
    assert show(result("balance", answer, 0))[2:] == ("Balance 9", "Value 10.50",
                                                      "500 2025-12-31")
    for points, said in ((1051, "Next exp. 1051"), (99999999, "99999999")):
        answer = reply(inquiry_frame(), balance=9, expiring=(points, 21054))
        assert show(result("balance", answer, 0))[2:] == ("Balance 9", said, "EXP 2027-08-24")
        assert show(result("balance", answer, 0), language="zh")[3] == (
            "最先到期 1051" if points == 1051 else said)
    answer = reply(inquiry_frame(), expiring=(100000, 20453), stored_value=1050)
    assert show(result("balance", answer, 0))[4] == "EXP 2025-12-31"  # the number has no room


def test_both_languages_have_every_text_on_its_line():
    for parts in (en.parts(), zh.parts()):
        assert all([len(part.split("\n")) == 17 for part in parts[:-2]])
        keys = [line.split("=")[0] for part in parts for line in part.split("\n") if line]
        listed = [name for name in dir(names) if name.isupper()]
        assert len(listed) > 40
        for name in listed:
            assert keys[getattr(names, name)] == name.lower(), name
        numbers = [int(key) for key in keys if key.isdigit()]
        assert numbers == sorted(numbers)


def test_a_code_without_a_text_shows_its_number():
    assert show(result("refused", reply(sale_frame(), 33), 0))[2] == "Code 33"


def longest():
    """Every state with its longest values."""
    big = 1000000000
    answer = reply(sale_frame(7, 4294967295), points=-9999999, balance=9999999999,
                   receipt=4294967295, expiring=(99999, 65535), stored_value=99999999)
    refusals = [reply(sale_frame(7, 4294967295), code) for code in range(256)]
    shown = [("saved", 4294967295, big), ("no_void", "full", ("saved", 1, big)), ("full",),
             ("failed",), ("no_answer",),
             ("posted", answer, big), ("balance", answer, 0)]
    shown += [("refused", each, 0) for each in refusals]
    found = [result(*each) for each in shown]
    for name in (checkout.HOME, checkout.AMOUNT, checkout.CARD, checkout.SAVING, checkout.SENT,
                 checkout.ASKED, checkout.STATUS):
        found.append(state(name, amount_minor=big, key=(7, 4294967295)))
    found.append(state(checkout.CARD, purpose=INQUIRY))
    for name in (checkout.HOME, checkout.CARD):
        found.append(state(name, alert=(9999, 4294967295, codes.HELD)))
    for settled in (None, (0, -9999999, 1), (12, 0, 0)):
        found.append(checkout.start(("last", 4294967, 99999, CARD, settled, None)))
    found.append(checkout.start(("last", 1, 99999, None, (0, 0, 1), (REFUND, big))))
    found.append(checkout.recovery("no header"))
    return found


def test_nothing_is_cut_with_the_longest_values_in_either_language():
    uncut = views.fit
    for language in ("en", "zh"):
        for each in longest():
            seen = []
            views.fit = lambda text, seen=seen: seen.append(text) or uncut(text)
            try:
                status = Status(False, 10000, 4294967295, "0.1.0-rc1", None, "Nothing is acked",
                                None, None, "", None)
                lines(each, status, language, 2)
            finally:
                views.fit = uncut
            for text in seen:
                assert columns(text) <= COLUMNS, (language, each.name, text, columns(text))


def test_a_number_is_never_cut_its_label_goes_first():
    answer = reply(inquiry_frame(), balance=9007199254740991)
    assert show(result("balance", answer, 0))[2] == "9007199254740991"


def test_long_names_are_cut_at_a_whole_character():
    assert fit("喝一杯咖啡吧朋友们") == "喝一杯咖啡吧朋友"
    assert fit("a喝一杯咖啡吧朋友") == "a喝一杯咖啡吧朋"


def test_money_is_written_without_floats():
    assert [money(1250, 2), money(5, 2), money(1250, 0), money(5, 3)] == [
        "12.50", "0.05", "1250", "0.005"]


def test_the_status_screen_names_what_was_last_wrong_with_the_link():
    status = Status(False, 3, 10000042, "0.1.0", None, "Login refused", None, None, "", None)
    assert show(state(checkout.STATUS), status)[1:] == (
        "ID 10000042", "Unsent 3", "Login refused", "0.1.0")
    assert show(state(checkout.STATUS), status, "zh")[1:3] == (
        "终端 10000042", "未发送 3")
    assert show(state(checkout.STATUS))[3] == ""


def test_the_status_screen_tells_the_signal_as_a_number():
    def foot(version, dbm):
        return show(state(checkout.STATUS),
                    Status(True, 0, 1, version, None, "", dbm, None, "", None))[4]

    assert foot("0.1.0", -71) == "0.1.0 -71dBm" and foot("0.1.0", None) == "0.1.0"
    assert foot("0.1.0-rc1", -113) == "-113dBm"  # the version stands in `about` too


def test_home_names_its_keys_and_who_is_logged_in():
    def home(operator):
        status = Status(True, 0, 1, "", None, "", None, None, "", operator)
        shown = show(checkout.start(), status)
        return shown[1], shown[4]

    assert home(None) == ("Pointwire", "B=POINTS C=TAPS")
    assert home(5) == ("Pointwire OP 5", "B=POINTS C=TAPS")
    assert home(65535) == ("OP 65535", "B=POINTS C=TAPS")


def test_a_font_file_that_is_missing_is_named_where_nothing_else_stands():
    status = Status(True, 0, 1, "0", None, "", None, None, "no font file", None)
    assert show(checkout.start(), status)[4] == "NO FONT FILE"
    assert show(state(checkout.AMOUNT), status)[4] == "#✓ C← *✗ A=ITEMS"
