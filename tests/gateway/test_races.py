"""Two gateways whose statements interleave; and mistakes that only then show.

Replay one: python -m tests.support.race "outcomes read before the lock"
"""

import json
import subprocess
import sys

import pytest

from tests.support.databases import POSTGRESQL, fresh_url
from tests.support.race import run
from tools.prove.bugs import BUGS, RACES

HANG_S = 240
SEEDS = 12


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_interleaving_of_two_gateways_loses_or_doubles(seed):
    with fresh_url(POSTGRESQL) as url:
        assert run(seed, url) == []


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.ring == RACES])
def test_a_planted_mistake_is_found(name):
    done = subprocess.run([sys.executable, "-m", "tests.support.race", name],
                          capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["caught"], f"{name}: not found by {told['seeds']} seeds"
