"""Lots and draws: what was spent, expired and refunded, in whatever order it came."""

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.holding import Holding
from gateway.lots import NOWHERE, Draw, Lot, LotsError, Move
from gateway.member import drawn_as_told
from tests.gateway.test_member import NEW

MEMBER, SHOP, SALES = 1, 7, 1
TODAY = 20_000


class Shelf:
    """A member's lots and draws, kept from one movement to the next as the database would."""

    def __init__(self, grace_days: int = 30) -> None:
        self.lots: dict[int, Lot] = {}
        self.draws: tuple[Draw, ...] = ()
        self.today = TODAY
        self.grace_days = grace_days
        self.taker = 100
        self.moved: tuple[Move, ...] = ()

    def __enter__(self) -> Holding:
        self.holding = Holding(self.lots.values(), self.draws, self.today,
                               grace_days=self.grace_days)
        self.holding.expire()
        return self.holding

    def __exit__(self, error: type | None, *_: object) -> None:
        if error:
            return
        after, numbers = self.holding, {}
        ended = after.ended()
        lots = ended.lots
        for lot_id in ended.opened:
            numbers[lot_id] = max([0, *self.lots, *numbers.values()]) + 1
        named = {lot_id: numbers.get(lot_id, lot_id) for lot_id in lots}
        before = self.lots
        self.lots = {named[lot.id]: lot._replace(id=named[lot.id])
                     for lot in lots.values()}
        self.draws = tuple(draw._replace(lot_id=named.get(draw.lot_id, NOWHERE))
                           for draw in after.draws)
        self.moved = tuple(move._replace(lot_id=named.get(move.lot_id, NOWHERE))
                           for move in after.moved)
        sound(self, after)
        adds_up(before, self)

    # what a shop does; days and points
    def sale(self, points: int, days: int = 365) -> int:
        with self as holding:
            holding.issue(MEMBER, (SHOP, self.today, self.today + days, SALES), points)
        given = dict.fromkeys(self.lots, 0)
        for move in self.moved:
            if move.lot_id != NOWHERE:
                given[move.lot_id] += sum(move[1:5])
        return next(lot_id for lot_id, each in given.items() if each > 0)

    def spend(self, points: int) -> int:
        self.taker += 1
        with self as holding:
            holding.take(self.taker, points)
        return self.taker

    def refund(self, lot_id: int, points: int) -> tuple[int, int]:
        with self as holding:
            holding.take_back(lot_id, points)
        return lot_id, points

    def give_back(self, taker: int, points: int) -> None:
        with self as holding:
            holding.give_back(taker, points)

    def later(self, days: int) -> None:
        self.today += days
        with self:
            pass

    @property
    def balance(self) -> tuple[int, int]:
        """(available, debt)"""
        return (sum(lot.remaining for lot in self.lots.values()),
                sum(draw.points for draw in self.draws if draw.lot_id == NOWHERE))


def sound(shelf: Shelf, after: Holding) -> None:
    for lot in shelf.lots.values():
        assert min(lot.issued, lot.remaining, lot.held, lot.expired, lot.drawn, lot.paid) >= 0
        mine = [draw for draw in shelf.draws if draw.lot_id == lot.id]
        assert sum(draw.points for draw in mine if draw.held) == lot.held
        assert sum(draw.points for draw in mine if not draw.held) == lot.drawn
        assert not lot.remaining or lot.expires_on >= shelf.today
    assert all(draw.points >= draw.instead >= 0 <= draw.away for draw in shelf.draws)
    for taker in {draw.taker for draw in shelf.draws}:
        mine = [draw for draw in shelf.draws if draw.taker == taker]
        assert sum(draw.away for draw in mine) == sum(draw.instead for draw in mine)
    assert not (after.debt and after.available)
    assert drawn_as_told(NEW._replace(debt=after.debt, lots=tuple(shelf.lots.values()),
                                      draws=shelf.draws))


