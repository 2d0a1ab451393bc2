"""A UART's bytes come in their order and at their speed, and end when the port closes."""

import asyncio

from simulator.serial_line import SerialLine
from tests.firmware.virtual_time import now_ms, run


def test_bytes_come_at_the_speed_of_the_line():
    async def main():
        line = SerialLine()
        sent = asyncio.create_task(line.send(b"0123456789" * 4, 9600))
        got = b""
        while len(got) < 40:
            got += await line.read(64)
        await sent
        return got, now_ms()

    got, took_ms = run(main())
    assert got == b"0123456789" * 4 and 35 < took_ms < 45


def test_a_read_takes_no_more_than_asked_and_the_end_stays_the_end():
    async def main():
        line = SerialLine()
        line.put(b"abc")
        line.close()
        return await line.read(2), await line.read(2), await line.read(2), await line.read(2)

    assert run(main()) == (b"ab", b"c", b"", b"")
