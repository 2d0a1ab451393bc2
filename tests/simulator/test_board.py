"""The fake board has what the firmware asks for, and answers from the virtual clock alone."""

import asyncio
from random import Random

import firmware.board
from firmware.screen import Screen
from simulator.board import FakeBoard
from simulator.loop import US, VirtualLoop


async def nowhere(host: str, port: int):
    raise OSError(110, "no coverage")


def board(loop: VirtualLoop, seed: int = 1) -> FakeBoard:
    return FakeBoard(loop, Random(seed), object(), nowhere)


def test_it_has_every_member_of_the_documented_interface():
    listed = [line.split("`")[1] for line in (firmware.board.__doc__ or "").splitlines()
              if line.startswith("| `")]
    names = [name.removeprefix("await ").split("(")[0] for name in listed]
    assert len(names) > 10
    made = board(VirtualLoop())
    assert [name for name in names if not hasattr(made, name)] == []


def test_ticks_follow_the_virtual_clock_from_boot_and_wrap():
    loop = VirtualLoop()
    loop.run_until_us(5 * US)
    made = board(loop)
    loop.run_until_us(6 * US)
    assert made.ticks_ms() == 1000
    loop.run_until_us(5 * US + (1 << 30) * 1000)
    assert made.ticks_ms() == 0


def test_random_bytes_follow_from_the_seed():
    assert board(VirtualLoop(), 3).random(16) == board(VirtualLoop(), 3).random(16)
    assert board(VirtualLoop(), 3).random(16) != board(VirtualLoop(), 4).random(16)


def test_an_event_whose_waiter_was_cancelled_is_kept():
    loop = VirtualLoop()
    made = board(loop)

    async def main() -> list[tuple]:
        waiting = asyncio.get_running_loop().create_task(made.event())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.sleep(0)
        made.panel.press("5#")
        made.panel.card(2, 6200001234567892)
        return [await made.event() for _ in range(3)]

    assert loop.run(main()) == [("key", "5"), ("key", "#"), ("card", 2, 6200001234567892)]


def test_the_screen_keeps_a_copy_of_what_was_shown():
    made = board(VirtualLoop())
    buffer = bytearray(1024)
    buffer[0] = 255
    made.show(buffer)
    buffer[0] = 0
    assert made.screen[0] == 255


def test_the_pixels_of_the_lines_are_those_the_firmware_draws():
    made = board(VirtualLoop())
    lines = ("ON", "Posted +15", "Balance 1234", "", "")
    shown: list[bytes] = []
    Screen(lambda buffer: shown.append(bytes(buffer))).draw(lines)
    assert made.screen == bytes(1024)
    assert made.display.draw(lines) and not made.display.draw(lines)
    assert made.screen == shown[0] != bytes(1024)
