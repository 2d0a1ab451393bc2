"""Many rows in one statement, on both databases.

Law: each function sends exactly one statement, whatever the number of rows. PostgreSQL gets
typed arrays that it unnests: one text for any number of rows, so the server plans it once;
SQLite gets one statement with a VALUES row each. Rows are tuples in the order of the columns
named; the caller sorts them by key where two writers could meet.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import BigInteger, Connection, LargeBinary, SmallInteger, Table

from gateway.database import on_postgresql
from gateway.statements import send

Row = tuple[object, ...]


@lru_cache(maxsize=256)
def _kinds(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    def kind(name: str) -> str:
        found = table.c[name].type
        if isinstance(found, LargeBinary):
            return "bytea"
        if isinstance(found, SmallInteger):
            return "smallint"
        return "bigint" if isinstance(found, BigInteger) else "text"
    return tuple(kind(name) for name in columns)


def _text_item(value: str | None) -> str:
    if value is None:
        return "NULL"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array(kind: str, values: Sequence) -> str | list:
    """A column as PostgreSQL array text, which is built faster than a typed parameter."""
    if kind == "bytea":
        items = ["NULL" if value is None else '"\\\\x' + value.hex() + '"' for value in values]
        return "{" + ",".join(items) + "}"
    if kind == "text":
        return "{" + ",".join(map(_text_item, values)) + "}"
    if None in values:
        return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
    return "{" + repr(list(values))[1:-1] + "}"


def _arrays(kinds: tuple[str, ...], rows: Sequence[Row]) -> tuple:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return tuple(_array(kind, column) for kind, column in zip(kinds, columns, strict=True))


def _unnest(kinds: tuple[str, ...]) -> str:
    return "unnest(" + ",".join(f"%s::{kind}[]" for kind in kinds) + ")"


@lru_cache(maxsize=1024)
def _values(count: int, width: int) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return ",".join([row] * count)


def _flat(rows: Iterable[Row]) -> tuple:
    return tuple(value for row in rows for value in row)


@lru_cache(maxsize=256)
def _insert_head(table: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({','.join(columns)}) "


@lru_cache(maxsize=256)
def _upsert_tail(columns: tuple[str, ...], key: tuple[str, ...], keep: bool) -> str:
    if keep:
        return f" ON CONFLICT ({','.join(key)}) DO NOTHING"
    sets = ",".join(f"{name}=excluded.{name}" for name in columns if name not in key)
    return f" ON CONFLICT ({','.join(key)}) DO UPDATE SET {sets}"


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row],
           *, key: tuple[str, ...] = (), keep: bool = False) -> None:
    """Insert all rows; with `key`, a row whose key is there already replaces what it finds, or
    (`keep`) leaves it as it is."""
    head = _insert_head(table, columns)
    tail = _upsert_tail(columns, key, keep) if key else ""
    if on_postgresql(connection):
        kinds = _kinds(table, columns)
        text = f"{head}SELECT * FROM {_unnest(kinds)}{tail}"
        connection.exec_driver_sql(text, _arrays(kinds, rows))
    else:
        text = f"{head}VALUES {_values(len(rows), len(columns))}{tail}"
        send(connection, text, _flat(rows))


def insert_made(connection: Connection, table: Table, columns: tuple[str, ...],
                rows: Sequence[Row], made: tuple[tuple[str, str], ...]) -> None:
    """Insert all rows, with further columns that follow from those given: `made` has the name and
    the SQL of each."""
    others, texts = zip(*made, strict=True)
    head = (f"{_insert_head(table, (*columns, *others))}"
            f"SELECT {','.join((*columns, *texts))} FROM ")
    if on_postgresql(connection):
        kinds = _kinds(table, columns)
        connection.exec_driver_sql(f"{head}{_unnest(kinds)} AS v({','.join(columns)})",
                                   _arrays(kinds, rows))
    else:
        send(connection, f"{head}{_table(columns, len(rows))} AS v", _flat(rows))


def _table(columns: Sequence[str], count: int) -> str:
    """So many rows of parameters as a table, on SQLite."""
    names = ",".join(f"column{place} AS {name}" for place, name in enumerate(columns, 1))
    return f"(SELECT {names} FROM (VALUES {_values(count, len(columns))}))"


def update(connection: Connection, table: Table, columns: tuple[str, ...],
           rows: Sequence[Row]) -> int:
    """Set all columns but the first, which is the key, of the rows named; how many were there."""
    key, *others = columns
    sets = ",".join(f"{name}=v.{name}" for name in others)
    if on_postgresql(connection):
        kinds = _kinds(table, columns)
        text = (f"UPDATE {table.name} t SET {sets} FROM {_unnest(kinds)} AS v"
                f"({','.join(columns)}) WHERE t.{key}=v.{key}")
        return connection.exec_driver_sql(text, _arrays(kinds, rows)).rowcount
    text = (f"UPDATE {table.name} SET {sets} FROM {_table(columns, len(rows))} AS v"
            f" WHERE {table.name}.{key}=v.{key}")
    return send(connection, text, _flat(rows)).rowcount


def keys(values: Iterable) -> list[tuple]:
    """Keys of one column, ascending."""
    return [(value,) for value in sorted(values)]


def matching(connection: Connection, table: Table, column: str,
             rows: Sequence[Row]) -> tuple[str, tuple]:
    """(condition, parameters): the column is one of `rows` of one value; put it behind WHERE."""
    if on_postgresql(connection):
        kinds = _kinds(table, (column,))
        return f"{column} = ANY(%s::{kinds[0]}[])", _arrays(kinds, rows)
    return f"{column} IN ({','.join('?' * len(rows))})", _flat(rows)


def sought(connection: Connection, table: Table, key: tuple[str, ...],
           rows: Sequence[Row]) -> tuple[str, tuple]:
    """(text, parameters): the rows of the table whose `key` is one of `rows`; put it behind FROM.

    It has a WHERE, to which more may be added with AND.
    """
    if len(key) == 1:
        condition, parameters = matching(connection, table, key[0], rows)
        return f"{table.name} WHERE {condition}", parameters
    if on_postgresql(connection):
        kinds = _kinds(table, key)
        return (f"{table.name} WHERE ({','.join(key)}) IN (SELECT * FROM {_unnest(kinds)})",
                _arrays(kinds, rows))
    # SQLite looks for `(a, b) IN (VALUES ...)` by the first column alone, or reads the whole table
    once = list(dict.fromkeys(rows))
    equal = " AND ".join(f"{table.name}.{name}=column{place}"
                         for place, name in enumerate(key, 1))
    return (f"(VALUES {_values(len(once), len(key))}) CROSS JOIN {table.name} WHERE {equal}",
            _flat(once))


def select(connection: Connection, table: Table, columns: tuple[str, ...],
           key: tuple[str, ...], rows: Sequence[Row], *, also: str = "",
           lock: bool = False) -> Sequence[tuple]:
    """Rows of the table whose `key` is one of `rows`; `also` is a fixed further condition.

    `lock`: by ascending key, FOR NO KEY UPDATE where the database has row locks.
    """
    source, parameters = sought(connection, table, key, rows)
    text = f"SELECT {','.join(columns)} FROM {source}{also}"
    if lock:
        text += f" ORDER BY {','.join(key)}"
        if on_postgresql(connection):
            text += " FOR NO KEY UPDATE"
    return send(connection, text, parameters).fetchall()


def spanned(connection: Connection, table: Table, prefix: tuple[str, ...], column: str,
            rows: Sequence[Row], *, holding: tuple[str, ...] = ()) -> tuple[str, tuple]:
    """(text, parameters): the rows of the table, as t, where `prefix` equals the first places of a
    row and `column` lies between its next two; put it behind FROM. It ends in a condition, to
    which more may be added with AND, and the spans are there as w(k0, ..., low, high). `holding`:
    two columns between which a row's last place lies besides."""
    names = tuple(f"k{place}" for place in range(len(prefix))) + ("low", "high", "held")[
        :3 if holding else 2]
    if on_postgresql(connection):
        kinds = _kinds(table, (*prefix, column, column, *holding[:1]))
        parameters, source = _arrays(kinds, rows), f"{_unnest(kinds)} AS w({','.join(names)})"
    else:
        parameters, source = _flat(rows), f"{_table(names, len(rows))} AS w"
    equal = " AND ".join(f"t.{name} = w.k{place}" for place, name in enumerate(prefix))
    also = f" AND w.held BETWEEN t.{holding[0]} AND t.{holding[1]}" if holding else ""
    return (f"{source} JOIN {table.name} t ON {equal} AND t.{column} BETWEEN w.low AND w.high"
            f"{also}", parameters)


def between(connection: Connection, table: Table, what: str, prefix: tuple[str, ...], column: str,
            rows: Sequence[Row], *, also: str = "") -> Sequence[tuple]:
    """`what` (of the table as t) of `spanned` rows; `also` is a fixed end of the statement."""
    source, parameters = spanned(connection, table, prefix, column, rows)
    return send(connection, f"SELECT {what} FROM {source}{also}", parameters).fetchall()
