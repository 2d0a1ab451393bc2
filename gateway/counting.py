"""Serials without gaps: refusals, quarantine, dead letters and proposals count their rows.

Law: the counter's row is locked, and fits its seal, before a serial is given, and is sealed again
with each change; rows in use have low < serial <= value. A deleted row is therefore missed by
number. The counters are always the last lock a transaction takes.
"""

from typing import NamedTuple

from sqlalchemy import Connection, Row, Select, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway import chain
from gateway.database import on_postgresql
from gateway.errors import GatewayError
from gateway.tables import SEALED, counters, registry_events

REFUSALS = "refusals"
QUARANTINE = "quarantine"
DEAD_LETTERS = "dead_letters"
HOUSE = "house"
CONFIG = "config"
PROPOSALS = "proposals"
COMMANDS = "commands"
NAMES = (REFUSALS, QUARANTINE, DEAD_LETTERS, HOUSE, CONFIG, PROPOSALS, COMMANDS)
# setting a message aside must work when all else is broken: it asks no seal
LAST_RESORT = (QUARANTINE, DEAD_LETTERS)


class CounterBroken(GatewayError):
    """A counter was changed or deleted behind the gateway's back: nothing was stored."""

    code = "counter_broken"


class Counter(NamedTuple):
    """In the order of tables.SEALED["counters"]."""

    name: str
    value: int
    low: int
    link: bytes


def lock(connection: Connection, audit_key: bytes, name: str) -> Counter:
    """The counter as it stands, locked until the transaction ends."""
    wanted = _wanted(name)
    if on_postgresql(connection):
        wanted = wanted.with_for_update(key_share=True)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        _begin(connection, audit_key, name)
        row = connection.execute(wanted).one()
    return _proved(row, audit_key)


def look(connection: Connection, audit_key: bytes, name: str) -> Counter | None:
    """The counter as it stands, to tell of it only; None in a new database."""
    row = connection.execute(_wanted(name)).one_or_none()
    return None if row is None else _proved(row, audit_key)


def _wanted(name: str) -> Select:
    columns = [counters.c[column] for column in (*SEALED["counters"], "row_mac")]
    return select(*columns).where(counters.c.name == name)


def _proved(row: Row, audit_key: bytes) -> Counter:
    counter = Counter(*tuple(row)[:-1])
    if counter.name not in LAST_RESORT and not chain.same(
            row[-1], chain.seal(audit_key, counters.name, counter)):
        raise CounterBroken(f"The counter {counter.name} is not what was sealed. Nothing was"
                            " stored; run the audit.")
    return counter


def write(connection: Connection, audit_key: bytes, counter: Counter) -> None:
    """Store the counter with its new seal; it was locked before."""
    connection.execute(update(counters).where(counters.c.name == counter.name).values(
        value=counter.value, low=counter.low, link=counter.link,
        row_mac=chain.seal(audit_key, counters.name, counter)))


def _begin(connection: Connection, audit_key: bytes, name: str) -> None:
    """Make the counters: the first act in a new database."""
    if name not in LAST_RESORT and connection.execute(
            select(registry_events.c.seq).limit(1)).first() is not None:
        raise CounterBroken(f"The counter {name} is gone. Nothing was stored; run the audit.")
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
