"""What ends is written down by the job, once, whoever else writes meanwhile."""

import threading

import pytest

from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.database import writing
from gateway.expiry import expire_lots
from tests.gateway.test_decisions_redemption import sound
from tests.support.street import Street

MEMBERS = 7


@pytest.fixture
def street(engine) -> Street:
    """Seven members with points that end after nine months; one is in debt."""
    street = Street(engine, members=MEMBERS)
    street.answers(*(street.sale(10_000, card=place) for place in range(MEMBERS)))
    return street


def run(street: Street, rows: int = 3) -> list[int]:
    """Chunk by chunk until nothing is due; how many members in each."""
    done = []
    while not done or done[-1]:
        done.append(expire_lots(street.engine, street.keyring, to_ms(street.now), rows))
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
