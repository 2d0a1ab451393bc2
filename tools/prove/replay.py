"""The books read again from their first entry: what each must have done, and what stood when.

Law: entries count in the order of their receipts, which is that of their commits. What an entry
must have done follows from its frame and from what stood before it (bills.py), never from what the
gateway wrote beside it. A message without an entry was decided somewhere between two of them:
after all that was answered before it arrived, before all that arrived after its answer; it may
have been told whatever was right anywhere in between, and nothing else.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from tools.prove import bills
from tools.prove.bills import APPROVED, Bill
from tools.prove.books import Entry
from tools.prove.model import Rate, Window, points_of
from tools.prove.purses import Purse, Range, just
from tools.prove.seen import Frame
from tools.prove.story import TapKey
from tools.prove.taps import LAST, Tap, full_name

if TYPE_CHECKING:
    from tools.prove.case import Case

ACCRUAL, REVERSAL, REDEEMED, REFUNDED = 1, 2, 3, 4  # entry kinds
State = TypeVar("State")


class Step(NamedTuple):
    """What an entry must have done. `codes`: what its message may be told there; `points`: what it
    does for its member, beside the `lapse` of what has ended; `money_minor`: what the slip says
    that was taken off, or goes back; `bill`: the one it is, or is about."""

    codes: frozenset[int]
    member_id: int
    merchant_id: int
    amount_minor: int
    points: Range
    money_minor: int
    lapse: Range
    bill: TapKey


class History(Generic[State]):
    """How one thing stood, by the number of entries there were."""

    def __init__(self) -> None:
        self._since: list[int] = []
        self._states: list[State] = []

    def add(self, place: int, state: State) -> None:
        """So it stands behind the entry at this place."""
        self._since.append(place + 1)
        self._states.append(state)

    def at(self, count: int) -> State | None:
        place = bisect_right(self._since, count) - 1
        return self._states[place] if place >= 0 else None

    def turns(self, span: range) -> Iterable[int]:
        """Counts within a span at which it changed."""
        return self._since[bisect_right(self._since, span.start):bisect_left(self._since,
                                                                             span.stop)]


class Replay:
    """All entries, once through. `steps`: by receipt, of those whose message is known; `net`: what
    the entries around a bill did for its member in all, as the books have it; `loose`: bills of
    which that is not to be known, because some of their points had ended."""

    def __init__(self, case: "Case") -> None:
        self._case = case
        self._entries = case.books.entries
        self.steps: dict[int, Step] = {}
        self.net: dict[TapKey, int] = {}
        self.loose: set[TapKey] = set()
        self._bills: dict[TapKey, History[Bill]] = {}
        self._purses: dict[int, History[Purse]] = {}
        self._made: dict[TapKey, int] = {}          # place of the entry of a message
        self._receipts: dict[int, int] = {}
        self._part_of: dict[TapKey, TapKey] = {}    # a refund's bill
        self._undone: dict[TapKey, int] = {}        # place of the entry that voided a refund
        for place, entry in enumerate(self._entries):
            self._enter(place, entry)
        self._clock()

    def purse(self, member_id: int, count: int = LAST) -> Purse:
        """How a member stood behind the first `count` entries."""
        history = self._purses.get(member_id)
        return (history.at(count) or Purse()) if history else Purse()

    def lapse(self, receipt: int) -> Range:
        """What ended with an entry, beside what that was for."""
        step = self.steps.get(receipt)
        return step.lapse if step else just(0)

    def of_its_own(self, entry: Entry) -> int:
        return entry.points + self.lapse(entry.receipt).least

    def bill_of(self, key: TapKey) -> TapKey:
        """The bill that a message is, or brought a part of back."""
        return self._part_of.get(key, key)

    # -- when ----------------------------------------------------------------------------------

    def _clock(self) -> None:
        """By place: the record by which it was surely there, and at which it surely was not."""
        case, there, absent = self._case, [], []
        for entry in self._entries:
            frame = self._frame(entry)
            replies = case.seen.replies_to(frame) if frame else ()
            there.append(min((reply.seen.first_order for reply in replies
                              if reply.receipt == entry.receipt), default=LAST))
            absent.append(frame.arrived.first_order if frame and frame.arrived else 0)
        self._there = list(accumulate(reversed(there), min))[::-1]
        self._absent = list(accumulate(absent, max))

    def span(self, tap: Tap, window: Window) -> range:
        """How many entries there can have been when this message was decided."""
        made = self._own_place(tap)
        if made is not None:
            return range(made, made + 1)
        low = bisect_left(self._there, window.first)
        return range(low, max(bisect_right(self._absent, window.last), low) + 1)

    def _own_place(self, tap: Tap) -> int | None:
        # under a key of the tap somebody else's frame may have posted, which is why it moved
        own = {frame.frame_hash for frame in tap.frames}
        made = [place for place in (self._made.get(key) for key in tap.keys) if place is not None
                and not self._entries[place].by_hq and self._entries[place].frame_hash in own]
        return made[-1] if made else None

    # -- what it had to be told ----------------------------------------------------------------

    def redemption_codes(self, tap: Tap, frame: Frame, window: Window) -> frozenset[int]:
        return frozenset(code for usable in self.usable(tap, window)
                         for code in bills.redemption_codes(
                             self._case.rules.redeeming, frame.points or 0,
                             frame.amount_minor or 0, usable))

    def usable(self, tap: Tap, window: Window) -> list[Range]:
        """The points that the member of a message may have had for it, less debts."""
        member_id, span = self._member_of(tap), self.span(tap, window)
        first, last = self._days(tap, window)
        history = self._purses.get(member_id)
        purses = [self.purse(member_id, count)
                  for count in (span.start, *(history.turns(span) if history else ()))]
        return [Range(purse.balance - purse.lapse(last).most,
                      purse.balance - purse.lapse(first).least) for purse in purses]

    def _days(self, tap: Tap, window: Window) -> tuple[int, int]:
        """The first and the last on which a message may have been decided."""
        made = self._own_place(tap)
        if made is not None:
            return self._entries[made].day, self._entries[made].day
        frame, rules = tap.frame, self._case.rules
        if frame is None or frame.arrived is None:
            return 0, 0
        answered = [reply.seen.first_us for reply in self._case.seen.replies_to(frame)
                    if reply.seen.first_order == window.last]
        return (rules.day_of(frame.arrived.first_us),
                rules.day_of(max((frame.arrived.last_us, *answered))))

    def refund_codes(self, tap: Tap, frame: Frame, window: Window) -> frozenset[int]:
        merchant_id = self._case.rules.merchants.get(tap.key[0], 0)
        return frozenset(self._refund_code(count, merchant_id, frame)
                         for count in self._turns(frame, self.span(tap, window)))

    def void_codes(self, tap: Tap, frame: Frame, window: Window) -> frozenset[int]:
        return frozenset(self._void_code(count, frame)
                         for count in self._turns(frame, self.span(tap, window)))

    def _turns(self, frame: Frame, span: range) -> set[int]:
        """Counts at which what a frame names, or its bill, may have changed."""
        place = self._place_of(frame, LAST)
        if place is None:
            return {span.start}
        key = self.bill_of(self._entries[place].key)
        history = self._bills.get(key)
        changes = {place + 1, *(history.turns(span) if history else ())}
        return {span.start} | {count for count in changes if count in span}

    def _refund_code(self, count: int, merchant_id: int, frame: Frame) -> int:
        place = self._place_of(frame, count)
        if place is None or self._entries[place].merchant_id != merchant_id:
            return bills.NOT_FOUND
        history = self._bills.get(self._entries[place].key)
        bill = history.at(count) if history else None
        return (bills.refund_code(bill, frame.amount_minor or 0) if bill
                else bills.NOT_VOIDABLE)

    def _void_code(self, count: int, frame: Frame) -> int:
        """Of one's own message: not there, or not posted, is as good as taken back."""
        place = self._place_of(frame, count)
        if place is None:
            return APPROVED
        key = self._entries[place].key
        history = self._bills.get(self.bill_of(key))
        bill = history.at(count) if history else None
        if bill is None:
            return bills.NOT_VOIDABLE
        if key in self._part_of:
            return bills.void_of_refund_code(bill, key,
                                             voided=self._undone.get(key, LAST) < count)
        return bills.void_code(bill)

    def _place_of(self, frame: Frame, count: int) -> int | None:
        """Of the entry that a void or a refund is about, among the first `count`."""
        named = full_name(frame.key[0], frame.original)
        place = (self._receipts.get(named) if isinstance(named, int)
                 else self._made.get(named or (0, 0, 0)))
        return place if place is not None and place < count else None

    # -- once through --------------------------------------------------------------------------

    def _frame(self, entry: Entry) -> Frame | None:
        tap = self._case.tap_of(entry)
        return next((frame for frame in tap.frames if frame.frame_hash == entry.frame_hash),
                    None) if tap is not None else None

    def _member_of(self, tap: Tap) -> int:
        facts = self._case.rules.cards.get(tap.card) if tap.card is not None else None
        return facts.member_id or 0 if facts else 0

    def _enter(self, place: int, entry: Entry) -> None:
        tap, frame = self._case.tap_of(entry), self._frame(entry)
        purse, step = self.purse(entry.member_id), None
        if tap is not None and frame is not None:
            if entry.kind in (ACCRUAL, REDEEMED):
                step = self._bill(place, entry, tap, frame)
            elif entry.kind == REFUNDED:
                step = self._refund(place, entry, frame)
            elif entry.kind == REVERSAL:
                step = self._void(place, entry, frame)
        if step is not None:
            if tap is not None and APPROVED in self._case.told_again(tap):  # into debt, if need be
                step = step._replace(codes=step.codes | {APPROVED})
            self.steps[entry.receipt] = step
        last_day, given = self._given(entry, purse)
        history = self._purses.setdefault(entry.member_id, History())
        history.add(place, purse.with_given(last_day, given)._replace(
            balance=purse.balance + entry.points, swept_on=max(purse.swept_on, entry.day)))
        key = step.bill if step is not None else entry.key
        self.net[key] = self.net.get(key, 0) + self.of_its_own(entry)
        self._made.setdefault(entry.key, place)
        self._receipts[entry.receipt] = place

    def _given(self, entry: Entry, purse: Purse) -> tuple[int | None, int]:
        """The last day, and how many points at most an entry put into lots that had nothing."""
        history = self._bills.get(entry.key)
        bill = history.at(LAST) if history else None
        if bill is not None:
            return bill.ends_on, bill.standing.given
        step = self.steps.get(entry.receipt)
        if step is None or not purse.has_ended(entry.day):
            return None, 0
        return entry.day + self._case.rules.ends.grace_days, max(step.points.most, 0)

    def _bill(self, place: int, entry: Entry, tap: Tap, frame: Frame) -> Step | None:
        rules, member_id, bill_minor = self._case.rules, self._member_of(tap), frame.amount_minor
        if not member_id or not bill_minor:
            return None
        points = frame.points or 0 if entry.kind == REDEEMED else 0
        off_minor = (rules.redeeming.off_minor(points, bill_minor)
                     if points and rules.redeeming else 0)
        made = Bill(entry.key, member_id, rules.merchants.get(entry.key[0], 0), bill_minor,
                    self._rate(entry, tap, bill_minor - off_minor, points),
                    rules.multipliers[member_id], points, off_minor,
                    ends_on=rules.ends.of(entry.business_date, entry.day))
        purse = self.purse(member_id)
        lapse = purse.lapse(entry.day)
        usable = just(purse.balance).minus(lapse)
        codes = (bills.redemption_codes(rules.redeeming, points, bill_minor, usable) if points
                 else frozenset((APPROVED,)))
        self._bills.setdefault(entry.key, History()).add(place, made)
        return Step(codes, member_id, made.merchant_id, bill_minor, just(made.standing.points),
                    off_minor, lapse, entry.key)

    def _rate(self, entry: Entry, tap: Tap, paid_minor: int, points: int) -> Rate:
        """The rate in force that explains the entry; the first one where none does."""
        dates = self._case.dates(tap, max(self._case.us_of(entry), tap.tapped_us))
        member_id = self._member_of(tap)
        rates = self._case.world.rates(dates) or self._case.rules.rates
        return next((rate for rate in rates if entry.points + points == points_of(
            paid_minor, rate, self._case.rules.multipliers[member_id])), rates[0])

    def _refund(self, place: int, entry: Entry, frame: Frame) -> Step | None:
        code = self._refund_code(place, self._case.rules.merchants.get(frame.key[0], 0), frame)
        at = self._place_of(frame, place)
        key = self._entries[at].key if at is not None else None
        if key not in self._bills:
            return None
        self._part_of[entry.key] = key
        before = self._bills[key].at(place)
        assert before is not None
        return self._changed(place, entry, code, before,
                             before.refunded(entry.key, frame.amount_minor or 0))

    def _void(self, place: int, entry: Entry, frame: Frame) -> Step | None:
        code, at = self._void_code(place, frame), self._place_of(frame, place)
        if at is None:
            return None
        key = self._entries[at].key
        bill = self._bills.get(self.bill_of(key), History()).at(place)
        if bill is None:
            return None
        if key in self._part_of:
            self._undone.setdefault(key, place)
            return self._changed(place, entry, code, bill, bill.restored(key))
        return self._changed(place, entry, code, bill, bill._replace(gone=True))

    def _changed(self, place: int, entry: Entry, code: int, before: Bill, after: Bill) -> Step:
        self._bills[before.key].add(place, after)
        old, new = before.standing, after.standing
        purse = self.purse(before.member_id)
        gives, back = just(new.given - old.given), just(old.taken - new.taken)
        if before.ends_on is not None and before.ends_on < entry.day:
            gives = _some_of(gives)  # the member pays nothing for what ended
        if purse.has_ended(entry.day) and back.most > 0:
            back = _some_of(back)    # what stood in for a lot that ended may have ended too
        points = gives.plus(back)
        if points.least != points.most:
            self.loose.add(before.key)
        return Step(frozenset((code,)), before.member_id, before.merchant_id,
                    after.remaining_minor - before.remaining_minor, points,
                    abs(old.paid_minor - new.paid_minor), purse.lapse(entry.day), before.key)


def _some_of(points: Range) -> Range:
    return Range(min(points.least, 0), max(points.most, 0))
