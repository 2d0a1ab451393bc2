"""The expiry job: what has ended in members' lots is written down, for members who do not come.

Law: an entry for each member that has something due, with an outcome of its own (origin -1, key
E || member || day), so that a day is done once, however often or by how many the job runs; what a
tap wrote down itself by then is not due any more. A chunk is one transaction: it locks its members
by ascending id as the intake does, reads their lots behind the locks, and commits; stopped after
any chunk the job goes on where it was. A member whose row does not fit its seal is left for the
audit.
"""

import logging
from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import Connection, Engine

from gateway import bulk, chain, storing
from gateway.book import JOBS, Posted
from gateway.catalogue import read_catalogue
from gateway.clock import business_day
from gateway.database import writing
from gateway.decisions.accounts import GRACE_DAYS
from gateway.entries import Source, by_itself
from gateway.keyring import Keyring
from gateway.ledger import Books, Member, derived, expire, spendable
from gateway.loading import MEMBER_COLUMNS, complete, read_lots
from gateway.parties import Catalogue, Programme
from gateway.statements import send
from gateway.tables import members
from protocol import codes

NOWHERE_IN_PARTICULAR = 0  # merchant, shop and terminal of an entry that came of no message

log = logging.getLogger("gateway.expiry")


def expire_lots(engine: Engine, keyring: Keyring, now: int, rows_max: int) -> int:
    """Expire what is due of up to `rows_max` members of one programme; how many members."""
    with writing(engine) as connection:
        catalogue = read_catalogue(connection)
        for programme in sorted(catalogue.programmes.values()):
            done = _expire(connection, keyring, catalogue, programme, now, rows_max)
            if done:
                return done
    return 0


def _expire(connection: Connection, keyring: Keyring, catalogue: Catalogue,
            programme: Programme, now: int, rows_max: int) -> int:
    today = business_day(now, programme.time_zone, programme.cutover_minutes)
    after = 0
    while True:
        ids = _due(connection, programme.id, today, after, rows_max)
        if not ids:
            return 0
        after = ids[-1]
        sound = _members(connection, keyring, ids, today)
        if sound:
            break
    books = Books(0, 0, programme.expired_account_id, today, GRACE_DAYS)
    made = [(_posted(member, books, now), _source(member.id, today, now)) for member in sound]
    numbers = storing.draw(connection, len(made), 0)
    done = by_itself(made, numbers, lambda link: chain.head(keyring.audit_key, link))
    storing.store_ledger(connection, keyring, done)
    storing.insert_outcomes(connection, keyring, [
        (source.origin, source.key, source.frame_hash, source.code, posted.draft.points, entry.id,
         now) for (posted, source), entry in zip(made, done.entries.values(), strict=True)])
    return len(made)


def _due(connection: Connection, programme_id: int, today: int, after: int,
         rows_max: int) -> list[int]:
    """Members with something due, by ascending id."""
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    return [row[0] for row in send(connection, (
        "SELECT DISTINCT l.member_id FROM lots l JOIN members m ON m.id = l.member_id"
        f" WHERE l.remaining > 0 AND l.expires_on < {mark} AND l.member_id > {mark}"
        f" AND m.programme_id = {mark} ORDER BY l.member_id LIMIT {mark}"),
        (today, after, programme_id, rows_max)).fetchall()]


def _members(connection: Connection, keyring: Keyring, ids: Sequence[int],
             today: int) -> list[Member]:
    """Those that still have something due, behind their locks; not who was tampered with."""
    keys = [(member_id,) for member_id in ids]
    rows = bulk.select(connection, members, (*MEMBER_COLUMNS, "derived_mac"), ("id",), keys,
                       lock=True)
    lots_of = read_lots(connection, keys)
    found: dict[int, Member] = {}
    for row in rows:
        member = Member(*row[:-1], lots=tuple(lots_of.get(row[0], ())))
        if not chain.same(row[-1], chain.seal(keyring.audit_key, "members", derived(member))):
            log.error("member %d is not what was sealed: nothing of it expires; run the audit",
                      member.id)
        elif spendable(member, today) < member.available:
            found[member.id] = member
    complete(connection, found, ())
    return list(found.values())


def _posted(member: Member, books: Books, now: int) -> Posted:
    return Posted(expire(member, books), NOWHERE_IN_PARTICULAR, NOWHERE_IN_PARTICULAR, None, None,
                  books.today, books.today, now, "{}")


def _source(member_id: int, today: int, now: int) -> Source:
    key = b"E" + member_id.to_bytes(8, "big") + today.to_bytes(4, "big")
    return Source(NOWHERE_IN_PARTICULAR, JOBS, key, sha256(key).digest(), codes.APPROVED, None,
                  now)
