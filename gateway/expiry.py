"""The expiry job: what has ended in members' lots is written down, for members who do not come.

Law: an entry for each member that has something due, with an outcome of its own (origin -1, key
E || member || day), so that a day is done once, however often or by how many the job runs; what a
tap wrote down itself by then is not due any more. A round lists who is due and works through the
list; a piece of it is one transaction: it locks its members by ascending id as the intake does,
reads their lots behind the locks, and commits. What a round did not come to, stopped or failed,
the next one lists again. A member whose row does not fit its seal is left for the audit.

On PostgreSQL, where rows are locked one by one, three hands work at once: while some wait for the
server, another reckons.
"""

import gc
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import islice

from sqlalchemy import Connection, Engine

from gateway import bulk, chain, storing
from gateway.book import JOBS, Posted
from gateway.catalogue import read_catalogue
from gateway.clock import business_day
from gateway.database import on_postgresql, reading, writing
from gateway.decisions.accounts import GRACE_DAYS, policies_of, purse_of
from gateway.entries import Source, by_itself
from gateway.keyring import Keyring
from gateway.ledger import Books, LedgerError, Member, derived, expire, lapses
from gateway.loading import MEMBER_COLUMNS, complete, read_lots, read_spans
from gateway.statements import send
from gateway.tables import members
from gateway.validity import NO_SPAN
from protocol import codes

NOWHERE_IN_PARTICULAR = 0  # merchant, shop and terminal of an entry that came of no message
LISTED = 100_000  # members listed at once: a list costs a look at everything that is due
HANDS = 3
PIECE = 250  # members whose rows a hand locks at once, on PostgreSQL

log = logging.getLogger("gateway.expiry")


