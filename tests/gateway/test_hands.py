"""Processes that help: they share the work, tell its faults, and never outlive it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from gateway.hands import Hands

ENDS_S = 20


def doubling(by: int) -> Callable[[int], tuple[int, int]]:
    def work(item: int) -> tuple[int, int]:
        if item < 0:
            raise ValueError(f"not {item}")
        return item * by, os.getpid()
    return work


def stopping(_: object = None) -> Callable[[int], int]:
    """Says who it is and then never ends."""
    def work(_: int) -> int:
        os.write(sys.stdout.fileno(), b"%d\n" % os.getpid())
        time.sleep(600)
        return 0
    return work


@pytest.fixture
def hands():
    hands = Hands(2, doubling, 3)
    yield hands
    hands.end()


def test_work_is_shared_by_other_processes_and_comes_back_in_order(hands):
    done = hands.share(range(50))
    assert [each for each, _ in done] == [3 * item for item in range(50)]
    assert os.getpid() not in {by for _, by in done}
    with pytest.raises(ValueError, match="not -1"):
        hands.share([1, -1, 2])
    assert hands.share([5])[0][0] == 15, "one fault does not end them"


def test_signals_are_for_whom_they_work(hands):
    by = hands.share([1])[0][1]
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(by, number)
    assert [each for each, _ in hands.share(range(10))] == [3 * item for item in range(10)]
    assert psutil.pid_exists(by)
    hands.end()
    assert not psutil.pid_exists(by)


def test_who_is_killed_takes_the_hands_along():
    program = ("from gateway.hands import Hands\nfrom tests.gateway.test_hands import stopping\n"
               "if __name__ == '__main__':\n    Hands(2, stopping).share([1, 2])\n")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE,
                          text=True) as whole:
        assert whole.stdout is not None
        helping = [psutil.Process(int(whole.stdout.readline())) for _ in range(2)]
        whole.kill()
    gone, alive = psutil.wait_procs(helping, timeout=ENDS_S)
    assert len(gone) == 2 and not alive
