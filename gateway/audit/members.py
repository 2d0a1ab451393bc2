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
from gateway.audit import holds, spans, terminal_chains
from gateway.audit.parts import Parts, marks_of, prove
from gateway.audit.reader import Work, beyond, raw
from gateway.audit.report import (
    EITHER,
    FORGED,
    RECOMPUTE,
    RESTORE,
    ROLLED_BACK,
    chain_name,
    join_key,
)
from gateway.ledger import Posting, balanced
from gateway.lots import NOWHERE, Move
from gateway.tables import (
    DERIVED,
    LOT_FACTS,
    MEMBER_DERIVED,
    draws,
    entries,
    lot_movements,
    lots,
    members,
    outcomes,
    postings,
)

MEMBERS_PAGE = 200
LOT_FIGURES = DERIVED["lots"]
MOVEMENT = Move._fields
_OPENED_BY = LOT_FACTS.index("opened_by")

Lines = Mapping[int, dict[int, tuple]]  # entry id -> line -> the rest of the row


class Sums(NamedTuple):
    """What a lot's movements add up to, in the order of `LOT_FIGURES`."""

    issued: int = 0
    remaining: int = 0
    held: int = 0
    expired: int = 0
    paid: int = 0


@dataclass
class Walk:
    """What the entries read so far say of a member. `gapped`: some before are missing."""

    member_id: int
    befores: tuple[bytes, ...]
    seq: int = 0
    gapped: bool = False
    amounts: dict[int, int] = field(default_factory=dict)  # by account
    lots: dict[int, Sums] = field(default_factory=dict)
    # (drawn, held, away, instead) by taker and lot
    draws: dict[tuple[int, int], tuple[int, int, int, int]] = field(default_factory=dict)
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
    for account_id, _, amount in posted.values():
        walk.amounts[account_id] = walk.amounts.get(account_id, 0) + amount
    for line in moved.values():
        _add(walk, Move(*line))


def _add(walk: Walk, move: Move) -> None:
    if move.lot_id != NOWHERE:
        known = walk.lots.get(move.lot_id, Sums())
        walk.lots[move.lot_id] = Sums(
            known.issued + sum(move[1:5]), known.remaining + move.delta,
            known.held + move.held_delta, known.expired + move.expired_delta,
            known.paid + move.paid_delta)
    if move.taker is not None:
        key = move.taker, move.lot_id
        drawn, held, away, instead = walk.draws.get(key, (0, 0, 0, 0))
        walk.draws[key] = (drawn + move.drawn_delta, held + move.held_delta,
                           away + move.paid_delta, instead + move.instead_delta)


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
        opened |= {lot_id: held for lot_id, held in facts.items() if lot_id not in walk.lots}
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
    ids = sorted({(lot_id,) for walk in walks.values() for lot_id in walk.lots})
    held = work.reader.lookup(connection, lots, LOT_FIGURES, ("id",), ids)
    wanted = sorted({(member_id,) for member_id in rows})
    drawn, carried = _draws_of(work, connection, wanted), spans.of_members(
        work, connection, wanted)
    terminal_chains.check_walked(work, connection, {
        member_id: bool(walk.lots or walk.draws) for member_id, walk in walks.items()
        if member_id < 0})
    for member_id in sorted(rows.keys() | {each for each in walks if each > 0}):
        walk = walks.get(member_id) or Walk(member_id, (chain.birth(member_id),))
        if member_id not in rows:
            work.docket.find("members", str(member_id), "missing, entries name it.", RESTORE)
            continue
        _check_lots(work, walk, held)
        _check_chain_end(work, rows[member_id], walk)
        _check_balances(work, rows[member_id], walk, held)
        _check_draws(work, member_id, walk, drawn.get(member_id, {}))
        spans.check_told(work, rows[member_id], walk.span, carried.get((member_id,)))


def _draws_of(work: Work, connection: Connection,
              ids: Sequence[tuple]) -> dict[int, dict[tuple, tuple]]:
    """(points, held, away, instead) by member, then by taker and lot."""
    found: dict[int, dict[tuple, tuple]] = {}
    for row in work.reader.select(connection, draws, ("member_id", "taker", "lot_id",
                                                      *DERIVED["draws"]), ("member_id",), ids):
        found.setdefault(row[0], {})[row[1:3]] = row[3:]
    return found


def _check_lots(work: Work, walk: Walk, held: Mapping[tuple, tuple]) -> None:
    for lot_id, sums in walk.lots.items():
        stored = held.get((lot_id,))
        if stored is None:
            continue  # named by the entry that opened it
        for name, figure, summed in zip(LOT_FIGURES, stored, sums, strict=True):
            if figure != summed or figure < 0:
                work.docket.find("lots", str(lot_id), f"{name} is {figure}, its movements add up"
                                 f" to {summed}.", RECOMPUTE)


def _check_draws(work: Work, member_id: int, walk: Walk, stored: Mapping[tuple, tuple]) -> None:
    summed = {key: (drawn + held, int(held > 0), away, instead)
              for key, (drawn, held, away, instead) in walk.draws.items()}
    nothing = (0, 0, 0, 0)
    for key in sorted(summed.keys() | stored.keys()):
        row, sums = stored.get(key, nothing), summed.get(key, nothing)
        if key not in summed:
            work.docket.find("draws", join_key(member_id, *key), "no movement made it.", FORGED)
        elif key not in stored:
            work.docket.find("draws", join_key(member_id, *key), "missing, movements tell of it.",
                             RECOMPUTE)
        for name, figure, total in zip(DERIVED["draws"], row, sums, strict=True):
            if figure != total:
                work.docket.find("draws", join_key(member_id, *key), f"{name} is {figure}, its"
                                 f" movements add up to {total}.", RECOMPUTE)


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


def _check_balances(work: Work, row: Row, walk: Walk, held: Mapping[tuple, tuple]) -> None:
    """I3: balances, lots and postings of one member say the same."""
    mine = [held[lot_id,] for lot_id in walk.lots if (lot_id,) in held]
    posted = walk.amounts.get(row.points_account_id, 0)
    rules = (("available", row.available, sum(lot[1] for lot in mine), "its lots' remaining"),
             ("held", row.held, sum(lot[2] for lot in mine), "its lots' held"),
             ("debt", row.debt, sum(each[0] for (_, lot_id), each in walk.draws.items()
                                    if lot_id == NOWHERE), "its uncovered draws"),
             ("available + held - debt", row.available + row.held - row.debt, posted,
              "its postings"))
    for name, figure, summed, what in rules:
        if figure != summed:
            work.docket.find("members", str(row.id),
                             f"{name} is {figure}, {what} add up to {summed}.", RECOMPUTE)
    if min(row.available, row.held, row.debt) < 0:
        work.docket.find("members", str(row.id), "a balance is below zero.", RECOMPUTE)
