"""Handset processes and their control channel: lines of JSON over standard input and output.

The demo presses keys and taps cards as a person would, and reads what the handset says back
(firmware/README.md has the channel). Law: what counts as tapped is what the handset's outbox
holds, not what we sent it; a handset that dies is started again on the same flash.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.flows import card_texts
from firmware.texts import Words
from tools.errors import NotReady
from tools.processes import Process

ENTRY_TAP = 2
ANSWER_WAIT_S = 10.0
_TWICE = tuple(Words(card_texts.parts(language))[card_texts.SAME] for language in ("en", "zh"))


@dataclass(frozen=True)
class Settled:
    """A tap's reply as the handset took it."""

    terminal_id: int
    journal: int
    trace: int
    code: int
    points: int
    balance: int | None
    member: str | None
    tier: str | None
    receipt: int | None


@dataclass(frozen=True)
class OutboxEntry:
    """A record of a handset's outbox; `settled` False: the gateway's answer is still awaited.
    `original`: (journal, trace) of what a void takes back."""

    terminal_id: int
    journal: int
    trace: int
    type: int
    amount_minor: int | None
    settled: bool
    code: int | None
    points: int | None
    receipt: int | None
    card_last4: str | None = None
    original: tuple[int, int] | None = None


class Handset:
    """One handset process. `on_event` gets every event line as the handset wrote it.

    `sells_twice`: whoever taps here means it, and the question of the same card with the same
    amount is answered for them; a person answers it themselves.
    """

    def __init__(self, terminal_id: int, argv: Sequence[str], env: Mapping[str, str], log: Path,
                 tell: Callable[[str], None],
                 on_event: Callable[["Handset", Mapping[str, Any]], None],
                 patient: bool = False) -> None:
        self.terminal_id = terminal_id
        self.runtime = ""
        self.sells_twice = True
        self.ready = asyncio.Event()
        self.link_up = asyncio.Event()
        self.saved: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self.screen: Sequence[str] = ()
        self._log = log
        self._on_event = on_event
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self.process = Process(f"handset {terminal_id}", argv, env, log, tell, self._line,
                               patient=patient)
        self.process.on_start = self.started

    def started(self) -> None:
        """A new process stands behind it: what the old one was asked has no answer."""
        self.ready.clear()
        self.link_up.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(NotReady(f"handset {self.terminal_id} was started again"))
        self._waiting.clear()

    def _line(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            # MicroPython's own print: a traceback, say
            with self._log.open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            return
        if "event" in said:
            self._event(said)
        else:
            future = self._waiting.pop(said.get("id", 0), None)
            if future is not None and not future.done():
                future.set_result(said)

    def _event(self, said: Mapping[str, Any]) -> None:
        match said["event"]:
            case "ready":
                self.runtime = str(said.get("runtime", ""))
                self.ready.set()
            case "link":
                (self.link_up.set if said.get("up") else self.link_up.clear)()
            case "saved":
                self.saved.put_nowait((said["journal"], said["trace"]))
            case "screen":
                self.screen = tuple(said.get("lines", ()))
                if self.sells_twice and asks_again(self.screen):
                    self.process.write(json.dumps({"do": "keys", "keys": "#"}))
        self._on_event(self, said)

    async def do(self, what: str, **arguments: Any) -> Mapping[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        self.process.write(json.dumps({"id": self._number, "do": what, **arguments}))
        try:
            answer = await asyncio.wait_for(future, ANSWER_WAIT_S)
        except TimeoutError:
            raise NotReady(f"handset {self.terminal_id} did not answer {what!r}") from None
        if answer.get("error"):
            raise NotReady(f"handset {self.terminal_id} refused {what!r}: {answer['error']}")
        return answer

    async def sale(self, amount_minor: int, card: int) -> None:
        """Key an amount, confirm, tap a card. What was said before is forgotten."""
        while not self.saved.empty():
            self.saved.get_nowait()
        await self.do("keys", keys=f"{amount_minor}#")
        await self.do("card", entry=ENTRY_TAP, card=str(card))

    async def outbox(self) -> list[OutboxEntry]:
        """What its flash holds, oldest first."""
        answer = await self.do("outbox")
        return [_entry(self.terminal_id, row) for row in answer["outbox"]]


def asks_again(lines: Sequence[str]) -> bool:
    """Whether a screen asks about the same card with the same amount. Who sells here means it."""
    return len(lines) > 1 and lines[1] in _TWICE


def settled(terminal_id: int, said: Mapping[str, Any]) -> Settled:
    """The value behind a "settled" event."""
    return Settled(terminal_id, said["journal"], said["trace"], said["code"],
                   said.get("points") or 0, said.get("balance"), said.get("member"),
                   said.get("tier"), said.get("receipt"))


def _entry(terminal_id: int, row: Mapping[str, Any]) -> OutboxEntry:
    original = row.get("original")
    return OutboxEntry(
        terminal_id, row["journal"], row["trace"], row["type"], row.get("amount_minor"),
        bool(row.get("settled")), row.get("code"), row.get("points"), row.get("receipt"),
        row.get("card_last4"), (original[0], original[1]) if original else None)
