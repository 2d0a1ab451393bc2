"""The chain of registry events."""

from gateway import house
from gateway.database import writing
from tests.support.street import KEYS, Street

SHOP = {"id": 1, "merchant_id": 1, "name": "Old town"}


def test_a_row_seal_changes_with_every_registered_column():
    seal = house.row_seal(KEYS[1], "shops", SHOP)
    for name in SHOP:
        assert house.row_seal(KEYS[1], "shops", SHOP | {name: 9}) != seal
    assert house.row_seal(b"X" * 32, "shops", SHOP) != seal
    assert len(seal) == 32


def test_a_row_seal_leaves_out_what_is_derived():
    member: dict[str, object] = dict.fromkeys(
        ("id", "programme_id", "tier", "state", "state_since", "created_at",
         "points_account_id", "available", "masked_name"), 1)
    assert house.row_seal(KEYS[1], "members", member) == house.row_seal(
        KEYS[1], "members", member | {"available": 5, "masked_name": "x"})


def test_keys_of_several_columns_are_joined():
    assert house.row_key("shops", SHOP) == "1"
    assert house.row_key("terminal_epochs", {"terminal_id": 7, "epoch": 2}) == "7:2"


def test_nothing_changed_is_no_event(engine):
    street = Street(engine)
    before = street.rows("counters")
    with writing(engine) as connection:
        house.append(connection, KEYS[1], "x", 1, [])
    assert street.rows("counters") == before


def test_no_card_number_and_no_name_is_in_the_events(engine):
    street = Street(engine)
    text = repr(street.rows("registry_events"))
    assert street.cards[0] not in text and "王" not in text