def adds_up(before: dict[int, Lot], shelf: Shelf) -> None:
    """What is told as moved is what moved."""
    for lot in shelf.lots.values():
        was = before.get(lot.id)
        mine = [move for move in shelf.moved if move.lot_id == lot.id]
        for name, figure in (("delta", "remaining"), ("held_delta", "held"),
                             ("drawn_delta", "drawn"), ("expired_delta", "expired"),
                             ("paid_delta", "paid")):
            change = getattr(lot, figure) - (getattr(was, figure) if was else 0)
            assert sum(getattr(move, name) for move in mine) == change


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


# -- one thing at a time -----------------------------------------------------------------------


def test_what_ends_first_is_spent_first(shelf: Shelf):
    late, soon = shelf.sale(10, 300), shelf.sale(10, 100)
    shelf.spend(12)
    assert [shelf.lots[each].remaining for each in (soon, late)] == [0, 8]


def test_a_lot_can_be_used_through_its_last_day(shelf: Shelf):
    lot = shelf.sale(10, 5)
    shelf.later(5)
    assert shelf.balance == (10, 0)
    shelf.later(1)
    assert shelf.balance == (0, 0) and shelf.lots[lot].expired == 10


def test_points_of_one_day_issuer_and_end_are_one_lot(shelf: Shelf):
    assert shelf.sale(10) == shelf.sale(5) != shelf.sale(5, 30)


def test_a_refund_takes_what_remains_then_what_expired_then_what_was_spent(shelf: Shelf):
    lot = shelf.sale(10, 5)
    shelf.spend(4)
    shelf.sale(20)
    shelf.refund(lot, 2)
    assert shelf.lots[lot].remaining == 4 and shelf.balance == (24, 0)
    shelf.later(6)
    assert shelf.lots[lot].expired == 4
    shelf.refund(lot, 4)  # the member pays nothing for what is gone anyway
    assert shelf.balance == (20, 0)
    shelf.refund(lot, 4)  # spent: it is drawn again from the other lot
    assert shelf.balance == (16, 0) and shelf.lots[lot].issued == 0


def test_what_cannot_be_drawn_again_is_debt_and_the_next_points_pay_it(shelf: Shelf):
    lot = shelf.sale(10)
    shelf.spend(10)
    shelf.refund(lot, 10)
    assert shelf.balance == (0, 10)
    shelf.sale(4, 30)
    assert shelf.balance == (0, 6)
    shelf.sale(9, 60)
    assert shelf.balance == (3, 0)


def test_the_oldest_debt_is_covered_first(shelf: Shelf):
    older, newer = shelf.spend(30), shelf.spend(30)
    shelf.sale(40)
    owed = {draw.taker: draw.points for draw in shelf.draws if draw.lot_id == NOWHERE}
    assert older < newer and owed == {newer: 20}


def test_giving_back_ends_debt_then_fills_what_lives(shelf: Shelf):
    lot, other = shelf.sale(10, 50), shelf.sale(5, 80)
    taker = shelf.spend(15)
    shelf.refund(lot, 10)
    assert shelf.balance == (0, 10)
    shelf.give_back(taker, 12)
    assert shelf.balance == (2, 0) and shelf.lots[other].remaining == 2
    assert shelf.lots[lot].issued == 0


def test_spent_points_come_back_to_a_lot_that_stands_in_for_an_ended_one_once(shelf: Shelf):
    lot = shelf.sale(10, 5)
    first, second = shelf.spend(6), shelf.spend(4)
    shelf.later(40)
    shelf.give_back(first, 6)
    stand_in = next(each for each in shelf.lots.values() if each.replaces == lot)
    assert stand_in.expires_on == shelf.today + 30 and shelf.balance == (6, 0)
    shelf.later(10)
    shelf.give_back(second, 1)
    assert shelf.balance == (7, 0)
    shelf.later(21)
    assert shelf.balance == (0, 0)
    shelf.give_back(second, 3)  # granted once
    assert shelf.balance == (0, 0) and len(shelf.lots) == 2


