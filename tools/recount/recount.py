"""Every entry of a merchant's period worked out from its frame, and the days held against the
statement.

Law: nothing is skipped. An entry is worked out and compared figure by figure; or it is of HQ, has
no frame, and counts as it is booked; or its frame cannot be read, which is said, and it counts as
it is booked. A message that was approved and has no entry, or one of another day or merchant, is
named as well.
"""

import json
from collections.abc import Callable, Mapping

from tools.recount import figures, holds
from tools.recount.boxes import REDEMPTION, REFUND, SALE, VERDICT, VOID, Key, month_of
from tools.recount.figures import NAMES, OF_DAY, OF_ENTRY, Figures
from tools.recount.history import (
    ACCRUAL_KIND,
    REDEMPTION_KIND,
    REFUND_KIND,
    REVERSAL_KIND,
    Change,
    Histories,
    Unknown,
    Wrong,
    bill_of,
)
from tools.recount.law import Rules, Stand, date_of, day_of, in_force
from tools.recount.reading import AT_ONCE, HOLDS, Archive, Entry, HoldRow, Merchant, Told, subject
from tools.recount.result import Apart, Difference, Result, Statement, trace_of

DAY_MS = 86_400_000
KEPT_DAYS = 400
PARTS = (REFUND_KIND, REVERSAL_KIND)
CLOCK_WORDS = (1, 2)     # of a date: the terminal's own clock
ROUND_TRIP_MS = 12_000   # an answer sets a clock at most so much later
KIND_OF = {SALE: ACCRUAL_KIND, REDEMPTION: REDEMPTION_KIND, REFUND: REFUND_KIND,
           VOID: REVERSAL_KIND}

Progress = Callable[[int, int], None]


def recount(archive: Archive, statement: Statement, now: int,
            progress: Progress = lambda done, total: None) -> Result:
    """Raises RecountError. `now` (ms): by which it is known what ought to be kept."""
    return _Recount(archive, statement, now).run(progress)


