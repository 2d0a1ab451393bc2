"""The names of what can be wrong with a run, and a finding as a value."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tools.prove.story import TapKey

LOST = "lost"
NOT_TAKEN = "tap not taken"
DOUBLED = "doubled"
WRONG_POINTS = "wrong points"
WRONG_MEMBER = "wrong member"
WRONG_AMOUNT = "wrong amount"
WRONG_DATE = "wrong date"
UNTAPPED = "untapped posting"
UNTAPPED_MESSAGE = "untapped message"
CLAIMED = "claimed before durable"
TRACE_REUSED = "trace reused"
REPLY_DIFFERED = "reply differed"
REFUSED_WITHOUT_CAUSE = "refused without cause"
HELD_WITHOUT_CAUSE = "held without cause"
POSTED_WITHOUT_RIGHT = "posted without right"
VOIDED_BUT_COUNTS = "voided but still counted"
VERDICT_IGNORED = "verdict ignored"
HOLD_FORGOTTEN = "hold forgotten"
RECEIPT_REUSED = "receipt reused"
NOT_DRAINED = "not drained"
NOT_CANCELLED = "unanswered and not cancelled"
BALANCE_DIFFERS = "balance differs"
UNBALANCED = "entry not balanced"
CLOCK_WRONG = "clock set wrong"
SCREEN_DIFFERS = "screen and books differ"
FOREIGN_REPLY = "settled by a foreign reply"
MOVED_TWICE = "moved and doubled"
MESSAGE_DIFFERS = "message differs from tap"


class Finding(NamedTuple):
    """One thing that is wrong."""

    name: str
    tap: TapKey | None
    expected: str
    found: str

    def __str__(self) -> str:
        where = "" if self.tap is None else " terminal {} journal {} trace {}".format(*self.tap)
        return f"{self.name}:{where}: expected {self.expected}, found {self.found}"


Findings = Iterator[Finding]


def told(codes: Collection[int]) -> str:
    """Reply codes in words; 63 may stand for any of them and is left out."""
    return "codes " + ", ".join(map(str, sorted({*codes} - {63}))) if {*codes} - {63} else (
        "no answer")
