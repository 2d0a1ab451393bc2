"""How a command ends: with its work done, or in one line that says why not.

Law: a command either does its work, or says in one line on standard error what is wrong, what is
safe and what to do, and ends with a code that is not 0: 78 for settings (mend them before a
restart), 1 for everything else (a supervisor may try again; an audit that cannot run: 2), 130
for Ctrl-C. A traceback is a bug.
"""

import codecs
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TypeVar

import click

from gateway.errors import GatewayError
from gateway.settings import SettingsError, from_environment

EXIT_SETTINGS = 78
EXIT_FAILED = 1
EXIT_NO_AUDIT = 2
EXIT_INTERRUPTED = 130
ESCAPED = "pointwire-escaped"

Word = TypeVar("Word")
Done = TypeVar("Done")


def _known(error: Exception) -> str | None:
    """One line about an error that is not ours but has a plain meaning."""
    from sqlalchemy.exc import DBAPIError

    from gateway import failures
    from gateway.database import unreachable

    if isinstance(error, DBAPIError) and failures.damaged(error):
        return (f"the database file is damaged: {unreachable(error)}. What of it can still be read"
                " is not known; stop every process, keep the file as it is, and go back to a"
                " backup (gateway/README.md, Recovery).")
    if isinstance(error, DBAPIError):
        return (f"the database failed: {unreachable(error)}. What was committed is safe; look"
                " after the database and start again.")
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        what = f"{error.filename}: " if error.filename else ""
        return (f"{what}{error.strerror or error}. What was committed is safe; put this right"
                " and start again.")
    return None


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start:error.end])[1:-1], error.end


codecs.register_error(ESCAPED, _escaped)


def _show_what_can_be_shown() -> None:
    """A name that the screen's encoding does not have is written as JSON writes it (\\u738b): half
    a list with a traceback behind it helps nobody."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors=ESCAPED)


@contextmanager
def plainly(process: str, failed: int = EXIT_FAILED) -> Iterator[None]:
    """Settings are looked at first; every error raised on purpose becomes a line and a code."""
    _show_what_can_be_shown()
    try:
        from_environment(os.environ)
        yield
    except SettingsError as error:
        _end(process, str(error), EXIT_SETTINGS)
    except GatewayError as error:
        _end(process, str(error), failed)
    except click.Abort:
        _end(process, "the question was not answered. Nothing was done; ask again, or say it on"
             " the command line.", failed)
    except KeyboardInterrupt:
        _end(process, "interrupted. What was committed is safe; look at what there is before you"
             " do it again.", EXIT_INTERRUPTED)
    except Exception as error:
        text = _known(error)
        if text is None:
            raise
        _end(process, text, failed)


def in_turn(words: Sequence[Word], decide: Callable[[Word], Done], line: Callable[[Done], str],
            as_text: Callable[[Sequence[Done]], str], as_json: bool) -> None:
    """Decides on each in order until one cannot be done, and tells those that were: each as it is
    done, or all of them as JSON at the end."""
    done: list[Done] = []
    try:
        for word in words:
            done.append(decide(word))
            if not as_json:
                click.echo(line(done[-1]))
    except GatewayError as error:
        if len(words) > 1:
            error.args = (f"{str(error).removesuffix('.')}. Of the {len(words)} that were named"
                          f" {len(done)} are done, and those behind this one were not tried.",)
        raise
    finally:
        if as_json:
            click.echo(as_text(done))


def _end(process: str, text: str, code: int) -> None:
    from gateway.logs import redacted_text

    click.echo(f"pointwire gateway {process}: {redacted_text(text)}", err=True)
    sys.exit(code)
