"""Lines without an entry: postings, lot movements and lots that nothing in a chain accounts for.

Law: a posting and a movement belong to an entry, a posting to an account; a lot was opened by an
entry that moved points into it. What fits its entry is proved by the chain (members.py); here the
rest is found, by reading the tables themselves.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, Table

from gateway.audit.reader import Work
from gateway.audit.report import EITHER, key_text
from gateway.tables import accounts, entries, lot_movements, lots, postings


def check(work: Work) -> None:
    """Postings, lot movements and lots from their own side."""
    for connection, rows, _ in work.reader.pages(postings):
        _check_entries(work, connection, postings, rows)
        _check_accounts(work, connection, rows)
        work.docket.checked(postings.name, len(rows))
    for connection, rows, _ in work.reader.pages(lot_movements):
        _check_entries(work, connection, lot_movements, rows)
        work.docket.checked(lot_movements.name, len(rows))
    for connection, rows, _ in work.reader.pages(lots):
        _check_lots(work, connection, rows)
        work.docket.checked(lots.name, len(rows))


def _check_entries(work: Work, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    there = work.reader.lookup(connection, entries, (), ("id",),
                               sorted({(row.entry_id,) for row in rows}))
    for row in rows:
        if (row.entry_id,) not in there:
            work.docket.find(table.name, key_text(table, row), f"its entry {row.entry_id} is not"
                             " there: deleted, or this row is forged.", EITHER)
            work.docket.find(entries.name, str(row.entry_id),
                             f"missing: deleted, or its {table.name} are forged.", EITHER)


def _check_accounts(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    there = work.reader.lookup(connection, accounts, (), ("id",),
                               sorted({(row.account_id,) for row in rows}))
    for row in rows:
        if (row.account_id,) not in there:
            work.docket.find(postings.name, key_text(postings, row),
                             f"its account {row.account_id} is not there.", EITHER)


def _check_lots(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    openers = sorted({(row.opened_by,) for row in rows})
    opened = set(work.reader.select(connection, lot_movements, ("entry_id", "lot_id"),
                                    ("entry_id",), openers))
    for row in rows:
        if (row.opened_by, row.id) not in opened:
            work.docket.find(lots.name, str(row.id), f"no movement of entry {row.opened_by} opened"
                             " it: deleted, or this lot is forged.", EITHER)
