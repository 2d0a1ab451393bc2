"""How the holds of returns stand, as rows: read behind the member's lock, written with an entry.

Law: a row is made with the entry that holds and changes once, with the entry that ends the hold.
No statement for a batch that names no hold and makes none.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from gateway import bulk, chain
from gateway.effects import Decision, Original
from gateway.entries import Entry
from gateway.on_hold import CLAIMED, OPEN
from gateway.tables import SEALED, holds

COLUMNS = (*SEALED["holds"], "row_mac")


def read(connection: Connection, audit_key: bytes, originals: Iterable[Original]
         ) -> tuple[dict[tuple[int, int], int], frozenset[int]]:
    """(the state of each hold by (member, entry), entries of which the row is missing or does not
    fit its seal), of what these originals hold."""
    ids = sorted({each.made.id for each in originals
                  if each.made is not None and CLAIMED in each.made.context})
    if not ids:
        return {}, frozenset()
    rows = [tuple(row) for row in bulk.select(connection, holds, COLUMNS, ("entry_id",),
                                              [(each,) for each in ids])]
    sound = {row[0]: row for row in rows
             if chain.same(row[-1], chain.seal(audit_key, holds.name, row[:-1]))}
    return ({(row[1], row[0]): row[3] for row in sound.values()},
            frozenset(ids) - sound.keys())


def store(connection: Connection, audit_key: bytes,
          made: Sequence[tuple[Decision, Entry]]) -> None:
    """The holds that entries of a batch made and ended, in order of the batch."""
    rows: dict[int, tuple] = {}
    takers: dict[tuple[int, int], int] = {}
    for decision, entry in made:
        if decision.posted is None:
            continue
        member = decision.posted.draft.member
        takers[member.id, -member.chain_seq] = entry.id
        if decision.claims is not None:
            rows[entry.id] = (entry.id, member.id, decision.claims.due_on, OPEN, None)
        if decision.ends is not None:
            taker, state, due_on = decision.ends
            hold_id = takers.get((member.id, taker), taker)
            rows[hold_id] = (hold_id, member.id, due_on, state, entry.id)
    if rows:
        bulk.insert(connection, holds, COLUMNS, [
            (*row, chain.seal(audit_key, holds.name, row)) for _, row in sorted(rows.items())],
            key=("entry_id",))
