"""The database of a seed: a copy of a migrated template, in memory or on a disk that forgets.

Law: it is the gateway's own engine, SQL and migrations; only where SQLite keeps its pages differs.
The template (programme, members, cards, terminals; keys out of no secret) is made once in a
process, and a seed begins with a copy of its pages, which takes a millisecond. `full` is SQLite's
own answer to a page limit; the other faults of the memory database are driver.py's.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.engine import URL

from gateway import database
from gateway.keyring import Keyring
from gateway.registry import NewCard, Registry
from simulator.errors import Killed
from tools import coffee_shop
from tools.prove.disk import Disk, io_error
from tools.prove.disk import open_engine as open_disk
from tools.prove.driver import IO, Connection, Faults, connect

MADE = datetime(2026, 5, 31, tzinfo=UTC)  # members, cards, terminals
# points live one month here, so that a shop that closes for longer comes back to some that ended
RULES = coffee_shop.RULES._replace(lot_months=1)
TERMINALS_MAX = 4
MEMBERS_MAX = 12
ODD_FROM = 100  # card numbers by index, above those of members and stock


class Facts(NamedTuple):
    """Who is in the template. `odd`: cards that are no active card numbers, with member and state;
    `strays`: what nobody issued. `multipliers`: basis points of each member's tier."""

    terminals: tuple[int, ...]
    cards: tuple[int, ...]
    odd: dict[int | bytes, tuple[int | None, str]]
    strays: tuple[int | bytes, ...]
    members: tuple[int, ...]
    merchants: dict[int, int]
    multipliers: dict[int, int]


def keyring() -> Keyring:
    """The same in every seed: a simulation has no secrets, and the template needs them."""
    return Keyring(*(sha256(f"prove/{name}".encode()).digest()
                     for name in ("master", "audit", "frame")))


def _engine(connection: Connection) -> Engine:
    """The gateway's engine over this one connection."""
    engine = database.open_sqlite(
        URL.create("sqlite+pysqlite", database=":memory:"), creator=lambda: connection,
        poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0)
    return engine


class Template(NamedTuple):
    connection: Connection
    facts: Facts


@lru_cache(maxsize=1)
def template() -> Template:
    """Made once in a process, in its own memory database."""
    connection = connect()
    engine = _engine(connection)
    database.migrate(engine)
    registry = Registry(engine, keyring(), clock=lambda: MADE)
    coffee_shop.create(registry, MEMBERS_MAX, RULES)
    coffee_shop.add_terminals(registry, TERMINALS_MAX)
    tills = coffee_shop.tills_of(registry.terminals())
    tiers = {tier.code: tier.multiplier_bp for tier in RULES.tiers}
    people = registry.members()
    facts = Facts(tuple(till.terminal_id for till in tills),
                  tuple(int(member.cards[0]) for member in people),
                  _odd_cards(registry, [member.member_id for member in people]), _strays(),
                  tuple(member.member_id for member in people),
                  {till.terminal_id: till.merchant_id for till in tills},
                  {member.member_id: tiers[member.tier] for member in people})
    engine.dispose()
    return Template(connection, facts)


def _odd_cards(registry: Registry,
               members: Sequence[int]) -> dict[int | bytes, tuple[int | None, str]]:
    """Cards of each state a registry knows, and one of a chip, beside the members' own."""
    made: dict[int | bytes, tuple[int | None, str]] = {
        coffee_shop.card_number(ODD_FROM): (None, "stock"),
        bytes.fromhex("04a1b2c3d4e5f6"): (members[0], "active")}
    for place, state in enumerate(("replaced", "lost", "blocked", "expired", "suspect"), 1):
        made[coffee_shop.card_number(ODD_FROM + place)] = members[place], state
    registry.create_cards(coffee_shop.programme_of(registry), [
        NewCard(card, member, state) for card, (member, state) in made.items()])
    return made


def _strays() -> tuple[int | bytes, ...]:
    """A number nobody issued, one that was misread, and a chip nobody knows."""
    number = coffee_shop.card_number(ODD_FROM + 50)
    return number, number - number % 10 + (number + 1) % 10, bytes.fromhex("04a1b2c4")


