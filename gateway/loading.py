"""The rows a batch needs, read in the one order that is safe under concurrency.

Law (DESIGN 6.2): *resolve* unlocked which members are meant; *lock* terminals, then members, one
table a statement, by ascending id; *read* everything mutable only now, each in a statement of its
own behind the locks: config version, cards, outcomes, refusals, quarantine, journals, lots. At
READ COMMITTED a statement that waits for a lock still sees the rest of its tables as they were
before the wait; that is why locking and reading are never one statement. A card whose member
changed between resolve and read, or a void's original that posted meanwhile, means `LinkMoved`:
roll back and begin again. Locked are the terminals of originals too: whatever becomes of a
message becomes so under its terminal's lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection

from gateway import (
    batch_rows,
    bulk,
    chain,
    commanded,
    days,
    gaps,
    on_hold_rows,
    originals,
    sightings,
    terminal_chains,
)
from gateway.book import (
    NOTHING,
    Book,
    Journal,
    Key,
    Loaded,
    Made,
    Message,
    Original,
    Outcome,
    Refusal,
    Seen,
    operation_key,
)
from gateway.catalogue import read_catalogue
from gateway.clock import month_of
from gateway.decisions.causes import identity_of
from gateway.errors import LinkMoved
from gateway.keyring import Keyring
from gateway.ledger import ACCRUAL, Member, derived
from gateway.lots import NOWHERE, Draw, Lot
from gateway.originals import FRAME_KEY, HANDSET_KEY, Taken, Wanted
from gateway.parties import Card, Catalogue, Terminal
from gateway.spans import kept_by
from gateway.statements import send
from gateway.tables import (
    cards,
    draws,
    frames,
    held_dates,
    journals,
    lots,
    member_spans,
    members,
    outcomes,
    refusals,
    reversals,
    terminals,
)
from gateway.tables import sightings as sightings_rows
from gateway.validity import NO_SPAN, Span
from protocol import codes
from protocol.messages import SALE

TERMINAL_COLUMNS = Terminal._fields
CARD_COLUMNS = Card._fields
MEMBER_COLUMNS = Member._fields[:Member._fields.index("lots")]
LOT_COLUMNS = Lot._fields
DRAW_COLUMNS = ("member_id", *Draw._fields)
JOURNAL_COLUMNS = Journal._fields


class _Behind(NamedTuple):
    """What `_read_seen` finds: the config version, what became of these messages before, what took
    originals back, rows of journals and sightings, batches closed behind originals,
    members' spans, open days."""

    version: int
    seen: Seen
    taken: Taken
    journals: list[tuple]
    sightings: list[tuple]
    batches: list[tuple]
    spans: list[tuple]
    open_days: list[tuple]


class CatalogueCache:
    """The catalogue of the newest version read; shared by threads, replaced as a whole."""

    def __init__(self) -> None:
        self._held: Catalogue | None = None

    def at(self, connection: Connection, version: int) -> Catalogue:
        held = self._held
        if held is None or held.version != version:
            held = self._held = read_catalogue(connection)
        return held


