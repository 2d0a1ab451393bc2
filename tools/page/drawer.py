"""What lies in the page's drawer: a card of every member, and some that are no good."""

from datetime import UTC, datetime

from gateway.registry import Registry
from tools import coffee_shop
from tools.page.street import Card

UNKNOWN_INDEX = 9000


def cards(registry: Registry) -> list[Card]:
    """Members' cards in the order of the registry, one that was not activated, one of nobody."""
    members = registry.members()
    found = [Card(int(member.cards[0]), member.masked_name, member.tier)
             for member in members if member.cards and member.cards[0].isdigit()]
    return [*found, Card(coffee_shop.card_number(len(coffee_shop.MEMBERS)), "", "stock"),
            Card(coffee_shop.card_number(UNKNOWN_INDEX), "", "unknown")]


def clock() -> str:
    """The time of day where the demo runs, for its list of events."""
    return datetime.now(UTC).astimezone().strftime("%H:%M:%S")
