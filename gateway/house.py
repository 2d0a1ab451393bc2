"""The house chain: every change of the registry leaves a sealed event, and every closed day.

Law: an event holds the seal of the row as it is after the change, under the audit key, and links
to the event before it; the counter `house` holds the newest link, sealed. An edited row no longer
fits its newest event, a deleted event breaks the chain, a deleted tail the counter. Row seals are
keyed, so that no card number can be guessed from them.
"""

import hmac
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from gateway import bulk, chain, counting
from gateway.tables import REGISTERED, TOLD, registry_events

EVENT_COLUMNS = ("seq", "recorded_at", "actor", "table_name", "row_key", "row_seal", "link")
_COLUMNS = REGISTERED | TOLD


def row_seal(audit_key: bytes, table: str, row: Mapping[str, object]) -> bytes:
    """32 bytes over the registered columns of a row."""
    values = [row[name] for name in _COLUMNS[table]]
    return hmac.digest(audit_key, b"registry" + chain.canonical((table, values)), "sha256")


def event_link(before: bytes, event: Sequence[object]) -> bytes:
    """The link of an event: over the one before and all its columns but `link`."""
    return chain.link(before, chain.canonical(tuple(event)))


def row_key(table: str, row: Mapping[str, object]) -> str:
    """The primary key as text: 10000042, or 10000042:1."""
    return ":".join(str(row[column.name]) for column in
                    registry_events.metadata.tables[table].primary_key.columns)


def append(connection: Connection, audit_key: bytes, actor: str, at: int,
           changes: Sequence[tuple[str, Mapping[str, object]]]) -> None:
    """One event for each (table, row) changed, in order; the last locks a transaction takes."""
    if not changes:
        return
    house = counting.lock(connection, audit_key, counting.HOUSE)
    seq, link = house.value, house.link
    rows = []
    for table, row in changes:
        seq += 1
        event = (seq, at, actor, table, row_key(table, row), row_seal(audit_key, table, row))
        link = event_link(link, event)
        rows.append((*event, link))
    for start in range(0, len(rows), 1000):
        bulk.insert(connection, registry_events, EVENT_COLUMNS, rows[start:start + 1000])
    counting.write(connection, audit_key, house._replace(value=seq, link=link))
