"""One piece of the expiry job, by itself."""

from collections.abc import Sequence

import pytest

from gateway import lapsing as lapsing_module
from gateway.catalogue import read_catalogue
from gateway.clock import business_day, to_ms
from gateway.database import counting_statements, reading, writing
from gateway.lapsing import REST, Done, GivingWay, Lapsing
from gateway.ledger import EXPIRY, Books
from tests.gateway.test_decisions_redemption import sound
from tests.support.street import Street

SIX = [1, 2, 3, 4, 5, 6]  # the last one is nobody


def lapsing(street: Street) -> Lapsing:
    with reading(street.engine) as connection:
        programmes = read_catalogue(connection).programmes
    now = to_ms(street.now)
    books = {each.id: Books(0, 0, each.expired_account_id, business_day(
        now, each.time_zone, each.cutover_minutes), 30) for each in programmes.values()}
    return Lapsing(street.engine, street.keyring.audit_key, books, now)


def test_a_piece_does_who_is_due_by_then_and_tells_whom_it_left(engine):
    street = Street(engine, members=5)
    street.answers(*(street.sale(10_000, card=place) for place in range(4)))
    assert lapsing(street)(SIX) == Done(0)
    street.later(days=300)
    street.answers(street.sale(100, card=0))  # which wrote down what had ended
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE members SET available = 7 WHERE id = 2")
        connection.exec_driver_sql("UPDATE lots SET remaining = 7 WHERE member_id = 3")
    assert lapsing(street)(SIX) == Done(1, (
        (2, "is not what was sealed"), (3, "and its lots disagree")))
    assert street.rows("entries", "member_id", f"kind = {EXPIRY}") == [(4,)]
    assert street.rows("lots", "remaining, expired", "member_id = 4") == [(0, 120)]
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE members SET available = 120 WHERE id = 2")
        connection.exec_driver_sql("UPDATE lots SET remaining = 120 WHERE member_id = 3")
    assert lapsing(street)(SIX) == Done(2) and lapsing(street)(SIX) == Done(0)
    sound(street)


def test_many_members_take_as_many_statements_as_one(engine):
    street = Street(engine, members=5)
    street.answers(*(street.sale(10_000, card=place) for place in range(5)))
    street.later(days=300)
    counts = []
    for ids in ([1], [2, 3, 4, 5]):
        with counting_statements(engine) as statements:
            assert lapsing(street)(ids) == Done(len(ids))
        counts.append(len(statements))
    assert counts == [counts[0]] * 2


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_it_rests_as_long_as_a_piece_took_while_somebody_sells(
        engine, monkeypatch: pytest.MonkeyPatch):
    street, clock, rests = Street(engine, members=2), [0.0], []
    street.answers(street.sale(10_000))

    def piece(ids: Sequence[int]) -> Done:
        clock[0] += 3.0
        if 1 in ids:
            street.answers(street.sale(10_000, card=1))
        return Done(len(ids))

    monkeypatch.setattr(lapsing_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(lapsing_module.time, "sleep", rests.append)
    giving_way = GivingWay(engine, piece)  # pyright: ignore[reportArgumentType]
    assert giving_way([2]) == Done(1) and rests == []
    assert giving_way([1, 2]) == Done(2) and rests == [3.0 * REST]
    assert giving_way([2]) == Done(1) and len(rests) == 1
