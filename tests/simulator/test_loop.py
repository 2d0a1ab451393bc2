"""Virtual time: an hour passes in no time, in one order, and nothing fails in silence."""

import asyncio

import pytest

from simulator.errors import Spinning, Stalled, TaskDied
from simulator.loop import DEAD_TIMERS_MIN, US, VirtualLoop


def test_sleeping_an_hour_moves_the_clock_by_exactly_an_hour():
    loop = VirtualLoop()
    loop.run(asyncio.sleep(3600))
    assert loop.now_us == 3600 * US


def test_tasks_of_one_instant_run_in_the_order_in_which_they_were_set():
    loop = VirtualLoop()
    seen = []

    async def note(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        seen.append((loop.now_us, name))

    async def main() -> None:
        await asyncio.gather(note("a", 2), note("b", 1), note("c", 2), note("d", 1))

    loop.run(main())
    assert seen == [(US, "b"), (US, "d"), (2 * US, "a"), (2 * US, "c")]


def test_a_timeout_fires_at_its_virtual_instant():
    loop = VirtualLoop()

    async def main() -> int:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        return loop.now_us

    assert loop.run(main()) == 10 * US


def test_waiting_for_what_can_never_come_is_an_error_and_not_a_hang():
    loop = VirtualLoop()

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stalled):
        loop.run(main())


def test_going_round_without_waiting_is_an_error_and_not_a_hang(monkeypatch):
    monkeypatch.setattr("simulator.loop.SPINNING_STEPS", (1 << 10) - 1)
    loop = VirtualLoop()

    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Spinning, match="1024 steps"):
        loop.run(main())


def test_much_work_at_different_instants_is_no_going_round(monkeypatch):
    monkeypatch.setattr("simulator.loop.SPINNING_STEPS", (1 << 5) - 1)
    loop = VirtualLoop()

    async def main() -> None:
        for _ in range(200):
            await asyncio.sleep(0.001)

    loop.run(main())
    assert loop.now_us == 200_000


def test_running_until_an_instant_leaves_later_work_undone():
    loop = VirtualLoop()
    seen: list[int] = []
    for second in (1, 2, 3):
        loop.call_later(second, seen.append, second)
    loop.run_until_us(2 * US)
    assert seen == [1, 2] and loop.now_us == 2 * US


def test_a_cancelled_timer_neither_runs_nor_moves_the_clock():
    loop = VirtualLoop()
    loop.call_later(5, pytest.fail, "ran").cancel()
    loop.run(asyncio.sleep(1))
    loop.run_until_us(2 * US)
    assert loop.now_us == 2 * US


def test_timers_cancelled_in_great_number_take_no_room_and_move_no_other():
    loop = VirtualLoop()
    seen: list[int] = []
    for number in range(10 * DEAD_TIMERS_MIN):
        timer = loop.call_at_us(US + number // 7, seen.append, number)
        if number % 100:
            timer.cancel()
            timer.cancel()
        assert len(loop._timers) <= 2 * (number // 100 + 1) + DEAD_TIMERS_MIN + 1
    loop.run_until_us(2 * US)
    assert seen == list(range(0, 10 * DEAD_TIMERS_MIN, 100))


def test_a_callback_that_fails_is_reported_by_the_run():
    loop = VirtualLoop()
    loop.call_later(1, lambda: 1 // 0)
    with pytest.raises(TaskDied, match="ZeroDivisionError"):
        loop.run_until_us(2 * US)


def test_closing_ends_the_tasks_that_still_wait():
    loop = VirtualLoop()
    ended = []

    async def forever() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append(True)

    async def main() -> None:
        asyncio.get_running_loop().create_task(forever())
        await asyncio.sleep(1)

    loop.run(main())
    loop.close()
    assert ended and loop.is_closed()
