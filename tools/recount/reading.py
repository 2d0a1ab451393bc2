"""The rows that a recount needs, read in one snapshot and never written.

Law: what a terminal's message came to is its own outcome, or, where it was held, HQ's verdict:
origin 0, key terminal || journal || trace. A receipt number is an entry's id. The end of what a
return holds is an outcome of its own: origin -3, key the receipt of the return (8 bytes).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    and_,
    column,
    create_engine,
    or_,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tools.recount.boxes import Key, Opener, Said, Unreadable, month_of, read, read_verdict
from tools.recount.errors import RecountError
from tools.recount.law import Rates, Rules, Version

APPROVED, HELD = 0, 41
HQ, COMMANDS, HOLDS = 0, -2, -3
AT_ONCE = 500  # keys in one statement
ID_END = 2**63  # ids are below
ENTRY = ("id", "kind", "member_id", "merchant_id", "terminal_id", "card_id", "origin",
         "operation_key", "amount_minor", "business_date", "booked_on", "dated_at", "received_at",
         "context")
ACCOUNTS = ("merchant_issued", "merchant_redeemed", "merchant_due")


class Entry(NamedTuple):
    """A row of `entries`; its id is the receipt number."""

    id: int
    kind: int
    member_id: int
    merchant_id: int
    terminal_id: int
    card_id: int | None
    origin: int
    operation_key: bytes
    amount_minor: int | None
    business_date: int
    booked_on: int
    dated_at: int
    received_at: int
    context: str

    @property
    def key(self) -> Key:
        return self.origin, self.operation_key


class Told(NamedTuple):
    """What became of a message: `said`, or `why` it cannot be read; the code and instant (ms) of
    what settled it, and the entry it made; `came_at`: when it was decided first, or held (ms)."""

    said: Said | None
    why: str
    code: int
    decided_at: int
    entry: Entry | None
    came_at: int


class HoldRow(NamedTuple):
    """A row of `holds`: the last day for a verdict, how it stands, the entry that ended it."""

    due_on: int
    state: int
    ended_by: int | None


class Merchant(NamedTuple):
    """Of whom the statement is. `terminals`: those of its shops; `accounts`: ids by kind;
    `open_on`: the first settlement day that is open, 0 where days were never closed."""

    id: int
    programme_id: int
    zone: str
    cutover_minutes: int
    terminals: frozenset[int]
    accounts: dict[str, int]
    rules: list[Version]
    rates: list[Version]
    open_on: int


def subject(key: Key) -> Key:
    """The terminal's message behind a key: of a verdict, the one that was held."""
    return key if key[0] else (int.from_bytes(key[1][:4], "big"), key[1][4:])


def verdict_on(key: Key) -> Key:
    return HQ, key[0].to_bytes(4, "big") + key[1]


def end_of(receipt: int) -> Key:
    """The key of the verdict on what an entry holds."""
    return HOLDS, receipt.to_bytes(8, "big")


def _table(name: str, *columns: str):
    return table(name, *map(column, columns))


ENTRIES = _table("entries", *ENTRY)
OUTCOMES = _table("outcomes", "origin", "operation_key", "frame_hash", "code", "entry_id",
                  "decided_at")
FRAMES = _table("frames", "month", "origin", "operation_key", "box")
REVERSALS = _table("reversals", "origin", "operation_key", "by_origin", "by_key")
HELD_ROWS = _table("holds", "entry_id", "due_on", "state", "ended_by")
POSTINGS = _table("postings", "entry_id", "account_id", "amount")
KEY = ("origin", "operation_key")


