"""What became of each message: outcomes, stored frames, journals.

Law: an outcome's entry is there and says so; its frame is there as long as frames are kept, opens,
and is the frame that was decided; a journal has as many outcomes as it counted, up to its highest
trace. A journal is counted in one snapshot, because an old trace may still come in. HQ's verdicts
on held taps (origin 0) count in the journal of the tap; they, HQ's commands (origin -2) and
ends of holds (-3) keep a note in the place of a frame. A tombstone (40) has no frame: what comes
later for it is answered by frame, in `refusals`. What a job did (origin -1) came of no frame.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal, select, tuple_, type_coerce
from sqlalchemy.types import NullType

from gateway.audit import commanded, dates, reversals
from gateway.audit.reader import Work, beyond
from gateway.audit.report import FORGED, RESTORE, ROLLED_BACK, join_key, some
from gateway.audit.seals import check_box, check_seal
from gateway.clock import DAY_MS, month_of, to_ms
from gateway.keyring import bound_to
from gateway.message import COMMANDS, HOLDS, HQ, JOBS, operation_key, verdict_key
from gateway.retention import FRAMES_KEPT_DAYS
from gateway.tables import entries, frames, journals, outcomes, quarantine, refusals
from protocol import codes

NOTED = (HQ, COMMANDS, HOLDS)  # origins of which a note is kept, not a frame
JOURNALS_PAGE = 20
GAPS_MAX = 20
JOURNAL_MAX = TRACE_MAX = 2**32 - 1


def check(work: Work) -> None:
    """Outcomes, frames and journals, each row and against each other."""
    for connection, rows, _ in work.reader.pages(outcomes):
        _check_outcomes(work, connection, rows)
        work.docket.checked(outcomes.name, len(rows))
    for connection, rows, _ in work.reader.pages(frames):
        _check_frames(work, connection, rows)
        work.docket.checked(frames.name, len(rows))
    _check_journals(work)


def _check_outcomes(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    held = [row for row in rows if check_seal(work, outcomes, row)]
    ids = sorted({(row.entry_id,) for row in held if row.entry_id is not None})
    made = work.reader.lookup(connection, entries, ("origin", "operation_key", "kind"), ("id",),
                              ids)
    found = {entry_id: entry[:2] for entry_id, entry in made.items()}
    reversals.check_none_missing(work, connection, held,
                                 {entry_id: entry[2] for entry_id, entry in made.items()})
    dates.check_none_missing(work, connection, held)
    commanded.check_each(work, connection, held)
    kept_from = month_of(to_ms(work.clock()) - FRAMES_KEPT_DAYS * DAY_MS)
    wanted = {(month_of(row.decided_at), row.origin, row.operation_key): row for row in held
              if month_of(row.decided_at) >= kept_from and row.code != codes.VOIDED
              and row.origin != JOBS}
    kept = work.reader.lookup(connection, frames, (), ("month", "origin", "operation_key"),
                              sorted(wanted))
    for row in held:
        key = row.origin, row.operation_key
        entry = None if row.entry_id is None else found.get((row.entry_id,), ())
        if entry == ():
            work.docket.find("entries", str(row.entry_id), f"missing, outcome {join_key(*key)}"
                             " names it.", RESTORE)
        elif entry is not None and entry != key:
            work.docket.find("entries", str(row.entry_id), "came of another message than outcome"
                             f" {join_key(*key)}, which names it.", RESTORE)
    for key in wanted:
        if key not in kept:
            work.docket.find(frames.name, join_key(*key), "missing, its outcome is younger than"
                             f" {FRAMES_KEPT_DAYS} days.", RESTORE)


def _check_frames(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    keys = sorted({(row.origin, row.operation_key) for row in rows})
    decided = work.reader.lookup(connection, outcomes, ("frame_hash",),
                                 ("origin", "operation_key"), keys)
    for row in rows:
        outcome = decided.get((row.origin, row.operation_key))
        if outcome is None:
            work.docket.find(outcomes.name, join_key(row.origin, row.operation_key),
                             f"missing, its frame of month {row.month} is there.", RESTORE)
        if check_seal(work, frames, row):
            check_box(work, frames, row, row.month,
                      bound_to(frames.name, row.origin, row.operation_key),
                      None if outcome is None or row.origin in NOTED else outcome[0])


def _check_journals(work: Work) -> None:
    """Each journal against its outcomes; and no outcome without a journal."""
    before: tuple | None = None
    for connection, rows, last in work.reader.pages(journals, rows_max=JOURNALS_PAGE):
        through = None if last else _bound(rows[-1]) if rows else before
        counted = count_by_journal(connection, before, through)
        held = {(row.terminal_id, row.journal): row for row in rows}
        refused = _refused(connection, held, counted)
        for key, row in held.items():
            check_seal(work, journals, row)
            _check_journal(work, connection, row, counted.pop(key, (0, 0)), refused.get(key, 0))
        for key in counted:
            work.docket.find(journals.name, join_key(*key), "missing, outcomes name it.", RESTORE)
        work.docket.checked(journals.name, len(rows))
        before = through


def _bound(journal: Row) -> tuple:
    """The last operation key a journal can have."""
    number = min(max(journal.journal, 0), JOURNAL_MAX)
    return journal.terminal_id, operation_key(number, TRACE_MAX)


def count_by_journal(connection: Connection, before: tuple | None,
                     through: tuple | None) -> dict[tuple[int, int], tuple[int, int]]:
    """(outcomes, highest trace) by terminal and journal, between two operation keys; verdicts
    of HQ count with the taps they are about."""
    key = outcomes.c.operation_key
    part: ColumnElement[Any] = func.substr(key, 1, 4)
    highest: ColumnElement[Any] = type_coerce(func.max(key), NullType())
    order = (outcomes.c.origin, key)
    ends = [] if through is None else [tuple_(*order) <= tuple_(
        *(literal(value, NullType()) for value in through))]
    rows = connection.execute(
        select(outcomes.c.origin, part, func.count(), highest)
        .where(outcomes.c.origin > 0, *beyond(order, before), *ends)
        .group_by(outcomes.c.origin, part))
    counted = {(row[0], int.from_bytes(row[1], "big")):
               (row[2], int.from_bytes(row[3][4:], "big"))
               for row in rows if isinstance(row[1], bytes) and isinstance(row[3], bytes)}
    for journal, count in _verdicts(connection, before, through).items():
        own, trace = counted.get(journal, (0, 0))
        counted[journal] = own + count, trace
    return counted


def _verdicts(connection: Connection, before: tuple | None,
              through: tuple | None) -> dict[tuple[int, int], int]:
    """HQ's verdicts by terminal and journal of the held taps, between two operation keys."""
    key = outcomes.c.operation_key
    part: ColumnElement[Any] = func.substr(key, 1, 8)
    bounds = [] if before is None else [key > _about(*before)]
    bounds += [] if through is None else [key <= _about(*through)]
    rows = connection.execute(select(part, func.count()).where(outcomes.c.origin == HQ, *bounds)
                              .group_by(part))
    return {(int.from_bytes(row[0][:4], "big"), int.from_bytes(row[0][4:], "big")): row[1]
            for row in rows if isinstance(row[0], bytes)}


