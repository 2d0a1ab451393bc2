"""The handset's font file, built from GNU Unifont (Debian package `unifont`).

Unifont is licensed under GPL-2+ with the font embedding exception and, since version 13, under
the SIL Open Font License 1.1; the file built here carries its glyphs and so its license.

Layout, integers little-endian (firmware/font.py reads it):

    0    "PWF1"
    4    number of letters, 4 bytes
    8    CRC-32 of all that follows, 4 bytes
    12   257 counts of 2 bytes: how many letters have a code below page * 256
    526  the low byte of each letter's code, in order
         a record of 34 bytes each: GB 18030 code (big-endian, 0 where it has not two bytes),
         then 16 columns of the upper 8 pixels and 16 of the lower 8, bit 0 on top

ASCII letters are 8 pixels wide and stand in the left half; others narrower than 16 pixels are
put into the middle.
"""

import binascii
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from firmware.font import GLYPH_SIZE, HEADER_SIZE, MAGIC, PAGES_SIZE
from tools.errors import NotReady, Unwritable

UNIFONT = Path("/usr/share/unifont/unifont.hex")
INSTALL = ("apt-get install unifont, or, without root, apt-get download unifont, dpkg -x "
           "unifont_*.deb DIR, and --source DIR/usr/share/unifont/unifont.hex")
LEVEL_1, LEVEL_2, SYMBOLS = range(16, 56), range(56, 88), range(1, 10)
ALL = (SYMBOLS, LEVEL_1, LEVEL_2)
WIDTH = HEIGHT = 16
CODE_MAX = 0xFFFF
# of a GB 2312 code above its row and its cell
_ROW = _CELL = 0xA0


class Built(NamedTuple):
    """A font file's bytes, how many letters it has, and those the source did not have."""

    data: bytes
    letters: int
    missing: str


def gb2312(levels: Iterable[range]) -> str:
    """The letters of these rows of GB/T 2312-1980, in code order."""
    found = []
    for rows in levels:
        for row in rows:
            for cell in range(1, 95):
                try:
                    found.append(bytes((_ROW + row, _CELL + cell)).decode("gb2312"))
                except UnicodeDecodeError:
                    continue
    return "".join(found)


def ascii_letters() -> str:
    return "".join(map(chr, range(0x20, 0x7F)))


def read_hex(path: Path) -> dict[str, str]:
    """Unifont's own format: a line is the code and the rows of the glyph, both in hex."""
    glyphs = {}
    try:
        for number, line in enumerate(path.read_text("ascii").splitlines(), 1):
            code, colon, rows = line.strip().partition(":")
            if not colon or len(rows) not in (32, 64):
                raise NotReady(f"{path}: line {number} is no glyph of 8 or 16 columns. Nothing "
                               "was written; name a unifont.hex with --source.")
            int(rows, 16)
            glyphs[chr(int(code, 16))] = rows
    except FileNotFoundError:
        raise NotReady(f"{path} is not here. Nothing was written; get it with "
                       f"{INSTALL}.") from None
    except (UnicodeDecodeError, ValueError, OverflowError):
        raise NotReady(f"{path} is no unifont.hex. Nothing was written; get one with "
                       f"{INSTALL}.") from None
    return glyphs


def build(glyphs: Mapping[str, str], letters: Iterable[str]) -> Built:
    """The font file of these letters; those without a glyph are named in `missing`."""
    wanted = sorted(set(letters))
    found = [letter for letter in wanted if letter in glyphs and ord(letter) <= CODE_MAX]
    counts = [0] * 257
    for letter in found:
        counts[(ord(letter) >> 8) + 1] += 1
    for page in range(1, 257):
        counts[page] += counts[page - 1]
    body = b"".join((
        struct.pack("<257H", *counts),
        bytes(ord(letter) & 0xFF for letter in found),
        *(_gb(letter) + pixels(glyphs[letter], ord(letter) < 0x80) for letter in found)))
    header = struct.pack("<4sII", MAGIC, len(found), binascii.crc32(body))
    assert len(header) == HEADER_SIZE and struct.calcsize("<257H") == PAGES_SIZE
    return Built(header + body, len(found), "".join(set(wanted) - set(found)))


def _gb(letter: str) -> bytes:
    code = letter.encode("gb18030")
    return code if len(code) == 2 else bytes(2)


def pixels(rows: str, narrow: bool) -> bytes:
    """A glyph of Unifont as the display has it: a byte is eight pixels of a column."""
    columns = len(rows) // HEIGHT * 4
    left = 0 if narrow else (WIDTH - columns) // 2
    made = bytearray(GLYPH_SIZE)
    for y in range(HEIGHT):
        bits = int(rows[y * columns // 4:(y + 1) * columns // 4], 16)
        for x in range(columns):
            if bits >> (columns - 1 - x) & 1:
                made[(y >> 3) * WIDTH + left + x] |= 1 << (y & 7)
    return bytes(made)


def write(built: Built, path: Path) -> None:
    """Put the file there whole; Unwritable where that fails."""
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(built.data)
        beside.replace(path)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror}. No font was written; what stood there "
                         "stands there still.") from None
