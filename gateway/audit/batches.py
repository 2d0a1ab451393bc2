"""Batches that terminals closed: none missing, none made up, and what the gateway counted is what
its outcomes and entries come to.

Law: each row fits its seal, its close was approved, its range lies below the close and touches no
other of its journal. What had not come when it was closed (the record names it) is not counted.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import cbor2
from sqlalchemy import Connection, Row

from gateway.audit.reader import Work
from gateway.audit.report import FORGED, RECOMPUTE, RESTORE, Rebuilt, join_key, key_text
from gateway.audit.seals import check_seal
from gateway.batch import Batch, Place, Total, totals_of
from gateway.batch_rows import batch_of, read_taps
from gateway.message import HQ, verdict_key
from gateway.originals import subject
from gateway.spans import within
from gateway.tables import batches, outcomes
from protocol import codes
from protocol.limits import U32_MAX

KEY = ("origin", "operation_key")
KEY_SIZE = 8  # journal || trace
ROWS_MAX = 50  # each reads the outcomes of a day


def check(work: Work) -> None:
    """Every batch against its close, and its figures against the day it closed."""
    last: dict[Place, list[tuple[int, int]]] = {}
    for connection, rows, _ in work.reader.pages(batches, rows_max=ROWS_MAX):
        sealed = {row: batch_of(tuple(row)) for row in rows if check_seal(work, batches, row)}
        _check_closes(work, connection, list(sealed))
        _check_figures(work, connection, sealed)
        for row, batch in sealed.items():
            spans = last.setdefault((batch.terminal_id, batch.journal), [])
            if within(spans, [(batch.first, batch.last)]) or not (
                    0 < batch.first <= batch.last < batch.trace):
                work.docket.find(batches.name, key_text(batches, row),
                                 "closes what cannot be closed by it.", FORGED)
            spans.append((batch.first, batch.last))
        work.docket.checked(batches.name, len(rows))


def _check_closes(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    keys = {(row.terminal_id, row.operation_key): row for row in rows}
    verdicts = {(HQ, verdict_key(*key)): key for key in keys}
    found = work.reader.lookup(connection, outcomes, ("code", "entry_id"), KEY,
                               sorted({*keys, *verdicts}))
    for key, row in keys.items():
        ends = [found.get(key), found.get((HQ, verdict_key(*key)))]
        if ends == [None, None]:
            work.docket.find(outcomes.name, join_key(*key), "missing, its batch is there.",
                             RESTORE)
        elif (codes.APPROVED, None) not in ends:
            work.docket.find(batches.name, key_text(batches, row),
                             "its close was not approved.", FORGED)


def _check_figures(work: Work, connection: Connection, sealed: Mapping[Row, Batch]) -> None:
    for (row, batch), ours in zip(sealed.items(), come_to(work, connection, sealed.values()),
                                  strict=False):
        for kind in sorted({*ours, *batch.record.ours}):
            then, now = batch.record.ours.get(kind), ours.get(kind)
            if then != now:
                work.docket.find(batches.name, key_text(batches, row), f"its totals of type {kind}"
                                 f" are {then}, its messages come to {now}.", RECOMPUTE)


def come_to(work: Work, connection: Connection,
            closed: Collection[Batch]) -> list[dict[int, Total]]:
    """What the messages of each batch come to, of those that had come when it was closed; of none
    where what they say cannot be added up, which is a finding."""
    spans = sorted((batch.terminal_id, batch.journal, batch.first, batch.last)
                   for batch in closed)
    try:
        taps = read_taps(connection, spans) if spans else {}
        return [totals_of(
            tap for trace, tap in taps.get((batch.terminal_id, batch.journal), {}).items()
            if batch.holds(trace) and not within(batch.record.unseen, [(trace, trace)]))
            for batch in closed]
    except (LookupError, TypeError, ValueError, OverflowError):
        work.docket.find(batches.name, "some", "cannot be counted again: their messages say what"
                         " nobody can add up.", RECOMPUTE)
        return []


def rebuilt(work: Work, connection: Connection, rows: Sequence[Row]) -> Iterator[Rebuilt]:
    """Each total beside what its messages come to, whatever the seals say."""
    found = {row: batch for row in rows if (batch := _readable(row)) is not None}
    for row in rows:
        if row not in found:
            work.docket.find(batches.name, key_text(batches, row), "does not read.", RECOMPUTE)
    for (row, batch), ours in zip(found.items(), come_to(work, connection, found.values()),
                                  strict=False):
        stored, values = ({f"total of type {kind}": side.get(kind)
                           for kind in {**batch.record.ours, **ours}}
                          for side in (batch.record.ours, ours))
        yield Rebuilt(batches, (row.terminal_id, row.operation_key), stored, values)


def _readable(row: Row) -> Batch | None:
    """A batch that may have been changed; None where it cannot be one."""
    try:
        batch = batch_of(tuple(row))
        numbers = [each for span in batch.record.unseen for each in span]
    except (cbor2.CBORDecodeError, LookupError, TypeError, ValueError):
        return None
    sound = (len(row.operation_key) == KEY_SIZE and 0 < batch.first <= batch.last <= U32_MAX
             and all(len(span) == 2 for span in batch.record.unseen)
             and all(type(each) is int for each in numbers))
    return batch if sound else None


def check_none_missing(work: Work, connection: Connection, closes: Sequence[Row]) -> None:
    """Outcomes of one snapshot that closed a batch."""
    wanted = sorted(subject(row.origin, row.operation_key) for row in closes)
    there = work.reader.lookup(connection, batches, (), ("terminal_id", "operation_key"), wanted)
    for key in wanted:
        if key not in there:
            work.docket.find(batches.name, join_key(*key), "missing, its close was approved.",
                             RESTORE)
