"""What did not post stands until somebody acknowledges it: random days with power cuts.

The model knows only what a cashier saw and pressed. A day that fails names its seed;
`pytest tests/firmware/test_alerts.py -k "[17]"` replays one.
"""

from random import Random
from typing import Any

import pytest

from firmware.checkout import READ_MS
from protocol import codes
from simulator.loop import US
from tests.firmware.counter import Counter
from tests.firmware.replies import Asked, reply_frame
from tests.firmware.shop import Shop

STEPS = 40
REFUSED_MINOR = 700


class Watched(Counter):
    """`since_us`: when what stands on the screen, bar or no bar, appeared there."""

    since_us = 0
    shown: tuple[str, ...] = ()

    def _tell(self, kind: str, *values: Any) -> None:
        super()._tell(kind, *values)
        if kind == "screen" and values[0][1:] != self.shown:
            self.since_us, self.shown = self.loop.now_us, values[0][1:]


class Day:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.shop = Shop()
        self.counter = Watched(self._answer)
        self.owed: set[tuple[int, int]] = set()  # did not post, and nobody acknowledged it
        # of these, left from their own screens beside an alert: not acknowledged for its sake
        self.left = 0
        self._heard = 0
        self.counter.boot()
        self.counter.wait(5)

    def _answer(self, frame: bytes) -> bytes | None:
        refused = Asked(frame).content.get(7) == REFUSED_MINOR
        return reply_frame(frame, code=codes.CARD_LOST) if refused else self.shop.answer(frame)

    def hears(self) -> None:
        told = self.counter.all("settled")
        self.owed |= {(reply.journal, reply.trace) for reply, in told[self._heard:]
                      if reply.code != codes.APPROVED}
        self._heard = len(told)

    def press(self, key: str) -> None:
        before = self.counter.lines
        alert, own = before[3] == "# = seen" and key == "#", before[1] == "REFUSED"
        own = own and self.counter.loop.now_us - self.counter.since_us >= READ_MS * US // 1000
        self.counter.keys(key)
        if self.counter.lines == before:
            return
        if alert or own and "!" not in before[0]:
            self.owed.clear()
            self.left = 0
        self.left += own and bool(self.owed)

    def power_cycle(self) -> None:
        self.counter.cut()
        self.counter.boot()
        self.left = 0

    def step(self) -> str:
        counter, random = self.counter, self.random
        acts = {"sale": lambda: self._sale("600"), "refused sale": lambda: self._sale("700"),
                "dark": lambda: counter.radio.set_dark(True),
                "light": lambda: counter.radio.set_dark(False),
                "wait": lambda: counter.wait(random.choice((1, 5, 60))),
                "#": lambda: self.press("#"), "*": lambda: self.press("*"),
                "B": lambda: self.press("B"), "power": self.power_cycle}
        name = random.choice(tuple(acts))
        acts[name]()
        self.hears()
        return name

    def _sale(self, keys: str) -> None:
        for key in "*" + keys + "#":
            self.press(key)
        self.counter.tap()

    def found_by_a_boot(self) -> int:
        """How many of them, without anything in RAM that could know."""
        alert = self.counter.on_flash().alert
        return alert[0] if alert else 0


@pytest.mark.parametrize("seed", range(60))
def test_what_did_not_post_is_found_by_every_boot_until_it_was_acknowledged(seed: int):
    day = Day(seed)
    with day.counter:
        steps = []
        for _ in range(STEPS):
            steps.append(day.step())
            assert day.found_by_a_boot() == len(day.owed), (seed, steps, day.counter.lines)
            alert, refused = day.counter.app.state.alert, day.counter.lines[1] == "REFUSED"
            shown = (alert[0] if alert else 0) + refused
            assert shown == len(day.owed) - day.left, (seed, steps, day.counter.lines)
