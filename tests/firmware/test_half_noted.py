"""A fault between a change on flash and what is noted of it: what the next customer meets."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from firmware import link
from firmware.dispatch import Dispatch
from firmware.outbox import OutboxFull, OutboxUnreadable
from protocol import codes
from protocol.messages import REDEMPTION, SALE, VOID
from tests.firmware.counter import Counter
from tests.firmware.replies import Asked, reply_frame
from tests.firmware.test_app_faults import beep_without_heap, failing
from tests.firmware.test_app_voids import Gate, redeem

EIO = OSError(5, "EIO")


def fails_with(error: Exception) -> Any:
    def fails(*arguments: Any, **how: Any) -> None:
        raise error
    return fails


def short_of_memory(counter: Counter, event: str) -> None:
    """No heap where this is told, once."""
    tell = counter.app._tell

    def fails(kind: str, *values: Any) -> None:
        if kind == event:
            counter.app._tell = tell
            raise MemoryError
        tell(kind, *values)

    counter.app._tell = fails


@contextmanager
def posted_but_unknown_to_its_void() -> Iterator[tuple[Counter, Gate]]:
    """A sale that posted, at a gateway that will know nothing of it when its void asks."""
    gate = Gate()
    gate.outcomes[7, 2] = codes.ORIGINAL_NOT_FOUND
    with Counter(gate) as counter:
        counter.boot()
        counter.wait(5)
        counter.sale()
        counter.wait(2)
        yield counter, gate


def test_a_tap_behind_a_void_that_was_half_noted_is_no_other_than_itself():
    with posted_but_unknown_to_its_void() as (counter, gate):
        kept, write = counter.app._kept, counter.flash.writeblocks

        def writes_and_fails(*arguments: Any) -> None:
            write(*arguments)
            if kept.next_trace == 3 and counter.app._dispatch.voiding:
                counter.flash.writeblocks = write
                raise MemoryError

        counter.flash.writeblocks = writes_and_fails
        short_of_memory(counter, "flash")
        counter.keys("D#")
        while not kept.doubtful:
            counter.wait(0.01)
        counter.sale("9900")
        assert counter.lines[1] == "Saved. Sending" and counter.all("saved")[-1][:2] == (7, 4)
        counter.wait(600)
        assert counter.lines[1] == "Posted +12" and gate.outcomes[7, 4] == codes.APPROVED
        assert counter.on_flash().unsettled == 0


@pytest.mark.parametrize("error", [MemoryError(), OutboxFull("full")])
def test_a_void_that_is_journaled_again_is_not_taken_for_the_one_that_was_answered(error):
    with posted_but_unknown_to_its_void() as (counter, gate):
        outbox = counter.app.outbox
        append = outbox.append

        def once(trace: int, *rest: Any, **how: Any) -> None:
            if trace == 3:
                outbox.append = append
                raise error
            append(trace, *rest, **how)

        outbox.append = once
        counter.keys("D#")
        counter.wait(4000)
        assert counter.lines[1] == "Cancelled" and gate.outcomes[7, 3] == codes.APPROVED


def test_frames_that_nobody_answers_and_a_conflict_keep_no_other_tap_back():
    gate = Gate()
    gate.outcomes[7, 3] = codes.TRACE_CONFLICT

    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        return None if (asked.journal, asked.trace) in ((7, 1), (7, 2)) else gate(frame)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        for _ in range(8):
            counter.sale()
            counter.wait(30)
        counter.wait(600)
        assert list(counter.app.outbox.pending()) == [(7, 1), (7, 2)]


@pytest.mark.parametrize("error", [EIO, MemoryError()])
def test_what_was_answered_when_the_fault_came_is_cancelled_no_longer(error: Exception):
    gate = Gate()
    gate.silent = {REDEMPTION, VOID}
    gate.outcomes.update({(7, 1): codes.APPROVED, (7, 2): codes.APPROVED})
    with Counter(gate) as counter:
        counter.boot()
        counter.wait(5)
        redeem(counter)
        counter.wait(40)
        failing(counter, "writeblocks", written=True, error=error)
        gate.silent = set()
        counter.wait(300)
        assert counter.app.outbox.unsettled == 0 and counter.app._dispatch.cancels == []
        counter.keys("*")
        counter.sale()
        counter.wait(3)
        beep_without_heap(counter)
        counter.keys("*")
        counter.wait(60)
        assert counter.lines[1::3] == ("Last saved tap", "TRACE 3 12.50")


def test_under_the_recovery_screen_too_a_link_that_died_leaves_no_tap_behind(
        monkeypatch: pytest.MonkeyPatch):
    with Counter() as counter:
        counter.boot()
        counter.wait(5)
        counter.radio.set_dark(True)
        counter.wait(60)
        for _ in range(3):
            counter.sale("100")
        counter.app._outbox_failed(OutboxUnreadable("corrupt", "x"))
        slot, left = link._Slot, [1]

        def short(*arguments: Any, **how: Any) -> Any:
            if left and arguments == (7, 2):
                left.pop()
                raise MemoryError
            return slot(*arguments, **how)

        monkeypatch.setattr(link, "_Slot", short)
        counter.radio.set_dark(False)
        counter.wait(600)
        assert not left and counter.all("died") and len(counter.shop.posted) == 3
        assert counter.lines[1] == "OUTBOX FAULT"


@pytest.mark.parametrize("sale", [True, False])
def test_the_screen_follows_a_message_that_moved_when_the_fault_came(sale: bool):
    gate = Gate()
    gate.outcomes[7, 1] = codes.TRACE_CONFLICT

    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        online = asked.type == REDEMPTION and asked.journal != 7
        return reply_frame(frame, codes.APPROVED, points=5) if online else gate(frame)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        write = counter.flash.writeblocks

        def writes_and_fails(*arguments: Any) -> None:
            write(*arguments)
            if counter.app._kept.journal != 7:
                counter.flash.writeblocks = write
                raise EIO

        counter.flash.writeblocks = writes_and_fails
        if sale:
            counter.sale()
        else:
            redeem(counter)
        counter.wait(600)
        assert counter.app.outbox.unsettled == 0
        assert counter.lines[1] == ("Posted +12" if sale else "Cancelled"), counter.lines


def test_a_tap_is_told_as_saved_at_once_though_news_found_no_memory():
    with Counter() as counter:
        counter.boot()
        counter.wait(5)
        tell, refused = counter.app._dispatch._tell, []

        def fails(kind: str, *values: Any) -> None:
            if kind == "settled":
                refused.append(values)
                raise MemoryError
            tell(kind, *values)

        counter.app._dispatch._tell = fails
        counter.sale()
        while not refused:
            counter.wait(0.01)
        counter.sale("9900")
        assert counter.all("saved")[-1][:2] == (7, 2)


LINES = inspect.getsourcelines(Dispatch._settle)


@contextmanager
def no_memory_at(line: int) -> Iterator[list[int]]:
    """The heap ends once, at this line of a settlement; what is yielded is empty once it did."""
    left = [line]

    def at_line(frame: Any, event: str, _: Any) -> Any:
        if event == "line" and frame.f_lineno in left:
            left.clear()
            raise MemoryError
        return at_line

    before = sys.gettrace()
    sys.settrace(lambda frame, event, _: at_line if frame.f_code is Dispatch._settle.__code__
                 else None)
    try:
        yield left
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("line", range(LINES[1] + 1, LINES[1] + len(LINES[0])))
def test_no_answer_is_shown_that_is_not_on_flash_wherever_its_settlement_breaks_off(line: int):
    gate = Gate()
    gate.outcomes.update({(7, 1): codes.APPROVED, (7, 2): codes.APPROVED})
    with Counter(gate) as counter:
        counter.boot()
        counter.wait(5)
        with no_memory_at(line) as left:
            redeem(counter)
            for _ in range(20):
                counter.wait(0.1)
                if not left:
                    counter.radio.set_dark(True)
        if left:
            return  # nothing is done in this line, or not on this way
        assert counter.lines[1] != "Posted +12" or counter.on_flash().unsettled == 0
        counter.wait(60)
        counter.radio.set_dark(False)
        counter.wait(600)
        voided = [each for each in counter.all("saved") if each[2] == VOID]
        assert counter.on_flash().unsettled == 0
        assert counter.lines[1] == ("Cancelled" if voided else "Posted +12"), counter.lines


@pytest.mark.parametrize("answered", [True, False])
def test_after_a_fault_of_the_panel_the_screen_still_waits_for_its_answer(answered: bool):
    gate = Gate()
    gate.silent = {REDEMPTION}
    gate.outcomes.update({(7, 1): codes.APPROVED, (7, 2): codes.APPROVED})
    with Counter(gate) as counter:
        counter.boot()
        counter.wait(5)
        redeem(counter)
        beep_without_heap(counter)
        counter.keys("1")
        counter.wait(1)
        assert counter.all("died") and counter.lines[1] == "Asking...", counter.lines
        if answered:
            gate.silent = set()
        counter.wait(60)
        gate.silent = set()
        counter.wait(600)
        assert counter.app.outbox.unsettled == 0
        assert counter.lines[1] == ("Posted +12" if answered else "Cancelled"), counter.lines


def test_a_slot_whose_message_moved_under_a_fault_is_given_up():
    with Counter() as counter:
        counter.boot()
        counter.wait(5)
        counter.sale()
        counter.wait(2)
        dispatch = counter.app._dispatch
        dispatch.link.postponed((7, 1), counter.app.now())
        counter.wait(600)
        assert dispatch.link.waiting == [] and dispatch.link.window == []
        assert len(counter.shop.posted) == 1 and not counter.all("set_aside")


def test_a_void_by_itself_that_could_not_be_told_does_not_go_out_before_and_is_the_only_one():
    gate = Gate()

    def answer(frame: bytes) -> bytes | None:
        later = Asked(frame).type == REDEMPTION and (7, 2) not in gate.outcomes
        return reply_frame(frame, codes.TRY_LATER) if later else gate(frame)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        tell, left = counter.app._dispatch._tell, [VOID]

        def fails(kind: str, *values: Any) -> None:
            if kind == "saved" and values[2] in left:
                left.clear()
                raise MemoryError
            tell(kind, *values)

        counter.app._dispatch._tell = fails
        redeem(counter)
        counter.wait(600)
        assert not left and counter.lines[1] == "Cancelled", counter.lines
        assert [each[:2] for each in counter.all("saved")] == [(7, 1), (7, 2)]
        assert gate.outcomes == {(7, 1): codes.VOIDED, (7, 2): codes.APPROVED}


def test_after_a_fault_the_screen_names_what_was_taken_last():
    gate = Gate()
    gate.silent = {REDEMPTION, SALE}
    with Counter(gate) as counter:
        counter.boot()
        counter.wait(5)
        redeem(counter)
        counter.wait(1)
        counter.keys("**9900#")
        beep_without_heap(counter)
        counter.tap()
        counter.wait(3)
        assert counter.all("died") and counter.lines[1::3] == ("Last saved tap", "TRACE 2 99.00")


def test_after_a_fault_nothing_is_asked_that_was_answered(monkeypatch: pytest.MonkeyPatch):
    gate = Gate()
    gate.outcomes[7, 1] = codes.APPROVED
    with Counter(gate) as counter:
        counter.boot()
        counter.wait(5)
        with monkeypatch.context() as patched:
            patched.setattr(link, "let_go", fails_with(MemoryError()))
            redeem(counter)
            counter.wait(1)
        assert counter.app._dispatch.cancels and counter.app.outbox.unsettled == 0
        beep_without_heap(counter)
        counter.keys("1")
        counter.wait(1)
        assert counter.all("died") and counter.lines[1] == "Last saved tap", counter.lines


@pytest.mark.parametrize("error", [EIO, MemoryError()])
def test_a_void_by_itself_goes_out_whatever_befell_its_writing(error: Exception):
    gate = Gate()

    def answer(frame: bytes) -> bytes | None:
        later = Asked(frame).type == REDEMPTION and (7, 2) not in gate.outcomes
        return reply_frame(frame, codes.TRY_LATER) if later else gate(frame)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        redeem(counter)
        counter.wait(5)
        failing(counter, "writeblocks", written=True, error=error)
        counter.wait(600)
        assert counter.lines[1] == "Cancelled" and counter.app.outbox.unsettled == 0
        assert gate.outcomes == {(7, 1): codes.VOIDED, (7, 2): codes.APPROVED}
