"""Which failures pass by themselves, and which are a message's fault."""

import sqlite3
import time

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway import failures
from gateway import intake as intake_module
from gateway.database import writing
from gateway.errors import LinkMoved
from gateway.tables import card_events, outcomes
from tests.support.street import Street


class Refused(Exception):
    """A driver's error with a state or code."""

    def __init__(self, **fields):
        super().__init__("refused")
        self.__dict__.update(fields)


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "57P01", "53100", "53300", "08006",
                                   "25006", "25P03", "25P04", "57014", "57P03",
                                   "58030", "58000"])
def test_serialization_deadlock_locked_gone_and_full_pass_on_postgresql(state):
    assert failures.passing(OperationalError("x", {}, Refused(sqlstate=state)))


@pytest.mark.parametrize("state", ["22003", "42P01", "23514", "XX000", "42601"])
def test_what_the_statement_got_wrong_does_not(state):
    assert not failures.passing(DBAPIError("x", {}, Refused(sqlstate=state)))


@pytest.mark.parametrize("code, passes", [
    (sqlite3.SQLITE_BUSY, True), (sqlite3.SQLITE_BUSY_SNAPSHOT, True),
    (sqlite3.SQLITE_FULL, True), (sqlite3.SQLITE_IOERR_FSYNC, True),
    (sqlite3.SQLITE_ERROR, False), (sqlite3.SQLITE_CORRUPT, False)])
def test_sqlite_codes(code, passes):
    assert failures.passing(OperationalError("x", {}, Refused(sqlite_errorcode=code))) is passes


def test_a_server_that_is_not_there_passes():
    assert failures.passing(OperationalError("x", {}, psycopg.OperationalError("no server")))
    assert failures.passing(PoolTimeout("pool"))
    assert failures.passing(LinkMoved("moved"))


def test_bugs_do_not_pass():
    assert not failures.passing(ZeroDivisionError())
    assert failures.describe(ZeroDivisionError("card 6200")) == "ZeroDivisionError"


def _again(engine, table) -> IntegrityError:
    """What the database says to a second insert of a row that is there."""
    with engine.connect() as connection:
        row = dict(connection.execute(table.select().limit(1)).one()._mapping)
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        connection.execute(table.insert().values(**row))
    return caught.value


def test_a_second_outcome_is_a_lost_race_and_another_duplicate_is_not(engine):
    street = Street(engine)
    street.take(street.sale())
    assert failures.passing(_again(engine, outcomes))
    assert not failures.passing(_again(engine, card_events))


def test_a_tap_whose_gateway_slept_in_its_transaction_is_tried_again_and_posts(
        postgresql_engine, monkeypatch):
    street = Street(postgresql_engine)
    sound, slept = intake_module.load, []

    def load(connection, *rest):
        if not slept:
            slept.append(1)
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 20")
            time.sleep(0.2)
        return sound(connection, *rest)

    monkeypatch.setattr(intake_module, "load", load)
    assert street.take(street.sale()).code == 0
    assert street.intake.retries == 1 and street.rows("quarantine") == []
