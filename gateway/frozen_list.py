"""Frozen points as head office looks for them: lots that have ended and wait for its word (L9).

Law: a page in each short snapshot, no locks. Frozen is what a lot holds and no hold of an entry
has (`Shelf.frozen`). What has ended and nobody has written down yet (the jobs process does) is not
listed yet.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sqlalchemy import func, select

from gateway.clock import from_day
from gateway.database import reading
from gateway.intake import Intake
from gateway.loading import read_spans
from gateway.tables import draws, lots, members, merchants
from gateway.validity import NO_SPAN

PAGE_ROWS = 200
HQ_NAME = "HQ"


class FrozenLot(NamedTuple):
    """`points`: frozen in it; `ended_on`: the last day on which they could be used."""

    lot_id: int
    member_id: int
    member: str
    points: int
    issuer: str
    earned_on: date
    ended_on: date


def listed(intake: Intake) -> Iterator[FrozenLot]:
    """Every lot in which points are frozen, by its number."""
    after = 0
    while True:
        page = _page(intake, after)
        yield from page
        if len(page) < PAGE_ROWS:
            return
        after = page[-1].lot_id


def frozen_points():
    """How many points of a lot are frozen, beside its other columns in a statement."""
    holding = select(func.coalesce(func.sum(draws.c.points), 0)).where(
        draws.c.lot_id == lots.c.id, draws.c.lot_id > 0, draws.c.held == 1).scalar_subquery()
    return lots.c.held - holding


def _page(intake: Intake, after: int) -> list[FrozenLot]:
    c, frozen = lots.c, frozen_points()
    with reading(intake.engine) as connection:
        rows = connection.execute(
            select(c.id, c.member_id, members.c.masked_name, frozen.label("points"),
                   merchants.c.name, c.earned_on, c.expires_on)
            .select_from(lots.join(members, members.c.id == c.member_id)
                         .outerjoin(merchants, merchants.c.id == c.merchant_id))
            .where(frozen > 0, c.id > after).order_by(c.id).limit(PAGE_ROWS)).all()
        spans = read_spans(connection, intake.keyring.audit_key,
                           sorted({(row.member_id,) for row in rows})) if rows else {}
    return [FrozenLot(row.id, row.member_id, row.masked_name, int(row.points),
                      row.name or HQ_NAME, from_day(row.earned_on), from_day(
                          (spans.get(row.member_id) or NO_SPAN).last_day(row.expires_on)))
            for row in rows]
