"""The file of `--log`: opened before a run that may take an hour, written once its result is told.

Law: a path that cannot be written ends the command before anything runs; and whatever becomes of
the file, the result is on the screen already and its exit code comes first.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from tools.errors import EXIT_BAD_RESULT, EXIT_UNWRITABLE, Unwritable


class EventLog:
    """Lines of a run for the file at `path`; without one nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._lines = path, []
        try:
            self._file = None if path is None else path.open("w", encoding="utf-8")
        except OSError as error:
            raise Unwritable(f"{path} cannot be written ({error.strerror}). Nothing was run: name"
                             " another file with --log.") from None

    @property
    def echo(self) -> Callable[[str], None] | None:
        """Takes a line; None where nobody wants them."""
        return None if self._file is None else self._lines.append

    def end(self, good: bool) -> None:
        """Write the file, and end the process where the run was not good or the file is not."""
        fault = self._written()
        if fault is not None:
            click.echo(f"pointwire: {self._path} is not whole ({fault}); the result above stands."
                       " Make room, and run the same command again: it logs the same.", err=True)
        if not good or fault is not None:
            sys.exit(EXIT_UNWRITABLE if good else EXIT_BAD_RESULT)

    def _written(self) -> str | None:
        if self._file is None:
            return None
        try:
            with self._file as file:
                file.writelines(line + "\n" for line in self._lines)
        except OSError as error:
            return error.strerror or str(error)
        return None
