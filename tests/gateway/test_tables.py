"""The tables: what the migrations build, and that nothing in them escapes the audit."""

import logging

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from gateway.database import reading, writing
from gateway.lots import Draw, Move
from gateway.tables import (
    DERIVED,
    ENTRY_LINKED,
    INSERT_ONLY,
    LINKED,
    LOT_FACTS,
    MEMBER_DERIVED,
    REGISTERED,
    SEALED,
    metadata,
)
from tests.support.busy_street import busy_street
from tests.support.inserted_only import inserted_only


def test_the_migrations_build_exactly_these_tables(engine):
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    assert found == []


def test_every_column_of_every_table_is_under_some_seal():
    covered = {name: set(columns) for name, columns in REGISTERED.items()}
    for name, columns in SEALED.items():
        covered[name] = {*columns, "row_mac"}
    covered["members"] |= {*MEMBER_DERIVED, "derived_mac", "masked_name", "name_mac"}
    covered["entries"] = {*ENTRY_LINKED, "link", "head"}
    covered["postings"] = {"entry_id", "line", "account_id", "unit", "amount"}
    covered["lot_movements"] = {"entry_id", "line", *Move._fields}
    covered["draws"] = {"member_id", *Draw._fields}
    covered["lots"] = {*LOT_FACTS, *DERIVED["lots"]}
    covered["registry_events"] = {column.name for column in
                                  metadata.tables["registry_events"].columns}
    assert covered == {table.name: {column.name for column in table.columns}
                       for table in metadata.sorted_tables}


def test_the_lists_name_tables_that_exist():
    assert {*INSERT_ONLY, *LINKED, *DERIVED} <= set(metadata.tables)


def test_what_is_only_inserted_is_never_changed_whatever_happens_in_a_street(engine):  # I10
    logging.disable(logging.ERROR)  # the seeded fault of busy_street
    with inserted_only(engine):
        street = busy_street(engine)
        logging.disable(logging.NOTSET)
        assert street.rows("quarantine", "count(*)") == [(2,)]  # by that fault alone
        for table in INSERT_ONLY:
            column = next(iter(metadata.tables[table].primary_key.columns)).name
            for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
                with pytest.raises(DBAPIError, match=f"{table} is only ever inserted"), \
                        writing(engine) as connection:
                    connection.exec_driver_sql(change)
