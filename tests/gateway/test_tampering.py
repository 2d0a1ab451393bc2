"""Rows tampered with at random, alone and in pairs: whoever has no audit key is found out.

POINTWIRE_TAMPERINGS says how many (`make test-long`: 10,000); a failure names its seed, which is
all it takes to try it again.
"""

import logging
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from sqlalchemy import Column, Table, delete, insert, update
from sqlalchemy.exc import DBAPIError

from gateway.audit import run_audit
from gateway.tables import day_totals, metadata
from tests.support.busy_street import busy_street
from tests.support.databases import KINDS, fresh_engine
from tests.support.intruder import Intruder, where
from tests.support.street import Street

TAMPERINGS = int(os.environ.get("POINTWIRE_TAMPERINGS", "120"))
CHUNK = 60
EVERY_PAIR = 3  # each third is a pair
WHOLE_EVERY = 20  # each twentieth deletes all of a table, or all of a closed day


@pytest.fixture(scope="module", params=KINDS)
def street(request) -> Iterator[Street]:
    logging.disable(logging.ERROR)  # the seeded fault of busy_street
    with fresh_engine(request.param) as engine:
        built = busy_street(engine)
        logging.disable(logging.NOTSET)
        yield built


def another(random: Random, value: Any, column: Column) -> Any:
    """Any other value of the column's kind."""
    if value is None:
        return b"x" if column.type.python_type is bytes else (
            "x" if column.type.python_type is str else random.randrange(1000))
    if isinstance(value, int):
        return value + random.choice([-1000, -1, 1, 2, 7, 1000])
    if isinstance(value, bytes):
        place = random.randrange(len(value)) if value else 0
        return value[:place] + bytes([value[place] ^ 1 << random.randrange(8)]) + (
            value[place + 1:]) if value else b"\x01"
    return value + random.choice("x01 ")


def tamper(intruder: Intruder, random: Random, tables: list[Table]) -> str:
    """One row edited, deleted or put in, or a table or a closed day deleted; what was done.
    Nothing, where the database refuses."""
    table = random.choice(tables)
    rows = intruder.rows(table)
    if not rows:  # the other one of a pair took the only row
        return tamper(intruder, random, tables)
    row = random.choice(rows)
    column = random.choice(list(table.columns))
    value = another(random, row._mapping[column.name], column)
    kind = random.choice(["edit", "edit", "delete", "insert"])
    if random.randrange(WHOLE_EVERY) == 0:
        kind, of_a_day = "delete all", day_totals.c.booked_on == row._mapping.get("booked_on")
        intruder.run(delete(table).where(of_a_day) if table is day_totals else delete(table))
    elif kind == "delete":
        intruder.run(delete(table).where(where(row, table)))
    elif kind == "edit":
        intruder.run(update(table).where(where(row, table)).values({column.name: value}))
    else:
        column = random.choice(list(table.primary_key.columns))
        value = another(random, row._mapping[column.name], column)
        intruder.run(insert(table), [{**row._mapping, column.name: value}])
    return f"{kind} {table.name}.{column.name} of {tuple(row)[:3]}: {value!r}"


def rows_of(intruder: Intruder, tables: list[Table]) -> list[set[Any]]:
    return [set(map(tuple, intruder.rows(table))) for table in tables]


@pytest.mark.parametrize("chunk", range(-(-TAMPERINGS // CHUNK)))
def test_whoever_tampers_at_random_is_found_out(street: Street, chunk: int):
    tables = list(metadata.sorted_tables)
    with Intruder(street.engine, alone=True) as intruder:
        sound = rows_of(intruder, tables)
    for number in range(chunk * CHUNK, min((chunk + 1) * CHUNK, TAMPERINGS)):
        random, done = Random(number), []
        with Intruder(street.engine, alone=True) as intruder:
            for _ in range(2 if number % EVERY_PAIR == 0 else 1):
                try:
                    done.append(tamper(intruder, random, tables))
                except DBAPIError:
                    continue  # the database itself refuses: a key is taken, a number too large
            report = run_audit(street.engine, street.keyring, rebuild=True,
                               clock=lambda: street.now)
            # one of a pair may have put right what the other did
            assert report.findings or not done or rows_of(intruder, tables) == sound, (
                f"seed {number}: {done}")
