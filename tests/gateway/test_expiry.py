"""What ends is written down by the job, once, whoever else writes meanwhile."""

import threading
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from gateway import expiry, lapsing
from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.database import writing
from gateway.expiry import Expiry, expire_lots
from gateway.ledger import EXPIRY
from tests.gateway.test_decisions_redemption import sound
from tests.support.street import Street

MEMBERS = 7


def shop_on(engine) -> Street:
    """Seven members with points that end after nine months."""
    street = Street(engine, members=MEMBERS)
    street.answers(*(street.sale(10_000, card=place) for place in range(MEMBERS)))
    return street


@pytest.fixture
def street(engine) -> Street:
    return shop_on(engine)


def run(street: Street, rows: int = 3, job: Expiry | None = None) -> list[int]:
    """Chunk by chunk until nothing is due; how many members in each."""
    job, done = job or Expiry(), []
    while not done or done[-1]:
        done.append(job(street.engine, street.keyring, to_ms(street.now), rows))
    return done[:-1]


def test_what_has_ended_expires_in_chunks_and_only_once(street):
    street.later(days=270)
    assert run(street) == []
    street.later(days=10)
    assert run(street) == [3, 3, 1] and run(street) == []
    assert street.rows("members", "available, debt") == [(0, 0)] * MEMBERS
    assert street.rows("lots", "remaining, expired") == [(0, 120)] * MEMBERS
    assert sum(row[0] for row in street.rows(
        "postings p JOIN accounts a ON a.id = p.account_id", "p.amount",
        "a.kind = 'programme_expired'")) == 120 * MEMBERS
    sound(street)


def test_it_may_be_stopped_after_any_chunk_and_days_later(street):
    street.later(days=300)
    assert expire_lots(street.engine, street.keyring, to_ms(street.now), 2) == 2
    street.later(days=30)
    assert run(street) == [3, 2]
    sound(street)


def test_a_list_of_who_is_due_may_end_in_the_midst_of_a_chunk(street):
    street.later(days=300)
    assert run(street, 4, Expiry(listed=3)) == [4, 3]
    sound(street)


def test_one_job_serves_round_after_round(street):
    job = Expiry()
    street.later(days=300)
    assert run(street, 100, job) == [MEMBERS] and run(street, 100, job) == []
    street.answers(*(street.sale(1000, card=place) for place in range(MEMBERS)))
    assert run(street, 100, job) == []
    street.later(days=300)
    assert run(street, 100, job) == [MEMBERS]
    sound(street)


def test_a_round_that_failed_leaves_nobody_out(street, monkeypatch):
    job, at = Expiry(), to_ms(street.later(days=300))

    def broken(*_) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(lapsing.storing, "insert_outcomes", broken)
        with pytest.raises(ZeroDivisionError):
            job(street.engine, street.keyring, at, 3)
    assert street.rows("entries", "id", f"kind = {EXPIRY}") == []
    assert run(street, 3, job) == [3, 3, 1]
    sound(street)


def test_the_hands_of_a_job_share_its_members(street, monkeypatch):
    monkeypatch.setattr(expiry, "PIECE", 2)
    street.later(days=300)
    assert run(street, 100) == [MEMBERS]
    assert len(street.rows("entries", "DISTINCT member_id", f"kind = {EXPIRY}")) == MEMBERS
    sound(street)


def test_a_tap_that_wrote_it_down_leaves_nothing_to_do(street):
    street.later(days=300)
    assert street.take(street.sale(1000, card=0)).balance == 12
    assert run(street, 100) == [MEMBERS - 1]
    assert street.rows("members", "available", "id = 1") == [(12,)]
    street.later(days=300)
    assert run(street, 100) == [1]
    sound(street)


def test_debt_is_no_obstacle(street):
    street.answers(street.redemption(100, 200))
    street.take(street.void(1))
    assert street.rows("members", "available, debt", "id = 1") == [(0, 99)]
    street.later(days=300)
    assert run(street, 100) == [MEMBERS - 1]
    sound(street)


def test_who_was_tampered_with_is_left_for_the_audit_and_keeps_nobody_back(street, caplog):
    street.later(days=300)
    with writing(street.engine) as connection:
        connection.exec_driver_sql("UPDATE members SET debt = 1 WHERE id <= 2")
    assert run(street, 1) == [1] * (MEMBERS - 2) and "run the audit" in caplog.text
    assert {found.row for found in run_audit(street.engine, street.keyring,
                                             clock=lambda: street.now).findings} == {"1", "2"}


def test_whose_lots_do_not_add_up_is_left_for_the_audit_and_keeps_nobody_back(street, caplog):
    street.answers(street.redemption(100, 200))
    street.take(street.void(1))
    street.later(days=300)
    with writing(street.engine) as connection:
        connection.exec_driver_sql("UPDATE lots SET remaining = remaining + 1 WHERE member_id = 2")
        connection.exec_driver_sql("UPDATE draws SET points = points + 1 WHERE lot_id = 0")
        connection.exec_driver_sql("UPDATE lots SET remaining = 1 WHERE member_id = 1")
    assert run(street, 1) == [1] * (MEMBERS - 2) and "lots disagree" in caplog.text
    assert {found.row for found in run_audit(street.engine, street.keyring,
                                             clock=lambda: street.now).findings} >= {"1", "2"}


def test_two_jobs_and_taps_at_once_write_it_down_once(street):
    street.later(days=300)
    failures: list[Exception] = []

    def work() -> None:
        try:
            run(street, 2)
        except Exception as fault:
            failures.append(fault)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    street.answers(*(street.sale(1000, card=place) for place in range(MEMBERS)))
    for thread in threads:
        thread.join(60)
    assert not failures
    run(street)
    assert street.rows("members", "available") == [(12,)] * MEMBERS
    sound(street)


@pytest.fixture
def helped(postgresql_engine, monkeypatch) -> Street:
    """A street on PostgreSQL, where the job takes other processes to help."""
    street = shop_on(postgresql_engine)
    monkeypatch.setattr(expiry, "HANDS_FROM", 1)
    monkeypatch.setattr(expiry, "PIECE", 2)
    street.later(days=300)
    return street


def test_processes_share_the_members_of_a_round(helped, caplog):
    with writing(helped.engine) as connection:
        connection.exec_driver_sql("UPDATE members SET debt = 1 WHERE id = 2")
    before = psutil.Process().children()
    assert run(helped, 4) == [3, 3]
    assert "member 2 is not what was sealed" in caplog.text, "told by whom it may concern"
    assert len(helped.rows("entries", "DISTINCT member_id", f"kind = {EXPIRY}")) == MEMBERS - 1
    assert not {each for each in psutil.Process().children()
                if "spawn_main" in " ".join(each.cmdline())} - set(before), "they went home"


def test_a_helper_that_is_killed_ends_the_round_and_the_next_one_does_the_rest(helped):
    job, at = Expiry(), to_ms(helped.now)
    assert job(helped.engine, helped.keyring, at, 2) == 2
    for each in psutil.Process().children():
        if "spawn_main" in " ".join(each.cmdline()):
            each.kill()
    with pytest.raises(BrokenProcessPool):
        run(helped, 2, job)
    assert sum(run(helped, 2, job)) == MEMBERS - 2
    sound(helped)
