"""Holds on returns, as values: what a return claims, and how a hold ends (K5, L10, J12). Pure.

Law: a return that holds takes nothing of what its original gave. Its entry puts points aside, as
many as are available and at most what it claims, and tells in its context what it claims. A hold
ends once: HQ takes the claim, HQ or the time limit releases the points, or the return itself is
voided. What was released is never taken for that return again.
"""

import json
from typing import NamedTuple

from gateway.money import Money, Terms, figure

OPEN, TAKEN, RELEASED, LAPSED, VOIDED = range(5)
STATES = {OPEN: "open", TAKEN: "taken", RELEASED: "released", LAPSED: "lapsed",
          VOIDED: "voided"}
CLAIMED = '"hold":'  # in the context of an entry that holds
ENDED = '"hold_ended":'  # in the context of the entry that ends it, beside `original`


class Claim(NamedTuple):
    """Points that an original gave before a return and after it, and those of them at the base
    rate; `due_on`: the last day on which HQ has its word."""

    given: int
    given_after: int
    base: int
    base_after: int
    due_on: int

    @property
    def points(self) -> int:
        return self.given - self.given_after

    def money(self, terms: Terms | None) -> Money:
        """What taking the claim comes to, at the original's terms."""
        return figure(terms, given=self.given_after, base=self.base_after).less(
            figure(terms, given=self.given, base=self.base))


class Ending(NamedTuple):
    """The hold of this taker (its entry) ends so; `due_on`: as it was claimed."""

    taker: int
    state: int
    due_on: int


class HoldEnd(NamedTuple):
    """Somebody's word on the hold of an entry: TAKEN, RELEASED or LAPSED."""

    entry_id: int
    state: int

    @property
    def key(self) -> bytes:
        """The operation key of its outcome: a hold has one end."""
        return self.entry_id.to_bytes(8, "big")


def claim_in(context: str) -> Claim | None:
    """What an entry claims, if it holds points for a return."""
    if CLAIMED not in context:
        return None
    told = json.loads(context).get("hold")
    return Claim(*told) if told else None
