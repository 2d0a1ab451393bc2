"""Ever harder measures against a link that fails, with ever longer waits. Runs on both."""

from firmware.board.ladder import WAIT_MS, WAIT_MS_MAX, Ladder


def climbed(ladder, times, cap=None, floor=0):
    return [ladder.failed(cap, floor)[0] for _ in range(times)]


def test_each_rung_is_used_as_often_as_it_may_be_then_the_next_and_the_last_for_ever():
    assert climbed(Ladder((2, 1, 1, 1)), 8) == [0, 0, 1, 2, 3, 3, 3, 3]


def test_success_begins_at_the_foot_again():
    ladder = Ladder((1, 1, 1))
    climbed(ladder, 5)
    ladder.good()
    assert ladder.failed() == (0, WAIT_MS)


def test_the_waits_double_up_to_a_bound():
    ladder = Ladder((1, 1))
    waits = [ladder.failed()[1] for _ in range(12)]
    assert waits[:7] == [2000, 4000, 8000, 16000, 32000, 64000, 120000]
    assert set(waits[6:]) == {WAIT_MS_MAX}


def test_a_cap_keeps_from_what_could_not_help_and_a_floor_from_what_is_too_mild():
    assert climbed(Ladder((1, 1, 1, 1)), 6, cap=1) == [0, 1, 1, 1, 1, 1]
    assert climbed(Ladder((2, 1, 1, 1)), 3, floor=2) == [2, 3, 3]


def test_for_a_rung_that_is_not_there_the_next_harder_one_stands():
    assert climbed(Ladder((2, 1, 0, 1)), 6) == [0, 0, 1, 3, 3, 3]
    assert climbed(Ladder((2, 1, 0, 1)), 2, floor=2) == [3, 3]
