"""What a bad broker does to publications after it has acknowledged them, in both directions.

Law: each kind of mischief has its own random stream and its own counter, so that switching one
off moves nothing else; a publication that no mischief hits passes at once and unchanged. What
comes late comes by timer, and `flush` brings at once whatever is still on its way.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from simulator.broker import Forward, Passing
from simulator.loop import VirtualLoop

PER = 1000


class Rates(NamedTuple):
    """How often, per 1,000 publications of one direction; times in the units of the names.

    lost: never passes. duplicated: passes twice. swapped: waits up to `swapped_ms_max`, so that
    others overtake it. late: passes now and once more up to `late_s_max` later. corrupt: one to
    three bits of the body are turned, or its end is cut off.
    """

    lost_per_1000: int = 0
    duplicated_per_1000: int = 0
    swapped_per_1000: int = 0
    swapped_ms_max: int = 0
    late_per_1000: int = 0
    late_s_max: int = 0
    corrupt_per_1000: int = 0


class Mischief:
    """One direction. `stream(name)` gives the random stream of one kind of mischief."""

    def __init__(self, loop: VirtualLoop, stream: Callable[[str], Random], rates: Rates) -> None:
        self.counts: Counter[str] = Counter()
        self.rates = rates
        self._loop = loop
        self._random = {name: stream(name) for name in
                        ("lost", "duplicated", "swapped", "late", "corrupt")}
        self._late: dict[int, tuple[Forward, bytes]] = {}
        self._number = 0

    @property
    def passing(self) -> Passing:
        return self._pass

    def calm(self) -> None:
        """From now on everything passes; what is on its way still comes."""
        self.rates = Rates()

    def flush(self) -> int:
        """Everything that was to come later comes now; how many that were."""
        late, self._late = self._late, {}
        for _, (forward, body) in sorted(late.items()):
            forward(body)
        return len(late)

    def forget(self) -> int:
        """Nothing that was to come later comes any more; how many that were."""
        lost = len(self._late)
        self._late.clear()
        return lost

    def _pass(self, topic: str, body: bytes, forward: Forward) -> None:
        rates = self.rates
        if self._hit("late", rates.late_per_1000):
            self._later(self._random["late"].randrange(rates.late_s_max * 1000), forward, body)
        if self._hit("lost", rates.lost_per_1000):
            return
        if self._hit("corrupt", rates.corrupt_per_1000) and body:
            body = self._spoilt(body)
        times = 2 if self._hit("duplicated", rates.duplicated_per_1000) else 1
        for _ in range(times):
            if self._hit("swapped", rates.swapped_per_1000):
                wait_ms = self._random["swapped"].randrange(rates.swapped_ms_max)
                self._later(wait_ms, forward, body)
            else:
                forward(body)

    def _hit(self, name: str, per_1000: int) -> bool:
        if not per_1000 or self._random[name].randrange(PER) >= per_1000:
            return False
        self.counts[name] += 1
        return True

    def _later(self, wait_ms: int, forward: Forward, body: bytes) -> None:
        self._number += 1
        self._late[self._number] = (forward, body)
        self._loop.call_at_us(self._loop.now_us + wait_ms * 1000, self._comes, self._number)

    def _comes(self, number: int) -> None:
        held = self._late.pop(number, None)
        if held is not None:
            forward, body = held
            forward(body)

    def _spoilt(self, body: bytes) -> bytes:
        random = self._random["corrupt"]
        if not random.randrange(8):
            return body[:random.randrange(len(body))]
        spoilt = bytearray(body)
        for _ in range(random.randrange(1, 4)):
            spoilt[random.randrange(len(spoilt))] ^= 1 << random.randrange(8)
        return bytes(spoilt)
