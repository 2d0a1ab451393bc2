"""What HQ's commands came of: each one that ended has its proposal, and none that ended is gone.

Law: the outcome of a command (origin -2) and its entry carry the digest of the proposal that they
name, the entry is the member's whom it names, and there are as many such outcomes as the counter
`commands` says. Proposals without gaps, their seals and boxes: seals.py.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, func, select

from gateway import counting
from gateway.audit.reader import Work
from gateway.audit.report import FORGED, RESTORE, ROLLED_BACK, join_key
from gateway.audit.seals import counter_of
from gateway.message import COMMANDS
from gateway.tables import entries, outcomes, proposals

SERIAL_SIZE = 8


def check(work: Work) -> None:
    """The number of commands that have ended."""
    with work.reader.snapshot() as connection:
        counter = counter_of(work, connection, counting.COMMANDS)
        ended = count(connection)
    if counter is not None and counter.value > ended:
        work.docket.find(outcomes.name, f"origin {COMMANDS}", f"{counter.value - ended} missing of"
                         f" {counter.value} commands that have ended.", RESTORE)
    elif counter is not None and counter.value < ended:
        work.docket.find("counters", counting.COMMANDS, f"counts {counter.value} ended commands,"
                         f" {ended} are there.", ROLLED_BACK)


def count(connection: Connection) -> int:
    """How many commands have ended."""
    return connection.execute(select(func.count()).select_from(outcomes).where(
        outcomes.c.origin == COMMANDS)).scalar_one()


def check_each(work: Work, connection: Connection, held: Sequence[Row]) -> None:
    """The commands among outcomes of one snapshot, against their proposals and entries."""
    rows = [row for row in held if row.origin == COMMANDS]
    serials = {row.operation_key: int.from_bytes(row.operation_key, "big") for row in rows
               if len(row.operation_key) == SERIAL_SIZE and row.operation_key[0] < 0x80}
    told = work.reader.lookup(connection, proposals, ("frame_hash", "member_id"), ("serial",),
                              sorted((serial,) for serial in serials.values()))
    made = work.reader.lookup(connection, entries, ("frame_hash", "member_id"), ("id",), sorted(
        {(row.entry_id,) for row in rows if row.entry_id is not None}))
    for row in rows:
        key, serial = join_key(row.origin, row.operation_key), serials.get(row.operation_key, 0)
        proposal = told.get((serial,))
        if proposal is None:
            work.docket.find(proposals.name, str(serial), f"missing, outcome {key} is its end:"
                             " deleted, or the outcome is forged.", FORGED)
        elif row.frame_hash != proposal[0] or made.get((row.entry_id,), proposal) != proposal:
            work.docket.find(outcomes.name, key, "tells another story than its proposal.", RESTORE)