def _about(terminal_id: int, key: bytes) -> bytes:
    # a forged journal may name any number
    return verdict_key(min(max(terminal_id, 0), JOURNAL_MAX), key)


def _refused(connection: Connection, held: Mapping[tuple, Row],
             counted: Mapping[tuple, tuple[int, int]]) -> dict[tuple, int]:
    """The highest refused trace of the journals that saw more than their outcomes tell."""
    beyond_outcomes = sorted({key[0] for key, row in held.items()
                              if row.highest_trace > counted.get(key, (0, 0))[1]})
    if not beyond_outcomes:
        return {}
    table = refusals.c
    return {(row[0], row[1]): row[2] for row in connection.execute(
        select(table.terminal_id, table.journal, func.max(table.trace))
        .where(table.terminal_id.in_(beyond_outcomes))
        .group_by(table.terminal_id, table.journal)) if isinstance(row[2], int)}


def _check_journal(work: Work, connection: Connection, row: Row, counted: tuple[int, int],
                   refused: int) -> None:
    key = join_key(row.terminal_id, row.journal)
    count, highest = counted
    if not (0 <= row.journal <= JOURNAL_MAX and 0 <= row.highest_trace <= TRACE_MAX):
        work.docket.find(journals.name, key, "no terminal counts so far.", FORGED)
    elif count < row.outcomes:
        _name_missing(work, connection, row, row.outcomes - count)
    elif count > row.outcomes:
        work.docket.find(journals.name, key, f"counts {row.outcomes} outcomes, {count} are there.",
                         ROLLED_BACK)
    elif max(highest, refused) != row.highest_trace:
        work.docket.find(journals.name, key, f"its highest trace is {row.highest_trace}, its"
                         f" messages go to {max(highest, refused)}.", ROLLED_BACK)


def _name_missing(work: Work, connection: Connection, row: Row, count: int) -> None:
    """Name the outcomes a journal misses: the traces that have none."""
    gaps = list(_gaps(connection, row))
    if len(gaps) == count:
        for trace in gaps:
            work.docket.find(
                outcomes.name, join_key(row.terminal_id, operation_key(row.journal, trace)),
                f"missing, journal {row.journal} of terminal {row.terminal_id} counted it"
                f" (trace {trace}).", RESTORE)
        return
    work.docket.find(
        outcomes.name, f"terminal {row.terminal_id} journal {row.journal}",
        f"{count} missing of {row.outcomes} counted, HQ's verdicts among them; traces without one:"
        f" {some(gaps) or 'none'}.", RESTORE)


def _gaps(connection: Connection, row: Row) -> Iterator[int]:
    """Traces of a journal up to its highest that were neither decided, refused nor set aside."""
    key = outcomes.c.operation_key
    seen = {int.from_bytes(found[4:], "big") for found in connection.execute(
        select(type_coerce(key, NullType())).where(
            outcomes.c.origin == row.terminal_id,
            key.between(operation_key(row.journal, 0), _bound(row)[1]))).scalars()
        if isinstance(found, bytes)}
    for table in (refusals, quarantine):
        seen |= set(connection.execute(select(table.c.trace).where(
            table.c.terminal_id == row.terminal_id, table.c.journal == row.journal)).scalars())
    found = 0
    for trace in range(1, row.highest_trace + 1):
        if trace not in seen:
            yield trace
            found += 1
            if found > GAPS_MAX:
                return
