"""The demo's programme: its rules, its members and their cards."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway import database, pins, rules
from gateway.decisions.causes import luhn
from gateway.keyring import Keyring
from gateway.registry import Registry
from gateway.tables import operator_pins
from tools import coffee_shop

KEYRING = Keyring(b"\1" * 32, b"\2" * 32, b"\3" * 32)


@pytest.fixture(scope="module")
def registry(tmp_path_factory) -> Registry:
    folder: Path = tmp_path_factory.mktemp("shop")
    engine = database.open_engine(f"sqlite:///{folder}/shop.sqlite3")
    database.migrate(engine)
    made = Registry(engine, KEYRING, clock=lambda: datetime(2026, 6, 1, tzinfo=UTC))
    coffee_shop.create(made)
    return made


@pytest.mark.parametrize(("tier", "points"), [("basic", 12), ("silver", 15), ("gold", 18)])
def test_twelve_yuan_fifty_gives_these_points(tier: str, points: int):
    found = coffee_shop.RULES.tier(tier)
    assert found is not None and rules.award(coffee_shop.RULES, found, 1250).points == points


def test_cards_have_sixteen_digits_a_check_digit_and_the_reserved_prefix():
    cards = [coffee_shop.card_number(index) for index in range(200)]
    assert len(set(cards)) == 200 and cards[0] == coffee_shop.RESERVED_CARD
    assert all(luhn(str(card)) and str(card).startswith("620000") and len(str(card)) == 16
               for card in cards)


def test_members_have_names_of_both_languages_and_a_card_each(registry: Registry):
    names = [name for name, _ in coffee_shop.MEMBERS]
    assert any(name.isascii() for name in names) and any(not name.isascii() for name in names)
    members = registry.members()
    assert len(members) == len(names) and all(len(each.cards) == 1 for each in members)
    assert coffee_shop.cards_of(registry)[0] == coffee_shop.RESERVED_CARD


def test_terminals_are_added_up_to_the_wanted_number_and_one_is_a_strangers(registry: Registry):
    for tills in (2, 5, 3):
        coffee_shop.add_terminals(registry, tills)
    terminals = registry.terminals()
    stranger = coffee_shop.stranger_of(terminals)
    assert stranger is not None and stranger not in coffee_shop.tills_of(terminals)
    assert len(coffee_shop.tills_of(terminals)) == 5 and len(terminals) == 6


def test_every_merchant_has_the_operators_whose_pins_are_told(registry: Registry):
    coffee_shop.add_operators(registry)
    known = coffee_shop.OPERATORS[0]
    registry.set_operator_pin(1, known.number, "999999")
    coffee_shop.add_operators(registry)  # as a later run does
    assert [(each.merchant_id, each.number, each.name, each.has_pin)
            for each in registry.operators()] == [
        (merchant, each.number, each.name, True)
        for merchant in range(1, len(coffee_shop.MERCHANTS) + 1)
        for each in coffee_shop.OPERATORS]
    first = select(operator_pins).order_by(operator_pins.c.operator_id)
    with database.reading(registry.engine) as connection:
        row = connection.execute(first).first()
    assert row is not None
    kept = pins.Kept(*row[:len(pins.Kept._fields)])
    assert pins.fits(KEYRING.pin_key, kept, known.pin)
