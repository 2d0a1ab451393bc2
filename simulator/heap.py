"""The heap runs out: MemoryError at a drawn call of the program, as MicroPython raises it.

Law: it is raised where the program calls a function of its own, because that is where a handset
allocates most; or, with `lines`, before any line of it, for a list that grows or a tuple that is
made allocates too. Never inside the simulation. Armed for one event of the program (`PANEL`: a
key or a card, `LINK`: a frame from the gateway), it fires at the n-th call within, or not at all
when there are fewer; armed for what it does by itself (`TURN`: sending, moving, voiding), at the
n-th call within however many turns. What the program did before that call is done.
"""

import sys
from collections.abc import Callable
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any

Entries = tuple[tuple[str, str], ...]
PANEL: Entries = (("firmware.app", "_on_event"),)
LINK: Entries = (("firmware.dispatch", "received"),)
TURN: Entries = (("firmware.dispatch", "tend"), ("firmware.dispatch", "pump"),
                 ("firmware.app", "_cancel"))
ROOMS = ("firmware.", "protocol.")


class Heap:
    """One at a time in a process: it uses the interpreter's trace hook. `on_exhausted` gets the
    App or Dispatch whose event it was. `lines`: lines are counted instead of calls."""

    def __init__(self, lines: bool = False) -> None:
        self.exhausted = 0
        self._lines = lines
        self.on_exhausted: Callable[[Any], None] = lambda whose: None
        self._whose: Any = None
        self._entries: Entries = ()
        self.calls = 0
        self._within = False
        self._before: Any = None

    def arm(self, entries: Entries, calls: int) -> None:
        """MemoryError at the `calls`-th call within the next event of PANEL or LINK, or within
        the turns from now on."""
        self.disarm()
        self._entries, self.calls, self._within = entries, calls, False
        self._before = sys.gettrace()
        sys.settrace(self._called)

    @property
    def armed(self) -> bool:
        return bool(self._entries)

    def disarm(self) -> None:
        if self._entries:
            self._entries = ()
            sys.settrace(self._before)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_globals.get("__name__", "")
        if not self._within:
            if (name, frame.f_code.co_name) in self._entries:
                self._within, self._whose = True, frame.f_locals["self"]
                return self._left
            return None
        # the step of a generator is no call, and its end could not raise
        if name.startswith(ROOMS) and not frame.f_code.co_flags & CO_GENERATOR:
            if self._lines:
                return self._line
            self._one_less()
        return None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and self._within:
            self._one_less()
        return self._line

    def _one_less(self) -> None:
        self.calls -= 1
        if self.calls <= 0:
            self.disarm()
            self.exhausted += 1
            self.on_exhausted(self._whose)
            raise MemoryError("the heap is exhausted")

    # the event's own frame is followed to its end: what comes after it is another event
    def _left(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            self._within = False
            if self._entries != TURN:
                self.disarm()
            return None
        if self._lines:
            self._line(frame, event, argument)
        return self._left
