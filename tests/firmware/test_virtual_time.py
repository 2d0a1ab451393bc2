"""The clock of portable tests moves by what was slept, however slow the machine. Portable."""

import asyncio
import time

from tests.firmware.virtual_time import now_ms, run


def a_slow_machine(ms=4):
    end = time.time_ns() + ms * 1_000_000
    while time.time_ns() < end:
        pass


def test_what_a_slow_machine_takes_moves_no_clock():
    async def main():
        woken = []

        async def other():
            await asyncio.sleep_ms(3)
            a_slow_machine()
            woken.append(("other", now_ms()))

        task = asyncio.create_task(other())
        a_slow_machine()
        await asyncio.sleep_ms(2)
        woken.append(("main", now_ms()))
        a_slow_machine()
        await asyncio.sleep_ms(2)
        woken.append(("main", now_ms()))
        await task
        return woken

    assert run(main()) == [("main", 2), ("other", 3), ("main", 4)]
