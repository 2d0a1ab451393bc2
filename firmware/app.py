# What boot sets is there before any task asks for it.
# pyright: reportOptionalMemberAccess=false
"""The handset program: wires the parts and runs the supervised tasks.

    panel   keys and cards from the board -> checkout -> effects; the checkout's timeouts
    link    the connection to the broker (uplink.py), sending and settling (dispatch.py)

Law: the App holds no state of its own that matters: after a power cut at any point the outbox says
it all. An effect is carried out before the screen is drawn, so the screen never says what has not
happened. A task that dies is said on the screen, told, and started again; what RAM knew of the
outbox is not believed then, whatever it died of: the outbox is read anew.
Nothing here is shared between two Apps of one process.
"""

import asyncio
import gc

from firmware import (
    adjusting,
    VERSION,
    autovoid,
    checkout,
    faults,
    looking,
    operators,
    printing,
    recall,
    states,
    texts,
    views,
    voids,
)
from firmware.clock import Clock
from firmware.dispatch import Dispatch
from firmware.errors import FirmwareError
from firmware.link import remounted
from firmware.outbox import Outbox, OutboxFull, OutboxUnreadable
from firmware.outbox_find import identity
from firmware.screen import Screen
from firmware.supervisor import Supervisor
from firmware.ticks import Uptime
from firmware.uplink import Uplink
from protocol.errors import ProtocolError

# reasons of a recovery that may pass: the device failed, or there was no heap to read it; it is
# tried again
FLASH = "flash"
MEMORY = "memory"


def _silent(kind, *values):
    pass


