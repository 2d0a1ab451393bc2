"""What becomes of a bill, part by part, where the ledger let through what cannot be."""

from collections.abc import Iterable

import pytest

from tools.recount.boxes import REFUND, SALE, VERDICT, VOID, Key, Said
from tools.recount.history import Change, Histories, Unknown, Wrong
from tools.recount.law import Bill, Stand
from tools.recount.reading import Archive, Entry, Told, end_of

BILL = Bill(1000, 0, 0, (1, 100), 10_000, (100, 100, 10_000, 10_000))


def key(number: int) -> Key:
    return 10_000_001, bytes((0, 0, 0, 1, 0, 0, 0, number))


def message(number: int, kind: int, amount: int = 0, original: int = 1) -> Told:
    said = Said(kind, None, 0, None, amount, 0, None if kind == SALE else key(original))
    entry = Entry(number, 0, 1, 1, *key(number)[:1], None, *key(number), 0, 0, 0, 0, 0, "{}")
    return Told(said, "", 0, 0, entry, 0)


class Nothing(Archive):
    """Has nothing beside what is told."""

    def __init__(self) -> None:
        pass

    def told(self, keys: Iterable[Key]) -> dict[Key, Told]:
        return {}

    def taken_back(self, keys: Iterable[Key]) -> list[tuple[Key, Key]]:
        return []

    def entries(self, ids: Iterable[int]) -> dict[int, Entry]:
        return {}


def verdict(number: int, word: str, receipt: int) -> Told:
    said = Said(VERDICT, None, 0, None, 0, 0, receipt, None, word)
    entry = Entry(number, 0, 1, 1, 0, None, *end_of(receipt), 0, 0, 0, 0, 0, "{}")
    return Told(said, "", 0, 0, entry, 0)


def changes(*messages: Told, hold_days: int | None = None) -> list[Change | Exception]:
    told = {(each.entry.origin, each.entry.operation_key): each for each in messages
            if each.entry is not None}
    found = Histories(Nothing(), told).changes(key(1), lambda whole: BILL, lambda of: hold_days)
    return [found[each] for each in sorted(found)]


SOLD = message(1, SALE, 1000)


def test_parts_follow_each_other_down_to_nothing():
    some, rest = changes(SOLD, message(2, REFUND, 301), message(3, VOID))
    assert some == Change(-301, Stand(10, 0, -10, 0), Stand(6, 0, -6, 0))
    assert rest == Change(-699, Stand(6, 0, -6, 0), Stand(0, 0, 0, 0))


@pytest.mark.parametrize(("parts", "why"), [
    ([message(2, REFUND, 600), message(3, REFUND, 401)], "400 was left, it takes 401"),
    ([message(2, VOID), message(3, VOID)], "0 was left"),
    ([message(2, REFUND, 1)], "never posted")])
def test_what_cannot_be_is_said(parts, why):
    sold = () if len(parts) == 1 else (SOLD,)
    *_, last = changes(*sold, *parts)
    assert isinstance(last, Wrong) and why in str(last)


def test_behind_a_part_that_cannot_be_read_nothing_is_known():
    lost = message(2, REFUND, 1)._replace(said=None, why="its frame is not kept")
    histories = Histories(Nothing(), {key(1): SOLD, key(2): lost, key(3): message(3, VOID)})
    histories._taken[key(1)].add(key(2))
    found = histories.changes(key(1), lambda whole: BILL)
    assert all(isinstance(each, Unknown) for each in found.values()) and len(found) == 2
    assert "before it, its frame is not kept" in str(found[key(3)])


def test_a_verdict_takes_what_its_return_claims_and_a_later_void_puts_just_that_back():
    taken, part, undone = changes(SOLD, message(2, REFUND, 301), verdict(3, "taken", 2),
                                  message(4, VOID, original=2), hold_days=9)
    assert isinstance(part, Change) and part.claim and part.claim.due_on == 9
    assert part[:3] == (-301, Stand(10, 0, -10, 0), Stand(10, 0, -10, 0))
    assert taken == Change(0, Stand(10, 0, -10, 0), Stand(6, 0, -6, 0), part.claim)
    assert isinstance(undone, Change) and isinstance(taken, Change)
    assert undone[1:3] == (taken.after, taken.before)


@pytest.mark.parametrize("verdicts, days, why", [
    ([message(3, VOID, original=2), verdict(4, "taken", 2)], 9, "receipt 3 had ended the hold"),
    ([verdict(3, "taken", 2)], None, "holds nothing"),
    ([verdict(3, "perhaps", 2)], 9, "tells no verdict")])
def test_a_verdict_that_cannot_be_is_said(verdicts, days, why):
    wrong, *_ = changes(SOLD, message(2, REFUND, 301), *verdicts, hold_days=days)
    assert isinstance(wrong, Wrong) and why in str(wrong)
