"""HQ's commands: what approving a proposal does (commands.py has the table).

Law: a second person approves, and here is where that is asked; what the proposal says is held
against the member as it stands now, so what was right when it was proposed may be refused today.
Nothing is done half: a command that does not fit is a CommandError. Dates are of the approval.
"""

import json
from typing import NamedTuple

from gateway import ledger
from gateway.adjustments import borne, extend, give, take, thaw
from gateway.book import Book
from gateway.commands import (
    CORRECTION,
    EXTENSION,
    EXTENSION_DAYS_MAX,
    FORFEIT,
    GIVING,
    ON_FROZEN,
    PENALTY,
    REFUND,
    WRITE_OFF,
    CommandError,
    Proposal,
)
from gateway.decisions import dating
from gateway.decisions.accounts import books_borne, lot_ends_on
from gateway.decisions.causes import NO_TERMINAL, NOWHERE_IN_PARTICULAR, Place
from gateway.decisions.refund import REFUNDABLE
from gateway.decisions.taken_back import restated
from gateway.effects import Decision, Facts, Made, Original, Posted, Reversal
from gateway.ledger import ADJUSTMENT, REVERSAL, Books, Change, Draft, restate
from gateway.lots import LotsError
from gateway.member import Member, expiring_next
from gateway.message import Key, Message
from gateway.money import Worth
from gateway.parties import CLOSED, Merchant, Programme, Shop
from gateway.rules import ENTRY_WORTH_MAX
from gateway.words import same_person
from protocol import codes
from protocol.limits import POINTS_MAX


class _Named(NamedTuple):
    """The entry that a command names, and what became of it."""

    key: Key
    original: Original
    made: Made


def adjustment(message: Message, book: Book) -> Decision:
    """What approving does; CommandError where it may not be, or not by this person."""
    command = message.command
    assert command is not None, "a message that is no command"
    if same_person(command.proposal.maker, command.checker):
        raise CommandError("Who proposes does not approve. Nothing was posted; have a second"
                           " person approve it.")
    return worked_out(message, book)


def worked_out(message: Message, book: Book) -> Decision:
    """What a proposal comes to as things stand, whoever approves it; CommandError where it may not
    be, or where it gives the member or a lot more points than a reply can tell."""
    decision = _worked_out(message, book)
    assert decision.posted is not None
    draft = decision.posted.draft
    after = draft.member
    before = book.members[after.id]
    issued = {lot.id: lot.issued for lot in before.lots}
    for what, was, points in (
            ("hold", before.available + before.held, after.available + after.held),
            ("owe", before.debt, after.debt),
            *(("have a lot of", issued.get(lot.id, 0), lot.issued) for lot in draft.changed)):
        if points > max(was, POINTS_MAX):
            raise CommandError(f"Member {after.id} would {what} {points} points, more than the"
                               f" {POINTS_MAX} there may be. Nothing was changed; name fewer.")
    return decision


def _worked_out(message: Message, book: Book) -> Decision:
    assert message.command is not None, "a message that is no command"
    proposal = message.command.proposal
    member = _member(proposal, book)
    programme = book.catalogue.programmes[member.programme_id]
    bearer = _bearer(proposal, programme, book)
    books = books_borne(programme, bearer, book)
    named = _named(proposal, member, book)
    if named is not None and proposal.kind == REFUND:
        return _refunded(message, proposal, book, programme, bearer, named)
    if named is not None and (named.made.kind == ADJUSTMENT or not proposal.points):
        return _taken_back(proposal, book, member, books, named)
    draft = _draft(proposal, book, member, programme, books)
    worth = books.purse.worth
    if worth is not None and proposal.points and abs(worth.of(draft.points)) > ENTRY_WORTH_MAX:
        raise CommandError(f"{abs(draft.points)} points are worth {abs(worth.of(draft.points))}"
                           f" today, more than the {ENTRY_WORTH_MAX} (minor units) that one entry"
                           " may move. Nothing was changed; name fewer.")
    return _decided(proposal, book, books, draft)


