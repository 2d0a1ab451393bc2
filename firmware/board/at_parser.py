"""What a modem says, out of bytes in any pieces. No IO.

Law: `Parser` never raises, whatever the bytes are. A line ends at a line feed; a control byte or
one beyond ASCII throws away what stood before it on its line, and what is longer than any answer
is passed over. A line that belongs to no answer is unsolicited, wherever it stands.

Sources: ITU-T V.250 5.7 (result codes); 3GPP TS 27.007 9.2 (+CME ERROR) and 27.005 3.2.5 (+CMS
ERROR); SIM800 Hardware Design V1.10, 4.2 and A76XX AT Command Manual (words at start and end).
"""

from collections import namedtuple

from micropython import const

LINE_MAX = const(256)

# kinds of events: (kind, line)
ECHO = const(1)    # the command itself
LINE = const(2)    # belongs to the answer
FINAL = const(3)   # ends an answer
URC = const(4)     # unsolicited
PROMPT = const(5)  # "> ", the modem wants text
RESTART = const(6)  # the modem has started anew, or is going down

# results of an answer
OK = const(1)
ERROR = const(2)
CME = const(3)
CMS = const(4)
NO_CARRIER = const(5)
CONNECT = const(6)
TIMEOUT = const(7)
RESTARTED = const(8)

# `code`: number or text behind +CME ERROR and +CMS ERROR, else None. `lines`: tuple of bytes.
Answer = namedtuple("Answer", ("result", "code", "lines"))

BARE = b""
_FINALS = ((b"OK", OK), (b"ERROR", ERROR), (b"NO CARRIER", NO_CARRIER),
           (b"NO DIALTONE", NO_CARRIER), (b"NO ANSWER", NO_CARRIER), (b"BUSY", NO_CARRIER),
           (b"CONNECT", CONNECT))
# SIM800 Hardware Design 4.2 and the A76XX manual: what a modem says when it comes and goes
_RESTARTS = (b"RDY", b"*ATREADY", b"NORMAL POWER DOWN", b"UNDER-VOLTAGE POWER DOWN",
             b"OVER-VOLTAGE POWER DOWN")
_WORDS = (b"Call Ready", b"SMS Ready", b"SMS DONE", b"PB DONE", b"RING", b"DST:",
          b"UNDER-VOLTAGE WARN", b"OVER-VOLTAGE WARN")


def final(line):
    """(result, code) of a line that ends an answer, or None."""
    for word, result in _FINALS:
        if line == word or result == CONNECT and line.startswith(b"CONNECT "):
            return result, None
    if line.startswith(b"+CME ERROR:"):
        return CME, _code(line[11:])
    if line.startswith(b"+CMS ERROR:"):
        return CMS, _code(line[11:])
    return None


def _code(text):
    text = text.strip()
    try:
        return int(text)
    except ValueError:
        return str(text, "ascii")


class Parser:
    """`command`: what is being asked (its echo is known by it), or None. `prefix`: how the lines
    of its answer begin, BARE for lines without a name, None for an answer without lines."""

    def __init__(self):
        self._line = bytearray(LINE_MAX)
        self._size = 0
        self.command = None
        self.prefix = None

    def feed(self, data):
        """The events in these bytes and those before them, oldest first."""
        events = []
        for byte in data:
            if byte == 10:
                self._ended(events)
            elif 32 <= byte < 127 or byte == 13:
                if self._size < LINE_MAX:
                    self._line[self._size] = byte
                # one byte more than fits: the line is too long to be an answer
                self._size = min(self._size + 1, LINE_MAX + 1)
            else:
                self._size = 0
        if 0 < self._size <= 2 and bytes(self._line[:self._size]) in (b">", b"> "):
            self._size = 0
            events.append((PROMPT, b">"))
        return events

    def _ended(self, events):
        size = self._size
        self._size = 0
        if size > LINE_MAX:
            return
        # the echo ends in a carriage return only, and so stands on the line of what follows
        for part in bytes(self._line[:size]).split(b"\r"):
            part = part.strip()
            if part:
                events.append((self._kind(part), part))

    def _kind(self, line):
        if line == self.command:
            return ECHO
        if final(line):
            return FINAL
        for word in _RESTARTS:
            if line.startswith(word):
                return RESTART
        if self.command is None or self.prefix is None:
            return URC
        if self.prefix != BARE:
            return LINE if line.startswith(self.prefix) else URC
        if line[:1] in (b"+", b"*", b"^"):
            return URC
        for word in _WORDS:
            if line.startswith(word):
                return URC
        return LINE
