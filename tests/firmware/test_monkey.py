"""The monkey's small rounds; `make monkey` runs 200,000 events on each interpreter."""

import pytest

from firmware import checkout
from firmware.flows import card
from tests.firmware import monkey
from tests.support.micropython import run

EVENTS = 5000


@pytest.mark.parametrize("seed", [1, 3])
def test_nothing_a_monkey_does_ends_in_an_exception_or_a_dead_end(seed: int):
    world = monkey.play(seed, EVENTS)
    assert world.saved and world.cuts and len(world.names) > 15


def test_nor_on_the_interpreter_that_ships():
    said = run(f"from tests.firmware import monkey\nmonkey.main({EVENTS}, 2)", heap="64M",
               timeout_s=300)
    assert "monkey on micropython" in said


def test_it_finds_a_sale_that_is_doubled_without_a_question(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(card, "TWICE_MS", 0)
    with pytest.raises(AssertionError, match="doubled without a question"):
        monkey.play(1, EVENTS)


def test_it_finds_a_screen_that_nobody_leaves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(checkout.KEYS, (checkout.CARD, "key"), lambda state, *_: (state, ()))
    with pytest.raises(AssertionError, match="leads to card"):
        monkey.play(1, EVENTS)


def test_it_finds_an_effect_that_kills_a_task(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(checkout.KEYS, (checkout.AMOUNT, "long"),
                        lambda state, *_: (state, (("surprise",),)))
    with pytest.raises(AssertionError, match="no such effect"):
        monkey.play(1, EVENTS)
