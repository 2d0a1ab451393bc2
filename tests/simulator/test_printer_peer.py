"""The fake printer against the command manuals."""

import asyncio

from simulator.printer_peer import XOFF, XON, PrinterPeer
from tests.firmware.virtual_time import now_ms, run


def fed(data, peer=None, ms=5000):
    """The peer after so many ms with these bytes, and what it answered."""
    async def main():
        it = peer or PrinterPeer()
        task = asyncio.create_task(it.run())
        it.writer.write(data)
        await it.writer.drain()
        await asyncio.sleep(ms / 1000)
        task.cancel()
        return it, bytes(it.reader._held)

    return run(main())


def test_text_is_printed_where_and_as_large_as_it_is_told():
    peer, _ = fed(b"\x1b@left\n\x1ba\x01\x1d!\x11BIG\n\x1b@end\n\x1bd\x02")
    assert peer.paper == [[0, 0, b"left"], [1, 0x11, b"BIG"], [0, 0, b"end"], [0, 0, b""],
                          [0, 0, b""]]
    assert peer.unknown == []


def test_a_line_too_long_goes_on_in_the_next_and_a_letter_is_not_cut():
    peer, _ = fed(b"x" * 33 + b"\n\x1c&" + b"y" * 31 + b"\xb0\xa1\n\x1d!\x11" + b"z" * 17 + b"\n")
    assert [line for _, _, line in peer.paper] == [
        b"x" * 32, b"x", b"y" * 31, b"\xb0\xa1", b"z" * 16, b"z"]


def test_chinese_needs_its_mode():
    assert fed(b"\xb0\xa1\n")[0].paper[0][2] == b"??"
    assert fed(b"\x1c&\xb0\xa1\n")[0].paper[0][2] == b"\xb0\xa1"
    assert fed(b"\x1c&\x1c.\xb0\xa1\n")[0].paper[0][2] == b"??"


def test_it_answers_in_real_time_also_between_what_it_prints():
    peer, said = fed(b"one\x10\x04\x01\n\x10\x04\x02\x10\x04\x04")
    assert said == b"\x12\x12\x12" and peer.paper == [[0, 0, b"one"]]
    peer = PrinterPeer()
    peer.cover_open = True
    assert fed(b"x\n\x10\x04\x01\x10\x04\x02\x1dr\x01", peer)[1] == b"\x1a\x16"
    assert peer.paper == []
    peer = PrinterPeer(paper_lines=1)
    assert fed(b"a\nb\n\x1dr\x01", peer)[1] == b"" and peer.paper == [[0, 0, b"a"]]
    assert fed(b"\x10\x04\x02\x10\x04\x04", peer)[1] == b"\x32\x7e"
    peer.load_paper()
    assert fed(b"", peer)[0].paper[1] == [0, 0, b"b"]
    peer = PrinterPeer()
    peer.error = True
    assert fed(b"\x10\x04\x02\x10\x04\x03", peer)[1] == b"\x52\x32"


def test_it_confirms_what_it_has_printed_and_not_before():
    async def main():
        peer = PrinterPeer(line_ms=100)
        task = asyncio.create_task(peer.run())
        peer.writer.write(b"1\n2\n3\n\x1dr\x01")
        await peer.writer.drain()
        assert await peer.reader.read(16) == b"\x00"
        task.cancel()
        return now_ms()

    assert 300 <= run(main()) <= 360


def test_a_full_buffer_says_so_and_then_loses():
    peer = PrinterPeer(buffer_size=100)
    peer.busy = True
    _, said = fed(b"x" * 80, peer)
    assert said == bytes((XOFF,)) and peer.lost_bytes == 0
    fed(b"x" * 30, peer)
    assert peer.lost_bytes == 10
    peer.busy = False
    assert fed(b"", peer)[1] == bytes((XOFF, XON))


def test_dead_it_swallows_all_and_forgets_what_it_had():
    peer = PrinterPeer()
    peer.busy = True
    fed(b"some line\n", peer)
    peer.power_off()
    assert fed(b"\x10\x04\x01more\n", peer)[1] == b"\x00"
    peer.power_on()
    peer.busy = False
    assert fed(b"next\n", peer)[0].paper == [[0, 0, b"next"]]
