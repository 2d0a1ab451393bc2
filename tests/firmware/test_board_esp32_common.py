"""What an ESP32 board keeps, counts and believes. Runs on both interpreters."""

import asyncio

from firmware.board import dates, kept_file, modem_models, pins
from firmware.board.esp32_common import EVENTS_MAX, Esp32Board
from firmware.board.esp32_main import begin
from firmware.settings import read, with_keys
from tests.firmware.esp32_world import MODEM_OPTIONS, World
from tests.firmware.replies import AT
from tests.firmware.scratch import scratch
from tests.firmware.virtual_time import run

READS = (34, 35, 36, 39)


def made(act, **more):
    """Run `act(world, board)` with a board that was just built."""
    async def main():
        world = World(pins.ESP32_SIM800, folder, reads=READS, **more)
        world.provision()
        board, _ = begin(pins.ESP32_SIM800, modem_models.SIM800, world.edge())
        assert isinstance(board, Esp32Board)
        return await act(world, board)

    with scratch() as folder:
        return run(main())


def test_boots_are_counted_and_a_broken_store_stops_nobody():
    async def count(world, board):
        return board.boot_count

    nvs = {}
    assert [made(count, nvs=nvs) for _ in range(3)] == [1, 2, 3]

    async def broken(world, board):
        world.nvs_broken = True
        again, _ = begin(pins.ESP32_SIM800, modem_models.SIM800, world.edge())
        assert again.boot_count == 1
        again.clock_set(AT)

    made(broken)


def test_the_gateways_day_is_written_once_a_day_and_nobody_elses_ever():
    async def act(world, board):
        writes = []

        board._keep = lambda name, value: (writes.append((name, value)),
                                           world.nvs.update({name: value}))
        for later_s in (0, 60, 3600, dates.DAY_S, dates.DAY_S + 60):
            board.clock_set(AT + later_s)
        assert writes == [("day", AT // dates.DAY_S), ("day", AT // dates.DAY_S + 1)]

    made(act)


def test_the_date_is_the_newest_known_and_the_gateways_word_counts_most():
    built = dates.BUILD_DAY * dates.DAY_S

    async def act(world, board):
        board._set_date()
        assert world.set_to[-1] == built  # the chip's clock was never set
        world.chip_clock = built + 500
        board._set_date()
        assert world.set_to[-1] == built + 500
        world.nvs["day"] = dates.BUILD_DAY + 9
        board._set_date()
        assert world.set_to[-1] == built + 9 * dates.DAY_S
        board.way.clock = lambda: built + 20 * dates.DAY_S
        board._set_date()
        assert world.set_to[-1] == built + 20 * dates.DAY_S
        board.clock_set(built + 10 * dates.DAY_S)
        await asyncio.sleep_ms(3000)
        board._set_date()
        assert world.set_to[-1] == built + 10 * dates.DAY_S + 3

    made(act)


def test_what_is_kept_by_a_name_lies_beside_the_settings():
    async def act(world, board):
        assert board.kept("operators") is None
        board.keep("operators", b"rows")
        assert board.kept("operators") == b"rows"
        assert kept_file.kept(world.folder + "/operators") == b"rows"

    made(act)


def test_settings_are_written_with_the_boards_own_names():
    async def act(world, board):
        path = world.folder + "/settings"
        before = read(path)
        board.save_settings(with_keys(before, 2, bytes(32), "42-2", "q", ()))
        assert read(path).epoch == 2 and read(path).others == MODEM_OPTIONS

    made(act)


def test_keys_that_nobody_takes_are_counted_and_the_oldest_kept():
    async def act(world, board):
        for place in range(EVENTS_MAX + 3):
            board.put(("key", str(place % 10)))
        assert board.lost == 3
        for key in "012":
            assert await board.event() == ("key", key)

    made(act)


def test_no_event_is_lost_when_nobody_waits_any_more():
    async def act(world, board):
        try:
            await asyncio.wait_for_ms(board.event(), 100)
        except asyncio.TimeoutError:  # noqa: UP041 - MicroPython
            pass
        board.put(("key", "1"))
        assert await board.event() == ("key", "1")

    made(act)


def test_a_reset_is_the_chips_and_mains_has_no_battery():
    async def act(world, board):
        board.reset()
        assert world.resets == 1
        assert board.battery_percent() is None and board.signal_dbm() is None

    made(act, options=MODEM_OPTIONS + (("cell", "0"),))


def test_volume_and_brightness_are_set_at_once():
    async def act(world, board):
        running = [asyncio.create_task(part.run()) for part in (board.pixels, board.buzzer)]
        seen = []
        for level in (0, 3):
            board.adjust("brightness", level)
            board.adjust("volume", level)
            world.buzzer.heard.clear()
            board.beep("key")
            await asyncio.sleep_ms(500)
            seen.append((world.display.contrast, bool(world.buzzer.heard)))
        assert seen[0][0] < seen[1][0] and [heard for _, heard in seen] == [False, True]
        for task in running:
            task.cancel()

    made(act)


def test_one_block_of_aes_is_the_standards():
    async def act(world, board):
        sealed = board.aes(bytes(range(16))).encrypt(
            bytes([17 * place for place in range(16)]))
        assert sealed[:4] == b"\x69\xc4\xe0\xd8"  # FIPS 197, appendix C.1

    made(act)
