"""The programme of the demo and the simulation: a coffee street, its members and their cards.

1 yuan is 1 point, silver cards get 1.2 times, gold 1.5 times, points live 9 months; 20 points are
1 yuan off a bill, in tens, for at most half of it. A card from stock is answered `card_inactive`.
Card numbers are made by `card_number` from a range that no real issuer uses; the first is the
reserved test number. The operators' PINs are for everybody to read. Everything goes through the
registry.
"""

from typing import NamedTuple

from sqlalchemy import select

from gateway.database import reading
from gateway.registry import NewCard, NewMember, Registry, TerminalFacts
from gateway.rules import Redeeming, RuleSet, Tier
from gateway.tables import merchants, programmes, shops

CODE = "coffee"
NAME = "咖啡街 Coffee Street"
UTC_OFFSET_MIN = 480  # of the programme's time zone, Asia/Shanghai
CARD_PREFIX = 6200_00
CARD_DIGITS = 16
RESERVED_CARD = 6200001234567892
STRANGER = "stranger"
TILL = "till"
STOCK_CARDS = 2

RULES = RuleSet(
    version=1, rate_points=1, rate_minor=100, lot_months=9,
    tiers=(Tier("basic", "普通", 10000), Tier("silver", "银卡", 12000),
           Tier("gold", "金卡", 15000)),
    redeeming=Redeeming(points=20, minor=100, points_min=20, points_step=10, share_bp=5000))

MERCHANTS = (("豆叶咖啡 Bean & Leaf", ("Old town 老城店", "Station 车站店")),
             ("山茶面包 Camellia Bakery", ("River side 江边店",)))

MEMBERS = (
    ("王小明", "gold"), ("Alice Green", "silver"), ("李芳", "basic"), ("Bob Turner", "basic"),
    ("张伟", "silver"), ("Chloe Martin", "gold"), ("刘洋", "basic"), ("Daniel Novak", "silver"),
    ("陈静", "gold"), ("Emma Fischer", "basic"), ("赵磊", "silver"), ("Farid Khan", "basic"),
)


class Operator(NamedTuple):
    """Who may log in at a till; `pin` is known to everybody, so it is good for a demo only."""

    number: int
    name: str
    pin: str


OPERATORS = (Operator(1, "林静", "2468"), Operator(2, "Max Weber", "1357"))


def check_digit(digits: int) -> int:
    """Luhn check digit that goes behind `digits`."""
    total = 0
    for place, letter in enumerate(reversed(str(digits))):
        doubled = int(letter) * 2 if place % 2 == 0 else int(letter)
        total += doubled // 10 + doubled % 10
    return -total % 10


def card_number(index: int) -> int:
    """The demo's card `index`, from 0, Luhn-valid, 16 digits. 0 is the reserved test number."""
    if index == 0:
        return RESERVED_CARD
    body = CARD_PREFIX * 10 ** (CARD_DIGITS - 1 - len(str(CARD_PREFIX))) + index
    return body * 10 + check_digit(body)


def create(registry: Registry, members: int = len(MEMBERS),
           rules: RuleSet = RULES) -> tuple[int, ...]:
    """Fill an empty registry and return the members' card numbers, in the order of MEMBERS;
    more members than there are names are numbered ones."""
    programme = registry.create_programme(CODE, NAME, rules)
    for name, branches in MERCHANTS:
        merchant = registry.create_merchant(programme, name)
        for branch in branches:
            registry.create_shop(merchant, branch)
    named = [_member(number) for number in range(members)]
    ids = registry.create_members(programme, named)
    cards = [card_number(index) for index in range(members + STOCK_CARDS)]
    registry.create_cards(
        programme, [NewCard(card, ids[index]) for index, card in enumerate(cards[:members])]
        + [NewCard(card, None, "stock") for card in cards[members:]])
    return tuple(cards[:members])


def _member(number: int) -> NewMember:
    name, tier = MEMBERS[number % len(MEMBERS)]
    return NewMember(name if number < len(MEMBERS) else f"{name} {number}", tier)


def add_terminals(registry: Registry, tills: int) -> None:
    """Terminals up to the wanted number of tills, and one for a stranger."""
    have, places = registry.terminals(), shops_of(registry)
    if stranger_of(have) is None:
        registry.create_terminal(places[0], label=STRANGER)
    for number in range(len(tills_of(have)), tills):
        registry.create_terminal(places[number % len(places)], label=f"{TILL} {number + 1}")


def add_operators(registry: Registry) -> None:
    """OPERATORS at every merchant, each with the PIN that stands there, whatever it was before."""
    have = {(each.merchant_id, each.number) for each in registry.operators()}
    with reading(registry.engine) as connection:
        ids = connection.execute(select(merchants.c.id).order_by(merchants.c.id)).scalars().all()
    for merchant_id in ids:
        for each in OPERATORS:
            if (merchant_id, each.number) not in have:
                registry.create_operator(merchant_id, each.number, each.name)
            registry.set_operator_pin(merchant_id, each.number, each.pin)


def tills_of(terminals: list[TerminalFacts]) -> list[TerminalFacts]:
    """Those that get a handset."""
    return [each for each in terminals if each.label.startswith(TILL)]


def stranger_of(terminals: list[TerminalFacts]) -> TerminalFacts | None:
    """The one kept without a handset."""
    return next((each for each in terminals if each.label == STRANGER), None)


def shops_of(registry: Registry) -> tuple[int, ...]:
    """All shops, oldest first."""
    with reading(registry.engine) as connection:
        return tuple(connection.execute(select(shops.c.id).order_by(shops.c.id)).scalars())


def programme_of(registry: Registry) -> int:
    """The street's programme."""
    with reading(registry.engine) as connection:
        return connection.execute(
            select(programmes.c.id).where(programmes.c.code == CODE)).scalar_one()


def cards_of(registry: Registry) -> tuple[int, ...]:
    """Numbers of all cards that lead to a member, by member."""
    return tuple(int(card) for member in registry.members() for card in member.cards
                 if card.isdigit())
