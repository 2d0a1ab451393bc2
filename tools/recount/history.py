"""What became of a bill: each part that was taken back of it, in the order of the receipts.

Law: refunds and voids are found by what their own requests name, and by `reversals` for those of
before the period. What HQ took back has no frame: its amount is the ledger's. A part whose frame
cannot be read makes everything behind it unverifiable.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tools.recount.boxes import REDEMPTION, REFUND, SALE, VOID, Key
from tools.recount.law import ONE, Bill, Rates, Rules, Stand, in_force
from tools.recount.reading import Archive, Merchant, Told, subject

ACCRUAL_KIND, REVERSAL_KIND, REDEMPTION_KIND, REFUND_KIND = 1, 2, 3, 4


class Wrong(Exception):
    """The stored message cannot have been approved: what is wrong with it."""


class Unknown(Exception):
    """What an entry ought to be cannot be said, and why."""


class Change(NamedTuple):
    """What an entry does: to the bill (minor units, signed), and to what it comes to."""

    amount: int
    before: Stand
    after: Stand


def bill_of(told: Told, merchant: Merchant, tier: str | None) -> Bill:
    """The bill of an approved sale or redemption, by the rules and rates of its time. Raises
    Wrong."""
    said, entry = told.said, told.entry
    assert said is not None and entry is not None
    if said.card is None:
        return Bill(said.amount_minor, 0, 0, (0, 1), ONE, None)
    # a redemption is made online, by what is in force when it comes; a sale by its own date
    at = told.decided_at if said.type == REDEMPTION else entry.dated_at
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
        self._read_named([key for key in self.told if self._type(key) == REFUND])
        bills = {key for key in self.told if self._type(key) in (SALE, REDEMPTION)}
        named = {self.original(key) for key in self.told if self._type(key) in (VOID, REFUND)}
        taken = archive.taken_back(bills & named)
        self._read(by for _, by in taken)
        parts = [by for _, by in taken if self._is_refund(by)]
        taken += archive.taken_back(parts)
        self._read(by for _, by in taken)
        self._taken: dict[Key, set[Key]] = {}
        for key, by in taken:
            self._taken.setdefault(key, set()).add(by)
        for key in self.told:
            original = self.original(key)
            if original is not None:
                self._taken.setdefault(original, set()).add(key)

    def original(self, key: Key) -> Key | None:
        """The key of what a void or refund names; None where it names nothing that there is."""
        told = self.told.get(key)
        named = told.said.original if told and told.said else None
        return self._receipts.get(named) if isinstance(named, int) else named

    def bill(self, key: Key) -> Key | None:
        """The bill of which a void or refund takes something back, or puts it back."""
        original = self.original(key)
        return self.original(original) if original and self._is_refund(original) else original

    def changes(self, bill_key: Key, bill_of_told: Callable[[Told], Bill]
                ) -> dict[Key, Change | Exception]:
        """What each part taken back of a bill ought to be, or why nobody can say, or what is
        wrong with it."""
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
            found[key] = Change(amount, bill.after(left), bill.after(left + amount))
            left += amount
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
        """Also reads what these name."""
        said = [told.said for told in (self.told[key] for key in keys) if told.said]
        numbers = {each.original for each in said if isinstance(each.original, int)}
        self._receipts |= {number: subject(entry.key) for number, entry in
                           self._archive.entries(numbers).items()}
        named = (self._receipts.get(each.original) if isinstance(each.original, int)
                 else each.original for each in said)
        self._read(key for key in list(named) if key is not None)

    def _read(self, keys: Iterable[Key]) -> None:
        self.told |= self._archive.told(set(keys) - self.told.keys())
