"""An inquiry (type 5): card, member and balance now. Nothing is stored, every cause is told.

Where points buy something it tells by which rules, so that a terminal can say before a redemption
what that will take off: by the same function of the same figures (rules.py).
"""

from gateway.book import Book
from gateway.decisions import causes, dating
from gateway.effects import Decision, Facts
from gateway.member import Member, balance_on, expiring_next, usable
from gateway.message import Message
from gateway.parties import RETIRED
from gateway.rules import RuleSet, Tier
from protocol import codes


def inquiry(message: Message, book: Book) -> Decision:
    place = causes.place_of(message, book)
    programme = place.programme
    now = dating.now(book, programme)
    if place.terminal.state == RETIRED:
        return Decision(codes.TERMINAL_SUSPENDED)
    fault = (causes.place_fault(place, now)
             or causes.operator_fault(message, place, book, now))
    if fault:
        return Decision(fault)
    _, member, fault = causes.holder(message, book, programme, now)
    if fault or member is None:
        return Decision(fault)
    rule_set = programme.rule_set_at(book.now)
    tier = rule_set.tier(member.tier) if rule_set else None
    return Decision(codes.APPROVED, Facts(
        balance=balance_on(member, now.business_date), tier=tier.name if tier else None,
        member=member.masked_name, expiring=expiring_next(member, now.business_date),
        head_of=member.id, redeeming=_redeeming(rule_set, tier, member, now.business_date)))


def _redeeming(rule_set: RuleSet | None, tier: Tier | None, member: Member,
               today: int) -> tuple[int, ...] | None:
    """The points that may be used today, and by which rules; None where there are none."""
    if rule_set is None or tier is None or rule_set.redeeming is None:
        return None
    return usable(member, today), *rule_set.redeeming
