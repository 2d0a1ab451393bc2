"""A power cut at every flash operation of a life loses nothing that was promised.

The life has taps, voids, answers, raised traces, new journals, tidying and restarts, on a ring so
small that it wraps and carries unsettled taps along. The model in outbox_life.py knows only what
the caller was told. A failure prints the case and the command that replays it.
"""

import os
import random

import pytest

from firmware.outbox import Outbox, OutboxUnreadable
from simulator.flash import MODES
from tests.firmware import outbox_life as life

TAPS = 40
LONG_SEED, LONG_TAPS, PARTS = 7, 1000, 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cut_at_every_operation_loses_nothing_and_repeats_no_trace(seed):
    assert life.cut_everywhere(seed, TAPS, MODES) >= 500


@pytest.mark.parametrize(("seed", "torn"), [(3, "all"), (3, "mixed")])
def test_a_second_cut_at_every_operation_of_the_recovery_loses_nothing(seed, torn):
    assert life.cut_twice(seed, TAPS, torn) >= 800


def test_the_lives_wrap_reclaim_and_restart():
    found, lived = life.moments(2, TAPS)
    ring = lived.outbox._ring
    opened = sum(each.operation[0] == "program" and each.operation[2] == 0 for each in found)
    assert opened > ring.blocks and lived.refused + lived.taps > TAPS // 2
    copied = [record for _ in ring.walk(ring.tail, 1) if (record := ring.record).source]
    assert copied, "no unsettled tap was carried along"


@pytest.mark.parametrize("part", range(PARTS))
def test_a_cut_at_every_operation_of_a_thousand_taps_loses_nothing(part):
    found, lived = life.moments(LONG_SEED, LONG_TAPS)
    ring = lived.outbox._ring
    assert len(found) >= 5000 and ring.sequence > 10 * ring.blocks and lived.refused
    assert any(ring.record.source for _ in ring.walk(ring.tail, 1)), "no tap was carried along"
    for number in range(part, len(found), PARTS):
        life.try_cut(found, LONG_SEED, number, MODES[number % len(MODES)])


def test_a_storm_of_cuts_loses_nothing():
    chosen = os.environ.get("POINTWIRE_STORM")
    seeds = [int(chosen)] if chosen else range(1, 9)
    storms = [life.storm(seed, 100) for seed in seeds]
    # most cuts fall into the mount; where chance has it, a fifth of the boots get through
    if not chosen:
        assert sum(mounted for _, mounted in storms) > 20 * len(seeds)
        assert all(lived.taps > 20 for lived, _ in storms)


def test_replay_of_one_case():
    case = os.environ.get("POINTWIRE_CUT", "2:57:bits:3")
    life.replay(case, LONG_TAPS if case.startswith(f"{LONG_SEED}:") else TAPS)


def test_one_flipped_bit_is_named_or_harmless_and_takes_no_tap_with_it():
    """Only in the newest record is damage taken for a torn one: nothing tells them apart."""
    dice = random.Random(5)
    outcomes = {"fine": 0, "named": 0, "newest": 0}
    for seed in range(1, 13):
        _, lived = life.moments(seed, TAPS)
        for _ in range(30):
            device = lived.device.copy()
            content = device._content[dice.choice(list(device._content))]
            at, bit = dice.randrange(4096), 1 << dice.randrange(8)
            content[at] ^= bit
            outcomes[_after_damage(device, lived, content, at, bit)] += 1
    assert outcomes["fine"] > 50 and outcomes["named"] > 50 and outcomes["newest"] < 30, outcomes


def _after_damage(device, lived, content, at, bit):
    outbox, model = Outbox(device), lived.model.copy()
    try:
        outbox.mount()
    except OutboxUnreadable as error:
        assert error.reason in ("corrupt", "wrong_size", "newer_version")
        content[at] ^= bit  # nothing was erased: with the bit put right all is there again
        outbox = Outbox(device)
        outbox.mount()
        model.check(outbox)
        return "named"
    missing = [key for key in model.waiting() if not outbox.waits(*key)]
    if missing:
        assert missing == [model.newest]
        return "newest"
    for key in model.waiting():
        assert outbox.frame(*key) == model.frames[key]
    return "fine"
