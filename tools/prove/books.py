"""The ledger's own rows, read plainly: what was posted, whom it concerns, what still stands.

Law: entries, postings, lots and members' balances, and which taps HQ holds. No reply, no seal and
no outcome is believed: an outcome that claims a posting proves nothing.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Engine, func, or_, select

from gateway.database import reading
from gateway.tables import (
    accounts,
    entries,
    lot_movements,
    lots,
    members,
    outcomes,
    postings,
    refusals,
)
from protocol import codes
from tools.prove.story import Survived, TapKey

HQ = 0  # origin of HQ's verdicts
ISSUED = "merchant_issued"
# what a movement does to the points of a lot; the rest tells who pays for what ended
POINTS_OF_LOTS = ("delta", "held_delta", "drawn_delta", "expired_delta")


class Entry(NamedTuple):
    """A journal entry. `points`: what it gave its member (negative: took); `sums`: what its
    postings add up to in each unit, all of which must be 0. `by_hq`: posted by a verdict, `key`
    is the held message's. `issuers`: merchants whose account or whose lots it moved."""

    receipt: int
    kind: int
    key: TapKey
    by_hq: bool
    frame_hash: bytes
    member_id: int
    merchant_id: int
    amount_minor: int | None
    points: int
    sums: tuple[int, ...]
    dated_at_ms: int
    business_date: int
    issuers: frozenset[int] = frozenset()
    booked_on: int | None = None

    @property
    def day(self) -> int:
        """On which it was booked; its business date where nothing says otherwise."""
        return self.business_date if self.booked_on is None else self.booked_on


class MemberBooks(NamedTuple):
    """A member's row beside its lots."""

    available: int
    held: int
    debt: int
    lots_remaining: int
    lots_held: int


class Books(NamedTuple):
    """`entries` by receipt. `held`: messages HQ has still to judge."""

    entries: tuple[Entry, ...]
    members: dict[int, MemberBooks]
    held: frozenset[TapKey]


def read_books(engine: Engine) -> Books:
    """Everything, in one snapshot."""
    with reading(engine) as connection:
        own: dict[int, int] = {}
        balances: dict[int, tuple[int, int, int]] = {}
        for row in connection.execute(select(
                members.c.id, members.c.points_account_id, members.c.available, members.c.held,
                members.c.debt)):
            own[row[0]] = row[1]
            balances[row[0]] = row[2:]
        issued = {row[0]: row[1] for row in connection.execute(select(
            accounts.c.id, accounts.c.owner_id).where(accounts.c.kind == ISSUED))}
        lines: dict[int, list[tuple[int, int, int]]] = {}
        issuers: dict[int, set[int]] = {}
        for entry_id, *line in connection.execute(select(
                postings.c.entry_id, postings.c.account_id, postings.c.unit, postings.c.amount)):
            lines.setdefault(entry_id, []).append((line[0], line[1], line[2]))
            if line[0] in issued:
                issuers.setdefault(entry_id, set()).add(issued[line[0]])
        for entry_id, merchant_id in connection.execute(select(
                lot_movements.c.entry_id, lots.c.merchant_id).join(
                lots, lots.c.id == lot_movements.c.lot_id).where(or_(
                    *(lot_movements.c[name] != 0 for name in POINTS_OF_LOTS)))):
            issuers.setdefault(entry_id, set()).add(merchant_id)
        made = tuple(_entry(row, lines.get(row[0], ()), own.get(row[5]),
                            frozenset(issuers.get(row[0], ())))
                     for row in connection.execute(select(
                         entries.c.id, entries.c.kind, entries.c.origin, entries.c.operation_key,
                         entries.c.frame_hash, entries.c.member_id, entries.c.merchant_id,
                         entries.c.amount_minor, entries.c.dated_at,
                         entries.c.business_date,
                         entries.c.booked_on).order_by(entries.c.id)))
        in_lots = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(select(
            lots.c.member_id, func.sum(lots.c.remaining), func.sum(lots.c.held)
        ).group_by(lots.c.member_id))}
        judged = {key_of(HQ, row[0])[0] for row in connection.execute(
            select(outcomes.c.operation_key).where(outcomes.c.origin == HQ))}
        held = {key_of(row[0], row[1])[0] for row in connection.execute(
            select(outcomes.c.origin, outcomes.c.operation_key).where(
                outcomes.c.code == codes.HELD, outcomes.c.origin != HQ))}
    return Books(made, {member_id: MemberBooks(*row, *in_lots.get(member_id, (0, 0)))
                        for member_id, row in balances.items()}, frozenset(held - judged))


def survived(engine: Engine) -> Survived:
    """A short look right after a crash: handsets' messages only, without HQ's verdicts."""
    with reading(engine) as connection:
        posted = frozenset(key_of(row[0], row[1])[0] for row in connection.execute(
            select(entries.c.origin, entries.c.operation_key)) if row[0] != HQ)
        decided = {(key_of(row[0], row[1])[0], row[2]) for row in connection.execute(
            select(outcomes.c.origin, outcomes.c.operation_key, outcomes.c.code))
            if row[0] != HQ}
        refused = {((row[0], row[1], row[2]), row[3]) for row in connection.execute(select(
            refusals.c.terminal_id, refusals.c.journal, refusals.c.trace, refusals.c.code))}
    return Survived(posted, frozenset(decided | refused))


def key_of(origin: int, operation_key: bytes) -> tuple[TapKey, bool]:
    """The handset's message behind an operation key, and whether it is HQ's word on it."""
    by_hq = origin == HQ
    terminal = int.from_bytes(operation_key[:4], "big") if by_hq else origin
    pair = operation_key[4:] if by_hq else operation_key
    journal, trace = int.from_bytes(pair[:4], "big"), int.from_bytes(pair[4:], "big")
    return (terminal, journal, trace), by_hq


def _entry(row, lines: Collection[tuple[int, int, int]], account: int | None,
           issuers: frozenset[int]) -> Entry:
    sums: dict[int, int] = {}
    for _, unit, amount in lines:
        sums[unit] = sums.get(unit, 0) + amount
    points = sum(amount for account_id, _, amount in lines if account_id == account)
    return Entry(row[0], row[1], *key_of(row[2], row[3]), row[4], row[5], row[6], row[7], points,
                 tuple(sums.values()), row[8], row[9], issuers, row[10])
