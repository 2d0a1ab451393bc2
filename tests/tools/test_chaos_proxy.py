"""The misbehaving proxy: each fault does what its name says, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from tools.chaos import faults
from tools.chaos.faults import Fault
from tools.chaos.proxy import HOST, Proxy

# a hang guard, no measure
PATIENCE_S = 20
LONG_MS = 3_600_000
# long enough for what would pass to have passed on this machine, and never needed when all is well
SILENCE_S = 0.3


class Far:
    """The far side: it answers every piece with the same bytes, and remembers what came."""

    def __init__(self) -> None:
        self.came = bytearray()
        self.ended = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(1000):
                self.came += data
                writer.write(data)
        except OSError:
            pass
        self.ended.set()


@asynccontextmanager
async def house():
    far = Far()
    server = await asyncio.start_server(far.serve, HOST, 0)
    proxy = Proxy(server.sockets[0].getsockname()[1], Random(1))
    await proxy.open()
    try:
        yield far, proxy
    finally:
        await proxy.close()
        server.close()
        for each in far.writers:
            each.close()


def run(main: Callable[[Far, Proxy], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with house() as (far, proxy):
            await asyncio.wait_for(main(far, proxy), PATIENCE_S)
    asyncio.run(whole())


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, proxy.port)


async def silent(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), SILENCE_S)
    except TimeoutError:
        return True
    return False


async def end_of(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except OSError:
        return True


def test_without_faults_bytes_pass_both_ways_in_order():
    async def main(far: Far, proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        sent = bytes(range(256)) * 100
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent == bytes(far.came)
        assert proxy.connections == 1
        writer.close()
    run(main)


def test_an_end_on_either_side_is_an_end_on_the_other_with_nothing_missing():
    async def main(far: Far, proxy: Proxy) -> None:
        _, writer = await connect(proxy)
        writer.write(b"last words")
        writer.close()
        await far.ended.wait()
        assert bytes(far.came) == b"last words"
        reader, writer = await connect(proxy)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        far.writers[-1].close()
        assert await end_of(reader)
    run(main)


@pytest.mark.parametrize("fault", [Fault(faults.DELAY, 200, LONG_MS),
                                   Fault(faults.DRIP, 100, LONG_MS)])
def test_what_is_late_comes_whole_and_not_sooner(fault: Fault):
    async def main(far: Far, proxy: Proxy) -> None:
        await proxy.apply(fault)
        reader, writer = await connect(proxy)
        clock = asyncio.get_running_loop().time
        began = clock()
        writer.write(b"0123456789" * 3)
        assert await reader.readexactly(30) == b"0123456789" * 3
        assert clock() - began >= 0.2  # never sooner; how much later is the machine's own
    run(main)


def test_jitter_keeps_the_order():
    async def main(far: Far, proxy: Proxy) -> None:
        await proxy.apply(Fault(faults.JITTER, 30, LONG_MS))
        reader, writer = await connect(proxy)
        for number in range(50):
            writer.write(bytes([number]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await reader.readexactly(50) == bytes(range(50))
    run(main)


def test_a_cut_ends_what_is_connected_and_lets_the_next_one_in():
    async def main(far: Far, proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        writer.write(b"x")
        await reader.readexactly(1)
        await proxy.apply(Fault(faults.CUT, 0, 0))
        assert await end_of(reader)
        reader, writer = await connect(proxy)
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"
    run(main)


def test_a_truncated_packet_arrives_to_its_middle_and_then_an_end():
    async def main(far: Far, proxy: Proxy) -> None:
        await proxy.apply(Fault(faults.TRUNCATE, 15, 0))
        reader, writer = await connect(proxy)
        writer.write(b"0123456789")
        assert await reader.readexactly(10) == b"0123456789"
        writer.write(b"0123456789")
        await far.ended.wait()
        assert bytes(far.came) == b"012345678901234"
        reader, writer = await connect(proxy)  # once only
        writer.write(bytes(400))
        assert await reader.readexactly(400) == bytes(400)
    run(main)


def test_refused_is_refused_until_the_fault_ends_and_the_port_stays_the_same():
    async def main(far: Far, proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        await proxy.apply(Fault(faults.REFUSE, LONG_MS, LONG_MS))
        with pytest.raises(ConnectionRefusedError):
            await connect(proxy)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"  # who is in stays in
        await proxy.calm()
        reader, writer = await connect(proxy)
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"
    run(main)


def test_a_fault_ends_by_itself_when_its_time_is_over():
    async def main(far: Far, proxy: Proxy) -> None:
        await proxy.apply(Fault(faults.REFUSE, 20, 20))
        while proxy.faulty():
            await asyncio.sleep(0.005)
        await connect(proxy)
    run(main)


@pytest.mark.parametrize(("name", "arrives", "answered"), [
    (faults.BLACK_HOLE, False, False), (faults.MUTE, False, False), (faults.DEAF, True, False)])
def test_a_half_open_connection_stays_so_when_the_fault_is_over(name: str, arrives: bool,
                                                                answered: bool):
    async def main(far: Far, proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        await proxy.apply(Fault(name, LONG_MS, LONG_MS))
        writer.write(b"x")
        assert await silent(reader) is not answered
        assert (bytes(far.came) == b"x") is arrives
        await proxy.calm()
        writer.write(b"y")
        assert await silent(reader)
        far.writers[0].close()
        assert await silent(reader)  # it does not hear of the other's end either
        reader, writer = await connect(proxy)
        writer.write(b"z")
        assert await reader.readexactly(1) == b"z"
    run(main)


def test_a_black_hole_shakes_hands_and_says_no_more():
    async def main(far: Far, proxy: Proxy) -> None:
        await proxy.apply(Fault(faults.BLACK_HOLE, LONG_MS, LONG_MS))
        reader, writer = await connect(proxy)
        writer.write(b"x")
        assert await silent(reader) and not far.writers
    run(main)


def test_nobody_behind_the_proxy_ends_the_connection():
    async def main() -> None:
        proxy = Proxy(1, Random(1))
        await proxy.open()
        reader, _ = await connect(proxy)
        assert await asyncio.wait_for(end_of(reader), PATIENCE_S)
        await proxy.close()
    asyncio.run(main())
