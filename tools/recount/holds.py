"""What a return holds for HQ's word, and how such a hold ends. Pure.

Law (gateway/README.md, Holds on returns): under rules that hold, a refund, or a void that is no
terminal's own cancel, leaves what its bill gave as it stands and claims it. Taken, it goes as if
the return had taken it; released, by HQ or by time behind the last day, it stays. A void of the
return ends it as well, and puts back no more than was taken. What HQ does itself holds nothing.
"""

import json
from typing import Any, NamedTuple

from tools.recount.boxes import REFUND, VOID, Key
from tools.recount.law import Stand, date_of
from tools.recount.reading import HoldRow, Told

TAKEN_KIND, RELEASED_KIND = 23, 24
TAKEN, RELEASED, LAPSED, VOIDED = "taken", "released", "lapsed", "voided"
OPEN_STATE = 0
STATES = {TAKEN: 1, RELEASED: 2, LAPSED: 3, VOIDED: 4}
VERDICTS = (TAKEN, RELEASED, LAPSED)
NO_STAND = Stand()

Apart = tuple[str, str, str]  # figure, as it is told, as it ought to be


class Claim(NamedTuple):
    """What a return holds: what its bill gave, and that cost, before and after; `due_on`: the last
    day (since 1970) for a verdict."""

    before: Stand
    after: Stand
    due_on: int

    def settled(self, word: str) -> tuple[Stand, Stand]:
        """What a verdict changes."""
        return (self.before, self.after) if word == TAKEN else (NO_STAND, NO_STAND)


class End(NamedTuple):
    """How a hold ended, and with which receipt."""

    word: str
    receipt: int


def may_hold(key: Key, part: Told) -> bool:
    """Whether rules can make a return hold: none that HQ made or let through, and no void of its
    own journal that names no operator, by which a terminal cancels by itself."""
    said, entry = part.said, part.entry
    if said is None or entry is None or entry.origin <= 0 or said.type not in (REFUND, VOID):
        return False
    named = said.original
    own = isinstance(named, tuple) and named[0] == key[0] and named[1][:4] == key[1][:4]
    return said.type == REFUND or said.operator is not None or not own


def claimed(before: Stand, after: Stand, told: Told, hold_days: int) -> Claim:
    """What a return claims that brings a bill from one stand to another."""
    assert told.entry is not None
    return Claim(Stand(before.given, 0, before.cost, 0), Stand(after.given, 0, after.cost, 0),
                 told.entry.booked_on + hold_days)


def untaken(after: Stand, before: Stand) -> Stand:
    """The stand behind a part of which nothing that was given is taken, or put back."""
    return after._replace(given=before.given, cost=before.cost)


def kind_of(word: str) -> int:
    """The kind of entry that a verdict makes."""
    return TAKEN_KIND if word == TAKEN else RELEASED_KIND


def fault(verdict: Told, claim: Claim | None, end: End | None) -> str:
    """What is wrong with a verdict on what a return claims; `end`: how that ended. Empty:
    nothing."""
    assert verdict.said is not None and verdict.entry is not None
    if claim is None:
        return "what it names holds nothing"
    if verdict.said.verdict not in VERDICTS:
        return "its note tells no verdict"
    if end is None or end.receipt != verdict.entry.id:
        return f"receipt {end and end.receipt} had ended the hold"
    return ""


def row_of(claim: Claim | None, end: End | None) -> HoldRow | None:
    """The row that there ought to be."""
    if claim is None:
        return None
    if end is None:
        return HoldRow(claim.due_on, OPEN_STATE, None)
    return HoldRow(claim.due_on, STATES.get(end.word, OPEN_STATE), end.receipt)


def early(day: int, claim: Claim | None, end: End) -> list[Apart]:
    """Where time released on a day what it had to leave to HQ."""
    if claim is None or end.word != LAPSED or day > claim.due_on:
        return []
    return [("released_on", date_of(day), f"later than {date_of(claim.due_on)}")]


def apart(row: HoldRow | None, worked_out: HoldRow | None) -> list[Apart]:
    """Where the row of a return is not what it ought to be."""
    return [] if row == worked_out else [("hold", _shown(row), _shown(worked_out))]


def apart_in(context: str, claim: Claim | None, ended: str) -> list[Apart]:
    """Where the context of an entry tells something else than it claims and than how a hold ended
    with it."""
    try:
        said: Any = json.loads(context)
        held, state = said.get("hold"), said.get("hold_ended")
        told = held and (held[0], held[1], held[-1])
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        return [("context", "nothing that reads", "what it takes back")]
    ought = claim and (claim.before.given, claim.after.given, claim.due_on)
    pairs = (("claim", told, ought), ("hold_ended", state, STATES.get(ended)))
    return [(name, str(one), str(other)) for name, one, other in pairs if one != other]


def _shown(row: HoldRow | None) -> str:
    if row is None:
        return "none"
    word = next((word for word, state in STATES.items() if state == row.state), "open")
    by = "" if row.ended_by is None else f" by receipt {row.ended_by}"
    return f"{word}{by}, due {date_of(row.due_on)}"
