"""A 58 mm receipt printer on a UART, by ESC/POS: 32 columns of ASCII and two-byte GB 18030.

Commands as in the Epson command reference and the manuals of its kin: ESC @, ESC a, GS !, FS &,
ESC d, DLE EOT n (real-time status, answered whatever the printer is doing), GS r 1 (status when
all before it is printed; a printer without paper is offline and does not answer it).

Law: nobody waits for paper. `print_slip` returns at once; the task `run` prints. After
each line the printer is asked; what is wrong has a name in `state`, is tried again every two
seconds, and then the slip is printed whole, from its head. Of a slip that was begun every further
print carries the reprint mark, so no tap has two slips without it. Each wait has an end.
"""

import asyncio

from micropython import const

from firmware.board.signs import awaited, silent

ANSWER_MS = const(500)
BUSY_MS_MAX = const(15000)  # XOFF, or bytes that the UART does not take
PRINT_MS_MAX = const(20000)  # from the last line to its confirmation
RETRY_MS = const(2000)
WAITING_MAX = const(4)
_TRIES = const(2)
_GARBAGE_MAX = const(16)
_PRINTED_MS = const(4000)  # the same, of one that confirms nothing: as long as a slip takes
_QUIET_MS = const(100)
_HEARD_MS = const(50)  # what bytes that are no answer count for, so that noise is no endless wait
_PRINTER, _OFFLINE_CAUSE, _PAPER = const(1), const(2), const(4)  # of DLE EOT

# style bits of a line
CENTER = const(1)
BIG = const(2)  # twice as wide and high: 16 columns

_INIT = b"\x1b@\x1c&"
_FEED = b"\x1bd\x04"  # four lines, past the edge where it is torn off
_CONFIRM = b"\x1dr\x01"
_BOX = const(0xA1F5)  # for a letter that the font does not have
_XON, _XOFF = const(0x11), const(0x13)


def encode(text, letters):
    """A text as the printer takes it; a letter that `letters` does not have becomes a box.

    `letters`: a Font (font.py), or None. Control characters become "?": a name commands nothing.
    """
    made = bytearray()
    for letter in text:
        code = ord(letter)
        if code < 128:
            made.append(code if 32 <= code < 127 else 63)
            continue
        code = _code(letter, letters)
        made.append(code >> 8)
        made.append(code & 0xFF)
    return made


def _code(letter, letters):
    try:
        if letters is not None and letters.find(letter) and letters.gb:
            return letters.gb
    except OSError:
        pass  # the flash does not read: the figures are ASCII and print all the same
    return _BOX


def line_bytes(style, text, letters):
    """One line of a slip, whole: nothing of what was set before it matters."""
    head = b"\x1ba%c\x1d!%c" % (1 if style & CENTER else 0, 0x11 if style & BIG else 0)
    return head + encode(text, letters) + b"\n"


def trouble_of(question, status):
    """What the answer to DLE EOT says is wrong, or None. `status`: one byte with bits 1 and 4."""
    if question == _PRINTER:
        return "offline" if status & 0x08 else None
    if question == _PAPER:
        return "paper_out" if status & 0x60 else None
    if status & 0x04:
        return "cover_open"
    if status & 0x20:
        return "paper_out"
    return "error" if status & 0x40 else None


class _Job:
    def __init__(self, slip, copy):
        self.slip = slip
        self.copy = copy
        self.begun = False


