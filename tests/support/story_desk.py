"""What HQ does in a story: every command on a member's points, each by two persons."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from gateway import held, holds
from gateway.clock import to_ms
from gateway.commands import CommandError
from gateway.decisions.hold import HoldError
from gateway.on_hold import OPEN, RELEASED, TAKEN
from gateway.proposals import Ended
from tests.gateway.points_model import Member
from tests.gateway.test_proposals import done
from tests.gateway.token_model import Lot
from tests.support.story import WRITE_OFF_DAYS, Adjusted, members, newest, places
from tests.support.story_tills import Tills

BY_HQ = 0
bearers = st.sampled_from([BY_HQ, BY_HQ, 1, 2])
givings = st.sampled_from([1, 20, 300, -1, -20, -300])


class Desk(Tills):
    @rule(member=members, points=givings, bearer=bearers, ours=st.booleans())
    def hq_gives_or_takes(self, member: int, points: int, bearer: int, ours: bool) -> None:
        kind = "penalty" if points < 0 else "compensation" if ours else "grant"
        self._adjust(member, kind, points, bearer, said=abs(points))

    @rule(which=places, points=givings, bearer=bearers)
    def hq_corrects_a_bill(self, which: int, points: int, bearer: int) -> None:
        """Gives or takes beside what it names, which stays as it is."""
        self._send()
        tap = newest(self.taps, which)
        if tap is not None:
            self._adjust(tap.member, "correction", points, bearer, said=points,
                         fits=tap.bill.posted, receipt=tap.receipt)

    @rule(which=places, bearer=bearers, says=st.sampled_from([0, 0, -1, 1, 2]))
    def hq_takes_an_adjustment_back(self, which: int, bearer: int, says: int) -> None:
        """The whole of it, once, at the cost of who bore it: `says` so many times its points."""
        each = newest(self.adjusted, which)
        if each is None:
            return
        bearer = each.bearer if says <= 0 else bearer
        who = self.members[each.member]

        def change() -> None:
            each.gone = True
            if each.points < 0:
                who.unspend(each.taker, -each.points)
            elif each.lot:
                who.take_back(each.lot, each.points)

        fits = not each.gone and bearer == each.bearer and says in (0, -1)
        self._command(each.member, "correction", fits, change, said=says * each.points,
                      bearer=bearer, receipt=each.receipt)

    @rule(member=members, percent=st.sampled_from([0, 0, 30, 100, 120]))
    def hq_writes_debt_off(self, member: int, percent: int) -> None:
        ripe = self.members[member].owed_long(WRITE_OFF_DAYS)
        points = max(ripe * percent // 100, 1) if percent else ripe
        self._adjust(member, "write_off", points, BY_HQ, said=points if percent else 0,
                     fits=0 < points <= ripe)

    @rule(member=members, which=st.integers(0, 12), days=st.sampled_from([-1, 0, 1, 10, 70, 200]))
    def hq_extends_a_lot(self, member: int, which: int, days: int) -> None:
        ends_on = self.day + days
        self._on_lot(member, which, "extension", lambda lot, who: who.extend(lot, ends_on),
                     ends_on=ends_on)

    @rule(member=members, which=st.integers(0, 12), takes=st.booleans())
    def hq_ends_what_is_frozen(self, member: int, which: int, takes: bool) -> None:
        self._on_lot(member, which, "forfeit" if takes else "release",
                     lambda lot, who: who.forfeit(lot) if takes else who.release(lot))

    @rule(which=places, percent=st.sampled_from([0, 5, 30, 50, 100, 120]), bearer=bearers)
    def hq_refunds(self, which: int, percent: int, bearer: int) -> None:
        """Anywhere and however late (J10); 0: all that remains."""
        self._send()
        tap = newest(self.taps, which)
        if tap is None:
            return
        bill, left = tap.bill, tap.bill.remaining
        amount = max(bill.amount * percent // 100, 1) if percent else left

        def change() -> None:
            self._restate_points(tap, left - amount)
            self.taker += 1
            bill.refunded_by_hq(self.taker, amount, bearer)

        self._command(tap.member, "refund", bill.posted and not bill.gone and 0 < amount <= left,
                      change, bearer=bearer, receipt=tap.receipt,
                      amount_minor=amount if percent else 0)

    @rule(which=places, posts=st.booleans())
    def hq_has_its_word_on_a_held_sale(self, which: int, posts: bool) -> None:
        """Once, and not behind a void; what it posts is of the day of the tap."""
        self._send()
        tap = newest([tap for tap in self.taps if tap.waits or not tap.receipt], which)
        if tap is None:
            return
        decide = partial(held.post if posts else held.refuse, self.street.intake,
                         held.HeldKey(*tap.name), "Wang", "asked the shop")
        if tap.bill.gone or not tap.waits:
            with pytest.raises(held.HeldError):
                decide()
            return
        tap.waits = False
        if posts:
            who, before = self.members[tap.member or 0], self._begin(tap.member)
            self._award(tap, tap.bill.amount)
            points, tap.bill.posted = self._changed(tap.member, before), True
            verdict = decide()
            assert (verdict.points, verdict.balance) == (points, who.available - who.debt)
            tap.receipt = verdict.receipt or 0
        else:
            assert decide().points == 0

    @rule(which=places, takes=st.booleans())
    def hq_ends_what_a_return_holds(self, which: int, takes: bool) -> None:
        """Once, and not behind a void of the return, nor behind the time limit's release."""
        self._send()
        waiting = [each for each in self.held.values() if each.state == OPEN]
        each = newest(waiting or list(self.held.values()), which)
        if each is None:
            return
        decide = partial(holds.take if takes else holds.release, self.street.intake,
                         each.receipt, "Wang", "saw the goods")
        if each.state != OPEN:
            with pytest.raises(HoldError):
                decide()
            return
        who = self.members[each.tap.member or 0]
        points, ended = self._hold_ends(each, TAKEN if takes else RELEASED), decide()
        assert (ended.points, ended.balance) == (points, who.available - who.debt)

    @rule()
    def hq_has_returns_held_or_not(self) -> None:
        """From the next one on; what is held stays held to its day."""
        self._send()
        self.street.later(seconds=1)
        self.holds = not self.holds
        self.street.registry.add_rule_set(self.street.programme, self._rules(),
                                          to_ms(self.street.now))

    # -- how -----------------------------------------------------------------------------------

    def _adjust(self, member: int | None, kind: str, points: int, bearer: int, *, said: int,
                fits: bool = True, receipt: int = 0) -> None:
        """Points given into a lot of their own kind, or taken from what there is."""
        self._send()
        self.taker += 1
        made = Adjusted(member or 0, points, bearer, self.taker, None, 0)

        def change() -> None:
            who = self.members[made.member]
            if points < 0:
                who.spend(made.taker, -points)
            else:
                made.lot = who.give(-bearer, self.day, self._ends_on(self.day), points)
            self.adjusted.append(made)

        ended = self._command(member, kind, fits, change, said=said, bearer=bearer,
                              receipt=receipt)
        made.receipt = (ended and ended.receipt) or 0

    def _on_lot(self, member: int, which: int, kind: str,
                change: Callable[[Lot, Member], bool], **fields: int) -> None:
        self._send()
        who = self.members[member]
        if not who.lots:
            return
        place = -1 - which % len(who.lots)
        trial = deepcopy(who)
        trial.begin(self.day)
        fits = change(trial.lots[place], trial)
        self._command(member, kind, fits, lambda: change(who.lots[place], who),
                      lot_id=self.books.lot_id(member, place), **fields)

    def _command(self, member: int | None, kind: str, fits: bool, change: Callable[[], object], *,
                 said: int = 0, bearer: int = BY_HQ, **fields: int) -> Ended | None:
        """What HQ says of a member is done, or refused with nothing changed."""
        self._send()
        fields |= {"member_id": self.street.members[member or 0],
                   "bearer_id": self.merchants[bearer - 1] if bearer else BY_HQ}
        if member is None or not fits:
            with pytest.raises(CommandError):
                done(self.street, kind, said, **fields)
            return None
        before = self._begin(member)
        change()
        points, who = self._changed(member, before), self.members[member]
        ended = done(self.street, kind, said, **fields)
        assert (ended.points, ended.balance) == (points, who.available - who.debt)
        return ended
