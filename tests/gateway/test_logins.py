"""PINs are tried before the locks: how many, what it costs, and two gateways at once."""

from threading import Barrier, Thread

import pytest

from gateway import logins, pins
from gateway.clock import to_ms
from gateway.database import counting_statements, open_engine
from gateway.logins import TRIED_MAX
from gateway.tries import FAILED_MAX
from protocol import codes
from tests.support.street import Street

PIN, WRONG = "2468", "8642"


def opened(engine, terminals: int = 2) -> Street:
    street = Street(engine, terminals=terminals)
    street.registry.create_operator(street.merchant, 5, "Li")
    street.registry.set_operator_pin(street.merchant, 5, PIN)
    return street


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Every PIN that was worked on."""
    seen, fits = [], pins.fits

    def counted(key, known, pin):
        seen.append(pin)
        return fits(key, known, pin)

    monkeypatch.setattr("gateway.pins.fits", counted)
    return seen


def test_a_batch_without_a_login_pays_nothing_and_one_with_some_the_same_few(engine):
    street = opened(engine, terminals=4)
    street.answers(street.sale(), street.login(5, PIN))

    def cost(*sealed: bytes) -> int:
        with counting_statements(engine) as statements:
            street.answers(*sealed)
        return len(statements)

    nothing = cost(street.inquiry())
    tap, taps = cost(street.sale()), cost(*(street.sale() for _ in range(20)))
    one = cost(street.login(5, PIN))
    four = cost(*(street.login(5, PIN, terminal=number) for number in range(4)))
    both = cost(street.login(5, PIN, terminal=1), *(street.sale() for _ in range(20)))
    # before the locks: one; behind them: the tries are locked, and written
    assert (taps, both, one, four) == (tap, tap + 3, one, one)
    assert one <= nothing + 3


def test_a_batch_tries_one_pin_a_terminal_and_so_many_in_all(sqlite_engine, hashed):
    street = opened(sqlite_engine, terminals=TRIED_MAX + 3)
    flood = [street.login(5, PIN, terminal=terminal) for terminal in range(TRIED_MAX + 3)
             for _ in range(3)]
    found = [answer.code for answer in street.answers(*flood)]
    assert len(hashed) == TRIED_MAX
    assert found.count(0) == TRIED_MAX and found.count(codes.TRY_LATER) == len(flood) - TRIED_MAX
    assert street.take(street.login(5, PIN, terminal=TRIED_MAX + 1)).code == 0


def test_nothing_is_tried_for_who_is_unknown_locked_or_was_answered(sqlite_engine, hashed):
    street = opened(sqlite_engine)
    right = street.login(5, PIN)
    street.answers(right, street.login(9, PIN, terminal=1))
    street.answers(right)
    assert hashed == [PIN]
    for _ in range(FAILED_MAX):
        street.answers(street.login(5, WRONG))
    street.answers(street.login(5, PIN))
    assert hashed == [PIN, *[WRONG] * FAILED_MAX]


def test_a_pin_that_was_replaced_while_it_was_tried_counts_for_nothing(engine, monkeypatch):
    street = opened(engine)
    proved = logins.proved

    def slowly(*args):
        batch = proved(*args)
        street.registry.set_operator_pin(street.merchant, 5, "13579")
        return batch

    monkeypatch.setattr("gateway.logins.proved", slowly)
    for pin in (PIN, WRONG):
        assert street.take(street.login(5, pin)).code == codes.TRY_LATER
    monkeypatch.undo()
    assert street.rows("operator_tries", "failed") == [(0,)]
    assert [street.take(street.login(5, pin)).code for pin in (PIN, "13579")] == [51, 0]


def test_an_older_pin_that_was_put_back_opens_nothing(engine):
    street = opened(engine)
    columns = "version, salt, pin_hash, set_at"
    old, = street.rows("operator_pins", columns)
    street.registry.set_operator_pin(street.merchant, 5, "13579")
    sets = ", ".join(f"{name} = {'%s' if 'postgresql' in engine.url.drivername else '?'}"
                     for name in columns.split(", "))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE operator_pins SET {sets}", old)
    assert [street.take(street.login(5, pin)).code for pin in (PIN, "13579")] == [90, 90]


def test_a_forged_cost_of_a_pin_stops_no_tap(engine, caplog):
    street = opened(engine)
    for forged in (2**40, 3, 0):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE operator_pins SET n = {forged}")
        answers = street.answers(street.sale(), street.login(5, PIN), street.sale())
        assert [answer.code for answer in answers] == [0, codes.TRY_LATER, 0]
    assert street.rows("quarantine") == [] and PIN not in caplog.text


@pytest.mark.parametrize("guesses", [FAILED_MAX - 1, 2 * FAILED_MAX])
def test_two_gateways_count_the_guesses_of_two_terminals_together(postgresql_engine, guesses):
    street = opened(postgresql_engine)
    engines = [open_engine(postgresql_engine.url.render_as_string(hide_password=False))
               for _ in range(2)]
    told: list[list[int]] = [[], []]
    begin = Barrier(2)

    def guess(place: int, frames: list[bytes]) -> None:
        intake = street.new_intake()
        intake.engine = engines[place]
        for frame in frames:
            begin.wait()
            told[place] += [each.code or 0 for each in street.answers(frame, intake=intake)]

    each = [[street.login(5, WRONG, terminal=place) for _ in range(guesses // 2)]
            for place in range(2)]
    threads = [Thread(target=guess, args=(place, each[place])) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()
    found = sorted(told[0] + told[1])
    tried = min(guesses // 2 * 2, FAILED_MAX)
    assert found == [51] * tried + [52] * (guesses // 2 * 2 - tried)
    failed, locks, until = street.rows("operator_tries", "failed, locks, locked_until")[0]
    locked = tried == FAILED_MAX
    assert (failed, locks, until > to_ms(street.now)) == (0 if locked else tried, int(locked),
                                                          locked)
