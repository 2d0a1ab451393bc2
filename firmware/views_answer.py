"""What the gateway answered, as the three rows and the foot of a screen. Pure; see views.py."""

from firmware.states import in_vain
from firmware.texts import names
from protocol import codes
from protocol.fields import REDEMPTION, SALE, VOID
from protocol.limits import REPLY_TYPE_BASE


def day(days):
    """Days since 1970-01-01 as 20261231 (proleptic Gregorian, H. Hinnant's civil_from_days)."""
    days += 719468
    era, of_era = days // 146097, days % 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    of_month = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return "%04d%02d%02d" % (year + era * 400 + (1 if month <= 2 else 0), month, of_month)


def posted(page, reply, amount_minor, left=None, used=0):
    """What was done. `left`, `used`: ("used", points) that a flow showed before it, or nothing."""
    if reply.type != REPLY_TYPE_BASE + SALE:
        if in_vain(reply.type - REPLY_TYPE_BASE, reply.code):
            return refused(page, reply, amount_minor)
        return _done(page, reply, used)
    page.receipt(reply.receipt)
    gained = page.label(names.POSTED, reply.points or 0)
    return gained, _balance_text(page, reply), _member(page, reply)


# A redemption, a refund or a void by receipt; `used`: the points that the cashier saw before it,
# from which the reply's are told apart into those and what the money part of the bill earned.
def _done(page, reply, used):
    kind, points = reply.type - REPLY_TYPE_BASE, reply.points
    page.receipt(reply.receipt)
    words, rows = page.words, []
    if reply.amount_minor is not None:
        label = names.OFF if kind == REDEMPTION else names.HAND_BACK
        rows.append(page.label(label, page.money(reply.amount_minor)))
    elif kind == VOID:
        rows.append(words[names.CANCELLED])
    if points is not None:
        moved = page.label(names.POSTED, points)
        if used and points + used:
            parts = "%d %+d" % (-used, points + used)
            moved = page.either(words[names.POINTS] % parts, page.either(parts, moved))
        rows.append(moved)
    rows.append(_balance_text(page, reply))
    return rows


def _balance_text(page, reply):
    return "" if reply.balance is None else page.label(names.BALANCE, reply.balance)


def member_of(reply):
    return " ".join([text for text in (reply.member, reply.tier) if text])


# a tier is shown whole or not at all
def _member(page, reply):
    return page.either(member_of(reply), "") or reply.member or reply.tier or ""


def balance(page, reply):
    found = [_member(page, reply) or page.words[names.INQUIRY], _balance_text(page, reply)]
    if reply.stored_value is not None:
        found.append(page.label(names.VALUE, page.money(reply.stored_value)))
    if reply.expiring:
        points, until = reply.expiring[0], day(reply.expiring[1])
        until = "%s-%s-%s" % (until[:4], until[4:6], until[6:])
        page.foot = page.words[names.EXPIRES] % until
        if reply.stored_value is None:
            found.append(page.label(names.EXPIRING, points))
        else:
            page.foot = page.either("%d %s" % (points, until), page.foot)
    return found


def refused(page, reply, amount_minor):
    words = page.words
    if reply.trace:
        page.tap(reply.trace, amount_minor)
    if reply.code == codes.HELD:
        return words[names.HELD], words[names.NO_POINTS_YET]
    if reply.code == codes.EXCEEDS_ORIGINAL and reply.amount_minor:
        return (words[names.REFUSED],) + _no_refund(page, reply.amount_minor, amount_minor)
    more = reply.line or ""
    if reply.code == codes.INSUFFICIENT_POINTS and reply.balance is not None:
        more = page.label(names.BALANCE, reply.balance)
    return words[names.REFUSED], page.reason(reply.code), more


# Which of the causes that share a code it is, by what was asked for: lines name no sum.
def _no_refund(page, left_minor, amount_minor):
    words, left = page.words, page.label(names.LEFT, page.money(left_minor))
    if amount_minor > left_minor:
        return words[names.MORE_THAN_LEFT], left
    if amount_minor:  # as much is left: goods that were sold by line go back by line
        return words[names.HAS_BASKET], words[names.BY_ITEMS]
    return words[names.OTHER_ITEMS], left
