"""After the last fault everything drains within 45 seconds, however often link, broker and gateway
went before. In virtual time; the waits are those of README, "The waits".
"""

from random import Random

import pytest

from simulator.radio import Weather
from tests.firmware.counter import Counter

FAULTS_S = 180
DRAIN_S = 45


class Trouble:
    """A counter whose network and gateway fail every few seconds, as the seed has it."""

    def __init__(self, seed: int):
        self.random = Random(f"convergence/{seed}")
        self.deaf = False
        # other jitter for each seed: the board draws from a stream of its own
        weather = Weather(latency_ms_min=50, latency_ms_max=50 + seed)
        self.counter = Counter(answer=self._answer, weather=weather)

    def _answer(self, frame: bytes) -> bytes | None:
        """Acknowledged by the broker and lost behind it, while the gateway is away."""
        return None if self.deaf else self.counter.shop.answer(frame)

    def fault(self) -> None:
        kind = self.random.randrange(4)
        down_s = self.random.randrange(1, 9)
        if kind == 0:  # the broker is killed and comes back at once
            self.counter.radio.cut()
        elif kind == 1:  # killed, and back a little later
            self.counter.radio.cut()
            self.counter.radio.set_dark(True)
        elif kind == 2:  # half open: nothing comes through, nobody says so
            self.counter.radio.set_dark(True)
        else:
            self.deaf = True
        self.counter.wait(down_s)
        self.counter.radio.set_dark(False)
        self.deaf = False


@pytest.mark.parametrize("seed", range(24))
def test_everything_drains_soon_after_the_last_fault(seed: int):
    trouble = Trouble(seed)
    counter = trouble.counter
    counter.boot()
    counter.wait(2)
    end_us = counter.loop.now_us + FAULTS_S * 1_000_000
    while counter.loop.now_us < end_us:
        counter.sale("500")
        trouble.fault()
        counter.wait(trouble.random.randrange(5))
    ended_us = counter.loop.now_us
    while counter.app.outbox.unsettled and counter.loop.now_us < ended_us + 10 * DRAIN_S * 10**6:
        counter.wait(0.25)
    took_s = (counter.loop.now_us - ended_us) / 1_000_000
    counter.loop.close()
    assert took_s <= DRAIN_S, f"seed {seed}: {took_s} s; pytest {__file__} -k '[{seed}]'"
    assert len(counter.shop.posted) == len(counter.all("saved"))
