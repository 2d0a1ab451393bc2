"""What a tap may come to: table T over what HQ did and when, with the model's own arithmetic.

Law: nothing of the gateway is used here. A tap is refused only for its card or for a state of
card or member that began before it; every other cause holds it; else it posts. What cannot be
known for sure may go either way, and nothing else may:
- the gateway dates a tap by a clock that heartbeats set, so a change within that clock's error
  may have come before or after the tap; where the clock was wrong or never set, any date from the
  last trusted time to the arrival will do, and any change before that may also hold the tap: how
  long ago it can have been, the gateway may not know;
- it judges by what it knows when it decides, some time between the tap's arrival and its answer;
  what was recorded after a backup is unknown after the restore until it is recorded again;
- of a state it knows one step back: what changed twice since the tap may be held.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from tools.prove.purses import Ends
from tools.prove.story import (
    BACKUP,
    CARD,
    EPOCH_REVOKED,
    MEMBER,
    MERCHANT,
    RECOVERY,
    RESTORED,
    TERMINAL,
    Happened,
    Story,
)

if TYPE_CHECKING:
    from tools.prove.bills import Redeeming

BP = 10000
US = 1_000_000

APPROVED, UNKNOWN, INACTIVE, INVALID, SUSPENDED, VOIDED, HELD = 0, 10, 11, 15, 20, 40, 41
CARD_CODES = {"active": 0, "replaced": 0, "stock": INACTIVE, "lost": 12, "blocked": 13,
              "expired": 14, "suspect": 16}
IN_DOUBT = frozenset((10, 11, 12, 13, 14, 16, 20))  # a recovery holds what would be these
REFUSED = frozenset((10, 11, 12, 13, 14, 15, 16, 20, 40))


SLOT_SIZE, BLOCK_SLOTS, SLOTS_MORE = 32, 120, 4
RESERVE_BLOCKS, REMOUNTED_BLOCKS = 4, 4


def slots_of(frame_size: int) -> int:
    """What a message of so many bytes takes in an outbox, with its answer: at most."""
    return frame_size // SLOT_SIZE + SLOTS_MORE


class Rate(NamedTuple):
    """A rule set: in force from `effective_us` until the next one."""

    effective_us: int
    rate_points: int
    rate_minor: int


class Room(NamedTuple):
    """An outbox of so many blocks. Bounds on purpose generous: a record takes its bytes in slots
    and at most `SLOTS_MORE` for its head, its answer and what it was moved for; a boot makes at
    most one block useless; four blocks are kept in reserve, and a few more for faults of flash
    and heap that make the handset mount again."""

    blocks: int

    @property
    def kept_slots(self) -> int:
        """So much can be written behind a message without its block being needed."""
        return max(self.blocks - RESERVE_BLOCKS - REMOUNTED_BLOCKS, 0) * BLOCK_SLOTS

    @property
    def full_slots(self) -> int:
        """What must wait for an answer, at least, before there may be no room for a tap."""
        return max(self.blocks - RESERVE_BLOCKS, 0) * BLOCK_SLOTS // 3


class CardFacts(NamedTuple):
    """`member_id` None: a card from stock. `state` as in story.CARD."""

    member_id: int | None
    state: str = "active"


class Rules(NamedTuple):
    """The world as it was made. `opening_s`: unix seconds at virtual time 0. `cards`: card number
    (or UID) -> facts; a card that is not here is unknown to the gateway. `multipliers`: member id
    -> basis points of the tier. `merchants`: terminal id -> merchant id. A clock that a heartbeat
    set is at most `clock_late_s` late (a round trip of 10 s, whole seconds twice) or
    `clock_early_s` early, and `drift_ppm_max` of its age beyond that. `day_offset_s`: a business
    day begins so long before midnight UTC (Shanghai at 04:00: four hours). `since_us`: when the
    terminals were made; whoever counts seconds wrongly may date a tap down to that. `outbox`: the
    room in a handset. `redeeming`: None where points buy nothing. `ends`: how long they live."""

    opening_s: int
    rates: tuple[Rate, ...]
    cards: dict[int | bytes, CardFacts]
    multipliers: dict[int, int]
    merchants: dict[int, int]
    since_us: int
    clock_late_s: int = 12
    clock_early_s: int = 1
    drift_ppm_max: int = 0
    day_offset_s: int = 4 * 3600
    outbox: "Room" = Room(32)
    redeeming: "Redeeming | None" = None
    ends: Ends = Ends()

    def day_of(self, at_us: int) -> int:
        """The business day of a virtual time, since 1970."""
        return (self.opening_s + at_us // US + self.day_offset_s) // 86400


class Dates(NamedTuple):
    """The instants a tap may be dated to. `sure`: its clock was good, within its error; where it
    was not, whatever changed before `last_us` may also hold the tap."""

    first_us: int
    last_us: int
    sure: bool


class Window(NamedTuple):
    """When the gateway may have decided: after record `first`, before record `last`."""

    first: int
    last: int


def points_of(amount_minor: int, rate: Rate, multiplier_bp: int) -> int:
    """The points of a sale: one fraction, rounded down once."""
    return amount_minor * rate.rate_points * multiplier_bp // (rate.rate_minor * BP)


def luhn(number: int) -> bool:
    """Whether the last digit of a card number is its check digit (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(str(number))]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


