"""AT commands over a UART: one at a time, each with its deadline. The thin shell of at_parser.py.

Law:
- What comes and was not asked for goes to `on_urc`.
- A late answer is never taken for a new one's: behind a deadline that ran out the next command
  waits until a question with an answer of its own kind was answered (MARKERS, each time another
  one), and silence followed. A modem answers in order: nothing is owed any more then.
- Between CONNECT and the escape no command is written: it would go out as data. Whoever calls
  `escape` has seen to it that nobody carries data any more.

Sources: escape and its guard of 1 s: SIM800 Series AT Command Manual V1.10, chapter 2, "+++";
SIM7500_SIM7600 AT Command Manual V1.12, 3.9; A76XX AT Command Manual, chapter on V.25TER, "+++".
The same manuals have the MARKERS as read commands; none of them wants a SIM.
"""

import asyncio

from micropython import const

from firmware import faults
from firmware.board.at_parser import (
    CME, CONNECT, ERROR, FINAL, LINE, OK, RESTART, RESTARTED, TIMEOUT, URC, Answer, Parser, final,
)
from firmware.errors import MqttError

READ_SIZE = const(64)
GUARD_MS = const(1100)
ESCAPES = const(2)
MARKER_MS = const(1000)
MARKER_TRIES = const(4)
SETTLE_MS = const(150)
WRITE_MS_MAX = const(2000)
PROGRESS_MS = const(2000)
MARKERS = ((b"AT+IFC?", b"+IFC:"), (b"AT+ICF?", b"+ICF:"), (b"AT+IPR?", b"+IPR:"),
           (b"AT+CMEE?", b"+CMEE:"), (b"AT+CSCS?", b"+CSCS:"), (b"AT+CRC?", b"+CRC:"))


class ModemError(MqttError):
    """PPP has to be ended first: before a command, or by starting the handset again. With its
    number in faults.py. Nothing was written, and nothing unsettled is lost."""

    code = "modem"


