"""A redemption (type 2): points off a bill, told while the member waits.

Law: it is made online only, so states are those of now and every cause is told at once. The key
`amount_minor` is the whole bill; points pay at most the share that the rules allow, and only the
money part of the bill earns (K4, E12). Points earned by the same bill cannot pay it. With debt
nothing is taken (J11). Where a terminal showed what the points take off (`off_minor`), it is that
or nothing (Q23). What HQ withdrew its trust from is held, as any journaled message. One that
was approved before a restore (adoption.py) is posted as it was then, into debt if need be: by the
rules of its day, and by the tier by which its points are those that the terminal holds.
"""

import json

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.decisions.accounts import books_of, carried, facts_of, lot_ends_on, terms_of
from gateway.decisions.sale import award_context, held
from gateway.effects import Dated, Decision, Facts, Posted
from gateway.ledger import Draft, redeem
from gateway.member import balance_on, usable
from gateway.message import Message
from gateway.money import Terms, figure
from gateway.rules import Award, RuleSet, Tier, award
from protocol import codes


def redemption(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    dated = dating.date_of(message, place.programme, book)
    if causes.distrusted(message, place.terminal) and not message.by_hq:
        return held("distrusted")._replace(dated=dated)
    now = dating.now(book, place.programme)
    fault = (causes.place_fault(place, now)
             or causes.operator_fault(message, place, book, now))
    if fault and not message.accepted:
        return Decision(fault)
    told = message.told
    card, member, fault = causes.holder(message, book, place.programme, now)
    if fault and (told is None or member is None):
        return Decision(fault)
    assert card is not None and member is not None
    decided_at = book.now if told is None else dated.at
    rule_set = place.programme.rule_set_at(decided_at)
    tier = rule_set.tier(member.tier) if rule_set else None
    if rule_set is None or tier is None or rule_set.redeeming is None:
        return Decision(codes.LIMIT_REACHED)
    points, bill_minor = message.request.points, message.request.amount_minor
    discount_minor = rule_set.redeeming.discount(points, bill_minor)
    if not discount_minor:
        return Decision(codes.LIMIT_REACHED)
    if told is None and message.request.off_minor not in (None, discount_minor):
        return Decision(codes.LIMIT_REACHED)  # the rules are others than when it was shown
    books = books_of(place, book)
    if told is None and points > usable(member, books.today):
        return Decision(codes.INSUFFICIENT_POINTS, Facts(
            balance=balance_on(member, books.today)))
    if told is not None:
        tier = _tier_then(rule_set, tier, bill_minor - discount_minor, told.points + points)
    given = award(rule_set, tier, bill_minor - discount_minor)
    terms = terms_of(place, rule_set, decided_at)
    draft = redeem(book.sound_member(member.id), books, place.merchant.id, points, given.points,
                   dated.business_date, lot_ends_on(dated, rule_set, tier, books.today),
                   figure(terms, given=given.points, base=given.base_points, taken=points,
                          discount_minor=discount_minor), owing=told is not None)
    draft = carried(draft, member, rule_set, dated, books.today)
    posted = Posted(draft, place.merchant.id, place.shop.id, card.id, bill_minor,
                    dated.business_date, books.today, dated.at,
                    _context(message, rule_set, given, discount_minor, dated, terms, draft))
    return Decision(codes.APPROVED, facts_of(
        draft.member, books.today, points=draft.points, tier=tier.name,
        amount_minor=discount_minor), posted)


def _tier_then(rule_set: RuleSet, now: Tier, paid_minor: int, points: int) -> Tier:
    """The tier by which the money part earned so many points; the present one where none did."""
    return next((tier for tier in (now, *rule_set.tiers)
                 if award(rule_set, tier, paid_minor).points == points), now)


def _context(message: Message, rule_set: RuleSet, given: Award, discount_minor: int,
             dated: Dated, terms: Terms | None, draft: Draft) -> str:
    """Why these points, as JSON: what was taken and for how much, and what the rest earned."""
    context = award_context(message, given, dated, terms, draft)
    context |= {"redeemed": message.request.points, "discount_minor": discount_minor,
                "redeeming": rule_set.redeeming}
    return json.dumps(context, separators=(",", ":"))
