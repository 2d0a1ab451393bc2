"""What a connection proves about the way to the network. Runs on both."""

import asyncio
import errno

from firmware import faults
from firmware.board.way import CONNECTS_MAX, NoWay, Way, pause
from firmware.errors import MqttError
from tests.firmware.virtual_time import now_ms, run


class Opening:
    """Stands for asyncio.open_connection: streams, an error, or no answer."""

    def __init__(self, outcome=None):
        self.outcome = outcome

    async def __call__(self, host, port):
        if self.outcome == "silence":
            await asyncio.sleep_ms(1000000)
        if self.outcome is not None:
            raise self.outcome
        return "reader", "writer"


def tried(outcome, times=1, up=True):
    told = []
    opening = Opening(outcome)
    way = Way((1, 1), lambda fault, rung: told.append((fault, rung)), opening)

    async def story():
        way._failed(faults.NO_DATA)
        if up:
            way._came_up()
        results = []
        for _ in range(times):
            try:
                results.append(await asyncio.wait_for_ms(way.connect("broker", 1883), 5000))
            except (OSError, ValueError, NoWay, asyncio.TimeoutError) as error:  # noqa: UP041 - MicroPython
                results.append(error)
        return results

    return way, run(story()), told


def test_a_connection_is_a_proof_and_begins_the_ladder_anew():
    way, results, told = tried(None)
    assert results == [("reader", "writer")] and told == [(faults.NO_DATA, 0)]
    assert way.fault == faults.NONE and way._failed(faults.DEAD)[0] == 0


def test_so_is_a_server_that_says_no():
    for answer in (OSError(errno.ECONNREFUSED, "no"), OSError(errno.ECONNRESET, "no"),
                   ValueError("not the server it should be")):
        way, results, told = tried(answer, 5)
        assert len(results) == 5 and way.fault == faults.NONE and not way._is_dead()


def test_three_without_an_answer_make_it_dead():
    for outcome in ("silence", OSError(errno.EHOSTUNREACH, "no way"), OSError(-2)):
        assert not tried(outcome, CONNECTS_MAX - 1)[0]._is_dead()
        way, results, told = tried(outcome, CONNECTS_MAX)
        assert way._is_dead() and way.fault == faults.NO_DATA, outcome


def test_while_it_is_down_a_connection_is_refused_by_name():
    way, results, told = tried(None, up=False)
    # told and shown like any fault of the link: what happened, and its number
    assert isinstance(results[0], MqttError) and results[0].code == "no_way"
    assert results[0].args == ("there is no network", faults.NO_DATA)
    assert not way._is_dead()


def test_a_pause_shows_progress():
    shown = []
    run(pause(3500, lambda: shown.append(now_ms())))
    assert shown == [0, 1000, 2000, 3000]
