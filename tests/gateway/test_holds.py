"""The time limit of holds, and who is first where several have their word at once."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import holds
from gateway.clock import to_ms
from gateway.database import writing
from gateway.decisions.hold import HoldError
from tests.gateway.test_decisions_hold import (
    balances,
    holding,
    jobs,
    release,
    sound,
    states,
    take,
)
from tests.support.street import Street


def due(engine, count: int, **options) -> Street:
    """A street whose holds, each of 12 points, are behind their last day; receipts from 2 on, in
    steps of 2."""
    street = holding(engine, **options)
    for number in range(count):
        sale = street.sale(1000, card=number % len(street.cards))
        street.take(sale)
        street.take(street.refund(street.message(sale).request.trace, amount_minor=1000))
    street.later(days=15)
    return street


def test_the_job_releases_what_nobody_decided_in_time_and_not_a_day_earlier(engine):  # J12
    street = due(engine, 2)
    street.later(days=-1)
    assert jobs(street) == 0 and balances(street) == (0, 24, 0)
    street.later(days=1)
    take(street, 2)
    assert jobs(street) == 1 and balances(street) == (12, 0, 0)
    assert [state for _, state, _ in states(street)] == [1, 3]
    with pytest.raises(HoldError, match="already"):
        release(street, 4)
    sound(street)


def test_run_again_the_job_finds_nothing_and_stopped_it_goes_on(engine):
    street = due(engine, 5)
    now = to_ms(street.now)
    assert [holds.release_due(engine, street.keyring, now, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert balances(street) == (60, 0, 0)
    assert street.rows("outcomes", "count(*)", "origin = -3") == [(5,)]
    sound(street)


def test_jobs_and_clerks_at_once_end_each_hold_once(engine):
    street = due(engine, 8, members=2)
    now, receipts = to_ms(street.now), [hold for hold, _, _ in states(street)]

    def by_job() -> int:
        return sum(iter(lambda: holds.release_due(engine, street.keyring, now, 3), 0))

    def by_clerk() -> int:
        intake, ended = street.new_intake(attempts_max=50), 0
        for receipt in reversed(receipts):
            try:
                holds.take(intake, receipt, "Lin", "worn")
                ended += 1
            except HoldError:
                pass
        return ended

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(work) for work in (by_job, by_clerk, by_job, by_clerk)]
        assert sum(each.result() for each in done) == 8
    assert street.rows("outcomes", "count(*)", "origin = -3") == [(8,)]
    assert all(state in (1, 3) for _, state, _ in states(street))
    sound(street)


@pytest.mark.parametrize("harm", [
    "UPDATE holds SET due_on = due_on - 1 WHERE entry_id = 2",
    "UPDATE lots SET remaining = remaining + 1 WHERE opened_by = 1",
    "UPDATE entries SET context = '{\"hold\":[' WHERE id = 2",
    "DELETE FROM reversals WHERE operation_key ="
    " (SELECT operation_key FROM entries WHERE id = 1)"])
def test_a_hold_that_was_tampered_with_keeps_no_other_from_its_turn(engine, caplog, harm):
    street = due(engine, 2, members=2)
    with writing(engine) as connection:
        connection.exec_driver_sql(harm)
    with caplog.at_level(logging.ERROR, "gateway.holds"):
        assert jobs(street) == 1
    assert "hold 2 is left as it is" in caplog.text
    assert (balances(street, 1), balances(street, 2)) == ((0, 12, 0), (12, 0, 0))


@pytest.mark.parametrize("by, reason", [("", "why"), ("Lin", ""), ("Lin", "two\nlines")])
def test_a_verdict_without_a_name_or_a_reason_changes_nothing(engine, by, reason):
    street = due(engine, 1)
    with pytest.raises(HoldError):
        holds.take(street.intake, 2, by, reason)
    assert balances(street) == (0, 12, 0)
