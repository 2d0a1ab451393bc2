"""One statement in the driver's own words, where SQLAlchemy adds nothing but time.

SQLAlchemy describes every column of every result anew when it is given plain text: on SQLite that
costs four times what the statement does, and a batch of one has sixteen of them. Law: errors are
SQLAlchemy's all the same (failures.py reads them, and they tell no parameters), and whoever
listens to an engine's statements hears each one: then, and on PostgreSQL, where a round trip
outweighs all of it and lost connections must reach the pool, it goes SQLAlchemy's way.
"""

from sqlite3 import Cursor
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

# whichever way was taken: `rowcount`, and `fetchall()` with rows that read as tuples
Result = CursorResult[Any] | Cursor


def send(connection: Connection, text: str, parameters: tuple = (), *,
         begins: bool = False) -> Result:
    """Run one statement within the transaction that `connection` is in, or that it begins."""
    heard = connection.dispatch
    if (connection.dialect.name != "sqlite" or not (begins or connection.in_transaction())
            or heard.before_cursor_execute or heard.after_cursor_execute):
        return connection.exec_driver_sql(text, parameters)
    driver = connection.dialect.loaded_dbapi
    try:
        return connection.connection.cursor().execute(text, parameters)  # type: ignore
    except driver.Error as fault:
        raise DBAPIError.instance(text, None, fault, driver.Error, hide_parameters=True,
                                  dialect=connection.dialect) from fault
