"""Statements as text: a line a day, opening and closing."""

import io
import json
from datetime import date

from gateway import statement_showing
from gateway.day_figures import NONE
from gateway.statement import Day, Statement
from gateway.statement_lines import Line

MADE = Statement(1, "Bean", date(2026, 11, 21), date(2026, 11, 22), -5, (
    Day(date(2026, 11, 21), True, NONE._replace(cost_minor=-12, credit_minor=9, due_minor=-3),
        NONE._replace(due_minor=-3, pool_minor=4, hq_minor=-1)),))


def test_a_pipe_gets_opening_days_and_closing():
    out = io.StringIO()
    statement_showing.show(MADE, out)
    opening, day, closing = (line.split("\t") for line in out.getvalue().splitlines())
    assert (opening[0], opening[9], closing[0], closing[9]) == ("opening", "-5", "closing", "-8")
    assert day[:2] + day[6:] == ["2026-11-21", "closed", "-12", "9", "0", "-3", "-3", "4", "-1",
                                 "0"]


def test_a_program_gets_every_figure():
    told = json.loads(statement_showing.as_json(MADE))
    assert (told["opening_minor"], told["closing_minor"]) == (-5, -8)
    assert told["days"][0]["programme"]["pool_minor"] == 4
    assert set(told["days"][0]["programme"]) == {  # and no 0 for what nobody counted of it
        "entries", "due_minor", "members_points", "points_expired", "points_adjusted",
        "pool_minor", "hq_minor"}


LINE = Line(date(2026, 11, 21), 7, "10000001/5/17", "refund", -333,
            NONE._replace(points_taken_back=4, points_given_back=3, cost_minor=3, credit_minor=-2))


def test_a_line_tells_what_came_and_went():
    out = io.StringIO()
    statement_showing.show_lines((LINE,), out)
    assert out.getvalue().split() == ["7", "2026-11-21", "10000001/5/17", "refund", "-333", "-4",
                                      "-3", "3", "-2", "0"]
    told = json.loads(statement_showing.as_json(MADE, (LINE,)))["lines"]
    assert told == [{"receipt": 7, "day": "2026-11-21", "tap": "10000001/5/17", "kind": "refund",
                     "amount_minor": -333, "points_issued": -4, "points_redeemed": -3,
                     "cost_minor": 3, "credit_minor": -2, "other_minor": 0}]
    assert "lines" not in json.loads(statement_showing.as_json(MADE))
