"""One handset: the real App on a fake board, with flash and identity that outlive its power.

Law: what the merchant saw is written down here when it happens and is never asked of the program
again: a tap counts as accepted from the moment the handset said `saved`, its answer is the
`settled` it showed. Power goes and comes at any instant, between two flash operations or within
one; the flash and the taps noted stay, and nothing that a dead program still does is heard.
"""

import asyncio
import gc
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from firmware.app import App
from firmware.outbox import Outbox, format_outbox
from firmware.recall import content, original
from firmware.settings import Settings
from firmware.states import TWICE
from protocol import messages
from protocol.messages import Reply
from simulator.board import RESET_POWER, WATCHDOG_MS, FakeBoard
from simulator.eventlog import EventLog
from simulator.flash import NorFlash, PowerCut
from simulator.loop import US, VirtualLoop
from simulator.past import ENTRY_TAP, used
from simulator.radio import Radio
from simulator.witness import Key, Named, Witness

FULL = "Outbox is full"  # firmware/texts/en.py
RESET_WATCHDOG = 3
RESET_SOFT = 5
RESET_US = 3 * US  # from the end of a program to the next one: one that ends at once takes time
BOOTED = ("ready", "recovery")


class HandsetLoop(VirtualLoop):
    """A loop under handsets: a task that met the end of its power has not failed."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), PowerCut):
            super().call_exception_handler(context)


class Tap(NamedTuple):
    """A sale the handset said was saved."""

    terminal_id: int
    journal: int
    trace: int
    amount_minor: int
    card: int | bytes
    saved_us: int


class Asked(NamedTuple):
    """What a cashier wants of the handset."""

    kind: int
    amount_minor: int | None
    card: int | bytes | None
    points: int | None = None


class Handset:
    """`taps`: accepted sales by (journal, trace); `answers`: the reply that settled each.

    `on_power_lost` is called when power went at a planned flash operation (`cut_soon`): whoever
    planned it switches on again. `before_card` is called as the program takes a card,
    `before_online` before it takes what only the gateway can do.
    """

    def __init__(self, loop: VirtualLoop, random: Random, radio: Radio, device: NorFlash,
                 settings: Settings, log: EventLog, watchdog_ms: int = WATCHDOG_MS,
                 witness: Witness | None = None) -> None:
        self.terminal_id: int = settings.terminal_id
        self.taps: dict[Key, Tap] = {}
        self.answers: dict[Key, Reply] = {}
        self.boots = 0
        self.died_of: list[str] = []  # what tasks of the program died of
        self.drift_ppm = 0
        self.radio = radio
        self.settings = settings
        self.app: App | None = None
        self.board: FakeBoard | None = None
        self.on_settled: Callable[[Reply], None] = lambda reply: None
        self.on_power_lost: Callable[[], None] = lambda: None
        self.before_card: Callable[[], None] = lambda: None
        self.before_online: Callable[[], None] = lambda: None
        self._loop = loop
        self._random = random
        self._device = device
        self._files: dict[str, bytes] = {}
        self._log = log
        self._watchdog_ms = watchdog_ms
        self._witness = witness or Witness()
        self._task: asyncio.Task[None] | None = None
        self._presented: deque[Asked] = deque()
        self._tapped = Asked(messages.SALE, 0, 0)
        self._untold = False
        self._last_key: Key | None = None
        self._resets = False

    @property
    def on(self) -> bool:
        return self._task is not None

    @property
    def deaths(self) -> int:
        return len(self.died_of)

    @property
    def waiting(self) -> int:
        """Accepted sales whose answer has not come."""
        return len(self.taps) - len(self.answers)

    @property
    def unsettled(self) -> int | None:
        """What its outbox says is unsettled; None while it cannot be asked."""
        outbox = self.app.outbox if self.app is not None else None
        return None if outbox is None else outbox.unsettled

    def runs(self, part: Any) -> bool:
        """Whether this App, or this Dispatch, is of the program that runs here now."""
        return self.app is not None and part in (self.app, self.app._dispatch)

    @property
    def voids_behind(self) -> int:
        """How many voids wait for the answer to their sale, which waits too."""
        outbox = self.app.outbox if self.app is not None else None
        waiting = {} if outbox is None else {
            (journal, trace): content(frame)
            for journal, trace, frame, settled in outbox.records() if settled is None}
        return sum(original(said) in waiting for said in waiting.values()
                   if said[0] == messages.VOID)

    def format(self, lived: int = 0) -> None:
        """A fresh outbox under a journal drawn from this handset's own stream. `lived`: so many
        taps were taken and answered before, under another journal: the ring is in use."""
        if not lived:
            format_outbox(self._device, self._random.randrange(1, 1 << 32))
            return
        self._device = used(self._device.blocks, lived, self.settings.terminal_id,
                             self.settings.epoch, self.settings.key).copy(
                                 self._device._random, self._device.torn)
        outbox = Outbox(self._device)
        outbox.mount()
        outbox.new_journal(self._random.randrange(2, 1 << 32))

    @property
    def device(self) -> NorFlash:
        return self._device

    @property
    def misreads(self) -> bool:
        return self._device.misreads

    def misread(self, misreads: bool) -> None:
        """The flash chip's contact is bad, or good again; as of the next reading."""
        self._device.misreads = misreads

    # -- power -----------------------------------------------------------------------------------

    def power_on(self, reset_cause: int = RESET_POWER) -> None:
        self.boots += 1
        self._resets = False
        if not self._device.on:
            self._device = self._device.reborn()
        board = FakeBoard(self._loop, self._random, self._device, self.radio.connect, self.boots,
                          reset_cause, self._watchdog_ms)
        board.drift_ppm = self.drift_ppm
        board.panel.on_card = self._takes_card
        board.on_settings = self._keep
        board.files = self._files
        self._presented.clear()
        boot = self.boots
        app = App(board, self.settings, lambda kind, *values: self._told(boot, kind, values))
        self.board, self.app = board, app
        self._note("power_on", boot)
        self._witness.powered(self.terminal_id, True)
        self._task = self._loop.create_task(app.run())
        self._task.add_done_callback(lambda task: self._ended(boot, task))
        self._watch(boot)

    # what the next boot finds, whenever the power goes
    def _keep(self, settings: Settings) -> None:
        self.settings = settings

    def power_off(self) -> None:
        """At once, as when the battery falls out: nothing of the program runs any more."""
        self._resets = False
        if self._task is not None:
            self._device.cut()
            self._dead()

    def cut_soon(self, operations: int, torn: str) -> None:
        """Power goes within the flash operation so many from now; `torn`: how it then reads."""
        device = self._device
        device.torn = torn
        device.cut_at = device.operations + operations
        device.on_cut = self._cut_within  # type: ignore[assignment]

    def no_cut(self) -> None:
        """The power stays after all."""
        self._device.cut_at = None

    def _cut_within(self) -> None:
        self._note("cut_within", self._device.operations)
        self._dead()
        self.on_power_lost()

    def _dead(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = self.board = self.app = None
        self.radio.cut()
        self._note("power_off")
        self._witness.powered(self.terminal_id, False)

    # the program never ends by itself: on hardware its end is a reset
    def _ended(self, boot: int, task: asyncio.Task[None]) -> None:
        if task.cancelled() or isinstance(task.exception(), PowerCut):
            return
        if boot == self.boots and self.on:
            self._note("ended")
            self.power_off()
            self._resets = True
            self._loop.call_at_us(self._loop.now_us + RESET_US, self._reset_done, boot)

    # somebody may have switched it on, or off for good, meanwhile
    def _reset_done(self, boot: int) -> None:
        if self._resets and boot == self.boots:
            self.power_on(RESET_SOFT)

    def _watch(self, boot: int) -> None:
        board = self.board
        if boot != self.boots or board is None:
            return
        due_us = board.fed_us + self._watchdog_ms * 1000
        if due_us <= self._loop.now_us:
            self._note("watchdog")
            self._reset(RESET_WATCHDOG)
        else:
            self._loop.call_at_us(due_us, self._watch, boot)

    def _reset(self, cause: int) -> None:
        self.power_off()
        self.power_on(cause)

    # -- flash put back ------------------------------------------------------------------------

    def flash_copy(self) -> NorFlash:
        """What a workshop reads out of the outbox partition now."""
        return self._device.copy()

    def put_back(self, copy: NorFlash) -> None:
        """An older copy is written into the partition; the handset must be off."""
        assert not self.on
        contact = self._device.misreads  # of the socket, whatever is written into the chip
        self._device = copy.reborn()
        self._device.misreads = contact
        self._note("flash_put_back")

    # -- what the merchant does ----------------------------------------------------------------

    def sale(self, amount_minor: int, card: int | bytes) -> None:
        """Key the amount, confirm, tap the card. Without power nothing happens."""
        self._present(f"*{amount_minor}#", messages.SALE, amount_minor, card)

    def inquiry(self, card: int | bytes) -> None:
        self._present("*A", messages.INQUIRY, None, card)

    def online(self, kind: int, card: int | bytes | None, amount_minor: int | None = None,
               **fields: Any) -> None:
        """What only the gateway can do (a redemption, a refund): saved, or refused offline."""
        if self.app is None:
            return
        self._tapped = Asked(kind, amount_minor, card, fields.get("points"))
        self._witness.attempted(self.terminal_id, *self._tapped[:3], fields.get("original"),
                                self._tapped.points)
        self.before_online()
        try:
            self.app.journal_online(kind, card=None if card is None else (ENTRY_TAP, card),
                                    amount_minor=amount_minor, **fields)
        except PowerCut:
            pass  # it went in the middle

    def _present(self, keys: str, kind: int, amount_minor: int | None, card: int | bytes) -> None:
        if self.board is not None:
            self._presented.append(Asked(kind, amount_minor, card))
            self.board.panel.press(keys)
            self.board.panel.card(ENTRY_TAP, card)

    def void(self) -> None:
        """Cancel the sale on the screen: `D`, and `#` to confirm."""
        if self.board is not None and self._last_key is not None:
            self._witness.attempted(self.terminal_id, messages.VOID, None, None, self._last_key)
            self.board.panel.press("D#")

    def jump(self, ms: int) -> None:
        if self.board is not None:
            self.board.jump(ms)
            self._note("clock_jump", ms)

    def set_clock(self, at: int) -> None:
        """Its time of day is this unix second, and it believes that the gateway said so."""
        if self.app is not None:
            self.app.clock.set(at, self.app.now())

    def _takes_card(self) -> None:
        if self.board is None:  # its power went in this very instant, and nobody taps any more
            return
        self._tapped = self._presented.popleft()
        kind, amount_minor, card, _ = self._tapped
        self._untold = kind == messages.SALE
        if self._untold:
            self._witness.attempted(self.terminal_id, kind, amount_minor, card, None)
        self.before_card()

    # -- what the handset says -----------------------------------------------------------------

    def _note(self, what: str, *values: int | str | None) -> None:
        self._log.note(str(self.terminal_id), what, *values)

    def _told(self, boot: int, kind: str, values: tuple[Any, ...]) -> None:
        if boot != self.boots or self.board is None:
            return
        if kind == "screen" and self.app is not None and self._asks_again(self.app):
            self.board.panel.press("#")
        elif self._untold and kind in ("saved", "not_saved", "died", "screen"):
            self._untold = False
            if kind == "screen" and any(FULL in line for line in values[0]):
                self._note("full_outbox")
        if kind == "saved":
            self._saved(*values)
        elif kind == "conflict":
            self._moved(*values)
        elif kind == "settled":
            self._settled(*values)
        elif kind == "screen":
            self._witness.displayed(self.terminal_id, values[0])
        elif kind == "clock":
            self._witness.clock_set(self.terminal_id)
        elif kind in ("link", "no_link"):
            self._note(kind, int(kind == "link" and values[0]))
        elif kind in BOOTED:
            # the program collects garbage next, which on this side would walk through all handsets
            # of the street: what lives now is set aside first (Street.run takes it back)
            gc.freeze()
            self._note(kind, *(each for each in values if isinstance(each, int)))
        elif kind == "died":
            self.died_of.append(f"{values[0]}: {values[1]}")
            self._note(kind, values[0])
        else:
            self._note(kind, *(each for each in values if isinstance(each, int)))

    # the same card with the same amount: this merchant means it
    def _asks_again(self, app: App) -> bool:
        return app.state is not None and app.state.name == TWICE

    def _saved(self, journal: int, trace: int, kind: int, original: Named | None) -> None:
        if kind != messages.SALE:
            named = (original,) if isinstance(original, int) else original or ()
            self._note("saved", journal, trace, kind, *named)
            asked = self._tapped if kind == self._tapped.kind else Asked(kind, None, None)
            self._witness.saved(self.terminal_id, (journal, trace), kind, asked.amount_minor,
                                asked.card, original, asked.points)
            return
        _, amount_minor, card, _ = self._tapped
        assert card is not None
        self._last_key = (journal, trace)
        self.answers.pop(self._last_key, None)  # of another life of this flash
        self.taps[journal, trace] = Tap(self.terminal_id, journal, trace, amount_minor or 0,
                                        card, self._loop.now_us)
        self._note("saved", journal, trace, amount_minor, _shown(card))
        self._witness.saved(self.terminal_id, self._last_key, kind, amount_minor, card, None)

    # the same pair may be told again after a power cut
    def _moved(self, old: Key, new: Key) -> None:
        tap = self.taps.pop(old, None)
        if tap is not None:
            self.taps[new] = tap._replace(journal=new[0], trace=new[1])
        self._note("conflict", *old, *new)
        self._witness.moved(self.terminal_id, old, new)

    def _settled(self, reply: Reply) -> None:
        key = (reply.journal, reply.trace)
        if key in self.taps:
            self.answers[key] = reply
        self._note("settled", *key, reply.code, reply.points, reply.balance, reply.receipt)
        self._witness.shown(self.terminal_id, reply)
        self.on_settled(reply)


def _shown(card: int | bytes) -> str:
    """The last four digits, of a number or of a chip's UID in hex."""
    return f"{card % 10000:04}" if isinstance(card, int) else card.hex()[-4:]
