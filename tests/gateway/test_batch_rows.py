"""Rows of batches: what a close is held against is found, by key and in few statements."""

from gateway import batch_rows, originals
from gateway.batch import Batch, Record
from gateway.database import counting_statements, reading
from gateway.seen_rows import read_seen
from tests.support.street import JOURNAL, Street


def closes_of(street: Street, *spans: tuple[int, int, int]) -> None:
    for first, last, trace in spans:
        assert street.take(street.batch_close(first, last, trace=trace)).code == 0


def test_a_batch_is_read_as_it_was_written():
    batch = Batch(7, 8, 9, 1, 3, 1_700_000_000_000, Record({1: (1, 2, 3)}, {}))
    row = batch_rows.row_of(b"k" * 32, batch)
    assert batch_rows.batch_of(row) == batch and len(row) == len(batch_rows.COLUMNS)


def test_a_close_finds_what_touches_its_range_and_the_newest(engine):
    street = Street(engine, terminals=2)
    closes_of(street, (1, 3, 10), (4, 5, 11), (20, 30, 40), (12, 19, 50))
    street.answers(street.batch_close(1, 9, terminal=1, trace=60))
    for first, last, expected in ((60, 70, {50}), (25, 26, {40, 50}), (11, 13, {11, 40, 50})):
        close = street.message(street.batch_close(first, last, trace=80))
        with reading(engine) as connection:
            found = batch_rows.read(connection, street.keyring.audit_key, [close], ())
        place = street.terminals[0], JOURNAL
        assert {batch.trace for batch in found.batches[place]} == expected
        assert set(found.batches) == {place} and found.forged == frozenset()


def test_a_void_reads_the_close_that_holds_its_original_and_a_refund_none(engine):
    """A refund comes months later, and closes no longer matter to it."""
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(9)))
    closes_of(street, (1, 3, 10), (4, 5, 11), (6, 8, 12))
    receipt = street.rows("entries", "id", "1 = 1 ORDER BY id")[4][0]
    for frame, expected in ((street.void(5, trace=20), {11}),
                            (street.void(receipt=receipt, trace=20), {11}),
                            (street.void(9, trace=20), set()),
                            (street.refund(5, amount_minor=10, trace=20), set())):
        batch = [street.message(frame)]
        with reading(engine) as connection:
            behind = read_seen(connection, batch, originals.resolve(connection, batch), [])
        assert {batch_rows.batch_of(row).trace for row in behind.batches} == expected
    assert street.take(street.void(5, trace=20)).code == 42
    assert street.take(street.refund(5, amount_minor=10, trace=21)).code == 0


def test_two_ranges_of_one_journal_are_read_whole(engine):
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(6)), street.sale(9, trace=2))
    closes = [street.message(street.batch_close(*span, trace=80 + place))
              for place, span in enumerate(((1, 2), (5, 9)))]
    with counting_statements(engine) as statements, reading(engine) as connection:
        found = batch_rows.read(connection, street.keyring.audit_key, closes, ())
    taps = found.taps[street.terminals[0], JOURNAL]
    # the conflict about trace 2 takes nothing from its outcome
    assert sorted(taps) == [1, 2, 5, 6] and {tap.code for tap in taps.values()} == {0}
    assert len(statements) == 2
