"""Serials without gaps."""

from gateway import chain, counting
from gateway.database import writing
from gateway.tables import SEALED
from tests.support.street import KEYS

KEY = KEYS[1]


def test_serials_follow_each_other_across_transactions(engine):
    given = []
    for count in (1, 3, 2):
        with writing(engine) as connection:
            given += counting.take(connection, KEY, counting.REFUSALS, count)
    assert given == [1, 2, 3, 4, 5, 6]


def test_a_rolled_back_serial_is_given_again(engine):
    try:
        with writing(engine) as connection:
            counting.take(connection, KEY, counting.REFUSALS, 5)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with writing(engine) as connection:
        assert list(counting.take(connection, KEY, counting.REFUSALS, 1)) == [1]


def test_every_counter_is_sealed_from_its_first_moment(engine):
    with writing(engine) as connection:
        counting.take(connection, KEY, counting.QUARANTINE, 2)
        rows = connection.exec_driver_sql(
            f"SELECT {', '.join(SEALED['counters'])}, row_mac FROM counters").fetchall()
    assert {row[0] for row in rows} == set(counting.NAMES)
    assert all(chain.seal(KEY, "counters", row[:-1]) == row[-1] for row in rows)
