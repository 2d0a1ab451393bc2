"""How a recount is told: lines for a person, JSON for a program, a bar while it runs."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from tools.recount.recount import Progress
from tools.recount.result import Apart, Difference, Result

SHOWN_MAX = 100  # of each list, for a person; a program gets all


def as_json(stated: str, result: Result) -> str:
    """The statement with `verification` in it, one object."""
    return json.dumps(json.loads(stated) | {"verification": {
        "equal": result.equal, "worked_out": result.worked_out,
        **{name: [each._asdict() for each in found] for name, found in _lists(result)}}},
        ensure_ascii=False)


def show(result: Result) -> None:
    for name, found in _lists(result):
        for each in found[:SHOWN_MAX]:
            click.echo(_line(name, each))
        if len(found) > SHOWN_MAX:
            click.echo(f"{name}: {len(found) - SHOWN_MAX} more; --json tells all")
    apart = len(result.unverifiable), len(result.not_from_frames)
    click.echo(f"{'equal' if result.equal else 'NOT EQUAL'}: {result.worked_out} entries worked"
               f" out from frames, {len(result.differences)} differences; as booked:"
               f" {apart[0]} unverifiable, {apart[1]} not from frames")


@contextmanager
def bar(quiet: bool) -> Iterator[Progress]:
    """A bar on standard error, where somebody sees it."""
    console = Console(file=sys.stderr)
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    columns = (TextColumn("entries"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lists(result: Result) -> tuple[tuple[str, list], ...]:
    return (("differences", result.differences), ("unverifiable", result.unverifiable),
            ("not_from_frames", result.not_from_frames))


def _line(name: str, each: Difference | Apart) -> str:
    where = f"{each.day}\treceipt {each.receipt or '-'}\t{each.trace or '-'}"
    if isinstance(each, Apart):
        return f"{name.replace('_', ' ')}\t{where}\t{each.why}"
    if not each.trace and each.receipt is None:
        where = f"{each.day}\tthe whole day\t-"
    return f"differs\t{where}\t{each.figure}: {each.booked}, recounted {each.recounted}"
