"""PINs and tries that were edited, deleted or put back behind the gateway's back are named."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, insert, update

from gateway.audit import run_audit
from gateway.tables import operator_pins, operator_tries, registry_events
from tests.support.databases import KINDS, fresh_engine
from tests.support.intruder import Intruder
from tests.support.street import Street


@pytest.fixture(scope="module", params=KINDS)
def street(request) -> Iterator[Street]:
    with fresh_engine(request.param) as engine:
        built = Street(engine)
        for number in (1, 2):
            built.registry.create_operator(built.merchant, number, "Li")
            built.registry.set_operator_pin(built.merchant, number, "2468")
        built.answers(built.login(1, "8642"))
        yield built


def named(street: Street) -> set[tuple[str, str]]:
    report = run_audit(street.engine, street.keyring)
    return {(each.table, each.row) for each in report.findings}


def test_what_the_gateway_wrote_is_clean(street):
    assert named(street) == set()


@pytest.mark.parametrize("column", [column.name for column in operator_pins.columns
                                    if not column.primary_key])
def test_an_edited_pin_is_named(street, column):
    with Intruder(street.engine) as intruder:
        row = intruder.rows(operator_pins)[0]._mapping
        held = row[column]
        other = held + 1 if isinstance(held, int) else bytes((held[0] ^ 1,)) + held[1:]
        intruder.run(update(operator_pins).where(operator_pins.c.operator_id == 1).values(
            {column: other}))
        assert named(street) == {("operator_pins", "1")}


@pytest.mark.parametrize("column", [column.name for column in operator_tries.columns
                                    if not column.primary_key])
def test_edited_tries_are_named(street, column):
    with Intruder(street.engine) as intruder:
        row = intruder.rows(operator_tries)[0]._mapping
        held = row[column]
        other = held + 1 if isinstance(held, int) else bytes((held[0] ^ 1,)) + held[1:]
        intruder.run(update(operator_tries).where(operator_tries.c.operator_id == 1).values(
            {column: other}))
        assert named(street) == {("operator_tries", "1")}


def test_a_pin_of_another_operator_is_named(street):
    with Intruder(street.engine) as intruder:
        other = intruder.rows(operator_pins)[1]._mapping
        intruder.run(update(operator_pins).where(operator_pins.c.operator_id == 1).values(
            salt=other["salt"], pin_hash=other["pin_hash"]))
        assert named(street) == {("operator_pins", "1")}


@pytest.mark.parametrize("table", [operator_pins, operator_tries])
def test_one_that_is_gone_is_named(street, table):
    with Intruder(street.engine) as intruder:
        intruder.run(delete(table).where(table.c.operator_id == 2))
        assert named(street) == {(table.name, "2")}


def test_one_that_nobody_made_is_named(street):
    with Intruder(street.engine) as intruder:
        row = intruder.rows(operator_tries)[0]._mapping
        intruder.run(insert(operator_tries), [{**row, "operator_id": 3}])
        assert ("operator_tries", "3") in named(street)


def test_an_older_pin_that_was_put_back_with_its_tries_left_is_named(street):
    with Intruder(street.engine) as intruder:
        old = dict(intruder.rows(operator_pins)[0]._mapping)
        street.registry.set_operator_pin(street.merchant, 1, "1357")
        intruder.run(update(operator_pins).where(operator_pins.c.operator_id == 1).values(old))
        assert named(street) == {("operator_pins", "1")}
        report = run_audit(street.engine, street.keyring)
        assert any("tried against 2" in each.wrong for each in report.findings)
        # and with its event: the house chain misses that
        events = intruder.rows(registry_events)
        intruder.run(delete(registry_events).where(registry_events.c.seq == events[-1].seq))
        assert {"registry_events", "operator_pins"} <= {table for table, _ in named(street)}
