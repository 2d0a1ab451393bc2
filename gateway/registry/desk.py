"""Writing registry rows together with their events: the one road into the registry tables.

Law: rows are read back under lock before they change, and every row written in a transaction is
in its events with the content it has at the end. New ids follow the highest; whoever needs one
locks the counter house for it, and behind that only the counter config.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, and_, func, select, tuple_, update

from gateway import bulk, chain, counting, house
from gateway.catalogue import MEMBER_POINTS, UNITS
from gateway.clock import to_ms, utc_now
from gateway.database import on_postgresql, writing
from gateway.errors import GatewayError
from gateway.keyring import Keyring
from gateway.member import Member, derived
from gateway.tables import CONFIGURATION, accounts, members, registry_events

CHUNK = 1000
INTAKE = "intake"


class RegistryError(GatewayError):
    """The registry refuses a change: nothing was changed."""

    code = "registry"


class Desk:
    """One transaction's registry writes; `finish` appends the events. `at` in milliseconds."""

    def __init__(self, connection: Connection, keyring: Keyring, actor: str, at: int) -> None:
        self.connection = connection
        self.keyring = keyring
        self.actor = actor
        self.at = at
        self._changes: list[tuple[str, Mapping[str, object]]] = []

    def next_id(self, table: Table, first: int = 1) -> int:
        """The id after the highest; other registry writers wait until this one is done."""
        counting.lock(self.connection, self.keyring.audit_key, counting.HOUSE)
        highest = self.connection.execute(select(func.max(table.c.id))).scalar_one()
        return first if highest is None else max(highest + 1, first)

    def insert(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        columns = tuple(column.name for column in table.columns)
        for start in range(0, len(rows), CHUNK):
            bulk.insert(self.connection, table, columns,
                        [tuple(row[name] for name in columns)
                         for row in rows[start:start + CHUNK]])
        self._changes += [(table.name, row) for row in rows]

    def locked(self, table: Table, **key: object) -> Row | None:
        """The row with this key, locked as the intake locks it, or None."""
        wanted = select(table).where(and_(*(table.c[name] == value
                                            for name, value in key.items())))
        if on_postgresql(self.connection):
            wanted = wanted.with_for_update(key_share=True)
        return self.connection.execute(wanted).one_or_none()

    def change(self, table: Table, row: Row, **values: object) -> None:
        """New values for a row that `locked` gave. Raises RegistryError for a row that somebody
        else has changed: a new event would make that true."""
        self._refuse_forged(table, [row])
        key = [column == row._mapping[column.name] for column in table.primary_key.columns]
        self.connection.execute(update(table).where(and_(*key)).values(**values))
        self._changes.append((table.name, {**row._mapping, **values}))

    def move(self, table: Table, row: Row, said: str, before: str, after: str) -> None:
        """From one state to another, from now on; RegistryError for one that is not in the
        first. `said`: how an error names it."""
        if row.state != before:
            raise RegistryError(f"{said} is {row.state}, not {before}. Nothing was changed.")
        self.change(table, row, state=after, state_since=self.at)

    def locked_all(self, table: Table, ids: Sequence[int]) -> list[Row]:
        """The rows with these ids by ascending id, locked as `locked` does, in one statement."""
        wanted = select(table).where(table.c.id.in_(sorted(ids))).order_by(table.c.id)
        if on_postgresql(self.connection):
            wanted = wanted.with_for_update(key_share=True)
        return list(self.connection.execute(wanted).all())

    def change_all(self, table: Table, rows: Sequence[Row], columns: tuple[str, ...],
                   values: Sequence[tuple]) -> list[dict[str, Any]]:
        """`change` for many rows of a table keyed by id, in as many statements as for one;
        `values` of `columns` for each row. The rows as they are now."""
        self._refuse_forged(table, rows)
        bulk.update(self.connection, table, ("id", *columns),
                    [(row.id, *new) for row, new in zip(rows, values, strict=True)])
        changed = [{**row._mapping, **dict(zip(columns, new, strict=True))}
                   for row, new in zip(rows, values, strict=True)]
        self._changes += [(table.name, row) for row in changed]
        return changed

    def found(self, table: Table, key: tuple[str, ...], wanted: Sequence[tuple]) -> list[Row]:
        """The rows whose `key` is one of `wanted`; what covers them is locked already."""
        columns = tuple_(*(table.c[name] for name in key))
        return list(self.connection.execute(select(table).where(columns.in_(wanted))).all())

    def replace(self, table: Table, before: Sequence[Row],
                rows: Sequence[Mapping[str, object]]) -> None:
        """Rows as they are from now on: new ones, and those that were `before`. One statement."""
        self._refuse_forged(table, before)
        columns = tuple(column.name for column in table.columns)
        bulk.insert(self.connection, table, columns,
                    [tuple(row[name] for name in columns) for row in rows],
                    key=tuple(column.name for column in table.primary_key.columns))
        self._changes += [(table.name, row) for row in rows]

    def _refuse_forged(self, table: Table, rows: Sequence[Row]) -> None:
        own = {(name, house.row_key(name, each)) for name, each in self._changes}
        keys = {house.row_key(table.name, row._asdict()): row for row in rows}
        asked = [key for key in sorted(keys) if (table.name, key) not in own]
        if not asked:
            return
        newest: dict[str, tuple[int, bytes]] = {}
        for key, seq, seal in bulk.select(
                self.connection, registry_events, ("row_key", "seq", "row_seal"),
                ("table_name", "row_key"), [(table.name, key) for key in asked]):
            newest[key] = max(newest.get(key, (0, b"")), (seq, seal))
        for key in asked:
            seal = house.row_seal(self.keyring.audit_key, table.name, keys[key]._asdict())
            if not chain.same(newest.get(key, (0, None))[1], seal):
                raise RegistryError(f"{table.name} {key} is not what the registry last wrote."
                                    " Nothing was changed; run the audit.")

    def account(self, programme_id: int, kind: str, owner_id: int,
                account_id: int) -> dict[str, object]:
        return {"id": account_id, "programme_id": programme_id, "kind": kind,
                "owner_id": owner_id, "unit": UNITS[kind]}

    def members(self, programme_id: int,
                tiers_and_masks: Sequence[tuple[str, str]]) -> list[int]:
        """New members, each with its account; their ids in order."""
        member_id, account_id = self.next_id(members), self.next_id(accounts)
        account_rows, member_rows = [], []
        for place, (tier, masked) in enumerate(tiers_and_masks):
            account_rows.append(self.account(programme_id, MEMBER_POINTS, member_id + place,
                                             account_id + place))
            member_rows.append(self._member(member_id + place, programme_id, tier, masked,
                                            account_id + place))
        self.insert(accounts, account_rows)
        self.insert(members, member_rows)
        return list(range(member_id, member_id + len(member_rows)))

    def _member(self, member_id: int, programme_id: int, tier: str, masked: str,
                account_id: int) -> dict[str, Any]:
        key = self.keyring.audit_key
        link = chain.birth(member_id)
        born = Member(member_id, programme_id, tier, "active", self.at, masked, account_id,
                      0, 0, 0, 0, link, chain.head(key, link))
        return {**born._asdict(), "created_at": self.at,
                "name_mac": chain.seal(key, "name", (member_id, masked)),
                "derived_mac": chain.seal(key, "members", derived(born))}

    def finish(self) -> None:
        """Append the events; bump the config version when the catalogue is concerned."""
        key = self.keyring.audit_key
        # the counter house first: who drew an id holds it already
        house.append(self.connection, key, self.actor, self.at, self._changes)
        if any(table in CONFIGURATION for table, _ in self._changes):
            counting.take(self.connection, key, counting.CONFIG, 1)
        self._changes = []


LOOK = {"terminal": "; pointwire terminal list shows those there are",
        "merchant": "; pointwire gateway rates list shows those there are",
        "operator": "; pointwire gateway operator list shows those there are",
        "key epoch": "; pointwire terminal list shows the newest, they begin at 1"}


class Room:
    """What the parts of the registry share: engine, keys, clock, and the way to a desk."""

    def __init__(self, engine: Engine, keyring: Keyring, *,
                 clock: Callable[[], datetime] = utc_now, actor: str = "system") -> None:
        self.engine = engine
        self.keyring = keyring
        self.clock = clock
        self.actor = actor

    @contextmanager
    def at_desk(self) -> Iterator[Desk]:
        """A transaction with a desk whose events are appended at the end."""
        with writing(self.engine) as connection:
            desk = Desk(connection, self.keyring, self.actor, to_ms(self.clock()))
            yield desk
            desk.finish()

    def set_state(self, table: Table, noun: str, states: tuple[str, ...], state: str,
                  since: datetime | None, **key: object) -> None:
        """A new state of one row; `since` when it began, default now."""
        if state not in states:
            raise RegistryError(f"A {noun} cannot be {state!r}. Nothing was changed;"
                                f" use one of: {', '.join(states)}.")
        with self.at_desk() as desk:
            row = present(desk, table, noun, **key)
            began = desk.at if since is None else to_ms(since)
            desk.change(table, row, state=state, state_since=began)


def present(desk: Desk, table: Table, noun: str, **key: object) -> Row:
    """The locked row, or RegistryError."""
    row = desk.locked(table, **key)
    if row is None:
        raise unknown(noun)
    return row


def unknown(noun: str) -> RegistryError:
    """Of what is not there, with where to look where a command shows it."""
    return RegistryError(f"There is no such {noun}. Nothing was changed{LOOK.get(noun, '')}.")


def absent(desk: Desk, table: Table, noun: str, **key: object) -> None:
    """RegistryError when there is such a row."""
    if desk.locked(table, **key) is not None:
        raise RegistryError(f"That {noun} is there already. Nothing was changed.")