def load(connection: Connection, cache: CatalogueCache, batch: Sequence[Message],
         now: int, keyring: Keyring, *, lock: bool = True) -> Loaded:
    """Everything the decisions of a batch may read, under its locks; without `lock` only to
    look at: nothing may be stored on it."""
    audit_key = keyring.audit_key
    identities = _wanted_cards(batch)
    resolved = {row[0]: row[1] for row in bulk.select(
        connection, cards, ("identity", "member_id"), ("identity",), identities)
    } if identities else {}
    wanted = originals.resolve(connection, batch)
    held_terminals = {row[0]: Terminal(*row) for row in bulk.select(
        connection, terminals, TERMINAL_COLUMNS, ("id",),
        _keys({message.terminal_id for message in batch} | wanted.terminals), lock=lock)}
    nobodies = _walk_ins(batch) | {found for found in wanted.members if found < 0}
    member_ids = _keys({found for found in resolved.values() if found is not None}
                       | (wanted.members - nobodies))
    member_rows = bulk.select(connection, members, (*MEMBER_COLUMNS, "derived_mac"), ("id",),
                              member_ids, lock=lock) if member_ids else []
    behind = _read_seen(connection, batch, wanted, member_ids)
    seen, gone = behind.seen, behind.taken
    catalogue = cache.at(connection, behind.version)
    found_cards = {row[1]: Card(*row) for row in bulk.select(
        connection, cards, CARD_COLUMNS, ("identity",), identities)} if identities else {}
    if {card.identity: card.member_id for card in found_cards.values()} != resolved:
        raise LinkMoved("A card changed its member meanwhile. Nothing was stored.")
    lots_of = read_lots(connection, member_ids)
    spans = {row[0]: _span(audit_key, row) for row in behind.spans}
    found_members = {row[0]: Member(*row[:-1], lots=tuple(lots_of.get(row[0], ())),
                                    span=spans.get(row[0]) or NO_SPAN) for row in member_rows}
    found_journals = {(row[0], row[1]): Journal(*row[:-1]) for row in behind.journals}
    broken = {("members", row[0]) for row in member_rows if not chain.same(
        row[-1], chain.seal(audit_key, "members", derived(found_members[row[0]])))}
    broken |= {("members", member_id) for member_id, span in spans.items() if span is None}
    chains, forged_chains = terminal_chains.read(connection, audit_key, nobodies)
    found_members |= chains
    broken |= {("members", chain_id) for chain_id in forged_chains}
    broken |= {("journals", row[0], row[1]) for row in behind.journals if not chain.same(
        row[-1], chain.seal(audit_key, "journals", tuple(row[:-1])))}
    found_sightings = {row[0]: sightings.read(*row[:-1]) for row in behind.sightings if chain.same(
        row[-1], chain.seal(audit_key, "sightings", tuple(row[:-1])))}
    broken |= {("sightings", terminal_id) for terminal_id in held_terminals
               if terminal_id not in found_sightings}
    named, forged = originals.read(connection, keyring, wanted, seen.outcomes, gone, found_members)
    broken |= {("entries", entry_id) for entry_id in forged}
    broken |= {("reversals", *key) for key in originals.forged(audit_key, gone)}
    complete(connection, found_members, named.values(), commanded.lots_of(batch))
    closing = batch_rows.read(connection, audit_key, batch, behind.batches)
    broken |= {("batches", *place) for place in closing.forged}
    found_holds, forged_holds = on_hold_rows.read(connection, audit_key, named.values())
    broken |= {("holds", entry_id) for entry_id in forged_holds}
    open_days, forged_days = days.opened(audit_key, behind.open_days)
    broken |= {("open_days", programme_id) for programme_id in forged_days}
    book = Book(catalogue, now, terminals=held_terminals, cards=found_cards,
                members=found_members, journals=found_journals, broken=frozenset(broken),
                originals=named, receipts=dict(wanted.receipts),
                missing=gaps.missing(connection, batch, found_journals),
                sightings=found_sightings, dates=_read_dates(connection, batch),
                taps=closing.taps, batches=closing.batches, open_days=open_days,
                holds=found_holds,
                owed_since=commanded.owed_since(connection, batch, found_members, catalogue, now))
    return Loaded(book, seen)


def _keys(values: Iterable) -> list[tuple]:
    return [(value,) for value in sorted(values)]


def _wanted_cards(batch: Sequence[Message]) -> list[tuple]:
    return _keys({identity_of(card) for card in
                  (message.request.card for message in batch) if card is not None})


_SOONEST = itemgetter(LOT_COLUMNS.index("expires_on"), LOT_COLUMNS.index("id"))


def _walk_ins(batch: Sequence[Message]) -> set[int]:
    """The chains of terminals that sold something to nobody."""
    return {-message.terminal_id for message in batch
            if message.request.type == SALE and message.request.card is None
            and not message.fault}


def read_lots(connection: Connection, member_ids: list[tuple]) -> dict[int, list[Lot]]:
    found: dict[int, list[Lot]] = {}
    if member_ids:
        for row in bulk.select(connection, lots, LOT_COLUMNS, ("member_id",), member_ids,
                               also=" AND (remaining > 0 OR held > 0)"):
            lot = Lot._make(row)
            found.setdefault(lot.member_id, []).append(lot)
    for of_member in found.values():
        if len(of_member) > 1:
            of_member.sort(key=_SOONEST)
    return found


def read_spans(connection: Connection, audit_key: bytes,
               member_ids: list[tuple]) -> dict[int, Span | None]:
    """How far members' lots are carried on, for those that ever had a span; None where the row is
    not what was sealed."""
    rows = bulk.select(connection, member_spans, ("member_id", "begins_on", "ends_on", "row_mac"),
                       ("member_id",), member_ids) if member_ids else ()
    return {row[0]: _span(audit_key, row) for row in rows}


def _span(audit_key: bytes, row: Sequence) -> Span | None:
    fits = chain.same(row[-1], chain.seal(audit_key, "member_spans", tuple(row[:-1])))
    return Span(*row[1:-1]) if fits else None


def _spent(member: Member, made: Made) -> bool:
    """Whether taking this entry back may need more than the member's living lots: it took points
    itself, or what it gave is not there as it was given."""
    untouched = {lot.id for lot in member.lots if lot.issued == lot.remaining and not lot.paid}
    if member.nobody:
        return False  # it has no points at all
    return made.kind != ACCRUAL or not {move.lot_id for move in made.movements} <= untouched


