"""Fresh numbers for entries (receipt numbers) and lots, drawn under the batch's locks."""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway import failures
from gateway.database import on_postgresql
from gateway.entries import Numbers
from gateway.errors import TryLater
from gateway.statements import send
from protocol.limits import U32_MAX


def draw_numbers(connection: Connection, entry_count: int, lot_count: int) -> Numbers:
    """Fresh ids for entries (receipt numbers) and lots; no statement when none are needed.

    SQLite has one writer at a time, so the next id is the highest plus one, or what the newest
    recovery jumped to. On PostgreSQL a recovery has set the sequence ahead. Raises TryLater when
    receipt numbers are used up.
    """
    if not entry_count:
        return Numbers((), ())
    if on_postgresql(connection):
        try:
            rows = connection.exec_driver_sql(
                "SELECT 1, nextval('entry_ids') FROM generate_series(1, %s) UNION ALL"
                " SELECT 2, nextval('lot_ids') FROM generate_series(1, %s)",
                (entry_count, lot_count)).fetchall()
        except DBAPIError as fault:
            if failures.used_up(fault):
                raise _used_up() from fault
            raise
        return Numbers(sorted(number for kind, number in rows if kind == 1),
                       sorted(number for kind, number in rows if kind == 2))
    last_entry, last_lot = send(  # pyright: ignore
        connection, "SELECT max((SELECT coalesce(max(id), 0) FROM entries),"
        " (SELECT coalesce(max(receipts_from), 0) FROM recoveries)), (SELECT max(id) FROM lots)"
    ).fetchall()[0]
    first_entry, first_lot = last_entry + 1, (last_lot or 0) + 1
    if last_entry + entry_count > U32_MAX:
        raise _used_up()
    return Numbers(range(first_entry, first_entry + entry_count),
                   range(first_lot, first_lot + lot_count))


def _used_up() -> TryLater:
    """A receipt number that no reply can carry (key 11 is a u32) is nobody's: not the message's
    fault, so it must not be set aside."""
    return TryLater(f"Receipt numbers end at {U32_MAX} and are used up. Nothing is acknowledged"
                    " and nothing is lost; the terminals keep their taps.")
