"""The proof proves itself: each planted mistake is found within so many seeds.

Replay one: python -m tools.prove.planting "free on PUBACK"
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.prove.bugs import BUGS, SEEDS

HANG_S = 240
README = Path(__file__).parents[1] / "README.md"
BOOSTED = "tap refused ever after"


def planted(name, *options):
    run = [sys.executable, "-m", "tools.prove.planting", name, "--json", *options]
    return subprocess.run(run, capture_output=True, text=True, timeout=HANG_S, check=False)


PROMISED = (
    "free on PUBACK", "acknowledge before commit", "trace reused after a cut",
    "trace restarted after the ring lapped", "tail believed at mount",
    "reply without digest check", "settle before sync", "clock set from a stored reply",
    "packet id not wrapped", "RAM-only in-flight", "outbox overwrites when full",
    "settle refused when full", "tombstone in its own table", "outcomes read before the lock",
    "lock and read joined in one statement", "counter by COUNT", "synchronous=NORMAL",
    "poison blocks its batch", "2000 epoch", "auto-format on mount error",
    "retry as a new message", "highest trace ignored")


def test_every_mistake_that_was_promised_is_there():
    assert not set(PROMISED) - set(BUGS)


def test_every_mistake_names_what_must_be_found():
    assert all(bug.finds and bug.edits and bug.about for bug in BUGS.values())


def test_of_a_mistake_with_options_of_its_own_it_is_told_what_seeds_as_drawn_find():
    boosted = [bug for bug in BUGS.values() if bug.options]
    assert boosted and all(bug.as_drawn for bug in boosted)
    assert not any(bug.as_drawn for bug in BUGS.values() if not bug.options)


def test_the_readme_counts_those_that_need_options_of_their_own():
    row, = [line for line in README.read_text().splitlines()
            if line.startswith("| planted mistakes |")]
    bugs = BUGS.values()
    found = len(bugs), *(sum(map(which, bugs)) for which in (
        lambda bug: bug.ring == SEEDS and not bug.options,
        lambda bug: bug.ring == SEEDS and bool(bug.options), lambda bug: bug.ring != SEEDS))
    counted = re.search(r"each of (\d+) .* (\d+) by seeds of the proof as they are drawn,"
                        r" (\d+) by seeds with .* (\d+) by two gateways", row)
    assert counted and tuple(map(int, counted.groups())) == found
    told = [name for name, bug in BUGS.items() if bug.options]
    limits = README.read_text().partition("## What the proof does not cover")[2]
    assert all(f"`{name}`" in limits for name in told)


def test_a_mistake_that_no_seed_can_find_is_not_run_and_names_what_finds_it():
    done = planted("counter by COUNT")
    assert done.returncode == 2 and not done.stdout
    assert "-m tests.support.race 'counter by COUNT'" in done.stderr


def test_who_plants_a_mistake_by_hand_is_told_of_its_options():
    run = [sys.executable, "-m", "tools.prove.planting", BOOSTED, "--seeds", "1"]
    shown = [subprocess.run([*run, *more], capture_output=True, text=True, timeout=HANG_S,
                            check=False).stdout for more in ((), ("--as-drawn",))]
    assert " ".join(BUGS[BOOSTED].options) in shown[0] and BUGS[BOOSTED].as_drawn in shown[0]
    assert "options of its own" not in shown[1] and "NOT caught within 1 seeds" in shown[1]


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.ring == SEEDS])
def test_the_proof_finds(name):
    done = planted(name)
    assert done.returncode in (0, 1) and done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["caught"], f"{name}: not found by {told['seeds']} seeds"
    assert told["seeds"] <= BUGS[name].within_seeds and told["findings"]
