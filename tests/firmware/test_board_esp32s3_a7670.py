"""The ESP32-S3 board: keys on pins, Wi-Fi or an A7670, a printer beside a scanner. Portable."""

import asyncio

from firmware.board import modem_models, pins
from firmware.board.esp32_main import app_of, begin
from simulator.card_field import Card
from tests.firmware.esp32_world import MODEM_OPTIONS, WIFI_OPTIONS, World
from tests.firmware.scratch import scratch
from tests.firmware.virtual_time import run

THERE = tuple(range(22)) + tuple(range(35, 49))
CARD = b"\x04\x11\x22\x33\x44\x55\x66"


def lives(act, options, model="A7670"):
    async def main():
        world = World(pins.ESP32S3_A7670, folder, options, there=THERE, model=model)
        world.provision()
        board, settings = begin(pins.ESP32S3_A7670, modem_models.A7670, world.edge())
        app = app_of(board, settings)
        await world.live(app, lambda: act(world, board, app))
        return world

    with scratch() as folder:
        return run(main())


async def sells(world, board, app):
    await world.until(app.up, 90000)
    await world.keys("990#")
    world.reader.cards = [Card(CARD)]
    await world.until(lambda: (7, 1) in world.posted, 60000)
    await asyncio.sleep_ms(1000)
    assert app.screen.lines[1] == "Posted +9"
    assert bytes(world.display.visible()) == bytes(board.pixels._wanted)


def test_it_sells_over_its_modem():
    world = lives(sells, MODEM_OPTIONS)
    assert world.modem.boots == 1 and world.expander.transfers == 0


def test_it_sells_over_another_modem_by_configuration():
    world = lives(sells, MODEM_OPTIONS + (("modem", "SIM7600"),), "SIM7600")
    assert world.modem.boots == 1


def test_it_sells_over_wifi_and_leaves_the_modem_alone():
    world = lives(sells, WIFI_OPTIONS)
    assert world.modem.boots == 0 and world.modem.commands == []


def test_a_printer_and_a_scanner_have_a_port_each():
    async def act(world, board, app):
        asyncio.create_task(world.printer.run())
        await asyncio.sleep_ms(3000)
        assert [name for name, _ in board._readers] == ["scanner"]
        assert board.printer.state == "idle"
        await asyncio.sleep_ms(50000)
        # each of them shows progress under the name that the supervisor knows it by
        assert app.supervisor.stalled() == [] and not world.watchdog.bitten()

    lives(act, WIFI_OPTIONS + (("parts", "printer,scanner"),))
