"""Flash and heap that give up in the middle of a tap: what is claimed, and what is found again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocol import messages
from tests.firmware.counter import Counter

FULL = MemoryError("memory allocation failed")


@pytest.fixture
def counter() -> Iterator[Counter]:
    with Counter() as made:
        made.boot()
        made.wait(5)
        yield made


def failing(counter: Counter, operation: str, written: bool, times: int = 1,
            error: Exception | None = None) -> None:
    """The next `times` calls of the device fail, after they were carried out or instead."""
    real = getattr(counter.flash, operation)
    left = [times]

    def call(*arguments: Any) -> Any:
        erase = operation == "ioctl" and arguments[0] != 6
        if erase or not left[0]:
            return real(*arguments)
        left[0] -= 1
        if written:
            real(*arguments)
        raise error or OSError(5, "EIO")

    setattr(counter.flash, operation, call)


def test_a_write_that_failed_and_left_nothing_claims_nothing(counter: Counter):
    failing(counter, "writeblocks", written=False)
    counter.sale()
    assert counter.lines[1:4] == ("Not stored", "Tap NOT taken", "Try again")
    assert counter.all("flash") and not counter.all("saved") and not counter.all("died")
    assert counter.on_flash().unsettled == 0
    counter.sale()
    counter.wait(1)
    assert counter.lines[1] == "Posted +12" and len(counter.shop.posted) == 1


def test_a_write_that_failed_and_is_there_after_all_is_saved(counter: Counter):
    failing(counter, "writeblocks", written=True)
    counter.sale()
    assert counter.lines[1] == "Saved. Sending"
    assert counter.all("saved") == [(7, 1, messages.SALE, None)]
    counter.wait(1)
    assert counter.lines[1] == "Posted +12" and len(counter.shop.posted) == 1


@pytest.mark.parametrize("written", [False, True])
def test_no_power_cut_after_the_failure_tells_another_story(counter: Counter, written: bool):
    failing(counter, "writeblocks", written)
    counter.radio.set_dark(True)
    counter.sale()
    said = len(counter.all("saved"))
    counter.cut()
    counter.boot()
    assert counter.app.outbox.unsettled == said == int(written)


def test_a_flash_that_does_not_come_back_shows_the_recovery_screen_until_it_does(
        counter: Counter):
    counter.sale("500")
    counter.wait(2)
    failing(counter, "writeblocks", written=False, times=40)
    failing(counter, "ioctl", written=False, times=4)
    counter.sale()
    assert counter.lines[1:] == ("OUTBOX FAULT", "No taps possible", "Call technician", "flash")
    assert counter.all("recovery")[-1][0] == "flash"
    counter.sale()
    counter.wait(1)
    assert counter.lines[1] == "OUTBOX FAULT" and len(counter.all("saved")) == 1
    counter.wait(1200)
    assert counter.lines[1:3] == ("Last saved tap", "Tap 1 5.00") and not counter.all("died")
    counter.sale()
    counter.wait(2)
    assert counter.lines[1] == "Posted +12" and len(counter.shop.posted) == 2


def test_what_waits_is_not_touched_by_a_flash_that_fails_for_a_while(counter: Counter):
    counter.radio.set_dark(True)
    for _ in range(5):
        counter.sale("100")
    failing(counter, "writeblocks", written=False, times=60)
    counter.sale()
    counter.radio.set_dark(False)
    counter.wait(3600)
    assert len(counter.shop.posted) == 5 and counter.app.outbox.unsettled == 0


def test_a_flash_that_fails_at_boot_is_tried_again(counter: Counter):
    counter.radio.set_dark(True)
    counter.sale("500")
    counter.cut()
    failing(counter, "ioctl", written=False, times=2)
    counter.boot()
    assert counter.lines[1] == "OUTBOX FAULT" and counter.lines[4] == "flash"
    counter.wait(120)
    assert counter.lines[1:3] == ("Last saved tap", "Tap 1 5.00")
    counter.radio.set_dark(False)
    counter.wait(120)
    assert len(counter.shop.posted) == 1


def test_an_answer_that_cannot_be_written_is_asked_for_again(counter: Counter):
    counter.sale()
    failing(counter, "writeblocks", written=False)
    counter.wait(2)
    assert counter.app.outbox.unsettled == 1 and counter.all("flash")
    assert counter.app.up() and not counter.all("settled")
    counter.wait(70)
    assert counter.app.outbox.unsettled == 0 and len(counter.shop.posted) == 1
    assert counter.lines[1] == "Posted +12"


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("operation", ["writeblocks", "readblocks"])
def test_a_heap_that_ends_in_the_outbox_claims_only_what_is_there(
        counter: Counter, operation: str, written: bool):
    counter.radio.set_dark(True)
    failing(counter, operation, written, error=FULL)
    counter.sale()
    counter.wait(60)
    kept = counter.on_flash().unsettled
    assert len(counter.all("saved")) == kept
    assert counter.app.outbox.unsettled == kept
    counter.radio.set_dark(False)
    counter.wait(200)
    assert len(counter.shop.posted) == kept


@pytest.mark.parametrize("where", ["beep", "draw"])
def test_a_heap_that_ends_behind_the_outbox_loses_nothing(counter: Counter, where: str):
    part: Any = counter.board if where == "beep" else counter.app.screen
    broken: Callable[..., Any] = getattr(part, where)
    left = [1]

    def call(*arguments: Any) -> Any:
        if left and counter.app.outbox.unsettled:
            left.pop()
            raise FULL
        return broken(*arguments)

    setattr(part, where, call)
    counter.sale()
    assert counter.all("died")
    counter.wait(5)
    assert len(counter.shop.posted) == 1 and counter.app.outbox.unsettled == 0


def test_idle_housekeeping_that_fails_costs_no_tap_and_no_task(counter: Counter):
    failing(counter, "ioctl", written=False, times=3)
    counter.wait(300)
    assert not counter.all("died") and counter.lines[1] == "Pointwire"
    counter.sale()
    counter.wait(2)
    assert counter.lines[1] == "Posted +12"
