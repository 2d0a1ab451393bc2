"""Who takes part, for decisions: programmes, merchants, shops, operators, terminals, cards.

Values as the registry wrote them; the catalogue is the part of them that changes seldom.
"""

from typing import NamedTuple

from gateway.rules import RuleSet

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
    expired_account_id: int = 0

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
    redeemed_account_id: int = 0


class Shop(NamedTuple):
    id: int
    merchant_id: int


class Operator(NamedTuple):
    state: str
    state_since: int


class Recovery(NamedTuple):
    """The gateway was restored from an older backup and the taps since are coming back."""

    id: int
    begun_at: int


class Catalogue(NamedTuple):
    """What changes seldom and by one version number; `version` is the config revision."""

    version: int
    programmes: dict[int, Programme]
    merchants: dict[int, Merchant]
    shops: dict[int, Shop]
    operators: dict[tuple[int, int], Operator]
    recovery: Recovery | None = None


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
