"""The ESP32 board from power to points, each part through its driver. Portable."""

import asyncio

from firmware import faults
from firmware.board import modem_models, pins
from firmware.board.esp32_common import ADDRESS_MS
from firmware.board.esp32_main import app_of, begin
from firmware.outbox import Outbox
from simulator.card_field import Card
from tests.firmware.esp32_world import MODEM_OPTIONS, World
from tests.firmware.replies import AT, TERMINAL_ID
from tests.firmware.scratch import scratch
from tests.firmware.virtual_time import now_ms, run

READS = (34, 35, 36, 39)
CARD = b"\x04\x11\x22\x33\x44\x55\x66"


def booted(folder, **more):
    """(world, board, app) of a handset that was provisioned."""
    world = World(pins.ESP32_SIM800, folder, reads=READS, **more)
    world.provision()
    board, settings = begin(pins.ESP32_SIM800, modem_models.SIM800, world.edge())
    return world, board, app_of(board, settings)


def lives(act, **more):
    """Run `await act(world, board, app)` beside a handset; the world, for what happened."""
    async def main():
        world, board, app = booted(folder, **more)
        await world.live(app, lambda: act(world, board, app))
        return world

    with scratch() as folder:
        return run(main())


async def sold(world, amount="1250"):
    """One sale, from the keys to the points on the screen."""
    posted = len(world.posted)
    await world.keys(amount + "#")
    world.reader.cards = [Card(CARD)]
    await asyncio.sleep_ms(1000)
    world.reader.cards = []
    await world.until(lambda: len(world.posted) > posted, 60000)
    await asyncio.sleep_ms(1000)


