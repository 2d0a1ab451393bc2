"""What the gateway keeps about time: a sighting of each terminal, a date of each held message.

Law: each row fits its seal; a terminal without sighting and a held message without date have lost
them, as both are made together. An older sighting that was true once is not found out.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row

from gateway.audit.reader import Work
from gateway.audit.report import FORGED, RESTORE, join_key, key_text
from gateway.audit.seals import check_seal
from gateway.tables import held_dates, outcomes, sightings, terminals
from protocol import codes

KEY = ("origin", "operation_key")


def check(work: Work) -> None:
    """Sightings against terminals, dates against held outcomes."""
    for connection, rows, _ in work.reader.pages(sightings):
        _check(work, connection, rows)
        work.docket.checked(sightings.name, len(rows))
    for connection, rows, _ in work.reader.pages(terminals):
        wanted = sorted((row.id,) for row in rows)
        there = work.reader.lookup(connection, sightings, (), ("terminal_id",), wanted)
        for row in rows:
            if (row.id,) not in there:
                work.docket.find(sightings.name, str(row.id), "missing, its terminal was made"
                                 " with it.", RESTORE)
    for connection, rows, _ in work.reader.pages(held_dates):
        _check_dates(work, connection, rows)
        work.docket.checked(held_dates.name, len(rows))


def _check(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    wanted = sorted((row.terminal_id,) for row in rows)
    there = work.reader.lookup(connection, terminals, (), ("id",), wanted)
    for row in rows:
        check_seal(work, sightings, row)
        if (row.terminal_id,) not in there:
            work.docket.find(terminals.name, str(row.terminal_id),
                             "missing, its sighting is there.", RESTORE)


def _check_dates(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    keys = sorted((row.origin, row.operation_key) for row in rows)
    found = work.reader.lookup(connection, outcomes, ("code",), KEY, keys)
    for row in rows:
        check_seal(work, held_dates, row)
        key = row.origin, row.operation_key
        if key not in found:
            work.docket.find(outcomes.name, join_key(*key), "missing, its date is there.", RESTORE)
        elif found[key][0] != codes.HELD:
            work.docket.find(held_dates.name, key_text(held_dates, row),
                             "its outcome was not held.", FORGED)


def check_none_missing(work: Work, connection: Connection, decided: Sequence[Row]) -> None:
    """Outcomes of one snapshot: those that are held have their date."""
    wanted = sorted((row.origin, row.operation_key) for row in decided if row.code == codes.HELD)
    there = work.reader.lookup(connection, held_dates, (), KEY, wanted)
    for key in wanted:
        if key not in there:
            work.docket.find(held_dates.name, join_key(*key),
                             "missing, its outcome was held.", RESTORE)
