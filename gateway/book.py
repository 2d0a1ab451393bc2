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
from gateway.commands import Command
from gateway.errors import SealBroken
from gateway.ledger import Draft, Member, Posting
from gateway.lots import Move
from gateway.on_hold import OPEN, Claim, Ending, HoldEnd
from gateway.parties import Card, Catalogue, Programme, Terminal
from gateway.sightings import Sighting
from protocol import codes
from protocol.messages import Request

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


HQ = 0  # the origin of HQ's verdicts on held taps
JOBS = -1  # the origin of what falls due by time
COMMANDS = -2  # the origin of HQ's commands
HOLDS = -3  # the origin of what ends a return's hold
NO_MESSAGE = -1  # the type of an original that no message asked for


class Message(NamedTuple):
    """A verified frame and what it says. `received_at` in milliseconds since 1970.

    `fault` is 0, or 60 or 61 for a payload that cannot be decided; then only type, journal and
    trace of `request` are set. `by_hq`: HQ's own word: on a held message, or a `command` or the
    end of a `hold`, which came of no terminal (0) and of no frame: `frame_hash` is that of its
    proposal, or of what names the hold.
    """

    terminal_id: int
    epoch: int
    frame: bytes
    frame_hash: bytes
    received_at: int
    request: Request
    fault: int = 0
    by_hq: bool = False
    command: Command | None = None
    hold: HoldEnd | None = None

    @property
    def digest(self) -> bytes:
        return self.frame_hash[:8]

    @property
    def origin(self) -> int:
        """Whose operation key it is: the terminal's, or HQ's."""
        if self.command is not None:
            return COMMANDS
        if self.hold is not None:
            return HOLDS
        return HQ if self.by_hq else self.terminal_id

    @property
    def key(self) -> bytes:
        """Operation key of its outcome: journal || trace; of a verdict, the held row's key; of a
        command, its proposal's serial; of a hold's end, the entry that holds."""
        if self.command is not None:
            return self.command.proposal.key
        if self.hold is not None:
            return self.hold.key
        key = operation_key(self.request.journal, self.request.trace)
        return verdict_key(self.terminal_id, key) if self.by_hq else key

    @property
    def named_minor(self) -> int | None:
        """The money that the request names: its amount, or what its basket lines sum up to."""
        basket = self.request.basket
        return self.request.amount_minor if basket is None else sum(line[1] for line in basket)

    @property
    def held_key(self) -> "Key":
        """The key of the held row that a verdict is about."""
        return self.terminal_id, operation_key(self.request.journal, self.request.trace)

    @property
    def original_key(self) -> "Key | None":
        """The key of the message that a void names; None where it names a receipt number."""
        named = self.request.original
        if isinstance(named, int):
            return None
        terminal_id = named[0] if len(named) == 3 else self.terminal_id
        return terminal_id, operation_key(*named[-2:])

    @property
    def own_original(self) -> "Key | None":
        """The key of the message that a void names in its own journal; None for any other."""
        named = self.request.original
        if named is None or isinstance(named, int):
            return None
        terminal_id, key = self.original_key or (0, b"")
        mine = terminal_id == self.terminal_id and named[-2] == self.request.journal
        return (terminal_id, key) if mine else None


def operation_key(journal: int, trace: int) -> bytes:
    return journal.to_bytes(4, "big") + trace.to_bytes(4, "big")


def verdict_key(terminal_id: int, key: bytes) -> bytes:
    """Operation key of HQ's verdict on a held row: terminal || journal || trace."""
    return terminal_id.to_bytes(4, "big") + key


Key = tuple[int, bytes]  # (origin, operation key) of an outcome


class Made(NamedTuple):
    """An entry as what takes it back finds it: where it was made, and what it did. `id` is 0 until
    it has its number, `taker` what stands for it in draws."""

    id: int
    taker: int
    kind: int
    member_id: int
    merchant_id: int
    card_id: int | None
    amount_minor: int | None
    business_date: int
    context: str
    postings: tuple[Posting, ...]
    movements: tuple[Move, ...]


class Refunded(NamedTuple):
    """A part of an original that was taken back: by which message, its number among all that took
    something of it back, and its entry."""

    by: Key
    seq: int
    made: Made

    @property
    def amount_minor(self) -> int:
        return -(self.made.amount_minor or 0)


