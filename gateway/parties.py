"""Who takes part, for decisions: programmes, merchants, shops, operators, terminals, cards.

Values as the registry wrote them; the catalogue is the part of them that changes seldom.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from gateway.rules import BP, RuleSet

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

T = TypeVar("T")


class Rates(NamedTuple):
    """At what a merchant settles, in basis points: `cost_bp` of the worth of the points it gives,
    `credit_bp` of what it takes off bills. `version` 0: nobody has set any."""

    version: int = 0
    cost_bp: int = BP
    credit_bp: int = BP


NO_RATES = Rates()


class Programme(NamedTuple):
    """`rule_sets`: (effective_at, rule set), oldest first."""

    id: int
    time_zone: str
    cutover_minutes: int
    first_tap_activates: bool
    rule_sets: tuple[tuple[int, RuleSet], ...]
    expired_account_id: int = 0
    pool_account_id: int = 0
    hq_account_id: int = 0
    adjusted_account_id: int = 0

    def rule_set_at(self, at: int) -> RuleSet | None:
        return in_force(self.rule_sets, at)


class Merchant(NamedTuple):
    """`rates`: (effective_at, rates), oldest first."""

    id: int
    programme_id: int
    state: str
    state_since: int
    issued_account_id: int
    redeemed_account_id: int = 0
    due_account_id: int = 0
    rates: tuple[tuple[int, Rates], ...] = ()

    def rates_at(self, at: int) -> Rates:
        return in_force(self.rates, at) or NO_RATES


def in_force(versions: Sequence[tuple[int, T]], at: int) -> T | None:
    """The newest that had begun at an instant; `versions`: (effective_at, what), oldest first."""
    found = None
    for effective_at, version in versions:
        if effective_at > at:
            break
        found = version
    return found


class Shop(NamedTuple):
    id: int
    merchant_id: int


class Operator(NamedTuple):
    id: int
    name: str
    state: str
    state_since: int


class Recovery(NamedTuple):
    """The gateway was restored from an older backup and the taps since are coming back."""

    id: int
    begun_at: int


class Catalogue(NamedTuple):
    """What changes seldom and by one version number; `version` is the config revision. `recovery`:
    the one under way; `restored`: the newest, ended or not (0: none)."""

    version: int
    programmes: dict[int, Programme]
    merchants: dict[int, Merchant]
    shops: dict[int, Shop]
    operators: dict[tuple[int, int], Operator]
    recovery: Recovery | None = None
    restored: int = 0


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