def _member(proposal: Proposal, book: Book) -> Member:
    member = book.members.get(proposal.member_id)
    if member is None:
        raise CommandError(f"There is no member {proposal.member_id}. Nothing was changed;"
                           " pointwire gateway member show finds one by the last four of a card.")
    if member.state == CLOSED:
        raise CommandError(f"Member {member.id} is closed. Nothing was changed.")
    return book.sound_member(member.id)


def _bearer(proposal: Proposal, programme: Programme, book: Book) -> Merchant | None:
    if not proposal.bearer_id:
        return None
    bearer = book.catalogue.merchants.get(proposal.bearer_id)
    if bearer is None or bearer.programme_id != programme.id:
        raise CommandError(f"No merchant {proposal.bearer_id} in the member's programme. Nothing"
                           " was changed; name one of its merchants as bearer, or none for HQ.")
    return bearer


def _named(proposal: Proposal, member: Member, book: Book) -> _Named | None:
    """The entry of the member that a command names by its receipt number."""
    if not proposal.receipt:
        return None
    key = book.receipts.get(proposal.receipt)
    original = book.originals.get(key) if key else None
    if key is None or original is None or original.made is None or (
            original.made.member_id != member.id):
        raise CommandError(f"Member {member.id} has no entry with receipt {proposal.receipt}."
                           " Nothing was changed; pointwire gateway member show lists them.")
    book.sound_original(key)
    return _Named(key, original, original.made)


def _draft(proposal: Proposal, book: Book, member: Member, programme: Programme,
           books: Books) -> Draft:
    kind, points = proposal.kind, proposal.points
    if kind == EXTENSION:
        return _extended(proposal, member, books)
    if kind in ON_FROZEN:
        return _thawed(proposal, member, books)
    if kind == WRITE_OFF:
        points = _owed_long(proposal, member, book)
    if kind == PENALTY or points < 0:
        return take(member, books, proposal.bearer_id, abs(points))
    if not points:
        raise CommandError("Only an adjustment is taken back by naming it. Nothing was changed;"
                           " say how many points to correct.")
    assert kind in (*GIVING, CORRECTION, WRITE_OFF), "a kind nobody decides"
    dated, rule_set = dating.now(book, programme), programme.rule_set_at(book.now)
    if rule_set is None:
        raise CommandError("The programme has no rules in force, so nobody knows how long points"
                           " live. Nothing was changed.")
    ends_on = lot_ends_on(dated, rule_set, rule_set.tier(member.tier), books.today)
    return give(member, books, proposal.bearer_id, points, ends_on)


def _extended(proposal: Proposal, member: Member, books: Books) -> Draft:
    lot = next((lot for lot in member.lots if lot.id == proposal.lot_id), None)
    for_returns = sum(draw.points for draw in member.draws
                      if draw.held and draw.lot_id == proposal.lot_id)
    if lot is None or not lot.remaining + lot.expired + lot.held - for_returns:
        raise CommandError(f"Member {member.id} has no lot {proposal.lot_id} in which something"
                           " remains or has expired. Nothing was changed; pointwire gateway"
                           " member show lists them. What a return holds does not expire, and"
                           " comes back with days of grace: pointwire gateway holds release.")
    first = max(lot.last_day(member.span) + 1, books.today)
    last = books.today + EXTENSION_DAYS_MAX
    if not first <= proposal.ends_on <= last:
        raise CommandError("The new last day is later than the lot's own, today or later, and"
                           " within ten years. Nothing was changed.")
    return extend(member, books, lot.id, proposal.ends_on)


def _thawed(proposal: Proposal, member: Member, books: Books) -> Draft:
    if all(lot.id != proposal.lot_id for lot in member.lots):
        raise CommandError(f"Member {member.id} has no lot {proposal.lot_id}. Nothing was changed;"
                           " pointwire gateway member show lists them.")
    try:
        return thaw(member, books, proposal.lot_id, take=proposal.kind == FORFEIT)
    except LotsError as fault:
        raise CommandError(str(fault)) from None


def _owed_long(proposal: Proposal, member: Member, book: Book) -> int:
    """How much of a member's debt is written off: no more than is old enough (J11)."""
    ripe = max(member.debt - book.owed_since.get(member.id, 0), 0)
    points = proposal.points or ripe
    if not 0 < points <= ripe:
        raise CommandError(f"Member {member.id} owes {member.debt} points, {ripe} of them for so"
                           " long that they may be written off. Nothing was changed.")
    return points