class At:
    """`reader`, `writer`: the UART; `now()`: ms since boot; `progress()` is called every 2 s at
    least, however long a deadline is. `in_data`: between CONNECT and a proof
    of command mode. `restarts`: how often the modem said that it started or went down."""

    def __init__(self, reader, writer, now, progress, on_urc=None):
        self._reader = reader
        self._writer = writer
        self._now = now
        self._progress = progress
        self._on_urc = on_urc
        self._parser = Parser()
        self._owed = True  # an answer may be under way
        self._marker = 0
        self.in_data = False
        self.restarts = 0

    def reset(self):
        """The modem's power or reset pin was used: it is in command mode when it comes back."""
        self.in_data = False
        self._owed = True
        self._parser = Parser()

    async def sync(self, tries=MARKER_TRIES):
        """True when the modem answers, and owes nothing."""
        self._commanding()
        await self._write(b"\r")  # ends whatever half a line stands in it
        missed = 0
        for _ in range(2 * tries):
            self._marker = (self._marker + 1) % len(MARKERS)
            text, prefix = MARKERS[self._marker]
            answer = await self._ask(text, MARKER_MS, prefix, READ_SIZE, True)
            if answer.result != OK:
                missed += 1
                if missed == tries:
                    return False
            elif not await self._hear(SETTLE_MS):
                self._owed = False
                return True
        return False

    async def command(self, text, deadline_ms, prefix=None):
        """The Answer; TIMEOUT also when the modem could not be brought to answer at all."""
        self._commanding()
        if self._owed and not await self.sync():
            return Answer(TIMEOUT, None, ())
        answer = await self._ask(text, deadline_ms, prefix)
        if answer.result in (TIMEOUT, RESTARTED):
            self._owed = True
        return answer

    async def dial(self, text, deadline_ms):
        """The Answer to a command that ends in CONNECT. Not one byte behind it is read: they
        belong to whoever carries the data."""
        self._commanding()
        if self._owed and not await self.sync():
            return Answer(TIMEOUT, None, ())
        answer = await self._ask(text, deadline_ms, None, 1)
        if answer.result == CONNECT:
            self.in_data = True
        elif answer.result != CME:
            self._owed = True
        return answer

    async def escape(self):
        """Out of data mode, once nobody sends data any more. False: there is no proof of it.
        One that says nothing to the escape may have left before, and whoever carried the data has
        read its NO CARRIER: the last proof is a question, which no data mode answers."""
        for _ in range(ESCAPES):
            await self._hear(GUARD_MS)
            if not self.in_data:
                return True
            await self._write(b"+++")
            await self._hear(GUARD_MS, b"OK")
            if not self.in_data:
                return True
        self.in_data = False
        self.in_data = not await self.sync(2)
        return not self.in_data

    async def hang_up(self, deadline_ms):
        """End the call behind an escape. A modem may say OK, NO CARRIER or both."""
        answer = await self.command(b"ATH", deadline_ms)
        self._owed = True
        return answer

    async def listen(self, duration_ms):
        """Hear what comes unsolicited."""
        await self._hear(duration_ms)

    def _commanding(self):
        if self.in_data:
            raise ModemError("a command in data mode: end PPP and escape first",
                             faults.PPP_STUCK)

    async def _write(self, data):
        self._writer.write(data)
        try:
            await asyncio.wait_for_ms(self._writer.drain(), WRITE_MS_MAX)
        except asyncio.TimeoutError:
            pass  # flow control holds it: there will be no answer, and that is named

    # bytes, or None when nothing came in time or the UART has ended
    async def _read(self, size, end_ms):
        while True:
            self._progress()
            left_ms = end_ms - self._now()
            if left_ms <= 0:
                return None
            try:
                reading = self._reader.read(size)
                return await asyncio.wait_for_ms(reading, min(left_ms, PROGRESS_MS)) or None
            except asyncio.TimeoutError:
                pass  # the deadline above decides

    # `lines_only`: whatever ends an answer without the line that was asked for is an older one's.
    async def _ask(self, text, deadline_ms, prefix, size=READ_SIZE, lines_only=False):
        parser = self._parser
        end_ms = self._now() + deadline_ms
        parser.command = text
        parser.prefix = prefix
        try:
            await self._write(text + b"\r")
            return await self._answer(end_ms, prefix, size, lines_only)
        finally:
            parser.command = None

    async def _answer(self, end_ms, prefix, size, lines_only):
        lines = []
        while True:
            data = await self._read(size, end_ms)
            if data is None:
                return Answer(TIMEOUT, None, tuple(lines))
            ended = None
            for kind, line in self._parser.feed(data):
                if kind == LINE:
                    lines.append(line)
                elif kind == RESTART:
                    self._restarted(line)
                    ended = Answer(RESTARTED, None, ())
                elif kind == FINAL and ended is None:
                    result, code = final(line) or (ERROR, None)
                    # the OK of a question comes behind its line: this one is somebody else's
                    if lines or prefix is None or result != OK and not lines_only:
                        ended = Answer(result, code, tuple(lines))
                elif kind == URC:
                    self._urc(line)
            if ended is not None:
                return ended

    # Reads and writes nothing for `duration_ms`; `proof` besides NO CARRIER shows command mode.
    # True when an answer to something asked before came in that time.
    async def _hear(self, duration_ms, proof=b"NO CARRIER"):
        end_ms = self._now() + duration_ms
        late = False
        while True:
            data = await self._read(READ_SIZE, end_ms)
            if data is None:
                return late
            for kind, line in self._parser.feed(data):
                if kind == RESTART:
                    self._restarted(line)
                elif kind == FINAL:
                    late = True
                    if line in (proof, b"NO CARRIER"):
                        self.in_data = False
                        self._owed = True
                elif kind == URC:
                    self._urc(line)

    def _restarted(self, line):
        self.restarts += 1
        self.in_data = False
        self._owed = True
        self._urc(line)

    def _urc(self, line):
        if self._on_urc is not None:
            self._on_urc(line)
