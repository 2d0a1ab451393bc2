"""Numbers of entries and lots: in the order of the batch, each once."""

from gateway.database import writing
from gateway.numbers import draw_numbers
from tests.support.street import Street


def test_ids_follow_each_other_in_the_order_of_the_batch(engine):
    street = Street(engine, members=3)
    street.answers(*(street.sale(card=2 - place % 3) for place in range(6)))
    assert street.rows("entries", "id", "1=1 ORDER BY id") == [(n,) for n in range(1, 7)]
    rows = street.rows("entries", "id, operation_key", "1=1 ORDER BY id")
    assert [key for _, key in rows] == sorted(key for _, key in rows)
    with writing(engine) as connection:
        assert list(draw_numbers(connection, 2, 1).entries) == [7, 8]
        assert draw_numbers(connection, 0, 0) == ((), ())
