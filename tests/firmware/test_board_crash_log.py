"""Crashes as lines of names and numbers, bounded. Runs on both interpreters."""

import asyncio
import os

from firmware.board.crash_log import FILE_SIZE_MAX, LINES_MAX, CrashLog, trace
from tests.firmware.scratch import scratch
from tests.firmware.test_board_esp32_sim800 import lives

CARD = "6200001234567892"


def fails():
    raise ValueError("card " + CARD)


def died():
    try:
        fails()
    except ValueError as error:
        return error
    return None


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def test_an_error_is_its_class_and_its_places_and_never_its_message():
    said = trace(died())
    assert said.startswith("ValueError ") and said.endswith(" fails")
    assert "test_board_crash_log.py:" in said and CARD not in said


def test_two_files_are_all_it_takes_and_the_newest_lines_are_there():
    with scratch() as folder:
        for boot in range(20):
            log = CrashLog(folder + "/crash", f"boot={boot}")
            for at in range(LINES_MAX + 5):
                log.keep(at, 5000, "panel", "ValueError app.py:12 _panel")
        sizes = [os.stat(folder + "/" + name)[6] for name in os.listdir(folder)]
        assert len(sizes) == 2 and max(sizes) <= FILE_SIZE_MAX
        last = read(folder + "/crash").split("\n")[-2]
        assert last == f"boot=19 up={LINES_MAX - 1} heap=5000 panel: ValueError app.py:12 _panel"


def test_its_lines_are_counted_in_both_files():
    with scratch() as folder:
        log = CrashLog(folder + "/crash", "boot=1")
        assert log.count() == 0
        with open(folder + "/crash.old", "w") as file:
            file.write("one\ntwo\n")
        log.keep(1, 2, "panel", "x")
        assert log.count() == 3


def test_a_storage_that_fails_is_passed_over():
    CrashLog("/no/such/folder/crash", "").keep(1, None, "panel", "ended")


def test_a_reset_by_the_watchdog_leaves_a_line_and_another_one_none():
    async def act(world, board, app):
        for cause, said in ((1, ""), (5, ""), (3, " watchdog: reset\n")):
            board.reset_cause = cause
            board._wants_restart = lambda: None
            task = asyncio.create_task(board._upkeep())
            await asyncio.sleep_ms(100)
            task.cancel()
            assert read(world.folder + "/crash")[-len(" watchdog: reset\n"):] == said

    lives(act)


def test_a_task_that_dies_on_a_board_leaves_a_line_and_goes_on():
    async def act(world, board, app):
        await asyncio.sleep_ms(500)

        def broken(size):
            raise ValueError("card " + CARD)

        board.battery.read, sound = lambda: broken(1), board.battery.read
        await asyncio.sleep_ms(1500)
        board.battery.read = sound
        await asyncio.sleep_ms(5000)
        said = read(world.folder + "/crash")
        assert said.startswith("boot=1 version=") and "reset=1 " in said
        assert " battery: ValueError " in said and said.endswith(" broken\n")
        assert CARD not in said and board.battery_percent() is not None
        assert app.supervisor.error is None

    lives(act)


def test_a_night_starts_the_handset_anew_only_when_all_is_settled():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        await asyncio.sleep_ms(1000)
        hour = app.clock.now(app.now()) // 3600 % 24
        board.options = type(board.options)(*(tuple(board.options)[:-1] + (hour,)))
        board._wants_restart, looked = lambda: None, board._wants_restart
        early = board.now
        board.now = lambda: early() + 3 * 3600000
        assert looked() == "night"
        board._touched_ms = board.now()
        assert looked() is None
        board._touched_ms = 0
        real, app.outbox = app.outbox, None
        assert looked() is None
        app.outbox = real
        board._wants_restart = looked
        await asyncio.sleep_ms(20000)
        assert world.resets >= 1 and "upkeep: night" in read(world.folder + "/crash")

    lives(act)
