"""What `pointwire prove --options` shows: each option, its usual value, its range, its meaning.

Law: the meaning stands once, as the comment at the option in options.py, and is read from there.
A name stands whole however narrow the terminal is, because --set takes it whole; where nobody
looks but a program (a pipe), an option is one line.
"""

import inspect
import sys
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tools.prove import options as drawing

PIPE_COLUMNS = 200


class Told(NamedTuple):
    """`group`: the comment above it; `meaning`: the one beside it, empty where the name says all;
    `least`, `most`: what may be asked for."""

    group: str
    name: str
    usual: int
    least: int
    most: int
    meaning: str


def told() -> Iterator[Told]:
    """All options in their order."""
    group = ""
    for line in inspect.getsource(drawing.Options).splitlines():
        code, _, comment = line.strip().partition("#")
        name = code.partition(":")[0].strip()
        if not code:
            group = comment.strip() or group
        elif name in drawing.Options._field_defaults:
            yield Told(group, name, drawing.Options._field_defaults[name],
                       *drawing.range_of(name), comment.strip())


def table() -> Table:
    """A row an option, under the line of its group."""
    shown = Table("option", "usual", "range", "meaning", title="A fault is off at 0; _max is the"
                  " longest or largest, _per_1000 how often among so many")
    shown.columns[0].width = max(map(len, drawing.Options._fields))
    group = ""
    for each in told():
        if each.group != group:
            group = each.group
            shown.add_section()
            shown.add_row(f"[bold]{group}[/bold]")
        shown.add_row(each.name, str(each.usual), f"{each.least} to {each.most}", each.meaning)
    return shown


def show() -> None:
    """The table on standard output, as wide as that is."""
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table())
