"""Members: each one's chain, entry by entry, and the figures that follow from it (I3).

Law: entries are read in the order of their chain, a page in each snapshot; a member's row and lots
are compared in the same snapshot as the last of its entries, so that taps coming in meanwhile are
no findings. What is kept between pages is one member's sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, Row, Table

from gateway import chain
from gateway.audit import frozen, holds, spans, terminal_chains, totals
from gateway.audit.parts import Parts, marks_of, prove
from gateway.audit.reader import Work, beyond, raw
from gateway.audit.report import (
    EITHER,
    FORGED,
    RESTORE,
    ROLLED_BACK,
    chain_name,
    join_key,
)
from gateway.audit.totals import Totals
from gateway.ledger import Posting, balanced
from gateway.lots import NOWHERE, Move
from gateway.tables import (
    LOT_FACTS,
    MEMBER_DERIVED,
    entries,
    lot_movements,
    lots,
    members,
    outcomes,
    postings,
)

MEMBERS_PAGE = 200
MOVEMENT = Move._fields
_OPENED_BY = LOT_FACTS.index("opened_by")

Lines = Mapping[int, dict[int, tuple]]  # entry id -> line -> the rest of the row


@dataclass
class Walk:
    """What the entries read so far say of a member. `gapped`: some before are missing."""

    member_id: int
    befores: tuple[bytes, ...]
    seq: int = 0
    gapped: bool = False
    totals: Totals = field(default_factory=Totals)
    span: tuple[int, int] | None = None


class Page(NamedTuple):
    """Entries of one snapshot and the rows that belong to them."""

    entries: Sequence[Row]
    postings: Lines
    movements: Lines
    lots: Mapping[tuple, tuple]
    outcomes: Mapping[tuple, tuple]


def check(work: Work) -> None:
    """Every member, its chain, its lots and its balances."""
    walk: Walk | None = None
    after: tuple | None = None  # the last entry read of a member that may have more
    done: tuple[int] | None = None  # the last member that is finished with
    last = False
    while not last:
        with work.reader.snapshot() as connection:
            rows = connection.execute(raw(members).where(*beyond((members.c.id,), done))
                                      .order_by(members.c.id).limit(MEMBERS_PAGE)).all()
            through = rows[-1].id if len(rows) == MEMBERS_PAGE else None
            found = _entries(work, connection, after, done, through)
            after = _cut(work, found)
            cut = None if after is None else after[0]
            whole = {row.id: row for row in work.reader.sound(members, rows)
                     if cut is None or row.id < cut}
            page = _page(work, connection, found)
            holds.check_told(work, connection, page.entries)
            walks = _walk(work, page, walk)
            walk = None if cut is None else walks.pop(cut, None)
            _finish(work, connection, whole, walks)
            work.docket.checked("members", len(whole))
            last = through is None and cut is None
            done = (cut - 1,) if cut is not None else done if through is None else (through,)


def _entries(work: Work, connection: Connection, after: tuple | None, done: tuple | None,
             through: int | None) -> Sequence[Row]:
    """The next entries, of members up to `through`."""
    order = (entries.c.member_id, entries.c.chain_seq)
    behind = beyond(order, after) if after is not None else beyond(order[:1], done)
    ends = [] if through is None else [entries.c.member_id <= through]
    return connection.execute(raw(entries).where(*behind, *ends).order_by(*order)
                              .limit(work.reader.page_rows)).all()


def _cut(work: Work, found: Sequence[Row]) -> tuple | None:
    """Where the reading of a full page goes on: the last member in it may have more entries."""
    if len(found) < work.reader.page_rows or not isinstance(found[-1].member_id, int):
        return None
    return found[-1].member_id, found[-1].chain_seq


def _page(work: Work, connection: Connection, found: Sequence[Row]) -> Page:
    """Entries and the rows that belong to them."""
    work.docket.checked("entries", len(found))
    rows = work.reader.sound(entries, found)
    ids = sorted((row.id,) for row in rows)
    moved = _lines(work, connection, lot_movements, MOVEMENT, ids)
    lot_ids = sorted({(line[0],) for lines in moved.values() for line in lines.values()
                      if line[0] != NOWHERE})
    keys = sorted((row.origin, row.operation_key) for row in rows)
    return Page(rows,
                _lines(work, connection, postings, ("account_id", "unit", "amount"), ids), moved,
                work.reader.lookup(connection, lots, LOT_FACTS, ("id",), lot_ids),
                work.reader.lookup(connection, outcomes, ("entry_id", "frame_hash", "code"),
                                   ("origin", "operation_key"), keys))


def _lines(work: Work, connection: Connection, table: Table, columns: tuple[str, ...],
           ids: Sequence[tuple]) -> Lines:
    found: dict[int, dict[int, tuple]] = {}
    for row in work.reader.select(connection, table, ("entry_id", "line", *columns),
                                  ("entry_id",), ids):
        found.setdefault(row[0], {})[row[1]] = row[2:]
    return found


def _walk(work: Work, page: Page, walk: Walk | None) -> dict[int, Walk]:
    """The walks of the members in a page, `walk` carried on."""
    walks = {walk.member_id: walk} if walk is not None else {}
    for entry in page.entries:
        known = walks.get(entry.member_id)
        if known is None:
            known = walks[entry.member_id] = Walk(entry.member_id,
                                                  (chain.birth(entry.member_id),))
        _step(work, page, known, entry)
        _check_outcome(work, page, entry)
    return walks


def _step(work: Work, page: Page, walk: Walk, entry: Row) -> None:
    """One entry of a chain: its place, its parts, its links; then its sums join the walk's."""
    if entry.chain_seq <= walk.seq:
        work.docket.find("entries", str(entry.id), "outside its member's chain.", FORGED)
        return
    if entry.chain_seq > walk.seq + 1:
        _missing(work, walk, entry.chain_seq - 1)
        work.docket.find("entries", str(entry.id), "cannot be proved: the entry before it in its"
                         " member's chain is missing, or this one was moved there.", EITHER)
        walk.gapped, walk.befores = True, ()
    posted = page.postings.get(entry.id, {})
    moved = page.movements.get(entry.id, {})
    proof = prove(work.audit_key, entry, _parts(page, walk, entry, moved), walk.befores)
    for found in proof.findings:
        work.docket.find(*found)
    if not balanced(Posting(*posting) for posting in posted.values()):
        work.docket.find("entries", str(entry.id), "its postings do not sum to zero.", RESTORE)
    walk.seq, walk.befores = entry.chain_seq, proof.befores
    if not walk.gapped:
        spans.check_follows(work, entry, walk.span)
    walk.span = spans.told(entry.context) or walk.span
    moves = [Move(*line) for line in moved.values()]
    if not walk.gapped:
        frozen.check_step(work, entry, walk.totals.frozen, moves, page.lots)
    for account_id, _, amount in posted.values():
        walk.totals.post(account_id, amount)
    for move in moves:
        walk.totals.move(move)


