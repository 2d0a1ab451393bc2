"""The ledger: double entry over points, lots with a date, members with a balance. Pure.

Law (I3): the postings of an entry sum to zero in each unit; a member's `available` is the sum
of what remains in the lots and never negative, `held` the sum of what they hold, `debt` the sum of
uncovered draws; what postings put on the member's account is available + held - debt, and the
balance shown is available - debt. An entry is made here and nowhere else, from a Member as it
stands, and brings the Member as it stands afterwards; what happens to its lots is lots.py's.
Nothing here knows frames, terminals or time: days are numbers, and who asked is somebody else's
business.

A lot opened here has a negative id until the entry has its number, and so has a taker: unique for
its member.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.holding import Holding
from gateway.lots import NOWHERE, Draw, Ended, Lot, Move
from gateway.member import Member, consistent
from gateway.money import NO_MONEY, NO_PURSE, Money, Purse
from gateway.plain import lapse
from gateway.validity import Policies, Span

# units of postings
POINTS = 1
MONEY = 2  # minor units of the programme's currency

# entry kinds
ACCRUAL = 1
REVERSAL = 2
REDEMPTION = 3
REFUND = 4
EXPIRY = 5
ADJUSTMENT = 6
EXTENSION = 7
RELEASE = 21  # of what is frozen
FORFEIT = 22
HOLD_TAKEN = 23  # of a return
HOLD_RELEASED = 24

# origin class of a lot: what made the points
ORIGIN_ACCRUAL = 1
ORIGIN_ADJUSTMENT = 2


class LedgerError(GatewayError):
    """An entry that would break the law of the ledger: it was not made."""

    code = "ledger"


class Posting(NamedTuple):
    account_id: int
    unit: int
    amount: int


class Draft(NamedTuple):
    """An entry before it has a number: its lines, the lots it opened or changed, the draws it
    changed, and the member behind it. `opened` is a subset of `changed`. `points`: what it did
    for the member, beside what had ended by then and expired with it. `carried`: the member's span
    is another one now."""

    kind: int
    member: Member
    postings: tuple[Posting, ...]
    movements: tuple[Move, ...]
    opened: tuple[Lot, ...]
    changed: tuple[Lot, ...]
    draws: tuple[Draw, ...]
    points: int
    carried: bool = False


def balanced(postings: Iterable[Posting]) -> bool:
    sums: dict[int, int] = {}
    for posting in postings:
        sums[posting.unit] = sums.get(posting.unit, 0) + posting.amount
    return not any(sums.values())


def sound(lots: Iterable[Lot]) -> bool:
    """Whether nothing in these lots is negative."""
    for lot in lots:
        if min(lot[8:]) < 0 or lot.issued < lot.remaining + lot.held + lot.expired:
            return False
    return True


def _checked(draft: Draft) -> Draft:
    if not balanced(draft.postings):
        raise LedgerError(f"Postings for member {draft.member.id} do not sum to zero."
                          " Nothing was posted; this is a fault of the gateway.")
    if not consistent(draft.member) or not sound(draft.changed):
        raise LedgerError(f"Balances and lots of member {draft.member.id} disagree."
                          " Nothing was posted; run the audit.")
    return draft


class Books(NamedTuple):
    """Where an entry is made: the accounts of its merchant and programme, the business day, the
    programme's grace for points that come back, and how long it takes goods back (days); `at_end`:
    what becomes of lots that end; `purse`: where money is booked."""

    issued: int
    redeemed: int
    expired: int
    today: int
    grace_days: int
    return_days: int = 0
    at_end: Policies = ()
    purse: Purse = NO_PURSE


def held_by(member: Member, books: Books) -> Holding:
    """The member's lots and draws, to work on, without what has ended. LedgerError where they do
    not add up to its balances."""
    holding = Holding(member.lots, member.draws, books.today, grace_days=books.grace_days,
                      provisional=min([0, *(lot.id for lot in member.lots)]) - 1,
                      span=member.span, at_end=books.at_end)
    if (holding.available, holding.held, holding.debt) != (
            member.available, member.held, member.debt):
        raise _not_adding_up(member)
    holding.expire()
    return holding


def _not_adding_up(member: Member) -> LedgerError:
    return LedgerError(f"Balances, lots and draws of member {member.id} disagree."
                       " Nothing was posted; run the audit.")


def drafted(kind: int, member: Member, holding: Holding, books: Books,
            others: Iterable[Posting], money: Money = NO_MONEY) -> Draft:
    """The entry that `holding` makes, with the other side's postings and with what it puts on the
    accounts of money, beside what expired points were worth."""
    return _drafted(kind, member, holding.ended(), books, others, money)


def _drafted(kind: int, member: Member, ended: Ended, books: Books,
             others: Iterable[Posting], money: Money = NO_MONEY) -> Draft:
    lots = ended.lots
    after = member.after(ended.available, ended.held, ended.debt, tuple(lots.values()),
                         ended.draws)
    points = (after.available + after.held - after.debt
              - member.available - member.held + member.debt)
    expired = sum([move.expired_delta for move in ended.moved])
    postings = (Posting(member.points_account_id, POINTS, points), *others,
                Posting(books.expired, POINTS, expired),
                *[Posting(account, MONEY, amount)
                  for account, amount in books.purse.lines(money, expired)])
    changed = tuple([lots[lot_id] for lot_id in dict.fromkeys(
        [move.lot_id for move in ended.moved]) if lot_id != NOWHERE])
    opened = tuple([lots[lot_id] for lot_id in ended.opened])
    return _checked(Draft(kind, after, tuple([each for each in postings if each.amount]),
                          ended.moved, opened, changed, ended.touched, points + ended.lapsed))


def accrue(member: Member, books: Books, merchant_id: int, points: int, earned_on: int,
           expires_on: int, money: Money = NO_MONEY) -> Draft:
    """Points given for a sale: member +p, issued by the merchant -p.

    Joins the lot of the same issuer, days and origin class where one lives, else opens one. An
    award of 0 points is an entry without lines: the tap happened and has its receipt.
    """
    if points < 0:
        raise LedgerError("An accrual of negative points. Nothing was posted.")
    holding = held_by(member, books)
    if points:
        holding.issue(member.id, (merchant_id, earned_on, expires_on, ORIGIN_ACCRUAL), points)
    return drafted(ACCRUAL, member, holding, books, (Posting(books.issued, POINTS, -points),),
                   money)


def redeem(member: Member, books: Books, merchant_id: int, points: int, earned: int,
           earned_on: int, expires_on: int, money: Money = NO_MONEY, *,
           owing: bool = False) -> Draft:
    """Points taken for money off a bill, and what the rest of the bill earned: member -p, redeemed
    at the merchant +p, and an accrual of `earned` points. More than is available is a LedgerError;
    `owing`: it is debt.
    """
    holding = held_by(member, books)
    if points <= 0 or earned < 0 or (points > holding.available and not owing):
        raise LedgerError(f"{points} points to redeem, {holding.available} available."
                          " Nothing was posted.")
    holding.take(member.next_taker, points)
    if earned:
        holding.issue(member.id, (merchant_id, earned_on, expires_on, ORIGIN_ACCRUAL), earned)
    return drafted(REDEMPTION, member, holding, books, (
        Posting(books.redeemed, POINTS, points), Posting(books.issued, POINTS, -earned)), money)


def carried_on(draft: Draft, before: Member, span: Span) -> Draft:
    """The same entry, after which the lots of its member are carried on so far."""
    return draft._replace(member=draft.member._replace(span=span), carried=span != before.span)


def expire(member: Member, books: Books) -> Draft:
    """What has ended in the member's lots expires: member -e, expired +e."""
    if member.debt or member.draws or books.at_end:
        return drafted(EXPIRY, member, held_by(member, books), books, ())
    return _drafted(EXPIRY, member, _plain(member, books), books, ())


