"""Conflicts and voids under power cuts: every tap ends once, and what was cancelled is not posted.

Each case is a story at the counter, a set of identities that the gateway calls taken (62), and
an order in which frames arrive; the power goes at every flash operation of it, and again at
some operation of the recovery. A failure prints the line that replays it.
"""

import os

import pytest

from tests.firmware import scripted

BURST = (("sale", 100), ("sale", 200), ("sale", 200000), ("turn", 0), ("sale", 300))
VOIDS = (("sale", 100), ("void", 100), ("sale", 200), ("turn", 0), ("void", 200))
ONLINE = (("sale", 100), ("online", 500), ("turn", 0), ("wait", 31000), ("sale", 200), ("turn", 0))
MIXED = (("sale", 100), ("online", 500), ("void", 100), ("turn", 0), ("wait", 31000), ("turn", 0),
         ("online", 600), ("sale", 200), ("void", 200))
STORIES = {"burst": BURST, "voids": VOIDS, "online": ONLINE, "mixed": MIXED}

# which identities are taken; the first journal is 7, then 1001, 1002, ...
TAKEN = {
    "none": lambda journal, trace: False,
    "all": lambda journal, trace: journal == 7,
    "three journals": lambda journal, trace: journal in (7, 1001, 1002),
    "the first": lambda journal, trace: journal == 7 and trace == 1,
    "the second": lambda journal, trace: journal == 7 and trace == 2,
    "all but the first": lambda journal, trace: journal == 7 and trace > 1,
    "odd ones": lambda journal, trace: journal < 1004 and trace % 2 == 1,
    "even ones": lambda journal, trace: journal < 1004 and trace % 2 == 0,
}
ORDERS = {
    "in order": None,
    "backwards": lambda sent, turn: sent[::-1],
    "half lost": lambda sent, turn: sent[turn % 2::2],
}
CASES = [(story, taken, order) for story in STORIES for taken in TAKEN for order in ORDERS]
REPLAY = "POINTWIRE_VOIDS='{}' python -m pytest tests/firmware/test_voids.py"


def attempt(story: str, taken: str, order: str, cuts: tuple[int, ...]) -> None:
    try:
        scripted.live(STORIES[story], TAKEN[taken], ORDERS[order], cuts)
    except Exception as error:
        case = ":".join((story, taken, order, *map(str, cuts)))
        raise AssertionError(f"{error!r}\nreplay: {REPLAY.format(case)}") from error


@pytest.mark.parametrize(("story", "taken", "order"), CASES)
def test_a_cut_at_every_operation_leaves_each_tap_one_end(story: str, taken: str, order: str):
    count = scripted.operations(STORIES[story], TAKEN[taken], ORDERS[order])
    for cut in range(1, count + 1):
        attempt(story, taken, order, (cut,))


@pytest.mark.parametrize("story", STORIES)
def test_a_second_cut_changes_nothing(story: str):
    for taken in ("all", "odd ones"):
        count = scripted.operations(STORIES[story], TAKEN[taken], None)
        for cut in range(1, count + 1, 3):
            for second in range(4 + cut % 3, 30, 5):
                attempt(story, taken, "backwards", (cut, second))


def test_replay_of_one_case():
    case = os.environ.get("POINTWIRE_VOIDS", "mixed:all:backwards:9:7")
    story, taken, order, *cuts = case.split(":")
    attempt(story, taken, order, tuple(int(cut) for cut in cuts))
