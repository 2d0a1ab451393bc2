"""What can happen to a member's points: issued, taken, held, taken back, given back, ended. Pure.

Law: that of lots.py. A `Holding` is worked on and then read: `moved` is what changed, one line for
each lot and taker.
"""

from gateway.lots import NOWHERE, Draw, Facts, LotsError, age
from gateway.shelf import Shelf


class Holding(Shelf):
    """All of a member that moves points needs: its living lots, its uncovered draws, and of the
    rest what the movement is about (the lots of what is taken or given back with those that stand
    in for them, their draws, and the other draws of those takers). Lots that ended before today
    have been expired (`expire`)."""

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

    def hold(self, taker: int, points: int, first: int = NOWHERE) -> None:
        """Put points aside, of lot `first` and what stands in for it before others; more than
        are available is a LotsError."""
        if points > self.available:
            raise LotsError(f"{points} points to hold, {self.available} available."
                            " Nothing was changed.")
        family = (first, *self._stand_ins(first))
        for lot in sorted(self._living(), key=lambda lot: lot.id not in family):
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

    def take_held(self, taker: int, lot_id: int, points: int) -> None:
        """What an issuer gave into this lot is not the member's any more, and of that lot first
        what `taker` holds: it was put aside for this. What it holds else is the member's again,
        and pays as everything does."""
        self._lift()
        family = (lot_id, *self._stand_ins(lot_id))
        for draw in [each for each in self._draws.values()
                     if each.taker == taker and each.held and each.points]:
            found = min(points, draw.points) if draw.lot_id in family else 0
            points -= found
            self._end(draw, draw.points)
            self._move(lot_id, 0, paid_delta=found)
            self._return(draw.lot_id, draw.points - found)
        self._take(lot_id, points)
        self._draw_anew()

    def take_back(self, lot_id: int, points: int) -> None:
        """What an issuer gave into this lot is not the member's any more. Where it lies there as
        it was given, nothing else moves: so it matters not whether the draws are known."""
        family = (lot_id, *self._stand_ins(lot_id))
        if points > sum(self.lots[each].issued for each in family):
            raise LotsError(f"{points} points to take back, less was given. Nothing was changed.")
        if self.lots[lot_id].untouched(points):
            self._shrink(lot_id, points)
            return
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

    # -- reversals, step by step -----------------------------------------------------------------

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
