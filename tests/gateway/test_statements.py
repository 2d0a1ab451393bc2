"""The short way to the driver: the same rows, the same errors, heard by whoever listens."""

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from gateway import failures
from gateway.database import counting_statements, on_postgresql, open_engine, reading, writing
from gateway.statements import send

INSERT = "INSERT INTO counters VALUES ({0}, 1, 0, '', '')"


def insert(engine) -> str:
    return INSERT.format("%s" if on_postgresql(engine) else "?")


def test_what_goes_in_comes_back_and_is_counted(engine):
    with writing(engine) as connection:
        assert send(connection, insert(engine), ("x",)).rowcount == 1
        found = send(connection, "SELECT name, value FROM counters").fetchall()
    assert [tuple(row) for row in found] == [("x", 1)]


def test_it_is_part_of_the_transaction_it_is_sent_in(engine):
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        send(connection, insert(engine), ("x",))
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert send(connection, "SELECT count(*) FROM counters").fetchall()[0][0] == 0


def test_an_error_is_of_the_kind_the_failure_rules_read_and_tells_no_parameters(engine):
    with pytest.raises(IntegrityError) as twice, writing(engine) as connection:
        for _ in range(2):
            send(connection, insert(engine), ("79927398713",))
    assert not failures.passing(twice.value)
    with pytest.raises(DBAPIError) as nothing, reading(engine) as connection:
        send(connection, insert(engine).replace("counters", "nothing"), ("79927398713",))
    for caught in (twice, nothing):
        assert "79927398713" not in str(caught.value).split("DETAIL")[0]


def test_a_database_that_another_writer_holds_is_worth_another_try(sqlite_engine):
    other = open_engine(str(sqlite_engine.url), busy_timeout_ms=1)
    try:
        with (writing(sqlite_engine), pytest.raises(OperationalError) as caught,
              writing(other)):
            pytest.fail("two writers at once")
        assert failures.passing(caught.value)
    finally:
        other.dispose()


def test_whoever_listens_hears_every_statement(engine):
    heard: list[str] = []
    with reading(engine) as connection:
        event.listen(connection, "after_cursor_execute",
                     lambda _connection, _cursor, text, *rest: heard.append(text))
        send(connection, "SELECT 1")
    with counting_statements(engine) as counted, reading(engine) as connection:
        send(connection, "SELECT 2")
    assert heard == ["SELECT 1"] and counted == ["SELECT 2"]
    with reading(engine) as connection:
        send(connection, "SELECT 3")
    assert counted == ["SELECT 2"]
