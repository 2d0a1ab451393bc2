"""Outboxes beside the ledger: was every tap posted exactly once, and nothing that was not tapped?

Law: what was tapped is what the handsets' outboxes hold; what was posted is what the database's
entries and postings say. Neither the replies nor the gateway's own outcome rows are believed:
an outcome that claims a posting proves nothing. `compare` is pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from gateway.database import reading
from gateway.tables import entries, members, postings
from protocol import codes


class Tapped(NamedTuple):
    """A sale as its handset's outbox has it; code, points, receipt None while unanswered."""

    terminal_id: int
    journal: int
    trace: int
    amount_minor: int
    code: int | None
    points: int | None
    receipt: int | None

    @property
    def key(self) -> tuple[int, int, int]:
        return self.terminal_id, self.journal, self.trace


class Entry(NamedTuple):
    """A journal entry of a terminal: what it says was sold, and what its member got."""

    terminal_id: int
    journal: int
    trace: int
    receipt: int
    amount_minor: int | None
    points: int

    @property
    def key(self) -> tuple[int, int, int]:
        return self.terminal_id, self.journal, self.trace


class Tally(NamedTuple):
    """`posted`: exactly one entry that agrees in every figure. `duplicates`: entries beyond the
    first of a tap. `rejected`: final refusals. `missing`: neither. `untapped`: entries of these
    terminals that no outbox knows. `differing`: one entry, but other figures."""

    taps: int
    posted: int
    duplicates: int
    rejected: int
    missing: int
    untapped: int
    differing: int

    @property
    def exact(self) -> bool:
        return self.posted == self.taps and not (self.duplicates or self.untapped)


def compare(tapped: Sequence[Tapped], ledger: Iterable[Entry]) -> Tally:
    found: dict[tuple[int, int, int], list[Entry]] = {}
    for entry in ledger:
        found.setdefault(entry.key, []).append(entry)
    verdicts: Counter[str] = Counter()
    duplicates = 0
    for tap in tapped:
        mine = found.pop(tap.key, [])
        duplicates += max(len(mine) - 1, 0)
        verdicts[_verdict(tap, mine)] += 1
    return Tally(len(tapped), verdicts["posted"], duplicates, verdicts["rejected"],
                 verdicts["missing"], sum(map(len, found.values())), verdicts["differing"])


def _verdict(tap: Tapped, mine: Sequence[Entry]) -> str:
    if not mine:
        final = tap.code is not None and not codes.transient(tap.code)
        return "rejected" if final and tap.code != codes.APPROVED else "missing"
    entry = mine[0]
    told = (codes.APPROVED, entry.amount_minor, entry.points, entry.receipt)
    agree = (tap.code, tap.amount_minor, tap.points, tap.receipt) == told
    return "posted" if agree else "differing"


def read_entries(engine: Engine, terminals: Collection[int],
                 after_receipt: int = 0) -> list[Entry]:
    """Entries of these terminals with receipts above `after_receipt`, with their points."""
    points = (select(postings.c.entry_id, func.sum(postings.c.amount).label("points"))
              .join(entries, entries.c.id == postings.c.entry_id)
              .join(members, members.c.id == entries.c.member_id)
              .where(postings.c.account_id == members.c.points_account_id)
              .group_by(postings.c.entry_id).subquery())
    asked = (select(entries.c.origin, entries.c.operation_key, entries.c.id,
                    entries.c.amount_minor, func.coalesce(points.c.points, 0))
             .outerjoin(points, points.c.entry_id == entries.c.id)
             .where(entries.c.id > after_receipt, entries.c.origin.in_(list(terminals)))
             .order_by(entries.c.id))
    with reading(engine) as connection:
        return [Entry(row[0], int.from_bytes(row[1][:4], "big"),
                      int.from_bytes(row[1][4:], "big"), row[2], row[3], int(row[4]))
                for row in connection.execute(asked)]


def last_receipt(engine: Engine) -> int:
    """The highest receipt number so far; what comes later belongs to this run."""
    with reading(engine) as connection:
        return connection.execute(select(func.coalesce(func.max(entries.c.id), 0))).scalar_one()
