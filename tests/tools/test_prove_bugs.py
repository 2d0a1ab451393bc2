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


def test_there_are_at_least_twenty():
    assert len(BUGS) >= 20


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.ring == SEEDS])
def test_the_proof_finds(name):
    done = planted(name)
    assert done.returncode in (0, 1) and done.stdout, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["caught"], f"{name}: not found by {told['seeds']} seeds"
    assert told["seeds"] <= BUGS[name].within_seeds and told["findings"]
