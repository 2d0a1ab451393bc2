"""What the screen says, one module a language.

Law: both languages have the same lines, and every text fits its line of 16 columns (a Chinese
character takes two) with the longest value it is shown with; tests hold both. A language is one
string: sixty small ones would cost three times its size.
"""

from firmware.texts import en, zh


class Words:
    """The texts of a language: `words[names.TITLE]`, and `reason` for the reply codes."""

    def __init__(self, text):
        self._text = text

    def __getitem__(self, number):
        start = 0
        for _ in range(number):
            start = self._text.find("\n", start) + 1
        return self._value(start)

    def reason(self, code):
        """Why a request was refused, for the cashier; None where there is no text for it."""
        start = self._text.find("\n%d=" % code)
        return None if start < 0 else self._value(start + 1)

    def _value(self, start):
        end = self._text.find("\n", start)
        return self._text[self._text.find("=", start) + 1:end]


def load(language):
    """The words of a language; an unknown language speaks English."""
    return Words(zh.text() if language == "zh" else en.text())
