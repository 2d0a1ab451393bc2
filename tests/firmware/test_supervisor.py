"""Tasks that may not die silently. Runs on both interpreters; time is a counter."""

import asyncio

from firmware.supervisor import DEATHS_MAX, LIVED_MS, RESTART_MS, RESTART_MS_MAX, Supervisor


class Desk:
    """A clock that only moves by sleeping, and what the supervisor said and fed."""

    def __init__(self):
        self.now_ms = 0
        self.deaths = []
        self.fed = 0
        self.supervisor = Supervisor(lambda: self.now_ms, self.report, self.feed, 60000)

    def report(self, name, why):
        self.deaths.append((name, why))

    def feed(self):
        self.fed += 1


def run(desk, until):
    """Run the supervisor until `until()` holds; sleeping takes no real time."""
    real = asyncio.sleep_ms

    async def sleep_ms(ms):
        desk.now_ms += ms
        await asyncio.sleep(0)

    async def main():
        task = asyncio.create_task(desk.supervisor.run())
        for _ in range(500):
            if until():
                break
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        return until()

    asyncio.sleep_ms = sleep_ms
    try:
        return asyncio.run(main())
    finally:
        asyncio.sleep_ms = real


def test_a_task_that_dies_is_said_and_started_again():
    desk, starts = Desk(), []

    async def faulty():
        starts.append(1)
        raise ValueError("broken reader")

    desk.supervisor.add("cards", faulty)
    assert run(desk, lambda: len(starts) >= 3)
    assert desk.deaths[0] == ("cards", "ValueError: broken reader")
    assert desk.supervisor.deaths("cards") >= 2


def test_a_task_that_does_nothing_but_die_lets_the_watchdog_bite():
    desk = Desk()

    async def faulty():
        desk.supervisor.progress("link")
        raise MemoryError()

    desk.supervisor.add("link", faulty)
    assert run(desk, lambda: desk.supervisor.deaths("link") > DEATHS_MAX)
    fed = desk.fed
    assert fed and desk.supervisor.stalled() == ["link"]
    assert run(desk, lambda: desk.supervisor.deaths("link") > 2 * DEATHS_MAX + 2)
    assert desk.fed - fed <= 1


def test_one_that_lives_long_between_its_deaths_starves_nobody_and_is_back_soon():
    desk, lives, died, stalled = Desk(), [], [], []

    async def faulty():
        lives.append(desk.now_ms)
        while desk.now_ms - lives[-1] <= LIVED_MS:
            desk.supervisor.progress("link")
            stalled.extend(desk.supervisor.stalled())
            desk.now_ms += 1000
            await asyncio.sleep(0)
        died.append(desk.now_ms)
        raise OSError(5)

    desk.supervisor.add("link", faulty)
    assert run(desk, lambda: len(lives) > DEATHS_MAX + 3)
    assert stalled == []
    # the watch sleeps on the same clock, 20 s at a time
    assert lives[-1] - died[len(lives) - 2] < RESTART_MS_MAX


def test_a_death_that_cannot_be_said_is_counted_and_the_task_lives_again():
    desk, starts = Desk(), []

    async def faulty():
        starts.append(1)
        raise MemoryError()

    def report(name, why):
        raise MemoryError()

    desk.supervisor = Supervisor(lambda: desk.now_ms, report, desk.feed, 60000)
    desk.supervisor.add("cards", faulty)
    assert run(desk, lambda: len(starts) >= 3)
    assert desk.supervisor.unsaid >= 2


def test_a_task_that_simply_ends_is_dead_too():
    desk = Desk()

    async def ends():
        pass

    desk.supervisor.add("panel", ends)
    assert run(desk, lambda: desk.deaths)
    assert desk.deaths[0] == ("panel", "ended")


def test_restarts_wait_longer_each_time_up_to_half_a_minute():
    desk, starts = Desk(), []

    async def faulty():
        starts.append(desk.now_ms)
        raise OSError(5)

    desk.supervisor.add("cards", faulty)
    assert run(desk, lambda: len(starts) >= 9)
    assert RESTART_MS <= starts[1] - starts[0]
    # the watch sleeps on the same clock, 20 s at a time
    assert starts[8] - starts[7] >= RESTART_MS_MAX


def test_the_watchdog_is_fed_while_all_make_progress():
    desk = Desk()

    async def lively():
        while True:
            desk.supervisor.progress("panel")
            await asyncio.sleep(0)

    desk.supervisor.add("panel", lively)
    assert run(desk, lambda: desk.fed >= 5)


def test_one_task_without_progress_starves_the_watchdog():
    desk = Desk()

    async def lively():
        while True:
            desk.supervisor.progress("panel")
            await asyncio.sleep(0)

    async def hangs():
        while True:
            await asyncio.sleep(0)

    desk.supervisor.add("panel", lively)
    desk.supervisor.add("link", hangs)
    assert run(desk, lambda: desk.now_ms > 1000000)
    assert desk.fed <= 3
    assert desk.supervisor.stalled() == ["link"]


def test_cancelling_it_takes_the_tasks_with_it():
    desk, ended = Desk(), []

    async def waits():
        try:
            while True:
                desk.supervisor.progress("panel")
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.append(1)
            raise

    desk.supervisor.add("panel", waits)

    async def main():
        task = asyncio.create_task(desk.supervisor.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert ended == [1]
