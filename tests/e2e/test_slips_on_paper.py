"""Slips of the released handset on real MicroPython with the real gateway, at a printer that runs
out of paper: no tap waits for it, and what waits is printed when there is paper again.
"""

from firmware.flows import paper_texts, taps_texts
from firmware.texts import Words, names
from tests.support.till_day import Day


def test_a_printer_without_paper_keeps_no_tap_and_loses_no_slip(day: Day, words: Words,
                                                                language: str):
    paper = Words(paper_texts.parts(language))
    day.handset.do("printer", state="paper_out")
    for amount, points in (("1250", 18), ("300", 4)):
        day.keys(f"*{amount}#")
        day.tap()
        day.sees(words[names.POSTED] % points)
    day.keys("*D9")
    day.sees(paper[paper_texts.TITLE], paper.reason("paper_out"),
             paper[paper_texts.WAITING] % 2)
    day.handset.do("printer", state="idle")
    first, second = (slip(day, copy=False) for _ in range(2))
    assert "12.50" in first and "+18" in first and "3.00" in second and "+4" in second
    day.keys("#")
    again = slip(day, copy=True)
    assert "3.00" in again and again != second
    day.keys("*D55*")  # no slip comes by itself any more
    day.keys("700#")
    day.tap()
    day.sees(words[names.POSTED] % 10)
    day.keys("C")
    day.sees(Words(taps_texts.parts(language))[taps_texts.SALE] + " 7.00")
    day.keys("#")
    assert "7.00" in slip(day, copy=True)
    day.keys("*")
    assert [row[1] for row in day.booked()] == [1250, 300, 700]
    assert len([said for said in day.handset.said if said.get("event") == "slip"]) == 4
    day.keys("D55*D4")  # they come by themselves again
    day.sees(None, "22.50")
    day.keys("#")
    closed = slip(day, copy=False)
    agrees = {"zh": "一致", "en": "Agrees"}[language]
    assert "22.50" in closed and "+32" in closed and agrees in closed


def slip(day: Day, copy: bool) -> str:
    return "\n".join(text for _, text in day.handset.event("slip", copy=copy)["lines"])
