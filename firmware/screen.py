"""The 128x64 display: five lines of text become 1,024 bytes of pixels.

The status stands on top (8 pixels, underlined), four lines below it at a pitch of 14. ASCII is
drawn with framebuf's 8x8 font; any other character comes from `glyphs`, two columns wide, and
without a font is drawn as an empty box, so that a missing glyph is seen and not guessed.
"""

import framebuf

WIDTH = 128
HEIGHT = 64
_TOPS = (0, 11, 25, 39, 53)


class Screen:
    """`show(buffer)` puts the pixels out; `glyphs(surface, letter, x, y)` may draw a letter."""

    def __init__(self, show, glyphs=None):
        self._show = show
        self._glyphs = glyphs or _box
        self._buffer = bytearray(WIDTH * HEIGHT // 8)
        self._surface = framebuf.FrameBuffer(self._buffer, WIDTH, HEIGHT, framebuf.MONO_VLSB)
        self.lines = ()

    def draw(self, lines):
        """Draw and show; True when the lines differ from those on the display."""
        if lines == self.lines:
            return False
        self._surface.fill(0)
        for top, line in zip(_TOPS, lines):
            self._line(line, top)
        self._surface.hline(0, 9, WIDTH, 1)
        self.lines = lines
        self._show(self._buffer)
        return True

    def _line(self, line, top):
        x = 0
        for letter in line:
            if ord(letter) < 128:
                self._surface.text(letter, x, top, 1)
                x += 8
            else:
                self._glyphs(self._surface, letter, x, top)
                x += 16


def _box(surface, letter, x, top):
    surface.rect(x + 2, top, 12, 8, 1)
