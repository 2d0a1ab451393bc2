"""A month without a network costs no tap, nor do two reboots and a new program meanwhile.

One handset in virtual time on the default outbox (336 blocks), the real gateway on SQLite behind
it. It takes 10,000 sales in 30 days without a link, is switched off and on twice, and then
re-flashed: every module of the program is loaded anew from its source, and all it finds is the
outbox partition and the settings file; its count of boots begins again. Then the network returns.

Law of what must come of it: each tap posts, also those taken while the program did not know the
date, and stands in the ledger once, with the points the merchant was shown; nothing else does.
"""

import asyncio
import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from sqlalchemy import Engine, func, select

import simulator.handset
from firmware import settings as settings_file
from firmware.app import App
from firmware.settings import Settings, settings
from gateway.audit import run_audit
from gateway.database import reading
from gateway.intake import Intake
from gateway.keyring import Keyring
from gateway.registry import Registry
from gateway.tables import outcomes
from protocol import codes, keys
from simulator.broker import Broker, Credential
from simulator.eventlog import EventLog
from simulator.flash import NorFlash
from simulator.handset import Handset
from simulator.loop import VirtualLoop
from simulator.radio import Radio, Weather
from simulator.shore import Shore, Work
from tests.support.databases import SQLITE, fresh_engine
from tools import coffee_shop, simulate, tally

SEED = 20261122
TAPS = 10_000
DAYS = 30
DAY_S = 86_400
REBOOT_ON_DAYS = (8, 19)
REFLASH_ON_DAY = 25
DRAIN_S_MAX = 6 * 3600
MEMBERS = 40
OURS = ("firmware", "protocol")


@pytest.fixture
def engine() -> Iterator[Engine]:
    with fresh_engine(SQLITE) as made:
        yield made


@contextmanager
def program_from_its_source() -> Iterator[tuple[ModuleType, ModuleType]]:
    """(app, settings): modules of a second copy of the program, sharing nothing with the first."""
    held = {name: sys.modules.pop(name) for name in list(sys.modules)
            if name.split(".")[0] in OURS}
    try:
        yield importlib.import_module("firmware.app"), importlib.import_module("firmware.settings")
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
            del sys.modules[name]
        sys.modules.update(held)


class Month:
    """The handset, its cashier, and what is done to it."""

    def __init__(self, engine: Engine, file: Path) -> None:
        clock, self.keyring = simulate.Clock(), simulate.keyring_of(SEED)
        registry = Registry(engine, self.keyring, clock=clock)
        self.cards = coffee_shop.create(registry, MEMBERS)
        coffee_shop.add_terminals(registry, 1)
        terminal_id = coffee_shop.tills_of(registry.terminals())[0].terminal_id
        settings_file.write(str(file), identity(self.keyring, terminal_id))
        self.file = file
        self.loop = VirtualLoop()
        self.clock = clock
        own = settings_file.read(str(file))
        log = EventLog(lambda: self.loop.now_us)
        broker = Broker({own.mqtt_user: Credential(terminal_id, own.mqtt_password.encode())})
        self.radio = Radio(self.loop, Random(SEED), Weather(), broker)
        intake = Intake(engine, self.keyring, clock=clock, pause=lambda seconds: None)
        Shore(self.loop, Random(SEED + 1), broker, simulate.gateway_of(intake, clock), log, Work())
        self.handset = Handset(self.loop, Random(SEED + 2), self.radio,
                               NorFlash(own.outbox_blocks, Random(SEED + 3)), own, log, 3_600_000)
        self.handset.format()

    async def without_network(self) -> None:
        self.handset.power_on()
        await asyncio.sleep(300)  # the gateway has set its clock
        self.radio.set_dark(True)
        begun_us = self.loop.now_us
        random, day = Random(SEED + 4), 0
        for number in range(TAPS):
            await self._until(begun_us + number * DAYS * DAY_S * 1_000_000 // TAPS)
            while day < number * DAYS // TAPS:
                day += 1
                await self._dawn(day)
            self.handset.sale(random.randrange(300, 9001), random.choice(self.cards))
        await self._until(begun_us + DAYS * DAY_S * 1_000_000)

    async def _until(self, at_us: int) -> None:
        await asyncio.sleep(max(at_us - self.loop.now_us, 0) / 1_000_000)

    async def _dawn(self, day: int) -> None:
        if day in REBOOT_ON_DAYS:
            self.handset.power_off()
            await asyncio.sleep(20)
            self.handset.power_on()
            await asyncio.sleep(5)
        elif day == REFLASH_ON_DAY:
            self.handset.power_off()
            await asyncio.sleep(30)
            self._reflash()
            await asyncio.sleep(5)

    def _reflash(self) -> None:
        with program_from_its_source() as (app, settings_module):
            simulator.handset.App = app.App
            self.handset.settings = settings_module.read(str(self.file))
            self.handset.boots = 0
            self.handset.power_on()

    async def drain(self) -> None:
        self.radio.set_dark(False)
        end_us = self.loop.now_us + DRAIN_S_MAX * 1_000_000
        while self.handset.waiting and self.loop.now_us < end_us:
            await asyncio.sleep(10)


def identity(keyring: Keyring, terminal_id: int) -> Settings:
    key = keyring.terminal_key(terminal_id, 1)
    return settings(terminal_id, 1, key, "broker", 1883, keys.mqtt_user(terminal_id, 1),
                    keys.mqtt_password(key))


def test_ten_thousand_taps_of_a_month_offline_all_post_after_reboots_and_a_reflash(
        engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(simulator.handset, "App", App)
    month = Month(engine, tmp_path / "settings")
    handset = month.handset
    try:
        month.loop.run(month.without_network())
        assert len(handset.taps) == handset.waiting == TAPS, f"seed {SEED}"
        assert handset.unsettled == TAPS and handset.boots == 1
        assert not isinstance(handset.app, App), "the re-flashed handset runs the old program"
        month.loop.run(month.drain())
        assert (handset.waiting, handset.unsettled) == (0, 0), f"seed {SEED}"
        assert handset.deaths == 0
    finally:
        month.loop.close()
    tapped = simulate.tapped_of(handset)
    posted = [each for each in tapped if each.code == codes.APPROVED]
    found = tally.compare(posted, tally.read_entries(engine, [handset.terminal_id]))
    assert len(posted) == TAPS, Counter(each.code for each in tapped)
    assert found.exact and found.posted == TAPS, found
    with reading(engine) as connection:
        decided = connection.execute(select(func.count()).select_from(outcomes).where(
            outcomes.c.origin == handset.terminal_id)).scalar_one()
    assert decided == TAPS
    audit = run_audit(engine, month.keyring, rebuild=True, clock=month.clock)
    assert [str(each) for each in audit.findings] == []