def test_a_handset_boots_calls_sells_and_shows_it():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        assert world.modem.boots == 1 and board.signal_dbm() is not None
        home = bytes(world.display.visible())
        await sold(world)
        assert list(world.posted) == [(7, 1)] and app.outbox.unsettled == 0
        assert app.screen.lines[1:3] == ("Posted +12", "Balance 1012")
        # what the chip shows is what the program drew
        assert bytes(world.display.visible()) == bytes(board.pixels._wanted) != home
        assert world.display.unknown == [] and world.display.flashes == 0
        assert [each for each in world.buzzer.heard if each[0] == 3000]  # the pattern "ok" ends so
        assert board.battery_percent() > 90
        assert world.nvs == {"boots": 1, "day": AT // 86400}

    world = lives(act)
    assert not world.watchdog.bitten() and world.resets == 0
    assert world.modem.leaked == 0


def test_a_tap_without_a_network_is_kept_through_a_cut_and_posts_with_the_next_boot():
    async def dark(world, board, app):
        await asyncio.sleep_ms(3000)
        await world.keys("500#")
        world.reader.cards = [Card(CARD)]
        await asyncio.sleep_ms(1000)
        assert app.outbox.unsettled == 1 and not world.posted

    async def again(world, board, app):
        assert board.boot_count == 2
        await world.until(lambda: (7, 1) in world.posted, 120000)
        await asyncio.sleep_ms(500)
        assert app.outbox.unsettled == 0

    first = World(pins.ESP32_SIM800, "", reads=READS)
    nvs, outbox = {}, first.outbox

    async def silent(world, board, app):
        world.network.silent = True
        await dark(world, board, app)

    lives(silent, nvs=nvs, outbox=outbox)
    kept = Outbox(outbox)
    kept.mount()
    assert kept.waits(7, 1)
    lives(again, nvs=nvs, outbox=outbox)


def test_what_parts_tell_comes_out_of_one_queue_in_order():
    async def act(world, board, app):
        told = []
        taken = board.put
        board.put = lambda event: (told.append(event), taken(event))
        await asyncio.sleep_ms(2000)
        world.reader.cards = [Card(CARD), Card(b"\x01\x02\x03\x04")]
        await asyncio.sleep_ms(1000)
        world.reader.cards = []
        world.matrix.press("A")
        await asyncio.sleep_ms(1500)
        world.matrix.release("A")
        world.line.put(b";6200001234567892=2912?\r")
        await asyncio.sleep_ms(500)
        assert told == [("unread", 2, "two_cards"), ("key", "A"), ("long", "A"),
                        ("card", 1, 6200001234567892)]

    lives(act, options=MODEM_OPTIONS + (("parts", "stripe"),))


def test_a_task_that_hangs_lets_the_watchdog_bite_and_all_others_do_not():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        await asyncio.sleep_ms(120000)
        assert not world.watchdog.bitten() and app.supervisor.stalled() == []
        world.ppp.stuck = True  # and so the modem's task only dies
        world.network.silent = True
        app.drop_link("a test")
        await world.until(world.watchdog.bitten, 900000)
        assert board.way.fault == faults.PPP_STUCK
        with open(world.folder + "/crash") as file:
            assert " modem: stalled\n" in file.read()

    lives(act)


def test_the_modem_tells_the_date_until_the_gateway_does():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        await asyncio.sleep_ms(2000)
        assert world.trusted == [b"\x30ca"]
        assert world.set_to[0] >= 1795360507  # the network's
        assert world.asked_for[0][1:] == (8883, "context", "broker.example")

    async def main(folder):
        with open(folder + "/ca.der", "wb") as file:
            file.write(b"\x30ca")
        world, board, app = booted(folder, options=(("apn", "cmnet"),))
        await world.live(app, lambda: act(world, board, app))

    with scratch() as folder:
        run(main(folder))


def test_a_pin_that_was_refused_is_mended_in_the_settings_and_never_tried_twice():
    nvs, left, tried = {}, [3], []

    def boot(pin, there):
        async def act(world, board, app):
            world.modem.sim, world.modem.pin_left = "SIM PIN", left[0]
            await world.until(lambda: there(app, board), 90000)
            await asyncio.sleep_ms(30000)
            left[0] = world.modem.pin_left
            tried.extend(world.modem.pins_tried)

        lives(act, nvs=nvs, options=MODEM_OPTIONS + (("sim_pin", pin),))

    def refused(app, board):
        return board.way.fault == faults.PIN_REFUSED

    for _ in range(3):
        boot("9999", refused)
    assert tried == ["9999"] and left == [2]
    boot("1234", lambda app, board: app.up())
    assert tried == ["9999", "1234"] and left == [3]
    left[0] = 1  # the last one is nobody's to try
    boot("7777", refused)
    assert tried == ["9999", "1234"]


def test_the_address_is_asked_for_once_an_hour_and_when_nobody_is_there():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        for _ in range(3):
            app.drop_link("a test")
            await asyncio.sleep_ms(5000)
            await world.until(app.up, 60000)
        assert world.lookups == 1
        for host, (address, until_ms) in board._addresses.items():
            assert 0 < until_ms - board.now() <= ADDRESS_MS
            board._addresses[host] = address, 0
        app.drop_link("a test")
        await asyncio.sleep_ms(5000)
        await world.until(app.up, 60000)
        assert world.lookups == 2
        world.network.silent = True
        app.drop_link("a test")
        await asyncio.sleep_ms(40000)
        world.network.silent = False
        await world.until(app.up, 400000)
        assert world.lookups >= 3

    lives(act)


def test_nobody_feeds_before_a_boot_and_a_terminal_says_who_it_is():
    async def act(world, board, app):
        assert board.name == "esp32-sim800" and board.reset_cause == 3
        board.tasks(lambda name: None)
        task = asyncio.create_task(board._upkeep())
        await asyncio.sleep_ms(100)
        task.cancel()
        with open(world.folder + "/crash") as file:
            assert file.read().endswith("watchdog: reset\n")
        assert app.settings.terminal_id == TERMINAL_ID and now_ms() == 100
        assert len(board.random(8)) == 8 and board.ticks_ms() < 1 << 30

    async def start(world, board, app):
        await act(world, board, app)

    async def main(folder):
        world = World(pins.ESP32_SIM800, folder, reads=READS)
        world.reset_cause = 3
        world.provision()
        board, settings = begin(pins.ESP32_SIM800, modem_models.SIM800, world.edge())
        assert world.watchdog is None
        await start(world, board, app_of(board, settings))

    with scratch() as folder:
        run(main(folder))
