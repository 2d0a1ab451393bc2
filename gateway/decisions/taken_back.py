"""What of an original still stands when so much of it was taken back. Pure.

Law (DESIGN 6.5, J1, J10): everything follows from how much of the bill remains, by the rates in
the original's own context, and from nothing else; so parts may come in any order. Of a bill that
points paid in part, points and money go back pro rata: points back = floor(points used * taken
back / bill), and so for the money that they were worth; what is left of the money part keeps its
award.
"""

import json
from typing import NamedTuple

from gateway.book import Book
from gateway.decisions import dating
from gateway.decisions.accounts import books_of, facts_of
from gateway.decisions.causes import Place
from gateway.effects import Dated, Decision, Made, Posted, Reversal
from gateway.ledger import REVERSAL, Books, Change, restate
from gateway.message import Key, Message
from gateway.money import Money, Terms, figure
from gateway.on_hold import OPEN, TAKEN, VOIDED, Claim, Ending, claim_in
from gateway.parties import Programme
from gateway.rules import HOLD_FOR_HQ, base_points_for, points_for
from protocol import codes


class Standing(NamedTuple):
    """Points given and taken, and money paid, for what remains of a bill; `base`: points given at
    the base rate; `discount_minor`: what the points taken pay of it."""

    given: int
    taken: int
    paid_minor: int
    base: int = 0
    discount_minor: int = 0


def standing(made: Made, remaining_minor: int) -> Standing:
    """What an entry comes to when so much of its bill remains."""
    context = json.loads(made.context)
    bill_minor = made.amount_minor or 0
    taken, discount_minor = context.get("redeemed", 0), context.get("discount_minor", 0)
    if taken:
        back_minor = bill_minor - remaining_minor
        taken -= taken * back_minor // bill_minor
        discount_minor -= discount_minor * back_minor // bill_minor
    paid_minor = remaining_minor - discount_minor
    (rate_points, rate_minor), multiplier_bp = context["rate"], context["multiplier_bp"]
    return Standing(points_for(paid_minor, rate_points, rate_minor, multiplier_bp), taken,
                    paid_minor,
                    base_points_for(paid_minor, rate_points, rate_minor, multiplier_bp),
                    discount_minor)


def settled(made: Made, stands: Standing) -> Money:
    """What an entry that stands so comes to in money; nothing of one made before money was."""
    return figure(terms_in(made.context), given=stands.given, base=stands.base,
                  taken=stands.taken, discount_minor=stands.discount_minor)


def terms_in(context: str) -> Terms | None:
    """By what an entry is settled."""
    terms = json.loads(context).get("money")
    return Terms(*terms) if terms else None


def restated(message: Message, book: Book, place: Place, key: Key, kind: int, *,
             remaining_minor: int, may_hold: bool = False) -> Decision:
    """So much of the original `key`, or of the one that it is a refund of, stands from now on.
    `may_hold`: where the rules say so, what it gave is held for HQ's word instead of taken."""
    named = book.sound_original(key)
    whole = book.sound_original(named.part_of) if named.part_of else named
    made, undone = whole.made, named.made
    assert made is not None and undone is not None
    before = standing(made, (made.amount_minor or 0) - whole.refunded_minor)
    after = standing(made, remaining_minor)
    books, dated = books_of(place, book), dating.date_of(message, place.programme, book)
    claims = _claim(place.programme, book, books, before, after) if may_hold else None
    ends, untaken = _ending(book, undone)
    if claims or untaken:  # what it gave stays as it stands
        after = after._replace(given=before.given, base=before.base)
    draft = restate(kind, book.sound_member(made.member_id), books, made.taker, made.movements,
                    Change(before.given, after.given, before.taken, after.taken,
                           settled(made, after).less(settled(made, before)),
                           claims.points if claims else 0, ends.taker if ends else None))
    amount_minor = remaining_minor - (made.amount_minor or 0) + whole.refunded_minor
    posted = Posted(draft, made.merchant_id, place.shop.id, made.card_id, amount_minor,
                    dated.business_date, books.today, dated.at,
                    _context(message, key, draft.points, dated, claims, ends))
    facts = facts_of(draft.member, books.today, points=draft.points,
                     amount_minor=abs(before.paid_minor - after.paid_minor))
    part = kind != REVERSAL
    return Decision(codes.APPROVED, facts, posted, reversal=Reversal(
        *key, entry_id=undone.id, seq=named.seq + 1, part=part), claims=claims, ends=ends)


def _claim(programme: Programme, book: Book, books: Books, before: Standing,
           after: Standing) -> Claim | None:
    """What is held instead of taken, by the rules of today (K5); None where it is taken at once,
    or nothing was given."""
    rule_set = programme.rule_set_at(book.now)
    if rule_set is None or rule_set.on_return != HOLD_FOR_HQ or before.given <= after.given:
        return None
    return Claim(before.given, after.given, before.base, after.base,
                 books.today + rule_set.hold_days)


def _ending(book: Book, undone: Made) -> tuple[Ending | None, bool]:
    """(the hold that ends with what is undone, whether what that claimed was never taken)."""
    claim, state = claim_in(undone.context), book.hold_of(undone)
    if claim is None:
        return None, False
    return (Ending(undone.taker, VOIDED, claim.due_on) if state == OPEN else None,
            state != TAKEN)


def named_in(key: Key) -> tuple[int, int, int]:
    """Terminal, journal and trace, as a context tells what was named."""
    origin, pair = key
    return origin, int.from_bytes(pair[:4], "big"), int.from_bytes(pair[4:], "big")


def _context(message: Message, key: Key, points: int, dated: Dated, claims: Claim | None,
             ends: Ending | None) -> str:
    """What was taken back, as JSON: terminal, journal and trace of what was named."""
    context: dict[str, object] = {
        "original": named_in(key), "points": points, "dated": dated.word}
    if claims is not None:
        context["hold"] = claims
    if ends is not None:
        context["hold_ended"] = ends.state
    for name in ("operator", "basket"):
        value = getattr(message.request, name)
        if value is not None:
            context[name] = value
    if message.by_hq:
        context["held"] = 1
    if message.told is not None:
        context["adopted"] = message.told[1:3]
    return json.dumps(context, separators=(",", ":"))
