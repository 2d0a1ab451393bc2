"""Slips as lines: both languages, every figure whole, nothing claimed that is not certain."""

from firmware.slip import BIG, CENTER, COLUMNS, DaySlip, TapSlip, layout, pair, wrapped
from firmware.texts import Words, slip_en, slip_names, slip_zh
from firmware.views import columns
from protocol.fields import REDEMPTION, REFUND, SALE, VOID

CARD = 6200001234567892
BLANK = TapSlip(SALE, "posted", "Corner Shop", 10000042, 3, "2026-11-22 14:03", 17, 1000, CARD,
                "王* 银卡", 1250, None, None, 12, 1012, None, None, None, False, "en")


def tap(**changes):
    fields = ("kind", "state", "shop", "terminal_id", "operator", "when", "trace", "receipt",
              "card_id", "member", "amount_minor", "money_minor", "to_pay_minor", "points",
              "balance", "original", "reason", "line", "training", "language")
    values = list(BLANK)
    for name in changes:
        values[fields.index(name)] = changes[name]
    return TapSlip(*values)


def day(**changes):
    fields = ("shop", "terminal_id", "operator", "when", "totals", "unsent", "compared", "theirs",
              "differing", "training", "language")
    values = ["Corner Shop", 10000042, 3, "2026-11-22 21:00",
              ((SALE, 120, 150000, 1500), (VOID, 2, 2500, -25)), 0, True, None, (), False, "en"]
    for name in changes:
        values[fields.index(name)] = changes[name]
    return DaySlip(*values)


def spoken(slip, language):
    return type(slip)(*(tuple(slip)[:-1] + (language,)))


def texts(slip, language="en", copy=False, digits=2):
    return [text for _, text in layout(spoken(slip, language), digits, copy)]


