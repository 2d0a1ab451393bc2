"""What is typed wrongly at the command line, told in our own words.

Law: whatever cannot be read (a number, a day, an option) is told before anything is done: what it
is, that nothing was done, and what would be right. The code is 2, and no card number is repeated.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import click

from protocol.limits import TERMINAL_ID_MAX, U32_MAX

SHOWN_MAX = 40
DIGITS_MAX = 20
ID_MAX = 2**63 - 1


class Number(click.ParamType):
    """A whole number of `least` to `most`, in plain digits: neither 1e3 nor 1_000."""

    name = "number"

    def __init__(self, least: int = -ID_MAX, most: int = ID_MAX) -> None:
        self.least = least
        self.most = most
        self.span = (f" from {least} to {most}" if most < ID_MAX else
                     f" of {least} or more" if least > -ID_MAX else "")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        digits = value[1:] if value[:1] in ("-", "+") else value
        whole = digits.isascii() and digits.isdigit()
        vast = whole and (len(digits) > DIGITS_MAX or int(digits) > ID_MAX)
        if vast and self.most == ID_MAX:
            self.fail(f"{value[:SHOWN_MAX]!r} is larger than any number here.", param, ctx)
        if not whole or vast or not self.least <= int(value) <= self.most:
            self.fail(f"{value[:SHOWN_MAX]!r} is no whole number{self.span}.", param, ctx)
        return int(value)


class _Day(click.ParamType):
    name = "day"

    def convert(self, value: Any, param: click.Parameter | None,
                ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value[:SHOWN_MAX]!r} is no day; write it as 2026-11-30.", param, ctx)


DAY = _Day()
IDENTITY = Number(1)
RECEIPT = LOT = Number(1, U32_MAX)
TERMINAL = Number(1, TERMINAL_ID_MAX)


class _Told(click.UsageError):
    """Is in our words already: a group within another adds nothing."""


class Plain(click.Group):
    """A group whose commands, however deep, end such errors in our words."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _told():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _told():
            return super().invoke(ctx)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except _Told:
        raise
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # shows the help, as older clicks do
            raise
        from gateway.logs import redacted_text

        text = redacted_text(error.format_message()).strip()
        raise _Told(f"{text}{'' if text[-1:] in '.?' else '.'} Nothing was done.",
                    error.ctx) from None
