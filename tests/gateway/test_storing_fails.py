"""DESIGN 6.3 with the databases' own errors: nothing lost, nothing twice, nobody stuck."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import create_engine, event

from gateway import intake as intake_module
from gateway import storing
from gateway.audit import run_audit
from gateway.database import open_engine, writing
from gateway.decisions import DECISIONS
from gateway.errors import TryLater
from gateway.intake import Intake
from gateway.tables import metadata
from protocol import codes, messages
from tests.support.street import Street


def codes_of(street: Street, *sealed: bytes, intake: Intake | None = None) -> list[int | None]:
    return [answer.code for answer in street.answers(*sealed, intake=intake)]


def nothing_changed(street: Street, work) -> None:
    """`work` ends in TryLater and leaves every table as it was."""
    before = {table: street.rows(table) for table in metadata.tables}
    with pytest.raises(TryLater):
        work()
    assert {table: street.rows(table) for table in metadata.tables} == before


def clean(street: Street) -> None:
    assert run_audit(street.engine, street.keyring, rebuild=True,
                     clock=lambda: street.now).findings == ()


def another_intake(street: Street, engine) -> Intake:
    return Intake(engine, street.keyring, clock=lambda: street.now, pause=lambda _: None)


def test_a_serialization_failure_is_tried_again(postgresql_engine, monkeypatch):
    street = Street(postgresql_engine)
    street.take(street.sale(trace=1))
    strict = create_engine(postgresql_engine.url, isolation_level="REPEATABLE READ")
    sound, raced = intake_module.load, []

    def load(connection, *rest):
        if not raced:  # the snapshot is taken, then another one commits
            raced.append(1)
            connection.exec_driver_sql("SELECT 1 FROM members").fetchall()
            assert codes_of(street, street.sale(800, trace=2)) == [0]
        return sound(connection, *rest)

    monkeypatch.setattr(intake_module, "load", load)
    intake = another_intake(street, strict)
    assert codes_of(street, street.void(1, trace=3), street.sale(trace=4), intake=intake) == [0, 0]
    assert intake.retries == 1
    assert street.rows("members", "available") == [(24,)]
    clean(street)
    strict.dispose()


def test_a_lock_that_is_not_given_in_time_is_try_later_and_posts_when_it_is(postgresql_engine):
    street = Street(postgresql_engine)
    hasty = create_engine(postgresql_engine.url,
                          connect_args={"options": "-c lock_timeout=20"})
    intake = another_intake(street, hasty)
    tap, void = street.sale(), street.void(1)
    with writing(postgresql_engine) as holder:
        holder.exec_driver_sql("SELECT id FROM terminals FOR NO KEY UPDATE")
        nothing_changed(street, lambda: street.answers(tap, void, intake=intake))
    assert codes_of(street, tap, void, intake=intake) == [0, 0]
    hasty.dispose()


def test_a_sqlite_file_that_is_locked_while_a_connection_opens_is_try_later(sqlite_engine):
    street = Street(sqlite_engine)
    sqlite_engine.dispose()
    hasty = open_engine(str(sqlite_engine.url), busy_timeout_ms=10)
    intake = another_intake(street, hasty)
    holder = sqlite3.connect(str(sqlite_engine.url.database), isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN IMMEDIATE")
    tap = street.sale()
    with pytest.raises(TryLater):  # here even the pragmas of a new connection fail
        street.answers(tap, intake=intake)
    holder.execute("ROLLBACK")
    holder.close()
    assert codes_of(street, tap, intake=intake) == [0]
    hasty.dispose()


def test_a_full_sqlite_file_is_try_later_and_posts_once_there_is_room(sqlite_engine):
    street = Street(sqlite_engine, members=20)
    tight = create_engine(sqlite_engine.url)

    @event.listens_for(tight, "connect")
    def bound(connection, _record) -> None:
        connection.isolation_level = None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    @event.listens_for(tight, "begin")
    def begin(connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    intake = another_intake(street, tight)
    batch = [street.sale(card=place % 20, basket=((1, 1250),)) for place in range(180)]
    nothing_changed(street, lambda: street.answers(*batch, intake=intake))
    assert intake.retries == 4
    assert set(codes_of(street, *batch)) == {0}
    clean(street)
    tight.dispose()


@pytest.mark.parametrize("state", ["53100", "57P03", "25006", "40001", "40P01", "55P03"])
def test_what_the_server_says_of_itself_passes_and_the_same_batch_posts(postgresql_engine, state):
    street = Street(postgresql_engine)
    tap, void = street.sale(), street.void(1)
    with writing(postgresql_engine) as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
            f" 'seeded' USING ERRCODE = '{state}'; END $$")
        connection.exec_driver_sql("CREATE TRIGGER fail BEFORE INSERT ON reversals"
                                   " FOR EACH STATEMENT EXECUTE FUNCTION fail()")
    try:
        nothing_changed(street, lambda: street.answers(tap, void))
    finally:
        with writing(postgresql_engine) as connection:
            connection.exec_driver_sql("DROP TRIGGER fail ON reversals")
            connection.exec_driver_sql("DROP FUNCTION fail")
    assert codes_of(street, tap, void) == [0, 0]
    assert street.rows("quarantine") == []
    clean(street)


@pytest.mark.parametrize("lost", ["before", "behind"])
def test_a_connection_that_goes_at_commit_posts_once_whether_or_not_it_was_done(
        engine, monkeypatch, lost):
    street = Street(engine)
    batch = [street.sale(trace=1), street.void(1, trace=2), street.void(9, trace=10),
             street.sale(800, trace=11)]
    sound, gone = engine.dialect.do_commit, []
    fault = (psycopg.OperationalError("server closed the connection unexpectedly")
             if engine.dialect.name == "postgresql" else _io_error())

    def do_commit(connection):
        if gone:
            return sound(connection)
        gone.append(1)
        if lost == "behind":
            sound(connection)
        raise fault

    monkeypatch.setattr(engine.dialect, "do_commit", do_commit)
    answers = street.answers(*batch)
    assert [each.code for each in answers] == [0, 0, 0, 0]
    assert street.intake.retries == 1
    assert [each.reply for each in street.answers(*batch)] == [each.reply for each in answers]
    assert street.rows("entries", "count(*)") == [(3,)]
    assert street.rows("members", "available") == [(9,)]
    clean(street)


def _io_error() -> sqlite3.OperationalError:
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    return fault


def test_a_read_only_database_is_try_later(engine):
    street = Street(engine)
    on = engine.dialect.name == "postgresql"
    closed = create_engine(engine.url)

    @event.listens_for(closed, "connect")
    def shut(connection, _record) -> None:
        connection.execute("SET default_transaction_read_only = on" if on
                           else "PRAGMA query_only = on")
        connection.commit()

    tap = street.sale()
    nothing_changed(street, lambda: street.answers(tap, intake=another_intake(street, closed)))
    assert codes_of(street, tap) == [0]
    closed.dispose()


@pytest.fixture
def poisoned(monkeypatch):
    """A seeded bug: deciding a void fails. Calling it mends the bug."""
    sound = DECISIONS[messages.VOID]

    def void(_message, _book):
        raise ZeroDivisionError("seeded")

    monkeypatch.setitem(DECISIONS, messages.VOID, void)
    return lambda: monkeypatch.setitem(DECISIONS, messages.VOID, sound)


def test_a_poisonous_void_stands_aside_and_takes_effect_once_requeued(engine, poisoned):
    street = Street(engine)
    void = street.void(1, trace=2)
    assert codes_of(street, street.sale(trace=1), void, street.sale(800, trace=3)
                    ) == [0, codes.TRY_LATER, 0]
    poisoned()
    reply = street.take(void)
    assert reply.code == codes.TRY_LATER
    street.registry.requeue(reply.digest)
    assert codes_of(street, void) == [0]
    assert street.rows("members", "available") == [(9,)]
    clean(street)


def test_a_quarantined_sale_that_is_voided_meanwhile_ends_40_once_requeued(engine, monkeypatch):
    street = Street(engine)
    tap = street.sale(trace=1)
    with monkeypatch.context() as patch:
        patch.setitem(DECISIONS, messages.SALE, lambda *_: 1 // 0)
        digest = street.take(tap).digest
    assert codes_of(street, street.void(1, trace=2), tap) == [0, codes.TRY_LATER]
    street.registry.requeue(digest)
    assert codes_of(street, tap) == [codes.VOIDED]
    assert street.rows("entries", "count(*)") == [(0,)]
    clean(street)


def test_a_failure_in_storing_a_reversal_is_found_by_halving(engine, monkeypatch):
    street = Street(engine)
    sound = storing._store_reversals

    def store(connection, keyring, final):
        if any(each.case.message.request.trace == 7 for each in final):
            raise ArithmeticError("seeded")
        sound(connection, keyring, final)

    monkeypatch.setattr(storing, "_store_reversals", store)
    batch = [street.sale(), street.sale(), street.sale(), street.void(1), street.void(2),
             street.sale(), street.void(3), street.sale()]
    assert codes_of(street, *batch) == [0, 0, 0, 0, 0, 0, codes.TRY_LATER, 0]
    assert street.rows("members", "available") == [(45,)]
    clean(street)


def test_a_void_and_its_sale_in_two_workers_at_once_never_leave_points(engine):
    street = Street(engine, terminals=4, members=4)
    engines = [engine, open_engine(engine.url.render_as_string(hide_password=False))]
    for turn in range(12):
        terminal = turn % 4
        tap = street.sale(terminal=terminal, card=turn % 4)
        void = street.void(street.message(tap).request.trace, terminal=terminal)
        together = threading.Barrier(2)

        def send(place: int, frame: bytes, together: threading.Barrier = together) -> int | None:
            intake = Intake(engines[place], street.keyring, clock=lambda: street.now)
            together.wait()
            return codes_of(street, frame, intake=intake)[0]

        with ThreadPoolExecutor(2) as pool:
            sold, voided = pool.map(send, (0, 1), (tap, void))
        assert voided == 0 and sold in (0, codes.VOIDED)
    assert street.rows("members", "sum(available), sum(debt)") == [(0, 0)]
    clean(street)
    engines[1].dispose()


