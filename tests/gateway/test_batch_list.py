"""The list of closed batches: what HQ sees of a terminal's day that differs."""

import pytest

from gateway import batch_list
from gateway.errors import SealBroken
from tests.support.street import JOURNAL, Street


def differing(engine) -> Street:
    """Terminal 0 closes a day that agrees and one without a sale it counted; 1 one with a trace
    that never came."""
    street = Street(engine, terminals=2)
    street.answers(street.sale(), street.batch_close(1, 1, totals={1: (1, 1250, 15)}),
                   street.sale(), street.batch_close(3, 3, totals={1: (2, 2500, 30)}),
                   street.batch_close(1, 1, terminal=1, trace=2))
    return street


def test_batches_that_differ_are_listed_with_both_sides_totals(engine, monkeypatch):
    monkeypatch.setattr(batch_list, "PAGE_ROWS", 2)
    street = differing(engine)
    first, second = batch_list.listed(street.intake)
    assert first.batch == f"{street.terminals[0]}/{JOURNAL}/4"
    assert (first.merchant, first.shop) == ("Bean", "Old town")
    assert (first.first, first.last, first.types) == (3, 3, (1,))
    assert (first.theirs, first.ours) == ({1: (2, 2500, 30)}, {1: (1, 1250, 15)})
    assert first.differing == ((3, 0, 15),)
    assert (second.types, second.unseen, second.differing) == ((), ((1, 1),), ((1, 90, 0),))
    everything = list(batch_list.listed(street.intake, everything=True))
    assert [each.agrees for each in everything] == [True, False, False]


def test_a_batch_that_was_tampered_with_is_not_shown(engine):
    street = differing(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE batches SET last_trace = 2")
    with pytest.raises(SealBroken, match="run the audit"):
        list(batch_list.listed(street.intake))
