"""Entries get their numbers, links and heads: the step between deciding and storing. Pure.

Law: in the order of the batch, so that a member's second entry links to the first; a lot opened
by the batch gets its real id here, and everything that named it by its provisional one follows.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gateway import chain
from gateway.book import Book
from gateway.effects import Posted
from gateway.judging import OUTCOME, Case
from gateway.lots import FACTS_SIZE, TAKER, Draw, Lot, Move
from gateway.member import Member
from gateway.validity import Span


class Source(NamedTuple):
    """Of what an entry came: what its row says of it."""

    terminal_id: int
    origin: int
    key: bytes
    frame_hash: bytes
    code: int
    at_claimed: int | None
    received_at: int


class Entry(NamedTuple):
    """Rows of one entry: `row` without link and head, in the order of tables.ENTRY_LINKED."""

    id: int
    row: tuple
    postings: tuple[tuple, ...]
    movements: tuple[tuple, ...]
    link: bytes
    head: bytes


class Numbers(NamedTuple):
    """Fresh ids: one for each entry and one for each lot opened, in order."""

    entries: Sequence[int]
    lots: Sequence[int]


class Ledgered(NamedTuple):
    """All that the batch did to the ledger. `draws` by (member, taker, lot). `heads[i]`: the chain
    head to show in reply i. `spans`: those that are others now, by member."""

    entries: dict[int, Entry]
    lots: dict[int, Lot]
    draws: dict[tuple[int, int, int], Draw]
    members: dict[int, Member]
    heads: dict[int, bytes]
    spans: dict[int, Span]


def needed(cases: Sequence[Case]) -> tuple[int, int]:
    """How many entry and lot numbers the cases need."""
    drafts = [case.decision.posted.draft for case in cases if case.decision.posted is not None]
    return len(drafts), sum(len(draft.opened) for draft in drafts)


def number(cases: Sequence[Case], book: Book, numbers: Numbers,
           head_of: Callable[[bytes], bytes]) -> Ledgered:
    """The entries of the cases with their numbers. `head_of` seals a link (chain.head)."""
    entry_ids, lot_ids = iter(numbers.entries), iter(numbers.lots)
    named = _Named({}, {})
    done = Ledgered({}, {}, {}, {}, {}, {})
    chains: dict[int, tuple[bytes, bytes]] = {}
    for place, case in enumerate(cases):
        posted = case.decision.posted
        if case.kind == OUTCOME and posted is not None:
            entry_id, member = next(entry_ids), posted.draft.member
            named.takers[member.id, -member.chain_seq] = entry_id
            for lot in posted.draft.opened:
                named.lots[member.id, lot.id] = next(lot_ids)
            before = chains.get(member.id)
            link_before = before[0] if before else member.chain_link
            entry = _entry(posted, _source(case), entry_id, link_before, named, done, head_of)
            done.entries[place] = entry
            chains[member.id] = entry.link, entry.head
        member_id = case.decision.facts.head_of
        if member_id is not None:
            done.heads[place] = (chains[member_id][1] if member_id in chains
                                 else book.members[member_id].chain_head)
    for member_id, (link, head) in chains.items():
        done.members[member_id] = book.members[member_id].linked(link, head)
    return done


class _Named(NamedTuple):
    """Real ids by (member, provisional id); provisional ones are negative."""

    lots: dict[tuple[int, int], int]
    takers: dict[tuple[int, int], int]

    def lot(self, member_id: int, lot_id: int) -> int:
        return lot_id if lot_id >= 0 else self.lots.get((member_id, lot_id), lot_id)

    def taker(self, member_id: int, taker: int) -> int:
        return self.takers.get((member_id, taker), taker)

    def move(self, member_id: int, move: Move) -> tuple:
        taker = None if move.taker is None else self.taker(member_id, move.taker)
        return (self.lot(member_id, move.lot_id), *move[1:TAKER], taker, *move[TAKER + 1:])


def by_itself(made: Iterable[tuple[Posted, Source]], numbers: Numbers,
              head_of: Callable[[bytes], bytes]) -> Ledgered:
    """The entries of a job, one for each member, that no message asked for."""
    done = Ledgered({}, {}, {}, {}, {}, {})
    named = _Named({}, {})
    for place, (entry_id, (posted, source)) in enumerate(zip(numbers.entries, made, strict=True)):
        member = posted.draft.member
        entry = _entry(posted, source, entry_id, member.chain_link, named, done, head_of)
        done.entries[place] = entry
        done.members[member.id] = member.linked(entry.link, entry.head)
    return done


def _source(case: Case) -> Source:
    message = case.message
    return Source(message.terminal_id, message.origin, message.key, message.frame_hash,
                  case.decision.code, message.request.at, message.received_at)


def _entry(posted: Posted, source: Source, entry_id: int, link_before: bytes, named: _Named,
           done: Ledgered, head_of: Callable[[bytes], bytes]) -> Entry:
    draft = posted.draft
    member_id = draft.member.id
    opened, stored = [], done.lots
    for lot in draft.changed:
        if lot.id < 0:  # of this batch
            lot_id = named.lot(member_id, lot.id)
            replaces = None if lot.replaces is None else named.lot(member_id, lot.replaces)
            opens = lot in draft.opened
            lot = lot._replace(
                id=lot_id, replaces=replaces,
                opened_by=entry_id if opens else stored[lot_id].opened_by)
            if opens:
                opened.append(chain.lot_part(lot[:FACTS_SIZE]))
        stored[lot.id] = lot
    for draw in draft.draws:
        taker, lot_id = named.taker(member_id, draw.taker), named.lot(member_id, draw.lot_id)
        done.draws[member_id, taker, lot_id] = draw
    # plain tuples: the CBOR encoder is slow to recognise named ones
    postings = tuple(map(tuple, draft.postings))
    movements = tuple([move if move.taker is None and move.lot_id >= 0
                       else named.move(member_id, move) for move in draft.movements])
    groups = (chain.packed(postings), chain.packed_moves(movements), chain.packed(opened))
    if draft.carried:
        done.spans[member_id] = draft.member.span
    row = (entry_id, draft.kind, member_id, draft.member.chain_seq, posted.merchant_id,
           posted.shop_id, source.terminal_id, posted.card_id, source.origin,
           source.key, source.frame_hash, source.code, posted.amount_minor,
           posted.business_date, posted.booked_on, source.at_claimed, posted.dated_at,
           source.received_at, posted.context, chain.marks_of(groups))
    link = chain.link(link_before, chain.content_of(row, groups))
    return Entry(entry_id, row, postings, movements, link, head_of(link))