class Base:
    """What the world asks of its database: memory, or a disk for seeds with power losses."""

    engine: Engine
    on_strike: Callable[[str], None] = staticmethod(lambda kind: None)  # a fault has struck
    doomed = False
    power_is_gone = False

    def __init__(self) -> None:
        self.facts = template().facts

    def commits(self, _connection: Any) -> None:
        """Called just before each COMMIT: a doomed process does not live to make it."""
        if self.doomed:
            self.doomed = False
            raise Killed

    @contextmanager
    def well(self) -> Iterator[None]:
        """HQ's own commands choose a moment in which the database works."""
        yield

    def relieve(self) -> None:
        """No fault from now on."""

    def lock(self, locked: bool) -> None:
        """Somebody else holds the write lock, or lets it go."""

    def fill(self, full: bool) -> None:
        """The disk has no page left, or room again."""

    def fail(self, kind: str, chances: int) -> None:
        """IO or UNSURE strikes at the chance that comes so many from now."""

    def copy(self) -> Any:
        """A backup, as it stands between two transactions."""
        raise NotImplementedError

    def restore(self, backup: Any) -> None:
        """From now on the database is what it was when the backup was made."""
        raise NotImplementedError

    def cut_after(self, operations: int) -> None:
        """Server power goes inside the disk operation that comes so many from now."""

    def close(self) -> None:
        event.remove(self.engine, "commit", self.commits)


class _Shared(NamedTuple):
    connection: Connection
    engine: Engine


@lru_cache(maxsize=1)
def _shared() -> _Shared:
    connection = connect()
    return _Shared(connection, _engine(connection))


class Memory(Base):
    """The process's one memory database, filled anew. One at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.connection, self.engine = _shared()
        self.connection.faults = self.faults = Faults()
        self.faults.on_strike = lambda kind: self.on_strike(kind)
        template().connection.backup(self.connection)
        event.listen(self.engine, "commit", self.commits)

    def copy(self) -> sqlite3.Connection:
        made = sqlite3.connect(":memory:", check_same_thread=False)
        self.connection.backup(made)
        return made

    def restore(self, backup: sqlite3.Connection) -> None:
        backup.backup(self.connection)

    def relieve(self) -> None:
        self.faults.disarm()
        self.fill(False)

    def lock(self, locked: bool) -> None:
        self.faults.locked = locked

    def fail(self, kind: str, chances: int) -> None:
        self.faults.countdown[kind] = chances

    def fill(self, full: bool) -> None:
        self.faults.full = full
        self._limit(full)

    def _limit(self, full: bool) -> None:
        pages = self.connection.execute("PRAGMA page_count").fetchone()[0] if full else 1 << 30
        self.connection.execute(f"PRAGMA max_page_count={pages}").close()

    @contextmanager
    def well(self) -> Iterator[None]:
        pages = self.connection.execute("PRAGMA max_page_count").fetchone()[0]
        self.faults.suspended = True
        self._limit(False)
        try:
            yield
        finally:
            self.faults.suspended = False
            self.connection.execute(f"PRAGMA max_page_count={pages}").close()

    def close(self) -> None:
        self.fill(False)
        self.connection.close()
        super().close()


class OnDisk(Base):
    """A disk that keeps only what was synced (tools/prove/disk.py)."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk.holding(template_bytes())
        self.disk.on_fault = lambda: self.on_strike(IO)
        self.disk.faults.on_strike = lambda kind: self.on_strike(kind)
        self._open()

    def _open(self) -> None:
        self.engine = open_disk(self.disk)
        event.listen(self.engine, "commit", self.commits)

    @property
    def power_is_gone(self) -> bool:  # type: ignore[override]
        """Power went inside an operation of the disk."""
        return self.disk.dead

    @contextmanager
    def well(self) -> Iterator[None]:
        with self.disk.steady():
            yield

    def fail(self, kind: str, chances: int) -> None:
        if kind == IO:
            self.disk.fail_after(chances, io_error("disk I/O error"))
        else:
            self.disk.faults.countdown[kind] = chances

    def lock(self, locked: bool) -> None:
        self.disk.faults.locked = locked

    def fill(self, full: bool) -> None:
        self.disk.faults.full = full

    def relieve(self) -> None:
        self.disk.disarm()

    def cut_after(self, operations: int) -> None:
        self.disk.cut_after(operations)

    def copy(self) -> Disk:
        return self.disk.copy()

    # a process that is gone closes nothing: its connections go while the disk is still dead, or
    # SQLite would tidy up, for the old database, files that are the new one's by then

    def restore(self, backup: Disk) -> None:
        self._shut()
        self.disk.restore(backup)
        self._open()

    def lose_power(self, random: Random) -> None:
        """Power went inside an operation; it comes back, and the next process opens what is
        there."""
        self._shut()
        self.disk.power_loss(random)
        self._open()

    def _shut(self) -> None:
        self.engine.dispose()
        super().close()

    def close(self) -> None:
        self._shut()
        self.disk.close()


@lru_cache(maxsize=1)
def template_bytes() -> bytes:
    """The template as a database file."""
    return template().connection.serialize()