@contextmanager
def snapshot(url: str) -> Iterator[Connection]:
    """A connection that sees the database as it is now, and only reads. Raises RecountError."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise RecountError("POINTWIRE_DATABASE_URL is no URL. Nothing was compared; set it to"
                           " sqlite:///FILE or postgresql://user@host/name.") from None
    options: dict[str, object] = {"isolation_level": "REPEATABLE READ",
                                  "postgresql_readonly": True}
    if parts.drivername.startswith("postgres"):
        parts = parts.set(drivername="postgresql+psycopg")
    elif not parts.drivername.startswith("sqlite"):
        raise RecountError(f"POINTWIRE_DATABASE_URL names a database of kind {parts.drivername!r}."
                           " Nothing was compared; set it to sqlite:///FILE or"
                           " postgresql://user@host/name.")
    else:
        if not parts.database or not Path(parts.database).is_file():
            raise RecountError("There is no such database file. Nothing was compared; set"
                               " POINTWIRE_DATABASE_URL to the gateway's.")
        options = {"isolation_level": "AUTOCOMMIT"}
    engine = create_engine(parts)
    try:
        with engine.connect().execution_options(**options) as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
                connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


class Archive:
    """Reads messages, entries and what took them back, many at once."""

    def __init__(self, connection: Connection, opener: Opener) -> None:
        self._connection = connection
        self._opener = opener

    def merchant(self, merchant_id: int) -> Merchant:
        """Raises RecountError where there is none."""
        found = self._all(
            "SELECT p.id, p.time_zone, p.cutover_minutes FROM merchants m JOIN programmes p"
            " ON p.id = m.programme_id WHERE m.id = :merchant", merchant=merchant_id)
        if not found:
            raise RecountError(f"There is no merchant {merchant_id}. Nothing was compared.")
        programme_id, zone, cutover = found[0]
        of = {"merchant": merchant_id}
        terminals = self._all("SELECT t.id FROM terminals t JOIN shops s ON s.id = t.shop_id"
                              " WHERE s.merchant_id = :merchant", **of)
        accounts = self._all("SELECT kind, id FROM accounts WHERE owner_id = :merchant"
                             " AND kind LIKE 'merchant%'", **of)
        rules = self._all("SELECT effective_at, version, recorded_at, body FROM rule_sets"
                          " WHERE programme_id = :programme", programme=programme_id)
        rates = self._all("SELECT effective_at, version, recorded_at, cost_bp, credit_bp"
                          " FROM merchant_rates WHERE merchant_id = :merchant", **of)
        opened = self._all("SELECT open_on FROM open_days WHERE programme_id = :programme",
                           programme=programme_id)
        return Merchant(merchant_id, programme_id, zone, cutover,
                        frozenset(row[0] for row in terminals), dict(map(tuple, accounts)),
                        [Version(row[0], row[1], row[2], _rules(row[1], row[3])) for row in rules],
                        [Version(row[0], row[1], row[2], Rates(row[3], row[4])) for row in rates],
                        opened[0][0] if opened else 0)

    def booked(self, merchant: Merchant, first: int, last: int
               ) -> tuple[dict[int, Entry], dict[int, list[tuple[str, int]]]]:
        """The entries that these days have of a merchant or on its accounts, by receipt; and the
        lines on its accounts, (kind, amount) each."""
        days = ENTRIES.c.booked_on.between(first, last)
        kind_of = {number: kind for kind, number in merchant.accounts.items()}
        lines: dict[int, list[tuple[str, int]]] = {}
        for entry_id, account_id, amount in self._connection.execute(
                select(POSTINGS).join(ENTRIES, ENTRIES.c.id == POSTINGS.c.entry_id)
                .where(days, POSTINGS.c.account_id.in_(kind_of))):
            lines.setdefault(entry_id, []).append((kind_of[account_id], amount))
        found = {row.id: Entry(*row) for row in self._connection.execute(
            select(ENTRIES).where(days, ENTRIES.c.merchant_id == merchant.id))}
        return found | self.entries(lines.keys() - found.keys()), lines

    def entries(self, ids: Iterable[int]) -> dict[int, Entry]:
        numbers = sorted(each for each in ids if 0 < each < ID_END)
        return {row[0]: Entry(*row) for some in _some(numbers) for row in self._connection.execute(
            select(ENTRIES).where(ENTRIES.c.id.in_(some)))}

    def astray(self, merchant: Merchant, begins: int, ends: int, days: tuple[int, int]
               ) -> list[Key]:
        """Messages of a merchant approved between two instants (ms) without an entry of these
        days, as their own outcomes or as HQ's verdicts have them; verdicts on what returns hold,
        too."""
        out = OUTCOMES.c
        apart = or_(ENTRIES.c.id.is_(None), ~ENTRIES.c.booked_on.between(*days),
                    ENTRIES.c.merchant_id != merchant.id)
        rows = self._connection.execute(
            select(out.origin, out.operation_key)
            .outerjoin(ENTRIES, ENTRIES.c.id == out.entry_id)
            .where(and_(out.code == APPROVED, out.decided_at.between(begins, ends), apart,
                        out.origin.in_([HOLDS, HQ, *merchant.terminals]))))
        found = {subject(_key(row)) for row in rows}
        holding = self.entries(int.from_bytes(key[1], "big") for key in found if key[0] == HOLDS)
        mine = {end_of(each.id) for each in holding.values() if each.merchant_id == merchant.id}
        return sorted(key for key in found if key in mine or key[0] in merchant.terminals)

    def told(self, keys: Iterable[Key]) -> dict[Key, Told]:
        """What became of messages, by key; those that never came are not in it."""
        wanted = sorted(set(keys))
        outcomes = {_key(row): row for row in self._keyed(
            OUTCOMES, KEY, [*wanted, *(verdict_on(key) for key in wanted if key[0] > 0)])}
        come = [key for key in wanted if key in outcomes]
        boxes = {_key(row): row for row in self._keyed(
            FRAMES, ("month", *KEY),
            [(month_of(outcomes[key].decided_at), *key) for key in come])}
        settled = {key: outcomes.get(verdict_on(key), outcomes[key])
                   if key[0] > 0 and outcomes[key].code == HELD else outcomes[key] for key in come}
        made = self.entries(row.entry_id for row in settled.values() if row.entry_id is not None)
        found = {}
        for key in come:
            row = settled[key]
            said, why = self._said(key, outcomes[key].frame_hash, boxes.get(key))
            found[key] = Told(said, why, row.code, row.decided_at, made.get(row.entry_id),
                              outcomes[key].decided_at)
        return found

    def taken_back(self, keys: Iterable[Key]) -> list[tuple[Key, Key]]:
        """(key, key of the message that took it or part of it back)."""
        return [(_key(row), subject((row.by_origin, bytes(row.by_key))))
                for row in self._keyed(REVERSALS, KEY, sorted(set(keys)))]

    def holds(self, receipts: Iterable[int]) -> dict[int, HoldRow]:
        """How holds stand, by the entry that holds."""
        return {row[0]: HoldRow(*row[1:]) for some in _some(sorted(receipts))
                for row in self._connection.execute(
                    select(HELD_ROWS).where(HELD_ROWS.c.entry_id.in_(some)))}

    def tiers(self, members: Iterable[int]) -> dict[int, str]:
        return dict(self._by_id("members", "tier", members))

    def cards(self, cards: Iterable[int]) -> dict[int, str]:
        """Their identities."""
        return dict(self._by_id("cards", "identity", cards))

    def _by_id(self, name: str, what: str, ids: Iterable[int]) -> list[tuple[int, str]]:
        rows = _table(name, "id", what)
        return [(row[0], row[1]) for some in _some(ids) for row in self._connection.execute(
            select(rows).where(rows.c.id.in_(some)))]

    def _said(self, key: Key, frame_hash: bytes, row) -> tuple[Said | None, str]:
        if key[0] <= 0 and key[0] != HOLDS:
            return None, "no terminal's message"
        if row is None:
            return None, f"its {'note' if key[0] == HOLDS else 'frame'} is not kept"
        try:
            if key[0] == HOLDS:
                return read_verdict(key, self._opener.note(row.month, key, bytes(row.box))), ""
            frame = self._opener.frame(row.month, key, bytes(row.box))
            return read(key, frame, bytes(frame_hash)), ""
        except Unreadable as fault:
            return None, str(fault)

    def _keyed(self, rows, names: Sequence[str], keys: Sequence[tuple]) -> Iterator:
        by = tuple_(*(rows.c[name] for name in names))
        for some in _some(keys):
            yield from self._connection.execute(select(rows).where(by.in_(some)))

    def _all(self, statement: str, **values: object) -> Sequence:
        return self._connection.execute(text(statement), values).all()


def _rules(version: int, body: str) -> Rules:
    try:
        return Rules.of(body)
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        raise RecountError(f"Rule set {version} does not read. Nothing was compared; run the"
                           " audit.") from None


def _key(row) -> Key:
    return row.origin, bytes(row.operation_key)


def _some(items: Iterable) -> Iterator[list]:
    every = list(items)
    for start in range(0, len(every), AT_ONCE):
        yield every[start:start + AT_ONCE]
