"""Storing: every row sealed, keys in order, ids that follow the highest."""

import pytest

from gateway import chain, storing
from gateway.database import counting_statements
from gateway.errors import TryLater
from gateway.tables import MEMBER_DERIVED, SEALED, metadata
from tests.support.street import JOURNAL, Street


def test_every_sealed_row_carries_its_seal(engine):
    street = Street(engine)
    street.registry.create_operator(street.merchant, 5, "Li")
    street.registry.set_operator_pin(street.merchant, 5, "2468")
    street.answers(street.sale(trace=1), street.sale(5, trace=1), b"rubbish", street.sale(),
                   street.sale(trace=80), street.void(80, trace=90), street.walk_in(trace=91))
    for table, columns in SEALED.items():
        rows = street.rows(table, f"{', '.join(columns)}, row_mac")
        assert rows or table in ("quarantine", "held_dates", "batches", "proposals",
                                 "member_spans", "open_days", "day_totals", "holds"), table
        assert all(chain.seal(street.keyring.audit_key, table, row[:-1]) == row[-1]
                   for row in rows)
    for *derived, mac in street.rows("members", f"{', '.join(MEMBER_DERIVED)}, derived_mac"):
        assert chain.seal(street.keyring.audit_key, "members", derived) == mac


def test_the_counts_that_miss_a_deleted_row_are_right(engine):
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(5)), street.sale(9, trace=1))
    assert street.rows("journals", "journal, highest_trace, outcomes") == [(JOURNAL, 5, 5)]
    assert street.rows("counters", "value, low", "name = 'refusals'") == [(1, 0)]
    assert street.rows("outcomes", "count(*)") == street.rows("frames", "count(*)") == [(5,)]


def test_a_batch_that_decides_nothing_stores_nothing(engine):
    street = Street(engine)
    street.take(street.sale())
    with counting_statements(engine) as statements:
        street.answers(street.inquiry())
    assert not [each for each in statements if not each.startswith("SELECT")]
    with counting_statements(engine) as statements:
        street.answers(street.inquiry(), street.heartbeat())
    written = [each.split()[2] for each in statements if not each.startswith("SELECT")]
    assert written == ["sightings"]  # the answer, before it sets a clock


def test_nothing_of_a_failed_transaction_is_left(engine, monkeypatch):
    street = Street(engine)
    before = {table: street.rows(table, "count(*)") for table in metadata.tables}

    def fail(*_args):
        raise MemoryError("seeded, behind every other statement")

    with monkeypatch.context() as patch:
        patch.setattr(storing, "_store_journals", fail)
        patch.setattr("gateway.aside.set_aside", fail)
        with pytest.raises(TryLater):
            street.take(street.sale())
    assert {table: street.rows(table, "count(*)") for table in metadata.tables} == before
