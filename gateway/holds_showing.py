"""How holds on returns look: a table for a person, lines for a pipe, JSON for a program."""

from collections.abc import Iterable, Sequence
from typing import TextIO

from gateway import listing
from gateway.holds import Ended
from gateway.holds_list import HeldReturn

COLUMNS = ("receipt", "state", "member", "merchant", "returned", "amount", "claimed", "held",
           "lots", "returned (UTC)", "verdict until", "ended by", "by", "reason")


def as_json(rows: Iterable[HeldReturn | Ended]) -> str:
    """A list of objects; times and days in ISO 8601, amounts in minor units."""
    return listing.as_json(list(rows))


def show(found: Sequence[HeldReturn], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in found], out)


def line(ended: Ended) -> str:
    """One line for a person."""
    return (f"hold of receipt {ended.hold} {ended.state}: {ended.points:+d} points, balance"
            f" {ended.balance}, receipt {ended.receipt}")


def _cells(each: HeldReturn) -> tuple[str, ...]:
    return (str(each.receipt), each.state, f"{each.member_id} {each.member}", each.merchant,
            each.of, str(each.amount_minor), str(each.claimed), str(each.held),
            " ".join(map(str, each.lots)), f"{each.returned_at:%Y-%m-%d %H:%M:%S}",
            each.due_on.isoformat(), str(each.ended_by or ""), each.by or "", each.reason or "")