def complete(connection: Connection, found: dict[int, Member],
              named: Iterable[Original], lot_ids: Mapping[int, int] = NOTHING) -> None:
    """What taking back or covering debt needs beyond living lots: the draws of members in debt and
    of those from whom something is taken back that was spent, the lots behind them, and the lots
    that stand in for those. `lot_ids`: by member, the lot that HQ extends. No statement where
    there are none, two otherwise."""
    made = [part for each in named for part in (each.made, *(
        refund.made for refund in each.refunds)) if part is not None]
    member_ids = {member.id for member in found.values() if member.debt}
    member_ids |= {each.member_id for each in made
                   if _spent(found[each.member_id], each)}
    member_ids |= found.keys() & lot_ids.keys()
    if not member_ids:
        return
    draws_of: dict[int, list[Draw]] = {}
    for row in bulk.select(connection, draws, DRAW_COLUMNS, ("member_id",), _keys(member_ids),
                           also=" AND (points > 0 OR away > 0)"):
        draws_of.setdefault(row[0], []).append(Draw(
            row[1], row[2], row[3], bool(row[4]), row[5], row[6]))
    wanted = {move.lot_id for each in made for move in each.movements}
    wanted |= {draw.lot_id for of_member in draws_of.values() for draw in of_member}
    wanted |= set(lot_ids.values())
    wanted.discard(NOWHERE)
    more: dict[int, dict[int, Lot]] = {}
    if wanted:
        by_id, values = bulk.matching(connection, lots, "id", _keys(wanted))
        standing_in = by_id.replace("id", "replaces", 1)
        for row in send(connection, f"SELECT {','.join(LOT_COLUMNS)} FROM lots WHERE {by_id}"
                        f" OR {standing_in}", values + values).fetchall():
            lot = Lot(*row)
            more.setdefault(lot.member_id, {})[lot.id] = lot
    for member_id in member_ids:
        member = found[member_id]
        known = {lot.id for lot in member.lots}
        behind = [lot for lot in more.get(member_id, {}).values() if lot.id not in known]
        found[member_id] = member._replace(lots=(*member.lots, *behind),
                                           draws=tuple(draws_of.get(member_id, ())))


def _read_seen(connection: Connection, batch: Sequence[Message], wanted: Wanted,
               member_ids: list[tuple]) -> _Behind:
    """What is read behind the locks of every batch, in one statement."""
    keys = sorted({(message.origin, message.key) for message in batch if message.request.trace
                   or message.command or message.hold} | wanted.outcome_keys)
    hashes = _keys({message.frame_hash for message in batch})
    by_hash, hash_values = bulk.matching(connection, refusals, "frame_hash", hashes)
    # the casts give PostgreSQL the types of the columns; SQLite has no use for them
    parts = ["SELECT 0, value, CAST(NULL AS BYTEA), CAST(NULL AS BYTEA), 0, CAST(NULL AS BIGINT),"
             " CAST(NULL AS BIGINT), CAST(0 AS BIGINT), CAST(NULL AS BYTEA) FROM counters"
             " WHERE name = 'config'",
             "SELECT 2, NULL, NULL, frame_hash, code, NULL, NULL, decided_at, box"
             f" FROM refusals WHERE {by_hash}",
             "SELECT 3, NULL, NULL, frame_hash, 0, NULL, NULL, 0, NULL"
             f" FROM quarantine WHERE {by_hash} AND state = 'quarantined'"]
    values = hash_values + hash_values
    if keys:
        by_key, key_values = bulk.sought(connection, outcomes, HANDSET_KEY, keys)
        parts.append("SELECT 1, origin, operation_key, frame_hash, code, points, entry_id,"
                     f" decided_at, NULL FROM {by_key}")
        values += key_values
    if wanted.keys:
        by_key, key_values = bulk.sought(connection, reversals, HANDSET_KEY,
                                         sorted(wanted.keys))
        parts.append("SELECT 4, origin, operation_key, by_key, seq, by_origin, NULL, 0, row_mac"
                     f" FROM {by_key}")
        values += key_values
        later, key_values = batch_rows.later_closes(connection, sorted(wanted.keys))
        parts.append("SELECT 7, t.terminal_id, t.operation_key, t.record, 0, t.first_trace,"
                     f" t.last_trace, t.closed_at, t.row_mac FROM {later}")
        values += key_values
    place_keys = sorted(
        {(message.terminal_id, message.request.journal) for message in batch}
        | {kept[:2] for kept in map(kept_by, batch) if kept is not None})
    by_place, place_values = bulk.sought(connection, journals, ("terminal_id", "journal"),
                                         place_keys)
    by_terminal, terminal_values = bulk.matching(
        connection, sightings_rows, "terminal_id", _keys({key[0] for key in place_keys}))
    parts += ["SELECT 5, terminal_id, NULL, NULL, 0, journal, highest_trace, outcomes, row_mac"
              f" FROM {by_place}",
              "SELECT 6, terminal_id, memory, NULL, 0, known_since, trusted_at, 0, row_mac"
              f" FROM sightings WHERE {by_terminal}",
              "SELECT 9, programme_id, NULL, NULL, 0, open_on, 0, 0, row_mac FROM open_days"]
    values += place_values + terminal_values
    if member_ids:
        by_member, member_values = bulk.matching(connection, member_spans, "member_id", member_ids)
        parts.append("SELECT 8, member_id, NULL, NULL, 0, begins_on, ends_on, 0, row_mac"
                     f" FROM member_spans WHERE {by_member}")
        values += member_values
    version = 0
    journal_rows: list[tuple] = []
    sighting_rows: list[tuple] = []
    batch_rows_found: list[tuple] = []
    span_rows: list[tuple] = []
    open_rows: list[tuple] = []
    found: dict[Key, Outcome] = {}
    refused: dict[bytes, Refusal] = {}
    quarantined: set[bytes] = set()
    gone: dict[Key, list[tuple[int, Key, bytes]]] = {}
    for kind, *row in send(connection, " UNION ALL ".join(parts), values).fetchall():
        if kind == 0:
            version = row[0]
        elif kind == 1:
            outcome = Outcome(*row[:-1])
            found[outcome.origin, outcome.key] = outcome
        elif kind == 2:
            refused[row[2]] = Refusal(row[2], row[3], row[6], row[7])
        elif kind == 3:
            quarantined.add(row[2])
        elif kind == 4:
            gone.setdefault((row[0], row[1]), []).append((row[3], (row[4], row[2]), row[7]))
        elif kind == 5:
            journal_rows.append((row[0], *row[4:]))
        elif kind == 8:
            span_rows.append((row[0], row[4], row[5], row[7]))
        elif kind == 6:
            sighting_rows.append((row[0], row[4], row[5], row[1], row[7]))
        elif kind == 7:
            batch_rows_found.append((row[0], row[1], *row[4:7], row[2], row[7]))
        else:
            open_rows.append((row[0], row[4], row[7]))
    seen = Seen(found, refused, frozenset(quarantined), _read_boxes(connection, batch, found),
                *_read_refused(connection, batch, found))
    return _Behind(version, seen, gone, journal_rows, sighting_rows, batch_rows_found, span_rows,
                   open_rows)


