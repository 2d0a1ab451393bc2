"""The shim: names only MicroPython has, with MicroPython's meaning, and its pixels."""

import asyncio
import hashlib
import os
import sys
import time

import firmware  # noqa: F401 - loads the shim
from tests.support.micropython import run

DRAW = """
import sys
from hashlib import sha256
from binascii import hexlify
from framebuf import FrameBuffer, MONO_VLSB

buffer = bytearray(1024)
surface = FrameBuffer(buffer, 128, 64, MONO_VLSB)
drawn = sha256()
for y in (-3, 0, 1, 7, 8, 11, 25, 53, 60, 70):
    surface.fill(y & 1)
    for x in (-9, -4, 0, 3, 64, 124, 130):
        surface.text(bytes(range(32, 127)).decode(), x, y, 1)
        surface.text("x\\u559d\\x10", x, y, 0)
        surface.fill_rect(x, y, 13, 9, 1)
        surface.rect(x + 5, y + 2, 12, 8, 0)
        surface.hline(x, y, 300, 1)
        surface.vline(x, y, 300, 1)
        surface.pixel(x, y, 1)
        drawn.update(bytes((surface.pixel(x + 1, y) or 0,)))
        drawn.update(buffer)
sys.stdout.write(hexlify(drawn.digest()).decode())
"""

SCREENS = """
import sys
from hashlib import sha256
from binascii import hexlify
from firmware import texts
from firmware.screen import Screen

drawn = sha256()
screen = Screen(drawn.update)
for language in ("en", "zh"):
    words = texts.Words(texts.parts(language))
    for number in range(43):
        screen.draw(("●▅ ↑3", words[number], "12.50", "", "#✓ *←"))
sys.stdout.write(hexlify(drawn.digest()).decode())
"""


def here(source, capsys):
    exec(compile(source, "<drawn>", "exec"), {})
    return capsys.readouterr().out


def test_its_framebuf_draws_the_pixels_of_micropython(capsys):
    assert here(DRAW, capsys) == run(DRAW)


def test_every_text_of_both_languages_looks_the_same_on_both(capsys):
    assert here(SCREENS, capsys) == run(SCREENS)


def test_its_font_is_that_of_the_interpreter():
    from firmware.shim_framebuf import FONT

    assert len(FONT) == 96 * 8
    dumped = run("""
import sys
from framebuf import FrameBuffer, MONO_VLSB
from binascii import hexlify
buffer = bytearray(8)
surface = FrameBuffer(buffer, 8, 8, MONO_VLSB)
for code in range(32, 128):
    surface.fill(0)
    surface.text(chr(code), 0, 0, 1)
    sys.stdout.write(hexlify(buffer).decode())
""")
    assert dumped == FONT.hex()


def test_ticks_wrap_and_differ_like_on_the_device():
    top = 1 << 30
    assert time.ticks_add(top - 1, 2) == 1  # type: ignore[attr-defined]
    assert time.ticks_diff(1, top - 1) == 2  # type: ignore[attr-defined]
    assert time.ticks_diff(top - 1, 1) == -2  # type: ignore[attr-defined]
    assert 0 <= time.ticks_ms() < top  # type: ignore[attr-defined]
    assert 0 <= time.ticks_us() < top  # type: ignore[attr-defined]


def test_waiting_takes_milliseconds():
    async def main():
        await asyncio.sleep_ms(1)  # type: ignore[attr-defined]
        try:
            await asyncio.wait_for_ms(asyncio.sleep(60), 1)  # type: ignore[attr-defined]
        except TimeoutError:
            return "too late"

    assert asyncio.run(main()) == "too late"


def test_a_wait_that_somebody_else_ends_is_no_timeout():
    async def main():
        waiting = asyncio.create_task(
            asyncio.wait_for_ms(asyncio.sleep(60), 60000))  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            return "cancelled"

    assert asyncio.run(main()) == "cancelled"


def test_what_comes_in_time_is_given_and_its_timer_is_gone():
    async def main():
        for _ in range(3):
            found = await asyncio.wait_for_ms(  # type: ignore[attr-defined]
                asyncio.sleep(0, "in time"), 1)
            await asyncio.sleep(0.005)
        return found

    assert asyncio.run(main()) == "in time"


def test_a_folder_and_an_error_are_listed_as_on_the_device(tmp_path, capsys):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").mkdir()
    listed = sorted(os.ilistdir(str(tmp_path)))  # type: ignore[attr-defined]
    assert listed[0] == ("a", 0x8000, 0, 3) and listed[1][:2] == ("b", 0x4000)
    sys.print_exception(ValueError("said"))  # type: ignore[attr-defined]
    assert "ValueError: said" in capsys.readouterr().out


def test_it_changes_no_name_that_cpython_has():
    assert hashlib.sha256 is sys.modules["hashlib"].sha256
    assert asyncio.sleep.__module__ == "asyncio.tasks"


AES = """
import sys
from binascii import hexlify
from cryptolib import aes

sys.stdout.write(hexlify(aes(bytes(range(32)), 1).encrypt(bytes(16))).decode())
sys.stdout.write(hexlify(aes(bytes(range(16)), 1).decrypt(bytes(range(16)))).decode())
"""


def test_its_aes_is_that_of_the_interpreter(capsys):
    assert here(AES, capsys) == run(AES)
