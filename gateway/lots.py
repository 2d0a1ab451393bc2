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

A `Holding` is worked on and then read: `moved` is what changed, one line for each lot and taker.
Days are numbers; `expires_on` is the last day on which a lot's points can be used, by its own
date; a member's span may carry it on (validity.py).
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.validity import HOLD, NO_SPAN, Policies, Span, policy_on

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


class Holding:
    """All of a member that moves points needs: its living lots, its uncovered draws, and of the
    rest what the movement is about (the lots of what is taken or given back with those that stand
    in for them, their draws, and the other draws of those takers).

    `today`: the business day; lots that ended before it have been expired (`expire`).
    `span`: what carries the member's lots on; `at_end`: what becomes of those that end.
    `provisional`: the id of the first lot opened here, the next ones follow below it.
    """

    def __init__(self, lots: Iterable[Lot], draws: Iterable[Draw], today: int, *,
                 grace_days: int = 30, provisional: int = -1, span: Span = NO_SPAN,
                 at_end: Policies = ()) -> None:
        self.lots: dict[int, Lot] = {lot.id: lot for lot in lots}
        self._standing: dict[int, list[int]] = {}
        for lot in self.lots.values():
            if lot.replaces is not None:
                self._standing.setdefault(lot.replaces, []).append(lot.id)
        self.today = today
        self._opened: list[int] = []
        self.lapsed = 0  # points that `expire` found
        self._grace_days = grace_days
        self._span = span
        self._at_end = at_end
        self._next_id = provisional
        self._draws: dict[tuple[int, int], Draw] = {
            (draw.taker, draw.lot_id): draw for draw in draws}
        self._moves: dict[tuple[int, int | None], Move] = {}

    # -- how it stands -----------------------------------------------------------------------

    @property
    def available(self) -> int:
        return sum(lot.remaining for lot in self.lots.values())

    @property
    def held(self) -> int:
        return sum(lot.held for lot in self.lots.values())

    @property
    def debt(self) -> int:
        return sum(draw.points for draw in self._draws.values() if draw.lot_id == NOWHERE)

    @property
    def draws(self) -> tuple[Draw, ...]:
        """Those that are not empty, by taker and lot."""
        return tuple(draw for _, draw in sorted(self._draws.items()) if draw.points or draw.away)

    @property
    def moved(self) -> tuple[Move, ...]:
        """What changed since the beginning, by lot and taker. That a lot stands in for another
        is told even where it was emptied again: it is granted once."""
        moves = [move for move in self._moves.values() if move.says
                 or move.lot_id in self._opened and self.lots[move.lot_id].replaces is not None]
        if len(moves) > 1:
            moves.sort(key=lambda move: (age(move.lot_id), age(move.taker or 0)))
        return tuple(moves)

    def ended(self) -> Ended:
        """What came of it. A lot that was opened and emptied again at once never was, unless it
        stands in for another."""
        moved = self.moved
        opened = self._opened
        lots = self.lots
        if opened:
            used = {move.lot_id for move in moved}
            gone = {lot_id for lot_id in opened if lot_id not in used}
            opened = [lot_id for lot_id in opened if lot_id not in gone]
            lots = {lot_id: lot for lot_id, lot in lots.items() if lot_id not in gone}
        touched = tuple(self._draws[move.taker, move.lot_id] for move in moved
                        if move.taker is not None)
        return Ended(self.available, self.held, self.debt, self.lapsed, lots, tuple(opened), moved,
                     touched, self.draws)

    def of(self, taker: int) -> int:
        """How many points a taker has, covered or not."""
        return sum(draw.points for draw in self._draws.values() if draw.taker == taker)

    # -- what can happen -----------------------------------------------------------------------

    def expire(self) -> None:
        """What remains of lots that have ended is nobody's any more, or frozen, and what is drawn
        of them instead of something else stays drawn."""
        for lot in list(self.lots.values()):
            if lot.remaining and not self._lives(lot):
                self.lapsed += self._lapse(lot.id, lot.remaining, left=lot.remaining)
        for draw in list(self._draws.values()):
            if (draw.instead and draw.lot_id != NOWHERE
                    and not self._lives(self.lots[draw.lot_id])):
                self._stay(draw)

    def frozen(self, lot_id: int) -> int:
        """The points of an ended lot that wait for HQ's word: what is held and no hold has."""
        return self.lots[lot_id].held - sum(
            draw.points for draw in self._draws.values() if draw.lot_id == lot_id and draw.held)

    def thaw(self, lot_id: int, *, take: bool) -> int:
        """HQ's word on what is frozen: it comes back as what was spent does (J2), or it expires;
        how many points. LotsError where nothing is frozen, or where it came back once before."""
        points = self.frozen(lot_id)
        if not points:
            raise LotsError(f"Nothing of lot {lot_id} is frozen. Nothing was changed.")
        if not take and self._granted(lot_id) and self._home(lot_id) is None:
            raise LotsError(f"Points of lot {lot_id} came back once and ended again. Nothing was"
                            " changed; take them, or give others by an adjustment.")
        if take:
            self._move(lot_id, 0, held_delta=-points, expired_delta=points)
        else:
            self._move(lot_id, 0, held_delta=-points)
            self._return(lot_id, points)
        self.settle()
        return points

    def issue(self, member_id: int, facts: Facts, points: int) -> None:
        """Points from an issuer: into the lot of these facts, or a new one; debt comes first."""
        alike = [lot for lot in self.lots.values() if lot.replaces is None
                 and (lot.merchant_id, lot.earned_on, lot.expires_on, lot.origin) == facts
                 and (lot.remaining or lot.held)]
        lot = (min(alike, key=lambda lot: age(lot.id)) if alike
               else self._open(member_id, facts))
        self._move(lot.id, points)
        self.settle()

    def take(self, taker: int, points: int) -> None:
        """Points for a taker, from what expires first; what there is not, it has of nowhere."""
        self._draw(taker, NOWHERE, points)
        self.settle()

    def hold(self, taker: int, points: int) -> None:
        """Put points aside; more than are available is a LotsError."""
        if points > self.available:
            raise LotsError(f"{points} points to hold, {self.available} available."
                            " Nothing was changed.")
        for lot in self._living():
            found = min(points, lot.remaining)
            self._move(lot.id, -found, held_delta=found, taker=taker)
            points -= found

    def give_back(self, taker: int, points: int) -> None:
        """Points that a taker took, or held, are the member's again."""
        if points > self.of(taker):
            raise LotsError(f"{points} points to give back, {self.of(taker)} were taken."
                            " Nothing was changed.")
        self._lift()
        for draw, away, found in self._ending(taker, points):
            if away:  # had it not been taken back, it would be there
                self._bring_back(draw, found)
            self._end(draw, found)
            self._return(draw.lot_id, found)
            if away:
                self._take(draw.lot_id, found)
        self._draw_anew()

    def take_back(self, lot_id: int, points: int) -> None:
        """What an issuer gave into this lot is not the member's any more."""
        family = (lot_id, *self._stand_ins(lot_id))
        if points > sum(self.lots[each].issued for each in family):
            raise LotsError(f"{points} points to take back, less was given. Nothing was changed.")
        self._lift()
        self._take(lot_id, points)
        self._draw_anew()

    def restore(self, lot_id: int, points: int) -> None:
        """What was taken back of this lot is put back: first what the member paid for, which
        brings draws back that had to go elsewhere, then what cost nothing."""
        self._lift()
        points -= self._bring_all_back(lot_id, points)
        paid = min(points, self.lots[lot_id].paid)
        self._move(lot_id, 0, paid_delta=-paid)
        self._return(lot_id, paid)
        self._fill(lot_id, points - paid)
        self._draw_anew()

    def take_again(self, taker: int, points: int) -> None:
        """Points that were given back are the taker's once more."""
        self._lift()
        self._draw(taker, NOWHERE, points)
        self._draw_anew()

    def extend(self, lot_id: int, ends_on: int) -> None:
        """What remains of a lot, what expired in it and what is frozen is usable through
        `ends_on`: in a lot that stands in for it, or for the one that it stands in for."""
        lot, frozen = self.lots[lot_id], self.frozen(lot_id)
        points, last_day = lot.remaining + lot.expired + frozen, lot.last_day(self._span)
        if not points or ends_on <= max(last_day, self.today - 1):
            raise LotsError(f"{points} points, usable through day {last_day}, are not to be had"
                            f" longer through day {ends_on}. Nothing was changed.")
        replaces = lot_id if lot.replaces is None else lot.replaces
        later = self._open(lot.member_id, (lot.merchant_id, lot.earned_on, ends_on, lot.origin),
                           replaces)
        self._move(lot_id, -lot.remaining, held_delta=-frozen, expired_delta=-lot.expired)
        self._move(later.id, points)
        self.settle()

    def settle(self) -> None:
        """What is owed is drawn from what lives and ends first, the oldest taker's first."""
        owed = sorted((draw for draw in self._draws.values()
                       if draw.lot_id == NOWHERE and draw.points),
                      key=lambda draw: age(draw.taker))
        for draw in owed:
            self._cover(draw.taker, draw.points - draw.instead)
        for draw in owed:
            self._cover(draw.taker, draw.instead, instead=True)

    # -- steps ---------------------------------------------------------------------------------

    def _lives(self, lot: Lot) -> bool:
        return lot.lives(self.today, self._span)

    def _living(self) -> list[Lot]:
        """Lots with something in them that can be used, what ends first first."""
        return sorted((lot for lot in self.lots.values()
                       if lot.remaining and self._lives(lot)),
                      key=lambda lot: (lot.expires_on, age(lot.replaces or lot.id)))

    def _comes_to(self, lot_id: int) -> tuple[int, int, tuple[bool, int]]:
        """Sorts lots by how long a point lives that comes back to them: what would lapse at once,
        lots that something stands in for, living ones, debt."""
        if lot_id == NOWHERE:
            return 3, 0, (False, 0)
        lot, home = self.lots[lot_id], self._home(lot_id)
        since = age(lot.replaces or lot_id)
        if home is None and self._granted(lot_id):
            return 0, lot.expires_on, since
        return (2 if self._lives(lot) else 1,
                home.expires_on if home else self._grace_ends(lot), since)

    def _grace_ends(self, lot: Lot) -> int:
        return max(lot.expires_on, self.today + self._grace_days)

    def _ending(self, taker: int, points: int) -> list[tuple[Draw, bool, int]]:
        """What ends when a taker gives points back, (draw, whether away, points): uncovered draws
        first, then what lives longest. What is drawn instead of something else ends with that."""
        claims = [claim for draw in self._draws.values() if draw.taker == taker
                  for claim in ((draw, False, draw.points - draw.instead),
                                (draw, True, draw.away))]
        claims.sort(key=lambda claim: self._comes_to(claim[0].lot_id), reverse=True)
        ending = []
        for draw, away, found in claims:
            found = min(points, found)
            points -= found
            if found:
                ending.append((draw, away, found))
        return ending

    def _cover(self, taker: int, points: int, *, instead: bool = False) -> None:
        """So much that a taker has of nowhere is drawn from what lives, as far as there is any."""
        for lot in self._living() if points else ():
            found = min(points, lot.remaining)
            points -= found
            self._draw(taker, NOWHERE, -found, instead=instead)
            self._move(lot.id, -found)
            self._draw(taker, lot.id, found, instead=instead)

    def _draw_anew(self) -> None:
        """Nobody pays for a lot in which there is something; what was lifted is drawn again."""
        while any([self._unpay(lot.id) for lot in list(self.lots.values()) if lot.paid]):
            pass
        self.settle()

    def _lift(self) -> None:
        """What is drawn anywhere instead of something else is drawn of nowhere. Each reversal
        begins with it, so that it ends as if it had come before the others of its day."""
        for draw in list(self._draws.values()):
            if draw.instead and draw.lot_id != NOWHERE:
                self._draw(draw.taker, draw.lot_id, -draw.instead, instead=True)
                self._move(draw.lot_id, draw.instead)
                self._draw(draw.taker, NOWHERE, draw.instead, instead=True)

    def _stay(self, draw: Draw) -> None:
        """What is drawn here instead of something else is drawn here for good: the member has
        paid for that."""
        left = draw.instead
        self._move(draw.lot_id, 0, taker=draw.taker, instead_delta=-left)
        for other in sorted((each for each in self._draws.values()
                             if each.taker == draw.taker and each.away),
                            key=lambda each: age(each.lot_id)):
            found = min(left, other.away)
            left -= found
            self._move(other.lot_id, 0, paid_delta=-found, taker=draw.taker)
            self._move(other.lot_id, 0, paid_delta=found)

    def _stand_ins(self, lot_id: int) -> list[int]:
        return self._standing.get(lot_id, [])

    def _take(self, lot_id: int, points: int) -> None:
        """Points of a lot and of what stands in for it are taken back, in the order of the law."""
        family = (lot_id, *self._stand_ins(lot_id))
        points -= self._take_unspent(lot_id, points)
        for each in family[1:]:
            found = self._shrink(each, points)
            self._move(lot_id, 0, paid_delta=found)
            points -= found
        for held in (False, True):
            for each in family:
                points -= self._undraw(each, points, lot_id, held=held)

    def _take_unspent(self, lot_id: int, points: int) -> int:
        """What costs the member nothing more: what remains of a lot, and what is frozen or
        expired in it or in what stands in for it; how many points."""
        family = (lot_id, *self._stand_ins(lot_id))
        found = self._shrink(lot_id, points)
        for each in family:
            found += self._shrink_frozen(each, points - found)
        for each in family:
            found += self._shrink(each, points - found, expired=True)
        return found

    def _undraw(self, lot_id: int, points: int, of_lot: int, *, held: bool) -> int:
        """Draws on a lot end, the newest taker's first: what was spent must come from elsewhere,
        what was held is held no more. `of_lot`: the lot that is taken back, or what this one
        stands in for. How many points."""
        ended = 0
        for draw in sorted((draw for draw in self._draws.values()
                            if draw.lot_id == lot_id and draw.held == held and draw.points),
                           key=lambda draw: age(draw.taker), reverse=True):
            found = min(points - ended, draw.points)
            self._end(draw, found)
            self._move(of_lot, 0, paid_delta=found, taker=None if held else draw.taker)
            if not held:
                self._draw(draw.taker, NOWHERE, found, instead=True)
            ended += found
        return ended

    def _unpay(self, lot_id: int) -> bool:
        """What came into a lot since is taken instead of what was drawn elsewhere for it; whether
        there was any."""
        away = sum(draw.away for draw in self._draws.values() if draw.lot_id == lot_id)
        found = self._take_unspent(lot_id, away)
        for each in self._stand_ins(lot_id):
            spared = self._shrink(each, away - found)
            self._move(lot_id, 0, paid_delta=spared)
            found += spared
        return self._bring_all_back(lot_id, found) > 0

    def _bring_all_back(self, lot_id: int, points: int) -> int:
        """Draws that had to go elsewhere are the lot's again, the oldest taker's first; how many
        points."""
        back = 0
        for draw in sorted(self._draws.values(), key=lambda draw: age(draw.taker)):
            if draw.lot_id == lot_id and draw.away:
                found = min(points - back, draw.away)
                self._bring_back(draw, found)
                back += found
        return back

    def _bring_back(self, draw: Draw, points: int) -> None:
        """What a taker has away from a lot is drawn from it again (what is drawn instead is
        lifted)."""
        self._move(draw.lot_id, 0, paid_delta=-points, taker=draw.taker)
        self._draw(draw.taker, draw.lot_id, points)
        self._draw(draw.taker, NOWHERE, -points, instead=True)

    def _shrink(self, lot_id: int, points: int, *, expired: bool = False) -> int:
        """What is still in a lot, or expired in it, is taken out of it; how many points."""
        lot = self.lots[lot_id]
        found = min(points, lot.expired if expired else lot.remaining)
        if expired:
            self._move(lot_id, 0, expired_delta=-found)
        else:
            self._move(lot_id, -found)
        return found

    def _shrink_frozen(self, lot_id: int, points: int) -> int:
        found = min(points, self.frozen(lot_id))
        self._move(lot_id, 0, held_delta=-found)
        return found

    def _end(self, draw: Draw, points: int) -> None:
        """So many points of a draw are its taker's no more."""
        if draw.held:
            self._move(draw.lot_id, 0, held_delta=-points, taker=draw.taker)
        else:
            self._draw(draw.taker, draw.lot_id, -points)

    def _return(self, lot_id: int, points: int) -> None:
        """Points that were spent or held come back: to their lot or the one that stands in for it,
        whichever ends last, while that lives; else a lot is opened to stand in, once."""
        if not points or lot_id == NOWHERE:
            return
        home = self._home(lot_id)
        if home is None and not self._granted(lot_id):
            lot = self.lots[lot_id]
            home = self._open(lot.member_id, (lot.merchant_id, lot.earned_on,
                                              self._grace_ends(lot), lot.origin), replaces=lot_id)
        if home is None:
            self._lapse(lot_id, points)
        else:
            self._move(home.id, points)

    def _home(self, lot_id: int) -> Lot | None:
        """The lot to which points of this one come back, if it lives."""
        last = max((self.lots[each] for each in (lot_id, *self._stand_ins(lot_id))),
                   key=lambda each: (each.last_day(self._span), age(each.id)))
        return last if self._lives(last) else None

    def _granted(self, lot_id: int) -> bool:
        """Whether a lot stands in for another, or had one that did: no other will."""
        return self.lots[lot_id].replaces is not None or bool(self._stand_ins(lot_id))

    def _fill(self, lot_id: int, points: int) -> None:
        """Points that were still there when they were taken back are there again, or would have
        ended with their lot."""
        if self._lives(self.lots[lot_id]):
            self._move(lot_id, points)
        else:
            self._lapse(lot_id, points)

    def _lapse(self, lot_id: int, points: int, *, left: int = 0) -> int:
        """Points go where those of an ended lot go, out of what was `left` in it; how many of
        them expired."""
        if policy_on(self._at_end, self.lots[lot_id].last_day(self._span)) == HOLD:
            self._move(lot_id, -left, held_delta=points)
            return 0
        self._move(lot_id, -left, expired_delta=points)
        return points

    def _open(self, member_id: int, facts: Facts, replaces: int | None = None) -> Lot:
        lot = Lot(self._next_id, member_id, *facts, 0, replaces, 0, 0, 0)
        self._next_id -= 1
        self.lots[lot.id] = lot
        self._opened.append(lot.id)
        if replaces is not None:
            self._standing.setdefault(replaces, []).append(lot.id)
        return lot

    def _draw(self, taker: int, lot_id: int, points: int, *, instead: bool = False) -> None:
        self._move(lot_id, 0, drawn_delta=points, taker=taker,
                   instead_delta=points if instead else 0)

    def _move(self, lot_id: int, delta: int, *, held_delta: int = 0, drawn_delta: int = 0,
              expired_delta: int = 0, paid_delta: int = 0, taker: int | None = None,
              instead_delta: int = 0) -> None:
        """The one place where anything changes."""
        if taker is not None:
            draw = self._draws.get((taker, lot_id)) or Draw(taker, lot_id, 0, bool(held_delta))
            self._draws[taker, lot_id] = draw._replace(
                points=draw.points + held_delta + drawn_delta, away=draw.away + paid_delta,
                instead=draw.instead + instead_delta)
        if lot_id != NOWHERE:
            lot = self.lots[lot_id]
            self.lots[lot_id] = lot._replace(
                issued=lot.issued + delta + held_delta + drawn_delta + expired_delta,
                remaining=lot.remaining + delta, held=lot.held + held_delta,
                expired=lot.expired + expired_delta, paid=lot.paid + paid_delta)
        known = self._moves.get((lot_id, taker)) or Move(lot_id, 0, taker=taker)
        self._moves[lot_id, taker] = Move(
            lot_id, known.delta + delta, known.held_delta + held_delta,
            known.drawn_delta + drawn_delta, known.expired_delta + expired_delta,
            known.paid_delta + paid_delta, taker, known.instead_delta + instead_delta)
