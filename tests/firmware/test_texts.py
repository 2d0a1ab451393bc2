"""The words of both languages: the same ones, and drawn whole on 128x64."""

import re
from pathlib import Path

import pytest

from firmware.screen import ICONS
from firmware.texts import Words, en, zh
from firmware.views import COLUMNS, Status, columns
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
    # what a font file must bring: Chinese characters only, no full-width signs; icons stand in
    # the foot alone
    for key, text in said(language).items():
        for letter in text:
            chinese = language == "zh" and 0x4E00 <= ord(letter) <= 0x9FFF
            assert chinese or letter in ICONS or 32 <= ord(letter) < 127, (key, letter)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", [None, "panel"])
def test_every_screen_has_room_for_its_longest_values(language: str, fault: str | None):
    for state in longest():
        status = Status(False, 10000, 4294967295, "0.1.0-rc1", fault, "", -71, 80, "", None)
        bar, *rows, foot = show(state, status, language)
        assert len(bar) <= COLUMNS and len(foot) <= COLUMNS, (state.name, bar, foot)
        assert all(letter in ICONS or 32 <= ord(letter) < 127 for letter in bar + foot)
        assert len(rows) == 3 and all(columns(row) <= COLUMNS for row in rows)


def test_the_readme_tells_a_technician_what_to_do_about_each_fault_of_the_link():
    readme = (Path(en.__file__).parents[1] / "README.md").read_text()
    told = readme.split("### The screen says\n")[1].split("\n### ")[0]
    rows = [row for row in en.faults().split("\n") if row]
    assert len(rows) > 20
    assert not [row for row in rows if f"`{row.split('=', 1)[1]}`" not in told]
    for text in ("OUTBOX FAULT", "SETTINGS FAULT", "FILES FAULT", "TECHNICIAN", "NO FONT FILE",
                 "FONT DAMAGED", "blank", "corrupt", "wrong_size", "newer_version", "flash",
                 "memory"):
        assert f"`{text}`" in told, text