def _plain(member: Member, books: Books) -> Ended:
    """`held_by`, ended, of a member without draws where what ends expires: much shorter, and it
    is most of them."""
    ended = lapse(member.lots, books.today, member.span)
    if (ended.available + ended.lapsed, ended.held) != (member.available, member.held):
        raise _not_adding_up(member)
    return ended


class Change(NamedTuple):
    """What an original gave and took, as it stood and as it stands from now on (points), and what
    that makes of its money. `held`: points to put aside as far as there are any, of those that it
    gave before others; `ends`: the taker of a hold that ends with it."""

    given: int
    given_after: int
    taken: int = 0
    taken_after: int = 0
    money: Money = NO_MONEY
    held: int = 0
    ends: int | None = None


def restate(kind: int, member: Member, books: Books, taker: int, movements: Iterable[Move],
            change: Change) -> Draft:
    """An original taken back, wholly or in part, or put back, by the law of lots.py. It is never
    refused for lack of points: what was spent becomes debt. `taker`, `movements`: of the
    original's entry (the taker, where it has no number yet, is what stands for it)."""
    holding = held_by(member, books)
    if change.ends is not None:
        holding.give_back(change.ends, holding.of(change.ends))
    back = change.taken - change.taken_after
    if back > 0:
        holding.give_back(taker, back)
    lot_id, less = _lot_given(movements), change.given - change.given_after
    if less > 0:
        holding.take_back(lot_id, less)
    elif less < 0:
        holding.restore(lot_id, -less)
    if back < 0:
        holding.take_again(taker, -back)
    if change.held:
        holding.hold(member.next_taker, min(change.held, holding.available), first=lot_id)
    return drafted(kind, member, holding, books, (
        Posting(books.redeemed, POINTS, -back), Posting(books.issued, POINTS, less)),
        change.money)


def take_held(member: Member, books: Books, taker: int, movements: Iterable[Move], points: int,
              money: Money) -> Draft:
    """HQ takes what a return claims (J12): member -p, issued +p. `taker`: the entry that holds;
    `movements`: of the entry that gave the points."""
    holding = held_by(member, books)
    holding.take_held(taker, _lot_given(movements), points)
    return drafted(HOLD_TAKEN, member, holding, books, (Posting(books.issued, POINTS, points),),
                   money)


def release_held(member: Member, books: Books, taker: int) -> Draft:
    """What an entry holds is the member's to use again (J12, J2)."""
    holding = held_by(member, books)
    holding.give_back(taker, holding.of(taker))
    return drafted(HOLD_RELEASED, member, holding, books, ())


def _lot_given(movements: Iterable[Move]) -> int:
    """The lot into which an entry put the points it gave; NOWHERE when it gave none."""
    given: dict[int, int] = {}
    for move in movements:
        given[move.lot_id] = given.get(move.lot_id, 0) + sum(move[1:5])
    return next((lot_id for lot_id, points in given.items()
                 if lot_id != NOWHERE and points > 0), NOWHERE)


