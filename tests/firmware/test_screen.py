"""Lines become pixels. Runs on both interpreters."""

import framebuf

from firmware import screen as drawing
from firmware.screen import ICONS, Screen

LINES = ("●▅", "Posted +15", "Balance 1234", "Wang", "REF 9")
EMPTY = ("", "", "", "", "")


class Glyphs:
    """A font of which every letter is a filled square with its top left corner open."""

    def __init__(self, letters):
        self.bits = bytearray(32)
        self.letters = letters

    def find(self, letter):
        if letter not in self.letters:
            return False
        self.bits[:] = b"\xfe" + b"\xff" * 31
        return True


class Broken(Glyphs):
    def find(self, letter):
        raise OSError(5)


def drawn(lines, font=None):
    shown = []
    Screen(lambda buffer: shown.append(bytes(buffer)), font).draw(lines)
    return framebuf.FrameBuffer(bytearray(shown[0]), 128, 64, framebuf.MONO_VLSB), shown[0]


def test_a_screen_is_1024_bytes_and_is_shown_only_when_it_changes():
    shown = []
    screen = Screen(lambda buffer: shown.append(bytes(buffer)))
    assert screen.draw(LINES)
    assert not screen.draw(LINES)
    assert screen.draw(LINES[:4] + ("REF 8",))
    assert [len(each) for each in shown] == [1024, 1024]
    assert shown[0] != shown[1]
    assert screen.lines[1] == "Posted +15"


def test_what_is_drawn_over_another_screen_is_what_would_be_drawn_alone():
    screens = (LINES, EMPTY, ("○", "Amount", "12.50", "", "#✓ C← *✗"), LINES,
               ("○", "Amount", "12.51", "", "#✓ C← *✗"), ("○", "Amount", "12.51", "x", ""),
               ("●", "喝一杯咖啡吧朋友", "", "银卡", ""), EMPTY)
    for font in (None, Glyphs("喝一杯0123456789Aam")):
        shown = []
        screen = Screen(lambda buffer: shown.append(bytes(buffer)), font)  # noqa: B023
        for each in screens:
            screen.draw(each)
        assert shown == [drawn(lines, font)[1] for lines in screens]


def test_a_letter_without_a_glyph_is_an_empty_box_two_columns_wide():
    for font in (None, Glyphs("A"), Broken("喝")):
        surface, box = drawn(("", "喝A", "", "", ""), font)
        _, blank = drawn(("", "  A", "", "", ""), font)
        differing = [at % 128 for at in range(1024) if box[at] != blank[at]]
        assert min(differing) == 2 and max(differing) == 13
        inside = [surface.pixel(x, y) for x in range(3, 13) for y in range(11, 21)]
        assert not any(inside) and surface.pixel(2, 10) and surface.pixel(13, 21)


def test_a_font_draws_its_own_glyphs_and_ascii_half_as_wide():
    surface, _ = drawn(("", "a喝", "", "", ""), Glyphs("a喝"))
    assert [surface.pixel(x, 9) for x in (0, 7, 8, 23, 24)] == [1, 1, 1, 1, 0]
    assert [surface.pixel(x, 8) for x in (0, 1, 8, 9)] == [0, 1, 0, 1]
    assert [surface.pixel(1, y) for y in (7, 8, 23, 24)] == [0, 1, 1, 0]


def test_a_number_alone_in_the_middle_is_twice_as_tall():
    surface, _ = drawn(("", "", "12", "", ""), Glyphs("12"))
    assert [surface.pixel(x, 26) for x in (0, 15, 16, 31, 32)] == [1, 1, 1, 1, 0]
    assert [surface.pixel(x, y) for x, y in ((0, 24), (1, 25), (2, 24))] == [0, 0, 1]
    assert [surface.pixel(4, y) for y in (23, 24, 55, 56)] == [0, 1, 1, 0]
    for other in (("", "", "12", "x", ""), ("", "", "1x", "", ""), ("", "12", "", "", ""),
                  ("", "", "123456789", "", "")):
        surface, _ = drawn(other, Glyphs("12x3456789"))
        assert not surface.pixel(12, 55)


def test_bar_and_foot_are_eight_pixels_and_know_every_icon():
    assert len(drawing._BITS) == 8 * len(ICONS)
    assert len({drawing._BITS[at:at + 8] for at in range(0, len(drawing._BITS), 8)}) == len(ICONS)
    for number, icon in enumerate(ICONS):
        _, pixels = drawn((icon, "", "", "", "a" + icon))
        bits = drawing._BITS[number * 8:number * 8 + 8]
        assert pixels[:8] == bits and pixels[7 * 128 + 8:7 * 128 + 16] == bits
        assert not any(pixels[8:7 * 128])


def test_a_screen_that_could_not_be_shown_is_drawn_whole_the_next_time():
    fails = [True]
    shown = []

    def show(buffer):
        if fails.pop():
            raise MemoryError
        shown.append(bytes(buffer))

    fails.append(False)
    screen = Screen(show)
    screen.draw(("", "abc", "", "", ""))
    fails.append(True)
    try:
        screen.draw(("", "abd", "12", "", ""))
    except MemoryError:
        pass
    fails.append(False)
    screen.draw(("", "abd", "12", "", ""))
    assert shown[-1] == drawn(("", "abd", "12", "", ""))[1]
