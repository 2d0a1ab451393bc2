"""Lists: a table for a person, lines for a pipe."""

import io

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
