"""What a batch knows: the rows it loaded and what it decided since. Values, no database.

Law: decisions read a Book and return a Decision; the Book changes only by `join`, after the
decision has returned. So a decision that fails leaves nothing behind, and the second message of
a batch sees what the first one did.
"""

from typing import NamedTuple

from gateway.ledger import Draft, Member
from gateway.rules import RuleSet
from protocol.messages import Request

ACTIVE = "active"
SUSPENDED = "suspended"
LOST = "lost"
RETIRED = "retired"
CLOSED = "closed"
STOCK = "stock"
BLOCKED = "blocked"
EXPIRED = "expired"
SUSPECT = "suspect"
REPLACED = "replaced"


class Programme(NamedTuple):
    """`rule_sets`: (effective_at, rule set), oldest first."""

    id: int
    time_zone: str
    cutover_minutes: int
    first_tap_activates: bool
    rule_sets: tuple[tuple[int, RuleSet], ...]

    def rule_set_at(self, at: int) -> RuleSet | None:
        found = None
        for effective_at, rule_set in self.rule_sets:
            if effective_at > at:
                break
            found = rule_set
        return found


class Merchant(NamedTuple):
    id: int
    programme_id: int
    state: str
    state_since: int
    issued_account_id: int


class Shop(NamedTuple):
    id: int
    merchant_id: int


class Operator(NamedTuple):
    state: str
    state_since: int


class Catalogue(NamedTuple):
    """What changes seldom and by one version number; `version` is the config revision."""

    version: int
    programmes: dict[int, Programme]
    merchants: dict[int, Merchant]
    shops: dict[int, Shop]
    operators: dict[tuple[int, int], Operator]


class Terminal(NamedTuple):
    """`revoked_epochs`: one byte for each."""

    id: int
    shop_id: int
    state: str
    state_since: int
    epoch: int
    revoked_epochs: bytes


class Card(NamedTuple):
    id: int
    identity: str
    programme_id: int
    member_id: int | None
    state: str
    state_since: int
    state_before: str | None
    valid_through_on: int | None


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


class Message(NamedTuple):
    """A verified frame and what it says. `received_at` in milliseconds since 1970.

    `fault` is 0, or 60 or 61 for a payload that cannot be decided; then only type, journal and
    trace of `request` are set.
    """

    terminal_id: int
    epoch: int
    frame: bytes
    frame_hash: bytes
    received_at: int
    request: Request
    fault: int = 0

    @property
    def digest(self) -> bytes:
        return self.frame_hash[:8]

    @property
    def key(self) -> bytes:
        """Operation key of a handset's outcome: journal || trace."""
        return operation_key(self.request.journal, self.request.trace)


def operation_key(journal: int, trace: int) -> bytes:
    return journal.to_bytes(4, "big") + trace.to_bytes(4, "big")


class Facts(NamedTuple):
    """What a reply tells beside its code; None stays away. `head_of`: the member whose chain's
    head it shows, as it stands after this message."""

    points: int | None = None
    balance: int | None = None
    tier: str | None = None
    member: str | None = None
    expiring: tuple[int, int] | None = None
    head_of: int | None = None
    config_revision: int | None = None
    highest_trace: int | None = None
    receipt: int | None = None


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
    card that was tapped for the first time, as its member's active card."""

    code: int
    facts: Facts = Facts()
    posted: Posted | None = None
    activated: Card | None = None


class Book:
    """The state of one batch. Read it freely; write it by `join` only.

    `broken`: ("members", id) and ("journals", terminal, journal) of rows that do not fit their
    seals: nothing may be stored on top of them."""

    def __init__(self, catalogue: Catalogue, now: int, *, terminals: dict[int, Terminal],
                 cards: dict[str, Card], members: dict[int, Member],
                 journals: dict[tuple[int, int], Journal],
                 broken: frozenset[tuple] = frozenset()) -> None:
        self.catalogue = catalogue
        self.now = now
        self.terminals = terminals
        self.cards = cards
        self.members = members
        self.journals = journals
        self.broken = broken
        self.raised: dict[int, int] = {}
        self.activated: list[Card] = []

    def join(self, decision: Decision) -> None:
        """Take over the effects of a decision that returned."""
        if decision.posted is not None:
            member = decision.posted.draft.member
            self.members[member.id] = member
        if decision.activated is not None:
            self.cards[decision.activated.identity] = decision.activated
            self.activated.append(decision.activated)

    def raise_epoch(self, terminal_id: int, epoch: int) -> None:
        """A valid MAC under a higher epoch than recorded raises the record (WIRE, Keys)."""
        terminal = self.terminals[terminal_id]
        if epoch > terminal.epoch:
            self.terminals[terminal_id] = terminal._replace(epoch=epoch)
            self.raised[terminal_id] = epoch

    def saw(self, message: Message, *, outcome: bool) -> None:
        """Count a journaled message into its journal; `outcome`: a row is stored for it."""
        request = message.request
        key = (message.terminal_id, request.journal)
        journal = self.journals.get(key) or Journal(*key, 0, 0)
        self.journals[key] = journal._replace(
            highest_trace=max(journal.highest_trace, request.trace),
            outcomes=journal.outcomes + (1 if outcome else 0))


class Refusal(NamedTuple):
    """A stored 60 or 62; `box` holds its frame and reply."""

    frame_hash: bytes
    code: int
    decided_at: int
    box: bytes


class Seen(NamedTuple):
    """What is known of the batch's messages from before."""

    outcomes: dict[tuple[int, bytes], Outcome]
    refusals: dict[bytes, Refusal]
    quarantined: frozenset[bytes]
    boxes: dict[tuple[int, bytes], bytes]


class Loaded(NamedTuple):
    book: Book
    seen: Seen
