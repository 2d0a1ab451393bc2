"""How merchants' rates look: a table for a person, lines for a pipe, JSON for a program."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TextIO

from gateway import listing
from gateway.registry import RateFacts

COLUMNS = ("merchant", "name", "version", "cost bp", "credit bp", "from (UTC)", "until (UTC)",
           "in force")


def as_json(rates: RateFacts | Sequence[RateFacts]) -> str:
    """Objects; times in ISO 8601, rates in basis points."""
    return listing.as_json(rates)


def show(rates: Sequence[RateFacts], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in rates], out)


def line(rates: RateFacts, begins: date | None = None) -> str:
    """One line for a person; `begins`: the business day that was asked for."""
    asked = f" (business day {begins})" if begins else ""
    until = f" until {_time(rates.ends_at)} UTC, when later ones begin" if rates.ends_at else ""
    instead = (f"; in place of version {rates.replaces}, which never counts"
               if rates.replaces else "")
    return (f"merchant {rates.merchant_id} ({rates.merchant}): version {rates.version}, cost"
            f" {rates.cost_bp}, credit {rates.credit_bp} basis points from"
            f" {_time(rates.begins_at)} UTC{asked}{until}{instead}")


def _cells(rates: RateFacts) -> tuple[str, ...]:
    counts = "never: replaced" if rates.replaced else "yes" if rates.in_force else ""
    return (str(rates.merchant_id), rates.merchant, str(rates.version), str(rates.cost_bp),
            str(rates.credit_bp), _time(rates.begins_at), _time(rates.ends_at), counts)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
