"""Holds on returns: each row against the entry that holds and the one that ended it.

Law: a row fits its seal; its entry is its member's and claims so in its context, with the same
last day; what ended it says so in its own and names the return. An entry that claims has a row,
and one that ends a hold is the one that the row names. What entries say is proved by their chain.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from gateway.audit.reader import Work, said_in
from gateway.audit.report import FORGED, RECOMPUTE, RESTORE
from gateway.audit.seals import check_seal
from gateway.message import operation_key
from gateway.on_hold import CLAIMED, ENDED, OPEN
from gateway.tables import entries, holds, outcomes

KEY = ("origin", "operation_key")
NAME = holds.name


def told(context: str, mention: str, name: str) -> Any:
    """What an entry's context says of a hold under this name, if it does."""
    return said_in(context).get(name) if mention in context else None


def claimed_until(context: str) -> int | None:
    """The last day for HQ's word on what an entry holds."""
    claim = told(context, CLAIMED, "hold")
    return claim[-1] if isinstance(claim, list) and claim else None


def ends_in(context: str) -> tuple[int, tuple[int, bytes]] | None:
    """(how, the key of the return) of an entry that ends a hold."""
    state = told(context, ENDED, "hold_ended")
    named = told(context, ENDED, "original")
    if state is None or not isinstance(named, list) or len(named) != 3 or not all(
            isinstance(each, int) and 0 <= each < 2**32 for each in named):
        return None
    return state, (named[0], operation_key(*named[1:]))


def check(work: Work) -> None:
    """Every row."""
    for connection, rows, _ in work.reader.pages(holds):
        ids = sorted({(each,) for row in rows for each in (row.entry_id, row.ended_by)
                      if each is not None})
        found = work.reader.lookup(connection, entries, ("member_id", "context"), ("id",), ids)
        for row in rows:
            check_seal(work, holds, row)
            _check_row(work, row, found)
        work.docket.checked(NAME, len(rows))


def _check_row(work: Work, row: Row, found) -> None:
    member_id, context = found.get((row.entry_id,), (None, ""))
    if member_id is None:
        work.docket.find(entries.name, str(row.entry_id), "missing, its hold is there.", RESTORE)
    elif (member_id, claimed_until(context)) != (row.member_id, row.due_on):
        work.docket.find(NAME, str(row.entry_id), "its entry claims something else.", FORGED)
    if (row.state == OPEN) != (row.ended_by is None):
        work.docket.find(NAME, str(row.entry_id), "neither open nor ended.", RECOMPUTE)
    elif row.ended_by is not None:
        end = ends_in(found.get((row.ended_by,), (None, ""))[1])
        if end is None or end[0] != row.state:
            work.docket.find(NAME, str(row.entry_id), f"entry {row.ended_by} did not end it so.",
                             RECOMPUTE)


def check_told(work: Work, connection: Connection, page: Sequence[Row]) -> None:
    """Entries that hold or end a hold, of one snapshot: their rows say the same."""
    claiming = {entry.id for entry in page if claimed_until(entry.context) is not None}
    ending = ended_by(work, connection, page)
    wanted = sorted((each,) for each in claiming | ending.keys())
    rows = work.reader.lookup(connection, holds, ("ended_by",), ("entry_id",), wanted)
    for (hold_id,) in wanted:
        if (hold_id,) not in rows:
            work.docket.find(NAME, str(hold_id), "missing, an entry tells of it.", RESTORE)
        elif hold_id in ending and rows[hold_id,][0] != ending[hold_id]:
            work.docket.find(NAME, str(hold_id), f"ended by {rows[hold_id,][0]}, entry"
                             f" {ending[hold_id]} says that it ended it.", RECOMPUTE)


def ended_by(work: Work, connection: Connection, found: Sequence[Any]) -> dict[int, int]:
    """The entries that end holds, by the entry that holds."""
    ends = {entry.id: end[1] for entry in found
            if (end := ends_in(entry.context)) is not None}
    holding = work.reader.lookup(connection, outcomes, ("entry_id",), KEY,
                                 sorted(set(ends.values())))
    return {holding[key][0]: entry_id for entry_id, key in ends.items()
            if key in holding and holding[key][0] is not None}
