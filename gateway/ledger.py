"""The ledger: double entry over points, lots with a date, members with a balance. Pure.

Law (I3): the postings of an entry sum to zero in each unit; a member's `available` is the sum
of what remains in the lots and never negative, `held` the sum of what they hold; the balance
shown is available - debt. An entry is made here and nowhere else, from a Member as it stands,
and brings the Member as it stands afterwards. Nothing here knows frames, terminals or time:
days are numbers, and who asked is somebody else's business.

A lot opened here has a negative id until the entry has its number: unique for its member.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.errors import GatewayError

POINTS = 1

# entry kinds
ACCRUAL = 1
REVERSAL = 2

ORIGIN_ACCRUAL = 1  # origin class of a lot: what made the points

_LINES_MAX = 64


class LedgerError(GatewayError):
    """An entry that would break the law of the ledger: it was not made."""

    code = "ledger"


class Lot(NamedTuple):
    """Points of one member, issuer, day and origin class, usable through `expires_on`."""

    id: int
    member_id: int
    merchant_id: int
    earned_on: int
    expires_on: int
    origin: int
    opened_by: int
    issued: int
    remaining: int
    held: int


class Member(NamedTuple):
    """What decisions and the ledger need of a member; `lots`: those with something in them."""

    id: int
    programme_id: int
    tier: str
    state: str
    state_since: int
    masked_name: str
    points_account_id: int
    available: int
    held: int
    debt: int
    chain_seq: int
    chain_link: bytes
    chain_head: bytes
    lots: tuple[Lot, ...] = ()

    @property
    def balance(self) -> int:
        return self.available - self.debt


class Posting(NamedTuple):
    account_id: int
    unit: int
    amount: int


class Movement(NamedTuple):
    """What an entry did to a lot: `delta` to remaining, `held_delta` to held."""

    lot_id: int
    delta: int
    held_delta: int


class Draft(NamedTuple):
    """An entry before it has a number: its lines, the lots it opened or changed, and the member
    behind it. `opened` is a subset of `changed`."""

    kind: int
    member: Member
    postings: tuple[Posting, ...]
    movements: tuple[Movement, ...]
    opened: tuple[Lot, ...]
    changed: tuple[Lot, ...]


def balanced(postings: Iterable[Posting]) -> bool:
    sums: dict[int, int] = {}
    for posting in postings:
        sums[posting.unit] = sums.get(posting.unit, 0) + posting.amount
    return not any(sums.values())


def consistent(member: Member) -> bool:
    """Whether the balances equal the lots (all live lots loaded) and none is negative."""
    return (member.available == sum(lot.remaining for lot in member.lots) >= 0
            and member.held == sum(lot.held for lot in member.lots) >= 0
            and member.debt >= 0
            and all(lot.remaining >= 0 and lot.held >= 0 for lot in member.lots))


def derived(member: Member) -> tuple:
    """What a member's seal covers, in the order of tables.MEMBER_DERIVED."""
    return (member.id, member.available, member.held, member.debt, member.chain_seq,
            member.chain_link, member.chain_head)


def _checked(draft: Draft) -> Draft:
    if not balanced(draft.postings):
        raise LedgerError(f"Postings for member {draft.member.id} do not sum to zero."
                          " Nothing was posted; this is a fault of the gateway.")
    if not consistent(draft.member):
        raise LedgerError(f"Balances and lots of member {draft.member.id} disagree."
                          " Nothing was posted; run the audit.")
    return draft


def accrue(member: Member, merchant_id: int, issued_account_id: int, points: int,
           earned_on: int, expires_on: int) -> Draft:
    """Points given for a sale: member +p, issued by the merchant -p.

    Joins the lot of the same issuer, days and origin class where one lives, else opens one. An
    award of 0 points is an entry without lines: the tap happened and has its receipt.
    """
    if points < 0:
        raise LedgerError("An accrual of negative points. Nothing was posted.")
    seq = member.chain_seq + 1
    if not points:
        return _checked(Draft(ACCRUAL, member._replace(chain_seq=seq), (), (), (), ()))
    facts = (merchant_id, earned_on, expires_on, ORIGIN_ACCRUAL)
    opened: tuple[Lot, ...] = ()
    lots = list(member.lots)
    for place, lot in enumerate(lots):
        if lot[2:6] == facts:
            changed = lot._replace(issued=lot.issued + points, remaining=lot.remaining + points)
            lots[place] = changed
            break
    else:
        changed = Lot(-seq * _LINES_MAX, member.id, *facts, 0, points, points, 0)
        opened = (changed,)
        lots.append(changed)
    after = member._replace(available=member.available + points, chain_seq=seq,
                            lots=tuple(lots))
    postings = (Posting(member.points_account_id, POINTS, points),
                Posting(issued_account_id, POINTS, -points))
    return _checked(Draft(ACCRUAL, after, postings, (Movement(changed.id, points, 0),),
                          opened, (changed,)))


def reverse(member: Member, postings: Iterable[Posting], movements: Iterable[Movement]) -> Draft:
    """An entry taken back whole: each posting once more with its sign turned.

    What the entry put into a lot is taken out of that lot as far as it is still there, and what
    is not there any more becomes debt: a reversal is never refused for lack of points. Only
    entries that gave points and held none can be taken back so far.
    """
    lots = {lot.id: lot for lot in member.lots}
    taken: list[Movement] = []
    short = 0
    for lot_id, delta, held_delta in movements:
        if delta < 0 or held_delta:
            raise LedgerError("An entry that took or held points cannot be taken back yet."
                              " Nothing was posted.")
        found = lots.get(lot_id)
        there = 0 if found is None else min(delta, found.remaining)
        short += delta - there
        if found is not None and there:
            lots[lot_id] = found._replace(remaining=found.remaining - there)
            taken.append(Movement(lot_id, -there, 0))
    back = tuple(posting._replace(amount=-posting.amount) for posting in postings)
    after = member._replace(
        available=member.available + sum(moved.delta for moved in taken),
        debt=member.debt + short, chain_seq=member.chain_seq + 1, lots=tuple(lots.values()))
    changed = tuple(lots[lot_id] for lot_id in dict.fromkeys(moved.lot_id for moved in taken))
    draft = _checked(Draft(REVERSAL, after, back, tuple(taken), (), changed))
    if after.balance - member.balance != points_of(member, back):
        raise LedgerError(f"Postings and lots of an entry of member {member.id} disagree."
                          " Nothing was posted; run the audit.")
    return draft


def points_of(member: Member, postings: Iterable[Posting]) -> int:
    """What these postings add to a member's points."""
    return sum(posting.amount for posting in postings
               if (posting.account_id, posting.unit) == (member.points_account_id, POINTS))


def expiring_next(member: Member, today: int) -> tuple[int, int] | None:
    """(points, day) of what expires first from `today` on, or None when nothing does."""
    live = [(lot.expires_on, lot.remaining) for lot in member.lots
            if lot.remaining and lot.expires_on >= today]
    if not live:
        return None
    first = min(live)[0]
    return sum(remaining for on, remaining in live if on == first), first
