"""A member as decisions and the ledger need it, and what its lots say of a day. Pure."""

from typing import NamedTuple

from gateway.lots import NOWHERE, Draw, Lot
from gateway.validity import NO_SPAN, Span


class Member(NamedTuple):
    """What decisions and the ledger need of a member; `lots`: those with something in them, and
    those that a void of the batch is about; `draws`: where there is debt or a void, its draws;
    `span`: how far its activity carries them."""

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
    draws: tuple[Draw, ...] = ()
    span: Span = NO_SPAN

    @property
    def nobody(self) -> bool:
        """Whether this is only a terminal's chain, for sales to nobody (terminal_chains.py)."""
        return self.id < 0

    @property
    def balance(self) -> int:
        return self.available - self.debt

    @property
    def next_taker(self) -> int:
        """The provisional number of the next entry, as a taker of points."""
        return -(self.chain_seq + 1)

    def linked(self, link: bytes, head: bytes) -> "Member":
        """As it stands when its last entry has its link and head."""
        return Member._make((*self[:_CHAIN_LINK], link, head, *self[_CHAIN_LINK + 2:]))

    def after(self, available: int, held: int, debt: int, lots: tuple[Lot, ...],
              draws: tuple[Draw, ...]) -> "Member":
        """As its next entry leaves it, which has no link yet."""
        return Member._make((*self[:_AVAILABLE], available, held, debt, self.chain_seq + 1,
                             self.chain_link, self.chain_head, lots, draws, self.span))


_AVAILABLE = Member._fields.index("available")
_CHAIN_LINK = Member._fields.index("chain_link")


def consistent(member: Member) -> bool:
    """Whether the balances equal the lots (all that live are loaded) and none is negative."""
    return (member.available == sum([lot.remaining for lot in member.lots]) >= 0
            and member.held == sum([lot.held for lot in member.lots]) >= 0
            and member.debt >= 0)


def drawn_as_told(member: Member) -> bool:
    """Whether its draws, all of which are loaded, are what its lots and its debt say."""
    drawn, held, away = {NOWHERE: 0}, {NOWHERE: 0}, {NOWHERE: 0}
    owed: dict[int, int] = {}
    for draw in member.draws:
        if min(draw.points, draw.instead, draw.away, draw.points - draw.instead) < 0:
            return False
        of_kind = held if draw.held else drawn
        of_kind[draw.lot_id] = of_kind.get(draw.lot_id, 0) + draw.points
        away[draw.lot_id] = away.get(draw.lot_id, 0) + draw.away
        owed[draw.taker] = owed.get(draw.taker, 0) + draw.away - draw.instead
    if drawn.pop(NOWHERE) != member.debt or held.pop(NOWHERE) or away.pop(NOWHERE):
        return False
    if any(owed.values()) or not {*drawn, *held, *away} <= {lot.id for lot in member.lots}:
        return False
    return all(drawn.get(lot.id, 0) == lot.drawn and held.get(lot.id, 0) <= lot.held
               and away.get(lot.id, 0) <= lot.paid for lot in member.lots)


def derived(member: Member) -> tuple:
    """What a member's seal covers, in the order of tables.MEMBER_DERIVED."""
    return (member.id, member.available, member.held, member.debt, member.chain_seq,
            member.chain_link, member.chain_head)


def last_days(member: Member, today: int) -> list[int]:
    """The last days of what can be used today."""
    return [lot.last_day(member.span) for lot in member.lots
            if lot.remaining and lot.lives(today, member.span)]


def balance_on(member: Member, today: int) -> int:
    """The balance to show: what can be used today, less the debt."""
    return spendable(member, today) - member.debt


def lapses(member: Member, today: int) -> bool:
    """Whether something remains in lots that ended before `today`."""
    return any([lot.expires_on < today and lot.remaining and not lot.lives(today, member.span)
                for lot in member.lots])


def spendable(member: Member, today: int) -> int:
    """The points that can be taken today."""
    return sum(lot.remaining for lot in member.lots if lot.lives(today, member.span))


def usable(member: Member, today: int) -> int:
    """The points that may pay a bill today: none while there is a debt (J11)."""
    return 0 if member.debt else spendable(member, today)


def expiring_next(member: Member, today: int) -> tuple[int, int] | None:
    """(points, day) of what expires first from `today` on, or None when nothing does."""
    live = [(lot.last_day(member.span), lot.remaining) for lot in member.lots
            if lot.remaining and lot.lives(today, member.span)]
    if not live:
        return None
    first = min(live)[0]
    return sum(remaining for on, remaining in live if on == first), first
