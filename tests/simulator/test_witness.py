"""The witness hears everything a merchant does and sees, in its order."""

from collections.abc import Iterator
from typing import Any

import pytest

from simulator.witness import Witness
from tests.simulator.test_handset import CARD, Counter


class Ear(Witness):
    """Writes down which of its methods were called."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in ("attempted", "saved", "moved", "shown", "powered"):
            self.heard.append(name)
        return super().__getattribute__(name)


@pytest.fixture
def counter() -> Iterator[Counter]:
    made = Counter()
    yield made
    made.close()


def test_a_tap_is_attempted_saved_and_shown_and_then_the_power_goes(counter: Counter):
    ear = Ear()
    counter.handset._witness = ear
    counter.wait(5)
    counter.handset.sale(1250, CARD)
    counter.wait(5)
    counter.handset.power_off()
    assert ear.heard == ["attempted", "saved", "shown", "powered"]


def test_who_does_not_want_to_know_need_not_listen(counter: Counter):
    counter.wait(5)
    counter.handset.sale(1250, CARD)
    counter.wait(5)
    assert counter.handset.waiting == 0
