"""When a handset starts itself anew. Runs on both interpreters."""

import asyncio

from firmware.board import esp32_common
from firmware.board.options import NEVER
from firmware.board.upkeep import (
    HEAP_LOOKS,
    HEAP_LOW,
    QUIET_MS,
    UPTIME_LEAST_MS,
    UPTIME_MOST_MS,
    restart,
)
from simulator.card_field import Card
from tests.firmware.test_board_crash_log import read
from tests.firmware.test_board_esp32_sim800 import CARD, lives

AT_20 = 1764532800 + 20 * 3600 - 1764532800 % 86400
LONG_MS = UPTIME_LEAST_MS


def why(hour=20, at=AT_20, uptime_ms=LONG_MS, quiet_ms=QUIET_MS, owes=False, lows=0):
    return restart(hour, at, uptime_ms, quiet_ms, owes, lows)


def test_once_a_night_at_its_hour():
    assert why() == why(at=AT_20 + 3599) == "night"
    assert why(at=AT_20 - 1) is None and why(at=AT_20 + 3600) is None
    assert why(uptime_ms=LONG_MS - 1) is None, "twice in a night"
    assert why(hour=NEVER) is None


def test_never_with_a_tap_unsettled_or_somebody_there():
    for at in (AT_20, None):
        for lows in (0, HEAP_LOOKS):
            assert why(at=at, uptime_ms=UPTIME_MOST_MS, owes=True, lows=lows) is None
            assert why(at=at, uptime_ms=UPTIME_MOST_MS, quiet_ms=QUIET_MS - 1, lows=lows) is None


def test_without_a_clock_by_uptime():
    assert why(at=None, uptime_ms=UPTIME_MOST_MS) == "uptime"
    assert why(at=None, uptime_ms=UPTIME_MOST_MS - 1) is None


def test_little_heap_three_looks_running_waits_for_no_night():
    assert why(hour=NEVER, uptime_ms=0, lows=HEAP_LOOKS) == "heap"
    assert why(hour=NEVER, uptime_ms=0, lows=HEAP_LOOKS - 1) is None


def at_night(board, app):
    """From now on it is the hour of the restart, and nobody was there for three hours."""
    hour = app.clock.now(app.now()) // 3600 % 24
    board.options = type(board.options)(*(tuple(board.options)[:-1] + (hour,)))
    early = board.now
    board.now = lambda: early() + 3 * 3600000


def test_a_board_with_a_tap_unsettled_starts_anew_only_when_it_is_settled():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        await asyncio.sleep_ms(1000)
        world.network.silent = True
        app.drop_link("a test")
        await world.keys("500#")
        world.reader.cards = [Card(CARD)]
        await asyncio.sleep_ms(1000)
        world.reader.cards = []
        assert app.outbox.unsettled == 1 and not world.posted
        at_night(board, app)
        board._lows = HEAP_LOOKS
        await asyncio.sleep_ms(40000)
        assert world.resets == 0 and app.outbox.unsettled == 1
        board._lows = 0
        world.network.silent = False
        await world.until(lambda: world.posted and not app.outbox.unsettled, 300000)
        await asyncio.sleep_ms(20000)
        assert world.resets and "upkeep: night" in read(world.folder + "/crash")

    lives(act)


def test_a_key_or_a_card_puts_the_night_off_and_a_reader_that_flaps_does_not():
    async def act(world, board, app):
        await world.until(app.up, 60000)
        await asyncio.sleep_ms(1000)
        board._wants_restart, looked = lambda: None, board._wants_restart
        at_night(board, app)
        for event in (("key", "1"), ("card", 2, CARD)):
            board._touched_ms = 0
            assert looked() == "night"
            board.put(event)
            assert looked() is None, event
        for event in (("fault", 2, "bus"), ("unread", 3, "noise")):
            board._touched_ms = 0
            board.put(event)
            assert looked() == "night", event

    lives(act)


def test_little_heap_is_noted_once_and_starts_a_quiet_handset_anew_at_any_hour():
    free = [HEAP_LOW]
    known, esp32_common.heap_free = esp32_common.heap_free, lambda: free[0]

    async def act(world, board, app):
        await world.until(app.up, 60000)
        await asyncio.sleep_ms(1000)
        board._wants_restart, looked = lambda: None, board._wants_restart
        at_night(board, app)
        board.options = type(board.options)(*(tuple(board.options)[:-1] + (NEVER,)))
        low = HEAP_LOW - 1
        for free[0] in (HEAP_LOW, low, low, HEAP_LOW, low, low):
            assert looked() is None
        assert looked() == "heap"
        board._lows = 0
        board._wants_restart = looked
        await asyncio.sleep_ms(60000)
        assert world.resets
        said = read(world.folder + "/crash")
        assert said.count("upkeep: heap low") == 3 and said.endswith("upkeep: heap\n")

    try:
        lives(act)
    finally:
        esp32_common.heap_free = known
