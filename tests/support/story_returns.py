"""What comes back in a story: refunds, voids, voids of refunds, and how what they hold ends."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from gateway.clock import to_ms
from gateway.holds import release_due
from gateway.on_hold import LAPSED, OPEN, TAKEN, VOIDED
from protocol import codes
from tests.support.story import (
    HOLD_DAYS,
    RETURN_DAYS,
    Held,
    Story,
    Tap,
    newest,
    not_of,
    places,
    tills,
)

NOBODYS_NUMBER = 77  # of an operator: holds a sale, and says that a void was keyed


class Returns(Story):
    @rule(which=places, percent=st.sampled_from([5, 30, 50, 70, 100, 120]), till=tills,
          category=st.integers(0, 2))
    def refund(self, which: int, percent: int, till: int, category: int) -> None:
        """Of so much of a bill, or of so much of a category, where it has baskets; `category` 0:
        the money alone."""
        tap = newest(self.taps, which)
        if tap is None:
            return
        bill, till = tap.bill, self._near(tap.bill, till)
        whole = next((amount for each, amount in bill.basket if each == category), bill.amount)
        amount = max(whole * percent // 100, 1)
        line = (category, amount) if bill.basket and category else None
        frame = self.street.refund(*tap.name, terminal=till, **(
            named([line]) if line else {"amount_minor": amount}))
        code = self._refund_code(tap, amount, line, self._merchant(till))
        if code == codes.EXCEEDS_ORIGINAL:
            self._expect(frame, code=code, balance=None, amount_minor=bill.remaining)
        elif code:
            self._expect(frame, code=code, balance=None)
        else:
            self.taker += 1
            self.refunds.append((tap, self.taker, self._name(frame)))
            held = self._holding(tap, self.taker, bill.remaining - amount)
            points, paid = self._restate(tap, bill.remaining - amount, held=held)
            bill.refunds.append((self.taker, amount))
            if line:
                bill.back[self.taker] = line
            self._expect(frame, tap=tap, held=held, code=0, points=points, amount_minor=paid)

    def _refund_code(self, tap: Tap, amount: int, line: tuple[int, int] | None,
                     merchant: int) -> int:
        bill = tap.bill
        if not bill.posted:
            return codes.NOTHING_LEFT if bill.gone else codes.ORIGINAL_NOT_FOUND
        if not_of(tap, merchant):
            return codes.ORIGINAL_NOT_FOUND
        if bill.gone or not bill.remaining:
            return codes.NOTHING_LEFT
        lacking = bool(bill.basket) != bool(line) or line and amount > bill.left_of(line[0])
        if amount > bill.remaining or lacking:
            return codes.EXCEEDS_ORIGINAL
        return codes.LIMIT_REACHED if self.day - bill.day > RETURN_DAYS else 0

    @rule(which=places, till=tills, how=st.integers(0, 2))
    def void(self, which: int, till: int, how: int) -> None:
        """On its own terminal keyed by somebody (`how` 1), or the terminal's own cancel of what
        nobody saw accepted (0): that is never held. 2: by receipt number, where it has one."""
        tap = newest(self.taps, which)
        if tap is None:
            return
        bill, till = tap.bill, self._near(tap.bill, till)
        own = self.street.terminals[till] == tap.name[0]
        by_receipt = how == 2 and tap.receipt
        frame = (self.street.void(receipt=tap.receipt, terminal=till) if by_receipt else
                 self.street.void(*tap.name, terminal=till, **(
                     {"operator": NOBODYS_NUMBER} if own and how else {})))
        code = self._void_code(tap, self._merchant(till))
        if code:
            self._expect(frame, code=code, balance=None)
        elif not bill.posted:
            bill.gone = True
            self._expect(frame, code=0, points=0, balance=None, amount_minor=None)
        else:
            self.taker += 1
            held = self._holding(tap, self.taker, 0) if how or not own else None
            points, paid = self._restate(tap, 0, held=held)
            bill.gone = True
            self._expect(frame, tap=tap, held=held, code=0, points=points, amount_minor=paid)

    def _void_code(self, tap: Tap, merchant: int) -> int:
        if not_of(tap, merchant):
            return codes.ORIGINAL_NOT_FOUND
        if tap.bill.gone:
            return codes.NOTHING_LEFT
        if self._closed(tap.name):
            return codes.NOT_VOIDABLE
        return 0 if tap.bill.remaining else codes.NOTHING_LEFT

    @rule(which=places, till=tills)
    def void_of_a_refund(self, which: int, till: int) -> None:
        if not self.refunds:
            return
        tap, number, name = newest(self.refunds, which)
        bill, till = tap.bill, self._near(tap.bill, till)
        frame = self.street.void(*name, terminal=till)
        code = not_of(tap, self._merchant(till))
        if not code and number in self.voided:
            code = codes.NOTHING_LEFT
        if not code and (self._closed(name) or bill.gone or bill.refunds[-1][0] != number):
            code = codes.NOT_VOIDABLE
        if code:
            self._expect(frame, code=code, balance=None)
            return
        held = self.held.get(number)
        points, paid = self._restate(tap, bill.remaining + bill.refunds[-1][1], undone=held)
        bill.refunds.pop()
        bill.untaken.pop(number, None)
        if held and held.state == OPEN:
            held.state = VOIDED
        self.voided.add(number)
        self._expect(frame, tap=tap, code=0, points=points, amount_minor=paid)

    # -- what becomes of a bill's points -------------------------------------------------------

    def _restate(self, tap: Tap, remaining: int, *, held: Held | None = None,
                 undone: Held | None = None) -> tuple[int, int]:
        """(points for the member, money handed back) where so much of a bill remains from now.
        `held`: claims what it gave; `undone`: what is voided claimed it."""
        before = self._begin(tap.member)
        paid = self._restate_points(tap, remaining, held=held, undone=undone)
        return self._changed(tap.member, before), paid

    def _restate_points(self, tap: Tap, remaining: int, *, held: Held | None = None,
                        undone: Held | None = None) -> int:
        """The money handed back; what the bill gave and took is moved."""
        bill = tap.bill
        given, taken, paid = bill.standing(bill.remaining)
        given_after, taken_after, paid_after = bill.standing(remaining)
        if tap.member is not None:
            who = self.members[tap.member]
            if undone and undone.state == OPEN:
                who.let_go(undone.number)
            if taken > taken_after:
                who.unspend(bill.number, taken - taken_after)
            if given > given_after and bill.lot and not held:
                who.take_back(bill.lot, given - given_after)
            if given < given_after and bill.lot and (not undone or undone.state == TAKEN):
                who.put_back(bill.lot, given_after - given)
            if taken < taken_after:
                who.spend_again(bill.number, taken_after - taken)
            if held and bill.lot:
                who.hold(held.number, held.points, bill.lot)
        return abs(paid - paid_after)

    def _holding(self, tap: Tap, number: int, remaining: int) -> Held | None:
        """What a return of this number holds that leaves so much of a bill; None where the rules
        take at once, or where it gave nothing for that."""
        bill = tap.bill
        points = bill.standing(bill.remaining)[0] - bill.standing(remaining)[0]
        if not self.holds or not points:
            return None
        bill.untaken[number] = bill.remaining, remaining
        self.held[number] = Held(tap, number, points, self.day + HOLD_DAYS)
        return self.held[number]

    def _hold_ends(self, held: Held, state: int) -> int:
        """HQ or time has its word; the points for the member."""
        who, bill = self.members[held.tap.member or 0], held.tap.bill
        before = self._begin(held.tap.member)
        held.state = state
        if state == TAKEN and bill.lot:
            who.take_held(held.number, held.points, bill.lot)
            del bill.untaken[held.number]
        else:
            who.let_go(held.number)
        return self._changed(held.tap.member, before)

    def _holds_lapse(self, rows: int) -> None:
        """The job releases what nobody decided in time."""
        street, due = self.street, [each for each in self.held.values()
                                    if each.state == OPEN and each.due_on < self.day]
        for each in due:
            self._hold_ends(each, LAPSED)
        released = 0
        while found := release_due(street.engine, street.keyring, to_ms(street.now), rows):
            released += found
        assert released == len(due)


def named(basket: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """A basket as a frame's field, where there is one."""
    lines = [list(line) for line in basket]
    return {"basket": lines} if lines else {}
