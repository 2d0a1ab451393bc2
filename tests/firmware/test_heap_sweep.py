"""The heap ends once, wherever the link is: no tap is lost, none stays behind, none lies.

Each story runs for every third call, and for every so many lines, of the program within what the
link and the voids do by themselves; there MemoryError is raised (simulator/heap.py).
"""

from collections.abc import Callable, Iterator

import pytest

from firmware.outbox import Outbox
from protocol import codes
from protocol.messages import REDEMPTION, SALE, VOID
from simulator.heap import LINK, TURN, Entries, Heap
from tests.firmware.counter import Counter
from tests.firmware.replies import Asked, reply_frame
from tests.firmware.test_app_voids import Gate, conflicting, redeem

Story = Callable[[Counter], None]
STEP = 3
LINES_STEP = 47


def a_sale(counter: Counter) -> None:
    counter.sale()


def a_sale_and_its_void(counter: Counter) -> None:
    counter.radio.set_dark(True)
    counter.sale()
    counter.keys("D#")
    counter.radio.set_dark(False)


def a_redemption_without_an_answer(counter: Counter) -> None:
    redeem(counter)


class Short:
    """A counter whose heap ends at one call of the story's turns."""

    def __init__(self, story: Story, gate: Gate, taken: set[tuple[int, int]], entries: Entries,
                 calls: int, lines: bool) -> None:
        self.heap = Heap(lines)
        self.counter = Counter(conflicting(gate, taken))
        with self.counter as counter:
            counter.boot()
            counter.wait(5)
            self.heap.arm(entries, calls)
            story(counter)
            counter.wait(400)
            self.heap.disarm()
            assert counter.app.outbox is not None
            self.unsettled = counter.app.outbox.unsettled
            self.on_flash = counter.on_flash().unsettled


def sweep(story: Story, entries: Entries, taken: set[tuple[int, int]] = frozenset(),  # type: ignore[assignment]
          silent: int = 0, lines: bool = False) -> Iterator[tuple[Counter, Gate]]:
    calls = 1
    while True:
        gate = Gate()
        gate.silent |= {silent}
        short = Short(story, gate, taken, entries, calls, lines)
        counter = short.counter
        what = (calls, counter.lines, counter.told[-8:])
        assert short.unsettled == short.on_flash == (2 if silent else 0), what
        yield counter, gate
        if not short.heap.exhausted:
            break
        calls += LINES_STEP if lines else STEP
    assert calls > 50


def saved(counter: Counter, kind: int) -> set[tuple[int, int]]:
    keys = {(journal, trace) for journal, trace, each, _ in counter.all("saved") if each == kind}
    moved = dict(counter.all("conflict"))
    while moved.keys() & keys:
        keys = {moved.get(key, key) for key in keys}
    return keys


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("taken", [frozenset(), {(7, 1)}])
@pytest.mark.parametrize("entries", [LINK, TURN])
def test_wherever_it_ends_a_sale_posts_and_the_screen_says_so(entries: Entries, taken: set,
                                                              lines: bool):
    for counter, gate in sweep(a_sale, entries, taken, lines=lines):
        assert gate.outcomes == {key: codes.APPROVED for key in saved(counter, SALE)}
        assert len(gate.outcomes) == 1 and counter.lines[1] == "Posted +12", counter.lines


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("taken", [frozenset(), {(7, 1)}, {(7, 2)}, {(7, 1), (7, 2)}])
@pytest.mark.parametrize("entries", [LINK, TURN])
def test_wherever_it_ends_a_cancelled_sale_ends_cancelled(entries: Entries, taken: set,
                                                          lines: bool):
    for counter, gate in sweep(a_sale_and_its_void, entries, taken, lines=lines):
        assert saved(counter, SALE) | saved(counter, VOID) == set(gate.outcomes)
        assert counter.lines[1] in ("Cancelled", "Last saved tap"), counter.lines
        assert counter.app.state.alert is None


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("taken", [frozenset(), {(7, 1)}])
def test_wherever_it_ends_what_nobody_answers_is_voided(taken: set, lines: bool):
    for counter, _ in sweep(a_redemption_without_an_answer, TURN, taken, REDEMPTION, lines):
        assert len(saved(counter, VOID)) == 1 and counter.lines[1] == "Cancelling", counter.lines


def test_an_answer_of_later_keeps_its_tap():
    for calls in range(1, 400):
        heap, gate, asked = Heap(), Gate(), []

        def later(frame: bytes, gate: Gate = gate, asked: list = asked) -> bytes | None:
            if Asked(frame).type == SALE and not asked:
                asked.append(1)
                return reply_frame(frame, codes.TRY_LATER)
            return gate(frame)

        with Counter(later) as counter:
            counter.boot()
            counter.wait(5)
            counter.radio.set_dark(True)
            counter.sale()
            heap.arm(LINK + TURN, calls)
            counter.radio.set_dark(False)
            counter.wait(4000)
            heap.disarm()
            assert gate.outcomes == {(7, 1): codes.APPROVED}, calls
            assert counter.app.outbox.unsettled == 0, calls


@pytest.mark.parametrize("step", ["_unsettled.add", "_unsettled.discard", "_search.remember"])
def test_a_change_that_broke_off_is_believed_by_nobody_until_a_mount(
        step: str, monkeypatch: pytest.MonkeyPatch):
    with Counter() as counter:
        counter.boot()
        counter.sale()
        outbox: Outbox = counter.app.outbox
        part, name = step.split(".")

        def short(*arguments: object) -> None:
            raise MemoryError

        with monkeypatch.context() as patched:
            patched.setattr(type(getattr(outbox, part)), name, short)
            with pytest.raises(MemoryError):
                outbox.append(2, b"moved", True, origin=(7, 1))
        assert outbox.doubtful
        with pytest.raises(OSError):
            outbox.append(2, b"another")
        outbox.mount()
        assert list(outbox.pending()) == [(7, 2)] and not outbox.doubtful
