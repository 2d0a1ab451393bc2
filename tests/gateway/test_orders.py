"""Q26: whatever the order, the batches, the repeats: the same codes, bytes and balances.

A small model, written from WIRE's words alone, is asked at every step and at the end. Two intakes
take turns; frames come in any order, several times, alone or together; HQ's verdicts fall anywhere
between them. What hypothesis prints on failure is the whole program; it runs again as it stands.
"""

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from gateway import held
from gateway.audit import run_audit
from gateway.held import HeldError, HeldKey
from gateway.intake import Intake
from protocol import codes
from tests.support.databases import POSTGRESQL, SQLITE, fresh_engine
from tests.support.street import JOURNAL, Street

EXAMPLES = {SQLITE: 40, POSTGRESQL: 16}
TERMINALS, CARDS, OPERATOR_NOBODY_KNOWS = 2, 3, 9


class Tap(NamedTuple):
    """One sale and what belongs to it. `rival`: other content under the same trace comes too."""

    terminal: int
    card: int
    points: int
    on_hold: bool
    voids: int
    rival: bool


class Frame(NamedTuple):
    """`kind`: sale, rival or void; `tap`: its place; `trace` and `names` of its terminal."""

    kind: str
    tap: int
    terminal: int
    trace: int
    names: int


taps = st.lists(st.builds(Tap, st.integers(0, TERMINALS - 1), st.integers(0, CARDS - 1),
                          st.integers(0, 40), st.booleans(), st.integers(0, 2), st.booleans()),
                min_size=1, max_size=4)


def frames_of(plan: list[Tap]) -> list[Frame]:
    """The frames of the plan, traces in the order in which they were sealed."""
    traces = [0] * TERMINALS
    found = []

    def sealed(kind: str, place: int, names: int = 0) -> int:
        terminal = plan[place].terminal
        traces[terminal] += 1
        found.append(Frame(kind, place, terminal, traces[terminal], names))
        return traces[terminal]

    for place, tap in enumerate(plan):
        trace = sealed("sale", place)
        if tap.rival:
            found.append(Frame("rival", place, tap.terminal, trace, 0))
        for _ in range(tap.voids):
            sealed("void", place, trace)
    return found


class Model:
    """What WIRE and DESIGN 6.4 promise, one message after the other."""

    def __init__(self, plan: list[Tap]) -> None:
        self.plan = plan
        self.answered: dict[Frame, int] = {}
        self.owner: dict[int, Frame] = {}   # the frame that took the tap's trace
        self.buried: set[int] = set()       # voided before any frame came
        self.undone: set[int] = set()
        self.verdicts: dict[int, bool] = {}
        self.contested: set[int] = set()

    def begin(self, batch: list[Frame]) -> None:
        """Which traces carry two messages, as far as one can know with this batch in hand."""
        come = {frame for frame in (*self.answered, *batch) if frame.kind != "void"}
        self.contested = {frame.tap for frame in come if frame.kind == "rival"
                          and any(each.tap == frame.tap and each.kind == "sale" for each in come)}

    def code(self, frame: Frame) -> int:
        if frame not in self.answered:
            self.answered[frame] = self._void(frame) if frame.kind == "void" else self._sale(frame)
        return self.answered[frame]

    def _sale(self, frame: Frame) -> int:
        if frame.tap in self.owner:
            return codes.TRACE_CONFLICT
        self.owner[frame.tap] = frame
        if frame.tap in self.buried:
            return codes.VOIDED
        return codes.HELD if self.plan[frame.tap].on_hold else codes.APPROVED

    def _void(self, frame: Frame) -> int:
        if frame.tap in self.contested:
            return codes.TRACE_CONFLICT
        if frame.tap in self.undone:
            return codes.NOTHING_LEFT
        self.undone.add(frame.tap)
        if frame.tap not in self.owner:
            self.buried.add(frame.tap)
        return codes.APPROVED

    def verdict(self, place: int, posts: bool) -> bool:
        """Whether HQ may say so now."""
        owner = self.owner.get(place)
        if (owner is None or self.answered[owner] != codes.HELD or place in self.undone
                or place in self.verdicts):
            return False
        self.verdicts[place] = posts
        return True

    def balances(self) -> list[int]:
        found = [0] * CARDS
        for place, owner in self.owner.items():
            tap = self.plan[place]
            live = place not in self.undone and (
                self.answered[owner] == codes.APPROVED or self.verdicts.get(place, False))
            found[tap.card] += points_of(tap, owner.kind) if live else 0
        return found


def points_of(tap: Tap, kind: str) -> int:
    return tap.points + (100 if kind == "rival" else 0)


