"""Sealed rows: counters, and the tables whose rows are numbered without gaps.

Law: each row fits its own seal; serials run from the counter's low mark to its value, none missing
and none beyond; what a row keeps of a frame opens and is the frame it names. Rows that retention
drops while the audit runs are below the low mark by the time it ends.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Row, Table, bindparam

from gateway import chain, counting
from gateway.audit.reader import Work, raw
from gateway.audit.report import FORGED, RESTORE, ROLLED_BACK, join_key, key_text
from gateway.clock import month_of
from gateway.keyring import KeyringError, bound_to
from gateway.tables import (
    SEALED,
    counters,
    dead_letters,
    journals,
    proposals,
    quarantine,
    refusals,
)
from protocol.frames import frame_hash
from protocol.limits import FRAME_UP_SIZE_MAX

_COUNTER = raw(counters).where(counters.c.name == bindparam("wanted"))


class _Numbered(NamedTuple):
    """A table of rows with serials. `locked_at`: the time its box was made."""

    table: Table
    counter: str
    locked_at: Callable[[Row], int]


NUMBERED = (
    _Numbered(refusals, counting.REFUSALS, lambda row: row.decided_at),
    _Numbered(quarantine, counting.QUARANTINE, lambda row: row.first_at),
    _Numbered(dead_letters, counting.DEAD_LETTERS, lambda row: row.received_at),
    _Numbered(proposals, counting.PROPOSALS, lambda row: row.proposed_at),
)
KEYED_BY_SERIAL = (dead_letters.name, proposals.name)


def check(work: Work) -> None:
    """Counters, refusals, quarantine, dead letters and proposals."""
    _check_counters(work)
    for numbered in NUMBERED:
        _check_numbered(work, numbered)


def check_seal(work: Work, table: Table, row: Row) -> bool:
    """Whether a row fits its seal; a finding where it does not."""
    held = tuple(row._mapping[name] for name in SEALED[table.name])
    fits = chain.same(row.row_mac, chain.seal(work.audit_key, table.name, held))
    if not fits:
        work.docket.find(table.name, key_text(table, row),
                         "changed, it is not what was sealed.", RESTORE)
    return fits


def check_box(work: Work, table: Table, row: Row, month: int, bound: bytes,
              expected: bytes | None) -> None:
    """Whether the box of a sealed row opens and holds the frame of this hash (None: any)."""
    try:
        request, _ = work.keyring.unlock(month, bound, row.box)
    except KeyringError:
        work.docket.find(table.name, key_text(table, row), "its frame does not open.",
                         "The row is as it was sealed: check that POINTWIRE_FRAME_KEY is the"
                         " key this database was written with.")
        return
    if expected is not None and frame_hash(request) != expected:
        work.docket.find(table.name, key_text(table, row),
                         "holds another frame than the one that was decided.", RESTORE)


def _check_counters(work: Work) -> None:
    with work.reader.snapshot() as connection:
        rows = work.reader.sound(counters, connection.execute(raw(counters)).all())
    for row in rows:
        check_seal(work, counters, row)
        if row.name not in counting.NAMES:
            work.docket.find(counters.name, row.name, "the gateway has no such counter.", FORGED)
    # a new database has none until its first registry row
    if rows or work.docket.seen():
        for name in sorted(set(counting.NAMES) - {row.name for row in rows}):
            work.docket.find(counters.name, name, "missing.", RESTORE)
    work.docket.checked(counters.name, len(rows))


def counter_of(work: Work, connection: Connection, name: str) -> Row | None:
    """The row of a counter, if it is there and sound."""
    rows = connection.execute(_COUNTER, {"wanted": name}).all()
    return next(iter(work.reader.sound(counters, rows)), None)


def _check_numbered(work: Work, numbered: _Numbered) -> None:
    table, missing = numbered.table, list[tuple[int, int]]()
    serial = -1  # before the first page
    for connection, rows, last in work.reader.pages(table, table.c.serial):
        counter = counter_of(work, connection, numbered.counter)
        if serial < 0:
            serial = counter.low if counter is not None else 0
            _check_low(work, table, rows, serial)
        for row in rows:
            if row.serial > serial + 1:
                missing.append((serial + 1, row.serial - 1))
            serial = max(serial, row.serial)
            _check_row(work, numbered, row)
        if table is refusals:
            _check_journals(work, connection, rows)
        work.docket.checked(table.name, len(rows))
        if last and counter is not None:
            _check_serials(work, numbered, counter, serial, missing)


def _check_low(work: Work, table: Table, rows: Sequence[Row], low: int) -> None:
    for row in rows:
        if row.serial <= low:
            work.docket.find(table.name, key_text(table, row),
                             "should be gone, its serial is below the low mark.", FORGED)


def _check_row(work: Work, numbered: _Numbered, row: Row) -> None:
    table = numbered.table
    if not check_seal(work, table, row):
        return
    whole = table is not dead_letters or row.size <= FRAME_UP_SIZE_MAX
    check_box(work, table, row, month_of(numbered.locked_at(row)),
              bound_to(table.name, row.frame_hash), row.frame_hash if whole else None)


def _check_serials(work: Work, numbered: _Numbered, counter: Row, serial: int,
                   missing: list[tuple[int, int]]) -> None:
    table = numbered.table.name
    if counter.value > serial:
        missing.append((serial + 1, counter.value))
    elif counter.value < serial:
        work.docket.find("counters", counter.name, f"older than the rows it counts, which go on"
                         f" to {serial}: the counter says {counter.value}.", ROLLED_BACK)
    for first, through in missing:
        first = max(first, counter.low + 1)
        if first <= through:
            span = str(first) if first == through else f"{first} to {through}"
            row = span if table in KEYED_BY_SERIAL else f"serial {span}"
            work.docket.find(table, row, "missing, its serial was given out.", RESTORE)


def _check_journals(work: Work, connection: Connection, rows: Sequence[Row]) -> None:
    """A refused message was seen by its journal."""
    keys = sorted({(row.terminal_id, row.journal) for row in rows})
    seen = work.reader.lookup(connection, journals, ("highest_trace",),
                              ("terminal_id", "journal"), keys)
    for row in rows:
        key = row.terminal_id, row.journal
        if key not in seen:
            work.docket.find(journals.name, join_key(*key), "missing, a refusal names it.",
                             RESTORE)
        elif seen[key][0] < row.trace:
            work.docket.find(journals.name, join_key(*key), f"older than its messages, which go"
                             f" on to trace {row.trace}.", ROLLED_BACK)
