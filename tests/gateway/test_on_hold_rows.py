"""Rows of holds: made and ended with their entries, read only where a batch asks for one."""

from gateway.database import counting_statements
from tests.gateway.test_decisions_hold import holding, states, take


def test_a_batch_reads_holds_only_where_what_it_names_holds_something(engine):
    street = holding(engine)
    street.answers(street.sale(10_000), street.sale(10_000))
    street.take(street.refund(1, amount_minor=2500))
    with counting_statements(engine) as statements:
        street.take(street.void(2))
    assert not any("holds" in each for each in statements)
    with counting_statements(engine) as statements:
        street.take(street.void(3))
    assert sum("holds" in each for each in statements) == 2  # read, and ended


def test_a_row_is_made_with_its_entry_and_changes_once(engine):
    street = holding(engine)
    street.answers(street.sale(10_000), street.refund(1, amount_minor=2500))
    assert states(street) == [(2, 0, None)]
    take(street, 2)
    assert states(street) == [(2, 1, 3)]
