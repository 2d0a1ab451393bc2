"""The control channel of the unix board: JSON lines, commands in on stdin, answers out on stdout.

Law: every command is answered by exactly one line with its `id` and either what was asked for or
`error`; a line that is no command changes nothing. Events come in between, in the order in
which they happened; `saved` is written after the outbox has synced, never before. When
stdin closes the handset exits, so that no handset outlives the one who drives it.
The commands and events are listed in firmware/README.md.
"""

import asyncio
import json
import os
import sys
from binascii import hexlify, unhexlify

from firmware.errors import FirmwareError
from firmware.views import last4
from protocol import cbor, frames
from protocol.limits import CARD_NUMBER_MAX, FRAME_UP_SIZE_MAX

CUT = 9
KEYS = "0123456789*#ABCD"
# names of what `tell` brings with an event
EVENTS = {
    "ready": ("journal",),
    "recovery": ("reason", "why"),
    "screen": ("lines",),
    "link": ("up", "why"),
    "no_link": ("why",),
    "saved": ("journal", "trace"),
    "not_saved": ("why",),
    "postponed": ("journal", "trace", "code"),
    "conflict": ("old", "new"),
    "set_aside": ("why",),
    "clock": ("at",),
    "died": ("task", "why"),
}


class ControlError(FirmwareError):
    code = "control"


class Control:
    """`app` is set once it exists; `tell` is what the App is given."""

    def __init__(self, board, settings, runtime):
        self.app = None
        self._board = board
        self._settings = settings
        self._runtime = runtime

    # -- out -------------------------------------------------------------------------------------

    def tell(self, kind, *values):
        """An event of the App as one line."""
        if kind == "settled":
            event = _settled(values[0])
        else:
            event = dict(zip(EVENTS[kind], values))
        event["event"] = kind
        if kind == "ready":
            event["runtime"] = self._runtime
            event["terminal_id"] = self._settings.terminal_id
        self._line(event)

    def _line(self, value):
        self._write(json.dumps(value) + "\n")

    def _write(self, text):
        try:
            sys.stdout.write(text)
            if hasattr(sys.stdout, "flush"):
                sys.stdout.flush()
        except OSError:
            sys.exit(0)  # nobody listens any more

    # -- in --------------------------------------------------------------------------------------

    async def run(self):
        """Reads commands until stdin closes, then ends the process."""
        lines = await _stdin()
        while True:
            line = await lines.readline()
            if not line:
                power_off(0)
            if line.strip():
                self._obey(line)

    def _obey(self, line):
        answer = {}
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise ControlError("a command is an object")
            answer["id"] = command.get("id")
            act = COMMANDS.get(command.get("do"))
            if act is None:
                raise ControlError("no such command")
            found = act(self, command)
            if found is None:
                return
            answer.update(found)
        except (ValueError, KeyError, TypeError, ControlError) as error:
            answer["error"] = "%s: %s" % (type(error).__name__, error)
        self._line(answer)

    def _keys(self, command):
        keys = command["keys"]
        if not all([key in KEYS for key in keys]):
            raise ControlError("keys are " + KEYS)
        for key in keys:
            self._board.put(("key", key))
        return {}

    def _card(self, command):
        entry, card = command["entry"], command["card"]
        if isinstance(card, dict):
            card_id = unhexlify(card["uid"].encode())
            right = len(card_id) in (4, 7, 10)
        else:
            card_id = int(card)
            right = 0 < card_id <= CARD_NUMBER_MAX
        if entry not in (1, 2, 3, 4) or not right:
            raise ControlError("entry 1 to 4, card a number or {uid: 4, 7 or 10 bytes in hex}")
        self._board.put(("card", entry, card_id))
        return {}

    def _screen(self, command):
        return {"lines": self.app.screen.lines}

    def _pixels(self, command):
        return {"pixels": hexlify(self._board.pixels).decode()}

    def _status(self, command):
        outbox = self.app.outbox
        return {"up": self.app.up(), "radio_on": self._board.radio_on,
                "state": self.app.state.name if self.app.state else "booting",
                "terminal_id": self._settings.terminal_id, "runtime": self._runtime,
                "boot_count": self._board.boot_count, "at": self.app.clock.now(self.app.now()),
                "unsettled": outbox.unsettled if outbox else None,
                "journal": outbox.journal if outbox else None,
                "next_trace": outbox.next_trace if outbox else None,
                "heap_free": self._board.heap_free()}

    # ten thousand entries do not fit the heap: the one line is written piece by piece
    def _outbox(self, command):
        if self.app.outbox is None:
            raise ControlError("the outbox cannot be read")
        self._write('{"id": %s, "outbox": [' % json.dumps(command.get("id")))
        comma = ""
        for record in self.app.outbox.records():
            self._write(comma + json.dumps(_entry(record)))
            comma = ", "
        self._write("]}\n")

    def _link(self, command):
        self._board.radio_on = bool(command["up"])
        if not self._board.radio_on:
            self.app.drop_link("the radio is off")
        return {}

    def _cut(self, command):
        operations = command.get("after_flash_ops")
        if operations is None:
            power_off(CUT)
        self._board.outbox_device.cut_after(operations)
        return {}


COMMANDS = {
    "keys": Control._keys,
    "card": Control._card,
    "screen": Control._screen,
    "pixels": Control._pixels,
    "status": Control._status,
    "outbox": Control._outbox,
    "link": Control._link,
    "cut": Control._cut,
}


def power_off(code):
    """Gone at once: no task is unwound, nothing is written any more."""
    if hasattr(os, "_exit"):
        os._exit(code)
    sys.exit(code)


async def _stdin():
    if sys.implementation.name == "micropython":
        return asyncio.StreamReader(sys.stdin)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _settled(reply):
    return {"journal": reply.journal, "trace": reply.trace, "code": reply.code,
            "points": reply.points, "balance": reply.balance, "receipt": reply.receipt,
            "member": reply.member, "tier": reply.tier}


def _entry(record):
    content = cbor.decode(frames.split(record.frame, FRAME_UP_SIZE_MAX).payload)
    card = content.get(6)
    code, points, receipt = record.settled or (None, None, None)
    return {"journal": record.journal, "trace": record.trace, "type": content[0],
            "amount_minor": content.get(7), "card_last4": last4(card[1])[2:] if card else None,
            "settled": record.settled is not None, "code": code, "points": points,
            "receipt": receipt}
