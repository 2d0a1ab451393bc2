"""The expiry job: what has ended in members' lots is written down, for members who do not come.

Law: an entry for each member that has something due, with an outcome of its own (origin -1, key
E || member || day), so that a day is done once, however often or by how many the job runs; what a
tap wrote down itself by then is not due any more. A round lists who is due and works through the
list piece by piece (lapsing.py). What a round did not come to, stopped or failed, the next one
lists again. A member that does not fit its seal or its lots is left for the audit.

On PostgreSQL, where rows are locked one by one, two processes work at once when many are due:
while some wait for the server, another reckons.
"""

import logging
from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Engine

from gateway.catalogue import read_catalogue
from gateway.clock import business_day
from gateway.database import on_postgresql, reading
from gateway.decisions.accounts import GRACE_DAYS, policies_of, purse_of
from gateway.hands import Hands
from gateway.keyring import Keyring
from gateway.lapsing import Lapsing, elsewhere
from gateway.ledger import Books
from gateway.statements import send

LISTED = 100_000  # members listed at once: a list costs a look at everything that is due
PIECE = 250  # members whose rows are locked at once, on PostgreSQL
HANDS = 2
HANDS_FROM = 30_000  # due members for which processes are started: each takes a second of a core

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
        if under_way is not None and under_way.now != now:
            under_way.end()
            under_way = None
        if under_way is None:
            under_way = _Round(engine, keyring, now, self._listed)
        done = 0
        try:
            done = under_way.go_on(rows_max)
        finally:
            if done:
                self._round = under_way
            else:
                under_way.end()
        return done


def expire_lots(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """One chunk of a round of its own; how many members."""
    return Expiry(rows_max)(engine, keyring, now, rows_max)


class _Round:
    """Everybody who is due at one time, from the lowest id to the highest."""

    def __init__(self, engine: Engine, keyring: Keyring, now: int, listed: int) -> None:
        self.now = now
        self._engine = engine
        self._audit_key = keyring.audit_key  # all that whoever helps is told
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
        self._lapsing = Lapsing(engine, keyring.audit_key, self._books, now)
        self._hands: Hands | None = None
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
                if len(ids) >= HANDS_FROM and on_postgresql(self._engine):
                    self._hands = self._hands or self._help()
                yield from ids
                after = ids[-1]

    def _page(self, programme_id: int, today: int, after: int, listed: int) -> list[int]:
        """Members with something due, by ascending id."""
        mark = "%s" if on_postgresql(self._engine) else "?"
        carried, over, values = "", "", (today, after)
        if programme_id in self._rolling:
            carried = " LEFT JOIN member_spans s ON s.member_id = d.member_id"
            # what had ended when the span began was written down by the entry that began it
            over = f" AND (s.ends_on IS NULL OR s.ends_on < {mark})"
            values += (today,)
        with reading(self._engine) as connection:
            return [row[0] for row in send(connection, (
                f"SELECT l.member_id FROM (SELECT DISTINCT d.member_id FROM lots d{carried}"
                f" WHERE d.remaining > 0 AND d.expires_on < {mark} AND d.member_id > {mark}"
                f"{over}) AS l"
                f" JOIN members m ON m.id = l.member_id WHERE m.programme_id = {mark}"
                f" ORDER BY l.member_id LIMIT {mark}"),
                (*values, programme_id, listed)).fetchall()]

    def _help(self) -> Hands:
        url = self._engine.url.render_as_string(hide_password=False)
        return Hands(HANDS, elsewhere, url, self._audit_key, self._books, self.now)

    def _expire_all(self, ids: list[int]) -> int:
        piece = PIECE if on_postgresql(self._engine) else len(ids)
        pieces = [ids[start:start + piece] for start in range(0, len(ids), piece)]
        done = (self._hands.share(pieces) if self._hands
                else [self._lapsing(each) for each in pieces])
        for each in done:
            for member_id, why in each.left:
                log.error("member %d %s: nothing of it expires; run the audit", member_id, why)
        return sum(each.members for each in done)

    def end(self) -> None:
        """Nothing more is done; who helped goes."""
        if self._hands:
            self._hands.end()