class Play:
    """The plan on a real database, beside the model."""

    def __init__(self, engine, plan: list[Tap]) -> None:
        self.street = Street(engine, terminals=TERMINALS, members=CARDS, tier="basic")
        self.intakes = [self.street.intake, self.street.new_intake()]
        self.model = Model(plan)
        self.frames = frames_of(plan)
        self.bytes = {frame: self._seal(plan[frame.tap], frame) for frame in self.frames}
        self.replies: dict[Frame, bytes | None] = {}

    def _seal(self, tap: Tap, frame: Frame) -> bytes:
        if frame.kind == "void":
            return self.street.void(frame.names, terminal=frame.terminal, trace=frame.trace)
        operator = OPERATOR_NOBODY_KNOWS if tap.on_hold else None
        return self.street.sale(points_of(tap, frame.kind) * 100 + 1, terminal=frame.terminal,
                                card=tap.card, trace=frame.trace, operator=operator)

    def send(self, batch: list[Frame], intake: Intake) -> None:
        self.street.later(minutes=1)
        self.model.begin(batch)
        answers = self.street.answers(*(self.bytes[frame] for frame in batch), intake=intake)
        for frame, answer in zip(batch, answers, strict=True):
            assert answer.code == self.model.code(frame), frame
            assert answer.reply == self.replies.setdefault(frame, answer.reply), frame

    def say(self, place: int, posts: bool, intake: Intake) -> None:
        sale = next(frame for frame in self.frames if frame.tap == place)
        key = HeldKey(self.street.terminals[sale.terminal], JOURNAL, sale.trace)
        allowed = self.model.verdict(place, posts)
        try:
            (held.post if posts else held.refuse)(intake, key, "Lin", "why")
        except HeldError:
            assert not allowed, key
        else:
            assert allowed, key

    def check(self) -> None:
        found = self.street.rows("members", "available, debt, held", "1=1 ORDER BY id")
        assert found == [(points, 0, 0) for points in self.model.balances()]


@st.composite
def programs(draw) -> tuple[list[Tap], list]:
    """A plan, and steps: frames in batches and verdicts, in any order, with repeats."""
    plan = draw(taps)
    count = len(frames_of(plan))
    batch = st.tuples(st.just("send"), st.lists(st.integers(0, count - 1), min_size=1,
                                                max_size=4), st.integers(0, 1))
    word = st.tuples(st.sampled_from(("post", "refuse")), st.integers(0, len(plan) - 1),
                     st.integers(0, 1))
    return plan, draw(st.lists(st.one_of(batch, batch, word), max_size=12))


def play(engine, plan: list[Tap], steps: list) -> None:
    """Every step, then all frames once more, then HQ's word on all that waits."""
    one = Play(engine, plan)
    for what, named, intake in steps:
        if what == "send":
            one.send([one.frames[place] for place in named], one.intakes[intake])
        else:
            one.say(named, what == "post", one.intakes[intake])
    one.check()
    one.send(one.frames, one.intakes[1])
    for place in range(len(plan)):
        one.say(place, True, one.intakes[0])
    one.send(one.frames[::-1], one.intakes[0])
    one.check()
    assert [row[0] for row in one.street.rows("quarantine")] == []
    assert run_audit(engine, one.street.keyring, rebuild=True,
                     clock=lambda: one.street.now).findings == ()


@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
def test_any_order_of_sales_voids_replays_and_verdicts_is_what_the_model_says(kind):
    @settings(max_examples=EXAMPLES[kind], deadline=None, derandomize=True, database=None,
              suppress_health_check=[HealthCheck.too_slow])
    @given(programs())
    def run(program):
        plan, steps = program
        note(f"plan {plan}")
        note(f"steps {steps}")
        with fresh_engine(kind) as engine:
            play(engine, plan, steps)

    run()


@pytest.mark.parametrize("kind", [SQLITE, POSTGRESQL])
def test_the_end_is_the_same_in_whatever_order_the_frames_came(kind):
    """Without rivals nothing depends on who came first: the points are those of the plan."""
    @settings(max_examples=EXAMPLES[kind] // 2, deadline=None, derandomize=True, database=None,
              suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def run(data):
        plan = [tap._replace(rival=False) for tap in data.draw(taps)]
        order = data.draw(st.permutations(range(len(frames_of(plan)))))
        with fresh_engine(kind) as engine:
            play(engine, plan, [("send", [place], place % 2) for place in order])
            found = [row[0] for row in _balances(engine)]
        assert found == [sum(tap.points for tap in plan if tap.card == card and not tap.voids)
                         for card in range(CARDS)]

    run()


def _balances(engine) -> list[tuple]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT available FROM members ORDER BY id"))
