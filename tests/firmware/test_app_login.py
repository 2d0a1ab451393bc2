"""Operators log in at the counter: keys in, screens and sealed frames out, in virtual time."""

from collections.abc import Iterator

import pytest

from firmware.operators import FILE, VALID_S
from firmware.shim import Aes
from firmware.texts import Words, names, parts
from protocol import codes, keys
from protocol.fields import LOGIN, REDEMPTION, SALE, VOID
from tests.firmware.counter import Counter
from tests.firmware.replies import KEY, Asked, reply_frame
from tests.firmware.shop import Shop

PIN = "2468"
LOG_IN = ("Pointwire", "Please log in", "Operator number", "")


class Door:
    """A gateway that knows operator 5; it opens PIN blocks as the wire says."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.pin = PIN
        self.code: int | None = None
        self.silent = False
        self.pins: list[str] = []
        self.asked: list[Asked] = []

    def __call__(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        self.asked.append(asked)
        if asked.type == VOID:
            return reply_frame(frame)
        if asked.type != LOGIN:
            return self.shop.answer(frame)
        said = asked.content
        pin = keys.open_pin_block(lambda key: Aes(key, 1), keys.pin_key(KEY), said[1], said[16],
                                  said[12])
        self.pins.append(pin)
        if self.silent:
            return None
        code = self.code
        if code is None:
            code = (codes.OPERATOR_UNKNOWN if said[5] != 5 else codes.APPROVED
                    if pin == self.pin else codes.OPERATOR_PIN_WRONG)
        return reply_frame(frame, code, **({"line": "李小龙"} if code == 0 else {}))

    def of(self, kind: int) -> list[Asked]:
        return [each for each in self.asked if each.type == kind]


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def counter(door: Door) -> Iterator[Counter]:
    with Counter(door, login=1) as made:
        made.boot()
        made.wait(5)
        yield made


def log_in(counter: Counter, pin: str = PIN, number: int = 5) -> None:
    counter.keys(f"{number}#{pin}#")
    counter.wait(1)


def away(counter: Counter, dark: bool = True) -> None:
    counter.radio.set_dark(dark)
    if dark:
        counter.app.drop_link("the radio is off")
    counter.wait(1 if dark else 60)
    assert counter.app.up() is not dark


def rows(counter: Counter) -> tuple[str, ...]:
    return counter.lines[1:]


def test_an_operator_logs_in_and_each_sale_carries_the_number(counter: Counter, door: Door):
    assert rows(counter) == LOG_IN
    counter.keys("5")
    assert rows(counter)[:2] == ("Operator number", "5")
    counter.keys("#246")
    assert rows(counter)[:2] == ("PIN of 5", "***")
    counter.keys("8#")
    assert rows(counter)[:2] == ("PIN of 5", "Asking...")
    counter.wait(1)
    assert rows(counter)[:3] == ("Operator 5", "李小龙", "Key the amount")
    asked = door.of(LOGIN)[0]
    assert (asked.trace, asked.content[5], door.pins) == (0, 5, [PIN])
    counter.sale()
    counter.wait(1)
    counter.keys("D#")  # its void
    counter.wait(1)
    assert [each.content.get(5) for each in door.asked if each.trace] == [5, 5]
    assert [each.type for each in door.asked if each.trace] == [SALE, VOID]
    counter.keys("*")  # too soon to have read it
    assert rows(counter)[:2] == ("Cancelled", "12.50")
    counter.wait(1)
    counter.keys("*")
    assert (rows(counter)[0], rows(counter)[3]) == ("Pointwire OP 5", "B=POINTS C=TAPS")


def test_without_the_setting_nobody_is_asked(door: Door):
    with Counter(door) as counter:
        counter.boot()
        counter.wait(5)
        counter.sale()
        counter.wait(1)
        assert rows(counter)[0] == "Posted +12" and 5 not in door.of(SALE)[0].content


def test_nothing_is_done_before_somebody_logged_in(counter: Counter, door: Door):
    counter.sale()
    counter.keys("*A")
    counter.tap()
    counter.wait(60)
    assert door.of(SALE) == [] and counter.all("saved") == []


def test_each_refusal_has_its_screen(counter: Counter, door: Door):
    seen = []
    for code in (codes.OPERATOR_UNKNOWN, codes.OPERATOR_NOT_ALLOWED, codes.TRY_LATER,
                 codes.TERMINAL_SUSPENDED):
        door.code = code
        log_in(counter)
        seen.append(rows(counter)[:3])
        counter.keys("*")
        assert rows(counter) == LOG_IN
    assert seen == [("REFUSED", "Unknown operator", ""), ("REFUSED", "Operator barred", ""),
                    ("REFUSED", "Try again later", "# = once more"),
                    ("REFUSED", "Not allowed now", "")]


def test_try_later_is_asked_anew_with_another_nonce(counter: Counter, door: Door):
    door.code = codes.TRY_LATER
    log_in(counter)
    door.code = None
    counter.keys("#" + PIN + "#")
    counter.wait(1)
    assert rows(counter)[0] == "Operator 5"
    first, second = (each.content for each in door.of(LOGIN))
    assert first[16] != second[16] and first[12] != second[12]


def test_three_wrong_pins_in_a_row_are_followed_by_a_minute_of_waiting(counter: Counter,
                                                                       door: Door):
    log_in(counter, "1111")
    assert rows(counter)[:3] == ("REFUSED", "PIN wrong", "# = once more")
    counter.keys("#2222#")
    counter.wait(1)
    counter.keys("*")
    log_in(counter, "3333")
    assert rows(counter)[:2] == ("3 wrong PINs", "Wait 60 s")
    counter.wait(25)
    assert rows(counter)[:2] == ("3 wrong PINs", "Wait 40 s")
    counter.keys("*")
    log_in(counter)
    assert rows(counter)[1] == "Wait 40 s" and len(door.pins) == 3
    counter.wait(40)
    assert rows(counter)[0] == "Operator number"
    log_in(counter)
    assert rows(counter)[0] == "Operator 5"


def test_a_right_pin_ends_the_row_of_wrong_ones(counter: Counter):
    for _ in range(3):
        log_in(counter, "1111")
        counter.keys("*")
        log_in(counter, "2222")
        counter.keys("*")
        log_in(counter)
        assert rows(counter)[0] == "Operator 5"
        counter.keys("*D8")


def test_the_link_lost_between_pin_and_answer_is_named_and_the_next_try_works(
        counter: Counter, door: Door):
    door.silent = True
    log_in(counter)
    away(counter)
    assert rows(counter)[:3] == ("No answer", "Log in online", "No login kept")
    door.silent = False
    away(counter, False)
    counter.keys("*")
    log_in(counter)
    assert rows(counter)[0] == "Operator 5"


def test_the_link_lost_behind_the_answer_of_an_earlier_login_lets_sell_and_no_more(
        counter: Counter, door: Door):
    log_in(counter)
    counter.keys("*D8")
    door.silent = True
    log_in(counter)
    away(counter)
    assert rows(counter)[:3] == ("Operator 5", "Without a link:", "sales only")
    assert counter.app.till.by_hash
    counter.sale()
    assert counter.all("saved")
    away(counter, False)
    assert door.of(SALE)[0].content[5] == 5


def test_a_gateway_that_is_silent_for_30_s_is_as_good_as_none(counter: Counter, door: Door):
    log_in(counter)
    counter.keys("*D8")
    door.silent = True
    log_in(counter)
    counter.wait(20)
    assert rows(counter)[1] == "Asking..."
    counter.wait(12)
    assert counter.app.till.by_hash and len(door.pins) == 2  # it was asked once


def test_a_gateway_that_says_later_is_as_good_as_none_too(counter: Counter, door: Door):
    log_in(counter)
    counter.keys("*D8")
    door.code = codes.TRY_LATER
    log_in(counter, "1111")
    assert rows(counter)[:2] == ("REFUSED", "PIN wrong")
    counter.keys("*")
    log_in(counter)
    assert rows(counter)[:3] == ("Operator 5", "Without a link:", "sales only")
    counter.sale()
    assert counter.all("saved")


def test_a_hash_lets_in_without_a_link_through_power_cuts_and_ends_with_its_tries(
        counter: Counter, door: Door):
    log_in(counter)
    counter.cut()
    counter.radio.set_dark(True)
    counter.boot()
    log_in(counter)
    assert counter.app.till.operator == 5 and counter.app.till.by_hash
    for _ in range(5):
        counter.cut()
        counter.boot()
        assert counter.app.till.operator == 0
        log_in(counter, "1111")
        assert rows(counter)[:2] == ("REFUSED", "PIN wrong")
    counter.keys("*")
    log_in(counter)
    assert rows(counter)[:3] == ("No answer", "Log in online", "5 wrong PINs")
    away(counter, False)
    counter.keys("*")
    log_in(counter)
    assert counter.app.till.operator == 5 and not counter.app.till.by_hash


def test_a_hash_ends_after_seven_days(counter: Counter):
    log_in(counter)
    away(counter)
    counter.wait(VALID_S - 600)
    assert counter.app.till.operator == 0  # locked long ago
    log_in(counter)
    assert counter.app.till.by_hash
    counter.wait(900)
    log_in(counter)
    assert rows(counter)[:3] == ("No answer", "Log in online", "7 days are over")


def test_who_was_suspended_is_not_let_in_by_the_hash_either(counter: Counter, door: Door):
    log_in(counter)
    counter.keys("*D8")
    door.code = codes.OPERATOR_NOT_ALLOWED
    log_in(counter)
    assert rows(counter)[1] == "Operator barred"
    away(counter)
    counter.keys("*")
    log_in(counter)
    assert rows(counter)[2] == "No login kept"


def test_a_pin_that_was_changed_is_good_no_more_without_a_link(counter: Counter, door: Door):
    log_in(counter)
    door.pin = "1357"
    counter.keys("*D8")
    log_in(counter)
    assert rows(counter)[1] == "PIN wrong"
    away(counter)
    counter.keys("*")
    log_in(counter)
    assert rows(counter)[2] == "No login kept"


def test_a_storage_that_fails_is_named_and_a_gateways_approval_counts_all_the_same(
        counter: Counter):
    def broken(name: str, data: bytes) -> None:
        raise OSError(5, "seeded")

    counter.board.keep = broken  # type: ignore[method-assign]
    log_in(counter)
    assert counter.app.till.operator == 5 and counter.all("flash") == [("[Errno 5] seeded",)]
    del counter.board.keep  # type: ignore[attr-defined]
    counter.keys("*D8")
    log_in(counter)
    counter.keys("*D8")
    away(counter)
    counter.board.keep = broken  # type: ignore[method-assign]
    log_in(counter)
    assert rows(counter)[:2] == ("Not stored", "Try again") and counter.app.till.operator == 0


def test_a_pin_is_nowhere_but_in_its_block(counter: Counter, door: Door):
    log_in(counter)
    counter.sale()
    counter.wait(1)
    block = door.of(LOGIN)[0].content[12]
    told = repr(counter.told) + repr(counter.app.till) + repr(counter.app.state)
    assert PIN not in told and PIN.encode() not in counter.files[FILE]
    for place in range(counter.flash.blocks):
        on_flash = bytearray(4096)
        counter.flash.readblocks(place, on_flash)
        assert PIN.encode() not in on_flash and block not in on_flash
    assert counter.app._dispatch._to_ask == []


def test_the_handset_locks_itself_when_nobody_presses_a_key(door: Door):
    with Counter(door, login=1, auto_lock_s=50) as counter:
        counter.boot()
        counter.wait(5)
        log_in(counter)
        counter.wait(45)
        counter.keys("12")
        counter.wait(48)
        assert rows(counter)[:2] == ("Amount", "0.12")
        counter.wait(3)
        assert rows(counter) == LOG_IN and counter.app.till.operator == 0


def test_a_reader_that_comes_and_goes_keeps_nobody_logged_in(door: Door):
    with Counter(door, login=1, auto_lock_s=50) as counter:
        counter.boot()
        counter.wait(5)
        log_in(counter)
        for event in (("fault", 2, "bus"), ("unread", 3, "noise"), ("fault", 2, None)):
            counter.wait(13)
            counter.board.panel._put(event)
            assert counter.app.till.operator == 5
        counter.wait(13)
        assert counter.app.till.operator == 0


def test_what_waits_when_the_lock_comes_goes_on_and_its_refusal_is_seen(door: Door):
    with Counter(door, login=1, auto_lock_s=10) as counter:
        counter.boot()
        counter.wait(30)
        log_in(counter)
        counter.wait(1)
        away(counter)
        counter.sale()
        counter.wait(11)
        assert rows(counter) == LOG_IN
        inner = door.shop.answer

        def refusing(frame: bytes) -> bytes | None:
            asked = Asked(frame)
            return reply_frame(frame, codes.CARD_LOST) if asked.trace else inner(frame)

        door.shop.answer = refusing  # type: ignore[method-assign]
        away(counter, False)
        assert rows(counter)[:2] == ("1 not posted", "Card lost")
        counter.keys("#")
        assert rows(counter)[0] == "Operator number"
        assert counter.on_flash().alert  # nobody who is logged in has seen it
        counter.keys("5#" + PIN + "#")
        counter.wait(1)
        assert rows(counter)[0] == "1 not posted"
        counter.wait(1)
        counter.keys("#")
        assert rows(counter)[0] == "Pointwire OP 5" and counter.on_flash().alert is None


def test_an_operator_stands_in_what_is_journaled_online_and_not_in_its_automatic_void(
        counter: Counter, door: Door):
    log_in(counter)
    door.shop.silent.add(REDEMPTION)
    counter.app.journal_online(REDEMPTION, card=(2, 6200001234567892), amount_minor=500, points=9)
    counter.wait(40)
    found = {Asked(each.frame).type: Asked(each.frame).content.get(5)
             for each in counter.on_flash().records()}
    assert found == {REDEMPTION: 5, VOID: None}


def test_in_chinese_too(door: Door):
    with Counter(door, language="zh", login=1) as counter:
        counter.boot()
        counter.wait(5)
        counter.keys("5")
        assert rows(counter)[:2] == ("操作员编号", "5")
        counter.keys("#" + PIN + "#")
        counter.wait(1)
        assert rows(counter)[:3] == ("操作员 5", "李小龙", Words(parts("zh"))[names.KEY_AMOUNT])
