"""The control channel of the unix board: JSON lines, commands in on stdin, answers out on stdout.

Law: every command is answered by exactly one line with its `id` and either what was asked for or
`error`; a line that is no command changes nothing. Events come in between, in the order in
which they happened; `saved` is written after the outbox has synced, never before. When
stdin closes or ends the handset exits, so that no handset outlives the one who drives it.
What the lines say is in unix_commands.py; firmware/README.md lists them.
"""

import asyncio
import sys

from firmware.board import unix_commands

if sys.implementation.name != "micropython":
    from firmware import shim_stdin


class Control:
    """`app` is set once it exists; `tell` is what the App is given."""

    def __init__(self, board, settings, runtime):
        self.app = None
        self.board = board
        self.settings = settings
        self.runtime = runtime

    def tell(self, kind, *values):
        """An event of the App as one line."""
        self.write(unix_commands.event(self, kind, values))

    def write(self, text):
        """To stdout at once; whoever drives the handset sees it in this order."""
        try:
            sys.stdout.write(text)
            if hasattr(sys.stdout, "flush"):
                sys.stdout.flush()
        except OSError:
            sys.exit(0)  # nobody listens any more

    async def run(self):
        """Reads commands until stdin closes, then ends the process."""
        lines = await _stdin()
        while True:
            try:
                line = await lines.readline()
            except (ValueError, MemoryError):
                line = b"too long"  # what came of it is dropped; this is answered as no command
            if not line:
                unix_commands.power_off(0)
            if not line.isspace():
                self.answer(line)

    def answer(self, line):
        """One line for this command, also where the heap ends in it."""
        end = '{"id": null, "error": "MemoryError"}\n'
        try:
            if unix_commands.obey(self, line):
                end = '], "error": "MemoryError"}\n'
                unix_commands.list_outbox(self)
        except MemoryError:
            self.write(end)


async def _stdin():
    if sys.implementation.name != "micropython":
        return await shim_stdin.reader()  # pyright: ignore[reportPossiblyUnboundVariable]
    return asyncio.StreamReader(sys.stdin.buffer)
