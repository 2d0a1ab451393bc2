"""Entries that HQ's commands make (commands.py). Pure.

Law: as for every entry (ledger.py); the other side is whoever bears it: the programme's
`programme_adjusted`, or a merchant's `merchant_issued`. In money the pool gets what points that
are given are worth, from a merchant that bears them or from HQ, and gives it back for what is
taken. Points are taken soonest-ending first, and what is not there is debt, so a penalty is never
lost in an empty account (Q42). Taking an adjustment back is `ledger.restate`: a penalty's points
return to the lots they came from, a gift's leave theirs.
"""

from gateway.ledger import (
    ADJUSTMENT,
    EXTENSION,
    FORFEIT,
    ORIGIN_ADJUSTMENT,
    POINTS,
    RELEASE,
    Books,
    Draft,
    LedgerError,
    Posting,
    drafted,
    held_by,
)
from gateway.member import Member
from gateway.money import Money, Worth


def borne(worth: Worth | None, bearer_id: int, points: int) -> Money:
    """What giving so many points (negative: taking them) comes to in money; nothing where points
    buy nothing."""
    minor = worth.of(points) if worth else 0
    return Money(minor, -minor if bearer_id else 0)


def give(member: Member, books: Books, bearer_id: int, points: int, expires_on: int) -> Draft:
    """Points that `bearer_id` bears (0: HQ): member +p, into a lot of their own kind."""
    if points <= 0:
        raise LedgerError(f"{points} points to give. Nothing was posted.")
    holding = held_by(member, books)
    facts = (bearer_id, books.today, expires_on, ORIGIN_ADJUSTMENT)
    holding.issue(member.id, facts, points)
    return drafted(ADJUSTMENT, member, holding, books, (Posting(books.issued, POINTS, -points),),
                   borne(books.purse.worth, bearer_id, points))


def take(member: Member, books: Books, bearer_id: int, points: int) -> Draft:
    """Points taken from a member, whether they are there or not: member -p."""
    if points <= 0:
        raise LedgerError(f"{points} points to take. Nothing was posted.")
    holding = held_by(member, books)
    holding.take(member.next_taker, points)
    return drafted(ADJUSTMENT, member, holding, books, (Posting(books.redeemed, POINTS, points),),
                   borne(books.purse.worth, bearer_id, -points))


def extend(member: Member, books: Books, lot_id: int, ends_on: int) -> Draft:
    """A lot usable through `ends_on`; what had expired in it is the member's again."""
    holding = held_by(member, books)
    holding.extend(lot_id, ends_on)
    return drafted(EXTENSION, member, holding, books, ())


def thaw(member: Member, books: Books, lot_id: int, *, take: bool) -> Draft:
    """What is frozen in a lot that has ended is the member's to use again, with grace, in a lot
    that stands in for it; or (`take`) it expires: member -e, expired +e."""
    holding = held_by(member, books)
    holding.thaw(lot_id, take=take)
    return drafted(FORFEIT if take else RELEASE, member, holding, books, ())
