"""What people type into a command: names, reasons. Pure."""

import json
import re
from unicodedata import category, normalize

from gateway.errors import GatewayError

REASON_SIZE_MAX = 400
NAME_SIZE_MAX = 100

# what could be a card number: 12 and more digits, also grouped by blanks or hyphens
CARD_DIGITS = re.compile(r"\d(?:[ -]?\d){11,}")
_DAYS = re.compile(r"(?<!\d)20\d\d-[01]\d-[0-3]\d(?!\d)")

# letters of Greek and Cyrillic that look like Latin ones, large or small, once case is folded
_ALIKE = str.maketrans("αβεζηικμνορτυχ" + "авекмнорстухіјѕһԁԛԝ",
                       "abezhikmnoptyx" + "abekmhopctyxijshdqw")
_UNSEEN = "\u115f\u1160"  # fillers of Hangul: letters that show nothing


def need_line(what: str, text: str, least: int, most: int, error: type[GatewayError]) -> str:
    """The text, which is one readable line of `least` to `most` bytes without a card number;
    else `error`."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # bytes of a command line that are no UTF-8
        raise error(f"The {what} is no readable text. Nothing was changed; write it in"
                    " UTF-8.") from None
    if not text.isprintable() or not least <= len(text.strip()) <= size <= most:
        raise error(f"The {what} is one line of {least} to {most} bytes (a Chinese character is"
                    " three). Nothing was changed.")
    if CARD_DIGITS.search(_DAYS.sub("/", text)):
        raise error(f"The {what} has 12 digits or more in a row, which could be a card number: it"
                    " would be kept and shown in full. Nothing was changed; leave it out, or name"
                    " the card by its last four.")
    return text


def need_name(what: str, text: str, error: type[GatewayError]) -> str:
    """The name of a person: one line with a letter or digit in it; else `error`."""
    need_line(what, text, 1, NAME_SIZE_MAX, error)
    if not _plain(text):
        raise error(f"The {what} has no letter in it. Nothing was changed.")
    return text


def note_of(by: str, reason: str, **also: str) -> bytes:
    """Who decided and why, and what `also` is told, as it is kept encrypted beside a verdict."""
    return json.dumps({"by": by, "reason": reason, **also}, ensure_ascii=False).encode()


def same_person(one: str, other: str) -> bool:
    """Whether two names are one: nobody is told apart by letter case, width, spaces, stops,
    accents, what is not seen, or letters of another script that look the same.

    >>> same_person("Lin  Mei", " lin mei"), same_person("Lin Mei", "Lin Wei")
    (True, False)
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    folded = normalize("NFKD", normalize("NFKC", name).casefold()).translate(_ALIKE)
    return "".join(letter for letter in folded if _tells(letter))


def _tells(letter: str) -> bool:
    """Whether it tells names apart; marks do where they are vowels, as in Indian scripts."""
    if category(letter).startswith("M"):
        return not ("\u0300" <= letter <= "\u036f" or "\u180b" <= letter <= "\u180f"
                    or "\ufe00" <= letter <= "\ufe0f" or letter >= "\U000e0100")
    return letter.isalnum() and letter not in _UNSEEN