def _taken_back(proposal: Proposal, book: Book, member: Member, books: Books,
                named: _Named) -> Decision:
    """The whole of an adjustment taken back, at the cost of whoever bore it."""
    key, original, made = named
    if made.kind != ADJUSTMENT:
        raise CommandError(f"Receipt {made.id} is no adjustment that could be taken back. Nothing"
                           " was changed; say how many points to correct.")
    if original.reversed:
        raise CommandError(f"Receipt {made.id} was taken back already. Nothing was changed.")
    if made.merchant_id != proposal.bearer_id:
        raise CommandError(f"Receipt {made.id} was borne by {made.merchant_id or 'HQ'}, and so is"
                           " its correction. Nothing was changed; name the same bearer.")
    context = json.loads(made.context)
    points, worth = context["points"], context.get("worth")
    if proposal.points not in (0, -points):
        raise CommandError(f"Receipt {made.id} is an adjustment and taken back whole. Nothing was"
                           " changed; leave the points out, and adjust anew behind it.")
    draft = restate(REVERSAL, member, books, made.taker, made.movements,
                    Change(max(points, 0), 0, max(-points, 0), 0, borne(
                        Worth(*worth) if worth else None, proposal.bearer_id, -points)))
    decision = _decided(proposal, book, books, draft)
    return decision._replace(reversal=Reversal(*key, entry_id=made.id, seq=original.seq + 1))


def _refunded(message: Message, proposal: Proposal, book: Book, programme: Programme,
              bearer: Merchant | None, named: _Named) -> Decision:
    """Part of a sale or a bill taken back where or when no cashier may (J10): by the same algebra,
    and what it comes to is borne by whom HQ names instead of the original's merchant."""
    key, original, made = named
    left_minor = (made.amount_minor or 0) - original.refunded_minor
    amount_minor = proposal.amount_minor or left_minor
    if original.type not in REFUNDABLE:
        raise CommandError(f"Receipt {made.id} is no sale and no bill. Nothing was changed.")
    if original.reversed or not 0 < amount_minor <= left_minor:
        left = 0 if original.reversed else left_minor
        raise CommandError(f"Of receipt {made.id} there remains {left} to take back. Nothing was"
                           " changed.")
    books = books_borne(programme, bearer, book)
    merchant = book.catalogue.merchants[made.merchant_id]._replace(
        issued_account_id=books.issued, redeemed_account_id=books.redeemed,
        due_account_id=bearer.due_account_id if bearer else programme.hq_account_id)
    place = Place(NO_TERMINAL, Shop(NOWHERE_IN_PARTICULAR, merchant.id), merchant, programme)
    decision = restated(message, book, place, key, ledger.REFUND,
                        remaining_minor=left_minor - amount_minor)
    posted = decision.posted
    assert posted is not None
    mine = _context(proposal, posted.draft.points, None)
    context = json.loads(posted.context) | json.loads(mine)
    return decision._replace(posted=posted._replace(
        context=json.dumps(context, separators=(",", ":"))))


def _decided(proposal: Proposal, book: Book, books: Books, draft: Draft) -> Decision:
    after = draft.member
    posted = Posted(draft, proposal.bearer_id, NOWHERE_IN_PARTICULAR, None, None, books.today,
                    books.today, book.now, _context(proposal, draft.points, books.purse.worth))
    return Decision(codes.APPROVED, Facts(
        points=draft.points, balance=after.balance, member=after.masked_name,
        expiring=expiring_next(after, books.today), head_of=after.id), posted)


def _context(proposal: Proposal, points: int, worth: Worth | None) -> str:
    """Why these points and what they were worth, for whoever reads the member's entries or takes
    them back, as JSON."""
    context: dict[str, object] = {
        "command": proposal.kind, "proposal": proposal.serial, "category": proposal.category,
        "bearer": proposal.bearer_id, "points": points}
    for name in ("receipt", "lot_id", "ends_on"):
        value = getattr(proposal, name)
        if value:
            context[name] = value
    if worth is not None:
        context["worth"] = worth
    return json.dumps(context, separators=(",", ":"))
