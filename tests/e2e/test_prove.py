"""The promise under every fault: 300 seeds, as `make prove SEEDS=300` runs them.

A seed that fails here is replayed by the command its message names.
"""

import pytest

from tools.prove import options as drawing
from tools.prove import shrink
from tools.prove.run import Wanted, one

SEEDS = 300
CHUNK = 6


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_accepted_tap_posts_exactly_once(first: int):
    for seed in range(first, first + CHUNK):
        verdict = one(Wanted(seed))
        assert verdict.good, "\n".join([
            f"seed {seed}: {drawing.text(verdict.options)}", *verdict.findings[:10],
            f"replay: {shrink.command(verdict)}"])


def test_these_seeds_draw_every_fault():
    drawn = [drawing.draw(seed) for seed in range(SEEDS)]
    assert sum(options.terminals * options.taps for options in drawn) > 100 * SEEDS
    missing = [name for name in drawing.FAULTS
               if not any(getattr(options, name) for options in drawn)]
    assert missing == []
