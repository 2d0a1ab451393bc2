"""What returns hold, with what a person needs to decide on it.

Law: a page in each short snapshot, no locks, no card number. Who decided and why stands in a box
that is kept 400 days.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from gateway import bulk
from gateway.clock import from_day, from_ms, month_of
from gateway.database import reading
from gateway.held import boxes_of
from gateway.intake import Intake
from gateway.keyring import Keyring, KeyringError, bound_to
from gateway.loading import HANDSET_KEY
from gateway.message import HOLDS, Key
from gateway.on_hold import OPEN, STATES, HoldEnd, claim_in
from gateway.tables import draws, entries, holds, members, merchants, outcomes

PAGE_ROWS = 200


class HeldReturn(NamedTuple):
    """`receipt`: of the return, which names its hold; `of`: terminal/journal/trace of what was
    returned; `claimed`: points, `held`: how many of them are put aside, `lots`: in which lots;
    `due_on`: the last day for a verdict. `ended_by`: the receipt of the end; `by`, `reason`: who
    and why, as long as kept."""

    receipt: int
    state: str
    member_id: int
    member: str
    merchant: str
    of: str
    amount_minor: int
    claimed: int
    held: int
    lots: tuple[int, ...]
    returned_at: datetime
    due_on: date
    ended_by: int | None
    by: str | None
    reason: str | None


def listed(intake: Intake, *, everything: bool = False) -> Iterator[HeldReturn]:
    """Holds that wait for a verdict, oldest first; `everything`: the others too."""
    after = 0
    while True:
        with reading(intake.engine) as connection:
            rows = connection.execute(_page(after, everything)).all()
            found = _shown(connection, intake.keyring, rows)
        yield from found
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1].entry_id


def _page(after: int, everything: bool):
    some = [] if everything else [holds.c.state == OPEN]
    return select(
        holds.c.entry_id, holds.c.state, holds.c.member_id, holds.c.due_on, holds.c.ended_by,
        members.c.masked_name, merchants.c.name, entries.c.amount_minor, entries.c.context,
        entries.c.received_at).select_from(
            holds.join(entries, entries.c.id == holds.c.entry_id)
            .outerjoin(members, members.c.id == holds.c.member_id)
            .outerjoin(merchants, merchants.c.id == entries.c.merchant_id)).where(
                holds.c.entry_id > after, *some).order_by(holds.c.entry_id).limit(PAGE_ROWS)


def _shown(connection: Connection, keyring: Keyring, rows: Sequence[Row]) -> list[HeldReturn]:
    if not rows:
        return []
    held: dict[int, list[tuple[int, int]]] = {}
    for taker, lot_id, points in bulk.select(
            connection, draws, ("taker", "lot_id", "points"), ("member_id", "taker"),
            sorted((row.member_id, row.entry_id) for row in rows),
            also=" AND held = 1 AND points > 0"):
        held.setdefault(taker, []).append((lot_id, points))
    notes = _notes(connection, keyring, [row.entry_id for row in rows if row.state != OPEN])
    return [_one(row, sorted(held.get(row.entry_id, ())), notes.get(row.entry_id, {}))
            for row in rows]


def _one(row: Row, held: Sequence[tuple[int, int]], note: dict[str, str]) -> HeldReturn:
    claim = claim_in(row.context)
    return HeldReturn(
        row.entry_id, STATES.get(row.state, str(row.state)), row.member_id, row.masked_name or "",
        row.name or "", "/".join(map(str, json.loads(row.context)["original"])),
        abs(row.amount_minor or 0), claim.points if claim else 0,
        sum(points for _, points in held), tuple(lot_id for lot_id, _ in held),
        from_ms(row.received_at), from_day(row.due_on), row.ended_by, note.get("by"),
        note.get("reason"))


def _notes(connection: Connection, keyring: Keyring,
           ended: Sequence[int]) -> dict[int, dict[str, str]]:
    """Who ended holds and why, by the entry that held, as long as that is kept and opens."""
    keys: dict[Key, int] = {(HOLDS, HoldEnd(each, OPEN).key): each for each in ended}
    if not keys:
        return {}
    months = {(row[0], row[1]): month_of(row[2]) for row in bulk.select(
        connection, outcomes, (*HANDSET_KEY, "decided_at"), HANDSET_KEY, sorted(keys))}
    boxes = boxes_of(connection, [(month, *key) for key, month in months.items()]) \
        if months else {}
    notes = {}
    for key, box in boxes.items():
        try:
            notes[keys[key]] = json.loads(
                keyring.unlock(months[key], bound_to("frames", *key), box)[1])
        except KeyringError:
            continue  # shown without who and why
    return notes
