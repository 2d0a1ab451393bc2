"""How a report looks: a table for a person, lines for a pipe, JSON for a program."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from gateway.audit.report import Progress, Report


def as_json(report: Report) -> str:
    """One object: ok, findings (table, row, wrong, todo), left_out, checked, rebuilt."""
    return json.dumps({
        "ok": report.ok, "findings": [found._asdict() for found in report.findings],
        "left_out": report.left_out, "checked": dict(report.checked),
        "rebuilt": dict(report.rebuilt)}, ensure_ascii=False)


def show(report: Report, out: TextIO | None = None) -> None:
    """On a terminal a table, else one line for each finding; the sum at the end."""
    console = Console(file=out or sys.stdout, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.print(str(report), markup=False)
        return
    if report.findings:
        console.print(_findings(report))
    console.print(report.summary, markup=False)


def _findings(report: Report) -> Table:
    table = Table("table", "row", "what is wrong", "what to do", show_lines=True)
    for found in report.findings:
        table.add_row(*map(Text, found))
    return table


@contextmanager
def bar(quiet: bool, err: TextIO | None = None) -> Iterator[Progress | None]:
    """A bar on standard error while the audit runs; None where nobody would see it."""
    console = Console(file=err or sys.stderr)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description:>16}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)

        def progress(table: str, done: int, total: int) -> None:
            bars.update(task, description=table, completed=done, total=max(done, total))

        yield progress