class Original(NamedTuple):
    """What became of a message that a void or a refund names. `type`: of the message; `made`: its
    entry, or that of HQ's verdict on it; `reversed`: a void has taken effect on it; `refunds`:
    those that stand, oldest first; `seq`: how many took something of it back, standing or not;
    `part_of`: of a refund, the original that it took a part of."""

    type: int
    code: int
    made: Made | None
    reversed: bool
    refunds: tuple[Refunded, ...] = ()
    seq: int = 0
    part_of: Key | None = None

    @property
    def refunded_minor(self) -> int:
        return sum(each.amount_minor for each in self.refunds)


class Reversal(NamedTuple):
    """The message with this key is taken back, and its entry with it, if it made one; a `part` of
    it, by a refund. `tombstone`: it has not come yet, and now its outcome is 40. `seq`: its number
    among what took it back."""

    origin: int
    key: bytes
    tombstone: bool = False
    entry_id: int = 0
    seq: int = 1
    part: bool = False


class Facts(NamedTuple):
    """What a reply tells beside its code; None stays away. `head_of`: the member whose chain's
    head it shows, as it stands after this message. `next_epoch`: the one whose key it brings."""

    points: int | None = None
    balance: int | None = None
    tier: str | None = None
    member: str | None = None
    expiring: tuple[int, int] | None = None
    head_of: int | None = None
    config_revision: int | None = None
    highest_trace: int | None = None
    receipt: int | None = None
    amount_minor: int | None = None
    send_again: tuple[tuple[int, int, int], ...] | None = None
    next_epoch: int | None = None
    totals: dict[int, tuple[int, ...]] | None = None
    differing: tuple[tuple[int, int, int], ...] | None = None


class Dated(NamedTuple):
    """When a tap happened: instant and business day, the bound around it, and how it is known
    (decisions/dating.py). `sure_from`, `sure_on`: what began by then, began before the tap."""

    at: int
    business_date: int
    earliest: int
    latest: int
    quality: int
    sure_from: int
    sure_on: int

    @property
    def word(self) -> tuple[int, int, int]:
        """What is kept with an entry: quality, earliest, latest."""
        return self.quality, self.earliest, self.latest


class Posted(NamedTuple):
    """An entry as decided: the ledger's draft and where, when and why it was made."""

    draft: Draft
    merchant_id: int
    shop_id: int
    card_id: int | None
    amount_minor: int | None
    business_date: int
    booked_on: int
    dated_at: int
    context: str


class Decision(NamedTuple):
    """What a decision function returns: the code, the facts and the effects. `activated`: a stock
    card that was tapped for the first time, as its member's active card. `reversal`: the message
    that a void took back. `closes`: the batch that a close ends.
    `claims`: what its entry holds points for; `ends`: the hold that ends with it.
    `why`, `dated`: of a held message, the word for its cause, and its date.
    Of a heartbeat: `done_with`, key epochs that the terminal needs no more; `sighting`, what is
    known of it with this answer."""

    code: int
    facts: Facts = Facts()
    posted: Posted | None = None
    activated: Card | None = None
    reversal: Reversal | None = None
    closes: Batch | None = None
    why: str = ""
    dated: Dated | None = None
    done_with: tuple[int, ...] = ()
    sighting: Sighting | None = None
    claims: Claim | None = None
    ends: Ending | None = None


class Book:
    """The state of one batch. Read it freely; write it by `join` only.

    `missing`: by (terminal, journal) of a heartbeat, the spans of traces that nobody decided.
    `dates`: of held messages on which HQ has its word, (at, earliest, latest, quality).
    `taps`, `batches`: by (terminal, journal) of a close (or a void's original), what became of
    the traces of its range, and the batches that were closed before.
    `owed_since`: of members whose debt HQ wants to write off, what became debt too lately for it.
    `holds`: how the holds of returns stand (on_hold), by (member, taker).
    `broken`: ("members", id) (below zero: a terminal's chain), ("journals", terminal, journal),
    ("entries", id), ("reversals", origin, key of the original), ("batches", terminal, journal),
    ("holds", entry), ("open_days", programme) and
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
                 holds: Mapping[tuple[int, int], int] = NOTHING) -> None:
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
