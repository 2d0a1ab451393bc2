"""How a list looks: on a terminal a table, in a pipe a line each, columns parted by tabs; for a
program JSON."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

PADDING = 3  # what a table adds to the width of a column


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO | None = None) -> None:
    """Rows of texts, one for each column; the first column is what a row is called. Where a screen
    is too narrow for the table, a row is a block of lines: a figure that is broken in two would be
    read as another one, and a key could not be copied."""
    where: TextIO = sys.stdout if out is None else out
    rows = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    if not where.isatty():
        where.writelines("\t".join(row) + "\n" for row in rows)
    elif rows:
        # columns that say nothing take no room
        said = [place for place in range(len(columns)) if any(row[place] for row in rows)]
        console = Console(file=where, highlight=False, soft_wrap=True)
        widths = [max(cell_len(columns[place]), *(cell_len(row[place]) for row in rows))
                  for place in said]
        if sum(widths) + PADDING * len(said) + 1 > console.width:
            for row in rows:
                console.print(_block(columns, row))
            return
        table = Table(box=box.SIMPLE)
        for place in said:
            table.add_column(columns[place], no_wrap=True)
        for row in rows:
            table.add_row(*(Text(row[place]) for place in said))
        console.print(table)


def _block(columns: Sequence[str], row: Sequence[str]) -> Text:
    """A row as lines of name and value, where it says something."""
    wide = max(map(cell_len, columns))
    said = [(name, cell) for name, cell in zip(columns, row, strict=True) if cell]
    return Text("".join(f"{name:>{wide}}  {cell}\n" for name, cell in said))


def as_json(what: Any) -> str:
    """Named tuples as objects; times and days in ISO 8601, amounts in minor units."""
    return json.dumps(_plain(what), ensure_ascii=False)


def _plain(what: Any) -> Any:
    if isinstance(what, datetime):
        return f"{what:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(what, date):
        return what.isoformat()
    if hasattr(what, "_asdict"):
        what = what._asdict()
    if isinstance(what, dict):
        return {name: _plain(value) for name, value in what.items()}
    return [_plain(each) for each in what] if isinstance(what, list | tuple) else what
