"""The figures of a merchant's statement, of an entry and of a day. Pure.

Law: points count what was given and taken, whatever the sign of the line; money as it is booked,
negative where the merchant owes. An entry's line of money is cost where it makes a bill owe, or
takes such back, and credit the other way; what HQ takes of a hold is cost; other kinds of entry
(HQ's) are `other_minor`.
"""

from collections.abc import Iterable

from tools.recount.history import (
    ACCRUAL_KIND,
    REDEMPTION_KIND,
    REFUND_KIND,
    REVERSAL_KIND,
    Change,
)
from tools.recount.holds import RELEASED_KIND, TAKEN_KIND
from tools.recount.reading import Entry

COUNTS = {ACCRUAL_KIND: "sales", REDEMPTION_KIND: "redemptions", REFUND_KIND: "refunds",
          REVERSAL_KIND: "voids"}
NAMES = COUNTS | {TAKEN_KIND: "a hold taken", RELEASED_KIND: "a hold released"}
# of an entry; a day adds up the same, and `entries` and `due_minor`
OF_ENTRY = (*(f"{name}{end}" for name in COUNTS.values() for end in ("", "_minor")),
            "points_issued", "points_taken_back", "points_redeemed", "points_given_back",
            "cost_minor", "credit_minor", "other_minor")
OF_DAY = ("entries", *OF_ENTRY, "due_minor")

Figures = dict[str, int]  # what is not in it is 0


def booked(entry: Entry, lines: Iterable[tuple[str, int]], *, own: bool) -> Figures:
    """Of an entry as the ledger has it; `own`: it is the merchant's, else only its lines are."""
    # what takes an adjustment back is no bill, and has no amount
    kind = 0 if entry.amount_minor is None else entry.kind
    found = _head(kind, entry.amount_minor or 0) if own else {}
    takes_back = (entry.amount_minor or 0) < 0
    for account, amount in lines:
        if account == "merchant_issued":
            name = "points_issued" if amount < 0 else "points_taken_back"
        elif account == "merchant_redeemed":
            name = "points_redeemed" if amount > 0 else "points_given_back"
        elif kind == TAKEN_KIND:
            name = "cost_minor"
        elif kind not in COUNTS:
            name = "other_minor"
        else:
            name = "cost_minor" if (amount < 0) != takes_back else "credit_minor"
        money = account == "merchant_due"
        add(found, {name: amount if money else abs(amount), "due_minor": amount if money else 0})
    return found


def worked_out(kind: int, change: Change) -> Figures:
    """Of an entry of this kind that does so much."""
    before, after = change.before, change.after
    given, taken = after.given - before.given, after.taken - before.taken
    cost, credit = after.cost - before.cost, after.credit - before.credit
    return _head(kind, change.amount) | {
        "points_issued": max(given, 0), "points_taken_back": max(-given, 0),
        "points_redeemed": max(taken, 0), "points_given_back": max(-taken, 0),
        "cost_minor": cost, "credit_minor": credit, "due_minor": cost + credit}


def add(total: Figures, more: Figures) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def apart(one: Figures, other: Figures, names: Iterable[str]) -> list[tuple[str, int, int]]:
    """(name, one, other) of those that are not the same."""
    pairs = ((name, one.get(name, 0), other.get(name, 0)) for name in names)
    return [pair for pair in pairs if pair[1] != pair[2]]


def _head(kind: int, amount: int) -> Figures:
    name = COUNTS.get(kind)
    return {"entries": 1} | ({name: 1, f"{name}_minor": amount} if name else {})
