"""The in-memory byte stream behaves as the firmware's client expects of a socket."""

import asyncio

import pytest

from simulator.loop import VirtualLoop
from simulator.stream import Reader, Writer


def test_bytes_come_out_in_order_and_in_other_pieces_than_they_went_in():
    reader = Reader()
    reader.feed(b"abc")
    reader.feed(b"defg")

    async def main() -> tuple[bytes, bytes]:
        return await reader.readexactly(5), await reader.read(100)

    assert VirtualLoop().run(main()) == (b"abcde", b"fg")


def test_the_end_of_the_stream_is_seen_after_its_last_byte():
    reader = Reader()
    reader.feed(b"xy")
    reader.end()

    async def main() -> None:
        assert await reader.read(10) == b"xy"
        assert await reader.read(10) == b""
        with pytest.raises(EOFError):
            await reader.readexactly(1)

    VirtualLoop().run(main())


def test_a_broken_stream_raises_on_both_ends():
    reader, sent = Reader(), []
    writer = Writer(sent.append, lambda: None)
    reader.fail(OSError(104, "reset"))
    writer.fail(OSError(104, "reset"))

    async def main() -> None:
        writer.write(b"x")
        with pytest.raises(OSError):
            await writer.drain()
        with pytest.raises(OSError):
            await reader.read(1)

    VirtualLoop().run(main())
    assert sent == []


def test_a_waiting_reader_wakes_when_bytes_arrive():
    loop, reader = VirtualLoop(), Reader()
    loop.call_later(3, reader.feed, b"late")

    async def main() -> tuple[bytes, float]:
        return await reader.readexactly(4), asyncio.get_running_loop().time()

    assert loop.run(main()) == (b"late", 3.0)


def test_nothing_is_sent_before_drain_and_nothing_after_close():
    sent: list[bytes] = []
    shut: list[bool] = []
    writer = Writer(sent.append, lambda: shut.append(True))
    writer.write(b"a")
    writer.write(b"b")
    assert sent == []

    async def main() -> None:
        await writer.drain()
        writer.close()
        writer.close()
        with pytest.raises(OSError):
            await writer.drain()

    VirtualLoop().run(main())
    assert sent == [b"ab"] and shut == [True]
