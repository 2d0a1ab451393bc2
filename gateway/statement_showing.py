"""How a statement looks: a table for a person, lines for a pipe, JSON for a program."""

import json
from collections.abc import Sequence
from typing import TextIO

from gateway import listing
from gateway.day_figures import WHOLE_FIGURES
from gateway.statement import Day, Statement
from gateway.statement_lines import Line

COLUMNS = ("day", "state", "sales", "turnover", "points issued", "points redeemed", "issue cost",
           "redemption credit", "other", "due", "programme: merchants", "pool", "HQ", "sum")
# what is counted of a programme: the rest of its figures are its merchants'
OF_PROGRAMME = ("entries", "due_minor", *WHOLE_FIGURES.values())
LINE_NAMES = ("receipt", "day", "tap", "kind", "amount_minor", "points_issued", "points_redeemed",
              "cost_minor", "credit_minor", "other_minor")
LINE_COLUMNS = ("receipt", "day", "terminal/journal/trace", "kind", "amount", "points issued",
                "points redeemed", "issue cost", "redemption credit", "other")


def as_json(statement: Statement, lines: Sequence[Line] | None = None) -> str:
    """One object; dates in ISO 8601, money in minor units; with `lines`, if they are wanted."""
    asked = {} if lines is None else {"lines": [dict(zip(
        LINE_NAMES, _line(line), strict=True)) for line in lines]}
    return json.dumps({
        "merchant_id": statement.merchant_id, "merchant": statement.merchant,
        "from": str(statement.first), "to": str(statement.last),
        "opening_minor": statement.opening_minor, "closing_minor": statement.closing_minor,
        "days": [{"day": str(day.on), "closed": day.closed, **day.mine._asdict(),
                  "programme": {name: getattr(day.whole, name) for name in OF_PROGRAMME}}
                 for day in statement.days],
        "sum": statement.sum._asdict()} | asked, ensure_ascii=False)


def show(statement: Statement, out: TextIO | None = None) -> None:
    def only(name: str, due_minor: int) -> tuple[str, ...]:
        return (name, *([""] * 8), str(due_minor), *([""] * 4))

    listing.show(COLUMNS, [only("opening", statement.opening_minor),
                           *(_cells(day) for day in statement.days),
                           only("closing", statement.closing_minor)], out)


def show_lines(lines: Sequence[Line], out: TextIO | None = None) -> None:
    listing.show(LINE_COLUMNS, [tuple("" if cell is None else str(cell) for cell in _line(each))
                                for each in lines], out)


def _line(line: Line) -> tuple[int | str | None, ...]:
    mine = line.figures
    return (line.receipt, str(line.on), line.tap, line.kind, line.amount_minor,
            mine.points_issued - mine.points_taken_back,
            mine.points_redeemed - mine.points_given_back, mine.cost_minor, mine.credit_minor,
            mine.other_minor)


def _cells(day: Day) -> tuple[str, ...]:
    mine, whole = day.mine, day.whole
    figures = (mine.sales, mine.sales_minor + mine.redemptions_minor + mine.refunds_minor
               + mine.voids_minor, mine.points_issued - mine.points_taken_back,
               mine.points_redeemed - mine.points_given_back, mine.cost_minor, mine.credit_minor,
               mine.other_minor, mine.due_minor, whole.due_minor, whole.pool_minor,
               whole.hq_minor, whole.due_minor + whole.pool_minor + whole.hq_minor)
    return (str(day.on), "closed" if day.closed else "open", *map(str, figures))
