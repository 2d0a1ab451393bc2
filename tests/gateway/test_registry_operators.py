"""Operators: made, given PINs, suspended; each change leaves its event, none leaves a PIN."""

import pytest

from gateway.audit import run_audit
from gateway.pins import PinRefused
from gateway.registry import RegistryError
from tests.support.street import Street


@pytest.fixture
def street(engine) -> Street:
    built = Street(engine)
    built.registry.create_operator(built.merchant, 5, "Li")
    return built


def events(street: Street) -> list[tuple]:
    return street.rows("registry_events", "table_name, row_key",
                       "table_name IN ('operators', 'operator_pins') ORDER BY seq")


def test_an_operator_is_listed_with_what_head_office_needs(street):
    registry = street.registry
    registry.create_operator(street.merchant, 2, "Wang")
    registry.set_operator_pin(street.merchant, 5, "2468")
    for _ in range(5):
        street.take(street.login(5, "8642"))
    wang, li = registry.operators()
    assert (wang.number, wang.name, wang.has_pin, wang.locked_until) == (2, "Wang", False, None)
    assert (li.merchant, li.state, li.since, li.has_pin) == ("Bean", "active", street.now, True)
    assert li.locked_until is not None and (li.locked_until - street.now).seconds == 15 * 60
    street.later(minutes=15)
    assert registry.operator(street.merchant, 5).locked_until is None


def test_each_pin_leaves_an_event_and_never_the_pin(street):
    for pin in ("24682468", "13571357"):
        facts = street.registry.set_operator_pin(street.merchant, 5, pin)
        assert facts.has_pin and pin not in repr(facts)
    assert events(street) == [("operators", "1"), ("operator_pins", "1"), ("operator_pins", "1")]
    assert street.rows("operator_pins", "version") == [(2,)]
    for table in ("operator_pins", "operator_tries", "operators", "registry_events"):
        stored = repr(street.rows(table)).encode()
        assert b"24682468" not in stored and b"13571357" not in stored
    assert run_audit(street.engine, street.keyring, rebuild=True).findings == ()


def test_two_operators_of_one_pin_are_not_seen_to_share_it(street):
    street.registry.create_operator(street.merchant, 6, "Wang")
    for number in (5, 6):
        street.registry.set_operator_pin(street.merchant, number, "2468")
    rows = street.rows("operator_pins", "salt, pin_hash")
    assert rows[0][0] != rows[1][0] and rows[0][1] != rows[1][1]


def test_a_suspended_operator_is_let_in_again_and_neither_is_done_twice(street):
    registry = street.registry
    assert registry.suspend_operator(street.merchant, 5).state == "suspended"
    with pytest.raises(RegistryError, match="is suspended, not active. Nothing was changed"):
        registry.suspend_operator(street.merchant, 5)
    assert registry.reinstate_operator(street.merchant, 5).state == "active"
    with pytest.raises(RegistryError, match="is active, not suspended"):
        registry.reinstate_operator(street.merchant, 5)


def test_what_cannot_be_done_changes_nothing(street):
    registry, before = street.registry, events(street)
    for wrong, error in (
            (lambda: registry.set_operator_pin(street.merchant, 5, "123"), PinRefused),
            (lambda: registry.set_operator_pin(street.merchant, 9, "2468"), RegistryError),
            (lambda: registry.set_operator_pin(99, 5, "2468"), RegistryError),
            (lambda: registry.suspend_operator(street.merchant, 9), RegistryError),
            (lambda: registry.create_operator(street.merchant, 5, "Li"), RegistryError),
            (lambda: registry.create_operator(street.merchant, 6, " "), RegistryError),
            (lambda: registry.create_operator(street.merchant, 6, "6200001234567892"),
             RegistryError)):
        with pytest.raises(error, match="Nothing was changed"):
            wrong()
    assert events(street) == before and street.rows("operator_tries") == []


def test_no_pin_is_set_on_rows_that_were_tampered_with(street):
    street.registry.set_operator_pin(street.merchant, 5, "2468")
    for table, column in (("operator_tries", "failed"), ("operator_pins", "set_at")):
        with street.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = {column} + 1")
        with pytest.raises(RegistryError, match="run the audit"):
            street.registry.set_operator_pin(street.merchant, 5, "1357")
        with street.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = {column} - 1")
    assert street.take(street.login(5, "2468")).code == 0
