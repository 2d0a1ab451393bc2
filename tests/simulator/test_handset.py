"""One handset in virtual time: taps are kept, answered, and outlive its power."""

import gc
from collections.abc import Iterator
from random import Random

import pytest

from firmware.app import App
from protocol import codes
from simulator.broker import Broker, Credential
from simulator.eventlog import EventLog
from simulator.flash import NorFlash
from simulator.handset import Handset
from simulator.loop import US, VirtualLoop
from simulator.radio import Radio, Weather
from simulator.shore import Shore, Work, one_by_one
from tests.simulator.toy import BLOCKS, Toy, identity

CARD = 6200001234567892


class Counter:
    """A shop's counter: one handset, its network and a gateway."""

    def __init__(self) -> None:
        self.toy = Toy()
        self.lines: list[str] = []
        self.loop = VirtualLoop()
        log = EventLog(lambda: self.loop.now_us, self.lines.append)
        made = identity(0)
        broker = Broker({made.mqtt_user: Credential(1, made.mqtt_password.encode())})
        Shore(self.loop, Random(1), broker, one_by_one(self.toy), log, Work())
        radio = Radio(self.loop, Random(2), Weather(), broker)
        self.handset = Handset(self.loop, Random(3), radio, NorFlash(BLOCKS, Random(4)), made,
                               log)
        self.handset.format()
        self.handset.power_on()

    def wait(self, seconds: int) -> None:
        self.loop.run_until_us(self.loop.now_us + seconds * US)

    def codes(self) -> list[int]:
        return [reply.code for reply in self.handset.answers.values()]

    def close(self) -> None:
        """End its program here: ended by the collector it would fail in another test."""
        self.loop.close()
        gc.unfreeze()


@pytest.fixture
def counter() -> Iterator[Counter]:
    made = Counter()
    yield made
    made.close()


def test_a_tap_is_saved_at_once_and_answered_a_moment_later(counter: Counter):
    counter.wait(5)
    counter.handset.sale(1250, CARD)
    counter.wait(0)
    (tap,) = counter.handset.taps.values()
    assert (tap.amount_minor, tap.card) == (1250, CARD) and counter.handset.waiting == 1
    counter.wait(5)
    (reply,) = counter.handset.answers.values()
    assert reply.points == 12 and counter.handset.waiting == 0


def test_taps_without_coverage_post_once_when_it_is_back(counter: Counter):
    counter.wait(5)
    counter.handset.radio.set_dark(True)
    for amount_minor in (100, 200, 300):
        counter.handset.sale(amount_minor, CARD)
        counter.wait(60)
    assert counter.handset.waiting == 3
    counter.handset.radio.set_dark(False)
    counter.wait(600)
    assert counter.codes() == [codes.APPROVED] * 3
    assert sorted(counter.toy.posted.values()) == [1, 1, 1]


def test_a_tap_outlives_a_power_cut_right_after_it_was_saved(counter: Counter):
    counter.handset.radio.set_dark(True)
    counter.handset.sale(1250, CARD)
    counter.wait(0)
    counter.handset.power_off()
    counter.wait(60)
    assert not counter.handset.on and counter.handset.waiting == 1
    counter.handset.radio.set_dark(False)
    counter.handset.power_on()
    counter.wait(120)
    assert counter.codes() == [codes.APPROVED] and counter.handset.boots == 2


def test_a_handset_without_power_takes_no_taps(counter: Counter):
    counter.handset.power_off()
    counter.handset.sale(1250, CARD)
    counter.handset.inquiry(CARD)
    counter.wait(60)
    assert counter.handset.taps == {}


def test_a_refused_tap_is_answered_too(counter: Counter):
    counter.toy.code = codes.CARD_UNKNOWN
    counter.wait(5)
    counter.handset.sale(1250, CARD)
    counter.wait(30)
    assert counter.codes() == [codes.CARD_UNKNOWN] and counter.toy.posted == {}


def test_the_log_holds_no_card_number(counter: Counter):
    counter.wait(5)
    counter.handset.sale(1250, CARD)
    counter.wait(5)
    text = "\n".join(counter.lines)
    assert "7892" in text and str(CARD) not in text


def test_a_program_that_ends_as_it_begins_is_begun_again_every_few_seconds_and_not_for_ever(
        counter: Counter, monkeypatch: pytest.MonkeyPatch):
    async def ends(_app: App) -> None:
        return

    monkeypatch.setattr(App, "run", ends)
    counter.handset.power_off()
    counter.handset.power_on()
    counter.wait(30)
    assert 5 < counter.handset.boots < 20
    counter.handset.power_off()
    before = counter.handset.boots
    counter.wait(30)
    assert counter.handset.boots == before
