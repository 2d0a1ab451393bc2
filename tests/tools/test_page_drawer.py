"""The drawer has a card of every member, one that leads to nobody, and one nobody made."""

import re

from sqlalchemy import Engine

from gateway.keyring import Keyring
from gateway.registry import Registry
from tools import coffee_shop
from tools.page import drawer


def test_members_cards_by_masked_name_and_two_that_are_no_good(engine: Engine):
    registry = Registry(engine, Keyring(bytes(32), bytes([1]) * 32, bytes([2]) * 32), actor="test")
    numbers = coffee_shop.create(registry)
    found = drawer.cards(registry)
    assert [card.number for card in found[:-2]] == list(numbers)
    assert found[0].name == "王*明" and found[0].kind == "gold"
    assert [card.kind for card in found[-2:]] == ["stock", "unknown"]
    known = {int(each) for member in registry.members() for each in member.cards if each.isdigit()}
    assert not {card.number for card in found[-2:]} & known
    assert all(coffee_shop.check_digit(card.number // 10) == card.number % 10 for card in found)


def test_the_time_of_day_has_two_digits_each():
    assert re.fullmatch(r"\d\d:\d\d:\d\d", drawer.clock())
