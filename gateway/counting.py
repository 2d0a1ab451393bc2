"""Serials without gaps: refusals, quarantine and dead letters count their rows.

Law: the counter's row is locked before a serial is given, and sealed with each change; rows in
use have low < serial <= value. A deleted row is therefore missed by number. The counters are
always the last lock a transaction takes.
"""

from typing import NamedTuple

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway import chain
from gateway.database import on_postgresql
from gateway.tables import SEALED, counters

REFUSALS = "refusals"
QUARANTINE = "quarantine"
DEAD_LETTERS = "dead_letters"
HOUSE = "house"
CONFIG = "config"
NAMES = (REFUSALS, QUARANTINE, DEAD_LETTERS, HOUSE, CONFIG)


class Counter(NamedTuple):
    """In the order of tables.SEALED["counters"]."""

    name: str
    value: int
    low: int
    link: bytes


def lock(connection: Connection, audit_key: bytes, name: str) -> Counter:
    """The counter as it stands, locked until the transaction ends."""
    columns = [counters.c[column] for column in SEALED["counters"]]
    wanted = select(*columns).where(counters.c.name == name)
    if on_postgresql(connection):
        wanted = wanted.with_for_update(key_share=True)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        _begin(connection, audit_key)
        row = connection.execute(wanted).one()
    return Counter(*row)


def write(connection: Connection, audit_key: bytes, counter: Counter) -> None:
    """Store the counter with its new seal; it was locked before."""
    connection.execute(update(counters).where(counters.c.name == counter.name).values(
        value=counter.value, low=counter.low, link=counter.link,
        row_mac=chain.seal(audit_key, counters.name, counter)))


def _begin(connection: Connection, audit_key: bytes) -> None:
    """Make the counters: the first act in a new database."""
    build = postgresql.insert if on_postgresql(connection) else sqlite.insert
    for name in NAMES:
        fresh = Counter(name, 0, 0, chain.NO_LINK)
        seal = chain.seal(audit_key, counters.name, fresh)
        connection.execute(build(counters).values(
            **fresh._asdict(), row_mac=seal).on_conflict_do_nothing())


def take(connection: Connection, audit_key: bytes, name: str, count: int) -> range:
    """The next `count` serials of a counter."""
    counter = lock(connection, audit_key, name)
    write(connection, audit_key, counter._replace(value=counter.value + count))
    return range(counter.value + 1, counter.value + count + 1)
