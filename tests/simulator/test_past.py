"""A ring with a past: in use, nothing waiting, and not shared between those who copy it."""

from random import Random

from firmware.outbox import Outbox
from simulator.past import used


def test_the_taps_of_before_are_settled_and_the_next_one_is_counted_on():
    outbox = Outbox(used(9, 30, 7, 1, b"k" * 32).copy(Random(1)))
    outbox.mount()
    assert (outbox.journal, outbox.last_trace, outbox.unsettled) == (1, 30, 0)


def test_who_writes_on_a_copy_leaves_the_next_copy_alone():
    first = Outbox(used(9, 3, 7, 1, b"k" * 32).copy(Random(1)))
    first.mount()
    first.append(4, b"frame")
    second = Outbox(used(9, 3, 7, 1, b"k" * 32).copy(Random(1)))
    second.mount()
    assert (second.last_trace, second.unsettled) == (3, 0)
