"""How a fault is made to happen: when it begins, when it ends, and that it says so.

Law: each fault draws from a stream of its own name (and terminal), its times evenly over the
opening hours; each says in the event log what it did. Once `over` is set nothing begins any more
and what was to end later has ended already.
"""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.prove.world import World

Act = Callable[[Random], None]


class Mishaps:
    """One sort of faults of a world: `plan` schedules them, `relief` ends them."""

    def __init__(self, world: "World") -> None:
        self.over = False
        self.world = world
        self.options = world.options

    def plan(self) -> None:
        raise NotImplementedError

    def relief(self) -> None:
        self.over = True

    def schedule(self, random: Random, count: int, act: Act) -> None:
        for _ in range(count):
            self.at(self.world.moment(random), lambda: act(random))

    def at(self, when_us: int, act: Callable[[], object]) -> None:
        """Do it then, unless everything is over by then."""
        self.world.loop.call_at_us(when_us, lambda: None if self.over else act())

    def after(self, random: Random, s_max: int, act: Callable[[], object]) -> int:
        """Do it after a drawn time of at most so long; how long, in milliseconds."""
        wait_ms = random.randrange(1, max(s_max, 1) * 1000 + 1)
        self.at(self.world.loop.now_us + wait_ms * 1000, act)
        return wait_ms

    def note(self, who: str | int, what: str, *values: int | str | None) -> None:
        self.world.log.note(str(who), what, *values)