def test_a_refunded_lot_never_regains_points(shelf: Shelf):
    lot = shelf.sale(10)
    taker = shelf.spend(10)
    shelf.refund(lot, 10)
    shelf.give_back(taker, 10)
    assert shelf.balance == (0, 0) and shelf.lots[lot].issued == 0


def test_held_points_do_not_expire_and_are_not_available(shelf: Shelf):
    lot = shelf.sale(10, 5)
    with shelf as holding:
        holding.hold(50, 6)
    assert shelf.balance == (4, 0) and shelf.lots[lot].held == 6
    shelf.later(40)
    assert shelf.lots[lot].held == 6 and shelf.lots[lot].expired == 4
    shelf.give_back(50, 6)
    assert shelf.balance == (6, 0)  # in a lot that stands in, as for spent points


def test_a_hold_shrinks_when_what_it_holds_is_taken_back(shelf: Shelf):
    lot = shelf.sale(10)
    with shelf as holding:
        holding.hold(50, 6)
    shelf.refund(lot, 7)
    assert shelf.balance == (0, 0) and shelf.lots[lot].held == 3


@pytest.mark.parametrize("wrong", [
    lambda holding, lot: holding.hold(50, 11),
    lambda holding, lot: holding.give_back(50, 1),
    lambda holding, lot: holding.take_back(lot, 11),
])
def test_more_than_there_is_is_refused_and_changes_nothing(shelf: Shelf, wrong):
    lot = shelf.sale(10)
    with pytest.raises(LotsError, match=r"Nothing was changed\."), shelf as holding:
        wrong(holding, lot)
    assert not holding.moved


# -- any order -----------------------------------------------------------------------------------


class Story(NamedTuple):
    """What a member did, and days after which some of it is taken back."""

    sales: tuple[tuple[int, int, int], ...]  # points, days of validity, days since the one before
    spends: tuple[tuple[int, int], ...]      # behind which sale, points in percent of the balance
    days: int


stories = st.builds(
    Story,
    st.lists(st.tuples(st.integers(1, 20), st.sampled_from([20, 60, 400]),
                       st.sampled_from([0, 5, 40])), min_size=1, max_size=5).map(tuple),
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 100)), max_size=4).map(tuple),
    st.sampled_from([0, 30, 100, 500]))


def lived(story: Story) -> tuple[Shelf, list[tuple[int, int]], list[tuple[int, int]]]:
    """The shelf, (lot, points) of its sales, (taker, points) of what was spent."""
    shelf, sales, spent = Shelf(), [], []
    for number, (points, days, since) in enumerate(story.sales):
        shelf.later(since)
        sales.append((shelf.sale(points, days), points))
        for behind, percent in story.spends:
            wanted = shelf.balance[0] * percent // 100
            if behind == number and wanted:
                spent.append((shelf.spend(wanted), wanted))
    shelf.later(story.days)
    return shelf, sales, spent


def reversals(story: Story, parts: Random) -> list[tuple[str, int, int]]:
    """Whole and partial reversals of the story, some of them undone again."""
    _, sales, spent = lived(story)
    made = []
    for lot_id, points in sales:
        taken = parts.randint(0, points)
        made.append(("refund", lot_id, taken))
        if points - taken and parts.random() < 0.5:
            made.append(("undone", lot_id, parts.randint(1, points - taken)))
    made += [("give back", taker, parts.randint(0, points)) for taker, points in spent]
    return [each for each in made if each[2]]


