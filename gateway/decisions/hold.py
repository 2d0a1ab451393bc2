"""The end of a return's hold: HQ takes what it claims or releases it, or time releases it. Pure.

Law (K5, J12): taken, it is as if the return had taken it at once: what the hold has of the
original's own lot goes, the rest is taken as ever and may become debt, and the original's merchant
gets what those points cost it. Released, the points are the member's again, with grace where their
lot has ended (J2), and the return stands otherwise: the bill was taken back and is not taken back
again. A hold has one end, and that is never undone; a void of a refund that was taken gives back.
"""

import json

from gateway.book import Book
from gateway.decisions.accounts import books_of
from gateway.decisions.causes import NO_TERMINAL, NOWHERE_IN_PARTICULAR, Place
from gateway.decisions.taken_back import named_in, terms_in
from gateway.effects import Decision, Facts, Made, Posted
from gateway.errors import GatewayError
from gateway.ledger import Books, Draft, release_held, take_held
from gateway.member import expiring_next
from gateway.message import Message
from gateway.on_hold import OPEN, STATES, TAKEN, Claim, Ending, claim_in
from gateway.parties import Shop
from protocol import codes


class HoldError(GatewayError):
    """The verdict does not fit what there is: nothing was changed."""

    code = "hold"


def end_of_hold(message: Message, book: Book) -> Decision:
    """What somebody's word on a hold does; HoldError where there is none, or no more."""
    word = message.hold
    assert word is not None, "a message that ends no hold"
    key = book.receipts.get(word.entry_id)
    original = book.originals.get(key) if key else None
    made = book.sound_original(key).made if key is not None and original is not None else None
    claim = claim_in(made.context) if made is not None else None
    if key is None or original is None or made is None or claim is None:
        raise HoldError(f"Receipt {word.entry_id} holds nothing. Nothing was changed; list what"
                        " is held: pointwire gateway holds list")
    whole = book.sound_original(original.part_of).made if original.part_of else None
    assert whole is not None, "a return without its original"
    state = book.hold_of(made)
    if state != OPEN:
        was = STATES[state] if state is not None else "ended"
        raise HoldError(f"What receipt {made.id} held was {was} already. Nothing was changed.")
    books = _books(whole, book)
    draft = _draft(book, books, made, whole, claim, take=word.state == TAKEN)
    after = draft.member
    # of a bill, of whose money nothing moves any more (days.BILL)
    posted = Posted(draft, whole.merchant_id, NOWHERE_IN_PARTICULAR, None, 0, books.today,
                    books.today, book.now, json.dumps(
                        {"original": named_in(key), "hold_ended": word.state,
                         "points": draft.points}, separators=(",", ":")))
    return Decision(codes.APPROVED, Facts(
        points=draft.points, balance=after.balance, member=after.masked_name,
        expiring=expiring_next(after, books.today), head_of=after.id), posted,
        ends=Ending(made.taker, word.state, claim.due_on))


def _books(whole: Made, book: Book) -> Books:
    """Where it is booked: as the original is."""
    merchant = book.catalogue.merchants[whole.merchant_id]
    programme = book.catalogue.programmes[merchant.programme_id]
    return books_of(Place(NO_TERMINAL, Shop(NOWHERE_IN_PARTICULAR, merchant.id), merchant,
                          programme), book)


def _draft(book: Book, books: Books, made: Made, whole: Made, claim: Claim, *,
           take: bool) -> Draft:
    member = book.sound_member(made.member_id)
    if not take:
        return release_held(member, books, made.taker)
    return take_held(member, books, made.taker, whole.movements, claim.points,
                     claim.money(terms_in(whole.context)))
