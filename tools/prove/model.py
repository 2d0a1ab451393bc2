"""What the world is before the run, and what each tap may come to. Pure, with its own arithmetic.

Law: nothing of the gateway is used here. Points are
floor(amount_minor * rate_points * multiplier_bp / (rate_minor * 10000)).
"""

from collections.abc import Callable
from typing import NamedTuple

BP = 10000


class Rate(NamedTuple):
    """A rule set: in force from `effective_us` until the next one."""

    effective_us: int
    rate_points: int
    rate_minor: int


class CardFacts(NamedTuple):
    """`member_id` None: a card from stock. `state` as in story.CARD."""

    member_id: int | None
    state: str = "active"


class Rules(NamedTuple):
    """The world as it was made. `opening_s`: unix seconds at virtual time 0. `cards`: card number
    (or UID) -> facts; a card that is not here is unknown to the gateway. `multipliers`: member id
    -> basis points of the tier. `merchants`: terminal id -> merchant id. `key_of(terminal_id,
    epoch)`: the terminal key, to tell authentic frames from corrupt ones."""

    opening_s: int
    rates: tuple[Rate, ...]
    cards: dict[int | bytes, CardFacts]
    multipliers: dict[int, int]
    merchants: dict[int, int]
    key_of: Callable[[int, int], bytes]
    first_tap_activates: bool = False
    clock_error_s: int = 12


def points_of(amount_minor: int, rate: Rate, multiplier_bp: int) -> int:
    """The points of a sale: one fraction, rounded down once."""
    return amount_minor * rate.rate_points * multiplier_bp // (rate.rate_minor * BP)


