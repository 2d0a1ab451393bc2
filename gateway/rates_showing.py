"""How merchants' rates look: a table for a person, lines for a pipe, JSON for a program."""

import json
from collections.abc import Sequence
from typing import TextIO

from gateway import listing
from gateway.registry import RateFacts

COLUMNS = ("merchant", "name", "version", "cost bp", "credit bp", "from (UTC)", "in force")


def as_json(rates: Sequence[RateFacts]) -> str:
    """A list of objects; times in ISO 8601, rates in basis points."""
    return json.dumps([{**each._asdict(), "begins_at": f"{each.begins_at:%Y-%m-%dT%H:%M:%SZ}"
                        if each.begins_at else None} for each in rates], ensure_ascii=False)


def show(rates: Sequence[RateFacts], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in rates], out)


def line(rates: RateFacts) -> str:
    """One line for a person."""
    return (f"merchant {rates.merchant_id} ({rates.merchant}): cost {rates.cost_bp}, credit"
            f" {rates.credit_bp} basis points from {rates.begins_at:%Y-%m-%d %H:%M:%S} UTC")


def _cells(rates: RateFacts) -> tuple[str, ...]:
    begins = f"{rates.begins_at:%Y-%m-%d %H:%M:%S}" if rates.begins_at else ""
    return (str(rates.merchant_id), rates.merchant, str(rates.version), str(rates.cost_bp),
            str(rates.credit_bp), begins, "yes" if rates.in_force else "")
