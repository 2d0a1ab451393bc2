"""How closed batches look: a table for a person, lines for a pipe, JSON for a program."""

from collections.abc import Iterable, Sequence
from typing import TextIO

from gateway import listing
from gateway.batch import Total
from gateway.batch_list import ClosedBatch
from protocol import codes
from protocol.messages import MESSAGES

COLUMNS = ("batch", "merchant", "shop", "closed (UTC)", "traces", "differs", "in question")
NOTHING: Total = (0, 0, 0)


def as_json(rows: Iterable[ClosedBatch]) -> str:
    """A list of objects; times in ISO 8601, amounts in minor units."""
    return listing.as_json(list(rows))


def show(found: Sequence[ClosedBatch], out: TextIO | None = None) -> None:
    listing.show(COLUMNS, [_cells(each) for each in found], out)


def _cells(each: ClosedBatch) -> tuple[str, ...]:
    differs = "; ".join(
        f"{MESSAGES[kind].name if kind in MESSAGES else kind}:"
        f" terminal {_total(each.theirs.get(kind, NOTHING))},"
        f" here {_total(each.ours.get(kind, NOTHING))}" for kind in each.types)
    question = " ".join(f"{trace}={codes.name(code) or code}"
                        for trace, code, _ in each.differing)
    return (each.batch, each.merchant, each.shop, f"{each.closed_at:%Y-%m-%d %H:%M:%S}",
            f"{each.first}-{each.last}", differs, question)


def _total(total: Total) -> str:
    count, amount_minor, points = total
    return f"{count}x {amount_minor} {points:+d}p"