class Expiry:
    """The job, as the jobs process calls it (jobs.Chunk); it knows who is still to be done in this
    round. One caller at a time."""

    def __init__(self, listed: int = LISTED) -> None:
        self._listed = listed
        self._round: _Round | None = None

    def __call__(self, engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
        """Expire what is due of up to `rows_max` members; how many. 0: the round is over."""
        under_way, self._round = self._round, None  # a fault ends the round
        if under_way is None or under_way.now != now:
            under_way = _Round(engine, keyring, now, self._listed)
        with _uncollected():
            done = under_way.go_on(rows_max)
        if done:
            self._round = under_way
        return done


def expire_lots(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """One chunk of a round of its own; how many members."""
    return Expiry(rows_max)(engine, keyring, now, rows_max)


class _Round:
    """Everybody who is due at one time, from the lowest id to the highest."""

    def __init__(self, engine: Engine, keyring: Keyring, now: int, listed: int) -> None:
        self.now = now
        self._engine = engine
        self._keyring = keyring
        with reading(engine) as connection:
            catalogue = read_catalogue(connection)
        self._books = {each.id: Books(
            0, 0, each.expired_account_id,
            business_day(now, each.time_zone, each.cutover_minutes), GRACE_DAYS,
            at_end=policies_of(each), purse=purse_of(each, each.rule_set_at(now)))
            for each in catalogue.programmes.values()}
        # who ever let activity carry lots on: there, not all that is past its own date has ended
        self._rolling = {each.id for each in catalogue.programmes.values()
                         if any(rule_set.rolling for _, rule_set in each.rule_sets)}
        self._due = self._list(listed)

    def go_on(self, rows_max: int) -> int:
        """The next members, until something was done; how many of them had something due."""
        while ids := list(islice(self._due, rows_max)):
            if done := self._expire_all(ids):
                return done
        return 0

    def _list(self, listed: int) -> Iterator[int]:
        for programme_id, books in sorted(self._books.items()):
            after = 0
            while ids := self._page(programme_id, books.today, after, listed):
                yield from ids
                after = ids[-1]

    def _page(self, programme_id: int, today: int, after: int, listed: int) -> list[int]:
        """Members with something due, by ascending id."""
        mark = "%s" if on_postgresql(self._engine) else "?"
        carried, over, values = "", "", (today, after)
        if programme_id in self._rolling:
            carried = " LEFT JOIN member_spans s ON s.member_id = d.member_id"
            over = (f" AND (s.ends_on IS NULL OR s.ends_on < {mark}"
                    " OR d.expires_on < s.begins_on)")
            values += (today,)
        with reading(self._engine) as connection:
            return [row[0] for row in send(connection, (
                f"SELECT l.member_id FROM (SELECT DISTINCT d.member_id FROM lots d{carried}"
                f" WHERE d.remaining > 0 AND d.expires_on < {mark} AND d.member_id > {mark}"
                f"{over}) AS l"
                f" JOIN members m ON m.id = l.member_id WHERE m.programme_id = {mark}"
                f" ORDER BY l.member_id LIMIT {mark}"),
                (*values, programme_id, listed)).fetchall()]

    def _expire_all(self, ids: list[int]) -> int:
        if not on_postgresql(self._engine):
            return self._expire(ids)
        pieces = [ids[start:start + PIECE] for start in range(0, len(ids), PIECE)]
        with ThreadPoolExecutor(HANDS) as hands:
            return sum(hands.map(self._expire, pieces))

    def _expire(self, ids: Sequence[int]) -> int:
        """One transaction; how many of these members had something due."""
        keyring = self._keyring
        with writing(self._engine) as connection:
            due = self._members(connection, ids)
            made = [each for each in map(self._made, due) if each is not None]
            if not made:
                return 0
            numbers = storing.draw(connection, len(made), 0)
            done = by_itself(made, numbers, partial(chain.head, keyring.audit_key))
            storing.store_ledger(connection, keyring, done, only_expired=not any(
                self._books[member.programme_id].at_end for member in due))
            storing.insert_outcomes(connection, keyring, [
                (source.origin, source.key, source.frame_hash, source.code, posted.draft.points,
                 entry.id, self.now)
                for (posted, source), entry in zip(made, done.entries.values(), strict=True)])
        return len(made)

    def _members(self, connection: Connection, ids: Sequence[int]) -> list[Member]:
        """Those that still have something due, behind their locks; not who was tampered with."""
        keyring, keys = self._keyring, [(member_id,) for member_id in ids]
        rows = bulk.select(connection, members, (*MEMBER_COLUMNS, "derived_mac"), ("id",), keys,
                           lock=True)
        lots_of = read_lots(connection, keys)
        spans = read_spans(connection, keyring.audit_key, keys)
        found: dict[int, Member] = {}
        for row in rows:
            span = spans.get(row[0], NO_SPAN)
            member = Member(*row[:-1], lots=tuple(lots_of.get(row[0], ())), span=span or NO_SPAN)
            if span is None or not chain.same(row[-1], chain.seal(
                    keyring.audit_key, "members", derived(member))):
                self._leave(member, "is not what was sealed")
            elif lapses(member, self._books[member.programme_id].today):
                found[member.id] = member
        complete(connection, found, ())
        return list(found.values())

    def _leave(self, member: Member, why: str) -> None:
        log.error("member %d %s: nothing of it expires; run the audit", member.id, why)

    def _made(self, member: Member) -> tuple[Posted, Source] | None:
        """The entry of one member; None when its lots do not allow any."""
        books = self._books[member.programme_id]
        try:
            draft = expire(member, books)
        except LedgerError:
            self._leave(member, "and its lots disagree")
            return None
        key = b"E" + member.id.to_bytes(8, "big") + books.today.to_bytes(4, "big")
        return (Posted(draft, NOWHERE_IN_PARTICULAR, NOWHERE_IN_PARTICULAR, None, None,
                       books.today, books.today, self.now, "{}"),
                Source(NOWHERE_IN_PARTICULAR, JOBS, key, sha256(key).digest(), codes.APPROVED,
                       None, self.now))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: thousands of rows at once, none of them in a circle, cost
    the collector a third of the whole time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
