"""The ledger against what the handsets saw: lost, twice, or exactly once.

Law: what is owed is what a handset said was saved, or what its outbox holds; what was posted is
what entries and postings of the database say. Each message either posts one entry or none, by
this table; whatever else is found is lost, twice or a finding. Pure.

    a sale of a card from stock                   none, refused with 11
    a sale whose void was first (code 40)         none, and an approved void of it exists
    any other sale                                one entry, with the amount and points it was told
    an approved void of a posted sale             one entry, the sale's figures taken back
    an approved void of a sale that did not post  none
    a void after another of the same sale (38)    none, and an approved one exists
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from protocol import codes, messages
from tools import tally
from tools.chaos.witness import Answer, Key, Saved
from tools.handsets import OutboxEntry

LISTED_MAX = 20
POSTS, REFUSED, EMPTY, LOST = "posts", "refused", "empty", "lost"


class Verdict(NamedTuple):
    """`taps`: messages owed, sales and voids. `posted`: one entry that agrees with the answer in
    every figure; `taken_back`: of them, voids. `refused`: as its card earns, without entry.
    `empty`: without entry because of a void; no handset of today sends one before its sale is
    answered, nor a second one, so it is 0 as long as that holds. `lost`: owed, and not there.
    `twice`: entries beyond the first. `untapped`: entries nobody tapped. `differing`: one entry,
    other figures. `unsettled`: without answer. `findings`: a line each."""

    taps: int
    posted: int
    taken_back: int
    refused: int
    empty: int
    lost: int
    twice: int
    untapped: int
    differing: int
    unsettled: int
    findings: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return self.posted + self.refused + self.empty == self.taps and not (
            self.lost or self.twice or self.untapped or self.differing or self.unsettled
            or self.findings)


class Books:
    """The outboxes by key, and the voids of each sale. `saved` knows what a void is of where the
    outbox does not say."""

    def __init__(self, outboxes: Sequence[OutboxEntry], saved: Mapping[Key, Saved]) -> None:
        self.boxes = {key_of(each): each for each in outboxes}
        self.originals: dict[Key, Key] = {}
        self.approved: set[Key] = set()
        for key, box in self.boxes.items():
            told = saved.get(key)
            pair = box.original or (told.original if told is not None else None)
            if box.type == messages.VOID and pair is not None:
                self.originals[key] = (box.terminal_id, *pair)
                if box.code == codes.APPROVED:
                    self.approved.add(self.originals[key])

    def fate(self, key: Key, barren: Collection[str]) -> str:
        """What must have become of a message, by the table."""
        box = self.boxes[key]
        if box.type == messages.SALE:
            if box.card_last4 in barren:
                return REFUSED if box.code == codes.CARD_INACTIVE else LOST
            if box.code == codes.VOIDED:
                return EMPTY if key in self.approved else LOST
            return POSTS
        original = self.originals.get(key)
        if box.code == codes.APPROVED and original in self.boxes:
            return POSTS if self.boxes[original].code == codes.APPROVED else EMPTY
        return EMPTY if box.code == codes.NOTHING_LEFT and original in self.approved else LOST

    def tapped(self, key: Key) -> tally.Tapped:
        """A message that posts, with the amount its entry must have."""
        box, original = self.boxes[key], self.boxes.get(self.originals.get(key, key))
        amount_minor = box.amount_minor or 0
        if box.type == messages.VOID and original is not None:
            amount_minor = -(original.amount_minor or 0)
        return tally.Tapped(*key, amount_minor, box.code, box.points, box.receipt)

    def crooked(self) -> list[str]:
        """Voids that took back other points than their sale had brought."""
        found = []
        for key, original in self.originals.items():
            void, sale = self.boxes[key], self.boxes.get(original)
            if sale is None or (void.code, sale.code) != (codes.APPROVED, codes.APPROVED):
                continue
            if (void.points or 0) != -(sale.points or 0):
                found.append(f"the void {key} took back {void.points} points, its sale "
                             f"{original} brought {sale.points}")
        return found


def key_of(box: OutboxEntry) -> Key:
    return box.terminal_id, box.journal, box.trace


def judge(saved: Mapping[Key, Saved], answers: Mapping[Key, Answer],
          outboxes: Sequence[OutboxEntry], ledger: Iterable[tally.Entry],
          barren: Collection[str]) -> Verdict:
    """`barren`: last 4 digits of cards that are refused (from stock)."""
    books, entries = Books(outboxes, saved), list(ledger)
    vanished = [key for key in saved if key not in books.boxes]
    findings = [f"{key} was saved and is not in the outbox" for key in vanished]
    for key, answer in answers.items():
        box = books.boxes.get(key)
        if box is not None and (box.code, box.points or 0) != answer[:2]:
            findings.append(f"{key} was shown {answer}, its outbox says {box.code}, {box.points}")
    fates = {key: books.fate(key, barren) for key in books.boxes}
    owed = [books.tapped(key) for key, fate in fates.items() if fate == POSTS]
    found = tally.compare(owed, entries)
    findings += [f"{key} is lost: {books.boxes[key]}" for key, fate in fates.items()
                 if fate == LOST]
    findings += [f"{key} has an entry and earns none" for key in
                 {each.key for each in entries} & {key for key in fates if fates[key] != POSTS}]
    fate = list(fates.values())
    return Verdict(
        len(fates) + len(vanished), found.posted,
        sum(books.boxes[key].type == messages.VOID for key in fates if fates[key] == POSTS),
        fate.count(REFUSED), fate.count(EMPTY),
        found.missing + found.rejected + len(vanished) + fate.count(LOST), found.duplicates,
        found.untapped, found.differing, sum(not each.settled for each in outboxes),
        tuple([*findings, *books.crooked()][:LISTED_MAX]))
