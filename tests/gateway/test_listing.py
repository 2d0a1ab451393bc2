"""Lists: a table for a person, lines for a pipe."""

import io

import pytest
from rich.cells import cell_len
from rich.text import Text

from gateway import listing
from tests.support.commands import Screen

COLUMNS = ("key", "why", "empty")
ROWS = [("10/2", "no\tsuch\nthing", ""), ("11/3", "", "")]


def test_a_pipe_gets_a_line_a_row_whatever_is_in_it():
    out = io.StringIO()
    listing.show(COLUMNS, ROWS, out)
    assert out.getvalue() == "10/2\tno such thing\t\n11/3\t\t\n"


def test_a_terminal_gets_a_table_without_columns_that_say_nothing():
    out = Screen()
    listing.show(COLUMNS, ROWS, out)
    assert "why" in out.getvalue() and "empty" not in out.getvalue()
    nothing = Screen()
    listing.show(COLUMNS, [], nothing)
    assert nothing.getvalue() == ""


@pytest.mark.parametrize(("width", "blocks"), [(58, 2), (59, 0), (200, 0)])
def test_a_screen_too_narrow_for_a_table_gets_blocks_with_every_figure_whole(
        width, blocks, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [("10000001/1592605928/17", "-2800000", "王小明", "x" * 10), ("2", "1", "", "")]
    out = Screen()
    listing.show(("tap", "due", "name", "why"), rows, out)
    said = Text.from_ansi(out.getvalue()).plain
    assert all(cell in said for row in rows for cell in row)
    assert said.count(" due  -") + said.count("due  1\n") == blocks
    assert all(cell_len(line) <= width for line in said.splitlines())
