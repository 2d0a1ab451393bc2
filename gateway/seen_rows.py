"""What is read in one statement behind the locks of every batch: what became of its messages
before, and the rows of journals, sightings, batches, spans and days that they touch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gateway import batch_rows, bulk
from gateway.book import Outcome, Refusal, Seen
from gateway.clock import month_of
from gateway.message import Key, Message, operation_key
from gateway.originals import FRAME_KEY, HANDSET_KEY, Taken, Wanted
from gateway.spans import kept_by
from gateway.statements import send
from gateway.tables import frames, journals, member_spans, outcomes, refusals, reversals
from gateway.tables import sightings as sightings_rows
from protocol import codes


class Behind(NamedTuple):
    """What `read_seen` finds: the config version, what became of these messages before, what took
    originals back, rows of journals and sightings, batches closed behind originals,
    members' spans, open days."""

    version: int
    seen: Seen
    taken: Taken
    journals: list[tuple]
    sightings: list[tuple]
    batches: list[tuple]
    spans: list[tuple]
    open_days: list[tuple]


def read_seen(connection: Connection, batch: Sequence[Message], wanted: Wanted,
               member_ids: list[tuple]) -> Behind:
    """What is read behind the locks of every batch, in one statement."""
    keys = sorted({(message.origin, message.key) for message in batch if message.request.trace
                   or message.command or message.hold} | wanted.outcome_keys)
    hashes = bulk.keys({message.frame_hash for message in batch})
    by_hash, hash_values = bulk.matching(connection, refusals, "frame_hash", hashes)
    # the casts give PostgreSQL the types of the columns; SQLite has no use for them
    parts = ["SELECT 0, value, CAST(NULL AS BYTEA), CAST(NULL AS BYTEA), 0, CAST(NULL AS BIGINT),"
             " CAST(NULL AS BIGINT), CAST(0 AS BIGINT), CAST(NULL AS BYTEA) FROM counters"
             " WHERE name = 'config'",
             "SELECT 2, NULL, NULL, frame_hash, code, NULL, NULL, decided_at, box"
             f" FROM refusals WHERE {by_hash}",
             "SELECT 3, NULL, NULL, frame_hash, 0, NULL, NULL, 0, NULL"
             f" FROM quarantine WHERE {by_hash} AND state = 'quarantined'"]
    values = hash_values + hash_values
    if keys:
        by_key, key_values = bulk.sought(connection, outcomes, HANDSET_KEY, keys)
        parts.append("SELECT 1, origin, operation_key, frame_hash, code, points, entry_id,"
                     f" decided_at, NULL FROM {by_key}")
        values += key_values
    if wanted.keys:
        by_key, key_values = bulk.sought(connection, reversals, HANDSET_KEY,
                                         sorted(wanted.keys))
        parts.append("SELECT 4, origin, operation_key, by_key, seq, by_origin, NULL, 0, row_mac"
                     f" FROM {by_key}")
        values += key_values
    if wanted.voided:
        holding, key_values = batch_rows.closes_holding(connection, sorted(wanted.voided))
        parts.append("SELECT 7, t.terminal_id, t.operation_key, t.record, 0, t.first_trace,"
                     f" t.last_trace, t.closed_at, t.row_mac FROM {holding}")
        values += key_values
    place_keys = sorted(
        {(message.terminal_id, message.request.journal) for message in batch}
        | {kept[:2] for kept in map(kept_by, batch) if kept is not None})
    by_place, place_values = bulk.sought(connection, journals, ("terminal_id", "journal"),
                                         place_keys)
    by_terminal, terminal_values = bulk.matching(
        connection, sightings_rows, "terminal_id", bulk.keys({key[0] for key in place_keys}))
    parts += ["SELECT 5, terminal_id, NULL, NULL, 0, journal, highest_trace, outcomes, row_mac"
              f" FROM {by_place}",
              "SELECT 6, terminal_id, memory, NULL, 0, known_since, trusted_at, 0, row_mac"
              f" FROM sightings WHERE {by_terminal}",
              "SELECT 9, programme_id, NULL, NULL, 0, open_on, 0, 0, row_mac FROM open_days"]
    values += place_values + terminal_values
    if member_ids:
        by_member, member_values = bulk.matching(connection, member_spans, "member_id", member_ids)
        parts.append("SELECT 8, member_id, NULL, NULL, 0, begins_on, ends_on, 0, row_mac"
                     f" FROM member_spans WHERE {by_member}")
        values += member_values
    version = 0
    journal_rows: list[tuple] = []
    sighting_rows: list[tuple] = []
    batch_rows_found: list[tuple] = []
    span_rows: list[tuple] = []
    open_rows: list[tuple] = []
    found: dict[Key, Outcome] = {}
    refused: dict[bytes, Refusal] = {}
    quarantined: set[bytes] = set()
    gone: dict[Key, list[tuple[int, Key, bytes]]] = {}
    for kind, *row in send(connection, " UNION ALL ".join(parts), values).fetchall():
        if kind == 0:
            version = row[0]
        elif kind == 1:
            outcome = Outcome(*row[:-1])
            found[outcome.origin, outcome.key] = outcome
        elif kind == 2:
            refused[row[2]] = Refusal(row[2], row[3], row[6], row[7])
        elif kind == 3:
            quarantined.add(row[2])
        elif kind == 4:
            gone.setdefault((row[0], row[1]), []).append((row[3], (row[4], row[2]), row[7]))
        elif kind == 5:
            journal_rows.append((row[0], *row[4:]))
        elif kind == 8:
            span_rows.append((row[0], row[4], row[5], row[7]))
        elif kind == 6:
            sighting_rows.append((row[0], row[4], row[5], row[1], row[7]))
        elif kind == 7:
            batch_rows_found.append((row[0], row[1], *row[4:7], row[2], row[7]))
        else:
            open_rows.append((row[0], row[4], row[7]))
    seen = Seen(found, refused, frozenset(quarantined), _read_boxes(connection, batch, found),
                *_read_refused(connection, batch, found))
    return Behind(version, seen, gone, journal_rows, sighting_rows, batch_rows_found, span_rows,
                   open_rows)


