"""From figures to paper: a slip through layout, font file, driver and printer, both languages.

The printer's bytes are alike on both interpreters, and what is on paper is what was laid out.
"""

import asyncio
import json
from pathlib import Path

import pytest

from firmware.board.printer import CENTER, Printer, line_bytes
from firmware.font import Font
from firmware.slip import DaySlip, TapSlip, layout
from firmware.texts import slip_zh
from protocol.fields import SALE, VOID
from simulator.printer_peer import PrinterPeer
from tests.firmware.virtual_time import run
from tests.support import micropython
from tools import font

TAP = (SALE, "posted", "积分广场", 10000042, 3, "2026-11-22 14:03", 17, 1000, 6200001234567892,
       "王* 银卡", 1250, None, None, 12, 1012, None, None, "满百送十", False, "zh")
DAY = ("积分广场", 10000042, None, None, ((SALE, 120, 150000, 1500), (VOID, 2, 2500, -25)), 0,
       True, ((SALE, 119, 148750, 1488),), ((17, 12, 0),), False, "zh")

PRINT = """
import json, sys
from firmware.board.printer import line_bytes
from firmware.font import Font
from firmware.slip import DaySlip, TapSlip, layout
font = Font(sys.argv[1])
fields = json.loads(sys.argv[3])[:-1] + [sys.argv[4]]
slip = (TapSlip if sys.argv[2] == "tap" else DaySlip)(*fields)
for style, text in layout(slip, 2, True):
    print(bytes(line_bytes(style, text, font)).hex())
"""


@pytest.fixture
def font_path(tmp_path: Path) -> Path:
    letters = "".join(slip_zh.parts()) + json.dumps((TAP, DAY), ensure_ascii=False)
    glyphs = {letter: "00" * 32 for letter in letters if ord(letter) > 127}
    font.write(font.build(glyphs, glyphs), tmp_path / "font")
    return tmp_path / "font"


def on_paper(path: Path, slip: TapSlip | DaySlip) -> list[str]:
    """The lines as a person reads them."""
    async def main() -> PrinterPeer:
        peer = PrinterPeer()
        printer = Printer(peer.reader, peer.writer,
                          lambda slip, copy: layout(slip, 2, copy), Font(str(path)))
        tasks = [asyncio.create_task(peer.run()), asyncio.create_task(printer.run())]
        printer.print_slip(slip)
        await asyncio.sleep(30)
        assert printer.state == "idle"
        for task in tasks:
            task.cancel()
        assert peer.unknown == []
        return peer

    return [line.decode("gb18030") for _, _, line in run(main()).paper if line]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("slip", [TapSlip(*TAP), DaySlip(*DAY)])
def test_what_is_on_paper_is_what_was_laid_out(font_path: Path, slip: TapSlip | DaySlip,
                                               language: str):
    slip = slip._replace(language=language)
    assert on_paper(font_path, slip) == [text for _, text in layout(slip, 2)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("kind", "fields"), [("tap", TAP), ("day", DAY)])
def test_micropython_prints_the_same_bytes(font_path: Path, kind: str, fields: tuple[object, ...],
                                           language: str):
    made = TapSlip if kind == "tap" else DaySlip
    slip = made(*json.loads(json.dumps(fields)))._replace(language=language)
    here = [bytes(line_bytes(style, text, Font(str(font_path)))).hex()
            for style, text in layout(slip, 2, True)]
    said = micropython.run(PRINT, (str(font_path), kind, json.dumps(fields), language))
    assert said.splitlines() == here
    assert len(here) > 15 and here[0].startswith(line_bytes(CENTER | 2, "", None)[:6].hex())


def test_every_letter_of_the_chinese_texts_is_one_the_printer_has():
    for letter in "".join(slip_zh.parts()):
        if ord(letter) > 127:
            assert len(letter.encode("gb2312")) == 2
