"""The radio: latency, order, and the half-open link of a handset without coverage."""

import asyncio
from random import Random

import pytest

from simulator import packets
from simulator.broker import Broker, Credential
from simulator.loop import US, VirtualLoop
from simulator.radio import Radio, Weather

CONNECT = packets.packet(packets.CONNECT, 0, b"\0\x04MQTT\x04\xc2\0\x14\0\x017\0\x037-1\0\x01p")
PING = packets.packet(packets.PINGREQ, 0, b"")


def street(seed: int = 1, **weather: int) -> tuple[VirtualLoop, Radio]:
    loop = VirtualLoop()
    broker = Broker({"7-1": Credential(7, b"p")})
    return loop, Radio(loop, Random(seed), Weather(**weather), broker)


def test_an_answer_takes_two_latencies():
    loop, radio = street(latency_ms_min=100, latency_ms_max=100)

    async def main() -> tuple[bytes, int]:
        reader, writer = await radio.connect("broker", 1883)
        begun = loop.now_us
        writer.write(CONNECT)
        await writer.drain()
        return await reader.readexactly(4), loop.now_us - begun

    assert loop.run(main()) == (packets.connack(0), 200_000)


def test_bytes_keep_their_order_whatever_the_latency():
    loop, radio = street(latency_ms_min=1, latency_ms_max=900)

    async def main() -> bytes:
        reader, writer = await radio.connect("broker", 1883)
        for part in (CONNECT, PING, PING):
            writer.write(part)
            await writer.drain()
        return await reader.readexactly(8)

    assert loop.run(main()) == packets.connack(0) + packets.pingresp() * 2


def test_what_is_sent_in_the_dark_arrives_when_the_light_is_back():
    loop, radio = street()

    async def main() -> int:
        reader, writer = await radio.connect("broker", 1883)
        radio.set_dark(True)
        loop.call_later(10, radio.set_dark, False)
        writer.write(CONNECT)
        await writer.drain()
        await reader.readexactly(4)
        return loop.now_us

    assert loop.run(main()) > 10 * US


def test_connecting_in_the_dark_fails_after_its_time():
    loop, radio = street(connect_timeout_s=20)
    radio.set_dark(True)

    async def main() -> None:
        with pytest.raises(OSError):
            await radio.connect("broker", 1883)

    loop.run(main())
    assert loop.now_us == 20 * US


def test_a_handset_without_power_is_missed_by_the_broker_after_its_keepalive():
    loop, radio = street()

    async def main() -> None:
        reader, writer = await radio.connect("broker", 1883)
        writer.write(CONNECT)
        await writer.drain()
        await reader.readexactly(4)
        radio.cut()
        await asyncio.sleep(60)

    loop.run(main())
    assert radio._broker._connections == {}


def test_the_same_seed_gives_the_same_weather():
    def times(seed: int) -> list[int]:
        _, radio = street(seed)
        return [radio.latency_us() for _ in range(20)]

    assert times(1) == times(1) != times(2)