def after(story: Story, made: list[tuple[str, int, int]], order: Random) -> tuple[int, int]:
    """The balance when these reversals come in this order, some in two parts."""
    shelf, _, _ = lived(story)
    waiting = []
    for kind, subject, points in made:
        first = order.randint(0, points)
        waiting += [(kind, subject, part) for part in (first, points - first) if part]
    order.shuffle(waiting)
    undoing = []
    while waiting or undoing:
        if undoing and (not waiting or order.random() < 0.4):
            with shelf as holding:
                holding.restore(*undoing.pop(order.randrange(len(undoing))))
            continue
        kind, subject, points = waiting.pop()
        if kind == "give back":
            shelf.give_back(subject, points)
            continue
        done = shelf.refund(subject, points)
        if kind == "undone":
            undoing.append(done)
    return shelf.balance


@settings(max_examples=300, deadline=None)
@given(stories, st.integers(0, 2**32))
def test_any_order_and_any_split_of_reversals_gives_the_same_balance_and_debt(
        story: Story, seed: int):
    made = reversals(story, Random(seed))
    ends = {after(story, made, Random(seed + each)) for each in range(8)}
    assert len(ends) == 1


@settings(max_examples=200, deadline=None)
@given(stories, st.integers(0, 2**32))
def test_what_is_taken_back_whole_leaves_what_never_was(story: Story, seed: int):
    story = story._replace(days=0, sales=tuple((points, 400, since)
                                               for points, _, since in story.sales))
    _, sales, spent = lived(story)
    whole = [("refund", *each) for each in sales] + [("give back", *each) for each in spent]
    assert after(story, whole, Random(seed)) == (0, 0)


@pytest.mark.parametrize("refund_first", [True, False])
def test_buy_refund_keep_the_points_repeat_leaves_nothing(shelf: Shelf, refund_first: bool):  # Q1
    for _ in range(5):
        lot = shelf.sale(10)
        taker = shelf.spend(10)
        if refund_first:
            shelf.refund(lot, 10)
        shelf.give_back(taker, 10)
        if not refund_first:
            shelf.refund(lot, 10)
    assert shelf.balance == (0, 0)


# -- days of it -----------------------------------------------------------------------------------


class Day(NamedTuple):
    """`days` since the one before: sales (points, days of validity), spends (percent of the
    balance), then reversals (kind, which, percent), in any order and split."""

    days: int
    sales: tuple[tuple[int, int], ...]
    spends: tuple[int, ...]
    reversals: tuple[tuple[str, int, int], ...]


life = st.lists(st.builds(
    Day, st.sampled_from([0, 1, 5, 25, 40]),
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from([5, 20, 30, 60, 400])),
             max_size=2).map(tuple),
    st.lists(st.integers(1, 100), max_size=2).map(tuple),
    st.lists(st.tuples(st.sampled_from(["refund", "give back", "restore", "take again"]),
                       st.integers(0, 5), st.integers(1, 100)), max_size=4).map(tuple)),
    min_size=2, max_size=6).map(tuple)


