"""The whole program on a fake board, in virtual time: what the cashier sees, and when."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from firmware import texts
from firmware.outbox import Outbox, OutboxUnreadable
from protocol import codes, messages
from simulator.radio import Weather
from simulator.shore import Work
from tests.firmware.bars import bar
from tests.firmware.counter import Counter, refusing
from tests.firmware.replies import AT, CARD, Asked, reply_frame

NOTHING = Weather(connect_timeout_s=20)


@pytest.fixture
def counter() -> Iterator[Counter]:
    with Counter() as made:
        made.boot()
        made.wait(5)
        yield made


@pytest.fixture
def offline() -> Iterator[Counter]:
    with Counter(weather=NOTHING) as made:
        made.radio.set_dark(True)
        made.boot()
        yield made


def test_a_sale_is_keyed_tapped_saved_and_posted(counter: Counter):
    assert counter.lines == (bar(), "Pointwire", "Key the amount", "A balance D menu",
                             "B=POINTS C=TAPS")
    counter.keys("1250")
    assert counter.lines[1:3] == ("Amount", "12.50")
    counter.keys("#")
    assert counter.lines[1:3] == ("Tap the card", "12.50")
    counter.tap()
    assert counter.lines[1:] == ("Saved. Sending", "12.50", "D = cancel", "TRACE 1")
    counter.wait(1)
    assert counter.lines == (bar(), "Posted +12", "Balance 1012", "王* 银卡", "REF 1000")
    assert counter.board.beeps[-1] == "ok"


def test_a_tap_is_on_flash_before_the_screen_says_so():
    with Counter() as counter:
        found: list[tuple[str, bool]] = []

        def look(kind: str, *values: Any) -> None:
            if kind in ("screen", "saved"):
                found.append((kind if kind == "saved" else values[0][1],
                              counter.on_flash().waits(7, 1)))

        counter._tell = look  # type: ignore[method-assign]
        counter.boot()
        counter.sale()
        assert ("saved", True) in found and ("Saved. Sending", True) in found
        assert [on_flash for _, on_flash in found] == sorted(on_flash for _, on_flash in found)
        assert not [said for said, on_flash in found if "aved" in said and not on_flash]


def test_power_that_goes_at_any_flash_operation_of_a_tap_leaves_no_false_promise():
    for operation in range(1, 5):
        with Counter() as counter:
            counter.radio.set_dark(True)
            counter.boot()
            counter.flash.cut_at = counter.flash.operations + operation
            try:
                counter.sale()
            except BaseException as error:  # noqa: BLE001 - PowerCut is no Exception
                assert type(error).__name__ == "PowerCut"
            said = bool(counter.all("saved"))
            counter.cut()
            counter.boot()
            kept = counter.app.outbox.unsettled
            assert kept == 1 or not said, f"operation {operation}: said to be saved, and lost"
            assert counter.lines[1] == ("Last saved tap" if kept else "Pointwire")


def test_an_unanswered_sale_is_saved_will_post_after_ten_seconds(offline: Counter):
    offline.sale()
    offline.wait(9.9)
    assert offline.lines[1] == "Saved. Sending"
    offline.wait(0.2)
    assert offline.lines == (bar(False, 1), "Saved, will post", "12.50", "D = cancel", "TRACE 1")
    offline.radio.set_dark(False)
    offline.wait(120)
    assert offline.lines[1] == "Posted +12"


def test_the_ten_seconds_hold_across_the_wrap_of_the_tick_counter(offline: Counter):
    offline.cut()
    started_us = offline.loop.now_us
    offline.boot(ticks_ms=lambda: ((1 << 30) - 3000
                                   + (offline.loop.now_us - started_us) // 1000) % (1 << 30))
    offline.sale()
    offline.wait(9.9)
    assert offline.lines[1] == "Saved. Sending"
    offline.wait(0.2)
    assert offline.lines[1] == "Saved, will post"


def test_after_a_reboot_the_first_screen_names_the_last_saved_tap(offline: Counter):
    offline.sale("500")
    offline.sale("1250")
    offline.cut()
    offline.screens.clear()
    offline.boot()
    assert offline.screens[0] == (bar(False, 2), "Last saved tap", "not yet posted",
                                  "Card ..7892", "TRACE 2 12.50")
    offline.radio.set_dark(False)
    offline.wait(120)
    posted = (bar(), "Last saved tap", "posted +12", "Card ..7892", "TRACE 2 12.50")
    assert offline.lines == posted and offline.shop.balance == 1017
    offline.cut()
    offline.screens.clear()
    offline.boot()
    assert offline.screens[0][1:] == posted[1:]


def test_where_nobody_was_told_of_its_answer_the_first_screen_is_put_right_by_the_next_mount(
        offline: Counter, monkeypatch: pytest.MonkeyPatch):
    offline.sale()
    offline.cut()
    offline.boot()
    own = offline.app._dispatch
    with monkeypatch.context() as deaf:
        deaf.setattr(own, "_on_event", lambda event: None)
        offline.radio.set_dark(False)
        offline.wait(60)
    assert offline.app.outbox.unsettled == 0 and offline.lines[2] == "not yet posted"
    with monkeypatch.context() as broken:
        broken.setattr(own, "pump", 0)
        offline.wait(5)
    offline.wait(5)
    assert offline.all("died") and offline.lines[2] == "posted +12"


def test_a_handset_left_alone_a_while_erases_ahead_so_that_no_tap_has_to(counter: Counter):
    for number in range(60):
        counter.wait(90)
        before = counter.flash.erases
        counter.sale()
        assert counter.flash.erases == before, f"tap {number + 1} waited for an erase"
    assert counter.flash.erases > 1


def test_a_full_outbox_refuses_taps_clearly_and_takes_them_again_once_it_drained():
    with Counter(blocks=8) as counter:
        counter.radio.set_dark(True)
        counter.boot()
        taken = 0
        while counter.lines[1] != "Outbox is full":
            assert taken < 500
            counter.sale("100")
            taken += 1
        assert counter.lines[1:4] == ("Outbox is full", "Tap NOT taken", "Get it online")
        assert counter.app.outbox.unsettled == len(counter.all("saved")) == taken - 1 > 30
        assert counter.board.beeps[-1] == "fault" and not counter.all("died")
        counter.sale("100")
        assert counter.lines[1] == "Outbox is full"
        counter.radio.set_dark(False)
        counter.wait(600)
        assert counter.app.outbox.unsettled == 0 and len(counter.shop.posted) == taken - 1
        counter.sale("100")
        assert counter.lines[1] == "Saved. Sending"


def test_an_inquiry_shows_the_balance_and_journals_nothing(counter: Counter):
    counter.keys("A")
    assert counter.lines[1:3] == ("Tap the card", "Balance")
    counter.tap()
    assert counter.lines[1] == "Asking..."
    counter.wait(1)
    assert counter.lines[1:3] == ("王* 银卡", "Balance 1000")
    assert list(counter.app.outbox.records()) == []


def test_an_inquiry_offline_says_at_once_that_it_needs_the_link(offline: Counter):
    offline.keys("A")
    assert offline.lines[1:] == ("No connection", "Only when online", "Sales go on", "*←")
    offline.tap()
    offline.keys("12*")
    assert offline.lines[1] == "Pointwire"


def test_an_inquiry_whose_link_goes_before_the_card_comes_says_so(counter: Counter):
    counter.keys("A")
    counter.radio.set_dark(True)
    counter.wait(120)
    counter.tap()
    assert counter.lines[1:3] == ("No answer", "Only when online")


def test_an_inquiry_without_an_answer_ends_after_half_a_minute(counter: Counter):
    counter.shop.silent.add(messages.INQUIRY)
    counter.keys("A")
    counter.tap()
    counter.wait(29)
    assert counter.lines[1] == "Asking..."
    counter.wait(2)
    assert counter.lines[1:3] == ("No answer", "Try again")


def test_an_inquiry_behind_a_full_window_ends_after_half_a_minute_too(counter: Counter):
    # the broker is there, the gateway is not: eight taps wait, and nothing more may go out
    counter.shop.silent.add(messages.SALE)
    for _ in range(8):
        counter.sale()
    counter.keys("*A")
    counter.tap()
    counter.wait(29)
    assert counter.lines[1] == "Asking..."
    counter.wait(2)
    assert counter.lines[1:3] == ("No answer", "Try again")


def test_a_broker_that_is_well_while_no_gateway_answers_is_told_from_one_that_is_not(
        counter: Counter):
    counter.shop.silent |= {messages.SALE, messages.HEARTBEAT}
    counter.sale()
    counter.wait(120)
    counter.keys("*D7")
    assert counter.lines[0] == bar(unsent=1) and counter.lines[3] == "Gateway silent"
    counter.shop.silent.clear()
    counter.wait(61)
    assert counter.app.outbox.unsettled == 0 and counter.app.up()
    counter.keys("*D7")
    assert counter.lines[0] == bar() and counter.lines[3] == ""
    counter.radio.set_dark(True)
    counter.wait(120)
    counter.keys("*D7")
    assert counter.lines[3] == texts.fault("en", counter.app.link_fault()) != ""
    counter.radio.set_dark(False)
    counter.wait(120)  # and whoever looks at it presses no key
    assert counter.lines[0] == bar() and counter.lines[3] == ""


@pytest.mark.parametrize(("commit_s", "is_set"), [(3, True), (5, False)])
def test_the_heartbeat_sets_the_clock_only_within_ten_seconds(commit_s: int, is_set: bool):
    slow = Weather(latency_ms_min=3000, latency_ms_max=3000)
    work = Work(commit_ms_min=commit_s * 1000, commit_ms_max=commit_s * 1000)
    with Counter(weather=slow, work=work) as counter:
        counter.boot()
        counter.wait(29)
        assert counter.app.up()
        assert counter.all("clock") == ([(AT,)] if is_set else [])
        assert (counter.app.clock.now(counter.app.now()) is not None) == is_set


def test_a_refusal_that_comes_after_its_screen_is_an_alert_until_acknowledged():
    refuse = {"yes": True}

    def answer(frame: bytes) -> bytes:
        asked = Asked(frame)
        sale = asked.type == messages.SALE
        return reply_frame(frame, codes.CARD_LOST if sale and refuse["yes"] else 0)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        counter.sale()
        counter.keys("*")
        counter.wait(2)
        assert counter.lines[1:] == ("1 not posted", "Card lost", "# = seen", "TRACE 1")
        counter.keys("#")
        assert counter.lines[1] == "Pointwire"


def test_a_card_that_cannot_be_sealed_is_not_stored_and_said(counter: Counter):
    counter.sale(card=10 ** 30)
    assert counter.lines[1:4] == ("Not stored", "Tap NOT taken", "Try again")
    assert counter.all("not_saved") and list(counter.app.outbox.records()) == []
    counter.sale()
    counter.wait(1)
    assert counter.lines[1] == "Posted +12"


def failing_once(real: Callable[..., Any], when: Callable[..., bool]) -> Callable[..., Any]:
    left = [1]

    def call(*arguments: Any) -> Any:
        if left and when(*arguments):
            left.pop()
            raise RuntimeError("a broken part")
        return real(*arguments)
    return call


def test_a_reader_that_dies_is_said_logged_and_started_again(counter: Counter):
    counter.board.event = failing_once(counter.board.event, lambda: True)
    counter.keys("1")
    counter.keys("2")
    assert counter.lines[0] == bar(fault="panel")
    assert counter.all("died") == [("panel", "RuntimeError: a broken part")]
    counter.wait(2)
    counter.sale()
    assert counter.lines[0].startswith("●") and counter.lines[1] == "Saved. Sending"


def test_a_fault_between_outbox_and_screen_ends_on_the_tap_that_was_saved(counter: Counter):
    counter.board.beep = failing_once(counter.board.beep, lambda name: name == "saved")
    counter.sale()
    assert counter.all("died") and counter.lines[0] == bar(fault="panel")
    assert counter.lines[1::3] == ("Last saved tap", "TRACE 1 12.50")
    counter.wait(5)
    assert counter.all("settled") and len(counter.shop.posted) == 1


def test_a_flash_that_fails_under_a_tap_promises_nothing(counter: Counter):
    counter.sale("500")
    counter.wait(2)
    counter.flash.writeblocks = failing_once(counter.flash.writeblocks, lambda *_: True)
    counter.sale("1250")
    assert counter.lines[0] == bar(fault="panel") and counter.lines[4] == "TRACE 1 5.00"
    assert counter.all("saved") == [(7, 1, messages.SALE, None)]
    counter.wait(3)
    counter.sale("1250")
    counter.wait(2)
    assert counter.lines[1] == "Posted +12" and len(counter.shop.posted) == 2


def test_a_link_that_dies_takes_no_tap_with_it_and_comes_back(counter: Counter):
    counter.board._connect = failing_once(counter.board._connect, lambda *_: True)
    counter.app.drop_link("a test pulls the plug")
    counter.wait(2)
    assert counter.all("died") == [("link", "RuntimeError: a broken part")]
    assert counter.lines[0] == bar(False, fault="link")
    counter.sale()
    assert counter.lines[1] == "Saved. Sending"
    counter.wait(10)
    assert counter.lines[:2] == (bar(), "Posted +12")


def test_a_dropped_link_is_said_made_again_and_what_waits_posts(counter: Counter):
    counter.app.drop_link("the radio is off")
    counter.sale()
    assert counter.all("link")[-1] == (False, "the radio is off")
    assert counter.lines[0] == bar(False, 1)
    counter.wait(10)
    assert counter.lines[:2] == (bar(), "Posted +12")


@pytest.mark.parametrize("when", ["at boot", "while idle"])
def test_damage_that_is_met_after_the_mount_shows_the_recovery_screen_too(
        when: str, monkeypatch: pytest.MonkeyPatch):
    def damaged(outbox: Outbox) -> None:
        raise OutboxUnreadable("corrupt", "a record no longer fits its CRC")

    with Counter() as counter:
        if when == "at boot":
            monkeypatch.setattr(Outbox, "last", damaged)
        counter.boot()
        counter.wait(5)
        if when == "while idle":
            monkeypatch.setattr(Outbox, "tidy", damaged)
            counter.wait(60)
        assert counter.lines[1:3] == ("OUTBOX FAULT", "No taps possible")
        counter.wait(600)
        assert counter.all("died") == []


def test_an_unreadable_outbox_takes_no_taps_and_is_never_formatted():
    with Counter() as counter:
        counter.flash.ioctl(6, 0)
        counter.flash.ioctl(3, 0)
        operations = counter.flash.operations
        counter.boot()
        assert counter.lines[:4] == (bar(False), "OUTBOX FAULT", "No taps possible",
                                     "Call technician")
        reason, why = counter.all("recovery")[0]
        assert counter.lines[4] == reason and why
        before = counter.lines
        counter.sale()
        counter.wait(120)
        assert counter.lines == before and not counter.app.up()
        assert counter.flash.operations == operations
        assert not counter.all("saved") and not counter.all("died")


@pytest.mark.parametrize("dark", [False, True])
def test_a_quiet_day_feeds_the_watchdog_all_along(dark: bool):
    with Counter() as counter:
        counter.radio.set_dark(dark)
        counter.boot()
        counter.wait(6 * 3600)
        assert counter.board.watchdog_fed == 6 * 3600 // 20
        assert not counter.all("died") and counter.app.up() is not dark


def test_two_handsets_of_one_process_share_nothing():
    with Counter() as one, Counter(language="zh") as other:
        one.boot()
        other.boot()
        one.sale()
        assert other.app.outbox.unsettled == 0
        assert other.lines[1:3] == ("Pointwire", "请输入金额")
        assert one.lines[1] == "Saved. Sending"


def test_no_card_number_is_told_or_shown(counter: Counter):
    counter.sale()
    counter.wait(2)
    counter.cut()
    counter.boot()
    said = [each for each in counter.told if each[0] != "settled"]
    assert str(CARD) not in repr(said) + repr(counter.screens)


def test_a_cashier_who_goes_on_selling_sees_what_did_not_post_until_it_is_acknowledged():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.radio.set_dark(True)
        counter.sale("500")
        counter.wait(30)
        counter.sale("600")
        counter.radio.set_dark(False)
        counter.wait(60)
        for points in (7, 8, 9):
            counter.keys(f"{points}00#")
            assert counter.lines[0] == bar(alerted=1)
            counter.tap()
            counter.wait(2)
            assert counter.lines[:2] == (bar(alerted=1), f"Posted +{points}")
        counter.keys("#")
        assert counter.lines == (bar(), "1 not posted", "Card lost", "# = seen", "TRACE 1")
        counter.keys("#")
        assert counter.lines[1] == "1 not posted"  # pressed twice: nobody has read it
        counter.wait(1)
        counter.keys("#7")
        assert counter.lines[0] == bar()


def test_a_card_laid_twice_doubles_no_sale_without_a_question(counter: Counter):
    for _ in range(2):
        counter.keys("1250##")
        counter.tap()
        counter.tap()
        counter.wait(2)
    assert counter.lines[1:] == ("Same card+amount", "Sell again?", "12.50", "#✓ *✗")
    assert len(counter.all("saved")) == len(counter.shop.posted) == 1
    counter.keys("##")
    counter.wait(2)
    assert len(counter.all("saved")) == len(counter.shop.posted) == 2
    counter.keys("1250#")
    counter.wait(60)
    counter.tap()
    assert len(counter.all("saved")) == 3


def test_nor_does_a_sale_whose_power_went_before_anybody_saw_it_saved(counter: Counter):
    counter.sale()
    counter.cut()
    counter.boot()
    counter.keys("1250#")
    counter.tap()
    assert counter.lines[1:3] == ("Same card+amount", "Sell again?")
    counter.keys("**")
    counter.wait(61)
    counter.keys("1250#")
    counter.tap()
    assert counter.lines[1] == "Saved. Sending"


def test_a_sale_that_was_refused_before_a_boot_is_no_question():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.sale()
        counter.wait(2)
        counter.cut()
        counter.boot()
        counter.keys("**1250#")
        counter.tap()
        assert counter.lines[1] == "Saved. Sending"


def test_what_was_cancelled_is_sold_again_without_a_question(counter: Counter):
    counter.sale()
    counter.keys("D#1250#")
    counter.tap()
    assert [kind for _, _, kind, _ in counter.all("saved")] == [messages.SALE, messages.VOID,
                                                               messages.SALE]


def test_the_bar_names_a_reader_that_does_not_work(counter: Counter):
    for event, said in ((("fault", 2, "absent"), "reader"), (("fault", 2, None), None)):
        counter.board.panel._put(event)
        counter.wait(0)
        assert counter.lines[0] == bar(fault=said)
        counter.keys("*")
        assert counter.lines[0] == bar(fault=said)


def test_nothing_that_is_done_in_training_posts_or_is_kept(counter: Counter):
    counter.keys("D6#")
    before = counter.app.outbox.next_trace
    counter.sale()
    assert "TRAIN" in counter.lines[0]
    assert counter.lines[1:] == ("TRAINING", "12.50", "NOTHING posted", "")
    assert counter.app.journal_online(messages.REDEMPTION, (2, CARD), 500, points=5) is None
    assert counter.lines[1:4] == ("TRAINING", "5.00", "NOTHING posted")
    assert counter.app.outbox.next_trace == before and not counter.all("saved")
    counter.keys("D6#")
    counter.sale()
    assert len(counter.all("saved")) == 1
    counter.keys("*D6#")
    assert "TRAIN" in counter.lines[0]
    counter.cut()
    counter.boot()
    assert "TRAIN" not in counter.lines[0]
