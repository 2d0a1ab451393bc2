"""Rows of lots, of draws and of what moved between them: read behind locks, and stored."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter

from sqlalchemy import Connection

from gateway import bulk
from gateway.book import NOTHING
from gateway.effects import Made, Original
from gateway.entries import Entry
from gateway.errors import GatewayError
from gateway.ledger import ACCRUAL
from gateway.lots import NOWHERE, Draw, Lot, Move
from gateway.member import Member, drawn_as_told
from gateway.statements import send
from gateway.tables import draws, lot_movements, lots

MOVEMENT_COLUMNS = ("entry_id", "line", "lot_id", *Move._fields[1:])
# of a movement in which what remains expires; the rest follows
EXPIRED_COLUMNS = ("entry_id", "line", "lot_id", "expired_delta")
EXPIRED_MADE = (("delta", "-expired_delta"), ("held_delta", "0"), ("drawn_delta", "0"),
                ("paid_delta", "0"), ("taker", "NULL"), ("instead_delta", "0"))
_EXPIRED = Move._fields.index("expired_delta")


class RowsMissing(GatewayError):
    """Rows that were locked are not there to be changed: nothing was stored."""

    code = "rows_missing"


LOT_COLUMNS = Lot._fields
DRAW_COLUMNS = ("member_id", *Draw._fields)
_SOONEST = itemgetter(LOT_COLUMNS.index("expires_on"), LOT_COLUMNS.index("id"))


def read_lots(connection: Connection, member_ids: list[tuple]) -> dict[int, list[Lot]]:
    found: dict[int, list[Lot]] = {}
    if member_ids:
        for row in bulk.select(connection, lots, LOT_COLUMNS, ("member_id",), member_ids,
                               also=" AND (remaining > 0 OR held > 0)"):
            lot = Lot._make(row)
            found.setdefault(lot.member_id, []).append(lot)
    for of_member in found.values():
        if len(of_member) > 1:
            of_member.sort(key=_SOONEST)
    return found


def _spent(member: Member, made: Made) -> bool:
    """Whether taking this entry back may need more than the member's living lots: it took points
    itself, or what it gave is not there as it was given (an extension may have moved some of it
    on, and what was put back since lies there alone)."""
    if member.nobody:
        return False  # it has no points at all
    lots_of = {lot.id: lot for lot in member.lots}
    return made.kind != ACCRUAL or not all(
        move.lot_id in lots_of and lots_of[move.lot_id].untouched(move.delta)
        for move in made.movements)


def complete(connection: Connection, found: dict[int, Member],
             named: Iterable[Original], lot_ids: Mapping[int, int] = NOTHING,
             touched: Collection[int] = ()) -> set[int]:
    """What taking back or covering debt needs beyond living lots: the draws of members in debt and
    of those from whom something is taken back that was spent (or is, by this batch: `touched`),
    the lots behind them, and the lots that stand in for those. `lot_ids`: by member, the lot that
    HQ extends. No statement where there are none, two otherwise. Which members have draws that are
    not what their lots and debt say: they carry no seal of their own."""
    made = [part for each in named for part in (each.made, *(
        refund.made for refund in each.refunds)) if part is not None]
    member_ids = {member.id for member in found.values() if member.debt}
    member_ids |= {each.member_id for each in made
                   if _spent(found[each.member_id], each)}
    member_ids |= found.keys() & lot_ids.keys() | set(touched)
    if not member_ids:
        return set()
    draws_of: dict[int, list[Draw]] = {}
    for row in bulk.select(connection, draws, DRAW_COLUMNS, ("member_id",), bulk.keys(member_ids),
                           also=" AND (points > 0 OR away > 0)"):
        draws_of.setdefault(row[0], []).append(Draw(
            row[1], row[2], row[3], bool(row[4]), row[5], row[6]))
    wanted = {move.lot_id for each in made for move in each.movements}
    wanted |= {draw.lot_id for of_member in draws_of.values() for draw in of_member}
    wanted |= set(lot_ids.values())
    wanted |= {lot.id for member_id in touched for lot in found[member_id].lots}
    wanted.discard(NOWHERE)
    more: dict[int, dict[int, Lot]] = {}
    if wanted:
        by_id, values = bulk.matching(connection, lots, "id", bulk.keys(wanted))
        standing_in = by_id.replace("id", "replaces", 1)
        for row in send(connection, f"SELECT {','.join(LOT_COLUMNS)} FROM lots WHERE {by_id}"
                        f" OR {standing_in}", values + values).fetchall():
            lot = Lot(*row)
            more.setdefault(lot.member_id, {})[lot.id] = lot
    for member_id in member_ids:
        member = found[member_id]
        known = {lot.id for lot in member.lots}
        behind = [lot for lot in more.get(member_id, {}).values() if lot.id not in known]
        found[member_id] = member._replace(lots=(*member.lots, *behind),
                                           draws=tuple(draws_of.get(member_id, ())))
    return {member_id for member_id in member_ids if not drawn_as_told(found[member_id])}


def store_moved(connection: Connection, made: Sequence[Entry]) -> None:
    moved = [(entry.id, line, *movement) for entry in made
             for line, movement in enumerate(entry.movements, 1)]
    if moved:
        bulk.insert(connection, lot_movements, MOVEMENT_COLUMNS, moved)


def store_lots(connection: Connection, changed: dict[int, Lot]) -> None:
    if changed:
        bulk.insert(connection, lots, Lot._fields, sorted(changed.values()), key=("id",))


def store_expired(connection: Connection, made: Sequence[Entry]) -> None:
    """The movements of entries in which what remained of lots expired, and those lots."""
    moved = [(entry.id, line, movement[0], movement[_EXPIRED]) for entry in made
             for line, movement in enumerate(entry.movements, 1)]
    bulk.insert_made(connection, lot_movements, EXPIRED_COLUMNS, moved, EXPIRED_MADE)
    by_id, values = bulk.matching(connection, lots, "id", sorted([row[2:3] for row in moved]))
    emptied = send(connection, "UPDATE lots SET expired = expired + remaining, remaining = 0"
                   f" WHERE {by_id}", values)
    if emptied.rowcount != len(moved):
        raise RowsMissing("A lot of a locked member is gone. Nothing was stored; run the audit.")


def store_draws(connection: Connection, changed: dict[tuple[int, int, int], Draw]) -> None:
    if changed:
        bulk.insert(connection, draws, DRAW_COLUMNS, [
            (*key, each.points, int(each.held and each.points > 0), each.away,
             each.instead)
            for key, each in sorted(changed.items())],
            key=DRAW_COLUMNS[:3])