class World:
    """What HQ had recorded at any moment of the story."""

    def __init__(self, story: Story, rules: Rules) -> None:
        self.rules = rules
        backups = {fact.subject: fact.order for fact in story.facts if fact.what == BACKUP}
        self._restores = [(fact.order, backups[fact.subject]) for fact in story.facts
                          if fact.what == RESTORED]
        self._recoveries = [fact for fact in story.facts if fact.what == RECOVERY]
        self._facts: dict[tuple[str, object], list[Happened]] = {}
        for fact in story.facts:
            if fact.what in (CARD, MEMBER, MERCHANT, TERMINAL, EPOCH_REVOKED):
                self._facts.setdefault((fact.what, fact.subject), []).append(fact)

    def standing(self, order: int, at: int) -> bool:
        """Whether the database at record `at` knows what was recorded at `order`: since the last
        restore, or by the time of the backup that was restored then, and so on back."""
        while True:
            restore, backup = max((pair for pair in self._restores if pair[0] < at),
                                  default=(0, 0))
            if restore < order < at:
                return True
            if not restore:
                return False
            at = backup

    def life_before(self, epoch: int) -> int:
        """The restore epoch in which the backup was made that `epoch` began with."""
        if not epoch:
            return 0
        backup = sorted(self._restores)[epoch - 1][1]
        return sum(restore < backup for restore, _ in self._restores)

    def known(self, what: str, subject: object, order: int) -> list[Happened]:
        """The facts of a subject as the gateway knew them at `order`, oldest first."""
        return [fact for fact in self._facts.get((what, subject), ())
                if self.standing(fact.order, order)]

    # -- a sale --------------------------------------------------------------------------------

    def sale(self, terminal_id: int, epoch: int, card: int | bytes, dates: Dates,
             window: Window, *, by_hq: bool = False) -> frozenset[int]:
        """The codes that table T allows a sale decided in `window`. `by_hq`: HQ wants a held one
        posted, which sets aside what held it and nothing else."""
        facts = self.rules.cards.get(card)
        subjects: list[tuple[str, object]] = [
            (CARD, card), (MEMBER, facts and facts.member_id), (TERMINAL, terminal_id),
            (MERCHANT, self.rules.merchants.get(terminal_id)), (EPOCH_REVOKED, terminal_id)]
        changes = [fact for subject in subjects for fact in self._facts.get(subject, ())]
        if not changes and not self._recoveries:
            return frozenset((self._card_now(card),))
        found: set[int] = set()
        for order in self._moments(changes, window):
            for at_us in _instants(changes, dates):
                found |= self._sale_at(terminal_id, epoch, card, at_us, order, by_hq)
        if not dates.sure and not by_hq and any(fact.since_us <= dates.last_us
                                                for fact in changes):
            found.add(HELD)
        return frozenset(found)

    # -- what is told while the member waits -----------------------------------------------------

    def online(self, terminal_id: int, epoch: int, card: int | bytes | None,
               window: Window) -> frozenset[int]:
        """The final codes that states allow a redemption or a refund (no `card`) decided in
        `window`: by what is known then. 0: they allow it; a suspended place puts it off."""
        facts = self.rules.cards.get(card) if card is not None else None
        subjects: list[tuple[str, object]] = [
            (TERMINAL, terminal_id), (MERCHANT, self.rules.merchants.get(terminal_id))]
        if card is not None:
            subjects += [(CARD, card), (MEMBER, facts and facts.member_id)]
        changes = [fact for subject in (*subjects, (EPOCH_REVOKED, terminal_id))
                   for fact in self._facts.get(subject, ())]
        return frozenset(code for order in self._moments(changes, window)
                         for code in self._online_at(terminal_id, epoch, card, subjects, order))

    def _online_at(self, terminal_id: int, epoch: int, card: int | bytes | None,
                   subjects: Sequence[tuple[str, object]], order: int) -> frozenset[int]:
        now = [known[-1].value if known else "active"
               for known in (self.known(*subject, order) for subject in subjects)]
        if self.recovering(order):
            return frozenset()
        if self.distrusted(terminal_id, epoch, order):
            return frozenset((HELD,))
        if now[:2] != ["active", "active"]:
            return frozenset()
        if card is None:
            return frozenset((APPROVED,))
        known = self.known(CARD, card, order)
        code = CARD_CODES[known[-1].value] if known else self._card_now(card)
        suspended = SUSPENDED if now[3] != "active" else APPROVED
        return frozenset((code or suspended,))

    def _moments(self, changes: Iterable[Happened], window: Window) -> set[int]:
        edges = {fact.order for fact in (*changes, *self._recoveries)}
        edges |= {restore for restore, _ in self._restores}
        inside = {edge for edge in edges if window.first < edge < window.last}
        return {window.first, window.last} | inside

    def _sale_at(self, terminal_id: int, epoch: int, card: int | bytes, at_us: int,
                 order: int, by_hq: bool) -> frozenset[int]:
        """The codes for one date and one state of knowledge. Refusal and hold together: either."""
        if not by_hq and self.distrusted(terminal_id, epoch, order):
            return frozenset((HELD,))
        facts = self.rules.cards.get(card)
        causes = [self._card(card, at_us, order)]
        if facts is not None and facts.member_id is not None:
            causes.append(self._member(facts.member_id, at_us, order))
        merchant = self.rules.merchants.get(terminal_id)
        causes.append(self._place(MERCHANT, merchant, at_us, order))
        causes.append(self._place(TERMINAL, terminal_id, at_us, order))
        found: set[int] = set()
        for each in product(*causes):
            stopping = set(each) - {APPROVED} - ({HELD} if by_hq else set())
            found |= stopping or {APPROVED}
        if self.recovering(order) and not by_hq and found & IN_DOUBT:
            found = (found - IN_DOUBT) | {HELD}
        return frozenset(found)

    def recovering(self, order: int) -> bool:
        """Whether HQ had begun a recovery by then, and not ended it: begun after each restore."""
        before = [fact for fact in self._recoveries if fact.order < order]
        return bool(before) and before[-1].value

    def distrusted(self, terminal_id: int, epoch: int, order: int) -> bool:
        """Reported lost, or sealed under a revoked key: judged now, whatever the date."""
        states = self.known(TERMINAL, terminal_id, order)
        lost = bool(states) and states[-1].value == "lost"
        return lost or any(fact.value == epoch
                           for fact in self.known(EPOCH_REVOKED, terminal_id, order))

    def _card_now(self, card: int | bytes) -> int:
        facts = self.rules.cards.get(card)
        if facts is None:
            return UNKNOWN if isinstance(card, bytes) or luhn(card) else INVALID
        return CARD_CODES[facts.state]

    def _card(self, card: int | bytes, at_us: int, order: int) -> frozenset[int]:
        known = self.known(CARD, card, order)
        code = self._card_now(card)
        for fact in known:
            if fact.since_us <= at_us:
                code = CARD_CODES[fact.value]
        later = sum(fact.since_us > at_us for fact in known)
        if not later or (later == 1 and not code):
            return frozenset((code,))
        if code == INACTIVE:  # taken from stock since: the row may tell it as usable
            return frozenset((code, HELD, APPROVED))
        return frozenset((code, HELD))

    def _member(self, member_id: int, at_us: int, order: int) -> frozenset[int]:
        known = self.known(MEMBER, member_id, order)
        if not known:
            return frozenset((APPROVED,))
        at_tap = _state_at(known, at_us)
        if known[-1].value != "active":
            later = known[-1].since_us > at_us
            return frozenset(({HELD} if later else {SUSPENDED})
                             | ({SUSPENDED} if at_tap != "active" else set()))
        return frozenset({APPROVED} | ({SUSPENDED, HELD} if at_tap != "active" else set()))

    def _place(self, what: str, subject: object, at_us: int, order: int) -> frozenset[int]:
        """Terminal or merchant: suspended holds what was tapped since."""
        known = self.known(what, subject, order)
        if not known:
            return frozenset((APPROVED,))
        began = known[-1].value != "active" and known[-1].since_us <= at_us
        if began:
            return frozenset((HELD,))
        doubt = _state_at(known, at_us) != "active"
        return frozenset({APPROVED} | ({HELD} if doubt else set()))

    def points(self, amount_minor: int, card: int | bytes, dates: Dates) -> frozenset[int]:
        """What a sale may earn: by the rule set in force at any of its dates."""
        facts = self.rules.cards.get(card)
        if facts is None or facts.member_id is None:
            return frozenset()
        multiplier = self.rules.multipliers[facts.member_id]
        return frozenset(points_of(amount_minor, rate, multiplier)
                         for rate in self.rates(dates))

    def rates(self, dates: Dates) -> list[Rate]:
        """Those in force at any of these dates."""
        rates = self.rules.rates
        return [rate for rate, following in zip(rates, (*rates[1:], None), strict=True)
                if rate.effective_us <= dates.last_us
                and (following is None or following.effective_us > dates.first_us)]


def _state_at(known: Iterable[Happened], at_us: int) -> str:
    state = "active"
    for fact in known:
        if fact.since_us <= at_us:
            state = fact.value
    return state


def _instants(changes: Iterable[Happened], dates: Dates) -> set[int]:
    """Instants between which nothing changes."""
    first, last, _ = dates
    found = {first, last}
    for fact in changes:
        found |= {at for at in (fact.since_us - 1, fact.since_us) if first <= at <= last}
    return found
