"""How the jobs of one round look to a person who waits for them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway.jobs import unseen


@contextmanager
def counter(shown: bool, err: TextIO | None = None) -> Iterator[Callable[[str, int], None]]:
    """What tells of rows done, on standard error; nothing where nobody would see it. How many
    there are in all nobody knows before, so it is no bar."""
    console = Console(file=err or sys.stderr)
    if not (shown and console.is_terminal):
        yield unseen
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,} rows"),
               TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as shows:
        task = shows.add_task("jobs", total=None)
        yield lambda name, rows: shows.update(task, description=name, completed=rows)
