"""What voids name: found behind the locks, whatever happened before them."""

import pytest
from sqlalchemy import create_engine

from gateway import held, originals
from gateway.database import counting_statements, writing
from gateway.errors import TryLater
from gateway.held import HeldKey
from gateway.intake import Arrival, Intake
from tests.support.street import JOURNAL, Street


def resolved(street: Street, *frames: bytes) -> originals.Wanted:
    with writing(street.engine) as connection:
        return originals.resolve(connection, [street.message(each) for each in frames])


def test_an_original_that_posts_between_resolve_and_lock_is_reversed_all_the_same(
        postgresql_engine, monkeypatch):
    street = Street(postgresql_engine)
    tap, void = street.sale(), street.void(1)
    sound, raced = originals.resolve, []

    def resolve(connection, batch):
        wanted = sound(connection, batch)
        if not raced:
            raced.append(1)
            street.new_intake().take([Arrival(tap, street.now)])
        return wanted

    monkeypatch.setattr(originals, "resolve", resolve)
    reply = street.take(void)
    assert (reply.code, reply.points, reply.balance) == (0, -15, 0)
    assert street.intake.retries == 1


def test_a_verdict_that_posts_between_resolve_and_lock_is_reversed_too(
        postgresql_engine, monkeypatch):
    street = Street(postgresql_engine, terminals=2)
    street.take(street.sale(operator=9, trace=1))
    sound, raced = originals.resolve, []

    def resolve(connection, batch):
        wanted = sound(connection, batch)
        if not raced:
            raced.append(1)
            held.post(street.new_intake(), HeldKey(street.terminals[0], JOURNAL, 1), "Lin")
        return wanted

    monkeypatch.setattr(originals, "resolve", resolve)
    void = street.void(street.terminals[0], JOURNAL, 1, terminal=1)
    reply = street.take(void)
    assert (reply.code, reply.points, reply.balance) == (0, -15, 0)
    assert street.intake.retries == 1


def test_another_terminals_message_is_voided_under_that_terminals_lock(postgresql_engine):
    """Else its outcome could be written while the void looks for it."""
    street = Street(postgresql_engine, terminals=2)
    hasty = create_engine(postgresql_engine.url, connect_args={"options": "-c lock_timeout=20"})
    intake = Intake(hasty, street.keyring, clock=lambda: street.now, pause=lambda _: None)
    void = street.void(street.terminals[0], JOURNAL, 1, terminal=1, trace=9)
    with writing(postgresql_engine) as holder:
        holder.exec_driver_sql(
            f"SELECT id FROM terminals WHERE id = {street.terminals[0]} FOR NO KEY UPDATE")
        with pytest.raises(TryLater):
            street.answers(void, intake=intake)
        own, = street.answers(street.void(1, terminal=1, trace=5), intake=intake)
        assert own.code == 0
    assert [each.code for each in street.answers(void, intake=intake)] == [37]
    hasty.dispose()


def test_a_batch_without_voids_sends_no_statement_for_them(engine):
    street = Street(engine)
    with counting_statements(engine) as statements:
        assert resolved(street, street.sale(), street.inquiry()) == originals.Wanted()
    assert statements == []


def test_numbers_and_receipts_lead_to_the_key_and_the_member(engine):
    street = Street(engine, terminals=2, members=2)
    receipt = street.take(street.sale(card=1)).receipt
    street.take(street.sale(card=0))
    keys = {key for key in (street.message(street.sale(trace=trace)) for trace in (1, 2, 3))}
    found = resolved(street, street.void(receipt=receipt), street.void(2), street.void(3),
                     street.void(receipt=77))
    assert found.keys == {(each.origin, each.key) for each in keys}
    assert found.receipts == {receipt: (street.terminals[0], street.message(
        street.sale(trace=1)).key)}
    assert found.members == set(street.members)
    assert found.terminals == {street.terminals[0]}


def test_the_type_of_what_never_posted_comes_from_its_frame_or_is_taken_for_a_sale(engine):
    street = Street(engine)
    street.answers(street.void(50, trace=9), street.sale(card="6200008999999994", trace=10))
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM frames WHERE operation_key IN"
                                   " (SELECT operation_key FROM outcomes WHERE code = 10)")
    answers = street.answers(street.void(9, trace=60), street.void(10, trace=61))
    assert [each.code for each in answers] == [42, 0]


def test_two_intakes_void_one_sale_once(engine):
    street = Street(engine)
    street.take(street.sale())
    other = Intake(engine, street.keyring, clock=lambda: street.now)
    first, = street.answers(street.void(1))
    second, = street.answers(street.void(1), intake=other)
    assert [first.code, second.code] == [0, 38]
