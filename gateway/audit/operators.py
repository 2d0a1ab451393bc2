"""How operators' logins went: each row of tries beside the PIN it is of.

Law: each row fits its seal; it is made with the PIN, so a PIN without one has lost it; both are of
the same version, so an older PIN that was put back, with or without its event, is found out. What
is kept of the PIN itself is a row of the registry. Older tries that were true once are not found
out.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row

from gateway.audit.reader import Work
from gateway.audit.report import FORGED, RESTORE, ROLLED_BACK
from gateway.audit.seals import check_seal
from gateway.tables import operator_pins, operator_tries

KEY = ("operator_id",)


def check(work: Work) -> None:
    """Tries against PINs, both ways."""
    for connection, rows, _ in work.reader.pages(operator_tries):
        _check(work, connection, rows)
        work.docket.checked(operator_tries.name, len(rows))
    for connection, rows, _ in work.reader.pages(operator_pins):
        wanted = sorted((row.operator_id,) for row in rows)
        there = work.reader.lookup(connection, operator_tries, (), KEY, wanted)
        for row in rows:
            if (row.operator_id,) not in there:
                work.docket.find(operator_tries.name, str(row.operator_id),
                                 "missing, its PIN was set with it.", RESTORE)


def _check(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    wanted = sorted((row.operator_id,) for row in rows)
    versions = work.reader.lookup(connection, operator_pins, ("version",), KEY, wanted)
    for row in rows:
        sound = check_seal(work, operator_tries, row)
        known = versions.get((row.operator_id,))
        if known is None:
            work.docket.find(operator_pins.name, str(row.operator_id),
                             "missing, tries of it are there.", RESTORE if sound else FORGED)
        elif sound and known[0] != row.version:
            work.docket.find(operator_pins.name, str(row.operator_id), f"is number {known[0]} of"
                             f" its operator, logins were tried against {row.version}.",
                             ROLLED_BACK)
