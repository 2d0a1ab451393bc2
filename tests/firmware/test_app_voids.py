"""Voids as the cashier sees them: by key, by themselves, and after a boot. In virtual time."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from firmware import autovoid, checkout
from firmware.autovoid import WAITING_MAX
from firmware.link import POSTPONED_MAX
from protocol import codes, frames, messages
from tests.firmware.bars import bar
from tests.firmware.counter import Counter
from tests.firmware.replies import CARD, Asked, reply_frame

SALE, VOID, REDEMPTION = messages.SALE, messages.VOID, messages.REDEMPTION
# what a handset takes without a link
OFFLINE = {SALE: True, VOID: True, REDEMPTION: False, messages.REFUND: False,
           messages.REWARD: False, messages.TOP_UP: False, messages.PAYMENT: False,
           messages.ACTIVATE: False}


class Gate:
    """A gateway that decides sales and voids, and answers 61 to all else."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[int, int], int] = {}
        self.silent: set[int] = set()
        self.seen: list[tuple[int, int]] = []

    def __call__(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.type in self.silent:
            return None
        if asked.type == messages.HEARTBEAT:
            return reply_frame(frame)
        key = (asked.journal, asked.trace)
        self.seen.append(key)
        if key not in self.outcomes:
            if asked.type not in (SALE, VOID):
                return reply_frame(frame, codes.UNSUPPORTED)
            self.outcomes[key] = codes.APPROVED
            if asked.type == VOID:
                self.outcomes.setdefault(tuple(asked.content[10]), codes.VOIDED)
        return reply_frame(frame, self.outcomes[key], points=12)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def counter(gate: Gate) -> Iterator[Counter]:
    with Counter(gate) as made:
        made.boot()
        made.wait(5)
        yield made


def redeem(counter: Counter) -> tuple[int, int] | None:
    key = counter.app.journal_online(REDEMPTION, (2, CARD), 1250, points=5)
    counter.wait(0)
    return key


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("kind", OFFLINE)
def test_q9_each_operation_online_and_offline(counter: Counter, kind: int, linked: bool):
    counter.sale()
    counter.wait(1)
    counter.radio.set_dark(not linked)
    counter.wait(120)
    before = len(counter.all("saved"))
    if kind == SALE:
        counter.sale()
    elif kind == VOID:
        counter.keys("D#")
    else:
        counter.app.journal_online(kind, (2, CARD), 100)
    counter.wait(0)
    taken = [each[2] for each in counter.all("saved")[before:]]
    assert taken == ([kind] if linked or OFFLINE[kind] else [])
    assert messages.MESSAGES[kind].offline == OFFLINE[kind]
    if not taken:
        assert counter.lines[1:3] == ("No answer", "Only when online")


def test_a_posted_sale_is_cancelled_by_key_and_confirmation(counter: Counter):
    counter.sale()
    counter.wait(1)
    counter.keys("D")
    assert counter.lines[1:] == ("Cancel sale?", "12.50", "TRACE 1", "#✓ *←")
    counter.keys("#")
    assert counter.lines[1:] == ("Cancelling", "12.50", "*←", "TRACE 1")
    assert counter.all("saved") == [(7, 1, SALE, None), (7, 2, VOID, (7, 1))]
    counter.wait(1)
    assert counter.lines[1:] == ("Cancelled", "12.50", "", "TRACE 1")
    assert counter.board.beeps[-1] == "ok"


def test_a_sale_is_cancelled_offline_and_the_screen_waits_for_both_outcomes(
        counter: Counter, gate: Gate):
    counter.radio.set_dark(True)
    counter.wait(120)
    counter.sale()
    counter.keys("D#")
    counter.wait(20)
    assert counter.lines[0] == bar(False, 2) and counter.lines[1] == "Cancelling"
    counter.radio.set_dark(False)
    counter.wait(120)
    assert counter.lines[1] == "Cancelled" and counter.app.outbox.unsettled == 0


def test_more_voids_than_may_wait_one_by_one_are_drained_with_their_sales_at_once(
        counter: Counter, gate: Gate):
    counter.radio.set_dark(True)
    counter.wait(1)
    count = 2 * POSTPONED_MAX
    for _ in range(count):
        counter.sale()
        counter.keys("D#")
    assert counter.app.outbox.unsettled == 2 * count
    counter.radio.set_dark(False)
    counter.wait(45)
    assert counter.app.outbox.unsettled == 0 and len(gate.seen) == 2 * count


def test_a_void_that_is_refused_names_the_reason(counter: Counter, gate: Gate):
    counter.sale()
    counter.wait(1)
    gate.outcomes[7, 2] = codes.NOT_VOIDABLE
    counter.keys("D#")
    counter.wait(1)
    assert counter.lines[1:] == ("NOT cancelled", "Too late for it", "", "TRACE 1 12.50")


def test_after_a_boot_a_void_under_way_is_said_and_then_its_end(counter: Counter):
    counter.sale()
    counter.wait(1)
    counter.radio.set_dark(True)
    counter.keys("D#")
    counter.cut()
    counter.boot()
    assert counter.lines[1::3] == ("Cancelling", "TRACE 1")
    counter.radio.set_dark(False)
    counter.wait(60)
    assert counter.lines[1:] == ("Cancelled", "", "", "TRACE 1")
    counter.cut()
    counter.boot()
    assert counter.lines[1:] == ("Last saved tap", "Cancels tap 1", "Cancelled", "")


def test_after_a_boot_a_cancelled_sale_shows_the_money_that_the_gateway_hands_back():
    gate = Gate()

    def part_was_refunded(frame: bytes) -> bytes | None:
        if Asked(frame).type == VOID:
            return reply_frame(frame, points=-7, amount_minor=750)
        return gate(frame)

    with Counter(part_was_refunded) as counter:
        counter.boot()
        counter.wait(5)
        counter.sale()
        counter.wait(1)
        counter.radio.set_dark(True)
        counter.keys("D#")
        counter.cut()
        counter.boot()
        assert counter.lines[1:] == ("Cancelling", "", "When online  *←", "TRACE 1")
        counter.radio.set_dark(False)
        counter.wait(60)
        assert counter.lines[1:] == ("Cancelled", "7.50", "", "TRACE 1")


def test_a_full_outbox_still_takes_the_void_of_a_sale():
    with Counter(blocks=8) as counter:
        counter.radio.set_dark(True)
        counter.boot()
        while counter.lines[1] != "Outbox is full":
            counter.sale("100")
        last = counter.app.outbox.last()
        counter.app.state = checkout.step(
            checkout.start()._replace(name=checkout.SAVING, purpose=SALE, amount_minor=100,
                                          shown=(CARD,)),
            ("saved", last.journal, last.trace), counter.app.now())[0]
        counter.keys("D#")
        assert counter.lines[1] == "Cancelling"


def test_what_the_gateway_answers_in_time_is_shown_and_nothing_voided(
        counter: Counter, gate: Gate):
    gate.outcomes[7, 1] = codes.APPROVED
    assert redeem(counter) == (7, 1)
    assert counter.lines[1:] == ("Asking...", "12.50", "*←", "TRACE 1")
    counter.wait(1)
    assert counter.lines[1] == "Posted +12"
    counter.wait(100)
    assert [each[2] for each in counter.all("saved")] == [REDEMPTION]


@pytest.mark.parametrize("silent", [False, True])
def test_unanswered_for_half_a_minute_it_is_cancelled(
        counter: Counter, gate: Gate, silent: bool):
    gate.silent = {REDEMPTION, VOID} if silent else set()
    redeem(counter)
    counter.wait(29)
    assert counter.lines[1] == "Asking..." and len(counter.all("saved")) == 1
    counter.wait(1.5)
    assert counter.all("saved")[1:] == [(7, 2, VOID, (7, 1))]
    assert counter.lines[1] == ("Cancelling" if silent else "Cancelled")
    gate.silent.clear()
    counter.wait(120)
    assert counter.lines[1] == "Cancelled"
    assert len(counter.all("saved")) == 2 and counter.app.outbox.unsettled == 0


@pytest.mark.parametrize(("after_s", "shown"), [(2, "Posted +12"), (32, "Pointwire")])
def test_what_was_left_unanswered_shows_itself_where_it_posts_and_is_not_voided(
        counter: Counter, gate: Gate, after_s: int, shown: str):
    gate.outcomes[7, 1] = codes.APPROVED
    gate.silent = {REDEMPTION, VOID}
    redeem(counter)
    counter.keys("*")
    counter.wait(after_s)
    assert counter.lines[1] == "Pointwire"
    gate.silent.clear()
    counter.wait(120)
    assert counter.lines[1] == shown and counter.app.outbox.unsettled == 0
    assert len(counter.all("saved")) == (1 if shown == "Posted +12" else 2)


def test_an_answer_of_later_to_the_message_lets_its_void_go_at_once(
        counter: Counter, gate: Gate):
    gate.silent = {REDEMPTION, VOID}
    redeem(counter)  # it goes out at 0, 10 and 30 s, and then its void waits behind it
    counter.wait(35)
    assert counter.lines[1] == "Cancelling" and not gate.seen
    gate.silent.clear()
    counter.wait(40)
    assert gate.seen[:2] == [(7, 1), (7, 2)] and counter.lines[1] == "Cancelled"


def test_the_half_minute_runs_without_a_link_too(counter: Counter, gate: Gate):
    gate.silent = {REDEMPTION}
    redeem(counter)
    counter.radio.set_dark(True)
    counter.wait(31)
    assert counter.lines[:2] == (bar(False, 2), "Cancelling")


def test_found_unsettled_by_a_boot_it_is_cancelled_before_anything_is_sent(
        counter: Counter, gate: Gate):
    gate.silent = {REDEMPTION}
    redeem(counter)
    counter.cut()
    gate.seen.clear()
    counter.boot()
    assert counter.lines[1:] == ("Cancelling", "12.50", "When online  *←", "TRACE 1")
    assert counter.all("saved")[1:] == [(7, 2, VOID, (7, 1))]
    gate.silent.clear()
    counter.wait(120)
    assert counter.lines[1] == "Cancelled"
    counter.cut()
    counter.boot()
    counter.wait(60)
    assert len(counter.all("saved")) == 2


def test_a_void_that_stands_already_counts_at_the_next_boot(counter: Counter, gate: Gate):
    gate.silent = {REDEMPTION, VOID}
    redeem(counter)
    for _ in range(3):
        counter.cut()
        counter.boot()
        assert counter.lines[1] == "Cancelling"
        counter.wait(40)
    assert len(counter.all("saved")) == 2 and counter.app.outbox.unsettled == 2


def test_offline_nothing_that_needs_an_answer_is_journaled(counter: Counter):
    counter.radio.set_dark(True)
    counter.wait(120)
    assert redeem(counter) is None
    assert counter.lines[1:3] == ("No answer", "Only when online")
    assert not counter.all("saved")


def test_so_many_unanswered_at_once_and_no_more(counter: Counter, gate: Gate):
    gate.silent = {REDEMPTION, VOID}
    keys = [redeem(counter) for _ in range(WAITING_MAX + 1)]
    assert keys[-1] is None and None not in keys[:-1] and len(keys) == 8 + 1


def conflicting(gate: Gate, taken: set[tuple[int, int]]) -> Callable[[bytes], bytes | None]:
    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if (asked.journal, asked.trace) in taken:
            return reply_frame(frame, codes.TRACE_CONFLICT)
        return gate(frame)
    return answer


@pytest.mark.parametrize("taken", [{(7, 1)}, {(7, 2)}, {(7, 1), (7, 2)}])
def test_a_conflict_while_cancelling_still_ends_cancelled(gate: Gate, taken: set):
    with Counter(conflicting(gate, taken)) as counter:
        counter.radio.set_dark(True)
        counter.boot()
        counter.sale()
        counter.keys("D#")
        counter.radio.set_dark(False)
        counter.wait(300)
        assert counter.lines[1] == "Cancelled", counter.lines
        assert counter.app.outbox.unsettled == 0 and counter.app.state.alert is None


def test_a_void_that_was_journaled_again_is_no_alert_of_a_later_boot(counter: Counter, gate: Gate):
    counter.sale()
    counter.wait(2)
    gate.outcomes[7, 2] = codes.ORIGINAL_NOT_FOUND  # a gateway restored to before the sale
    counter.keys("D#")
    counter.wait(300)
    assert counter.lines[1] == "Cancelled", counter.lines
    assert gate.outcomes[7, 3] == codes.APPROVED
    counter.cut()
    counter.boot()
    counter.wait(5)
    assert counter.app.state.alert is None and counter.lines[0] == bar()


def test_no_frame_on_flash_was_sealed_twice(counter: Counter, gate: Gate):
    redeem(counter)
    counter.wait(200)
    records = list(counter.app.outbox.records())
    assert len({frames.digest(each.frame) for each in records}) == len(records) == 2


# -- a fault between the answer and its record ---------------------------------------------------


class FailsOnce:
    """In place of a function: the first call raises, and the radio is off from then on."""

    def __init__(self, counter: Counter, real: Callable[..., Any], error: Exception):
        self._counter, self._real, self._error = counter, real, error
        self.failed = False

    def __call__(self, *arguments: Any) -> Any:
        if not self.failed:
            self.failed = True
            self._counter.radio.set_dark(True)
            raise self._error
        return self._real(*arguments)


@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "EIO")])
def test_an_answer_that_could_not_be_written_leaves_its_void_owed(
        counter: Counter, gate: Gate, error: Exception):
    gate.outcomes[7, 1] = codes.APPROVED
    redeem(counter)
    fails = FailsOnce(counter, counter.flash.writeblocks, error)
    counter.flash.writeblocks = fails  # type: ignore[method-assign]
    counter.wait(40)
    assert fails.failed and counter.lines[1] == "Cancelling", counter.lines
    assert counter.all("saved")[1:] == [(7, 2, VOID, (7, 1))]
    counter.radio.set_dark(False)
    counter.wait(120)
    assert counter.lines[1] == "Cancelled" and counter.app.outbox.unsettled == 0


def test_what_stands_answered_on_flash_is_not_voided_though_memory_ran_out_behind_it(
        counter: Counter, gate: Gate, monkeypatch: pytest.MonkeyPatch):
    gate.outcomes[7, 1] = codes.APPROVED
    fails = FailsOnce(counter, autovoid.settled, MemoryError())
    monkeypatch.setattr(autovoid, "settled", fails)
    redeem(counter)
    counter.wait(120)
    assert fails.failed and counter.app.outbox.unsettled == 0
    assert [each[2] for each in counter.all("saved")] == [REDEMPTION]
    assert counter.lines[1] == "Posted +12"