class Printer:
    """`lines(slip, copy)` gives the (style, text) of a slip; `letters` as for `encode`.

    `state`: "idle", "printing", or what is wrong: "paper_out", "cover_open", "error", "offline",
    "busy", "garbled", "no_answer", "memory" (no heap for it now). `waiting`: slips not printed
    yet. `last`: the slip that came last, or None. `dropped`: how many were given up because too
    many waited. `unconfirmed`: printed, as far as is known. `paper_low`: as its sensor
    says, where it has one.
    """

    def __init__(self, reader, writer, lines, letters, progress=silent):
        self.state = "idle"
        self.dropped = 0
        self.unconfirmed = 0
        self.paper_low = False
        self._reader = reader
        self._writer = writer
        self._progress = progress
        self._lines = lines
        self._letters = letters
        self._jobs = []
        self.last = None
        self._something = asyncio.Event()
        self._status = None  # the answer to DLE EOT
        self._confirmed = False
        self._confirms = True  # until it was found not to know GS r
        self._paused = False
        self._garbage = 0
        self._late = False  # an answer may still come that nobody waits for

    @property
    def waiting(self):
        return len(self._jobs)

    def print_slip(self, slip, copy=False):
        """Print it when the printer can; `copy`: marked. One that waits comes once."""
        self.last = slip
        if not any([job.slip is slip for job in self._jobs]):
            self._add(_Job(slip, copy))

    def drop(self):
        """Give up what waits: the merchant does without."""
        self._jobs = []

    # the oldest that was not begun makes room: the last customer stands at the counter
    def _add(self, job):
        if len(self._jobs) >= WAITING_MAX:
            self._jobs.pop(1 if self._jobs[0].begun else 0)
            self.dropped += 1
        self._jobs.append(job)
        self._something.set()

    async def run(self):
        """The task that prints; it ends only by being cancelled."""
        while True:
            while not self._jobs:
                self.state = "idle"
                self._something.clear()
                await awaited(self._something, self._progress)
            self._progress()
            job = self._jobs[0]
            try:
                trouble = await self._print(job)
            except OSError:
                trouble = "no_answer"
            except MemoryError:
                trouble = "memory"
            if trouble is None:
                if job in self._jobs:
                    self._jobs.remove(job)
                continue
            self.state = trouble
            self._paused = False
            await asyncio.sleep_ms(RETRY_MS)

    # None when the slip is on paper
    async def _print(self, job):
        for question in (_OFFLINE_CAUSE, _PAPER, _PRINTER):
            trouble = await self._ask(question)
            if trouble:
                return trouble
        self.state = "printing"
        trouble = await self._send(_INIT)
        copy = job.copy
        for style, text in self._lines(job.slip, copy):
            if trouble:
                return trouble
            job.copy = job.begun = True
            trouble = (await self._send(line_bytes(style, text, self._letters))
                       or await self._ask(_OFFLINE_CAUSE))
        return trouble or await self._send(_FEED) or await self._finished()

    async def _finished(self):
        self._confirmed = False
        trouble = await self._send(_CONFIRM)
        left_ms = PRINT_MS_MAX if self._confirms else _PRINTED_MS
        while not (trouble or self._confirmed or left_ms <= 0):
            if await self._hear(ANSWER_MS):
                left_ms -= _HEARD_MS
            else:
                left_ms -= ANSWER_MS
                trouble = await self._ask(_OFFLINE_CAUSE)
        if not (trouble or self._confirmed):
            # it took all and says that it is well: what it can say, it said
            self._confirms = False
            self.unconfirmed += 1
        # a zero is also what a line says that falls with the printer's power
        return trouble or await self._ask(_OFFLINE_CAUSE)

    async def _send(self, part):
        self._progress()
        if self._paused:
            self.state = "busy"
            left_ms = BUSY_MS_MAX
            while self._paused and left_ms > 0:
                left_ms -= _HEARD_MS if await self._hear(ANSWER_MS) else ANSWER_MS
            if self._paused:
                return "busy"
            self.state = "printing"
        self._writer.write(part)
        try:
            await asyncio.wait_for_ms(self._writer.drain(), BUSY_MS_MAX)
        except asyncio.TimeoutError:
            return "busy"
        return None

    # what is wrong by DLE EOT, None where nothing is
    async def _ask(self, question):
        for _ in range(_TRIES):
            self._progress()
            await self._quiet()
            self._status = None
            self._garbage = 0
            self._writer.write(b"\x10\x04%c" % question)
            try:
                await asyncio.wait_for_ms(self._writer.drain(), BUSY_MS_MAX)
            except asyncio.TimeoutError:
                return "busy"
            while self._status is None and self._garbage < _GARBAGE_MAX:
                if not await self._hear(ANSWER_MS):
                    break
            if self._status is not None:
                if question == _PAPER:
                    self.paper_low = bool(self._status & 0x0C)
                return trouble_of(question, self._status)
            self._late = True
        return "garbled" if self._garbage else "no_answer"

    # answers carry no number: one that comes late must not be taken for the next
    async def _quiet(self):
        for _ in range(_GARBAGE_MAX):
            if not self._late or not await self._hear(_QUIET_MS):
                break
        self._late = False

    # False when nothing came
    async def _hear(self, ms):
        self._progress()
        try:
            part = await asyncio.wait_for_ms(self._reader.read(16), ms)
        except asyncio.TimeoutError:
            return False
        if not part:
            raise OSError(0, "the printer's stream ended")
        for byte in part:
            if byte == _XOFF or byte == _XON:
                self._paused = byte == _XOFF
            elif byte & 0x93 == 0x12:
                self._status = byte
            elif byte & 0x9C == 0:
                self._confirmed = True
            else:
                self._garbage += 1
        return True
