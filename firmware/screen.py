"""The 128x64 display: five lines of text become 1,024 bytes of pixels.

    y 0    the bar, 8 pixels: letters of the built-in font and ICONS
    y 8    three rows of 16 pixels, from the font file; a number alone in the middle row, with
           nothing below it, is drawn twice as tall over both
    y 56   the foot, 8 pixels, as the bar

A letter the font does not have is an empty box, so that a missing glyph is seen and not guessed;
without a font file ASCII is drawn small. Only lines that changed are drawn again.
"""

import framebuf

WIDTH = 128
HEIGHT = 64
ICONS = "●○▁▂▃▅▇▏▎▍▋█↑✓✗←↓"
# 8x8, a byte a column, bit 0 on top, in the order of ICONS
_BITS = (b"\x3c\x7e\x7e\x7e\x7e\x3c\x00\x00" b"\x3c\x42\x42\x42\x42\x3c\x00\x00"
         b"\x40\x00\x40\x00\x40\x00\x40\x00" b"\x60\x00\x40\x00\x40\x00\x40\x00"
         b"\x60\x00\x70\x00\x40\x00\x40\x00" b"\x60\x00\x70\x00\x78\x00\x40\x00"
         b"\x60\x00\x70\x00\x78\x00\x7e\x00" b"\x7e\x42\x42\x42\x42\x42\x7e\x18"
         b"\x7e\x42\x7a\x42\x42\x42\x7e\x18" b"\x7e\x42\x7a\x7a\x42\x42\x7e\x18"
         b"\x7e\x42\x7a\x7a\x7a\x42\x7e\x18" b"\x7e\x7e\x7e\x7e\x7e\x7e\x7e\x18"
         b"\x08\x0c\x7e\x0c\x08\x00\x00\x00" b"\x10\x30\x60\x60\x30\x18\x0c\x06"
         b"\x42\x66\x3c\x18\x3c\x66\x42\x00" b"\x10\x38\x7c\x10\x10\x10\x10\x00"
         b"\x10\x30\x7e\x30\x10\x00\x00\x00")
_TOPS = (0, 8, 24, 40, 56)
_NUMBER = "0123456789.,+-"
_TALL = 8  # digits twice as tall are twice as wide
_NUMBERED, _BELOW = 2, 3


class Screen:
    """`show(buffer)` puts the pixels out; `font` is a `firmware.font.Font`, or None."""

    def __init__(self, show, font=None):
        self._show = show
        self._font = font
        self._buffer = bytearray(WIDTH * HEIGHT // 8)
        self._surface = framebuf.FrameBuffer(self._buffer, WIDTH, HEIGHT, framebuf.MONO_VLSB)
        bits = font.bits if font else bytearray(32)
        self._wide = framebuf.FrameBuffer(bits, 16, 16, framebuf.MONO_VLSB)
        self._narrow = framebuf.FrameBuffer(bits, 8, 16, framebuf.MONO_VLSB, 16)
        self.lines = ()

    def draw(self, lines):
        """Draw and show; True when the lines differ from those on the display."""
        before = self.lines
        if lines == before:
            return False
        self.lines = ()  # what breaks off is drawn whole the next time
        tall = _tall(lines)
        whole = not before or tall or _tall(before)
        for number, top in enumerate(_TOPS):
            if not whole and lines[number] == before[number]:
                continue
            if number == 0 or number == 4:
                self._small(lines[number], top)
            elif number != _BELOW or not tall:
                self._row(lines[number], top, tall and number == _NUMBERED)
        self._show(self._buffer)
        self.lines = lines
        return True

    def _small(self, text, top):
        self._surface.fill_rect(0, top, WIDTH, 8, 0)
        x = 0
        for letter in text:
            icon = ICONS.find(letter)
            if icon < 0:
                self._surface.text(letter, x, top, 1)
            else:
                at = (top >> 3) * WIDTH + x
                self._buffer[at:at + 8] = _BITS[icon * 8:icon * 8 + 8]
            x += 8

    def _row(self, text, top, tall):
        surface = self._surface
        surface.fill_rect(0, top, WIDTH, 32 if tall else 16, 0)
        x = 0
        for letter in text:
            self._take(letter)
            if tall:
                for place in range(128):
                    column, row = place & 7, place >> 3
                    if self._narrow.pixel(column, row):
                        surface.fill_rect(x + column * 2, top + row * 2, 2, 2, 1)
                x += 16
            elif ord(letter) < 128:
                surface.blit(self._narrow, x, top)
                x += 8
            else:
                surface.blit(self._wide, x, top)
                x += 16

    # the glyph of the letter lies in `_wide`, that of ASCII in its left half too
    def _take(self, letter):
        try:
            if self._font and self._font.find(letter):
                return
        except OSError:
            pass  # flash that fails shows boxes, and what is said stands in the lines
        self._wide.fill(0)
        if ord(letter) < 128:
            self._wide.text(letter, 0, 4, 1)
        else:
            self._wide.rect(2, 2, 12, 12, 1)


def _tall(lines):
    number = lines[_NUMBERED]
    if not 0 < len(number) <= _TALL or lines[_BELOW]:
        return False
    for letter in number:
        if letter not in _NUMBER:
            return False
    return True
