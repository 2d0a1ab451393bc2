"""From a chip that started to a handset, or to a screen that says why not. Portable."""

import asyncio

from firmware.board import files, modem_models, pins
from firmware.board.esp32_main import app_of, begin, main, say
from firmware.board.ssd1306 import Ssd1306
from tests.firmware.esp32_world import MODEM_OPTIONS, World
from tests.firmware.scratch import scratch
from tests.firmware.virtual_time import run

READS = (34, 35, 36, 39)


def begun(prepare, options=MODEM_OPTIONS):
    """(world, what `begin` gave) of a chip that `prepare(world)` left as it found it."""
    async def act():
        world = World(pins.ESP32_SIM800, folder, options, reads=READS)
        world.provision()
        prepare(world)
        found = begin(pins.ESP32_SIM800, modem_models.SIM800, world.edge())
        if isinstance(found[0], Ssd1306):
            await say(*found)
            assert world.display.on and any(world.display.visible())
            assert world.watchdog is None, "a technician has no minute to hurry"
        return world, found

    with scratch() as folder:
        return run(act())


def nothing(world):
    pass


def spoil(world):
    with open(world.folder + "/settings", "r+b") as file:
        file.seek(40)
        file.write(b"x")


def test_damaged_settings_are_said_and_nothing_is_written():
    world, (_, lines) = begun(spoil)
    assert lines == ("SETTINGS FAULT", "Call technician")
    assert world.nvs == {}


def test_options_that_cannot_be_are_said_too():
    for wrong in ((), (("apn", "x"), ("tls", "1")), MODEM_OPTIONS + (("parts", "printer,stripe"),),
                  MODEM_OPTIONS + (("sim_pin", "12"),)):
        assert begun(nothing, wrong)[1][1] == ("SETTINGS FAULT", "Call technician")


def test_a_ca_that_is_no_der_is_said():
    def pem(world):
        with open(world.folder + "/ca.der", "wb") as file:
            file.write(b"-----BEGIN CERTIFICATE-----")

    assert begun(pem, (("apn", "x"),))[1][1][0] == "SETTINGS FAULT"


def test_files_that_cannot_be_mounted_are_said():
    class NoPartition:
        TYPE_DATA = 1

        def find(self, kind, label):
            return []

    files.mount(None, NoPartition())
    try:
        assert begun(nothing)[1][1] == ("FILES FAULT", "Call technician")
    finally:
        files._faults.clear()


def test_two_keys_held_at_the_start_free_the_console_and_one_that_sticks_does_not():
    def both(world):
        world.matrix.press("*")
        world.matrix.press("#")

    def one(world):
        world.matrix.press("*")

    assert begun(both)[1][1] == ("TECHNICIAN", "USB is open")
    assert not isinstance(begun(one)[1][0], Ssd1306)


def test_without_an_outbox_partition_the_handset_says_that_it_takes_no_taps():
    async def act():
        world = World(pins.ESP32_SIM800, folder, reads=READS)
        world.provision()
        world.partitions.clear()
        app = app_of(*begin(pins.ESP32_SIM800, modem_models.SIM800, world.edge()))

        async def story():
            await asyncio.sleep_ms(1000)
            assert app.screen.lines[1:3] == ("OUTBOX FAULT", "No taps possible")

        await world.live(app, story)

    with scratch() as folder:
        run(act())


def test_main_comes_back_where_there_is_no_handset():
    with scratch() as folder:
        world = World(pins.ESP32_SIM800, folder, reads=READS)
        main(pins.ESP32_SIM800, modem_models.SIM800, world.edge(), run)
        assert world.display.on
