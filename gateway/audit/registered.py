"""The registry: the house chain of its events, and each row against its newest event.

Law: the chain is read once, from end to end, its end in one snapshot with the sealed counter
`house`; whatever an event names must be there; each row must fit the seal of its newest event.
Registry rows are never deleted, so a row that is gone was deleted by someone else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, func, select

from gateway import chain, counting, house
from gateway.audit.reader import LOOKUP_ROWS, Work, raw
from gateway.audit.report import EITHER, FORGED, RESTORE, ROLLED_BACK, key_text, some
from gateway.audit.seals import counter_of
from gateway.tables import (
    CONFIGURATION,
    REGISTERED,
    TOLD,
    day_totals,
    metadata,
    open_days,
    registry_events,
)

GONE = {open_days.name: "missing, its programme closes days.",
        day_totals.name: "missing, its day is closed."}
# the newest events of rows of one table
_NEWEST = raw(registry_events).where(registry_events.c.seq.in_(
    select(func.max(registry_events.c.seq)).where(
        registry_events.c.table_name == bindparam("of_table"),
        registry_events.c.row_key.in_(bindparam("keys", expanding=True))
    ).group_by(registry_events.c.row_key)))


@dataclass
class _End:
    """Where the house chain is after the events read so far.

    `config_least`, `config_most`: how often the configuration changed; events of one transaction
    carry one time, and so may two quick transactions."""

    seq: int = 0
    befores: tuple[bytes, ...] = (chain.NO_LINK,)
    config_least: int = 0
    config_most: int = 0
    config_at: int | None = None


def check(work: Work) -> None:
    """The house chain, then every registered row."""
    end = _End()
    for connection, rows, last in work.reader.pages(registry_events):
        for row in rows:
            _step(work, end, row)
        _check_named(work, connection, rows)
        work.docket.checked(registry_events.name, len(rows))
        if last:
            _check_end(work, connection, end)
    for name in REGISTERED:
        for connection, rows, _ in work.reader.pages(metadata.tables[name]):
            _check_rows(work, connection, name, rows)
            if name != "members":  # counted with their chains
                work.docket.checked(name, len(rows))


def _step(work: Work, end: _End, row: Row) -> None:
    """One event: its place in the chain and its link."""
    content = tuple(row._mapping[name] for name in house.EVENT_COLUMNS[:-1])
    if row.seq > end.seq + 1:
        _missing(work, end.seq + 1, row.seq - 1)
        work.docket.find("registry_events", str(row.seq), "cannot be proved: the event before it"
                         " is missing, or this one is forged.", EITHER)
        end.befores = ()
    computed = [house.event_link(before, content) for before in end.befores]
    if row.seq <= end.seq:
        work.docket.find("registry_events", str(row.seq), "outside the chain.", FORGED)
        return
    end.seq = row.seq
    if row.link in computed or not computed:
        end.befores = (row.link,)
    else:
        work.docket.find("registry_events", str(row.seq), "does not fit its link: it was changed,"
                         f" or event {row.seq - 1} together with its link.", RESTORE)
        end.befores = (row.link, *computed)
    if row.table_name in CONFIGURATION:
        end.config_most += 1
        end.config_least += row.recorded_at != end.config_at
        end.config_at = row.recorded_at


def _missing(work: Work, first: int, through: int) -> None:
    span = str(first) if first == through else f"{first} to {through}"
    work.docket.find("registry_events", span, "missing from the house chain.", RESTORE)


def _check_end(work: Work, connection: Connection, end: _End) -> None:
    counter = counter_of(work, connection, counting.HOUSE)
    if counter is not None:
        if counter.value > end.seq:
            _missing(work, end.seq + 1, counter.value)
        elif counter.value < end.seq:
            work.docket.find("counters", counting.HOUSE, f"older than the house chain, which goes"
                             f" on to {end.seq}: the counter says {counter.value}.", ROLLED_BACK)
        elif end.befores and counter.link not in end.befores:
            work.docket.find("registry_events", str(end.seq), "the last event's link is not the"
                             " one sealed in the counter house.", RESTORE)
    config = counter_of(work, connection, counting.CONFIG)
    if config is not None and not end.config_least <= config.value <= end.config_most:
        work.docket.find("counters", counting.CONFIG, f"is {config.value}, but the configuration"
                         f" changed {end.config_least} to {end.config_most} times.", ROLLED_BACK)


def _check_named(work: Work, connection: Connection, events: Sequence[Row]) -> None:
    """The rows that events tell of are there."""
    named: dict[str, dict[str, tuple]] = {}
    for event in events:
        key = _key(event.table_name, event.row_key)
        if key is None:
            work.docket.find("registry_events", str(event.seq),
                             "names a row that cannot be.", RESTORE)
        else:
            named.setdefault(event.table_name, {})[event.row_key] = key
    for name, keys in named.items():
        table = metadata.tables[name]
        columns = tuple(column.name for column in table.primary_key.columns)
        there = work.reader.lookup(connection, table, (), columns, sorted(keys.values()))
        for text, key in keys.items():
            if key not in there:
                work.docket.find(name, text, GONE.get(name, "missing, the registry made it."),
                                 RESTORE)


def _key(table: str, text: str) -> tuple | None:
    """The primary key an event names; None where there can be no such row."""
    if table not in REGISTERED and table not in TOLD:
        return None
    parts = text.split(":")
    if len(parts) != len(metadata.tables[table].primary_key.columns) or not all(
            part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return None
    return tuple(int(part) for part in parts)


def _check_rows(work: Work, connection: Connection, name: str, rows: Sequence[Row]) -> None:
    table = metadata.tables[name]
    keys = {house.row_key(name, row._asdict()): row for row in rows}
    newest = _newest_seals(work, connection, name, sorted(keys))
    for text, row in keys.items():
        seal = house.row_seal(work.audit_key, name, row._asdict())
        if text not in newest:
            work.docket.find(name, key_text(table, row), "the registry never made it.", FORGED)
        elif not chain.same(seal, newest[text]):
            _misfit(work, connection, name, text, seal)


def _newest_seals(work: Work, connection: Connection, name: str,
                  keys: Sequence[str]) -> Mapping[str, bytes]:
    """The row seals of the newest events of these rows."""
    found = {}
    for start in range(0, len(keys), LOOKUP_ROWS):
        rows = connection.execute(_NEWEST, {
            "of_table": name, "keys": keys[start:start + LOOKUP_ROWS]}).all()
        found |= {row.row_key: row.row_seal for row in work.reader.sound(registry_events, rows)}
    return found


def _misfit(work: Work, connection: Connection, name: str, text: str, seal: bytes) -> None:
    table = registry_events.c
    older = connection.execute(select(table.seq).where(
        table.table_name == name, table.row_key == text, table.row_seal == seal)).scalars().all()
    if older:
        work.docket.find(name, text, f"as it was at event {some(older)}; later changes are"
                         " undone.", ROLLED_BACK)
    else:
        work.docket.find(name, text, "changed, it is not what the registry last wrote.", RESTORE)
