"""How a list looks: on a terminal a table, in a pipe a line each, columns parted by tabs; for a
program JSON."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO | None = None) -> None:
    """Rows of texts, one for each column; the first column is what a row is called."""
    where: TextIO = sys.stdout if out is None else out
    rows = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    if not where.isatty():
        where.writelines("\t".join(row) + "\n" for row in rows)
    elif rows:
        # columns that say nothing take no room, and a key is never broken: it is to be copied
        said = [place for place in range(len(columns)) if any(row[place] for row in rows)]
        table = Table(box=box.SIMPLE)
        for place in said:
            table.add_column(columns[place], no_wrap=not place, overflow="fold")
        for row in rows:
            table.add_row(*(Text(row[place]) for place in said))
        Console(file=where, highlight=False).print(table)


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
