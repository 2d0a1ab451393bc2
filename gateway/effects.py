"""What a decision says and does: the answer's facts, the entry to be made, what it takes back; and
what became of a message, for those that take it back later. Values, no database.
"""

from typing import NamedTuple

from gateway.batch import Batch
from gateway.ledger import Draft, Posting
from gateway.lots import Move
from gateway.message import Key
from gateway.on_hold import Claim, Ending
from gateway.parties import Card
from gateway.sightings import Sighting
from gateway.tries import Tries


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
    line: str | None = None
    redeeming: tuple[int, ...] | None = None


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
    known of it with this answer. Of a login: `tried`, how those of its operator went with it."""

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
    tried: Tries | None = None
