# What boot sets is there before any task asks for it.
# pyright: reportOptionalMemberAccess=false
"""The handset program: wires the parts and runs the supervised tasks.

    panel   keys and cards from the board -> checkout -> effects; the checkout's timeouts
    link    the connection to the broker (uplink.py), sending and settling (dispatch.py)

Law: the App holds no state of its own that matters; after a power cut at any point the outbox says
everything. An effect is carried out before the screen is drawn, so the screen never says
what has not happened. A task that dies is said on the screen, told, and started again.
Nothing here is shared between two Apps of one process.
"""

import asyncio
import gc

from firmware import VERSION, checkout, faults, recall, texts, views
from firmware.clock import Clock
from firmware.dispatch import Dispatch
from firmware.errors import FirmwareError
from firmware.outbox import Outbox, OutboxFull, OutboxUnreadable
from firmware.screen import Screen
from firmware.supervisor import Supervisor
from firmware.ticks import Uptime
from firmware.uplink import Uplink
from protocol.errors import ProtocolError


def _silent(kind, *values):
    pass


class App:
    """`tell(kind, *values)` hears what happens: saved, settled, link, screen, died, ..."""

    def __init__(self, board, settings, tell=_silent):
        self.board = board
        self.settings = settings
        self.outbox = None
        self.state = None
        self._tell = tell
        self._fault = None
        self._dispatch = None
        self._uplink = None
        self.now = Uptime(board.ticks_ms)
        self.screen = getattr(board, "display", None) or Screen(board.show)
        self.clock = Clock(board.boot_count)
        self.supervisor = Supervisor(self.now, self._died, board.feed_watchdog,
                                     board.watchdog_ms)
        self._idle_ms = board.watchdog_ms // 3

    # -- starting ------------------------------------------------------------------------------

    def boot(self):
        """Mount the outbox and show the first screen. An unreadable outbox is never formatted."""
        self.supervisor.add("panel", self._panel)
        outbox = Outbox(self.board.outbox_device)
        try:
            outbox.mount()
            self._start(outbox)
        except OutboxUnreadable as error:
            self._recover(error)
        gc.collect()
        self._draw()

    def _recover(self, error):
        self.state = checkout.recovery(error.reason)
        self._tell("recovery", error.reason, str(error))

    def _start(self, outbox):
        self.outbox = outbox
        self._dispatch = Dispatch(self.board, self.settings, outbox, self.clock, self._tell,
                                  self._on_event)
        self._uplink = Uplink(self.board, self.settings, self._dispatch, self.now, self._idle_ms,
                              self._link_progress, self._on_link)
        self.supervisor.add("link", self._uplink.run)
        self._name_last_tap()
        self._tell("ready", outbox.journal)

    # so that nobody wonders after a power cut, or after a fault between outbox and screen
    def _name_last_tap(self):
        self.state = checkout.start()  # usable, whatever comes of the look back
        self.state = checkout.start(recall.last_tap(self.outbox))

    async def run(self):
        """Boot, then run until cancelled (a power cut, in the simulator)."""
        if self.state is None:
            self.boot()
        await self.supervisor.run()

    def drop_link(self, why):
        """The radio is gone: give the present connection up."""
        if self._uplink:
            self._uplink.drop(why)

    def up(self):
        return self._uplink is not None and self._uplink.up()

    def link_fault(self):
        """What was last wrong with the link: a number of faults.py, 0 for nothing."""
        return self._uplink.fault if self._uplink else faults.NONE

    # -- tasks ---------------------------------------------------------------------------------

    async def _panel(self):
        while True:
            self.supervisor.progress("panel")
            wait_ms = self._idle_ms
            if self.state.due is not None:
                wait_ms = min(wait_ms, max(self.state.due - self.now(), 0))
            try:
                event = await asyncio.wait_for_ms(self.board.event(), wait_ms)
            except asyncio.TimeoutError:
                event = ("time",)
            if event[0] != "time" or self.state.due is not None:
                self._on_event(event)
            elif self.outbox and self.state.name != checkout.RECOVERY:
                self._tidy()

    # nobody waits now: the next tap need not erase
    def _tidy(self):
        try:
            self.outbox.tidy()
        except OutboxUnreadable as error:
            self._recover(error)
            self._draw()

    def _link_progress(self):
        self.supervisor.progress("link")

    # -- one event -----------------------------------------------------------------------------

    def _on_event(self, event):
        pending = [event]
        while pending:
            self.state, effects = checkout.step(self.state, pending.pop(0), self.now())
            for effect in effects:
                follow_up = self._carry_out(effect)
                if follow_up:
                    pending.append(follow_up)
        if event[0] == "key":
            self._fault = None
        self._draw()

    def _carry_out(self, effect):
        kind = effect[0]
        if kind == "beep":
            self.board.beep(effect[1])
            return None
        if kind == "journal":
            return self._journal(effect)
        if kind == "ask":
            return self._ask(effect)
        raise FirmwareError("no such effect: " + str(kind))

    def _journal(self, effect):
        _, message, card, amount_minor = effect
        try:
            key = self._dispatch.journal(message, self.now(), card=card,
                                         amount_minor=amount_minor)
        except OutboxFull:
            return ("full",)
        except ProtocolError as error:
            # not sealed, so nothing was stored; any other error leaves that open (see _died)
            self._tell("not_saved", str(error))
            return ("failed",)
        self._uplink.kick()
        return ("saved",) + key

    def _ask(self, effect):
        if not self.up():
            return ("no_answer",)
        self._dispatch.ask(effect[1], self.now(), card=effect[2])
        self._uplink.kick()
        return None

    # -- what is said ----------------------------------------------------------------------------

    def _on_link(self, kind, *values):
        self._tell(kind, *values)
        if kind == "link":
            self._draw()

    def _died(self, name, why):
        self._fault = name
        if name == "panel" and self.outbox:
            self._name_last_tap()
        self._tell("died", name, why)
        self._draw()

    def _draw(self):
        unsent = self.outbox.unsettled if self.outbox else 0
        fault = (texts.fault(self.settings.language, self.link_fault())
                 if self.state.name == checkout.STATUS else "")
        status = views.Status(self.up(), unsent, self.settings.terminal_id, VERSION, self._fault,
                              fault)
        parts = texts.parts(self.settings.language)
        lines = views.lines(self.state, status, parts, self.settings.currency_digits)
        if self.screen.draw(lines):
            self._tell("screen", lines)

