"""Tables of which rows are only ever inserted (I10), watched by the database itself.

    with inserted_only(engine):
        ...  # whoever edits or deletes a row of them fails with its statement
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from gateway.database import on_postgresql, writing
from gateway.tables import INSERT_ONLY

REFUSING = """CREATE FUNCTION inserted_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
 RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is only ever inserted'; END $$"""


@contextmanager
def inserted_only(engine: Engine) -> Iterator[None]:
    """The triggers are there as long as this lasts."""
    with writing(engine) as connection:
        postgresql = on_postgresql(connection)
        if postgresql:
            connection.exec_driver_sql(REFUSING)
        for table in INSERT_ONLY:
            for verb in ("UPDATE", "DELETE"):
                does = ("FOR EACH ROW EXECUTE FUNCTION inserted_only()" if postgresql else
                        f"BEGIN SELECT RAISE(ABORT, '{table} is only ever inserted'); END")
                connection.exec_driver_sql(f"CREATE TRIGGER {_named(table, verb)} BEFORE {verb}"
                                           f" ON {table} {does}")
    try:
        yield
    finally:
        with writing(engine) as connection:
            if on_postgresql(connection):
                connection.exec_driver_sql("DROP FUNCTION inserted_only() CASCADE")
            else:
                for table in INSERT_ONLY:
                    for verb in ("UPDATE", "DELETE"):
                        connection.exec_driver_sql(f"DROP TRIGGER {_named(table, verb)}")


def _named(table: str, verb: str) -> str:
    return f"inserted_only_{table}_{verb.lower()}"
