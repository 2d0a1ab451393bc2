"""A merchant street: handsets, cashiers, customers and weather, in virtual time.

Everything that happens follows from the seed. Law:
- Each handset has random streams of its own, named by seed and terminal: one more handset, or
  another draw at one of them, moves nothing at the others.
- Draws are whole numbers; nothing depends on the C library's logarithm or on set order.
- The day has two phases: business, with everything `Plan` allows, then draining without faults,
  until every accepted tap has its answer or `drain_minutes_max` is over.

    plan = Plan(terminals=20, minutes=60, seed=1)
    street = Street(plan, settings_of, cards, gateway)
    outcome = street.run()
"""

import asyncio
import gc
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from firmware.settings import Settings
from simulator.board import WATCHDOG_MS
from simulator.broker import Broker, Credential
from simulator.eventlog import EventLog
from simulator.flash import NorFlash
from simulator.handset import Handset
from simulator.loop import US, VirtualLoop
from simulator.radio import Radio, Weather
from simulator.shore import Gateway, Shore, Work

DAY_S = 86400


class Plan(NamedTuple):
    """What a street is to be. Rates are for one handset; times in the units of the names.

    `taps`: each handset is to have so many sales accepted, spread over the whole time, whatever
    `customers_per_hour` says; 0 leaves it to that rate and to chance.
    """

    terminals: int
    minutes: int
    seed: int
    taps: int = 0
    customers_per_hour: int = 20
    inquiries_per_100: int = 10
    amount_minor_min: int = 300
    amount_minor_max: int = 9000
    power_cuts_per_day: int = 6
    drain_minutes_max: int = 120
    watchdog_ms: int = 5 * WATCHDOG_MS
    weather: Weather = Weather(dark_per_day=24)
    work: Work = Work()


class Outcome(NamedTuple):
    """What happened, as the merchants saw it, and the hash of the event log."""

    handsets: Sequence[Handset]
    counts: dict[str, int]
    frames: int
    batches: int
    virtual_us: int
    steps: int
    digest: str


class Street:
    """`settings_of(terminal number from 0)` gives a handset's identity; `cards` are tapped."""

    def __init__(self, plan: Plan, settings_of: Callable[[int], Settings], cards: Sequence[int],
                 gateway: Gateway, echo: Callable[[str], None] | None = None) -> None:
        self.loop = VirtualLoop()
        self.log = EventLog(lambda: self.loop.now_us, echo)
        self._plan = plan
        self._cards = cards
        self._credentials: dict[str, Credential] = {}
        self.broker = Broker(self._credentials)
        self.shore = Shore(self.loop, self._stream("shore"), self.broker, gateway, self.log,
                           plan.work)
        self.handsets = [self._handset(settings_of(number)) for number in range(plan.terminals)]

    def _stream(self, *names: str | int) -> Random:
        return Random("/".join(map(str, (self._plan.seed, *names))))

    def _handset(self, settings: Settings) -> Handset:
        terminal_id = settings.terminal_id
        self._credentials[settings.mqtt_user] = Credential(
            terminal_id, settings.mqtt_password.encode())
        radio = Radio(self.loop, self._stream(terminal_id, "radio"), self._plan.weather,
                      self.broker)
        flash = NorFlash(settings.outbox_blocks, self._stream(terminal_id, "flash"))
        made = Handset(self.loop, self._stream(terminal_id, "board"), radio, flash, settings,
                       self.log, self._plan.watchdog_ms)
        made.format()
        return made

    def run(self) -> Outcome:
        """The whole day. The street cannot be run again."""
        try:
            self.loop.run(self._day())
            return Outcome(self.handsets, dict(self.log.counts), self.shore.frames,
                           self.shore.batches, self.loop.now_us, self.loop.steps,
                           self.log.digest())
        finally:
            self.loop.close()
            gc.unfreeze()

    async def _day(self) -> None:
        people = []
        for handset in self.handsets:
            handset.power_on()
            cashier = self._steady_cashier if self._plan.taps else self._cashier
            for each in (cashier, self._weather, self._battery):
                people.append(self.loop.create_task(each(handset)))
        await asyncio.sleep(self._plan.minutes * 60)
        for each in people:
            each.cancel()
        self.log.note("street", "closing")
        for handset in self.handsets:
            handset.radio.set_dark(False)
            if not handset.on:
                handset.power_on()
        await self._drain()

    async def _drain(self) -> None:
        for _ in range(self._plan.drain_minutes_max * 60):
            if not any(handset.waiting for handset in self.handsets):
                break
            await asyncio.sleep(1)
        self.log.note("street", "drained", sum(each.waiting for each in self.handsets))

    async def _cashier(self, handset: Handset) -> None:
        """Customers come at uneven intervals; each pays, and some only ask for their balance."""
        plan, random = self._plan, self._stream(handset.terminal_id, "customers")
        gap_s_mean = 3600 // max(plan.customers_per_hour, 1)
        while True:
            await asyncio.sleep(random.randrange(gap_s_mean * 200, gap_s_mean * 1801) / 1000)
            card, amount_minor = self._customer(random)
            if random.randrange(100) < plan.inquiries_per_100:
                handset.inquiry(card)
            else:
                handset.sale(amount_minor, card)

    async def _steady_cashier(self, handset: Handset) -> None:
        """Customers whose number is known; each waits until the handset has taken the sale."""
        plan, random = self._plan, self._stream(handset.terminal_id, "customers")
        open_ms = plan.minutes * 60000
        for number in range(1, plan.taps + 1):
            come_us = open_ms * 1000 * (number - 1) // plan.taps
            come_us += random.randrange(open_ms * 900 // plan.taps)
            await asyncio.sleep(max(come_us - self.loop.now_us, 0) / US)
            card, amount_minor = self._customer(random)
            while len(handset.taps) < number:
                handset.sale(amount_minor, card)
                await asyncio.sleep(5)

    def _customer(self, random: Random) -> tuple[int, int]:
        """(card, amount in minor units)."""
        card = self._cards[random.randrange(len(self._cards))]
        return card, random.randrange(self._plan.amount_minor_min, self._plan.amount_minor_max + 1)

    async def _weather(self, handset: Handset) -> None:
        """Coverage goes and comes."""
        weather = self._plan.weather
        random = self._stream(handset.terminal_id, "weather")
        while weather.dark_per_day:
            await asyncio.sleep(self._pause_s(random, weather.dark_per_day))
            handset.radio.set_dark(True)
            self.log.note(str(handset.terminal_id), "dark")
            await asyncio.sleep(random.randrange(weather.dark_s_min, weather.dark_s_max + 1))
            handset.radio.set_dark(False)
            self.log.note(str(handset.terminal_id), "light")

    async def _battery(self, handset: Handset) -> None:
        """The battery falls out and is put back in."""
        random = self._stream(handset.terminal_id, "battery")
        while self._plan.power_cuts_per_day:
            await asyncio.sleep(self._pause_s(random, self._plan.power_cuts_per_day))
            handset.power_off()
            await asyncio.sleep(random.randrange(2, 60))
            handset.power_on()

    @staticmethod
    def _pause_s(random: Random, times_per_day: int) -> float:
        """A pause drawn evenly from 0 to twice the mean."""
        return random.randrange(2 * DAY_S * 1000 // times_per_day + 1) / 1000
