"""What people type into a command: names, reasons. Pure."""

from unicodedata import normalize

from gateway.errors import GatewayError

REASON_SIZE_MAX = 400
NAME_SIZE_MAX = 100


def need_line(what: str, text: str, least: int, most: int, error: type[GatewayError]) -> str:
    """The text, which is one readable line of `least` to `most` bytes; else `error`."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # bytes of a command line that are no UTF-8
        raise error(f"The {what} is no readable text. Nothing was changed; write it in"
                    " UTF-8.") from None
    if not text.isprintable() or not least <= len(text.strip()) <= size <= most:
        raise error(f"The {what} is one line of {least} to {most} bytes. Nothing was changed.")
    return text


def same_person(one: str, other: str) -> bool:
    """Whether two names are one: letter case, width and spaces tell nobody apart.

    >>> same_person("Lin  Mei", " lin mei"), same_person("Lin Mei", "Lin Wei")
    (True, False)
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return " ".join(normalize("NFKC", name).casefold().split())
