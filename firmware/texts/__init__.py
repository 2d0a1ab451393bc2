"""What the screen says, one module a language; only the chosen one is loaded.

Law: both languages have the same names, and every text fits its line of 16 columns (a Chinese
character takes two) with the longest value it is shown with; tests hold both.
"""


def load(language):
    """The words of a language as a dict; an unknown language speaks English."""
    if language == "zh":
        from firmware.texts import zh

        return zh.WORDS
    from firmware.texts import en

    return en.WORDS


def reason(words, code):
    """Why a request was refused, for the cashier."""
    return words.get("code_%d" % code) or words["code"] % code
