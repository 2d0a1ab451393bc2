"""Parts on ports, a bus that is held, a partition that is not there. Runs on both."""

import asyncio

from firmware.board import pins
from firmware.board.esp32_parts import display_of, keypad_of, outbox_of, ports_of
from firmware.board.scanner import Scanner
from firmware.board.stripe import StripeReader
from firmware.errors import SettingsError
from firmware.outbox import Outbox, OutboxUnreadable
from tests.firmware.esp32_world import World
from tests.firmware.portable import raises
from tests.firmware.scripted import SETTINGS
from tests.firmware.virtual_time import now_ms, run


def test_each_part_has_a_port_and_there_are_no_more_than_ports():
    world = World(pins.ESP32S3_A7670, "")
    edge = world.edge()
    printer, readers = ports_of(pins.ESP32S3_A7670, edge, ["stripe", "scanner"], None, SETTINGS,
                                None)
    assert printer is None and [type(reader) for _, reader in readers] == [StripeReader, Scanner]
    assert ports_of(pins.ESP32S3_A7670, edge, [], None, SETTINGS, None) == (None, [])
    for wrong in (["stripe", "scanner", "printer"], ["stripe", "stripe"]):
        assert raises(SettingsError, ports_of, pins.ESP32S3_A7670, edge, wrong, None, SETTINGS,
                      None)


def test_a_bus_that_is_held_is_clocked_free_and_the_keys_on_it_come_back():
    async def main():
        world = World(pins.ESP32_SIM800, "", reads=(34, 35, 36, 39))
        edge = world.edge()
        display = display_of(pins.ESP32_SIM800, edge)
        keypad = keypad_of(pins.ESP32_SIM800, edge, now_ms)
        world.display.hold_bus()
        keypad.scan()
        task = asyncio.create_task(display.run())
        await asyncio.sleep_ms(5000)
        assert display.fault is None and world.display.on
        world.matrix.now_ms = now_ms()
        world.matrix.press("7")
        world.matrix.now_ms += 50
        assert keypad.held("7") and not keypad.held("8")
        task.cancel()

    run(main())


def test_an_outbox_that_is_not_there_is_unreadable_with_its_reason():
    world = World(pins.ESP32_SIM800, "")
    world.partitions.clear()
    outbox = Outbox(outbox_of(world.edge()))
    error = raises(OutboxUnreadable, outbox.mount)
    assert "partition" in str(error)
