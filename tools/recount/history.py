"""What became of a bill: each part that was taken back of it, in the order of the receipts.

Law: refunds and voids are found by what their own requests name, and by `reversals` for those of
before the period. What HQ took back has no frame: its amount is the ledger's. A part whose frame
cannot be read makes everything behind it unverifiable. What a part holds, and what became of
that, follows from the rules of its day and from the verdict's note.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tools.recount import holds
from tools.recount.boxes import REDEMPTION, REFUND, SALE, VERDICT, VOID, Key
from tools.recount.holds import TAKEN, VOIDED, Claim, End
from tools.recount.law import ONE, Bill, Rates, Rules, Stand, in_force
from tools.recount.reading import Archive, Merchant, Told, end_of, subject

ACCRUAL_KIND, REVERSAL_KIND, REDEMPTION_KIND, REFUND_KIND = 1, 2, 3, 4
NAMED_MAX = 3  # a verdict names the void of a refund, that the refund, that its bill


class Wrong(Exception):
    """The stored message cannot have been approved: what is wrong with it."""


class Unknown(Exception):
    """What an entry ought to be cannot be said, and why."""


class Change(NamedTuple):
    """What an entry does: to the bill (minor units, signed), and to what it comes to; `claim`:
    what it holds, or what its verdict is about."""

    amount: int
    before: Stand
    after: Stand
    claim: Claim | None = None


def at_once(told: Told) -> int | None:
    """For how many days returns of that time hold their points; None: they take them."""
    return None


def bill_of(told: Told, merchant: Merchant, tier: str | None) -> Bill:
    """The bill of an approved sale or redemption, by the rules and rates of its time. Raises
    Wrong."""
    said, entry = told.said, told.entry
    assert said is not None and entry is not None
    if said.card is None:
        return Bill(said.amount_minor, 0, 0, (0, 1), ONE, None)
    # a redemption is made online, by what is in force when it comes; a sale by its own date, and
    # so what was taken over after a restore
    online = said.type == REDEMPTION and '"adopted"' not in entry.context
    at = told.decided_at if online else entry.dated_at
    rules = in_force(merchant.rules, at, told.decided_at, Rules)
    if rules is None or tier not in rules.multipliers:
        raise Wrong("no rules were in force for it")
    rates = in_force(merchant.rates, at, told.decided_at, Rates) or Rates()
    terms = None if rules.redeeming is None else (
        rules.redeeming[0], rules.redeeming[1], rates.cost, rates.credit)
    discount = 0
    if said.type == REDEMPTION:
        allowed = rules.discount(said.points, said.amount_minor)
        if allowed is None:
            raise Wrong("the rules of its time do not allow it")
        discount = allowed
    return Bill(said.amount_minor, said.points if said.type == REDEMPTION else 0, discount,
                rules.rate, rules.multipliers[tier], terms)


class Histories:
    """Of the bills that some messages take back: `told` has all that was read for it."""

    def __init__(self, archive: Archive, told: Mapping[Key, Told]) -> None:
        self._archive = archive
        self.told = dict(told)
        self._receipts: dict[int, Key] = {}
        self._read_named(self.told)
        bills = {key for key in self.told if self._type(key) in (SALE, REDEMPTION)}
        named = {self.original(key) for key in self.told if self._type(key) in (VOID, REFUND)}
        taken = archive.taken_back(bills & named)
        self._read(by for _, by in taken)
        parts = [by for _, by in taken if self._is_refund(by)]
        taken += archive.taken_back(parts)
        known = set(self.told)
        self._read(by for _, by in taken)
        self._read_named(self.told.keys() - known | set(parts))
        self._read(end_of(told.entry.id) for key, told in list(self.told.items())
                   if told.entry is not None and self._type(key) in (VOID, REFUND))
        self._taken: dict[Key, set[Key]] = {}
        for key, by in taken:
            self._taken.setdefault(key, set()).add(by)
        for key in self.told:
            original = self.original(key)
            if original is not None and self._type(key) != VERDICT:
                self._taken.setdefault(original, set()).add(key)

    def original(self, key: Key) -> Key | None:
        """The key of what a void, refund or verdict names; None where there is nothing."""
        told = self.told.get(key)
        named = told.said.original if told and told.said else None
        return self._receipts.get(named) if isinstance(named, int) else named

    def bill(self, key: Key) -> Key | None:
        """The bill that is behind a void, refund or verdict."""
        found = self.original(key)
        for _ in range(NAMED_MAX):
            if found and self._type(found) in (VOID, REFUND):
                found = self.original(found)
        return found

    def end(self, key: Key) -> End | None:
        """How what a return holds has ended. Raises Unknown."""
        receipts = [told.entry.id for each in self._taken.get(key, ())
                    if self._type(each) == VOID and (told := self.told[each]).entry is not None]
        entry = self.told[key].entry
        verdict = self.told.get(end_of(entry.id)) if entry else None
        if verdict and verdict.entry and not any(each < verdict.entry.id for each in receipts):
            if verdict.said is None:
                raise Unknown(f"of the verdict on what was held, {verdict.why}")
            return End(verdict.said.verdict, verdict.entry.id)
        return End(VOIDED, min(receipts)) if receipts else None

    def changes(self, bill_key: Key, bill_of_told: Callable[[Told], Bill],
                hold_days: Callable[[Told], int | None] = at_once
                ) -> dict[Key, Change | Exception]:
        """What each part taken back of a bill ought to be, and each verdict on what one holds; or
        why nobody can say, or what is wrong with it."""
        whole = self.told.get(bill_key)
        parts = self._parts(bill_key)
        if whole is None or whole.entry is None:
            return {key: Wrong("what it names was never posted") for key, _ in parts}
        if whole.said is None:
            return {key: Unknown(f"of its original, {whole.why}") for key, _ in parts}
        try:
            bill = bill_of_told(whole)
        except Wrong as fault:
            return {key: Wrong(f"of its original, {fault}") for key, _ in parts}
        left, doubt, found = bill.amount, "", {}
        for key, part in parts:
            amount = None if doubt else self._amount(part, key, left)
            if amount is None:
                doubt = doubt or f"of what was taken back before it, {part.why}"
                found[key] = Unknown(part.why if not found and not part.said else doubt)
                continue
            if not 0 <= left + amount <= bill.amount or not amount:
                found[key] = Wrong(f"{left} was left, it takes {-amount}")
                continue
            change = Change(amount, bill.after(left), bill.after(left + amount))
            left += amount
            try:
                found[key] = self._holding(key, part, change, found, hold_days)
            except Unknown as why:
                found[key] = why
        return found | self._verdicts(found)

    def _holding(self, key: Key, part: Told, change: Change,
                 found: Mapping[Key, Change | Exception],
                 hold_days: Callable[[Told], int | None]) -> Change:
        """A part as it is where returns hold. Raises Unknown."""
        before, after = change.before, change.after
        undone = self.original(key) if change.amount > 0 else None
        held = found.get(undone) if undone else None
        if undone and isinstance(held, Change) and held.claim:
            end = self.end(undone)
            return change if end and end.word == TAKEN else change._replace(
                after=holds.untaken(after, before))
        days = hold_days(part) if holds.may_hold(key, part) else None
        if days is None or after.given >= before.given:
            return change
        return change._replace(after=holds.untaken(after, before),
                               claim=holds.claimed(before, after, part, days))

    def _verdicts(self, parts: Mapping[Key, Change | Exception]) -> dict[Key, Change | Exception]:
        """What the verdicts on what these hold ought to be."""
        found: dict[Key, Change | Exception] = {}
        for key, change in parts.items():
            entry = self.told[key].entry
            end_key = end_of(entry.id) if entry else None
            verdict = self.told.get(end_key) if end_key else None
            if end_key is None or verdict is None or not (verdict.said and verdict.entry):
                continue
            if isinstance(change, Exception):
                found[end_key] = type(change)(f"of its return, {change}")
                continue
            wrong = holds.fault(verdict, change.claim, self.end(key))
            found[end_key] = Wrong(wrong) if wrong or not change.claim else Change(
                0, *change.claim.settled(verdict.said.verdict), change.claim)
        return found

    def _parts(self, bill_key: Key) -> list[tuple[Key, Told]]:
        """What took something of a bill back, and what put that back, by receipt."""
        direct = self._taken.get(bill_key, set())
        every = direct.union(*(self._taken.get(key, set()) for key in direct
                               if self._is_refund(key)))
        posted = [(self.told[key].entry, key) for key in every if key in self.told]
        return [(key, self.told[key]) for _, key in sorted(
            (entry.id, key) for entry, key in posted if entry is not None)]

    def _amount(self, part: Told, key: Key, left: int) -> int | None:
        """By how much a part changes its bill; None: its frame cannot be read."""
        assert part.entry is not None
        if key[0] <= 0:
            return part.entry.amount_minor if part.entry.kind == REFUND_KIND else None
        if part.said is None:
            return None
        if part.said.type == REFUND:
            return -part.said.amount_minor
        original = self.original(key)
        undone = self.told.get(original) if original else None
        if undone and undone.said and undone.said.type == REFUND:
            return undone.said.amount_minor
        return -left

    def _is_refund(self, key: Key) -> bool:
        return self._type(key) == REFUND

    def _type(self, key: Key) -> int:
        told = self.told.get(key)
        return told.said.type if told and told.said else 0

    def _read_named(self, keys: Iterable[Key]) -> None:
        """Also reads what these name, and what that names."""
        new = set(keys)
        for _ in range(NAMED_MAX):
            known = set(self.told)
            self._read_next(new)
            new = self.told.keys() - known

    def _read_next(self, keys: Iterable[Key]) -> None:
        said = [told.said for told in (self.told[key] for key in keys) if told.said]
        numbers = {each.original for each in said if isinstance(each.original, int)}
        self._receipts |= {number: subject(entry.key) for number, entry in
                           self._archive.entries(numbers).items()}
        named = (self._receipts.get(each.original) if isinstance(each.original, int)
                 else each.original for each in said)
        self._read(key for key in list(named) if key is not None)

    def _read(self, keys: Iterable[Key]) -> None:
        self.told |= self._archive.told(set(keys) - self.told.keys())
