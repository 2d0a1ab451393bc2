"""Flash and heap that give up in the middle of a tap: what is claimed, and what is found again.

And a flash that gives up anywhere else: from a boot with taps to send, a sale to cancel and a
message to void, until the last of them is answered, each single access to the device fails once.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from firmware import checkout, mqtt, session
from firmware.outbox import OutboxUnreadable
from protocol import codes, messages
from protocol.messages import HEARTBEAT, INQUIRY, REDEMPTION, SALE, VOID
from tests.firmware.bars import bar
from tests.firmware.counter import Counter, refusing
from tests.firmware.replies import AT, CARD, Asked, reply_frame
from tests.firmware.shop import Shop

FULL = MemoryError("memory allocation failed")
EIO = OSError(5, "EIO")


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
        raise error or EIO

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


@pytest.mark.parametrize("error", [EIO, FULL])
def test_a_void_that_could_not_be_written_never_says_that_the_sale_was_not_taken(
        counter: Counter, error: Exception):
    counter.radio.set_dark(True)
    counter.sale("500")
    failing(counter, "writeblocks", written=False, error=error)
    counter.keys("D#")
    assert counter.lines[1:] == ("NOT cancelled", "Try again", "D = cancel", "TRACE 1 5.00")
    counter.keys("D#")
    assert counter.lines[1] == "Cancelling"
    assert [key[:3] for key in counter.all("saved")] == [(7, 1, SALE), (7, 2, VOID)]


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
    assert counter.lines[1::3] == ("Last saved tap", "TRACE 1 5.00") and not counter.all("died")
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
    assert counter.lines[1::3] == ("Last saved tap", "TRACE 1 5.00")
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


def breaking_for_a_while(counter: Counter, reads: int, error: Exception) -> None:
    """The next write fails behind what it wrote, and so do the next reads."""
    write = counter.flash.writeblocks

    def fail(*arguments: Any) -> None:
        counter.flash.writeblocks = write
        failing(counter, "readblocks", written=False, times=reads, error=error)
        write(*arguments)
        raise error

    counter.flash.writeblocks = fail


@pytest.mark.parametrize("error", [EIO, FULL])
def test_what_turns_out_to_be_stored_later_is_told_as_saved_then(
        counter: Counter, error: Exception):
    breaking_for_a_while(counter, 40, error)
    counter.sale("500")
    assert counter.all("not_saved") and not counter.all("saved")
    assert counter.lines[1] == "OUTBOX FAULT"
    counter.wait(1000)
    assert counter.all("saved") == [(7, 1, SALE, None)] and len(counter.shop.posted) == 1
    assert counter.lines[1::3] == ("Last saved tap", "TRACE 1 5.00")


@pytest.mark.parametrize("reads_fail", [0, 40])
def test_an_answer_whose_write_failed_and_is_there_after_all_is_told(
        counter: Counter, reads_fail: int):
    counter.sale("500")
    breaking_for_a_while(counter, reads_fail, EIO)
    counter.wait(2 if not reads_fail else 1000)
    assert counter.all("flash") and counter.app.outbox.unsettled == 0
    assert [reply.points for reply, in counter.all("settled")] == [5]
    assert not counter.all("set_aside")
    assert counter.lines[1] == "Posted +5" or reads_fail and counter.lines[2] == "posted +5"


def test_a_refusal_whose_write_failed_and_is_there_after_all_is_an_alert():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.sale("500")
        failing(counter, "writeblocks", written=True)
        counter.keys("*")
        counter.wait(5)
        assert counter.lines[1::3] == ("1 not posted", "TRACE 1")


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


def to_erase(counter: Counter) -> None:
    """The next idle moment has a block to erase."""
    counter.app.outbox._ring.erased = -1


def test_idle_housekeeping_that_fails_costs_no_tap_and_no_task(counter: Counter):
    to_erase(counter)
    failing(counter, "ioctl", written=False, times=3)
    counter.wait(300)
    assert counter.all("flash") and not counter.all("died") and counter.lines[1] == "Pointwire"
    counter.sale()
    counter.wait(2)
    assert counter.lines[1] == "Posted +12"


# -- any access to the flash, from a boot until everything is answered ----------------------------

NEVER = 10 ** 9
DAMAGED = OutboxUnreadable("corrupt", "a record cannot be read")


def counting(counter: Counter, first: int, times: int, error: Exception,
             behind: bool = False) -> list[int]:
    """From access `first` (from 0) to the device on, `times` of them fail, carried out or not
    (`behind`); how many there were."""
    made = [0]

    def broken(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            made[0] += 1
            if first < made[0] <= first + times:
                if behind:
                    real(*arguments)
                raise error
            return real(*arguments)

        return call

    for operation in ("readblocks", "writeblocks", "ioctl"):
        setattr(counter.flash, operation, broken(getattr(counter.flash, operation)))
    return made


class Morning:
    """A counter that is switched on with work to do: `posted` must come to hold all of it."""

    # settled and asked for again; three sales, of which one moves to a fresh journal, and a void;
    # a redemption and its void
    TAPS = 7

    def __init__(self) -> None:
        self.shop = Shop()
        self.reported: set[int] = set()  # journals of which a heartbeat said what is kept
        self.counter = Counter(self._answer)
        self.counter.boot()
        self.counter.wait(5)
        self.counter.sale("100")
        self.counter.wait(2)
        self.shop.silent |= {SALE, VOID, REDEMPTION}
        for _ in range(3):
            self.counter.sale("500")
        self.counter.keys("D#")
        assert self.counter.app.journal_online(REDEMPTION, (2, CARD), 300)
        self.counter.wait(1)
        self.counter.cut()
        self.shop.silent.clear()
        self.counter.told.clear()

    def _answer(self, frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.type == HEARTBEAT:
            if asked.journal != 7:
                self.reported.add(asked.content[14][8][0])
            return reply_frame(frame, at=AT, highest_trace=0, send_again=((7, 1, 1),))
        if (asked.journal, asked.trace) == (7, 2) and asked.type not in self.shop.silent:
            return reply_frame(frame, code=codes.TRACE_CONFLICT)
        if asked.type == VOID and asked.type not in self.shop.silent:
            return self.shop.posted.setdefault((asked.journal, asked.trace),
                                               reply_frame(frame, points=-5))
        return self.shop.answer(frame)

    def goes_by(self, first: int, times: int = 1, error: Exception = EIO,
                seconds: float = 200, behind: bool = False) -> bool:
        """Whether an access failed on the way; whatever it was, it is named and the App lives."""
        counter = self.counter
        made = counting(counter, first, times, error, behind)
        counter.boot()
        counter.wait(seconds)
        assert not counter.task.done(), (first, counter.task)
        assert not counter.all("died") and not counter.app.supervisor.unsaid, (first, counter.told)
        # the network is well: no fault of the flash may be taken for one of its
        assert [up for up, _ in counter.all("link")] in ([], [True]), (first, counter.told)
        assert not counter.all("no_link") and counter.app.link_fault() == 0
        if made[0] > first:
            assert counter.all("flash") or counter.all("recovery"), first
        return made[0] > first

    def all_told(self) -> bool:
        """Whether the outcome of everything that posted was said."""
        said = {(reply.journal, reply.trace) for reply, in self.counter.all("settled")}
        return said >= {key for key in self.shop.posted if key != (7, 1)}  # that one was before

    def all_posted(self) -> bool:
        outbox = self.counter.app.outbox
        return (len(self.shop.posted) == self.TAPS and outbox is not None
                and outbox.unsettled == 0)

    def story(self) -> str:
        """How it ended, for a person."""
        outbox = self.counter.app.outbox
        told = [each for each in self.counter.told if each[0] != "screen"]
        return (f"{len(self.shop.posted)} posted,"
                f" {'no outbox' if outbox is None else outbox.unsettled} unsettled,"
                f" screen {self.counter.lines}; at last {told[-12:]}; {len(told)} in all")

    def __enter__(self) -> "Morning":
        return self

    def __exit__(self, *_: object) -> None:
        self.counter.loop.close()


def sweep(step: int, **how: Any) -> Iterator[Morning]:
    """A morning for each access that can fail."""
    first, failed = 0, True
    while failed:
        with Morning() as morning:
            failed = morning.goes_by(first, **how)
            yield morning
        first += step
    assert first > 150  # mount, look back, voids, sends, answers, the walk of what is asked again


def test_a_morning_without_a_fault_posts_everything():
    with Morning() as morning:
        assert not morning.goes_by(NEVER) and morning.all_posted()
        assert morning.reported == {7}  # walked for once another was in use
        assert morning.counter.all("sent_again") and not morning.counter.all("recovery")


def test_wherever_the_flash_fails_once_it_is_tried_again_and_every_tap_posts():
    for morning in sweep(1):
        assert morning.all_posted() and morning.all_told(), morning.counter.told


def test_wherever_the_flash_fails_behind_a_write_what_is_there_is_told():
    for morning in sweep(5, behind=True):
        assert morning.all_posted() and morning.all_told(), morning.counter.told


def test_wherever_the_flash_fails_for_long_the_screen_says_so_until_every_tap_posts():
    for morning in sweep(7, times=40, seconds=2500):
        assert morning.all_posted(), morning.story()
        screens = morning.counter.screens
        if morning.counter.all("recovery"):
            assert any(lines[1] == "OUTBOX FAULT" and lines[4] == "flash" for lines in screens)


def test_wherever_damage_is_met_the_screen_names_it_and_no_tap_is_erased():
    for morning in sweep(3, error=DAMAGED):
        counter = morning.counter
        if counter.all("recovery"):
            assert counter.lines[1:] == ("OUTBOX FAULT", "No taps possible", "Call technician",
                                         "corrupt")
            assert not counter.app.journal_online(REDEMPTION, (2, CARD), 300)
        # what was damaged for one reading is whole for the next boot
        counter.cut()
        counter.boot()
        counter.wait(200)
        assert morning.all_posted(), counter.told


def test_a_flash_that_fails_in_an_idle_moment_is_on_the_screen_before_the_next_customer(
        counter: Counter):
    to_erase(counter)
    failing(counter, "ioctl", written=False, times=12)
    counter.wait(120)
    assert counter.all("flash") and counter.all("recovery")[0][0] == "flash"
    assert counter.lines[1] == "OUTBOX FAULT" and counter.lines[4] == "flash"
    counter.wait(600)
    assert counter.lines[1] == "Pointwire" and not counter.all("died")


def test_the_link_goes_on_with_what_can_be_read_while_one_tap_cannot(
        counter: Counter, monkeypatch: pytest.MonkeyPatch):
    counter.cut()
    counter.radio.set_dark(True)
    counter.boot()
    for _ in range(4):
        counter.sale("500")
    outbox, real = counter.app.outbox, counter.app.outbox.frame

    def frame(journal: int, trace: int) -> bytes:
        if trace == 2:
            raise DAMAGED
        return real(journal, trace)

    monkeypatch.setattr(outbox, "frame", frame)
    counter.radio.set_dark(False)
    counter.wait(60)
    assert sorted(counter.shop.posted) == [(7, 1), (7, 3), (7, 4)]
    assert counter.app.up() and counter.lines[0] == bar(unsent=1)
    assert counter.lines[1] == "OUTBOX FAULT" and counter.lines[4] == "corrupt"
    assert len(counter.all("recovery")) < 5  # asked again after a minute, not at once
    assert list(outbox.pending()) == [(7, 2)] and not counter.all("died")


def test_a_void_whose_write_failed_and_is_there_after_all_is_not_written_twice(counter: Counter):
    counter.shop.silent |= {REDEMPTION, VOID}
    assert counter.app.journal_online(REDEMPTION, (2, CARD), 300) == (7, 1)
    failing(counter, "writeblocks", written=True)
    counter.wait(100)
    assert counter.all("flash") and list(counter.on_flash().pending()) == [(7, 1), (7, 2)]
    assert counter.all("saved") == [(7, 1, REDEMPTION, None), (7, 2, VOID, (7, 1))]
    assert counter.lines[1] == "Cancelling" and not counter.all("died")
    assert counter.app.state.shown == ("cancelling", (7, 2), None, True)  # both are waited for


def test_an_answer_that_found_no_heap_is_not_taken_for_that_to_a_newer_question():
    shop = Shop()

    def answer(frame: bytes) -> bytes | None:
        asked = Asked(frame)
        if asked.type != INQUIRY:
            return shop.answer(frame)
        if asked.content[6][1] != CARD:
            return None
        return reply_frame(frame, balance=777)

    with Counter(answer) as counter:
        counter.boot()
        counter.wait(5)
        own, heard, times = counter.app._dispatch, counter.app._heard, [5]

        def full(event: tuple[Any, ...]) -> None:
            if event[0] == "answer" and times[0]:
                times[0] -= 1
                raise FULL
            heard(event)

        own._on_event = full
        counter.keys("A")
        counter.tap()
        while times[0] or not counter.app.up():
            counter.wait(0.1)
        assert own.keeps_news()
        counter.keys("*A")
        counter.tap(CARD + 1)
        counter.wait(29)
        assert counter.lines[1] == "Asking..." and not own.keeps_news()
        counter.wait(2)
        assert counter.lines[1] == "No answer"
        assert not any("777" in row for screen in counter.screens for row in screen)


def beep_without_heap(counter: Counter) -> None:
    """The panel dies of the next beep."""
    beep = counter.board.beep

    def fail(name: str) -> None:
        counter.board.beep = beep
        raise FULL

    counter.board.beep = fail


@pytest.mark.parametrize("fault", ["power", "panel", "flash"])
def test_what_did_not_post_stands_through_every_fault_until_it_is_acknowledged(fault: str):
    with refusing(codes.CARD_LOST, 1, 2) as counter:
        counter.radio.set_dark(True)
        for amount in ("500", "600", "700"):
            counter.sale(amount)
        counter.wait(30)
        counter.keys("*")
        counter.radio.set_dark(False)
        counter.wait(60)
        assert counter.lines[1::3] == ("2 not posted", "TRACE 2")
        if fault == "power":
            counter.cut()
            counter.boot()
        elif fault == "panel":
            beep_without_heap(counter)
            counter.keys("A")
        else:
            to_erase(counter)
            failing(counter, "ioctl", written=False, times=12)
            counter.wait(600)
        counter.wait(30)
        head = bar(fault="panel") if fault == "panel" else bar(alerted=2)
        assert counter.lines[::2] == (head, "posted +7", "TRACE 3 7.00")
        counter.keys("#")
        assert counter.lines[1:] == ("2 not posted", "Card lost", "# = seen", "TRACE 2")
        counter.wait(1)
        counter.keys("#")
        counter.cut()
        counter.boot()
        counter.wait(5)
        assert counter.lines[:2] == (bar(), "Last saved tap")


def test_a_refusal_that_was_on_the_screen_does_not_come_back():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.sale("500")
        counter.wait(2)
        assert counter.lines[1] == "REFUSED"
        counter.keys("6")
        counter.cut()
        counter.boot()
        counter.wait(5)
        assert counter.lines[0] == bar()


def test_what_could_not_be_told_yet_is_not_acknowledged_with_the_rest():
    with refusing(codes.CARD_LOST, 1, 2) as counter:
        counter.sale("500")
        counter.keys("*")
        counter.wait(2)
        assert counter.app.state.alert == (1, 1, codes.CARD_LOST)

        def hear(event: tuple[Any, ...]) -> None:
            raise FULL

        assert counter.app._dispatch is not None
        counter.app._dispatch._on_event = hear
        counter.sale("600")
        counter.keys("*")
        counter.wait(60)
        counter.keys("#")
        assert counter.app.state.alert is None
        counter.cut()
        counter.boot()
        assert counter.app.state.alert == (2, 2, codes.CARD_LOST)


def test_an_acknowledgement_that_cannot_be_kept_comes_again_with_the_next_boot():
    with refusing(codes.CARD_LOST, 1) as counter:
        counter.sale("500")
        counter.keys("*")
        counter.wait(2)
        failing(counter, "writeblocks", written=False)
        counter.keys("#")
        assert counter.lines[1] == "Pointwire" and counter.all("flash")
        counter.cut()
        counter.boot()
        assert counter.lines[0] == bar(False, alerted=1)


@pytest.mark.parametrize("times", [3, 4, 30])
def test_an_outcome_that_finds_no_memory_is_told_as_soon_as_there_is_some(times: int):
    with refusing(codes.CARD_LOST, 1) as counter:
        dispatch = counter.app._dispatch
        assert dispatch is not None
        real, left = dispatch._on_event, [times]

        def hear(event: tuple[Any, ...]) -> None:
            if event[0] == "settled" and event[1].code and left[0]:
                left[0] -= 1
                raise FULL
            real(event)

        dispatch._on_event = hear
        counter.sale("500")
        counter.keys("*")
        counter.wait(20)
        counter.sale("600")  # what cannot be told keeps nothing else back
        counter.wait(600)
        assert counter.app.state.alert == (1, 1, codes.CARD_LOST) and left == [0]
        assert counter.lines[1] == "Posted +6" and counter.app.up()
        assert len(counter.all("settled")) == 2


@pytest.mark.parametrize("module, name", [
    (mqtt.Connection, "publish"), (session, "asked"), (session.Session, "answered"),
    (session.Session, "forget")])
@pytest.mark.parametrize("behind", [False, True])
def test_an_inquiry_ends_wherever_the_heap_ends_in_it(
        counter: Counter, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, behind: bool):
    counter.wait(60)
    real, left = getattr(module, name), [1]

    def short(*arguments: Any) -> Any:
        asking = counter.app.state.name == checkout.ASKED
        result = real(*arguments) if behind or not (asking and left[0]) else None
        if asking and left[0]:
            left[0] -= 1
            raise FULL
        return result

    counter.keys("A")
    monkeypatch.setattr(module, name, short)
    counter.tap()
    counter.wait(40)
    assert left == [0]
    if counter.all("died") and counter.all("died")[0][0] == "panel":  # it was not asked at all
        assert counter.app.state.name == checkout.HOME
    else:
        assert counter.lines[1] in ("No answer", "王* 银卡")


@pytest.mark.parametrize("written", [False, True])
def test_a_heap_that_ends_again_while_the_outbox_is_read_anew_is_waited_for(
        counter: Counter, written: bool):
    counter.radio.set_dark(True)
    counter.sale("100")
    write = counter.flash.writeblocks

    def fail(*arguments: Any) -> None:
        counter.flash.writeblocks = write
        failing(counter, "readblocks", written=False, times=2, error=FULL)
        if written:
            write(*arguments)
        raise FULL

    counter.flash.writeblocks = fail
    counter.sale("500")
    assert counter.lines[1:] == ("OUTBOX FAULT", "No taps possible", "Call technician", "memory")
    counter.radio.set_dark(False)
    counter.wait(600)
    assert len(counter.shop.posted) == 1 + written and counter.app.outbox.unsettled == 0
    assert not counter.all("died") and counter.lines[1] == "Last saved tap"
    counter.sale()
    counter.wait(2)
    assert counter.lines[1] == "Posted +12"


@pytest.mark.parametrize("times", [1, 40])
def test_a_heap_that_ends_in_a_boot_never_ends_the_program(times: int):
    for first in range(0, 150, 13):
        with Morning() as morning:
            counter = morning.counter
            counting(counter, first, times, FULL)
            counter.boot()
            counter.wait(900)
            assert not counter.task.done(), first
            assert morning.all_posted(), (first, counter.told)
