"""Where a member's points lie while something is done with them, and the single steps. Pure.

Law (lots.py): every step keeps what a lot issued in its four places, and tells what it moved, one
line for each lot and taker. Which steps make up what can happen is holding.py's.
"""

from collections.abc import Iterable

from gateway.lots import NOWHERE, Draw, Ended, Facts, Lot, Move, age
from gateway.validity import HOLD, NO_SPAN, Policies, Span, policy_on


class Shelf:
    """Lots and draws of a member, to work on.

    `today`: the business day. `span`: what carries the member's lots on; `at_end`: what becomes of
    those that end. `provisional`: the id of the first lot opened here, the next ones follow below.
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

    def frozen(self, lot_id: int) -> int:
        """The points of an ended lot that wait for HQ's word: what is held and no hold has."""
        return self.lots[lot_id].held - sum(
            draw.points for draw in self._draws.values() if draw.lot_id == lot_id and draw.held)

    # -- steps ---------------------------------------------------------------------------------

    def _lives(self, lot: Lot) -> bool:
        return lot.lives(self.today, self._span)

    def _living(self) -> list[Lot]:
        """Lots with something in them that can be used, what ends first first."""
        return sorted((lot for lot in self.lots.values()
                       if lot.remaining and self._lives(lot)),
                      key=lambda lot: (lot.expires_on, age(lot.replaces or lot.id)))

    def _grace_ends(self, lot: Lot) -> int:
        return max(lot.expires_on, self.today + self._grace_days)

    def _stand_ins(self, lot_id: int) -> list[int]:
        return self._standing.get(lot_id, [])

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
