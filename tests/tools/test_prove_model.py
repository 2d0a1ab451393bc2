"""The model's own arithmetic, and table T over what HQ did and when."""

import pytest

from tests.tools.tales import CARD, MEMBER, MISREAD_CARD, RULES, STOCK_CARD, STRANGE_CARD, TERMINAL
from tools.prove.model import Dates, Rate, Window, World, luhn, points_of
from tools.prove.story import BACKUP, EPOCH_REVOKED, MERCHANT, RESTORED, Story
from tools.prove.story import CARD as CARD_STATE
from tools.prove.story import MEMBER as MEMBER_STATE
from tools.prove.story import TERMINAL as TERMINAL_STATE

LATE = 1 << 40
AT_LAST = Window(LATE, LATE)  # decided when all of the story was known


def codes(story: Story, first_us: int, last_us: int | None = None, *, sure: bool = True,
          card: int = CARD, window: Window = AT_LAST, epoch: int = 1) -> set[int]:
    dates = Dates(first_us, first_us if last_us is None else last_us, sure)
    return set(World(story, RULES).sale(TERMINAL, epoch, card, dates, window))


def told(*facts: tuple) -> Story:
    """Facts (what, subject, value, at_us, since_us)."""
    story = Story()
    for what, subject, value, at_us, *since in facts:
        story.happened(at_us, what, subject, value, since_us=since[0] if since else None)
    return story


def test_points_are_one_fraction_rounded_down_once():
    assert points_of(1250, Rate(0, 1, 100), 12000) == 15
    assert points_of(99, Rate(0, 1, 100), 10000) == 0
    assert points_of(1999, Rate(0, 3, 200), 15000) == 44


def test_the_check_digit_tells_a_misread_card_from_an_unknown_one():
    assert luhn(6200001234567892) and not luhn(6200001234567893)
    assert codes(Story(), 0, card=STRANGE_CARD) == {10}
    assert codes(Story(), 0, card=MISREAD_CARD) == {15}
    assert codes(Story(), 0, card=STOCK_CARD) == {11}


@pytest.mark.parametrize(("state", "code"), [
    ("lost", 12), ("blocked", 13), ("expired", 14), ("suspect", 16), ("replaced", 0)])
def test_a_card_state_counts_from_when_it_began(state, code):
    story = told((CARD_STATE, CARD, state, 100))
    assert codes(story, 100) == {code}
    assert codes(story, 99) == {0}


def test_a_change_within_the_clocks_error_may_go_either_way_and_no_third():
    story = told((CARD_STATE, CARD, "lost", 100))
    assert codes(story, 90, 110) == {0, 12}
    assert codes(story, 101, 120) == {12}
    assert codes(story, 80, 99) == {0}


def test_a_doubtful_date_may_also_hold_but_only_where_it_matters():
    story = told((CARD_STATE, CARD, "lost", 100))
    assert codes(story, 90, 110, sure=False) == {0, 12, 41}
    assert codes(story, 101, 120, sure=False) == {12, 41}
    assert codes(story, 50, 99, sure=False) == {0}
    assert codes(Story(), 0, 10**9, sure=False) == {0}


def test_what_is_recorded_after_the_decision_does_not_count():
    story = told((CARD_STATE, CARD, "lost", 100, 50))
    fact = story.facts[0].order
    assert codes(story, 70, window=Window(0, fact)) == {0}
    assert codes(story, 70, window=Window(fact, fact + 9)) == {0, 12}
    assert codes(story, 70, window=Window(fact + 1, fact + 9)) == {12}


def test_a_card_that_changed_twice_since_the_tap_may_be_held():
    story = told((CARD_STATE, CARD, "lost", 100), (CARD_STATE, CARD, "active", 200))
    assert codes(story, 50) == {0, 41}
    assert codes(story, 150) == {12, 41}
    assert codes(story, 250) == {0}


def test_a_member_is_refused_for_what_was_before_and_held_for_what_came_after():
    story = told((MEMBER_STATE, MEMBER, "suspended", 100))
    assert codes(story, 150) == {20}
    assert codes(story, 50) == {41}
    story.happened(200, MEMBER_STATE, MEMBER, "active")
    assert codes(story, 50) == {0}
    assert codes(story, 150) == {0, 20, 41}


@pytest.mark.parametrize(("what", "subject"), [(MERCHANT, 1), (TERMINAL_STATE, TERMINAL)])
def test_a_place_holds_what_was_tapped_while_it_was_suspended(what, subject):
    story = told((what, subject, "suspended", 100))
    assert codes(story, 50) == {0}
    assert codes(story, 150) == {41}
    story.happened(200, what, subject, "active")
    assert codes(story, 150) == {0, 41}
    assert codes(story, 250) == {0}


def test_a_lost_terminal_and_a_revoked_key_are_judged_now():
    story = told((TERMINAL_STATE, TERMINAL, "lost", 100))
    assert codes(story, 50) == {41}
    story = told((EPOCH_REVOKED, TERMINAL, 1, 100))
    assert codes(story, 50) == {41}
    assert codes(story, 50, epoch=2) == {0}


def test_refusal_and_hold_together_may_be_either_but_never_a_posting():
    story = told((CARD_STATE, CARD, "lost", 100), (MERCHANT, 1, "suspended", 100))
    assert codes(story, 150) == {12, 41}


def test_what_was_recorded_after_the_backup_is_forgotten_by_the_restore():
    story = told((CARD_STATE, CARD, "lost", 10), (BACKUP, "a", None, 20),
                 (MEMBER_STATE, MEMBER, "suspended", 30), (RESTORED, "a", None, 40))
    before, after = story.facts[2].order, story.facts[3].order
    world = World(story, RULES)
    assert [len(world.known(MEMBER_STATE, MEMBER, order))
            for order in (before, before + 1, after + 1)] == [0, 1, 0]
    assert len(world.known(CARD_STATE, CARD, after + 1)) == 1
    assert codes(story, 50, window=Window(after, LATE)) == {12, 20}
    assert codes(story, 50, window=Window(after + 1, LATE)) == {12}


def test_a_second_restore_may_bring_back_what_the_first_one_took():
    story = told((BACKUP, "a", None, 10), (CARD_STATE, CARD, "lost", 20), (BACKUP, "b", None, 30),
                 (MEMBER_STATE, MEMBER, "suspended", 40), (RESTORED, "a", None, 50),
                 (RESTORED, "b", None, 60))
    first, second = story.facts[4].order, story.facts[5].order
    assert codes(story, 70, window=Window(first + 1, second)) == {0}
    assert codes(story, 70, window=Window(second + 1, LATE)) == {12}


def test_a_sale_earns_by_the_rule_set_of_its_date_and_by_either_at_the_edge():
    rules = RULES._replace(rates=(Rate(0, 1, 100), Rate(1000, 2, 100)))
    world = World(Story(), rules)
    assert world.points(1250, CARD, Dates(10, 20, True)) == {12}
    assert world.points(1250, CARD, Dates(1000, 1010, True)) == {25}
    assert world.points(1250, CARD, Dates(990, 1010, True)) == {12, 25}
    assert world.points(1250, STRANGE_CARD, Dates(10, 20, True)) == frozenset()
