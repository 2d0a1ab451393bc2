"""Lines become pixels. Runs on both interpreters."""

from firmware.screen import Screen

LINES = ("ON", "Posted +15", "Balance 1234", "Wang", "No. 9")


def test_a_screen_is_1024_bytes_and_is_shown_only_when_it_changes():
    shown = []
    screen = Screen(lambda buffer: shown.append(bytes(buffer)))
    assert screen.draw(LINES)
    assert not screen.draw(LINES)
    assert screen.draw(LINES[:4] + ("No. 8",))
    assert [len(each) for each in shown] == [1024, 1024]
    assert shown[0] != shown[1]
    assert screen.lines[1] == "Posted +15"


def test_the_status_line_is_underlined():
    shown = []
    Screen(lambda buffer: shown.append(bytes(buffer))).draw(("",) * 5)
    assert shown[0] == bytes(128) + b"\x02" * 128 + bytes(768)


def test_a_letter_without_a_glyph_is_an_empty_box_two_columns_wide():
    one, two = [], []
    Screen(lambda buffer: one.append(bytes(buffer))).draw(("", "喝A", "", "", ""))
    Screen(lambda buffer: two.append(bytes(buffer))).draw(("", "  A", "", "", ""))
    differing = [at % 128 for at in range(1024) if one[0][at] != two[0][at]]
    assert min(differing) == 2 and max(differing) == 13


def test_a_font_draws_its_own_glyphs():
    asked = []
    screen = Screen(lambda buffer: None, lambda surface, letter, x, y: asked.append((letter, x)))
    screen.draw(("", "a喝b咖", "", "", ""))
    assert asked == [("喝", 8), ("咖", 32)]