class Living:
    """A life told once: what is reversed follows from the story, not from the order of telling.
    Once a taker takes again what it gave back, only that day's balance is told: it takes what ends
    first then, which depends on what else was given back before."""

    def __init__(self, days: tuple[Day, ...], grace_days: int, order: Random) -> None:
        self.shelf = Shelf(grace_days)
        self.order = order
        self.given: dict[int, list[int]] = {}  # by lot: what stands, what was refunded
        self.taken: dict[int, list[int]] = {}
        self.ends: list[object] = []
        self.told: list[tuple[str, int, int]] = []
        for day in days:
            self._live(day)
            if any(kind == "take again" for kind, _, _ in self.told):
                return
        for later in (0, 1, 3, 20, 40):
            self.shelf.later(later)
            self.ends.append(self.shelf.balance)

    def _live(self, day: Day) -> None:
        shelf = self.shelf
        shelf.later(day.days)
        for points, valid in day.sales:
            self.given.setdefault(shelf.sale(points, valid), [0, 0])[0] += points
        for percent in day.spends:
            available, debt = shelf.balance
            points = available * percent // 100
            if points and not debt:
                self.taken[shelf.spend(points)] = [points, 0]
        parts = []
        touched = set()  # what is taken back and put back on one day has an order of its own
        for kind, which, percent in day.reversals:
            made = self.given if kind in ("refund", "restore") else self.taken
            subject = sorted(made)[which % len(made)] if made else 0
            stands = 0 if kind in ("refund", "give back") else 1
            points = made[subject][stands] * percent // 100 if made else 0
            if points and (made is self.given, subject) not in touched:
                touched.add((made is self.given, subject))
                made[subject][stands] -= points
                made[subject][1 - stands] += points
                first = self.order.randint(0, points)
                parts += [(kind, subject, part) for part in (first, points - first) if part]
        self.order.shuffle(parts)
        for kind, subject, points in parts:
            with shelf as holding:
                {"refund": holding.take_back, "restore": holding.restore,
                 "give back": holding.give_back, "take again": holding.take_again}[kind](
                     subject, points)
        self.told = parts
        self.ends.append(shelf.balance)
        if not any(kind == "take again" for kind, _, _ in parts):
            self.ends.append(sorted((lot.expires_on, lot.remaining)
                                    for lot in shelf.lots.values() if lot.remaining))


@settings(max_examples=300, deadline=None)
@given(life, st.sampled_from([0, 2, 30]), st.integers(0, 2**32))
def test_reversals_of_a_day_end_alike_in_any_order_now_and_later(
        days: tuple[Day, ...], grace_days: int, seed: int):
    ends = [Living(days, grace_days, Random(seed + each)).ends for each in range(4)]
    assert all(each == ends[0] for each in ends)


@pytest.mark.parametrize("refund_first", [True, False])
def test_what_lapsed_before_is_taken_before_the_member_pays(refund_first: bool):
    shelf = Shelf(grace_days=2)
    lot = shelf.sale(3, 30)
    takers = [shelf.spend(1) for _ in range(3)]
    shelf.later(35)
    shelf.give_back(takers[0], 1)
    shelf.later(5)  # what stood in for the lot has ended, too
    shelf.sale(10)
    todo = [lambda: shelf.refund(lot, 2), lambda: shelf.give_back(takers[1], 1)]
    for each in todo if refund_first else reversed(todo):
        each()
    assert shelf.balance == (10, 0)


def held_sale(shelf: Shelf) -> tuple[int, int, int]:
    """A lot of 50 that ends sooner, one of 100, and a taker that holds 30 of the latter."""
    sooner, sold = shelf.sale(50, 100), shelf.sale(100, 200)
    with shelf as holding:
        holding.hold(900, 30, first=sold)
    return sooner, sold, 900


def test_a_hold_takes_of_the_lot_it_is_for_before_what_ends_sooner(shelf: Shelf):  # J12
    sooner, sold, _ = held_sale(shelf)
    assert (shelf.lots[sooner].held, shelf.lots[sold].held) == (0, 30)


@pytest.mark.parametrize("days", [0, 201])
def test_what_is_held_is_taken_even_where_its_lot_has_ended(shelf: Shelf, days: int):
    _, sold, taker = held_sale(shelf)
    shelf.today += days
    with shelf as holding:
        before = holding.available
        holding.take_held(taker, sold, 30)
        assert (holding.available, holding.held, holding.debt) == (before, 0, 0)
    assert shelf.lots[sold].expired == (70 if days else 0)


def test_what_is_held_of_other_lots_comes_back_and_pays_as_everything_does(shelf: Shelf):
    sooner, sold = shelf.sale(50, 100), shelf.sale(100, 90)
    with shelf as holding:
        holding.take(800, 100)  # all of what was sold
    with shelf as holding:
        holding.hold(900, 50, first=sold)
    with shelf as holding:
        holding.take_held(900, sold, 60)
        assert (holding.available, holding.held, holding.debt) == (0, 0, 10)
    assert shelf.lots[sooner].drawn == 50
