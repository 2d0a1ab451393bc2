"""Whole lives of members, message by message and in batches, against a model of every point.

Everything that moves points is drawn: what cashiers send (tests/support/story_tills.py), what they
take back (story_returns.py) and what HQ does (story_desk.py), its word on held returns included.
After each batch every figure is held against the model's and against the others; now and then, and
in the end, the whole audit is made, and in the end every merchant's statement is worked out again
from frames by the recount (story_books.py).

Short stories are drawn and shrunk by Hypothesis, which prints the steps and tries them first the
next time (`.hypothesis/`). Long walks are drawn from a seed, and one that fails says how to take
it again: `POINTWIRE_WALK="postgresql 7 250 freezes" pytest tests/gateway/test_points_story.py -k
taken_again -n 0` (database, seed, steps, then `freezes` and `rolls` where it had them).
`make test-long` takes more and longer ones: POINTWIRE_STORIES and POINTWIRE_STEPS, POINTWIRE_WALKS
and POINTWIRE_WALK_STEPS say how many.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.databases import KINDS
from tests.support.story import MEMBERS, TILLS
from tests.support.story_desk import Desk
from tests.support.street import NOON

STORIES = int(os.environ.get("POINTWIRE_STORIES", "8"))
STEPS = int(os.environ.get("POINTWIRE_STEPS", "25"))
WALKS = int(os.environ.get("POINTWIRE_WALKS", "4"))
WALK_STEPS = int(os.environ.get("POINTWIRE_WALK_STEPS", "150"))
AGAIN = os.environ.get("POINTWIRE_WALK", "")

GIVINGS, BEARERS = [1, 20, 300, -1, -20, -300], [0, 0, 1, 2]

Draw = Callable[[Random], tuple[Any, ...]]


def till(random: Random) -> int:
    return random.randrange(len(TILLS))


def which(random: Random) -> int:
    return random.randrange(5)


def member(random: Random) -> int:
    return random.randrange(MEMBERS)


# how often a walk takes a step, and what it says with it
WALK: dict[str, tuple[int, Draw]] = {
    "sale": (10, lambda r: (member(r), r.randrange(50, 2500), till(r), r.choice([0, 0, 1, 2]))),
    "walk_in": (2, lambda r: (r.randrange(50, 2500), till(r))),
    "sale_that_is_held": (3, lambda r: (member(r), r.randrange(50, 2500), till(r))),
    "hq_has_its_word_on_a_held_sale": (4, lambda r: (which(r), r.random() < 0.8)),
    "batch_close": (2, lambda r: (till(r), r.random() < 0.2, r.choice([0, 0, 1]))),
    "redemption": (12, lambda r: (member(r), r.choice([10, 30, 50, 80, 100, 110]),
                                  r.randrange(-20, 900), till(r))),
    "refund": (12, lambda r: (which(r), r.choice([5, 30, 50, 70, 100]), till(r),
                              r.randrange(3))),
    "sale_that_comes_late": (2, lambda r: (member(r), r.randrange(50, 2500), till(r),
                                           r.choice([1, 8, 30, 60]))),
    "void_that_comes_before_its_sale": (1, lambda r: (member(r), r.randrange(50, 2500),
                                                      till(r))),
    "void": (4, lambda r: (which(r), till(r), r.randrange(3))),
    "void_of_a_refund": (10, lambda r: (which(r), till(r))),
    "days_pass": (4, lambda r: (r.choice([1, 5, 31, 70]),)),
    "rates_change": (2, lambda r: (r.randrange(1, 3), r.randrange(12001), r.randrange(12001))),
    "the_job_runs": (2, lambda r: (r.randrange(1, 4),)),
    "a_frame_comes_again": (2, lambda r: (which(r),)),
    "what_waits_is_sent": (4, lambda r: ()),
    "hq_gives_or_takes": (2, lambda r: (member(r), r.choice(GIVINGS), r.choice(BEARERS),
                                        r.random() < 0.5)),
    "hq_corrects_a_bill": (1, lambda r: (which(r), r.choice(GIVINGS), r.choice(BEARERS))),
    "hq_takes_an_adjustment_back": (2, lambda r: (which(r), r.choice(BEARERS),
                                                  r.choice([0, 0, -1, 1, 2]))),
    "hq_writes_debt_off": (2, lambda r: (member(r), r.choice([0, 0, 30, 100, 120]))),
    "hq_extends_a_lot": (2, lambda r: (member(r), r.randrange(12),
                                       r.choice([-1, 0, 1, 10, 70, 200]))),
    "hq_ends_what_is_frozen": (3, lambda r: (member(r), r.randrange(12), r.random() < 0.5)),
    "hq_ends_what_a_return_holds": (6, lambda r: (which(r), r.random() < 0.6)),
    "hq_has_returns_held_or_not": (1, lambda r: ()),
    "hq_refunds": (2, lambda r: (which(r), r.choice([0, 5, 30, 50, 100, 120]),
                                 r.choice(BEARERS))),
}


def walk(kind: str, seed: int, steps: int, *traits: str) -> None:
    """One long life, drawn from a seed: deeper than stories that are kept short to be shrunk. In
    every other one points lapse soon, also those that came back; in every other two returns begin
    with holding what they claim."""
    random = Random(" ".join((str(seed), *traits)))
    short = {"months": 1, "grace_days": 2} if seed % 2 else {}
    named = {"kind": kind, "holds": bool(seed & 2), **short, **dict.fromkeys(traits, True)}
    story: Any = type("Walk", (Desk,), named)()
    weights = [weight for weight, _ in WALK.values()]
    step, name, drawn = 0, "", ()
    try:
        while step < steps:
            step += 1
            name, = random.choices(list(WALK), weights)
            drawn = WALK[name][1](random)
            getattr(story, name).hypothesis_stateful_rule.function(story, *drawn)
            story.the_books_say_what_the_model_says()
        name, drawn = "teardown", ()
        story.teardown()
    except BaseException as fault:
        again = " ".join((kind, str(seed), str(steps), *traits))
        fault.add_note(f"Step {step}, {name}{drawn}. Take the walk again: POINTWIRE_WALK={again!r}"
                       " pytest -n 0 tests/gateway/test_points_story.py -k taken_again")
        if name != "teardown":
            story.close()
        raise


@pytest.mark.parametrize("kind", KINDS)
def test_every_story_ends_as_the_model_says(kind: str):
    assert datetime(2026, 11, 21, 4, tzinfo=UTC) == NOON
    machine = type("Drawn", (Desk,), {"kind": kind})
    run_state_machine_as_test(machine, settings=settings(
        max_examples=STORIES, stateful_step_count=STEPS, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much,
                               HealthCheck.data_too_large]))


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_life_is_as_the_model_says(kind: str, seed: int):
    walk(kind, seed, WALK_STEPS)


@pytest.mark.parametrize("traits", [("freezes",), ("rolls",), ("freezes", "rolls")],
                         ids=" ".join)
@pytest.mark.parametrize("seed", range(max(WALKS // 2, 1)))
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_life_of_points_that_are_frozen_or_carried_on(kind: str, seed: int,
                                                             traits: tuple[str, ...]):  # K1, K2
    walk(kind, seed, WALK_STEPS, *traits)


if AGAIN:
    def test_the_walk_that_failed_is_taken_again():
        kind, seed, steps, *traits = AGAIN.split()
        walk(kind, int(seed), int(steps), *traits)
