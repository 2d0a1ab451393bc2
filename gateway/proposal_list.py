"""HQ's commands as people look at them: what waits for a second person, what became of the rest.

Law: a page in each short snapshot, no locks, cards by their last four. Who proposed and why stands
in a box: one that does not open is shown as such, and nobody should approve by it.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from gateway import bulk
from gateway.clock import from_day, from_ms, month_of, to_ms
from gateway.commands import CommandError, Proposal
from gateway.database import reading
from gateway.held import boxes_of
from gateway.intake import Intake
from gateway.keyring import Keyring, KeyringError, bound_to
from gateway.loading import HANDSET_KEY
from gateway.message import COMMANDS, Key
from gateway.proposals import STATES, lapsed, opened
from gateway.tables import SEALED, members, merchants, outcomes, proposals

OPEN = "open"
LAPSED = "lapsed"
UNREADABLE = "(does not open)"
PAGE_ROWS = 200


class ListedProposal(NamedTuple):
    """`state`: open, lapsed, approved, refused. `points`: negative where they are to be taken, 0
    where the proposal says none. `bearer`: a merchant's name, or HQ. `by` to
    `receipt`: of its end; 0 where a proposal names nothing."""

    serial: int
    state: str
    kind: str
    member_id: int
    member: str
    points: int
    bearer: str
    category: str
    reason: str
    maker: str
    proposed_at: datetime
    named_receipt: int
    lot_id: int
    ends_on: date | None
    amount_minor: int
    by: str | None
    ended_at: datetime | None
    note: str | None
    ended_points: int | None
    receipt: int | None


class _End(NamedTuple):
    code: int
    points: int | None
    receipt: int | None
    ended_at: int
    by: str
    note: str


def listed(intake: Intake, *, everything: bool = False) -> Iterator[ListedProposal]:
    """Proposals that nobody has ended, oldest first; `everything`: the others too."""
    after = 0
    while True:
        with reading(intake.engine) as connection:
            rows = connection.execute(_rows().where(proposals.c.serial > after).order_by(
                proposals.c.serial).limit(PAGE_ROWS)).all()
            found = _shown(connection, intake, rows)
        yield from (each for each in found if everything or each.state in (OPEN, LAPSED))
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1].serial


def one(intake: Intake, serial: int) -> ListedProposal:
    """A proposal by its number; CommandError where there is none."""
    with reading(intake.engine) as connection:
        rows = connection.execute(_rows().where(proposals.c.serial == serial)).all()
        found = _shown(connection, intake, rows)
    if not found:
        raise CommandError(f"There is no proposal {serial}. Nothing was changed; list them:"
                           " pointwire gateway adjust list --all")
    return found[0]


def _rows():
    columns = [proposals.c[name] for name in SEALED["proposals"]]
    return select(*columns, members.c.masked_name, merchants.c.name.label("bearer")).select_from(
        proposals.outerjoin(members, members.c.id == proposals.c.member_id)
        .outerjoin(merchants, merchants.c.id == proposals.c.bearer_id))


def _shown(connection: Connection, intake: Intake, rows: Sequence[Row]) -> list[ListedProposal]:
    ends = ends_of(connection, intake.keyring, [row.serial for row in rows])
    now = to_ms(intake.clock())
    return [_one(intake.keyring, row, ends.get(row.serial), now) for row in rows]


def _one(keyring: Keyring, row: Row, end: _End | None, now: int) -> ListedProposal:
    made = told(keyring, row)
    state = STATES[end.code] if end else LAPSED if lapsed(made, now) else OPEN
    return ListedProposal(
        made.serial, state, made.kind, made.member_id, row.masked_name or "", made.signed,
        row.bearer or "HQ", made.category, made.reason, made.maker, from_ms(made.proposed_at),
        made.receipt, made.lot_id, from_day(made.ends_on) if made.ends_on else None,
        made.amount_minor, end.by if end else None, from_ms(end.ended_at) if end else None,
        end.note if end else None, end.points if end else None, end.receipt if end else None)


def told(keyring: Keyring, row: Row) -> Proposal:
    """The proposal of a row; where its box does not open, its words say so."""
    said = [row._mapping[name] for name in SEALED["proposals"]]
    try:
        return opened(keyring, said)
    except KeyringError:
        return Proposal(*said[:-2], maker=UNREADABLE, reason=UNREADABLE)


def ends_of(connection: Connection, keyring: Keyring, serials: Sequence[int]) -> dict[int, _End]:
    """What became of proposals, by serial; who ended them as long as that is kept."""
    wanted: list[Key] = [(COMMANDS, serial.to_bytes(8, "big")) for serial in serials]
    if not wanted:
        return {}
    rows = bulk.select(connection, outcomes, (
        "operation_key", "code", "points", "entry_id", "decided_at"), HANDSET_KEY, wanted)
    if not rows:
        return {}
    boxes = boxes_of(connection, [(month_of(row[4]), COMMANDS, row[0]) for row in rows])
    found = {}
    for row in rows:
        key, code, points, receipt, ended_at = tuple(row)
        note = _note(keyring, (COMMANDS, key), ended_at, boxes)
        found[int.from_bytes(key, "big")] = _End(code, points, receipt, ended_at, *note)
    return found


def _note(keyring: Keyring, key: Key, ended_at: int, boxes: dict[Key, bytes]) -> tuple[str, str]:
    """(who, why) of an end."""
    box = boxes.get(key)
    if box is None:
        return "", ""
    try:
        note = json.loads(keyring.unlock(month_of(ended_at), bound_to("frames", *key), box)[1])
    except KeyringError:
        return UNREADABLE, UNREADABLE
    return note["by"], note["reason"]