def _missing(work: Work, walk: Walk, through: int) -> None:
    first = walk.seq + 1
    span = str(first) if first == through else f"{first} to {through}"
    work.docket.find(
        "entries", f"{chain_name(walk.member_id)} seq {span}",
        "missing from its chain.", RESTORE)


def _parts(page: Page, walk: Walk, entry: Row, moved: dict[int, tuple]) -> Parts:
    named = {movement[0] for movement in moved.values() if movement[0] != NOWHERE}
    facts = {lot_id: page.lots[lot_id,] for lot_id in named if (lot_id,) in page.lots}
    opened = {lot_id: held for lot_id, held in facts.items() if held[_OPENED_BY] == entry.id}
    marks = marks_of(entry.marks)
    if not walk.gapped and marks is not None and len(opened) < len(marks[2]):
        # one it opened says otherwise: it must be among those that were never moved before
        opened |= {lot_id: held for lot_id, held in facts.items()
                   if lot_id not in walk.totals.lots}
    return Parts(page.postings.get(entry.id, {}),
                 {line: chain.movement_part(move) for line, move in moved.items()},
                 {lot_id: chain.lot_part(held) for lot_id, held in opened.items()},
                 frozenset(named - facts.keys()))


def _check_outcome(work: Work, page: Page, entry: Row) -> None:
    key = entry.origin, entry.operation_key
    outcome = page.outcomes.get(key)
    if outcome is None:
        work.docket.find("outcomes", join_key(*key), f"missing, entry {entry.id} came of it.",
                         RESTORE)
    elif outcome != (entry.id, entry.frame_hash, entry.code):
        work.docket.find("outcomes", join_key(*key),
                         f"tells another story than entry {entry.id}, which came of it.", RESTORE)


def _finish(work: Work, connection: Connection, rows: Mapping[int, Row],
            walks: Mapping[int, Walk]) -> None:
    """Members whose last entry has been read, against what their entries add up to."""
    wanted = sorted({(member_id,) for member_id in rows})
    stored = totals.read(work, connection, wanted, [walk.totals for walk in walks.values()])
    carried = spans.of_members(work, connection, wanted)
    terminal_chains.check_walked(work, connection, {
        member_id: walk.totals.moved for member_id, walk in walks.items()
        if member_id < 0})
    for member_id in sorted(rows.keys() | {each for each in walks if each > 0}):
        walk = walks.get(member_id) or Walk(member_id, (chain.birth(member_id),))
        if member_id not in rows:
            work.docket.find("members", str(member_id), "missing, entries name it.", RESTORE)
            continue
        _check_chain_end(work, rows[member_id], walk)
        totals.check(work, rows[member_id], walk.totals, stored)
        spans.check_told(work, rows[member_id], walk.span, carried.get((member_id,)))
    frozen.check_rules(work, connection, [
        (rows[member_id].programme_id, walk.totals.frozen) for member_id, walk in walks.items()
        if member_id in rows])


def _check_chain_end(work: Work, row: Row, walk: Walk) -> None:
    """The seals of a member row, and whether the row and its chain end together."""
    member = str(row.id)
    derived = tuple(row._mapping[name] for name in MEMBER_DERIVED)
    if not chain.same(row.derived_mac, chain.seal(work.audit_key, "members", derived)):
        work.docket.find("members", member, "balances or chain head changed, they are not what"
                         " was sealed.", RESTORE)
    if not chain.same(row.name_mac, chain.seal(work.audit_key, "name",
                                               (row.id, row.masked_name))):
        work.docket.find("members", member, "masked name changed, it is not what was sealed.",
                         RESTORE)
    if row.chain_seq > walk.seq:
        _missing(work, walk, row.chain_seq)
    elif row.chain_seq < walk.seq:
        work.docket.find("members", member, f"older than its chain, which goes on to"
                         f" {walk.seq}: the row says {row.chain_seq}.", ROLLED_BACK)
    elif walk.befores and row.chain_link not in walk.befores:
        work.docket.find("members", member, "its chain link is not that of its last entry.",
                         RESTORE)
    if not chain.same(row.chain_head, chain.head(work.audit_key, row.chain_link)):
        work.docket.find("members", member, "its chain head is not the seal of its chain link.",
                         RESTORE)
