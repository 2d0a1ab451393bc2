"""The proof proves itself: each planted mistake is found within so many seeds.

Replay one: python -m tools.prove.planting "free on PUBACK"
"""

import json
import subprocess
import sys

import pytest

from tools.prove.bugs import BUGS, SEEDS

HANG_S = 240


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


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.ring == SEEDS])
def test_the_proof_finds(name):
    done = planted(name)
    assert done.returncode in (0, 1) and done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["caught"], f"{name}: not found by {told['seeds']} seeds"
    assert told["seeds"] <= BUGS[name].within_seeds and told["findings"]
