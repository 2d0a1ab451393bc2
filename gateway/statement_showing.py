"""How a statement looks: a table for a person, lines for a pipe, JSON for a program."""

import json
from typing import TextIO

from gateway import listing
from gateway.day_figures import WHOLE_FIGURES
from gateway.statement import Day, Statement

COLUMNS = ("day", "state", "sales", "turnover", "points issued", "points redeemed", "issue cost",
           "redemption credit", "other", "due", "programme: merchants", "pool", "HQ", "sum")
# what is counted of a programme: the rest of its figures are its merchants'
OF_PROGRAMME = ("entries", "due_minor", *WHOLE_FIGURES.values())


def as_json(statement: Statement) -> str:
    """One object; dates in ISO 8601, money in minor units."""
    return json.dumps({
        "merchant_id": statement.merchant_id, "merchant": statement.merchant,
        "from": str(statement.first), "to": str(statement.last),
        "opening_minor": statement.opening_minor, "closing_minor": statement.closing_minor,
        "days": [{"day": str(day.on), "closed": day.closed, **day.mine._asdict(),
                  "programme": {name: getattr(day.whole, name) for name in OF_PROGRAMME}}
                 for day in statement.days],
        "sum": statement.sum._asdict()}, ensure_ascii=False)


def show(statement: Statement, out: TextIO | None = None) -> None:
    def only(name: str, due_minor: int) -> tuple[str, ...]:
        return (name, *([""] * 8), str(due_minor), *([""] * 4))

    listing.show(COLUMNS, [only("opening", statement.opening_minor),
                           *(_cells(day) for day in statement.days),
                           only("closing", statement.closing_minor)], out)


def _cells(day: Day) -> tuple[str, ...]:
    mine, whole = day.mine, day.whole
    figures = (mine.sales, mine.sales_minor + mine.redemptions_minor + mine.refunds_minor
               + mine.voids_minor, mine.points_issued - mine.points_taken_back,
               mine.points_redeemed - mine.points_given_back, mine.cost_minor, mine.credit_minor,
               mine.other_minor, mine.due_minor, whole.due_minor, whole.pool_minor,
               whole.hq_minor, whole.due_minor + whole.pool_minor + whole.hq_minor)
    return (str(day.on), "closed" if day.closed else "open", *map(str, figures))
