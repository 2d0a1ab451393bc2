"""What a close must be held against: the taps of its range and the batches closed before.

Law: read behind the terminal's lock, under which every outcome of its journals is written; sets,
whatever the number of closes, and no statement for a batch of messages without one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from gateway import bulk, chain
from gateway.batch import Batch, Place, Tap, packed, unpacked
from gateway.message import Key, Message, operation_key
from gateway.originals import TYPE_OF_KIND
from gateway.statements import send
from gateway.tables import SEALED, batches, outcomes, refusals
from protocol import codes
from protocol.limits import U32_MAX
from protocol.messages import BATCH_CLOSE, VOID

COLUMNS = (*SEALED["batches"], "row_mac")


class Closing(NamedTuple):
    """By (terminal, journal): what became of the traces of the closes' ranges; the batches that
    may touch them and the newest, which are also those that voids ask for; `forged`: places of
    which a batch does not fit its seal."""

    taps: Mapping[Place, dict[int, Tap]] = {}
    batches: Mapping[Place, list[Batch]] = {}
    forged: frozenset[Place] = frozenset()


def row_of(audit_key: bytes, batch: Batch) -> tuple:
    """A batch as it is stored, with its seal."""
    row = (batch.terminal_id, operation_key(batch.journal, batch.trace), batch.first, batch.last,
           batch.closed_at, packed(batch.record))
    return (*row, chain.seal(audit_key, batches.name, row))


def batch_of(row: Sequence) -> Batch:
    """A row of COLUMNS, with or without its seal."""
    terminal_id, key, first, last, closed_at, record = row[:6]
    return Batch(terminal_id, int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big"),
                 first, last, closed_at, unpacked(record))


def read(connection: Connection, audit_key: bytes, batch: Sequence[Message],
         behind: Sequence[tuple]) -> Closing:
    """What the closes of a batch are held against; `behind`: rows of COLUMNS that voids asked for.
    Two statements where there is a close."""
    closes = [message for message in batch
              if message.request.type == BATCH_CLOSE and not message.fault]
    taps: dict[Place, dict[int, Tap]] = {}
    rows = list(behind)
    if closes:
        spans = sorted({(message.terminal_id, message.request.journal, *message.request.totals[0])
                        for message in closes})
        taps = read_taps(connection, spans)
        rows += _read_batches(connection, spans)
    found: dict[Place, dict[int, Batch]] = {}
    forged = set[Place]()
    for row in rows:
        place = row[0], int.from_bytes(row[1][:4], "big")
        if not chain.same(row[-1], chain.seal(audit_key, batches.name, tuple(row[:-1]))):
            forged.add(place)
            continue
        closed = batch_of(row)
        found.setdefault(place, {})[closed.trace] = closed
    return Closing(taps, {place: list(each.values()) for place, each in found.items()},
                   frozenset(forged))


def closes_holding(connection: Connection, keys: Sequence[Key]) -> tuple[str, tuple]:
    """(text, parameters) behind FROM: the batches, as t, in which these messages were closed. A
    close lies in the same journal behind all that it closes."""
    return bulk.spanned(connection, batches, ("terminal_id",), "operation_key", [
        (terminal_id, key, key[:4] + U32_MAX.to_bytes(4, "big"), int.from_bytes(key[4:8], "big"))
        for terminal_id, key in keys], holding=("first_trace", "last_trace"))


def _keys(spans: Sequence[tuple[int, int, int, int]], *, whole: bool = False) -> list[tuple]:
    """Operation keys of spans, or from their first on to the end of their journals."""
    return [(terminal_id, operation_key(journal, first),
             operation_key(journal, U32_MAX if whole else last))
            for terminal_id, journal, first, last in spans]


def read_taps(connection: Connection,
              spans: Sequence[tuple[int, int, int, int]]) -> dict[Place, dict[int, Tap]]:
    """What became of the traces of spans (terminal, journal, first, last), by journal."""
    decided, values = bulk.spanned(connection, outcomes, ("origin",), "operation_key",
                                   _keys(spans))
    refused, more = bulk.spanned(connection, refusals, ("terminal_id", "journal"), "trace", spans)
    found: dict[Place, dict[int, Tap]] = {span[:2]: {} for span in spans}
    # refusals first: where a trace has both, its outcome is what counts
    rows = [tuple(row) for row in send(
        connection, "SELECT 2, t.origin, t.operation_key, t.code, t.points, e.kind,"
        f" e.amount_minor, 0, 0 FROM {decided} LEFT JOIN entries e ON e.id = t.entry_id"
        " UNION ALL SELECT 1, t.terminal_id, CAST(NULL AS BYTEA), t.code, NULL, NULL, NULL,"
        f" t.journal, t.trace FROM {refused}", values + more).fetchall()]
    for group, terminal_id, key, code, points, entry_kind, amount_minor, journal, trace in sorted(
            rows, key=lambda row: row[0]):
        if group == 2:
            journal, trace = int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big")
        found[terminal_id, journal][trace] = Tap(
            trace, _type(code, points, entry_kind), code,
            *((_named(entry_kind, amount_minor), points or 0) if code == codes.APPROVED
              else (0, 0)))
    return found


def _type(code: int, points: int | None, entry_kind: int | None) -> int:
    """Of what an approved message was; 0 where its entry is of a kind that no message makes. One
    without an entry is a void that found nothing to take (it has its 0 points) or a close."""
    if code != codes.APPROVED:
        return 0
    if entry_kind is not None:
        return TYPE_OF_KIND.get(entry_kind, 0)
    return BATCH_CLOSE if points is None else VOID


def _named(entry_kind: int | None, amount_minor: int | None) -> int:
    """The money that the request named; that of a refund's entry is negative."""
    if entry_kind is None or TYPE_OF_KIND.get(entry_kind) == VOID:
        return 0
    return abs(amount_minor or 0)


def _read_batches(connection: Connection,
                  spans: Sequence[tuple[int, int, int, int]]) -> list[tuple]:
    """Batches closed behind the first trace of a span, and the newest of its journal."""
    columns = ",".join(f"t.{name}" for name in COLUMNS)
    later, values = bulk.spanned(connection, batches, ("terminal_id",), "operation_key",
                                 _keys(spans, whole=True))
    journals = [(terminal_id, journal, 0, 0) for terminal_id, journal, _, _ in spans]
    all_of, more = bulk.spanned(connection, batches, ("terminal_id",), "operation_key",
                                _keys(journals, whole=True))
    return [tuple(row) for row in send(
        connection, f"SELECT {columns} FROM {later} UNION ALL SELECT {columns} FROM batches t"
        " JOIN (SELECT t.terminal_id AS of, max(t.operation_key) AS newest"
        f" FROM {all_of} GROUP BY t.terminal_id, w.low) n"
        " ON t.terminal_id = n.of AND t.operation_key = n.newest", values + more).fetchall()]