def _read_refused(connection: Connection, batch: Sequence[Message],
                  found: dict[Key, Outcome]) -> tuple[frozenset[Key], frozenset[Key]]:
    """(tombstones of the batch to which a frame has come before, keys that its voids name in their
    own journal and under which several frames came); no statement without either."""
    tombs = {(message.origin, message.key) for message in batch
             if (message.origin, message.key) in found
             and found[message.origin, message.key].code == codes.VOIDED}
    named = {key for key in (message.own_original for message in batch if not message.fault)
             if key is not None}
    wanted = sorted((terminal_id, int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big"))
                    for terminal_id, key in tombs | named)
    if not wanted:
        return frozenset(), frozenset()
    columns = ("terminal_id", "journal", "trace")
    rows = [(row[0], operation_key(row[1], row[2]), row[3]) for row in bulk.select(
        connection, refusals, (*columns, "code"), columns, wanted)]
    return (frozenset(row[:2] for row in rows if row[2] == codes.VOIDED),
            frozenset(row[:2] for row in rows if row[2] == codes.TRACE_CONFLICT))


def _read_boxes(connection: Connection, batch: Sequence[Message],
                found: dict[Key, Outcome]) -> dict[Key, bytes]:
    """The stored boxes of messages that come again; no statement when there are none."""
    wanted = set()
    for message in batch:
        outcome = found.get((message.origin, message.key))
        if outcome is not None and outcome.frame_hash == message.frame_hash:
            wanted.add((month_of(outcome.decided_at), outcome.origin, outcome.key))
    if not wanted:
        return {}
    rows = bulk.select(connection, frames, (*HANDSET_KEY, "box"), FRAME_KEY, sorted(wanted))
    return {(row[0], row[1]): row[2] for row in rows}
