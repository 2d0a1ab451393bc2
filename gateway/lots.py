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
    until that was taken back and had to be drawn elsewhere."""

    taker: int
    lot_id: int
    points: int
    held: bool = False
    away: int = 0


class Move(NamedTuple):
    """What changed in a lot (NOWHERE: in debt), on behalf of `taker` or of nobody (None)."""

    lot_id: int
    delta: int
    held_delta: int = 0
    drawn_delta: int = 0
    expired_delta: int = 0
    paid_delta: int = 0
    taker: int | None = None


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
        """What changed since the beginning, by lot and taker."""
        moves = [move for move in self._moves.values() if any(move[1:6])]
        if len(moves) > 1:
            moves.sort(key=lambda move: (age(move.lot_id), age(move.taker or 0)))
        return tuple(moves)

    def ended(self) -> Ended:
        """What came of it. A lot that was opened and emptied again at once never was."""
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
        """What remains of lots that have ended is nobody's any more, or frozen."""
        for lot in list(self.lots.values()):
            if lot.remaining and not self._lives(lot):
                self.lapsed += self._lapse(lot.id, lot.remaining, left=lot.remaining)

    def frozen(self, lot_id: int) -> int:
        """The points of an ended lot that wait for HQ's word: what is held and no hold has."""
        return self.lots[lot_id].held - sum(
            draw.points for draw in self._draws.values() if draw.lot_id == lot_id and draw.held)

    def thaw(self, lot_id: int, *, take: bool) -> int:
        """HQ's word on what is frozen: it comes back as what was spent does (J2), or it expires;
        how many points. LotsError where nothing is frozen, or where it came back once before."""
        points, lot = self.frozen(lot_id), self.lots[lot_id]
        if not points:
            raise LotsError(f"Nothing of lot {lot_id} is frozen. Nothing was changed.")
        back = self._stand_ins(lot_id)
        if not take and (lot.replaces is not None
                         or back and not self._lives(self.lots[back[0]])):
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
        mine = [draw for draw in self._draws.values() if draw.taker == taker]
        left = points
        for draw in sorted(mine, key=lambda draw: age(draw.lot_id)):
            # had it not been taken back, it would be there again, to end with its lot
            if draw.away and self._lives(self.lots[draw.lot_id]):
                found = min(left, draw.away)
                self._move(draw.lot_id, 0, paid_delta=-found, taker=taker)
                left -= found
        self._free(mine, points)
        self.settle()

    def take_back(self, lot_id: int, points: int) -> None:
        """What an issuer gave into this lot is not the member's any more."""
        family = (lot_id, *self._stand_ins(lot_id))
        if points > sum(self.lots[each].issued for each in family):
            raise LotsError(f"{points} points to take back, less was given. Nothing was changed.")
        points -= self._shrink(lot_id, points)
        for each in family:
            points -= self._shrink_frozen(each, points)
        for each in family:
            points -= self._shrink(each, points, expired=True)
        for each in family[1:]:
            found = self._shrink(each, points)
            self._move(lot_id, 0, paid_delta=found)
            points -= found
        for held in (False, True):
            for each in family:
                points -= self._undraw(each, points, lot_id, held=held)
        self.settle()

    def restore(self, lot_id: int, points: int) -> None:
        """What was taken back of this lot is put back: first what the member paid for, which
        brings draws back that had to go elsewhere, then what cost nothing."""
        paid = min(points, self.lots[lot_id].paid)
        self._fill(lot_id, points - paid)
        for draw in sorted(self._draws.values(), key=lambda draw: age(draw.taker)):
            if draw.lot_id == lot_id and draw.away:
                found = min(paid, draw.away)
                self._move(lot_id, 0, paid_delta=-found, taker=draw.taker)
                self._return(lot_id, found - self._redraw(draw.taker, lot_id, found))
                paid -= found
        self._move(lot_id, 0, paid_delta=-paid)
        self._return(lot_id, paid)
        self.settle()

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
        """Uncovered draws are drawn from what lives, the oldest taker first."""
        owed = [draw.taker for draw in self._draws.values()
                if draw.lot_id == NOWHERE and draw.points]
        for taker in sorted(owed, key=age):
            for lot in self._living():
                found = min(self._draws[taker, NOWHERE].points, lot.remaining)
                if found:
                    self._draw(taker, NOWHERE, -found)
                    self._move(lot.id, -found, drawn_delta=found, taker=taker)

    # -- steps ---------------------------------------------------------------------------------

    def _lives(self, lot: Lot) -> bool:
        return lot.lives(self.today, self._span)

    def _living(self) -> list[Lot]:
        """Lots with something in them that can be used, what ends first first."""
        return sorted((lot for lot in self.lots.values()
                       if lot.remaining and self._lives(lot)),
                      key=lambda lot: (lot.expires_on, age(lot.id)))

    def _last_to_end(self, draw: Draw) -> tuple[bool, int, tuple[bool, int]]:
        if draw.lot_id == NOWHERE:
            return True, 0, (False, 0)
        return False, self.lots[draw.lot_id].expires_on, age(draw.lot_id)

    def _stand_ins(self, lot_id: int) -> list[int]:
        return [lot.id for lot in self.lots.values() if lot.replaces == lot_id]

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
                self._draw(draw.taker, NOWHERE, found)
            ended += found
        return ended

    def _redraw(self, taker: int, lot_id: int, points: int) -> int:
        """A draw that had to go elsewhere comes back, as far as its taker still has it; how many
        points."""
        elsewhere = [draw for draw in self._draws.values()
                     if draw.taker == taker and draw.lot_id != lot_id and not draw.held]
        back = min(points, sum(draw.points for draw in elsewhere))
        self._free(elsewhere, back)
        if back:
            self._move(lot_id, 0, drawn_delta=back, taker=taker)
        return back

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

    def _free(self, draws: Iterable[Draw], points: int) -> None:
        """So many points of these draws go back where they came from: uncovered ones first, then
        to what ends last."""
        for draw in sorted(draws, key=self._last_to_end, reverse=True):
            found = min(points, draw.points)
            points -= found
            self._end(draw, found)
            if draw.lot_id != NOWHERE:
                self._return(draw.lot_id, found)

    def _end(self, draw: Draw, points: int) -> None:
        """So many points of a draw are its taker's no more."""
        if draw.held:
            self._move(draw.lot_id, 0, held_delta=-points, taker=draw.taker)
        else:
            self._draw(draw.taker, draw.lot_id, -points)

    def _return(self, lot_id: int, points: int) -> None:
        """Points that were spent or held come back: to their lot or the one that stands in for it,
        whichever ends last, while that lives; else a lot is opened to stand in, once."""
        if not points:
            return
        lot, found = self.lots[lot_id], self._stand_ins(lot_id)
        home = max((lot, *(self.lots[each] for each in found)),
                   key=lambda each: (each.last_day(self._span), age(each.id)))
        if not self._lives(home):
            if found or lot.replaces is not None:
                self._lapse(lot_id, points)
                return
            ends_on = max(lot.expires_on, self.today + self._grace_days)
            home = self._open(lot.member_id, (lot.merchant_id, lot.earned_on, ends_on,
                                              lot.origin), replaces=lot_id)
        self._move(home.id, points)

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
        return lot

    def _draw(self, taker: int, lot_id: int, points: int) -> None:
        self._move(lot_id, 0, drawn_delta=points, taker=taker)

    def _move(self, lot_id: int, delta: int, *, held_delta: int = 0, drawn_delta: int = 0,
              expired_delta: int = 0, paid_delta: int = 0, taker: int | None = None) -> None:
        """The one place where anything changes."""
        if taker is not None:
            draw = self._draws.get((taker, lot_id)) or Draw(taker, lot_id, 0, bool(held_delta))
            self._draws[taker, lot_id] = draw._replace(
                points=draw.points + held_delta + drawn_delta, away=draw.away + paid_delta)
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
            known.paid_delta + paid_delta, taker)
