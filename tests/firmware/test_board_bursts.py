"""A UART's bytes cut where they end or pause. Portable."""

import asyncio
import random

from firmware.board.bursts import ENDED, FULL, PAUSED, Bursts
from firmware.errors import CardReaderError
from simulator.serial_line import SerialLine
from tests.firmware.portable import within
from tests.firmware.virtual_time import now_ms, run


def cut(act, room=16, ends=b"\r\n"):
    async def main():
        line = SerialLine()
        return await act(line, Bursts(line, now_ms, room, 100, ends))

    return run(main())


async def told(bursts):
    how = await bursts.next()
    return how, bytes(bursts.held[:bursts.size])


def test_an_end_byte_ends_a_burst_and_several_end_it_once():
    async def act(line, bursts):
        line.put(b"\r\none\r\ntwo\n\n\rthr")
        line.put(b"ee\r")
        return await told(bursts), await told(bursts), await told(bursts)

    assert cut(act) == ((ENDED, b"one"), (ENDED, b"two"), (ENDED, b"three"))


def test_a_pause_ends_what_was_begun_and_nothing_is_waited_for_longer():
    async def act(line, bursts):
        asyncio.create_task(line.send(b"half a li", 1200))
        assert await told(bursts) == (PAUSED, b"half a li")
        waited_ms = now_ms()
        asyncio.create_task(line.send(b"whole\r"))
        return waited_ms, await told(bursts)

    waited_ms, then = cut(act)
    assert 170 <= waited_ms <= 190 and then == (ENDED, b"whole")


def test_what_is_too_long_is_told_at_once_and_its_rest_is_passed_over():
    async def act(line, bursts):
        line.put(b"x" * 200)
        assert (await told(bursts))[0] == FULL
        line.put(b"x" * 30 + b"\rnext\r" + b"y" * 50)
        assert await told(bursts) == (ENDED, b"next")
        assert (await told(bursts))[0] == FULL
        # its rest ends with a pause as well
        asyncio.create_task(later(line))
        return await told(bursts)

    async def later(line):
        await asyncio.sleep_ms(150)
        line.put(b"again\r")

    assert cut(act) == (ENDED, b"again")
    assert cut(fits) == (ENDED, b"x" * 16)


async def fits(line, bursts):
    line.put(b"x" * 16 + b"\r")
    return await told(bursts)


def test_being_cancelled_at_any_moment_loses_nothing():
    async def act(line, bursts):
        random.seed(5)
        sent = asyncio.create_task(line.send(b"".join([b"line %d\r" % n for n in range(60)])))
        got = []
        while len(got) < 60:
            each = await within(1 + random.getrandbits(8) % 9, told(bursts))
            if each:
                got.append(each[1])
        await sent
        return got

    assert cut(act) == [b"line %d" % n for n in range(60)]


def test_a_port_that_closed_is_an_error_with_a_name():
    async def act(line, bursts):
        line.put(b"hal")
        line.close()
        for _ in range(2):
            try:
                await bursts.next()
            except CardReaderError as error:
                assert (error.reason, error.code) == ("closed", "card_reader")
            else:
                raise AssertionError("nothing was raised")

    cut(act)
