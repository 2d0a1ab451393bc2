"""One piece of the expiry job: what has ended in the lots of some members, in one transaction.

Law: it locks its members by ascending id as the intake does and reads their lots behind the locks;
what is not due any more by then is nobody's loss. A member that does not fit its seal, or whose
lots do not fit its balances, is left as it is, and told of.
"""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from gateway import bulk, chain, storing
from gateway.database import open_engine, reading, writing
from gateway.days import marks
from gateway.decisions.causes import NOWHERE_IN_PARTICULAR
from gateway.effects import Posted
from gateway.entries import Source, by_itself
from gateway.ledger import Books, LedgerError, expire
from gateway.loading import MEMBER_COLUMNS, read_spans
from gateway.lot_rows import read_lots
from gateway.member import Member, derived, lapses
from gateway.message import JOBS
from gateway.numbers import draw_numbers
from gateway.tables import members
from gateway.validity import NO_SPAN
from protocol import codes

REST = 1.0  # of the time a piece took


class Done(NamedTuple):
    """How many members had something due, and who was left to the audit, and why."""

    members: int
    left: tuple[tuple[int, str], ...] = ()


class Lapsing:
    """`books`: by programme, as of the round's time `now` (ms)."""

    def __init__(self, engine: Engine, audit_key: bytes, books: Mapping[int, Books],
                 now: int) -> None:
        self._engine = engine
        self._audit_key = audit_key
        self._books = books
        self._now = now
        self._left: list[tuple[int, str]] = []

    def __call__(self, ids: Sequence[int]) -> Done:
        """One transaction."""
        self._left = []
        with uncollected():
            return Done(self._expire(ids), tuple(self._left))

    def _expire(self, ids: Sequence[int]) -> int:
        with writing(self._engine) as connection:
            due = self._members(connection, ids)
            # behind the locks, as nothing is booked on a day that is closed (days.py)
            open_days, forged = marks(connection, self._audit_key) if due else ({}, ())
            for member in due:
                if member.programme_id in forged:
                    self._leave(member, "belongs where the open day is not what was sealed")
            made = [each for each in (self._made(member, open_days) for member in due
                                      if member.programme_id not in forged)
                    if each is not None]
            if not made:
                return 0
            numbers = draw_numbers(connection, len(made), 0)
            done = by_itself(made, numbers, partial(chain.head, self._audit_key))
            storing.store_ledger(connection, self._audit_key, done, only_expired=not any(
                self._books[member.programme_id].at_end for member in due))
            storing.insert_outcomes(connection, self._audit_key, [
                (source.origin, source.key, source.frame_hash, source.code, posted.draft.points,
                 entry.id, self._now)
                for (posted, source), entry in zip(made, done.entries.values(), strict=True)])
        return len(made)

    def _members(self, connection: Connection, ids: Sequence[int]) -> list[Member]:
        """Those that still have something due, behind their locks; not who was tampered with."""
        keys = [(member_id,) for member_id in ids]
        rows = bulk.select(connection, members, (*MEMBER_COLUMNS, "derived_mac"), ("id",), keys,
                           lock=True)
        lots_of = read_lots(connection, keys)
        spans = read_spans(connection, self._audit_key, keys)
        found: dict[int, Member] = {}
        for row in rows:
            span = spans.get(row[0], NO_SPAN)
            member = Member(*row[:-1], lots=tuple(lots_of.get(row[0], ())), span=span or NO_SPAN)
            if span is None or not chain.same(row[-1], chain.seal(
                    self._audit_key, "members", derived(member))):
                self._leave(member, "is not what was sealed")
            elif lapses(member, self._books[member.programme_id].today):
                found[member.id] = member
        return list(found.values())

    def _leave(self, member: Member, why: str) -> None:
        self._left.append((member.id, why))

    def _made(self, member: Member, open_days: Mapping[int, int]) -> tuple[Posted, Source] | None:
        """The entry of one member; None when its lots do not allow any."""
        books = self._books[member.programme_id]
        try:
            draft = expire(member, books)
        except LedgerError:
            self._leave(member, "and its lots disagree")
            return None
        key = b"E" + member.id.to_bytes(8, "big") + books.today.to_bytes(4, "big")
        booked_on = max(books.today, open_days.get(member.programme_id, 0))
        return (Posted(draft, NOWHERE_IN_PARTICULAR, NOWHERE_IN_PARTICULAR, None, None,
                       books.today, booked_on, self._now, "{}"),
                Source(NOWHERE_IN_PARTICULAR, JOBS, key, sha256(key).digest(), codes.APPROVED,
                       None, self._now))


class GivingWay:
    """Pieces, and behind each a rest as long as it took, while somebody sells: of a server that is
    shared, who taps gets half and more. On PostgreSQL; this job opens no
    lots, the first sale of a member on a day does."""

    def __init__(self, engine: Engine, lapsing: Lapsing) -> None:
        self._engine = engine
        self._lapsing = lapsing
        self._opened = self._lots_opened()

    def __call__(self, ids: Sequence[int]) -> Done:
        began = time.monotonic()
        done = self._lapsing(ids)
        opened = self._lots_opened()
        if opened != self._opened:
            self._opened = opened
            time.sleep(REST * (time.monotonic() - began))
        return done

    def _lots_opened(self) -> int:
        with reading(self._engine) as connection:
            return connection.exec_driver_sql("SELECT last_value FROM lot_ids").scalar_one()


def elsewhere(url: str, audit_key: bytes, books: Mapping[int, Books], now: int) -> GivingWay:
    """The same in another process, with a connection of its own, which gives way to sales."""
    engine = open_engine(url, pool_size=1)
    return GivingWay(engine, Lapsing(engine, audit_key, books, now))


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: thousands of rows at once, none of them in a circle, cost
    the collector a third of the whole time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
