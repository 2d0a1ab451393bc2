"""Mistakes are planted in a process of their own, and only where they still fit."""

import subprocess
import sys

import pytest

import protocol.limits  # noqa: F401 - there before anything is planted
from tools.prove import planting
from tools.prove.bugs import BUGS, SEEDS, Bug, Edit
from tools.prove.seen_at import SEEN_AT

PROBE = """
from tools.prove.bugs import BUGS, SEEDS, Bug, Edit
from tools.prove.seen_at import SEEN_AT
from tools.prove import planting
planting.plant(Bug("", (Edit("protocol.limits", "WINDOW = 8", "WINDOW = {window}"),), (), 1))
import protocol.limits
print(protocol.limits.WINDOW, protocol.limits.__file__)
"""


def probe(window):
    done = subprocess.run([sys.executable, "-c", PROBE.format(window=window)],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.split()


def test_a_mistake_is_there_and_the_file_is_as_before():
    number, path = probe("1 + 1")
    assert number == "2"
    with open(path) as source:
        assert "WINDOW = 8\n" in source.read()


def test_a_mistake_whose_text_is_gone_is_an_error():
    planter = planting._Planter((Edit("protocol.limits", "no such text", ""),))
    with pytest.raises(planting.Unplanted, match="0 times"):
        planter.changed("protocol.limits", "WINDOW = 8\n")


def test_a_mistake_that_stands_twice_is_an_error():
    planter = planting._Planter((Edit("x", "a", "b"),))
    with pytest.raises(planting.Unplanted, match="2 times"):
        planter.changed("x", "a a")


def test_it_is_too_late_once_a_module_is_there():
    with pytest.raises(planting.Unplanted, match="protocol.limits"):
        planting.plant(Bug("", (Edit("protocol.limits", "WINDOW = 8", "WINDOW = 9"),), (), 1))


BUG = Bug("", (), ("trace reused", "lost"), 1)


def test_a_mistake_is_seen_only_by_the_finding_it_must_show():
    assert planting.shows(BUG, ["audit: x", "lost: terminal 1: expected a, found b"])
    assert not planting.shows(BUG, ["not drained: terminal 1: expected a, found b"])
    assert not planting.shows(BUG, [])


@pytest.mark.parametrize("fell", ["program error: 7 link: NameError: no such name",
                                  "stopped: Spinning: virtual time stands"])
def test_a_mistake_that_makes_something_fall_over_is_not_seen(fell: str):
    with pytest.raises(planting.Unplanted, match="falls over"):
        planting.shows(BUG, ["lost: terminal 1: expected a, found b", fell])


def test_an_unknown_name_lists_the_known_ones():
    done = subprocess.run([sys.executable, "-m", "tools.prove.planting", "no such"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "free on PUBACK" in done.stderr


def test_the_search_begins_where_it_ended_last_time_and_leaves_no_seed_out():
    assert planting.in_turn(1, 5, 4) == [4, 5, 1, 2, 3]
    assert planting.in_turn(1, 3, 1) == planting.in_turn(1, 3, 9) == [1, 2, 3]


def test_what_was_measured_is_of_mistakes_that_there_are():
    assert set(SEEN_AT) <= {name for name, bug in BUGS.items() if bug.ring == SEEDS}
    assert all(1 <= SEEN_AT[name] <= BUGS[name].within_seeds for name in SEEN_AT)
