"""Recovery after a restore from an older backup (DESIGN 6.8): begin, status, end.

Law: whether or not anybody says so, heartbeats ask for every trace that is missing, and the taps
since the backup come back by themselves, to be decided anew by the rules at their date. What must
be said is what the gateway cannot know: that receipt numbers above its highest are on slips
already, that the registry may have forgotten a card, and that points may be spent that are not
back yet. So in a recovery receipt numbers go on above a jump, what would be refused for its card
or member is held, and what is only done online gets 90. Begin it before the first process starts.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from gateway import gaps, sightings
from gateway.clock import MS, from_ms
from gateway.database import on_postgresql, reading
from gateway.registry.desk import RegistryError, Room
from gateway.spans import Span, join
from gateway.tables import entries, recoveries, terminals
from gateway.tables import sightings as sighting_rows
from protocol.limits import U32_MAX

RECEIPTS_AHEAD = 10_000_000
PAGE_ROWS = 200


class RecoveryFacts(NamedTuple):
    """A recovery; `receipts_from`: numbers go on above it."""

    id: int
    begun_at: datetime
    ended_at: datetime | None
    receipts_from: int


class Asked(NamedTuple):
    """Traces of a journal that were asked for again; `missing`: those that did not come."""

    journal: int
    traces: int
    came: int
    missing: tuple[Span, ...]


class TerminalRecovery(NamedTuple):
    """A terminal in a recovery. `heard_at`: its last heartbeat; None: none since it began."""

    terminal_id: int
    heard_at: datetime | None
    asked: tuple[Asked, ...]


class Recoveries(Room):
    """Part of the Registry."""

    def begin_recovery(self, receipts_ahead: int = RECEIPTS_AHEAD,
                       before: Callable[[], None] = lambda: None) -> RecoveryFacts:
        """The database was restored from an older backup; `receipts_ahead`: at least as many
        receipt numbers as were given since that backup. `before` is what cannot be taken back: it
        is done when nothing else speaks against the recovery, and none begins when it raises."""
        if receipts_ahead < 1:
            raise RegistryError("Receipt numbers must go ahead. Nothing was changed.")
        with self.at_desk() as desk:
            recovery_id = desk.next_id(recoveries)
            if _under_way(desk.connection) is not None:
                raise RegistryError("A recovery is under way already. Nothing was changed; see"
                                    " pointwire gateway recovery status. Where the database was"
                                    " restored once more since it began, end it first, before"
                                    " any process starts, and begin another.")
            receipts_from = _highest_receipt(desk.connection) + receipts_ahead
            if receipts_from >= U32_MAX:
                raise RegistryError("Receipt numbers end at 4294967295. Nothing was changed; go"
                                    " ahead by fewer (--receipts-ahead).")
            before()
            if on_postgresql(desk.connection):
                desk.connection.execute(text("SELECT setval('entry_ids', :last)"),
                                        {"last": receipts_from})
            desk.insert(recoveries, [{"id": recovery_id, "begun_at": desk.at, "ended_at": None,
                                      "receipts_from": receipts_from}])
        return RecoveryFacts(recovery_id, from_ms(desk.at), None, receipts_from)

    def end_recovery(self) -> RecoveryFacts:
        """Everything is decided again as usual; what is missing is asked for all the same."""
        with self.at_desk() as desk:
            desk.next_id(recoveries)  # whoever changes recoveries waits here
            found = _under_way(desk.connection)
            row = None if found is None else desk.locked(recoveries, id=found)
            if row is None:
                raise RegistryError("No recovery is under way. Nothing was changed; pointwire"
                                    " gateway recovery status tells of the last one.")
            desk.change(recoveries, row, ended_at=desk.at)
        return RecoveryFacts(row.id, from_ms(row.begun_at), from_ms(desk.at), row.receipts_from)

    def recovery(self) -> RecoveryFacts | None:
        """The newest recovery, under way or ended; None: there never was one."""
        with reading(self.engine) as connection:
            row = connection.execute(select(recoveries).order_by(
                recoveries.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        ended_at = None if row.ended_at is None else from_ms(row.ended_at)
        return RecoveryFacts(row.id, from_ms(row.begun_at), ended_at, row.receipts_from)

    def recovery_of_terminals(self, facts: RecoveryFacts) -> list[TerminalRecovery]:
        """What each terminal was asked for in a recovery, and what of it came."""
        found: list[TerminalRecovery] = []
        last = 0
        while True:
            with reading(self.engine) as connection:
                rows = connection.execute(
                    select(*(sighting_rows.c[name] for name in sightings.COLUMNS[:-1]))
                    .join(terminals, terminals.c.id == sighting_rows.c.terminal_id)
                    .where(sighting_rows.c.terminal_id > last)
                    .order_by(sighting_rows.c.terminal_id).limit(PAGE_ROWS)).all()
                page = [sightings.read(*row) for row in rows]
                found += _asked_of(connection, page, facts)
            if len(rows) < PAGE_ROWS:
                return found
            last = rows[-1].terminal_id


def _under_way(connection: Connection) -> int | None:
    return connection.execute(select(recoveries.c.id).where(
        recoveries.c.ended_at.is_(None))).scalar_one_or_none()


def _highest_receipt(connection: Connection) -> int:
    """The highest receipt number known to have been given; numbers drawn and not used count."""
    given = connection.execute(select(func.max(entries.c.id))).scalar_one() or 0
    jumped = connection.execute(select(func.max(recoveries.c.receipts_from))).scalar_one() or 0
    if on_postgresql(connection):
        drawn = connection.execute(text("SELECT last_value FROM entry_ids")).scalar_one()
        return max(given, jumped, drawn)
    return max(given, jumped)


def _asked_of(connection: Connection, page: list[sightings.Sighting],
              facts: RecoveryFacts) -> list[TerminalRecovery]:
    asked: dict[tuple[int, int], list[Span]] = {}
    for sighting in page:
        if sighting.recovery == facts.id:
            for journal, first, last in sighting.asked:
                asked.setdefault((sighting.terminal_id, journal), []).append((first, last))
    joined = {place: join(spans) for place, spans in sorted(asked.items())}
    missing = gaps.undecided(connection, joined, blocks_max=None)
    of_terminal: dict[int, list[Asked]] = {}
    for (terminal_id, journal), spans in joined.items():
        left = missing[terminal_id, journal]
        traces, absent = _count(spans), _count(left)
        of_terminal.setdefault(terminal_id, []).append(
            Asked(journal, traces, traces - absent, tuple(left)))
    return [TerminalRecovery(sighting.terminal_id, _heard_at(sighting, facts),
                             tuple(of_terminal.get(sighting.terminal_id, ())))
            for sighting in page]


def _heard_at(sighting: sightings.Sighting, facts: RecoveryFacts) -> datetime | None:
    if not sighting.answers:
        return None
    at = from_ms(sighting.answers[-1][0] * MS)
    return at if at >= facts.begun_at.replace(microsecond=0) else None


def _count(spans: list[Span]) -> int:
    return sum(last - first + 1 for first, last in spans)