class App:
    """`tell(kind, *values)` hears what happens: saved, settled, link, screen, died, ..."""

    def __init__(self, board, settings, tell=_silent):
        self.board = board
        self.settings = settings
        self.outbox = None
        self._kept = None
        self._in_doubt = None  # (key, type, original) of a tap: whether it is saved a mount tells
        self.state = None
        self.till = states.changed(states.NOBODY, "login", bool(settings.login))
        self._tell = tell
        self._fault = None
        self._touched_ms = 0
        self._slips = []  # (key, reply or None, whether it is asked for again) to be printed
        self._stale = False  # the display is: what came from the link is drawn by its next turn
        self._dispatch = None
        self._uplink = None
        self._link_began = False
        self.now = Uptime(board.ticks_ms)
        self.screen = getattr(board, "display", None) or Screen(board.show, board.font)
        # whoever draws for itself needs no glyphs; without them Chinese would be boxes
        self._readable = board.font or self.screen is getattr(board, "display", None)
        self.speak(settings.language)
        self.clock = Clock(board.boot_count)
        self.supervisor = Supervisor(self.now, self._died, board.feed_watchdog,
                                     board.watchdog_ms)
        self._idle_ms = board.watchdog_ms // 3

    def can_speak(self, language):
        return self._readable or language == "en"

    def speak(self, language):
        self.language = language if self.can_speak(language) else "en"

    def keys_held(self):
        """Keys and settings as they were last kept, or None before the outbox could be read."""
        return self._dispatch.keys if self._dispatch else None

    # -- starting ------------------------------------------------------------------------------

    def boot(self):
        """Mount the outbox and show the first screen. An unreadable outbox is never formatted."""
        self.supervisor.add("panel", self._panel)
        if hasattr(self.board, "tasks"):
            for name, start in self.board.tasks(self.supervisor.progress):
                self.supervisor.add(name, start)
        self._kept = Outbox(self.board.outbox_device)
        try:
            if self._mount():
                self._welcome()
        except MemoryError as error:
            self._unmount()
            self._recover(error)
        gc.collect()
        try:
            self._draw()
        except MemoryError:
            pass  # the tasks draw, and start again where that fails

    # At boot, and again when the device failed: only the flash knows what became of it. Until it
    # has been read to its end the link sends nothing of it, and hears nothing.
    def _mount(self):
        kept, again = self._kept, self._uplink is not None
        self._unmount()
        try:
            kept.mount()
            if not again:
                self._start()
            if again or kept.to_cancel or kept.found_moved:
                voids.mounted(self._dispatch)
            self._found_saved()
        except (OSError, OutboxUnreadable, MemoryError) as error:
            gc.collect()
            return self._recover(error)
        self.outbox = kept
        self._dispatch.ready = True
        self._uplink.kick()
        return True

    def _unmount(self):
        self.outbox = None
        if self._uplink:
            self._dispatch.ready = False
            self._dispatch.to_move.clear()  # it is answered so again, and the mount needs the room

    def _recover(self, error):
        if isinstance(error, OutboxUnreadable):
            reason = error.reason
        else:
            reason = MEMORY if isinstance(error, MemoryError) else FLASH
        self.state = checkout.recovery(reason)
        self._tell("recovery", reason, str(error))
        return False

    def _start(self):
        self._dispatch = Dispatch(self.board, self.settings, self._kept, self.clock, self._tell,
                                  self._heard)
        uplink = Uplink(self.board, self.settings, self._dispatch, self.now, self._idle_ms,
                        self._link_progress, self._on_link, self._outbox_failed)
        self.supervisor.add("link", self._link)
        self._uplink = uplink  # last: from now on a mount is one of many

    # The first screen after a mount. What was found unanswered is voided before anything is sent.
    def _welcome(self):
        self.state = states.start(None, self.outbox.alert)
        self._tell("ready", self.outbox.journal)
        if self._dispatch.cancels:
            self._cancel()
        self._name_last_tap()

    # so that nobody wonders after a power cut, or after a fault between outbox and screen
    def _name_last_tap(self):
        if self.state.name == checkout.RECOVERY:
            return
        alert = self.state.alert
        self.state = states.start(None, alert)  # usable, whatever comes of the look back
        try:
            self.state = recall.first_state(self.outbox, self._dispatch.cancels, alert)
        except (OSError, OutboxUnreadable) as error:
            self._sort_out(error)
        else:
            # whoever did not see it saved keys the same once more: then that is a question
            last = states.last_sold(self.state.shown, self.outbox.journal, self.now())
            if last:
                self.till = states.changed(self.till, "last", last)

    async def run(self):
        """Boot, then run until cancelled (a power cut, in the simulator)."""
        if self.state is None:
            self.boot()
        await self.supervisor.run()

    def journal_online(self, kind, card=None, amount_minor=None, **fields):
        """The way of every message that needs the gateway while the member waits.

        `kind` is one of autovoid.online_only, `fields` as in `protocol.fields.request`. Its
        (journal, trace), or None where nothing was journaled: then the screen says why.
        Unanswered after 30 s, or found by a boot, it is voided by itself.
        """
        if (not self.up() or self.state.name == checkout.RECOVERY
                or len(self._dispatch.cancels) >= autovoid.WAITING_MAX):
            became = ("no_answer",)
        else:
            fields["card"], fields["amount_minor"] = card, amount_minor
            became = self._store(kind, fields)
        self._on_event(("online", kind, amount_minor or 0, became))
        return became[1:] if became[0] == "saved" else None

    def drop_link(self, why):
        """The radio is gone: give the present connection up."""
        if self._uplink:
            self._uplink.drop(why)

    def redraw(self):
        """The board says something else of itself than when the bar was drawn."""
        self._stale = True
        self._draw_late()

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
            if self._dispatch and self._dispatch.cancels:
                wait_ms = self._cancel()
            if self.till.operator:
                wait_ms = min(wait_ms, self._lock())
            self._draw_late()
            if self.state.due is not None:
                wait_ms = min(wait_ms, max(self.state.due - self.now(), 0))
            try:
                event = await asyncio.wait_for_ms(self.board.event(), wait_ms)
            except asyncio.TimeoutError:
                event = ("time",)
            if event[0] in ("key", "card"):  # a reader that flaps is no person
                self._touched_ms = self.now()
            elif event[0] == "time" and self.state.due is None:
                self._tidy()
                continue
            self._on_event(event)

    # whoever presses nothing for so long has gone away; ms to the next look
    def _lock(self):
        left_ms = self._touched_ms + self.settings.auto_lock_s * 1000 - self.now()
        if left_ms > 0:
            return left_ms
        self._on_event(("lock",))
        return self._idle_ms

    # nobody waits now: the next tap need not erase, and a flash that failed is tried again
    def _tidy(self):
        if self.outbox is None:
            # not even the recovery screen may have found its room
            passes = (self.state.name != checkout.RECOVERY
                      or self.state.shown[1] in (FLASH, MEMORY))
            if passes and self._mount():
                self._welcome()
                self._draw()
            return
        if self.state.name == checkout.RECOVERY:
            return
        try:
            self.outbox.tidy()
        except (OSError, OutboxUnreadable) as error:
            self._outbox_failed(error)

    # What needs an answer and got none is voided, link or no link; ms to the next look.
    def _cancel(self):
        due_ms = None
        try:
            if self.outbox:
                due_ms = voids.cancel(self._dispatch, self.now())
            self._dispatch.announce()
            self._uplink.kick()
        except (OSError, OutboxUnreadable, MemoryError) as error:
            self._outbox_failed(error)  # and who keys an amount is not disturbed
        return self._idle_ms if due_ms is None else min(due_ms, self._idle_ms)

    def _link_progress(self):
        self.supervisor.progress("link")
        if self.state.name == checkout.STATUS:  # which names what is wrong with it, or nothing
            self._stale = True
        self._draw_late()

    # Started again, it died in the middle of anything: only the flash is believed, as at a boot.
    async def _link(self):
        if self._link_began and self.outbox:
            self._read_anew()
        self._link_began = True
        await self._uplink.run()

    def _read_anew(self):
        if self.state.name == checkout.RECOVERY:  # damaged: what can be read goes on
            remounted(self._dispatch.link)
            return
        self._mount()
        self._show_anew()

    def _show_anew(self):
        if self.outbox and self.state.name != checkout.RECOVERY:
            try:
                self._dispatch.announce()
                self._find_shown()
            except (OSError, OutboxUnreadable) as error:
                self._sort_out(error)
        self._draw()

    # what stands on the screen may have moved or come to its end, and nobody was told
    def _find_shown(self):
        state, waits = self.state, False
        keys = (state.key, state.shown[1]) if state.name == checkout.CANCELLING else (state.key,)
        for key in keys:
            if key and not self.outbox.waits(*key):
                moved = identity(self.outbox, key)
                if moved != key:
                    self._on_event(("moved", key, moved))
                    key = moved
            waits = waits or key and self.outbox.waits(*key)
        named = state.name == checkout.HOME and state.key
        if not waits and (named or state.name in (
                checkout.SENT, checkout.WAITING, checkout.CANCELLING)):
            self._name_last_tap()

    # -- one event -----------------------------------------------------------------------------

    def _on_event(self, event):
        if self.till.down == self.up():
            self.till = states.changed(self.till, "down", not self.up())
        self._heard(event)
        if event[0] == "key":
            self._fault = None
        self._draw()

    # Called from deep within the link's work, where a heap has no room for a screen too.
    def _heard(self, event):
        self._stale = True
        pending = [event]
        while pending:
            self.state, effects = checkout.step(self.state, pending.pop(0), self.now(), self.till)
            for effect in effects:
                follow_up = self._carry_out(effect)
                if follow_up:
                    pending.append(follow_up)

    def _carry_out(self, effect):
        kind = effect[0]
        if kind == "beep":
            self.board.beep(effect[1])
            return None
        if kind == "journal":
            return self._store(effect[1], effect[2])
        if kind == "ask":
            return self._ask(effect)
        if kind == "online":
            self.journal_online(effect[1], **effect[2])
            return None
        if kind == "late":
            return effect
        if kind == "seen":
            return self._seen()
        if kind == "look":
            return self._look(effect)
        if kind == "operator":
            return operators.carry_out(self, effect)
        if kind == "till":
            self.till = states.changed(self.till, effect[1], effect[2])
            return None
        if kind == "set":
            return adjusting.carry_out(self, effect)
        if kind == "print":
            if effect[3] or self.board.printer:
                self._slips.append(effect[1:])
            return None
        raise FirmwareError("no such effect: " + str(kind))

    def _store(self, kind, fields):
        till = self.till
        if till.training:
            return ("trained",)
        if till.operator:
            fields["operator"] = till.operator
        # else the key is of what broke off, and this tap would be taken for that one
        if self._kept.doubtful and not self._mount():
            self._tell("not_saved", self.state.shown[1])
            return ("failed",)
        key = (self.outbox.journal, self.outbox.next_trace)
        try:
            self._dispatch.journal(kind, self.now(), **fields)
        except Exception as error:  # noqa: BLE001 - sorted out there, or raised again
            return self._not_journaled(error, key, kind, fields)
        self._uplink.kick()
        return ("saved",) + key

    # Only after a fault of flash or heap is it open whether the tap is stored: the flash knows.
    def _not_journaled(self, error, key, kind, fields):
        if isinstance(error, OutboxFull):
            return ("full",)
        if isinstance(error, OutboxUnreadable):
            self._recover(error)
        elif isinstance(error, (OSError, MemoryError)):
            gc.collect()
            self._in_doubt = key, kind, fields.get("original")
            if isinstance(error, OSError) or self._kept.doubtful:
                self._sort_out(error)
            elif self.outbox:
                self._found_saved()
            if self.outbox and self.outbox.waits(*key):
                self._uplink.kick()
                return ("saved",) + key
        elif not isinstance(error, ProtocolError):
            raise error
        self._tell("not_saved", str(error) or type(error).__name__)
        return ("failed",)

    # once the outbox can be read, however long after the fault: told as saved what is there
    def _found_saved(self):
        if self._in_doubt:
            key, kind, named = self._in_doubt
            if self._kept.waits(*key):
                voids.found_saved(self._dispatch, key, kind, self.now(), named)
            self._in_doubt = None

    # What was read is damaged: a technician is called, and the link goes on with what can be read.
    # The device failed: what it holds is read anew, and where that fails too, tried again.
    def _sort_out(self, error):
        if isinstance(error, OutboxUnreadable):
            self._recover(error)
        else:
            self._tell("flash", str(error))
            self._mount()

    # met while no tap is being stored: by the link, a void that is owed, in an idle moment. A heap
    # that ran out where nothing was being changed is no fault of the outbox.
    def _outbox_failed(self, error):
        if self._kept.doubtful or not isinstance(error, MemoryError):
            self._sort_out(error)
            self._show_anew()

    # where this cannot be kept, or would hide what nobody was told yet, it comes again with the
    # next boot
    def _seen(self):
        if self._dispatch.keeps_news() or self.till.training:
            return
        try:
            self.outbox.seen()
        except OutboxFull:
            pass
        except (OSError, OutboxUnreadable) as error:
            self._sort_out(error)

    # Slips, by the turn that drew the screen of what they say: paper holds no tap back. Where the
    # heap has no room for one now, it is the next turn's.
    def _slip_turn(self):
        slip = self._slips.pop(0)
        try:
            found = printing.carry_out(self, *slip)
        except MemoryError:
            self._slips.insert(0, slip)
            raise
        except (OSError, OutboxUnreadable) as error:
            self._sort_out(error)
            found = ("failed",)
        if slip[2]:
            self._on_event(found)

    def _look(self, effect):
        if self.outbox is None:  # the effect before this one met that it fails
            return ("failed",)
        try:
            return "found", looking.look(self, effect[1], effect[2])
        except (OSError, OutboxUnreadable) as error:
            self._sort_out(error)
            return ("failed",)

    def _ask(self, effect):
        if not self.up():
            return "no_answer", effect[1]
        self._dispatch.ask(effect[1], self.now(), **effect[2])
        self._uplink.kick()
        return None

    # -- what is said ----------------------------------------------------------------------------

    def _on_link(self, kind, *values):
        self._tell(kind, *values)
        if kind == "link":
            self._stale = True

    def _died(self, name, why):
        self._fault = name
        if name == "panel" and self.outbox and (not self._kept.doubtful or self._mount()):
            self._name_last_tap()
        self._tell("died", name, why)
        self._draw()

    # where the heap has no room for it now, the next turn draws
    def _draw_late(self):
        try:
            if self._stale:
                self._draw()
            if self._slips and self.outbox:
                self._slip_turn()
        except MemoryError:
            gc.collect()

    def _draw(self):
        unsent = self.outbox.unsettled if self.outbox else 0
        fault = ""
        if self.state.name == checkout.STATUS and not self._dispatch.link.well:
            fault = texts.fault(self.language, self.link_fault())
        board = self.board
        failed = self._fault or (states.READER if self.till.reader else None)
        # what is unsent or did not post counts more than paper
        if board.printer and not (failed or unsent or self.state.alert
                                  or board.printer.state in ("idle", "printing")):
            failed = "printer"
        status = views.Status(self.up(), unsent, self.settings.terminal_id, VERSION, failed,
                              fault, board.signal_dbm(), board.battery_percent(), board.font_fault,
                              self.till.operator if self.till.login else None)
        lines = views.lines(self.state, status, self.language, self.settings.currency_digits,
                            self.till.training)
        if self.screen.draw(lines):
            self._tell("screen", lines)
        self._stale = False

