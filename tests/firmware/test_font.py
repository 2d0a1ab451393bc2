"""The font file as the handset reads it: alike on both interpreters, damage is named."""

import json
from pathlib import Path

import framebuf
import pytest

from firmware.errors import FontError
from firmware.font import GLYPH_SIZE, Font
from tests.support.micropython import run
from tools import font

GLYPHS = {"A": "00182442" * 4, "积": "0102030405060708" * 4, "张": "80FF" * 16, "·": "18" * 16,
          "王": "FFFE" * 16}
LETTERS = "A积张·王"

READ = """
import json, sys
from firmware.font import Font
font = Font(sys.argv[1])
for letter in sys.argv[2]:
    print(json.dumps([font.find(letter), font.gb, bytes(font.bits).hex()]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    font.write(font.build(GLYPHS, LETTERS), tmp_path / "font")
    return tmp_path / "font"


def test_every_letter_is_found_with_its_glyph_and_its_printer_code(path: Path):
    read = Font(str(path))
    for letter, rows in GLYPHS.items():
        assert read.find(letter)
        assert bytes(read.bits) == font.pixels(rows, ord(letter) < 0x80)
    assert read.find("张") and read.gb == int.from_bytes("张".encode("gb18030"))
    assert read.find("A") and read.gb == 0
    read.close()


def test_what_it_does_not_have_is_not_found_and_disturbs_nothing(path: Path):
    read = Font(str(path))
    assert read.find("王")
    for letter in "B中\u5f21\x00\uffff😀":
        assert not read.find(letter)
    assert read.find("王") and bytes(read.bits) == font.pixels(GLYPHS["王"], False)
    read.close()


def test_micropython_reads_the_same(path: Path):
    asked = LETTERS + "B中"
    read = Font(str(path))
    here = [[read.find(each), read.gb, bytes(read.bits).hex()] for each in asked]
    read.close()
    there = [json.loads(line) for line in run(READ, (str(path), asked)).splitlines()]
    assert there == here


def test_no_damaged_file_is_taken_for_a_font(path: Path):
    whole = path.read_bytes()
    damaged = [whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1:] for at in range(len(whole))]
    cut = [whole[:size] for size in range(len(whole))]
    for each in damaged + cut + [bytes(4096), b"\xff" * 4096]:
        path.write_bytes(each)
        with pytest.raises(FontError, match="damaged"):
            Font(str(path))
    path.unlink()
    with pytest.raises(FontError, match="no font file"):
        Font(str(path))


def test_a_glyph_is_drawn_as_it_was_drawn_in_the_source(path: Path):
    read = Font(str(path))
    assert read.find("积")
    pixels = bytearray(GLYPH_SIZE)
    surface = framebuf.FrameBuffer(pixels, 16, 16, framebuf.MONO_VLSB)
    surface.blit(framebuf.FrameBuffer(bytearray(read.bits), 16, 16, framebuf.MONO_VLSB), 0, 0)
    rows = "".join("1" if surface.pixel(x, y) else "0" for y in range(16) for x in range(16))
    assert int(rows, 2) == int(GLYPHS["积"], 16)
    read.close()
