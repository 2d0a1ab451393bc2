"""Lines without an entry: postings, lot movements, lots and draws that no chain accounts for.

Law: a posting and a movement belong to an entry, a posting to an account of its unit (so that
merchants, pool and HQ sum to zero every day, because every entry does and has one day); a lot was
opened by an entry that moved points into it, and a draw is an entry's of its member. What fits its
entry is proved by the chain (members.py); here the rest is found, by reading the tables.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, Table

from gateway.audit.reader import Work
from gateway.audit.report import EITHER, RESTORE, key_text
from gateway.tables import accounts, draws, entries, lot_movements, lots, postings


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
    for connection, rows, _ in work.reader.pages(draws):
        _check_draws(work, connection, rows)
        work.docket.checked(draws.name, len(rows))


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
    there = work.reader.lookup(connection, accounts, ("unit",), ("id",),
                               sorted({(row.account_id,) for row in rows}))
    for row in rows:
        unit = there.get((row.account_id,))
        if unit is None:
            work.docket.find(postings.name, key_text(postings, row),
                             f"its account {row.account_id} is not there.", EITHER)
        elif unit != (row.unit,):
            work.docket.find(postings.name, key_text(postings, row), f"in unit {row.unit}, its"
                             f" account {row.account_id} is in another: points and money would be"
                             " one sum.", RESTORE)


def _check_lots(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    openers = sorted({(row.opened_by,) for row in rows})
    opened = set(work.reader.select(connection, lot_movements, ("entry_id", "lot_id"),
                                    ("entry_id",), openers))
    for row in rows:
        if (row.opened_by, row.id) not in opened:
            work.docket.find(lots.name, str(row.id), f"no movement of entry {row.opened_by} opened"
                             " it: deleted, or this lot is forged.", EITHER)


def _check_draws(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    takers = sorted({(row.taker,) for row in rows})
    there = set(work.reader.select(connection, entries, ("id", "member_id"), ("id",), takers))
    for row in rows:
        if (row.taker, row.member_id) not in there:
            work.docket.find(draws.name, key_text(draws, row), f"its taker {row.taker} is no entry"
                             f" of member {row.member_id}: deleted, or this draw is forged.",
                             EITHER)
