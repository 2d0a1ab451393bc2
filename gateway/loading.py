"""The rows a batch needs, read in the one order that is safe under concurrency.

Law (DESIGN 6.2): *resolve* unlocked which members are meant; *lock* terminals, then members, one
table a statement, by ascending id; *read* everything mutable only now, each in a statement of its
own behind the locks: config version, cards, outcomes, refusals, quarantine, journals, lots. At
READ COMMITTED a statement that waits for a lock still sees the rest of its tables as they were
before the wait; that is why locking and reading are never one statement. A card whose member
changed between resolve and read, or a void's original that posted meanwhile, means `LinkMoved`:
roll back and begin again. Locked are the terminals of originals too: whatever becomes of a
message becomes so under its terminal's lock. Where somebody logs in, the tries of that operator
are locked, last of all.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from gateway import (
    batch_rows,
    bulk,
    chain,
    commanded,
    days,
    gaps,
    logins,
    on_hold_rows,
    originals,
    sightings,
    terminal_chains,
)
from gateway.book import Book, Journal, Loaded
from gateway.catalogue import read_catalogue
from gateway.decisions.causes import identity_of
from gateway.effects import Original
from gateway.errors import LinkMoved
from gateway.keyring import Keyring
from gateway.lot_rows import complete, read_lots
from gateway.member import Member, derived
from gateway.message import Key, Message
from gateway.originals import HANDSET_KEY, NAMING
from gateway.parties import Card, Catalogue, Terminal
from gateway.seen_rows import read_seen
from gateway.tables import (
    cards,
    held_dates,
    member_spans,
    members,
    terminals,
)
from gateway.validity import NO_SPAN, Span
from protocol.messages import REDEMPTION, SALE

TERMINAL_COLUMNS = Terminal._fields
CARD_COLUMNS = Card._fields
MEMBER_COLUMNS = Member._fields[:Member._fields.index("lots")]
JOURNAL_COLUMNS = Journal._fields


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
        bulk.keys({message.terminal_id for message in batch} | wanted.terminals), lock=lock)}
    nobodies = _walk_ins(batch) | {found for found in wanted.members if found < 0}
    member_ids = bulk.keys({found for found in resolved.values() if found is not None}
                       | (wanted.members - nobodies))
    member_rows = bulk.select(connection, members, (*MEMBER_COLUMNS, "derived_mac"), ("id",),
                              member_ids, lock=lock) if member_ids else []
    behind = read_seen(connection, batch, wanted, member_ids)
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
    misdrawn = complete(connection, found_members, named.values(), commanded.lots_of(batch),
                        _touched(batch, resolved, named.values(), found_members))
    broken |= {("members", member_id) for member_id in misdrawn}
    closing = batch_rows.read(connection, audit_key, batch, behind.batches)
    broken |= {("batches", *place) for place in closing.forged}
    found_holds, forged_holds = on_hold_rows.read(connection, audit_key, named.values())
    broken |= {("holds", entry_id) for entry_id in forged_holds}
    open_days, forged_days = days.opened(audit_key, behind.open_days)
    broken |= {("open_days", programme_id) for programme_id in forged_days}
    found_tries, forged_tries = logins.read_tries(connection, audit_key, batch, catalogue,
                                                  held_terminals, lock=lock)
    broken |= {("operator_tries", operator_id) for operator_id in forged_tries}
    book = Book(catalogue, now, terminals=held_terminals, cards=found_cards,
                members=found_members, journals=found_journals, broken=frozenset(broken),
                originals=named, receipts=dict(wanted.receipts),
                missing=gaps.missing(connection, batch, found_journals),
                sightings=found_sightings, dates=_read_dates(connection, batch),
                taps=closing.taps, batches=closing.batches, open_days=open_days,
                holds=found_holds, tries=found_tries,
                owed_since=commanded.owed_since(connection, batch, found_members, catalogue, now))
    return Loaded(book, seen)


def _wanted_cards(batch: Sequence[Message]) -> list[tuple]:
    return bulk.keys({identity_of(card) for card in
                  (message.request.card for message in batch) if card is not None})


def _touched(batch: Sequence[Message], resolved: Mapping[str, int | None],
             named: Iterable[Original], found: Mapping[int, Member]) -> set[int]:
    """Members from whom a batch takes back what it may have touched itself: it redeems points of
    theirs, or what is taken back is a tap of this batch and may have joined a lot that was, or
    one that takes something back is itself taken back by another."""
    def member(message: Message) -> int | None:
        card = message.request.card
        return None if card is None or message.fault else resolved.get(identity_of(card))

    taps = {(each.origin, each.key): each for each in batch if each.request.card is not None}
    naming = {(each.origin, each.key): each for each in batch
              if each.request.type in NAMING and not each.fault}
    own = {member(taps[each.original_key]) for each in naming.values()
           if each.original_key in taps}
    undoing = any(each.original_key in naming for each in naming.values())
    back = own | {each.made.member_id for each in named if each.made is not None}
    redeeming = {member(each) for each in batch if each.request.type == REDEMPTION}
    return {each for each in found.keys() & back if undoing or each in redeeming
            or each in own and not all(lot.untouched(0) for lot in found[each].lots)}


def _walk_ins(batch: Sequence[Message]) -> set[int]:
    """The chains of terminals that sold something to nobody."""
    return {-message.terminal_id for message in batch
            if message.request.type == SALE and message.request.card is None
            and not message.fault}


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


