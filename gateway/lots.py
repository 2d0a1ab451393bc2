"""Lots and draws: where a member's points are, and who has taken them. Pure.

A lot's points are in one of four places, and together they are what was issued into it, less what
was taken back:

    issued = remaining + held + drawn + expired

A *draw* is what one taker (the entry of a redemption, a penalty, a hold) has of one lot. What a
taker could not have, because the lots were empty, it has of NOWHERE: an uncovered draw, which is
the member's debt. So nothing that takes points needs to know later where they came from, and:

Law:
- while there is debt nothing is available (`settle`): the oldest uncovered draw is covered first,
  from what expires first. So balance and debt follow from totals, in whatever order they came;
- taking back what a sale gave takes, of its lot: what remains; what expired (the member pays
  nothing); what stands in for it; what was spent, which is drawn again from other lots; what is
  held. What expired goes before what stands in, or two part refunds would depend on their order;
- what was spent and taken back is *away*: its taker has other points *instead*, which lie on
  living lots only until the next reversal, when they are drawn anew. Where something comes into
  the lot again, that is taken and the draw comes back. What the other points' lot has ended with,
  the member has paid for good. So reversals of one day end alike in any order, now and later;
- giving back what a taker took ends its uncovered draws first, then fills living lots, then
  lots that stand in for expired ones. Such a lot is granted once, and none stands in for it;
- nothing negative, and a lot that shrank never grows again but by what is issued or restored.

What ends is expired, or, where the policy of its last day says so, *frozen*: held for nobody,
until HQ releases or takes it. It is taken back as what remains is.

Here are the values: lots, draws and what moved. `shelf.py` has the single steps, `holding.py` what
can happen. Days are numbers; `expires_on` is the last day on which a lot's points can be used, by
its own date; a member's span may carry it on (validity.py).
"""

from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.validity import Span

NOWHERE = 0  # the lot of an uncovered draw


class LotsError(GatewayError):
    """A movement that lots and draws do not allow: nothing was changed."""

    code = "lots"


class Lot(NamedTuple):
    """Points of one member, issuer, day and origin class, usable through `expires_on`. `paid`:
    what was taken back of it although it was spent. `replaces`: the lot it stands in for."""

    id: int
    member_id: int
    merchant_id: int
    earned_on: int
    expires_on: int
    origin: int
    opened_by: int
    replaces: int | None
    issued: int
    remaining: int
    held: int
    expired: int = 0
    paid: int = 0

    @property
    def drawn(self) -> int:
        return self.issued - self.remaining - self.held - self.expired

    def untouched(self, points: int) -> bool:
        """Whether so many points lie in it as they were given: nobody took, held or lost any."""
        return points <= self.remaining == self.issued and not self.paid

    def last_day(self, span: Span) -> int:
        return span.last_day(self.expires_on)

    def lives(self, today: int, span: Span) -> bool:
        return self.last_day(span) >= today


FACTS_SIZE = Lot._fields.index("issued")  # what is told of a lot when it is opened


class Draw(NamedTuple):
    """What `taker` has of `lot_id`; `held`: it only holds it. `away`: what it had of it besides,
    until that was taken back and had to be drawn elsewhere. `instead`: how many of `points` are
    here only because they are away from their own lot; a taker's add up to what it has away."""

    taker: int
    lot_id: int
    points: int
    held: bool = False
    away: int = 0
    instead: int = 0


class Move(NamedTuple):
    """What changed in a lot (NOWHERE: in debt), on behalf of `taker` or of nobody (None)."""

    lot_id: int
    delta: int
    held_delta: int = 0
    drawn_delta: int = 0
    expired_delta: int = 0
    paid_delta: int = 0
    taker: int | None = None
    instead_delta: int = 0

    @property
    def says(self) -> bool:
        """Whether anything changed."""
        return any(self[1:6]) or self.instead_delta != 0


TAKER = Move._fields.index("taker")

Facts = tuple[int, int, int, int]  # merchant, earned_on, expires_on, origin class


def age(number: int) -> tuple[bool, int]:
    """Sorts ids from the oldest to the newest; those of this batch are negative yet."""
    return number < 0, abs(number)


class Ended(NamedTuple):
    """What work on a holding came to: the balances, what had ended by then, all its lots by id,
    those opened, what moved by lot and taker, the draws that changed (empty ones too), and those
    that are not empty."""

    available: int
    held: int
    debt: int
    lapsed: int
    lots: dict[int, Lot]
    opened: tuple[int, ...]
    moved: tuple[Move, ...]
    touched: tuple[Draw, ...]
    draws: tuple[Draw, ...]