class _Recount:
    def __init__(self, archive: Archive, statement: Statement, now: int) -> None:
        self.archive = archive
        self.statement = statement
        self.merchant: Merchant = archive.merchant(statement.merchant_id)
        self.kept_from = month_of(now - KEPT_DAYS * DAY_MS)
        self.days: dict[int, Figures] = {}
        self.result = Result(0, [], [], [])
        self.worked_out = 0
        self.compared: set[int] = set()  # receipts of which the hold was

    def run(self, progress: Progress) -> Result:
        first, last = self.statement.first, self.statement.last
        entries, lines = self.archive.booked(self.merchant, first, last)
        ids = sorted(entries)
        for start in range(0, len(ids), AT_ONCE):
            progress(start, len(ids))
            self._chunk([entries[each] for each in ids[start:start + AT_ONCE]], lines)
        progress(len(ids), len(ids))
        self._astray()
        for day in sorted(self.days.keys() | self.statement.days.keys()):
            for each in figures.apart(self.statement.days.get(day, {}), self.days.get(day, {}),
                                      OF_DAY):
                self.result.differences.append(Difference(date_of(day), None, "", *each))
        return self.result._replace(worked_out=self.worked_out)

    # -- entries ------------------------------------------------------------------------------

    def _chunk(self, entries: list[Entry], lines: Mapping[int, list[tuple[str, int]]]) -> None:
        told = self.archive.told(subject(entry.key) for entry in entries if _tells(entry))
        histories = Histories(self.archive, told)
        posted = [each.entry for each in histories.told.values() if each.entry is not None]
        tiers = self.archive.tiers(each.member_id for each in posted)
        cards = self.archive.cards(each.card_id for each in entries if each.card_id is not None)
        changes = self._changes(histories, tiers)
        rows = self.archive.holds(each.id for each in posted if each.kind in PARTS)
        for entry in entries:
            booked = figures.booked(entry, lines.get(entry.id, ()),
                                    own=entry.merchant_id == self.merchant.id)
            key = subject(entry.key)
            if not _tells(entry):
                self._as_booked(entry, booked, self.result.not_from_frames,
                                "HQ's command or a job, which sends no frame")
                continue
            try:
                expected = self._expected(entry, key, told.get(key), changes)
                self._check_facts(entry, key, told[key], cards)
                self._check_hold(entry, key, histories, changes, rows)
            except Unknown as why:
                self._as_booked(entry, booked, self.result.unverifiable, str(why),
                                self._lost(key, histories))
                continue
            except Wrong as why:
                self._differs(entry, "entry", "booked", str(why))
                expected = {}
            self.worked_out += 1
            figures.add(self.days.setdefault(entry.booked_on, {}), expected)
            for each in figures.apart(booked, expected, OF_ENTRY):
                self._differs(entry, *each)

    def _changes(self, histories: Histories, tiers: Mapping[int, str]
                 ) -> dict[Key, Change | Exception]:
        """What each message of these ought to do."""
        def bill(told: Told):
            assert told.entry is not None
            return bill_of(told, self.merchant, tiers.get(told.entry.member_id))

        found: dict[Key, Change | Exception] = {}
        bills = {histories.bill(key) for key, told in histories.told.items()
                 if told.said and told.said.type in (VOID, REFUND)}
        for key in bills:
            found |= histories.changes(key, bill, self._hold_days) if key else {}
        for key, told in histories.told.items():
            if told.said and told.entry and told.said.type in (SALE, REDEMPTION):
                try:
                    made = bill(told)
                    found[key] = Change(made.amount, Stand(), made.after(made.amount))
                except Wrong as fault:
                    found[key] = fault
        return found

    def _expected(self, entry: Entry, key: Key, told: Told | None,
                  changes: Mapping[Key, Change | Exception]) -> Figures:
        """What an entry ought to come to. Raises Wrong and Unknown."""
        if told is None:
            raise Wrong("no message asked for it")
        if told.entry is None or told.entry.id != entry.id:
            raise Wrong(f"its message made {told.entry.id if told.entry else 'none'}")
        mine = key[0] in self.merchant.terminals or key[0] == HOLDS
        if not mine or entry.merchant_id != self.merchant.id:
            raise Wrong("it is another merchant's tap")
        if told.said is None:
            raise Unknown(told.why)
        kind = _kind_of(told)
        change = changes.get(key, Wrong("what it names was never posted"))
        if isinstance(change, Exception):
            raise change
        if kind != entry.kind:
            raise Wrong(f"its message makes {NAMES.get(kind, 'none')}")
        return figures.worked_out(kind, change)

    def _hold_days(self, told: Told) -> int | None:
        rules = in_force(self.merchant.rules, told.decided_at, told.decided_at, Rules)
        return rules.hold_days if rules else None

    def _check_facts(self, entry: Entry, key: Key, told: Told, cards: Mapping[int, str]) -> None:
        """The card, the date and the day of an entry, as far as its frame tells them."""
        assert told.said is not None
        if told.said.type in (SALE, REDEMPTION):
            card = cards.get(entry.card_id or 0)
            if card != told.said.card:
                # never the number itself: it goes onto screens
                self._differs(entry, "card", f"card {entry.card_id}", "another one's")
        if not _dated_rightly(entry, told):
            self._differs(entry, "dated_at", entry.dated_at, told.said.at or 0)
        day = self._day_of(told)
        if entry.booked_on != day and not day < entry.booked_on <= self.merchant.open_on:
            self._differs(entry, "booked_on", date_of(entry.booked_on), date_of(day))

    def _check_hold(self, entry: Entry, key: Key, histories: Histories,
                    changes: Mapping[Key, Change | Exception], rows: Mapping[int, HoldRow]
                    ) -> None:
        """What an entry holds and what it ends, as its context and `holds` tell it."""
        claim, ended, found = None, "", []
        for each in dict.fromkeys((key, histories.original(key) or key)):
            part, change = histories.told[each].entry, changes.get(each)
            if part is None or part.kind not in PARTS or not isinstance(change, Change):
                continue
            try:
                end = histories.end(each) if change.claim else None
            except Unknown:
                return  # where the verdict is booked it is told
            if part.id == entry.id:
                claim = change.claim
            if end and end.receipt == entry.id:
                ended = end.word
                found += holds.early(self._day_of(histories.told[key]), change.claim, end)
            if part.id not in self.compared:
                self.compared.add(part.id)
                found += holds.apart(rows.get(part.id), holds.row_of(change.claim, end))
        for each in (*found, *holds.apart_in(entry.context, claim, ended)):
            self._differs(entry, *each)

    # -- messages without an entry of these days ----------------------------------------------

    def _astray(self) -> None:
        first, last = self.statement.first, self.statement.last
        keys = self.archive.astray(self.merchant, (first - 1) * DAY_MS, (last + 2) * DAY_MS,
                                   (first, last))
        for start in range(0, len(keys), AT_ONCE):
            histories = Histories(self.archive, self.archive.told(keys[start:start + AT_ONCE]))
            for key in keys[start:start + AT_ONCE]:
                self._one_astray(key, histories)

    def _one_astray(self, key: Key, histories: Histories) -> None:
        told, merchant = histories.told[key], self.merchant
        day = self._day_of(told)
        if not self.statement.first <= day <= self.statement.last:
            return
        entry = told.entry
        if entry is not None:
            moved_on = day < entry.booked_on <= merchant.open_on
            if not moved_on or entry.merchant_id != merchant.id:
                self._differs(entry, "booked", f"{date_of(entry.booked_on)}, merchant"
                              f" {entry.merchant_id}", f"{date_of(day)}, merchant {merchant.id}")
        elif told.said is None:
            self.result.unverifiable.append(Apart(
                date_of(day), None, trace_of(key), f"approved, without an entry; {told.why}",
                self._lost(key, histories)))
        elif (told.said.type in (SALE, REDEMPTION, REFUND, VERDICT)
              or self._left_standing(key, histories)):
            self.result.differences.append(Difference(date_of(day), None, trace_of(key), "entry",
                                                      "none", NAMES[_kind_of(told)]))

    def _day_of(self, told: Told) -> int:
        return day_of(told.decided_at, self.merchant.zone, self.merchant.cutover_minutes)

    def _left_standing(self, key: Key, histories: Histories) -> bool:
        """Whether a void without an entry names something that was posted."""
        told, original = histories.told[key], histories.original(key)
        named = histories.told.get(original) if original else None
        return bool(told.said and told.said.type == VOID and named and named.entry)

    # -- how it is said -----------------------------------------------------------------------

    def _differs(self, entry: Entry, figure: str, booked: int | str,
                 recounted: int | str) -> None:
        self.result.differences.append(Difference(
            date_of(entry.booked_on), entry.id, trace_of(subject(entry.key)), figure, booked,
            recounted))

    def _as_booked(self, entry: Entry, booked: Figures, where: list[Apart], why: str,
                   lost: bool = False) -> None:
        figures.add(self.days.setdefault(entry.booked_on, {}), booked)
        trace = trace_of(subject(entry.key)) if _tells(entry) else ""
        where.append(Apart(date_of(entry.booked_on), entry.id, trace, why, lost))

    def _lost(self, key: Key, histories: Histories) -> bool:
        """Whether a frame that is missed here ought to be kept yet: its own, or one of those that
        it leads to."""
        wanted = {key, histories.original(key), histories.bill(key)} - {None}
        missed = [told for each in wanted if (told := histories.told.get(each)) and not told.said]
        return any(month_of(told.came_at) >= self.kept_from for told in missed)


def _tells(entry: Entry) -> bool:
    """Whether what asked for an entry is kept: a terminal's message, or a verdict on a hold."""
    return entry.origin >= 0 or entry.origin == HOLDS


def _kind_of(told: Told) -> int:
    """Of the entry that a message or verdict makes."""
    assert told.said is not None
    return (holds.kind_of(told.said.verdict) if told.said.type == VERDICT
            else KIND_OF.get(told.said.type, 0))


def _dated_rightly(entry: Entry, told: Told) -> bool:
    """Whether the date is the clock's, where the entry says it is; other dates follow from what
    the gateway knew of the terminal, and not from the frame."""
    assert told.said is not None
    if told.said.type == VERDICT:
        return entry.dated_at == told.decided_at
    try:
        quality = json.loads(entry.context)["dated"][0]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return False
    if quality not in CLOCK_WORDS or told.said.at is None:
        return entry.dated_at <= max(told.came_at, entry.received_at)
    drift = told.said.clock_age * 1000 // 2000
    return abs(entry.dated_at - told.said.at) <= ROUND_TRIP_MS + drift
