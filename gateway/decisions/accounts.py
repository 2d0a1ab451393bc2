"""Which accounts and days an entry is made on. Pure."""

from gateway.book import Book, Dated
from gateway.clock import business_day
from gateway.decisions.causes import Place
from gateway.ledger import Books
from gateway.parties import Programme
from gateway.rules import RuleSet, Tier
from gateway.validity import EXPIRE, Policies

LOT_DAYS_MIN = 7  # J7: a late tap's points live at least so long after they are booked
DEFAULTS = RuleSet._field_defaults
GRACE_DAYS = DEFAULTS["return_grace_days"]


def books_of(place: Place, book: Book) -> Books:
    """Where what is decided now at this place is booked."""
    programme, merchant = place.programme, place.merchant
    rule_set = programme.rule_set_at(book.now)
    return Books(
        merchant.issued_account_id, merchant.redeemed_account_id, programme.expired_account_id,
        business_day(book.now, programme.time_zone, programme.cutover_minutes),
        rule_set.return_grace_days if rule_set else GRACE_DAYS,
        rule_set.return_days if rule_set else DEFAULTS["return_days"], policies_of(programme))


def policies_of(programme: Programme) -> Policies:
    """What becomes of lots, by the day on which they end: that of the rule set in force at its
    end. So it does not matter when somebody finds that a lot has ended."""
    if all(rule_set.at_end == EXPIRE for _, rule_set in programme.rule_sets):
        return ()
    return tuple((business_day(effective_at, programme.time_zone, programme.cutover_minutes),
                  rule_set.at_end) for effective_at, rule_set in programme.rule_sets)


def lot_ends_on(dated: Dated, rule_set: RuleSet, tier: Tier | None, today: int) -> int:
    """The last day of points that somebody of this tier earned then, booked today."""
    return max(rule_set.lot_ends_on(dated.business_date, tier), today + LOT_DAYS_MIN)
