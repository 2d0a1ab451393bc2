"""A gateway worker's process in the proof: the real intake, and what may go wrong inside it.

Law: nothing of the gateway is replaced. A process that dies takes only its memory with it; a
poisoned message makes its decision raise, in whatever batch it stands, until it is cured.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from gateway.errors import TryLater
from gateway.intake import Arrival, Intake, Judge
from gateway.judging import judge
from gateway.message import Message
from gateway.storing import Settled
from simulator.errors import Killed, Unavailable
from simulator.shore import Arrived
from tools.prove.base import Base, keyring

PROGRAM_ERRORS = (NameError, AttributeError, ImportError, TypeError)
OPENING = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # nine o'clock in Shanghai


class Clock:
    """The gateway's clock: virtual."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us

    def __call__(self) -> datetime:
        return self.at(self._now_us())

    def at(self, virtual_us: int) -> datetime:
        return OPENING + timedelta(microseconds=virtual_us)


class Poison:
    """Which messages cannot be decided: drawn by the frame itself, so a repeat is poison too; or
    chosen, by its number among the journaled messages that come for the first time."""

    def __init__(self, seed: int, per_1000: int) -> None:
        self.digests: set[bytes] = set()
        self.chosen: set[int] = set()
        self._numbers: dict[bytes, int] = {}
        self._seed = seed
        self._per_1000 = per_1000

    @property
    def cured(self) -> bool:
        return not self._per_1000 and not self.chosen

    def cure(self) -> None:
        self._per_1000 = 0
        self.chosen.clear()

    def check(self, batch: Sequence[Message]) -> None:
        if self.cured:
            return
        for message in batch:
            if not message.request.trace:
                continue
            drawn = sha256(b"%d/" % self._seed + message.frame_hash).digest()
            number = self._numbers.setdefault(message.frame_hash, len(self._numbers) + 1)
            if (number in self.chosen
                    or int.from_bytes(drawn[:4], "big") % 1000 < self._per_1000):
                self.digests.add(message.frame_hash)
                raise ArithmeticError("a decision failed on this message")


class Poisoned(Intake):
    """The intake, with decisions that may fail. `errors`: mistakes of the program itself, which
    the intake survives like any other failure of a decision and the proof does not forgive."""

    poison: Poison
    errors: list[str]

    def _transact(self, batch: list[Message], judging: Judge = judge) -> list[Settled]:
        self.poison.check(batch)
        try:
            return super()._transact(batch, judging)
        except PROGRAM_ERRORS as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            raise


class Process:
    """The simulator's gateway function over a real intake; `restart` forgets what was in memory.

    A base whose power went in the middle of a batch kills the process: `on_power_lost` is told.
    """

    def __init__(self, base: Base, clock: Clock, poison: Poison,
                 on_power_lost: Callable[[], None]) -> None:
        self._base = base
        self._clock = clock
        self._poison = poison
        self._on_power_lost = on_power_lost
        self.retries = 0
        self.errors: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.intake = Poisoned(self._base.engine, keyring(), clock=self._clock,
                                pause=lambda seconds: None)
        self.intake.poison = self._poison
        self.intake.errors = self.errors

    def __call__(self, arrived: Sequence[Arrived], now_us: int) -> Sequence[bytes | None]:
        arrivals = [Arrival(each.frame, self._clock.at(each.received_us), each.terminal_id)
                    for each in arrived]
        intake, retries = self.intake, self.intake.retries  # a loss of power puts another there
        try:
            answers = intake.take(arrivals)
        except TryLater as error:
            if self._base.power_is_gone:
                self._on_power_lost()
                raise Killed from error
            raise Unavailable(str(error)) from error
        finally:
            self._base.doomed = False
            self.retries += intake.retries - retries
        if self._base.power_is_gone:
            # the disk is dead although every answer was committed before it died
            self._on_power_lost()
            raise Killed
        return [answer.reply for answer in answers]
