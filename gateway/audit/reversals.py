"""What voids took back: each reversal between the two outcomes it ties together, and none missing.

Law: a reversal leads from a message that was taken back to the void that did it, both with an
outcome; the void's is 0, and so is a refund's, of which an original may have several. The
tombstone of a message that had not come carries the frame hash of its void. Every void or refund
that took effect has its reversal: one with an entry is known by the entry's kind, a void that
found nothing to take by being approved without an entry.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row

from gateway.audit import batches
from gateway.audit.reader import Work
from gateway.audit.report import RESTORE, join_key, key_text
from gateway.audit.seals import check_seal
from gateway.ledger import REFUND, REVERSAL
from gateway.tables import outcomes, reversals
from protocol import codes

KEY = ("origin", "operation_key")


def check(work: Work) -> None:
    """Every reversal against its two outcomes."""
    for connection, rows, _ in work.reader.pages(reversals):
        for row in rows:
            check_seal(work, reversals, row)
        _check_outcomes(work, connection, rows)
        work.docket.checked(reversals.name, len(rows))


def _check_outcomes(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    keys = {(row.origin, row.operation_key) for row in rows}
    keys |= {(row.by_origin, row.by_key) for row in rows}
    found = work.reader.lookup(connection, outcomes, ("code", "frame_hash"), KEY, sorted(keys))
    for row in rows:
        original = found.get((row.origin, row.operation_key))
        void = found.get((row.by_origin, row.by_key))
        for key, outcome in (((row.origin, row.operation_key), original),
                             ((row.by_origin, row.by_key), void)):
            if outcome is None:
                work.docket.find(outcomes.name, join_key(*key), "missing, reversal"
                                 f" {key_text(reversals, row)} names it.", RESTORE)
        if void is not None and (void[0] != codes.APPROVED or original is not None
                                 and original[0] == codes.VOIDED and original[1] != void[1]):
            work.docket.find(reversals.name, key_text(reversals, row),
                             "its outcomes tell another story.", RESTORE)


def check_none_missing(work: Work, connection: Connection, held: Sequence[Row],
                       kinds: Mapping[tuple, int]) -> None:
    """Outcomes of one snapshot that must have a reversal; `kinds`: of their entries, by id."""
    done = [row for row in held if row.code == codes.APPROVED]
    # without an entry: a void that found nothing to take has its 0 points, a close has none
    batches.check_none_missing(work, connection, [
        row for row in done if row.entry_id is None and row.points is None])
    voids = sorted((row.origin, row.operation_key) for row in done
                   if (row.entry_id is None and row.points is not None)
                   or kinds.get((row.entry_id,)) in (REVERSAL, REFUND))
    by = work.reader.lookup(connection, reversals, (), ("by_origin", "by_key"), voids)
    for key in voids:
        if key not in by:
            work.docket.find(reversals.name, f"by {join_key(*key)}", "missing, the void of that"
                             " outcome took effect.", RESTORE)
    tombs = sorted((row.origin, row.operation_key) for row in held if row.code == codes.VOIDED)
    of = work.reader.lookup(connection, reversals, (), (*KEY, "seq"), [(*key, 1) for key in tombs])
    for key in tombs:
        if (*key, 1) not in of:
            work.docket.find(reversals.name, join_key(*key, 1),
                             "missing, its message's outcome says that it was voided.", RESTORE)
