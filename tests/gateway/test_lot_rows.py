"""Lots as they are read: soonest first, and more of them only for those who need it."""

import pytest

from gateway.database import counting_statements, writing
from gateway.entries import Entry
from gateway.loading import CatalogueCache, load
from gateway.lot_rows import RowsMissing, complete, read_lots, store_expired
from gateway.lots import Move
from tests.support.street import Street


def test_what_ends_soonest_comes_first_and_what_is_empty_stays_away(engine):
    street = Street(engine)
    for _ in range(3):
        street.take(street.sale(10000))
        street.later(days=40)
    street.take(street.redemption(200, 500))
    with writing(engine) as connection:
        found = read_lots(connection, [(street.members[0],)])[street.members[0]]
    assert [lot.expires_on for lot in found] == sorted(lot.expires_on for lot in found)
    assert len(found) == 3 and found[0].remaining == 40


def test_a_member_who_owes_nothing_costs_no_statement_more(engine):
    street = Street(engine)
    street.take(street.sale())
    messages: list = street.intake.open_arrivals([street.arrival(street.sale())])
    with writing(engine) as connection:
        book = load(connection, CatalogueCache(), messages, 0, street.keyring).book
        with counting_statements(engine) as statements:
            complete(connection, dict(book.members), ())
            assert not statements
            owing = {key: each._replace(debt=1) for key, each in book.members.items()}
            complete(connection, owing, ())
        assert len(statements) == 1  # the draws; no lots behind them


def test_a_lot_that_is_gone_expires_nothing(engine):
    street = Street(engine)
    street.take(street.sale())
    lot = street.rows("lots", "id, remaining")[0]
    gone = Move(lot[0] + 1, -5, expired_delta=5)
    entries = [Entry(90, (), (), (gone,), b"", b"")]
    with pytest.raises(RowsMissing, match="run the audit"), writing(engine) as connection:
        store_expired(connection, entries)
    assert street.rows("lots", "id, remaining") == [lot]
