"""The words of both languages: the same ones, and drawn whole on 128x64."""

import re

import framebuf
import pytest

from firmware.screen import HEIGHT, WIDTH, Screen
from firmware.texts import Words, en, zh
from firmware.views import Status
from protocol import codes
from tests.firmware.test_views import longest, show

LANGUAGES = {"en": en, "zh": zh}


def said(language: str) -> dict[str, str]:
    """Every text of a language by its key."""
    rows = [line for part in LANGUAGES[language].parts() for line in part.split("\n") if line]
    pairs = [row.split("=", 1) for row in rows]
    assert len({key for key, _ in pairs}) == len(pairs), "a key stands twice"
    return {key: value for key, value in pairs if key != "codes"}


def test_both_languages_have_the_same_keys_in_the_same_order():
    assert list(said("en")) == list(said("zh"))


def test_both_languages_take_the_same_values():
    for key, english in said("en").items():
        values = [re.findall(r"%[+]?[ds]", text) for text in (english, said("zh")[key])]
        assert values[0] == values[1], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_found_by_its_number_and_a_code_by_itself(language: str):
    words = Words(LANGUAGES[language].parts())
    for number, (key, text) in enumerate(said(language).items()):
        if key.isdigit():
            assert words.reason(int(key)) == text
        else:
            assert words[number] == text
    assert words.reason(255) is None and words.reason(1) is None
    assert "" not in said(language).values()


def test_every_code_that_can_refuse_a_sale_or_an_inquiry_has_a_reason():
    for code in (codes.CARD_UNKNOWN, codes.CARD_LOST, codes.MEMBER_SUSPENDED, codes.HELD,
                 codes.MALFORMED, codes.UNSUPPORTED):
        assert all(Words(each.parts()).reason(code) for each in LANGUAGES.values()), code


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_can_be_drawn_by_the_font_or_is_a_chinese_character(language: str):
    # what a font file must bring: Chinese characters only, no full-width signs
    for key, text in said(language).items():
        for letter in text:
            chinese = language == "zh" and 0x4E00 <= ord(letter) <= 0x9FFF
            assert chinese or 32 <= ord(letter) < 127, (key, letter)


class Tablet:
    """A drawing surface that notes where letters go."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, int, int, int]] = []

    def text(self, letter: str, x: int, y: int, color: int) -> None:
        self.drawn.append((letter, x, y, 8))

    def glyph(self, surface: object, letter: str, x: int, y: int) -> None:
        self.drawn.append((letter, x, y, 16))

    def fill(self, color: int) -> None:
        self.drawn.clear()

    def hline(self, x: int, y: int, width: int, color: int) -> None:
        pass


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", [None, "panel"])
def test_every_screen_is_drawn_within_the_display_with_its_longest_values(language: str,
                                                                          fault: str | None):
    tablet = Tablet()
    screen = Screen(lambda buffer: None, tablet.glyph)
    screen._surface = tablet
    for state in longest():
        status = Status(False, 10000, 4294967295, "0.1.0-rc1", fault, "")
        said = show(state, status, language)
        screen.draw(said)
        assert len(tablet.drawn) == sum(len(line) for line in screen.lines)
        for letter, x, y, width in tablet.drawn:
            assert 0 <= x and x + width <= WIDTH and 0 <= y and y + 8 <= HEIGHT, (said, letter)
        places = {(x, y) for _, x, y, _ in tablet.drawn}
        assert len(places) == len(tablet.drawn), said


def test_without_a_font_a_chinese_letter_is_an_empty_box_and_never_another_letter():
    drawn = []
    for letter in "喝积":
        shown: list[bytes] = []
        Screen(lambda buffer, shown=shown: shown.append(bytes(buffer))).draw(("", letter))
        drawn.append(shown[0])
    assert drawn[0] == drawn[1]
    surface = framebuf.FrameBuffer(bytearray(drawn[0]), WIDTH, HEIGHT, framebuf.MONO_VLSB)
    inside = [surface.pixel(x, y) for x in range(3, 13) for y in range(12, 18)]
    assert not any(inside) and surface.pixel(2, 11) and surface.pixel(13, 18)
