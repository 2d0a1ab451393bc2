"""Someone who writes to the database behind the gateway's back, with no constraint in force.

    with Intruder(engine) as intruder:
        intruder.run(update(members).values(available=1000))
        ...
    # every row is as it was before
"""

from typing import Any

from sqlalchemy import (
    Engine,
    Executable,
    Row,
    Table,
    and_,
    create_engine,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.dml import UpdateBase

from gateway.tables import metadata


def where(row: Row, table: Table) -> Any:
    """The condition that finds this row of a table by its key."""
    return and_(*(column == row._mapping[column.name] for column in table.primary_key.columns))


class Intruder:
    """Each write is committed at once; leaving puts the rows of `tables` (all) back. `alone`:
    nobody else writes meanwhile, so that only what was written here is read and put back."""

    def __init__(self, engine: Engine, *tables: Table, alone: bool = False) -> None:
        self._tables = () if alone else tables or tuple(metadata.sorted_tables)
        # SQLite looks at foreign keys only when asked to; PostgreSQL must be told not to
        free = ({"options": "-c session_replication_role=replica"}
                if engine.dialect.name == "postgresql" else {})
        self._engine = create_engine(engine.url, connect_args=free, poolclass=StaticPool)
        self._before: dict[Table, list[Row]] = {}

    def _keep(self, table: Table) -> None:
        if table not in self._before:
            self._before[table] = self.rows(table)

    def __enter__(self) -> "Intruder":
        for table in self._tables:
            self._keep(table)
        return self

    def __exit__(self, *_) -> None:
        for table, rows in list(self._before.items()):
            if not self._holds(table, rows):
                self.run(delete(table))
                self.put(table, rows)
        self._engine.dispose()

    def _holds(self, table: Table, rows: list[Row]) -> bool:
        try:
            return self.rows(table) == rows
        except (TypeError, DBAPIError):
            return False  # what was written does not even read

    def rows(self, table: Table) -> list[Row]:
        """All rows by their key."""
        with self._engine.begin() as connection:
            return list(connection.execute(
                select(table).order_by(*table.primary_key.columns)).all())

    def put(self, table: Table, rows: list[Row]) -> None:
        if rows:
            self.run(insert(table), [dict(row._mapping) for row in rows])

    def run(self, statement: Executable, values: Any = None) -> None:
        if isinstance(statement, UpdateBase):
            self._keep(statement.entity_description["table"])
        with self._engine.begin() as connection:
            connection.execute(statement, values)
