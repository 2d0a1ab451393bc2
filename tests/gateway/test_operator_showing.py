"""How operators look: a table, lines, JSON."""

import io
import json
from datetime import UTC, datetime

from gateway import operator_showing
from gateway.registry import OperatorFacts
from tests.support.commands import Screen

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
FACTS = OperatorFacts(1, "Bean", 5, "Li", "active", AT, True, None)


def test_a_line_says_who_where_and_whether_there_is_a_pin():
    line = "operator 5 Li of merchant 1 (Bean) is active, "
    assert operator_showing.line(FACTS) == line + "has a PIN"
    assert operator_showing.line(FACTS._replace(has_pin=False)) == line + "has no PIN"
    assert operator_showing.line(FACTS._replace(locked_until=AT)) == (
        line + "locked until 2026-11-21 04:00:00 UTC")


def test_a_pipe_gets_columns_a_screen_a_table_and_a_program_json():
    out = io.StringIO()
    operator_showing.show([FACTS], out)
    assert out.getvalue() == "1\tBean\t5\tLi\tactive\t2026-11-21 04:00:00\thas a PIN\n"
    screen = Screen()
    operator_showing.show([FACTS], screen)
    assert "operator" in screen.getvalue() and "has a PIN" in screen.getvalue()
    listed = json.loads(operator_showing.as_json([FACTS]))
    assert listed == [{"merchant_id": 1, "merchant": "Bean", "number": 5, "name": "Li",
                       "state": "active", "since": "2026-11-21T04:00:00Z", "has_pin": True,
                       "locked_until": None}]
    assert json.loads(operator_showing.as_json(FACTS, pin="2468"))["pin"] == "2468"
