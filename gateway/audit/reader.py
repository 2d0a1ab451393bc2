"""How the audit reads: one short snapshot after the other, trusting no type.

Law: a snapshot shows one moment (REPEATABLE READ on PostgreSQL, a read transaction on SQLite) and
holds one page of rows, so that memory is bounded and no read transaction lasts (DESIGN 6.9). The
gateway goes on working meanwhile; what is compared with each other is read in the same snapshot,
or one side of it is only inserted. SQLite keeps anything in any column: a row with a value of a
kind its column cannot have is a finding, and then left out, as if it were not there. The audit
never writes.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.types import NullType

from gateway import bulk
from gateway.audit.report import RESTORE, Docket, join_key
from gateway.database import on_postgresql
from gateway.keyring import Keyring

PAGE_ROWS = 1000
LOOKUP_ROWS = 500
_NONE = type(None)


class Reader:
    """`page_rows`: rows of one snapshot."""

    def __init__(self, engine: Engine, docket: Docket, page_rows: int = PAGE_ROWS) -> None:
        self.engine = engine
        self.docket = docket
        self.page_rows = page_rows
        self._sound: dict[tuple[str, tuple[str, ...]], set[tuple[type, ...]]] = {}

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A moment of the database; keep it short."""
        with self.engine.connect() as connection:
            if on_postgresql(connection):
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with connection.begin():
                    yield connection
                return
            driver: Any = connection.connection.driver_connection
            driver.text_factory = _text
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.text_factory = str

    def pages(self, table: Table, *order: ColumnElement,
              rows_max: int = 0) -> Iterator[tuple[Connection, Sequence[Row], bool]]:
        """(snapshot, rows, last): all rows by `order` (unique; default: the primary key), a page
        in each snapshot. The last page comes even when it is empty."""
        key = order or tuple(table.primary_key.columns)
        names = tuple(column.name for column in key)
        size = rows_max or self.page_rows
        after: tuple | None = None
        last = False
        while not last:
            with self.snapshot() as connection:
                page = _page(table, names, size)
                if after is not None:
                    page = page.where(*beyond(key, after))
                rows = connection.execute(page).all()
                last = len(rows) < size
                if rows:
                    after = tuple(rows[-1]._mapping[name] for name in names)
                yield connection, self.sound(table, rows), last

    def sound(self, table: Table, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of `raw(table)` whose values are of their columns' kinds; findings for the
        others."""
        names = tuple(column.name for column in table.columns)
        return [row for row in rows if self._is_sound(table, names, tuple(row))]

    def lookup(self, connection: Connection, table: Table, columns: Sequence[str],
               key: Sequence[str], wanted: Sequence[tuple]) -> dict[tuple, tuple]:
        """The rows whose unique `key` is one of `wanted`, by that key: their `columns`."""
        return {row[:len(key)]: row[len(key):]
                for row in self.select(connection, table, (*key, *columns), key, wanted)}

    def select(self, connection: Connection, table: Table, names: tuple[str, ...],
               key: Sequence[str], wanted: Sequence[tuple]) -> Iterator[tuple]:
        """`names` of all rows whose `key` is one of `wanted`."""
        for start in range(0, len(wanted), LOOKUP_ROWS):
            for row in bulk.select(connection, table, names, tuple(key),
                                   wanted[start:start + LOOKUP_ROWS]):
                if self._is_sound(table, names, tuple(row)):
                    yield tuple(row)

    def totals(self, tables: Sequence[Table]) -> dict[str, int]:
        """How many rows each table has, about now."""
        held = {}
        for table in tables:
            with self.snapshot() as connection:
                held[table.name] = connection.execute(
                    select(func.count()).select_from(table)).scalar_one()
        return held

    def _is_sound(self, table: Table, names: tuple[str, ...], values: tuple) -> bool:
        known = self._sound.setdefault((table.name, names), set())
        kinds = tuple(map(type, values))
        if kinds in known:
            return True
        wrong = [name for name, kind in zip(names, kinds, strict=True)
                 if kind not in _kinds(table.c[name])]
        if not wrong:
            known.add(kinds)
            return True
        held = dict(zip(names, values, strict=True))
        keys = [held.get(column.name, "?") for column in table.primary_key.columns]
        self.docket.find(table.name, join_key(*keys), f"{', '.join(wrong)} cannot be what it is,"
                         " it is of another kind than the column.", RESTORE)
        return False


def said_in(text: str) -> dict[str, Any]:
    """What a JSON object in the database says, whoever wrote it; nothing where it does not read.
    That it was changed is for a seal or a chain to find, not for a parser to stop at."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _kinds(column: ColumnElement) -> tuple[type, ...]:
    kind = bytes if isinstance(column.type, LargeBinary) else \
        str if isinstance(column.type, Text) else int
    return (kind, _NONE) if getattr(column, "nullable", False) else (kind,)


@lru_cache(maxsize=64)
def raw(table: Table) -> Select:
    """All columns of a table by name, as the driver gives them."""
    return select(*(type_coerce(column, NullType()).label(column.name)
                    for column in table.columns)).select_from(table)


# the same few statements for every audit: making one takes as long as running it on few rows
@lru_cache(maxsize=128)
def _page(table: Table, names: tuple[str, ...], rows_max: int) -> Select:
    return raw(table).order_by(*(table.c[name] for name in names)).limit(rows_max)


def beyond(key: Sequence[ColumnElement], after: Sequence | None) -> list[ColumnElement[bool]]:
    """The condition for rows whose `key` lies behind `after`; none where that is None."""
    if after is None:
        return []
    values = [literal(value, NullType()) for value in after]
    return [key[0] > values[0] if len(key) == 1 else tuple_(*key) > tuple_(*values)]


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
