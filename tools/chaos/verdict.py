"""The ledger against what the handsets saw: lost, twice, or exactly once.

Law: what is owed is what a handset said was saved, or what its outbox holds; what was posted is
what entries and postings of the database say. A tap without entry counts as lost unless its final
answer is the refusal its card earns. Pure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from protocol import codes, messages
from tools import tally
from tools.chaos.witness import Answer, Key
from tools.handsets import OutboxEntry

LISTED_MAX = 20


class Verdict(NamedTuple):
    """`taps`: sales owed. `posted`: one entry that agrees with the answer in every figure.
    `refused`: as its card earns, without entry. `lost`: owed, and not there. `twice`: entries
    beyond the first. `untapped`: entries nobody tapped. `differing`: one entry, other figures.
    `unsettled`: without answer. `findings`: a line each."""

    taps: int
    posted: int
    refused: int
    lost: int
    twice: int
    untapped: int
    differing: int
    unsettled: int
    findings: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return self.posted + self.refused == self.taps and not (
            self.lost or self.twice or self.untapped or self.differing or self.unsettled
            or self.findings)


def judge(saved: Mapping[Key, int], answers: Mapping[Key, Answer],
          outboxes: Sequence[OutboxEntry], ledger: Iterable[tally.Entry],
          barren: Collection[str]) -> Verdict:
    """`barren`: last 4 digits of cards that are refused (from stock)."""
    findings: list[str] = []
    by_key = {(each.terminal_id, each.journal, each.trace): each for each in outboxes}
    vanished = [key for key in saved if key not in by_key]
    findings += [f"{key} was saved and is not in the outbox" for key in vanished]
    for key, answer in answers.items():
        box = by_key.get(key)
        if box is not None and (box.code, box.points or 0) != answer[:2]:
            findings.append(f"{key} was shown {answer}, its outbox says {box.code}, {box.points}")
    sales = [each for each in outboxes if each.type == messages.SALE]
    barren_sales = [each for each in sales if each.card_last4 in barren]
    owed = [_tapped(each) for each in sales if each.card_last4 not in barren]
    entries = list(ledger)
    refused = {(each.terminal_id, each.journal, each.trace) for each in barren_sales
               if each.code == codes.CARD_INACTIVE}
    found = tally.compare(owed, entries)
    for key, count in _beside(entries, owed):
        findings.append(f"{key} has {count} entries without a tap that earns one")
    lost = found.missing + found.rejected + len(vanished) + len(barren_sales) - len(refused)
    return Verdict(
        len(sales) + len(vanished), found.posted, len(refused), lost, found.duplicates,
        found.untapped, found.differing, sum(not each.settled for each in outboxes),
        tuple(findings[:LISTED_MAX]))


def _tapped(box: OutboxEntry) -> tally.Tapped:
    return tally.Tapped(box.terminal_id, box.journal, box.trace, box.amount_minor or 0, box.code,
                        box.points, box.receipt)


def _beside(entries: Sequence[tally.Entry],
            owed: Sequence[tally.Tapped]) -> list[tuple[Key, int]]:
    known = {each.key for each in owed}
    beside: dict[Key, int] = {}
    for entry in entries:
        if entry.key not in known:
            beside[entry.key] = beside.get(entry.key, 0) + 1
    return list(beside.items())