def _read_dates(connection: Connection,
                batch: Sequence[Message]) -> dict[Key, tuple[int, int, int, int]]:
    """The dates of the held messages that HQ has its word on; no statement without any."""
    wanted = sorted({message.held_key for message in batch
                     if message.by_hq and not message.command and not message.hold})
    if not wanted:
        return {}
    columns = (*HANDSET_KEY, "dated_at", "earliest", "latest", "quality")
    return {tuple(row[:2]): tuple(row[2:]) for row in bulk.select(
        connection, held_dates, columns, HANDSET_KEY, wanted)}


def _read_refused(connection: Connection, batch: Sequence[Message],
                  found: dict[Key, Outcome]) -> tuple[frozenset[Key], frozenset[Key]]:
    """(tombstones of the batch to which a frame has come before, keys that its voids name in their
    own journal and under which several frames came); no statement without either."""
    tombs = {(message.origin, message.key) for message in batch
             if (message.origin, message.key) in found
             and found[message.origin, message.key].code == codes.VOIDED}
    named = {key for key in (message.own_original for message in batch if not message.fault)
             if key is not None}
    wanted = sorted((terminal_id, int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big"))
                    for terminal_id, key in tombs | named)
    if not wanted:
        return frozenset(), frozenset()
    columns = ("terminal_id", "journal", "trace")
    rows = [(row[0], operation_key(row[1], row[2]), row[3]) for row in bulk.select(
        connection, refusals, (*columns, "code"), columns, wanted)]
    return (frozenset(row[:2] for row in rows if row[2] == codes.VOIDED),
            frozenset(row[:2] for row in rows if row[2] == codes.TRACE_CONFLICT))


def _read_boxes(connection: Connection, batch: Sequence[Message],
                found: dict[Key, Outcome]) -> dict[Key, bytes]:
    """The stored boxes of messages that come again; no statement when there are none."""
    wanted = set()
    for message in batch:
        outcome = found.get((message.origin, message.key))
        if outcome is not None and outcome.frame_hash == message.frame_hash:
            wanted.add((month_of(outcome.decided_at), outcome.origin, outcome.key))
    if not wanted:
        return {}
    rows = bulk.select(connection, frames, (*HANDSET_KEY, "box"), FRAME_KEY, sorted(wanted))
    return {(row[0], row[1]): row[2] for row in rows}


