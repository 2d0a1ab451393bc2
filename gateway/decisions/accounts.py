"""Which accounts and days an entry is made on, and on what terms. Pure."""

from gateway.book import Book
from gateway.clock import business_day
from gateway.decisions.causes import Place
from gateway.effects import Dated, Facts
from gateway.ledger import Books, Draft, carried_on
from gateway.member import Member, expiring_next, last_days
from gateway.money import Purse, Terms, Worth
from gateway.parties import Merchant, Programme
from gateway.rules import RuleSet, Tier
from gateway.validity import EXPIRE, Policies

LOT_DAYS_MIN = 7  # J7: a late tap's points live at least so long after they are booked
DEFAULTS = RuleSet._field_defaults
GRACE_DAYS = DEFAULTS["return_grace_days"]


def books_of(place: Place, book: Book) -> Books:
    """Where what is decided now at this place is booked."""
    merchant = place.merchant
    return _books(place.programme, merchant.issued_account_id, merchant.redeemed_account_id,
                  merchant.due_account_id, book)


def books_borne(programme: Programme, bearer: Merchant | None, book: Book) -> Books:
    """Where what HQ does now is booked: whoever bears it (None: HQ) is the other side of what is
    given and of what is taken."""
    account = bearer.issued_account_id if bearer else programme.adjusted_account_id
    return _books(programme, account, account, bearer.due_account_id if bearer else 0, book)


def _books(programme: Programme, issued: int, redeemed: int, due: int, book: Book) -> Books:
    rule_set = programme.rule_set_at(book.now)
    return Books(
        issued, redeemed, programme.expired_account_id, book.booked_on(programme),
        rule_set.return_grace_days if rule_set else GRACE_DAYS,
        rule_set.return_days if rule_set else DEFAULTS["return_days"], policies_of(programme),
        purse_of(programme, rule_set, due))


def facts_of(member: Member, today: int, **told) -> Facts:
    """What a reply tells of whose entry it was, and what else is `told`; of nobody only where its
    chain stands."""
    if member.nobody:
        return Facts(head_of=member.id, **told)
    return Facts(balance=member.balance, member=member.masked_name,
                 expiring=expiring_next(member, today), head_of=member.id, **told)


def policies_of(programme: Programme) -> Policies:
    """What becomes of lots, by the day on which they end: that of the rule set in force at its
    end. So it does not matter when somebody finds that a lot has ended."""
    if all(rule_set.at_end == EXPIRE for _, rule_set in programme.rule_sets):
        return ()
    return tuple((business_day(effective_at, programme.time_zone, programme.cutover_minutes),
                  rule_set.at_end) for effective_at, rule_set in programme.rule_sets)


def purse_of(programme: Programme, rule_set: RuleSet | None, due_account_id: int = 0) -> Purse:
    """Where money is booked, by the rules of today."""
    redeeming = rule_set.redeeming if rule_set else None
    return Purse(due_account_id, programme.pool_account_id, programme.hq_account_id,
                 Worth(redeeming.points, redeeming.minor) if redeeming else None)


def terms_of(place: Place, rule_set: RuleSet, at: int) -> Terms | None:
    """By what the merchant settles what happened then; None where points buy nothing."""
    if rule_set.redeeming is None:
        return None
    rates = place.merchant.rates_at(at)
    return Terms(rule_set.redeeming.points, rule_set.redeeming.minor, rates.cost_bp,
                 rates.credit_bp)


def write_off_from(programme: Programme, now: int) -> int:
    """The last day of debts that HQ may write off now (J11)."""
    rule_set = programme.rule_set_at(now)
    days = rule_set.write_off_days if rule_set else DEFAULTS["write_off_days"]
    return business_day(now, programme.time_zone, programme.cutover_minutes) - days


def carried(draft: Draft, before: Member, rule_set: RuleSet, dated: Dated, today: int) -> Draft:
    """The entry of an activity that happened then, booked today: it carries the lots on that its
    member had `before`, as far as the rules say."""
    if rule_set.rolling is None:
        return draft
    until = rule_set.rolling.carried_to(dated.business_date, last_days(before, today))
    return carried_on(draft, before, before.span.carried(today, until))


def lot_ends_on(dated: Dated, rule_set: RuleSet, tier: Tier | None, today: int) -> int:
    """The last day of points that somebody of this tier earned then, booked today."""
    return max(rule_set.lot_ends_on(dated.business_date, tier), today + LOT_DAYS_MIN)
