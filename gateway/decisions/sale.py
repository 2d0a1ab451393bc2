"""A sale (type 1): points for money, by table T.

Law (DESIGN 6.4): an accepted tap may have happened offline, so a sale is refused only for its
card (10 to 16) or for a member's state that began before it (20); every other cause holds it
for HQ (41). A sale without a card is one to nobody, and refused for nothing. A held sale posts
nothing and keeps its trace for ever. HQ's own word (`by_hq`) sets aside what held it, and nothing
else: what table T refuses, HQ cannot post either. In a recovery the registry has forgotten what HQ
did since the backup: what it would refuse is held.
"""

import json

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.decisions.accounts import books_of, carried, facts_of, lot_ends_on, terms_of
from gateway.decisions.causes import Place
from gateway.effects import Dated, Decision, Posted
from gateway.ledger import Draft, accrue
from gateway.member import Member
from gateway.message import Message
from gateway.money import Terms, figure
from gateway.parties import ACTIVE, STOCK
from gateway.rules import NO_AWARD, Award, RuleSet, Tier, award
from protocol import codes

FORGETTABLE = (codes.CARD_UNKNOWN, codes.MEMBER_SUSPENDED, *causes.CARD_CODES.values())


def sale(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    dated = dating.date_of(message, place.programme, book)
    decision = _decide(message, book, place, dated)
    if decision.code in FORGETTABLE and book.catalogue.recovery and not message.by_hq:
        decision = held("recovery")
    return decision._replace(dated=dated) if decision.code == codes.HELD else decision


def _decide(message: Message, book: Book, place: Place, dated: Dated) -> Decision:
    overruled = message.by_hq
    if causes.distrusted(message, place.terminal) and not overruled:
        return held("distrusted")
    if message.request.card is None:
        return _to_nobody(message, book, place, dated)
    identity = causes.identity_of(message.request.card)
    card = book.cards.get(identity)
    if card is None or card.programme_id != place.programme.id:
        return Decision(causes.no_card(identity))
    fault = causes.card_fault(card, dated, first_tap=place.programme.first_tap_activates)
    if fault and not (fault == codes.HELD and overruled):
        return held("card_changed") if fault == codes.HELD else Decision(fault)
    if card.member_id is None:
        return held("no_member")
    member = book.members[card.member_id]
    fault = causes.member_fault(member, dated)
    if fault and not (fault == codes.HELD and overruled):
        return held("member_suspended_later") if fault == codes.HELD else Decision(fault)
    fault = (causes.place_fault(place, dated)
             or causes.operator_fault(message, place, book, dated))
    if fault and not overruled:
        return held(codes.name(fault))
    rule_set = place.programme.rule_set_at(dated.at)
    tier = rule_set.tier(member.tier) if rule_set else None
    if rule_set is None or tier is None:
        return held("no_rules")
    given = award(rule_set, tier, message.request.amount_minor)
    posted = _post(message, book, place, member, dated, rule_set, tier, given, card.id)
    after = posted.draft.member
    facts = facts_of(after, posted.booked_on, points=given.points, tier=tier.name)
    activated = None
    if card.state == STOCK:
        activated = card._replace(state=ACTIVE, state_since=dated.at, state_before=STOCK)
    return Decision(codes.APPROVED, facts, posted, activated)


def _to_nobody(message: Message, book: Book, place: Place, dated: Dated) -> Decision:
    """A sale without a card (C22): it counts in the day's totals and gives no points."""
    fault = causes.place_fault(place, dated) or causes.operator_fault(
        message, place, book, dated)
    if fault and not message.by_hq:
        return held(codes.name(fault))
    books, nobody = books_of(place, book), book.sound_member(-message.terminal_id)
    draft = accrue(nobody, books, place.merchant.id, 0, dated.business_date, dated.business_date)
    context = json.dumps(award_context(message, NO_AWARD, dated, None, draft),
                         separators=(",", ":"))
    return Decision(codes.APPROVED, facts_of(draft.member, books.today, points=0), Posted(
        draft, place.merchant.id, place.shop.id, None, message.request.amount_minor,
        dated.business_date, books.today, dated.at, context))


def held(why: str) -> Decision:
    return Decision(codes.HELD, why=why)


def _post(message: Message, book: Book, place: Place, member: Member, dated: Dated,
          rule_set: RuleSet, tier: Tier, given: Award, card_id: int) -> Posted:
    books, terms = books_of(place, book), terms_of(place, rule_set, dated.at)
    draft = accrue(book.sound_member(member.id), books, place.merchant.id, given.points,
                   dated.business_date, lot_ends_on(dated, rule_set, tier, books.today),
                   figure(terms, given=given.points, base=given.base_points))
    draft = carried(draft, member, rule_set, dated, books.today)
    context = json.dumps(award_context(message, given, dated, terms, draft),
                         separators=(",", ":"))
    return Posted(draft, place.merchant.id, place.shop.id, card_id,
                  message.request.amount_minor, dated.business_date, books.today, dated.at,
                  context)


def award_context(message: Message, given: Award, dated: Dated,
                  terms: Terms | None, draft: Draft) -> dict[str, object]:
    """Why these points, and by what they are settled: enough to award again what remains after a
    refund. `span`: how far the entry carries its member's lots on, if it does.
    `adopted`: points and receipt that its terminal held (adoption.py)."""
    request = message.request
    context: dict[str, object] = {
        "rule": given.rule_version, "tier": given.tier,
        "rate": (given.rate_points, given.rate_minor), "multiplier_bp": given.multiplier_bp,
        "points": given.points, "dated": dated.word}
    if request.card is not None:
        context["entry"] = request.card[0]
    if terms is not None:
        context["money"] = terms
    if message.by_hq:
        context["held"] = 1
    if message.told is not None:
        context["adopted"] = message.told[1:3]
    if draft.carried:
        context["span"] = draft.member.span
    for name in ("operator", "basket", "bill", "clock_age"):
        value = getattr(request, name)
        if value is not None:
            context[name] = value
    return context
