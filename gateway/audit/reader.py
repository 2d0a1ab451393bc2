"""How the audit reads: one short snapshot after the other.

Law: a snapshot shows one moment (REPEATABLE READ on PostgreSQL, a read transaction on SQLite) and
holds one page of rows, so that memory is bounded and no read transaction lasts (DESIGN 6.9). The
gateway goes on working meanwhile; what is compared with each other is read in the same snapshot,
or one side of it is only inserted. The audit never writes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, func, literal, select, tuple_

from gateway import bulk
from gateway.audit.report import Docket
from gateway.database import on_postgresql
from gateway.keyring import Keyring

PAGE_ROWS = 1000
LOOKUP_ROWS = 500


class Reader:
    """`page_rows`: rows of one snapshot."""

    def __init__(self, engine: Engine, page_rows: int = PAGE_ROWS) -> None:
        self.engine = engine
        self.page_rows = page_rows

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A moment of the database; keep it short."""
        with self.engine.connect() as connection:
            if on_postgresql(connection):
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def pages(self, table: Table, *order: ColumnElement,
              rows_max: int = 0) -> Iterator[tuple[Connection, Sequence[Row], bool]]:
        """(snapshot, rows, last): all rows by `order` (unique; default: the primary key), a page
        in each snapshot. The last page comes even when it is empty."""
        key = order or tuple(table.primary_key.columns)
        size = rows_max or self.page_rows
        after: tuple | None = None
        last = False
        while not last:
            with self.snapshot() as connection:
                rows = connection.execute(
                    select(table).where(*beyond(key, after)).order_by(*key).limit(size)).all()
                last = len(rows) < size
                yield connection, rows, last
            if rows:
                after = tuple(rows[-1]._mapping[column] for column in key)

    def totals(self, tables: Sequence[Table]) -> dict[str, int]:
        """How many rows each table has, about now."""
        held = {}
        for table in tables:
            with self.snapshot() as connection:
                held[table.name] = connection.execute(
                    select(func.count()).select_from(table)).scalar_one()
        return held


def beyond(key: Sequence[ColumnElement], after: Sequence | None) -> list[ColumnElement[bool]]:
    """The condition for rows whose `key` lies behind `after`; none where that is None."""
    if after is None:
        return []
    if len(key) == 1:
        return [key[0] > after[0]]
    values = [literal(value, column.type) for value, column in zip(after, key, strict=True)]
    return [tuple_(*key) > tuple_(*values)]


def lookup(connection: Connection, table: Table, columns: Sequence[str], key: Sequence[str],
           wanted: Sequence[tuple]) -> dict[tuple, tuple]:
    """The rows whose `key` is one of `wanted`, by that key: their `columns`."""
    found: dict[tuple, tuple] = {}
    names = (*key, *columns)
    for start in range(0, len(wanted), LOOKUP_ROWS):
        for row in bulk.select(connection, table, names, tuple(key),
                               wanted[start:start + LOOKUP_ROWS]):
            found[tuple(row[:len(key)])] = tuple(row[len(key):])
    return found


@dataclass(frozen=True)
class Work:
    """What every check is given."""

    reader: Reader
    keyring: Keyring
    docket: Docket
    clock: Callable[[], datetime]

    @property
    def audit_key(self) -> bytes:
        return self.keyring.audit_key