def fits(slip, language, digits=2):
    for style, text in layout(spoken(slip, language), digits, True):
        if columns(text) > (COLUMNS // 2 if style & BIG else COLUMNS):
            return text
    return None


def test_a_sale_in_english():
    assert texts(tap()) == [
        "Corner Shop",
        "SALE",
        "--------------------------------",
        "Terminal                10000042",
        "Operator                       3",
        "Time            2026-11-22 14:03",
        "Tap                           17",
        "Receipt                     1000",
        "Card                      ..7892",
        "Member                  王* 银卡",
        "--------------------------------",
        "Amount                     12.50",
        "Points                       +12",
        "Balance                     1012",
        "--------------------------------",
        "Posted",
        "Thank you"]


def test_a_sale_in_chinese():
    assert texts(tap(operator=None), "zh") == [
        "Corner Shop",
        "消费积分",
        "--------------------------------",
        "终端号                  10000042",
        "时间            2026-11-22 14:03",
        "流水号                        17",
        "凭证号                      1000",
        "卡号                      ..7892",
        "会员                    王* 银卡",
        "--------------------------------",
        "金额                       12.50",
        "积分                         +12",
        "余额                        1012",
        "--------------------------------",
        "已入账",
        "谢谢惠顾"]


def test_head_and_verdict_are_large():
    styles = [style for style, _ in layout(tap(), 2)]
    assert styles[0] == styles[-2] == CENTER | BIG and styles[1] == CENTER and styles[3] == 0


def test_what_is_not_posted_yet_claims_no_points():
    lines = texts(tap(state="saved", receipt=None))
    assert "Saved, will post" in lines and "Points follow when online" in lines
    assert not [line for line in lines if "+12" in line or "Balance" in line or "Receipt" in line]


def test_refused_and_held_say_why_and_that_nothing_was_posted():
    lines = texts(tap(state="refused", reason="Card lost", line="Call 400-800"))
    assert lines[-4:] == ["REFUSED", "Card lost", "No points were posted", "Call 400-800"]
    lines = texts(tap(state="held", reason=None))
    assert lines[-3:] == ["Held for head", "office", "No points were posted"]
    assert not [line for line in lines if "+12" in line]


def test_a_redemption_shows_points_and_money():
    lines = texts(tap(kind=REDEMPTION, points=-500, money_minor=500, to_pay_minor=750))
    assert lines[1] == "REDEMPTION"
    at = lines.index("Amount                     12.50")
    assert lines[at + 1:at + 5] == ["Paid by points              5.00",
                                    "To pay                      7.50",
                                    "Points                      -500",
                                    "Balance                     1012"]


def test_a_void_and_a_refund_name_what_they_take_back():
    for kind, title in ((VOID, "CANCELLED"), (REFUND, "REFUND")):
        lines = texts(tap(kind=kind, original=999, points=-12, money_minor=1250))
        assert lines[1] == title
        assert "Takes back                   999" in lines
        assert "Hand back                  12.50" in lines
    lines = texts(tap(kind=VOID, state="cancelling", original=17))
    assert lines[-1] == "Being cancelled"


def test_a_second_slip_and_a_trained_one_say_so():
    assert texts(tap(), copy=True)[2] == "*** REPRINT ***"
    assert texts(tap(), "zh", True)[2] == "*** 重印 ***"
    assert texts(tap(training=True))[2] == "TRAINING - NOTHING POSTS"
    assert "*** REPRINT ***" not in texts(tap())
    assert texts(day(training=True), copy=True)[2:4] == ["*** REPRINT ***",
                                                          "TRAINING - NOTHING POSTS"]


def test_without_a_clock_it_says_so():
    assert texts(tap(when=None))[5] == "Time               clock not set"


def test_only_the_end_of_a_card_is_printed():
    for card, end in ((CARD, "..7892"), (b"\x01\x02\x03\x04", "..0304")):
        for language in ("en", "zh"):
            joined = " ".join(texts(tap(card_id=card), language))
            assert end in joined
            assert str(CARD)[:-4] not in joined and str(CARD)[6:12] not in joined
            assert "0102" not in joined


def test_a_day_that_agrees():
    assert texts(day())[6:] == [
        "--------------------------------",
        "SALE",
        "  Taps                       120",
        "  Amount                 1500.00",
        "  Points                   +1500",
        "CANCELLED",
        "  Taps                         2",
        "  Amount                   25.00",
        "  Points                     -25",
        "--------------------------------",
        "Not sent yet                   0",
        "Agrees with head office"]


def test_a_day_that_differs_shows_both_sides_and_the_taps():
    lines = texts(day(theirs=((SALE, 119, 148750, 1488),), differing=((17, 12, 0), (18, 0, 12))))
    assert lines.index("here") < lines.index("head office")
    assert "  Taps                       119" in lines
    assert "  Points                   +1488" in lines
    assert lines[-4:] == ["DIFFERS FROM", "HEAD OFFICE", "Tap 17                code 12 +0",
                          "Tap 18                code 0 +12"]


def test_a_day_whose_totals_differ_says_so_without_a_tap_that_explains_it():
    lines = texts(day(theirs=()))
    assert lines[-2:] == ["DIFFERS FROM", "HEAD OFFICE"]
    assert texts(day(differing=((17, 12, 0),)))[-3:-1] == lines[-2:]


def test_a_day_names_no_money_where_none_was_named_and_says_that_nothing_posted():
    lines = texts(day(totals=((VOID, 7, 0, -240),), theirs=()))
    assert lines[lines.index("CANCELLED"):][1:3] == [
        "  Taps                         7", "  Points                    -240"]
    assert "None posted" in lines and "None posted" in texts(day(totals=()))
    assert "None posted" not in texts(day(totals=None))  # it could not be read
    assert "  Amount                    0.00" in texts(day(totals=((SALE, 1, 0, 0),)))


def test_a_day_nobody_compared_claims_nothing():
    lines = texts(day(compared=False, unsent=4))
    assert lines[-2:] == ["Not sent yet                   4", "Not compared yet"]
    assert texts(day(totals=((9, 1, 0, 0),)))[7] == "Type 9"


def test_money_has_the_digits_of_its_currency():
    assert "Amount                      1250" in texts(tap(), digits=0)
    assert "Amount                     1.250" in texts(tap(), digits=3)
    assert "  Amount                   -0.05" in texts(day(totals=((VOID, 1, -5, 0),)))


def test_a_value_beside_which_nothing_fits_stands_below_it_whole():
    assert pair("Member", "x" * 30) == ["Member", "  " + "x" * 30]
    assert pair("Member", "王" * 17) == ["Member", "王" * 16, " " * 30 + "王"]
    assert pair("ab", "x" * 29) == ["ab " + "x" * 29]
    assert pair("ab", "x" * 30) == ["ab", "  " + "x" * 30]


def test_text_is_parted_at_spaces_and_else_where_it_must():
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("王王王王王", 4) == ["王王", "王王", "王"]
    assert wrapped("a王王", 4) == ["a王", "王"] and wrapped("", 4) == []
    assert wrapped("12345678 9", 8) == ["12345678", "9"]


def test_no_line_is_too_long_and_no_figure_is_cut():
    draw = 11
    for number in range(150):
        draw = (draw * 1103515245 + 12345) & 0x7FFFFFFF
        big = (1 << 63) - 1 - draw
        name = ("王小明 " * 9, "x" * 70, "Ab " * 20, "a王" * 20, "", " ")[draw % 6]
        kind = (SALE, REDEMPTION, VOID, REFUND)[draw >> 4 & 3]
        state = ("posted", "saved", "refused", "held", "cancelling")[number % 5]
        slip = tap(kind=kind, state=state, shop=name, terminal_id=4294967295, operator=big,
                   when=name or None, trace=4294967295, receipt=big, member=name,
                   amount_minor=big, money_minor=big, to_pay_minor=-big, points=-big,
                   balance=-big, original=big, reason=name, line=name)
        for language in ("en", "zh"):
            assert fits(slip, language) is None, number
            joined = "".join([line.strip() for line in texts(slip, language)])
            assert str(big) in joined and "4294967295" in joined
        slip = day(shop=name, totals=((SALE, big, big, -big),), unsent=big,
                   compared=bool(draw & 1), theirs=((77, big, -big, big),),
                   differing=((4294967295, 255, -big),))
        assert fits(slip, "en") is None and fits(slip, "zh", 0) is None, number


def test_both_languages_have_the_texts_of_the_list_in_its_order():
    keys = {}
    for language, module in (("en", slip_en), ("zh", slip_zh)):
        parts = module.parts()
        assert [part.count("\n") for part in parts[:-1]] == [16] * (len(parts) - 1)
        rows = [row.split("=", 1) for part in parts for row in part.split("\n") if row]
        keys[language] = [key for key, _ in rows]
        words = Words(parts)
        for key, text in rows:
            assert words[getattr(slip_names, key.upper())] == text
    assert keys["en"] == keys["zh"]
    assert "SALE" in texts(tap(), "fr")
