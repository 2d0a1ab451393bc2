"""What a batch knows: the rows it loaded and what it decided since. Values, no database.

Law: decisions read a Book and return a Decision; the Book changes only by `join`, after the
decision has returned. So a decision that fails leaves nothing behind, and the second message of
a batch sees what the first one did.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from gateway.batch import Batch, Place, Tap
from gateway.clock import DAY_MS, business_day
from gateway.effects import Decision, Made, Original, Refunded
from gateway.errors import SealBroken
from gateway.member import Member
from gateway.message import Key, Message
from gateway.on_hold import OPEN
from gateway.parties import Card, Catalogue, Programme, Terminal
from gateway.sightings import Sighting
from gateway.tries import Tries
from protocol import codes

STRANGER_DAYS = 400  # a terminal of which nothing is remembered is not dated further back

NOTHING: Mapping = MappingProxyType({})


class Outcome(NamedTuple):
    """The narrow row of a decided message."""

    origin: int
    key: bytes
    frame_hash: bytes
    code: int
    points: int | None
    entry_id: int | None
    decided_at: int


class Journal(NamedTuple):
    terminal_id: int
    journal: int
    highest_trace: int
    outcomes: int


class Book:
    """The state of one batch. Read it freely; write it by `join` only.

    `missing`: by (terminal, journal) of a heartbeat, the spans of traces that nobody decided.
    `dates`: of held messages on which HQ has its word, (at, earliest, latest, quality).
    `taps`, `batches`: by (terminal, journal) of a close (or a void's original), what became of
    the traces of its range, and the batches that were closed before.
    `owed_since`: of members whose debt HQ wants to write off, what became debt too lately for it.
    `holds`: how the holds of returns stand (on_hold), by (member, taker).
    `tries`: how logins of the operators who log in went, by id; who is not there has no PIN.
    `broken`: ("members", id) (below zero: a terminal's chain), ("journals", terminal, journal),
    ("entries", id), ("reversals", origin, key of the original), ("batches", terminal, journal),
    ("holds", entry), ("open_days", programme), ("operator_tries", operator) and
    ("sightings", terminal) of rows that do not fit their seals: nothing may be stored on top of
    them."""

    def __init__(self, catalogue: Catalogue, now: int, *, terminals: dict[int, Terminal],
                 cards: dict[str, Card], members: dict[int, Member],
                 journals: dict[tuple[int, int], Journal],
                 broken: frozenset[tuple] = frozenset(),
                 originals: dict[Key, Original] | None = None,
                 receipts: dict[int, Key] | None = None,
                 missing: Mapping[tuple[int, int], tuple[tuple[int, int], ...]] = NOTHING,
                 sightings: dict[int, Sighting] | None = None,
                 dates: Mapping[Key, tuple[int, int, int, int]] = NOTHING,
                 taps: Mapping[Place, dict[int, Tap]] = NOTHING,
                 batches: Mapping[Place, list[Batch]] = NOTHING,
                 owed_since: Mapping[int, int] = NOTHING,
                 open_days: Mapping[int, int] = NOTHING,
                 holds: Mapping[tuple[int, int], int] = NOTHING,
                 tries: dict[int, Tries] | None = None) -> None:
        self.catalogue = catalogue
        self.now = now
        self.terminals = terminals
        self.cards = cards
        self.members = members
        self.journals = journals
        self.broken = broken
        self.originals = originals or {}
        self.receipts = receipts or {}
        self.missing = missing
        self.sightings = sightings or {}
        self.dates = dates
        self._taps = taps
        self._batches = dict(batches)
        self.owed_since = owed_since
        self._open_days = open_days
        self._holds = dict(holds)
        self.tries = tries or {}
        self.tried: set[int] = set()
        self.sighted: set[int] = set()
        self.raised: dict[int, int] = {}
        self.retired: dict[int, tuple[int, ...]] = {}
        self.activated: list[Card] = []

    def sound_member(self, member_id: int) -> Member:
        """The member, to make an entry of; SealBroken when its row was tampered with."""
        self._prove("members", member_id)
        return self.members[member_id]

    def sound_original(self, key: Key) -> Original:
        """What became of a message, with an entry that can be taken back; SealBroken when it, or
        what was refunded of it, was tampered with."""
        original = self.originals[key]
        self._prove("reversals", *key)
        for made in (original.made, *(each.made for each in original.refunds)):
            if made is not None:
                self._prove("entries", made.id)
        return original

    def booked_on(self, programme: Programme) -> int:
        """The settlement day on which an entry is booked now: today, but never one that is closed
        (days.py); SealBroken where which one is open was tampered with."""
        self._prove("open_days", programme.id)
        today = business_day(self.now, programme.time_zone, programme.cutover_minutes)
        return max(today, self._open_days.get(programme.id, 0))

    def hold_of(self, made: Made) -> int | None:
        """How the hold of an entry stands (on_hold); None where it holds nothing. SealBroken
        where its row was tampered with."""
        self._prove("holds", made.taker)
        return self._holds.get((made.member_id, made.taker))

    def batches_of(self, journal: Place) -> list[Batch]:
        """Batches of a journal that were closed, as far as this batch asks; SealBroken where one
        of them was tampered with."""
        self._prove("batches", *journal)
        return self._batches.get(journal, [])

    def taps_of(self, journal: Place, first: int, last: int) -> dict[int, Tap]:
        """What became of these traces, by trace."""
        return {trace: tap for trace, tap in self._taps.get(journal, {}).items()
                if first <= trace <= last}

    def tapped(self, message: Message, decision: Decision, *, refused: bool) -> None:
        """What a later close of this batch finds of a message; `refused`: by frame, which takes
        nothing from an outcome of that trace."""
        taps = self._taps.get((message.terminal_id, message.request.journal))
        trace, facts, back = message.request.trace, decision.facts, decision.reversal
        if taps is None or message.by_hq or refused and trace in taps:
            return
        approved = decision.code == codes.APPROVED
        taps[trace] = Tap(trace, message.request.type, decision.code, message.named_minor or 0,
                          facts.points or 0) if approved else Tap(trace, 0, decision.code)
        if back is not None and back.tombstone:
            voided = int.from_bytes(back.key[4:], "big")
            taps[voided] = Tap(voided, 0, codes.VOIDED)

    def _prove(self, table: str, *row: int | bytes) -> None:
        if (table, *row) in self.broken:
            raise SealBroken(f"Not what was sealed: {table} {row}. Nothing was decided on it;"
                             " run the audit.")

    def join(self, decision: Decision) -> None:
        """Take over the effects of a decision that returned."""
        if decision.posted is not None:
            member = decision.posted.draft.member
            self.members[member.id] = member
            if decision.claims is not None:
                self._holds[member.id, -member.chain_seq] = OPEN
            if decision.ends is not None:
                self._holds[member.id, decision.ends.taker] = decision.ends.state
        if decision.activated is not None:
            self.cards[decision.activated.identity] = decision.activated
            self.activated.append(decision.activated)
        if decision.closes is not None:
            batch = decision.closes
            place = batch.terminal_id, batch.journal
            self._batches[place] = [*self._batches.get(place, []), batch]
        back = decision.reversal
        if back is not None and not back.part:
            self._reverse((back.origin, back.key))

    def _reverse(self, key: Key) -> None:
        found = self.originals.get(key) or Original(0, codes.VOIDED, None, False)
        self.originals[key] = found._replace(reversed=True, seq=found.seq + 1)
        whole = self.originals.get(found.part_of) if found.part_of else None
        if found.part_of and whole is not None:
            self.originals[found.part_of] = whole._replace(
                refunds=tuple(each for each in whole.refunds if each.by != key))

    def ended(self, message: Message, decision: Decision) -> None:
        """What a later void or refund of this batch finds: the message ended with `decision`."""
        posted, back = decision.posted, decision.reversal
        key = message.origin, message.key
        made = None if posted is None else Made(
            0, -posted.draft.member.chain_seq, posted.draft.kind, posted.draft.member.id,
            posted.merchant_id, posted.card_id, posted.amount_minor, posted.business_date,
            posted.context, posted.draft.postings, posted.draft.movements)
        part_of = (back.origin, back.key) if back is not None and back.part else None
        self.originals[key] = Original(message.request.type, decision.code, made, False,
                                       part_of=part_of)
        if back is not None and part_of is not None and made is not None:
            whole = self.originals[part_of]
            self.originals[part_of] = whole._replace(
                refunds=(*whole.refunds, Refunded(key, back.seq, made)), seq=back.seq)

    def raise_epoch(self, terminal_id: int, epoch: int) -> None:
        """A valid MAC under a higher epoch than recorded raises the record (WIRE, Keys)."""
        terminal = self.terminals[terminal_id]
        if epoch > terminal.epoch:
            self.terminals[terminal_id] = terminal._replace(epoch=epoch)
            self.raised[terminal_id] = epoch

    def retire_epochs(self, terminal_id: int, epochs: tuple[int, ...]) -> None:
        """The terminal seals and reads nothing under these any more: they are as revoked."""
        terminal = self.terminals[terminal_id]
        revoked = bytes(sorted({*terminal.revoked_epochs, *epochs}))
        self.terminals[terminal_id] = terminal._replace(revoked_epochs=revoked)
        self.retired[terminal_id] = (*self.retired.get(terminal_id, ()), *epochs)

    def sighting(self, terminal_id: int) -> Sighting:
        """What is known of a terminal's time."""
        return self.sightings.get(terminal_id) or Sighting(
            terminal_id, max(self.now - STRANGER_DAYS * DAY_MS, 0))

    def sight(self, sighting: Sighting) -> None:
        """What is known of a terminal's time from now on."""
        if sighting is not self.sighting(sighting.terminal_id):
            self.sightings[sighting.terminal_id] = sighting
            self.sighted.add(sighting.terminal_id)

    def sound_tries(self, operator_id: int) -> Tries | None:
        """How an operator's logins went; None where it has no PIN. SealBroken when the row was
        tampered with."""
        self._prove("operator_tries", operator_id)
        return self.tries.get(operator_id)

    def try_pin(self, tries: Tries) -> None:
        """How an operator's logins went from now on."""
        self.tries[tries.operator_id] = tries
        self.tried.add(tries.operator_id)

    def saw(self, message: Message, *, outcomes: int) -> None:
        """Count a journaled message into its journal; `outcomes`: rows that are stored for it."""
        request = message.request
        key = (message.terminal_id, request.journal)
        journal = self.journals.get(key) or Journal(*key, 0, 0)
        self.journals[key] = journal._replace(
            highest_trace=max(journal.highest_trace, request.trace),
            outcomes=journal.outcomes + outcomes)


class Refusal(NamedTuple):
    """A stored 40, 60 or 62; `box` holds its frame and reply."""

    frame_hash: bytes
    code: int
    decided_at: int
    box: bytes


class Seen(NamedTuple):
    """What is known of the batch's messages from before. `voided`: keys of tombstones to which a
    frame has come already and was answered 40. `contested`: keys that the batch's voids name and
    under which several frames have come (62)."""

    outcomes: dict[Key, Outcome]
    refusals: dict[bytes, Refusal]
    quarantined: frozenset[bytes]
    boxes: dict[Key, bytes]
    voided: frozenset[Key] = frozenset()
    contested: frozenset[Key] = frozenset()


class Loaded(NamedTuple):
    book: Book
    seen: Seen
