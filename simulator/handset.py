"""One handset: the real App on a fake board, with flash and identity that outlive its power.

Law: what the merchant saw is written down here when it happens and is never asked of the program
again: a tap counts as accepted from the moment the handset said `saved`, its answer is the
`settled` it showed. Power goes and comes at any instant; the flash and the taps noted stay.
"""

import asyncio
import gc
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from firmware.app import App
from firmware.outbox import format_outbox
from firmware.settings import Settings
from protocol import messages
from protocol.messages import Reply
from simulator.board import RESET_POWER, WATCHDOG_MS, FakeBoard
from simulator.eventlog import EventLog
from simulator.flash import NorFlash
from simulator.loop import VirtualLoop
from simulator.radio import Radio

ENTRY_TAP = 2
# told by the App and of no interest to the log: what the screen shows follows from the rest,
# and why a link went is said in the words of this Python's exceptions
QUIET = ("screen", "clock")


class Tap(NamedTuple):
    """A sale the handset said was saved."""

    terminal_id: int
    journal: int
    trace: int
    amount_minor: int
    card: int
    saved_us: int


class Handset:
    """`taps`: accepted sales by (journal, trace); `answers`: the reply that settled each."""

    def __init__(self, loop: VirtualLoop, random: Random, radio: Radio, device: NorFlash,
                 settings: Settings, log: EventLog, watchdog_ms: int = WATCHDOG_MS) -> None:
        self.terminal_id: int = settings.terminal_id
        self.taps: dict[tuple[int, int], Tap] = {}
        self.answers: dict[tuple[int, int], Reply] = {}
        self.boots = 0
        self.radio = radio
        self.on_settled: Callable[[Reply], None] = lambda reply: None
        self._loop = loop
        self._random = random
        self._device = device
        self._settings = settings
        self._log = log
        self._watchdog_ms = watchdog_ms
        self._board: FakeBoard | None = None
        self._task: asyncio.Task[None] | None = None
        self._keyed = (0, 0)

    @property
    def on(self) -> bool:
        return self._task is not None

    @property
    def waiting(self) -> int:
        """Accepted taps whose answer has not come."""
        return len(self.taps) - len(self.answers)

    def format(self) -> None:
        """A fresh outbox under a journal drawn from this handset's own stream."""
        format_outbox(self._device, self._random.randrange(1, 1 << 32))

    def power_on(self) -> None:
        self.boots += 1
        # the program collects garbage when it boots, which on this side would walk through all
        # handsets of the street: what lives now is set aside first (Street.run takes it back)
        gc.freeze()
        board = FakeBoard(self._loop, self._random, self._device, self.radio.connect, self.boots,
                          RESET_POWER, self._watchdog_ms)
        self._board = board
        self._task = self._loop.create_task(App(board, self._settings, self._told).run())
        self._note("power_on", self.boots)

    def power_off(self) -> None:
        """At once, as when the battery falls out: nothing of the program runs any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = self._board = None
            self._device = self._device.reborn()
            self.radio.cut()
            self._note("power_off")

    def sale(self, amount_minor: int, card: int) -> None:
        """Key the amount, confirm, tap the card. Without power nothing happens."""
        if self._board is not None:
            self._keyed = (amount_minor, card)
            self._board.panel.press(f"*{amount_minor}#")
            self._board.panel.card(ENTRY_TAP, card)

    def inquiry(self, card: int) -> None:
        if self._board is not None:
            self._board.panel.press("*A")
            self._board.panel.card(ENTRY_TAP, card)

    def _note(self, what: str, *values: int | str | None) -> None:
        self._log.note(str(self.terminal_id), what, *values)

    def _told(self, kind: str, *values: Any) -> None:
        if kind == "saved":
            self._saved(*values)
        elif kind == "conflict":
            self._moved(*values)
        elif kind == "settled":
            self._settled(*values)
        elif kind in ("link", "no_link"):
            self._note(kind, int(kind == "link" and values[0]))
        elif kind not in QUIET:
            self._note(kind, *(each for each in values if isinstance(each, int | str)))

    def _saved(self, journal: int, trace: int, kind: int,
               original: tuple[int, int] | None) -> None:
        if kind != messages.SALE:
            self._note("saved", journal, trace, kind, *(original or ()))
            return
        amount_minor, card = self._keyed
        tap = Tap(self.terminal_id, journal, trace, amount_minor, card, self._loop.now_us)
        self.taps[journal, trace] = tap
        self._note("saved", journal, trace, amount_minor, f"{card % 10000:04}")

    # the same pair may be told again after a power cut
    def _moved(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        tap = self.taps.pop(old, None)
        if tap is not None:
            self.taps[new] = tap._replace(journal=new[0], trace=new[1])
        self._note("conflict", *old, *new)

    def _settled(self, reply: Reply) -> None:
        if (reply.journal, reply.trace) in self.taps:
            self.answers[reply.journal, reply.trace] = reply
        self._note("settled", reply.journal, reply.trace, reply.code, reply.points,
                   reply.balance, reply.receipt)
        self.on_settled(reply)
