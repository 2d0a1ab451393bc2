"""What the screen says, one module a language.

Law: both languages have the same lines, and every text fits its line of 16 columns (a Chinese
character takes two) with the longest value it is shown with; tests hold both. A language is a few
strings of 16 lines and one of reply codes: sixty small ones would cost three times the heap, and
one large one would find no room in a heap that has been in use for a while.
"""

from firmware.texts import en, zh

LINES = 16

class Words:
    """The texts of a language: `words[names.TITLE]`, and `reason` for reply codes and names."""

    def __init__(self, parts):
        self._parts = parts

    def __getitem__(self, number):
        part = self._parts[number // LINES]
        start = 0
        for _ in range(number % LINES):
            start = part.find("\n", start) + 1
        return _value(part, start)

    def reason(self, code):
        """The text of a code or name; None where there is none."""
        part = self._parts[-1]
        start = part.find("\n%s=" % code)
        return None if start < 0 else _value(part, start + 1)


def _value(part, start):
    return part[part.find("=", start) + 1:part.find("\n", start)]


def fault(language, number):
    """What is wrong with the link (faults.py), for the status screen; empty for nothing."""
    part = zh.faults() if language == "zh" else en.faults()
    return _value(part, part.find("\n%d=" % number) + 1) if number else ""


def parts(language):
    """The texts of a language, for `Words`; an unknown language speaks English."""
    return zh.parts() if language == "zh" else en.parts()
