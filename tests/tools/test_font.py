"""The font file is built of Unifont's glyphs, whole, and a source that is none is named."""

from pathlib import Path

import pytest

from firmware.font import Font
from tests.support.system import missing
from tools import font
from tools.errors import NotReady, Unwritable

HEX = "0041:" + "00182442" * 4 + "\n5F20:" + "0102030405060708" * 4 + "\n"


def test_gb2312_is_whole():
    # GB/T 2312-1980: 682 symbols (of which Python knows all), 3,755 and 3,008 Chinese letters
    assert len(font.gb2312((font.SYMBOLS,))) == 682
    assert len(font.gb2312((font.LEVEL_1,))) == 3755
    assert len(font.gb2312((font.LEVEL_2,))) == 3008
    assert font.gb2312((font.LEVEL_1,))[0] == "啊"


def test_what_the_source_lacks_is_named(tmp_path: Path):
    (tmp_path / "hex").write_text(HEX)
    built = font.build(font.read_hex(tmp_path / "hex"), "A张王")
    assert (built.letters, built.missing) == (2, "王")


@pytest.mark.parametrize("text", ["", "0041", "0041:00", "0041:" + "zz" * 16, "G:" + "00" * 16,
                                  "11FFFFFF:" + "00" * 16, "\xff"])
def test_a_source_that_is_no_unifont_is_named(tmp_path: Path, text: str):
    source = tmp_path / "hex"
    if not text:
        with pytest.raises(NotReady, match="apt-get install unifont"):
            font.read_hex(source)
        return
    source.write_text(text, "latin-1")
    with pytest.raises(NotReady, match="Nothing was written"):
        font.read_hex(source)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Unwritable, match="stands there still"):
        font.write(font.Built(b"new", 0, ""), tmp_path / "file" / "font")
    assert (tmp_path / "file").read_text() == "no folder"


def test_unifont_has_all_of_gb2312(tmp_path: Path):
    if not font.UNIFONT.is_file():
        missing("no unifont: apt-get install unifont")
    letters = font.ascii_letters() + font.gb2312((font.SYMBOLS, font.LEVEL_1, font.LEVEL_2))
    built = font.build(font.read_hex(font.UNIFONT), letters)
    assert (built.letters, built.missing) == (7540, "")
    font.write(built, tmp_path / "font")
    read = Font(str(tmp_path / "font"))
    for letter in letters:
        assert read.find(letter) and (letter == " " or any(read.bits) or letter == "\u3000")
    read.close()
