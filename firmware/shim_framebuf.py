"""MicroPython's `framebuf` for CPython: MONO_VLSB only, pixel for pixel the same.

The font is that of MicroPython (font_petme128_8x8, MIT), one byte a column, bit 0 on top,
characters 32 to 127; any other byte draws as 127. A test draws the same screens on both.
"""

MONO_VLSB = 0

FONT = bytes.fromhex(
    "00000000000000000000004f4f0000000007070000070700147f7f14147f7f1400242e6b6b3a1200"
    "006333180c66630000327f4d4d777250000000040603010000001c3e63410000000041633e1c0000"
    "082a3e1c1c3e2a080008083e3e080800000080e06000000000080808080808000000006060000000"
    "00406030180c0602003e7f49457f3e000040447f7f40400000627351494f460000226349497f3600"
    "00181814167f7f1000276745457d3900003e7f49497b3200000303797d07030000367f49497f3600"
    "00266f49497f3e000000002424000000000080e46400000000081c36634141000014141414141400"
    "00414163361c080000020351590f0600003e7f414d4f2e00007c7e0b0b7e7c00007f7f49497f3600"
    "003e7f4141632200007f7f41633e1c00007f7f4949414100007f7f0909010100003e7f41497b3a00"
    "007f7f08087f7f000000417f7f410000002060417f3f0100007f7f1c36634100007f7f4040404000"
    "007f7f060c067f7f007f7f0e1c7f7f00003e7f41417f3e00007f7f09090f0600001e3f21617f5e00"
    "007f7f19396f460000266f49497b32000001017f7f010100003f7f40407f3f00001f3f60603f1f00"
    "007f7f3018307f7f0063771c1c77630000070f78780f0700006171594d47430000007f7f41410000"
    "0002060c18306040000041417f7f000000080c06060c0800c0c0c0c0c0c0c0c00000010306040000"
    "00207454547c7800007f7f44447c380000387c44446c280000387c44447f7f0000387c54545c5800"
    "00087e7f090302000098bca4a4fc7c00007f7f04047c78000000007d7d0000000040c08080fd7d00"
    "007f7f30386c44000000417f7f400000007c7c1830187c7c007c7c04047c780000387c44447c3800"
    "00fcfc24243c180000183c2424fcfc00007c7c04040c080000485c545474200004043f7f44642000"
    "003c7c40407c3c00001c3c60603c1c00001c7c3018307c1c00446c38386c4400009cbca0a0fc7c00"
    "004464745c4c44000008083e77414100000000ffff000000004141773e0808000002030103020301"
    "aa55aa55aa55aa55"
)


class FrameBuffer:
    """A drawing surface over `buffer`: one byte is eight pixels of a column, bit 0 on top."""

    def __init__(self, buffer, width, height, format=MONO_VLSB, stride=None):
        if format != MONO_VLSB:
            raise ValueError("the stand-in draws MONO_VLSB only")
        self._buffer = buffer
        self._width = width
        self._height = height
        self._stride = stride or width

    def pixel(self, x, y, color=None):
        """Read the pixel, or set it."""
        if not (0 <= x < self._width and 0 <= y < self._height):
            return None
        at = (y >> 3) * self._stride + x
        bit = 1 << (y & 7)
        if color is None:
            return 1 if self._buffer[at] & bit else 0
        self._buffer[at] = self._buffer[at] | bit if color else self._buffer[at] & ~bit
        return None

    def fill(self, color):
        self.fill_rect(0, 0, self._width, self._height, color)

    def fill_rect(self, x, y, width, height, color):
        left, right = max(x, 0), min(x + width, self._width)
        top, bottom = max(y, 0), min(y + height, self._height)
        if left >= right or top >= bottom:
            return
        for page in range(top >> 3, (bottom + 7) >> 3):
            first, last = max(top - page * 8, 0), min(bottom - page * 8, 8)
            bits = ((1 << last) - 1) & ~((1 << first) - 1)
            row = page * self._stride
            if bits == 0xFF:
                whole = b"\xff" if color else b"\x00"
                self._buffer[row + left:row + right] = whole * (right - left)
                continue
            for column in range(left, right):
                self._bits(page, column, bits, color)

    def _bits(self, page, column, bits, color):
        at = page * self._stride + column
        if color:
            self._buffer[at] |= bits
        else:
            self._buffer[at] &= ~bits & 0xFF

    def hline(self, x, y, width, color):
        self.fill_rect(x, y, width, 1, color)

    def vline(self, x, y, height, color):
        self.fill_rect(x, y, 1, height, color)

    def rect(self, x, y, width, height, color, fill=False):
        if fill:
            self.fill_rect(x, y, width, height, color)
            return
        self.hline(x, y, width, color)
        self.hline(x, y + height - 1, width, color)
        self.vline(x, y, height, color)
        self.vline(x + width - 1, y, height, color)

    def blit(self, source, x, y, key=-1):
        """Draw `source`, a FrameBuffer, here; pixels of the color `key` are left out."""
        for row in range(max(0, -y), min(source._height, self._height - y)):
            for column in range(max(0, -x), min(source._width, self._width - x)):
                color = source.pixel(column, row)
                if color != key:
                    self.pixel(x + column, y + row, color)

    def text(self, text, x, y, color=1):
        """One character is 8x8; bytes of UTF-8 above 127 draw as the chequered box each."""
        page, shift = y >> 3, y & 7
        pages = (self._height + 7) >> 3
        for code in text.encode():
            if not 32 <= code <= 127:
                code = 127
            glyph = FONT[(code - 32) * 8:(code - 31) * 8]
            for column in range(max(x, 0), min(x + 8, self._width)):
                bits = glyph[column - x] << shift
                if bits & 0xFF and 0 <= page < pages:
                    self._bits(page, column, bits & 0xFF, color)
                if bits >> 8 and 0 <= page + 1 < pages:
                    self._bits(page + 1, column, bits >> 8, color)
            x += 8
