"""The heap: MemoryError comes at the drawn call of one event, and nowhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator.heap import LINK, PANEL, Heap
from tests.simulator.test_handset import CARD, Counter


@pytest.fixture
def heap():
    made = Heap()
    yield made
    made.disarm()


@contextmanager
def opened() -> Iterator[Counter]:
    counter = Counter()
    try:
        counter.wait(5)
        yield counter
    finally:
        counter.close()


def sell(heap: Heap, calls: int, counter: Counter) -> None:
    counter.handset.before_card = lambda: heap.arm(PANEL, calls)
    counter.handset.sale(1250, CARD)
    counter.wait(60)


def test_it_runs_out_within_the_tap_and_the_next_tap_goes_through(heap: Heap):
    with opened() as counter:
        sell(heap, 20, counter)
        assert heap.exhausted == 1 and counter.handset.deaths == 0 and counter.handset.taps == {}
        counter.handset.before_card = lambda: None
        counter.handset.sale(990, CARD)
        counter.wait(60)
        assert [tap.amount_minor for tap in counter.handset.taps.values()] == [990]
        assert counter.handset.waiting == 0


def test_wherever_it_runs_out_no_tap_is_lost_or_made_twice(heap: Heap):
    fired = 0
    for calls in range(1, 400, 7):
        before = heap.exhausted
        with opened() as counter:
            sell(heap, calls, counter)
            posted = sorted(counter.toy.posted)
            assert [key for key in counter.handset.taps if (1, *key) not in posted] == [], calls
            assert len(posted) <= 1 and counter.handset.waiting == 0, calls
        fired += heap.exhausted - before
    assert fired > 10


def test_on_the_way_down_the_answer_comes_again(heap: Heap):
    with opened() as counter:
        counter.handset.sale(1250, CARD)
        heap.arm(LINK, 10)
        counter.wait(600)
        assert heap.exhausted == 1 and counter.handset.waiting == 0


def test_it_says_whose_it_was(heap: Heap):
    with opened() as counter:
        told: list[bool] = []
        heap.on_exhausted = lambda whose: told.append(counter.handset.runs(whose))
        sell(heap, 20, counter)
        counter.handset.before_card = lambda: None
        counter.handset.sale(990, CARD)
        heap.arm(LINK, 10)
        counter.wait(600)
        assert told == [True, True] and not counter.handset.runs(heap)


def test_more_calls_than_there_are_leave_the_program_alone(heap: Heap):
    trace = sys.gettrace()
    with opened() as counter:
        sell(heap, 1_000_000, counter)
        assert heap.exhausted == 0 and not heap.armed and counter.handset.waiting == 0
    assert sys.gettrace() is trace
