# ruff: noqa: B023 - each story is told within its own turn of the loop
"""Wi-Fi by configuration: reasons by name, deadlines, the same ladder. Runs on both."""

import asyncio
from random import choice, randint, seed

from firmware import faults
from firmware.board import wifi
from firmware.board.ladder import WAIT_MS_MAX
from firmware.board.way import NoWay
from firmware.board.wifi import Wifi, fault_of
from simulator.wlan_peer import Wlan
from tests.firmware.virtual_time import now_ms, run

BOUND_MS = WAIT_MS_MAX + 30000


class World:
    def __init__(self, password="secret"):
        self.now = now_ms
        self.wlan = Wlan(self.now, "shop", "secret")
        self.failures = []
        self.progress_ms = self.silence_ms = 0
        self.wifi = Wifi(self.wlan, "shop", password, self.now, self._progress, self._told,
                         self._open)

    def _progress(self):
        self.silence_ms = max(self.silence_ms, self.now() - self.progress_ms)
        self.progress_ms = self.now()

    def _told(self, fault, rung):
        self.failures.append((fault, rung))

    async def _open(self, host, port):
        if self.wlan.dead_air or not self.wlan.isconnected():
            await asyncio.sleep_ms(1000000)
        return "reader", "writer"

    async def connects(self):
        try:
            await asyncio.wait_for_ms(self.wifi.connect("broker", 1883), 10000)
        except (OSError, NoWay, asyncio.TimeoutError):  # noqa: UP041 - MicroPython
            return False
        return True

    async def until(self, there, within_ms):
        start_ms = self.now()
        while not there():
            assert self.now() - start_ms < within_ms, (within_ms, self.wifi.fault, self.failures)
            await asyncio.sleep_ms(100)

    def run(self, story):
        async def both():
            task = asyncio.create_task(self.wifi.run())
            try:
                return await story(self)
            finally:
                task.cancel()

        return run(both())


def test_it_connects_and_tells_how_strong_it_is():
    async def story(world):
        assert world.wifi.signal_dbm() is None
        await world.until(lambda: world.wifi.up, 5000)
        assert await world.connects() and world.wifi.signal_dbm() == -61

    world = World()
    world.run(story)
    assert world.failures == [] and world.wifi.fault == faults.NONE


def test_what_is_wrong_is_named_and_healed_it_comes_up_within_the_bound():
    wrong = (("there", False, faults.NO_WIFI), ("crowded", True, faults.WIFI_FAILED),
             ("password", "other", faults.WIFI_PASSWORD), ("silent", True, faults.WIFI_FAILED))
    for name, value, fault in wrong:
        async def story(world):
            before = getattr(world.wlan, name)
            setattr(world.wlan, name, value)
            await world.until(lambda: world.wifi.fault == fault, 40000)
            try:
                await world.wifi.connect("broker", 1883)
                raise AssertionError("it connected without Wi-Fi")
            except NoWay as error:
                assert error.args[1] == fault
            await asyncio.sleep_ms(600000)
            assert not world.wifi.up and {each for each, rung in world.failures} == {fault}
            setattr(world.wlan, name, before)
            await world.until(lambda: world.wifi.up, BOUND_MS)
            assert await world.connects() and world.wifi.fault == faults.NONE

        world = World()
        world.run(story)
        assert world.silence_ms <= 1500
        rungs = [rung for each, rung in world.failures]
        assert rungs[:4] == [wifi.AGAIN, wifi.AGAIN, wifi.AGAIN, wifi.RESTART], rungs


def test_a_driver_that_raises_is_switched_off_and_on():
    async def story(world):
        world.wlan.wedged = True
        await world.until(lambda: world.wifi.up, BOUND_MS)

    world = World()
    world.run(story)
    assert world.wlan.switched_off == 1
    assert {fault for fault, rung in world.failures} == {faults.WIFI_FAILED}


def test_connected_but_dead_is_found_and_the_access_point_that_went_is_waited_for():
    async def story(world):
        await world.until(lambda: world.wifi.up, 5000)
        world.wlan.dead_air = True
        while world.wifi.up:
            await world.connects()
            await asyncio.sleep_ms(1000)
        world.wlan.dead_air = False
        await world.until(lambda: world.wifi.up, 30000)
        assert await world.connects()
        world.wlan.lose()
        await world.until(lambda: not world.wifi.up, 3000)
        await world.until(lambda: world.wifi.up, 30000)

    world = World()
    world.run(story)
    assert [fault for fault, rung in world.failures] == [faults.DEAD, faults.DEAD]


def test_every_status_of_the_driver_has_a_meaning():
    assert fault_of(1000) is None and fault_of(1001) is None
    for status in (202, 204):
        assert fault_of(status) == faults.WIFI_PASSWORD
    for status in (201, 210, 211, 212):
        assert fault_of(status) == faults.NO_WIFI
    for status in (200, 203, 205):
        assert fault_of(status) == faults.WIFI_FAILED


def test_whatever_is_drawn_it_is_up_or_named_and_healed_it_comes_up_again():
    for number in range(60):
        seed(number)

        async def story(world):
            for _ in range(randint(1, 10)):
                await asyncio.sleep_ms(choice((50, 1000, 10000, 100000)))
                what = choice(("there", "crowded", "silent", "wedged", "dead_air", "lose"))
                if what == "lose":
                    world.wlan.lose()
                else:
                    setattr(world.wlan, what, bool(randint(0, 1)))
                await world.connects()
            world.wlan.there = True
            world.wlan.crowded = world.wlan.silent = world.wlan.dead_air = False
            start_ms = world.now()
            while not await world.connects():
                assert world.now() - start_ms < BOUND_MS, ("seed", number, world.failures)
                await asyncio.sleep_ms(1000)

        world = World()
        world.run(story)
        assert all([faults.name(fault) for fault, rung in world.failures]), ("seed", number)
