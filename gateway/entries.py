"""Entries get their numbers, links and heads: the step between deciding and storing. Pure.

Law: in the order of the batch, so that a member's second entry links to the first; a lot opened
by the batch gets its real id here, and everything that named it by its provisional one follows.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway import chain
from gateway.book import Book
from gateway.judging import OUTCOME, Case
from gateway.ledger import Lot, Member


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
    """All that the batch did to the ledger. `heads[i]`: the chain head to show in reply i."""

    entries: dict[int, Entry]
    lots: dict[int, Lot]
    members: dict[int, Member]
    heads: dict[int, bytes]


def needed(cases: Sequence[Case]) -> tuple[int, int]:
    """How many entry and lot numbers the cases need."""
    drafts = [case.decision.posted.draft for case in cases if case.decision.posted is not None]
    return len(drafts), sum(len(draft.opened) for draft in drafts)


def number(cases: Sequence[Case], book: Book, numbers: Numbers,
           head_of: Callable[[bytes], bytes]) -> Ledgered:
    """The entries of the cases with their numbers. `head_of` seals a link (chain.head)."""
    entry_ids, lot_ids = iter(numbers.entries), iter(numbers.lots)
    named: dict[tuple[int, int], int] = {}
    done = Ledgered({}, {}, {}, {})
    chains: dict[int, tuple[bytes, bytes]] = {}
    for place, case in enumerate(cases):
        posted = case.decision.posted
        if case.kind == OUTCOME and posted is not None:
            entry_id, member_id = next(entry_ids), posted.draft.member.id
            for lot in posted.draft.opened:
                named[member_id, lot.id] = next(lot_ids)
            before = chains.get(member_id)
            link_before = before[0] if before else posted.draft.member.chain_link
            entry = _entry(case, entry_id, link_before, named, done.lots, head_of)
            done.entries[place] = entry
            chains[member_id] = entry.link, entry.head
        member_id = case.decision.facts.head_of
        if member_id is not None:
            done.heads[place] = (chains[member_id][1] if member_id in chains
                                 else book.members[member_id].chain_head)
    for member_id, (link, head) in chains.items():
        done.members[member_id] = book.members[member_id]._replace(
            chain_link=link, chain_head=head)
    return done


def _entry(case: Case, entry_id: int, link_before: bytes, named: dict[tuple[int, int], int],
           lots: dict[int, Lot], head_of: Callable[[bytes], bytes]) -> Entry:
    posted, message = case.decision.posted, case.message
    assert posted is not None
    draft = posted.draft
    member_id = draft.member.id
    opened = []
    for lot in draft.changed:
        lot_id = named.get((member_id, lot.id), lot.id)
        if lot in draft.opened:
            lot = lot._replace(id=lot_id, opened_by=entry_id)
            opened.append(lot[:7])
        elif lot_id in lots:
            lot = lot._replace(id=lot_id, opened_by=lots[lot_id].opened_by)
        lots[lot_id] = lot
    # plain tuples: the CBOR encoder is slow to recognise named ones
    postings = tuple(map(tuple, draft.postings))
    movements = tuple((named.get((member_id, moved.lot_id), moved.lot_id), moved.delta,
                       moved.held_delta) for moved in draft.movements)
    row = (entry_id, draft.kind, member_id, draft.member.chain_seq, posted.merchant_id,
           posted.shop_id, message.terminal_id, posted.card_id, message.origin,
           message.key, message.frame_hash, case.decision.code, posted.amount_minor,
           posted.business_date, posted.booked_on, message.request.at, posted.dated_at,
           message.received_at, posted.context, chain.marks(postings, movements, opened))
    content = chain.entry_content(row, postings, movements, opened)
    link = chain.link(link_before, content)
    return Entry(entry_id, row, postings, movements, link, head_of(link))
