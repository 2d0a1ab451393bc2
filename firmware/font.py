"""Glyphs of 16 pixels, read from a font file on flash; none of it is held in RAM.

`pointwire device font` builds the file (layout in tools/font.py). Law: a file that is missing,
cut or damaged is named when it is opened (FontError), and what it does not have is None: the
screen then draws a box. A letter costs three short reads: its page, the letters of that page,
its record.
"""

import binascii
import struct

from micropython import const

from firmware.errors import FontError

MAGIC = b"PWF1"
HEADER_SIZE = const(12)
PAGES_SIZE = const(514)  # 257 counts: how many letters stand before each page
GLYPH_SIZE = const(32)  # 16 columns of the upper 8 pixels, then of the lower 8; bit 0 on top
_RECORD_SIZE = const(34)  # GB 18030 code, 0 for none, and the glyph
_CHUNK = const(256)


class Font:
    """`bits`: the glyph that `find` found last. `gb`: its two-byte GB 18030 code, 0 for none."""

    def __init__(self, path):
        self._page = bytearray(_CHUNK)
        self._record = bytearray(_RECORD_SIZE)
        self.bits = memoryview(self._record)[2:]
        try:
            self._file = open(path, "rb")
        except OSError:
            raise FontError("no font file") from None
        try:
            self._count = self._checked()
        except (OSError, FontError):
            self._file.close()
            raise FontError("font damaged") from None

    # how many letters it has; FontError when a byte is not as it was built
    def _checked(self):
        header = self._file.read(HEADER_SIZE)
        if len(header) != HEADER_SIZE or header[:4] != MAGIC:
            raise FontError("no font")
        _, count, crc = struct.unpack("<4sII", header)
        left = PAGES_SIZE + count * (1 + _RECORD_SIZE)
        found = 0
        while left > 0:
            size = self._file.readinto(self._page)
            if not size:
                break
            found = binascii.crc32(memoryview(self._page)[:size], found)
            left -= size
        if left or found != crc:
            raise FontError("damaged")
        return count

    def find(self, letter):
        """Whether the font has the letter; then `bits` and `gb` are its. OSError: flash."""
        code = ord(letter)
        if code > 0xFFFF:
            return False
        file = self._file
        file.seek(HEADER_SIZE + (code >> 8) * 2)
        file.readinto(memoryview(self._page)[:4])
        first, behind = struct.unpack_from("<HH", self._page)
        if first == behind:
            return False
        letters = memoryview(self._page)[:behind - first]
        file.seek(HEADER_SIZE + PAGES_SIZE + first)
        file.readinto(letters)
        place = bytes(letters).find(bytes((code & 0xFF,)))
        if place < 0:
            return False
        file.seek(HEADER_SIZE + PAGES_SIZE + self._count + (first + place) * _RECORD_SIZE)
        file.readinto(self._record)
        return True

    @property
    def gb(self):
        return self._record[0] << 8 | self._record[1]

    def close(self):
        self._file.close()


def found(path):
    """(Font, "") or (None, why there is none: at most 16 columns)."""
    try:
        return Font(path), ""
    except FontError as error:
        return None, str(error)
