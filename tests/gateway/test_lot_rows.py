"""Lots as they are read: soonest first, and more of them only for those who need it."""

import pytest

from gateway.database import counting_statements, writing
from gateway.entries import Entry
from gateway.loading import CatalogueCache, load
from gateway.lot_rows import RowsMissing, complete, read_lots, store_expired
from gateway.lots import Move
from protocol import codes
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


@pytest.mark.parametrize("forgery", [
    "UPDATE draws SET points = points - 1 WHERE lot_id > 0",
    "UPDATE draws SET points = points + 1 WHERE lot_id > 0",
    "UPDATE draws SET held = 1 WHERE lot_id > 0", "UPDATE draws SET away = 1 WHERE lot_id > 0",
    "UPDATE draws SET instead = 1 WHERE lot_id > 0", "UPDATE draws SET lot_id = 99",
    "UPDATE draws SET lot_id = 0", "DELETE FROM draws"])
def test_nothing_is_taken_back_on_draws_that_are_not_what_their_lots_say(
        engine, forgery, caplog):
    street = Street(engine)
    street.answers(street.sale(10_000), street.redemption(100, 200))
    true = street.rows("lots"), street.rows("members")
    draws = street.rows("draws")
    with engine.begin() as connection:
        connection.exec_driver_sql(forgery)
    assert street.rows("draws") != draws
    for frame in (street.void(1), street.void(2), street.refund(1, amount_minor=5000)):
        assert street.take(frame).code == codes.TRY_LATER
    assert street.rows("quarantine", "fault") == [("SealBroken",)] * 3
    assert (street.rows("lots"), street.rows("members")) == true


def test_a_lot_that_is_gone_expires_nothing(engine):
    street = Street(engine)
    street.take(street.sale())
    lot = street.rows("lots", "id, remaining")[0]
    gone = Move(lot[0] + 1, -5, expired_delta=5)
    entries = [Entry(90, (), (), (gone,), b"", b"")]
    with pytest.raises(RowsMissing, match="run the audit"), writing(engine) as connection:
        store_expired(connection, entries)
    assert street.rows("lots", "id, remaining") == [lot]
