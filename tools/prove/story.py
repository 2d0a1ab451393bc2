"""What the merchants saw, what went over the wire and what the world did on purpose, in order.

The simulated world writes it down while it happens; the checker reads it when the run is over.
Law: nothing here was asked of the firmware or the gateway. A tap counts because its handset said
`saved`, an answer because the handset showed it, a frame because it was seen between them. Each
record carries `order`, its place among all records: what the world did at one instant of virtual
time still happened one after the other. Times are virtual microseconds.

    story = Story()
    story.attempted(7, SALE, 1250, 6200001234567892, None, at_us)   the cashier taps the card
    story.accepted(7, journal, 1, SALE, 1250, 6200001234567892, None, saved_us)   "saved"
    story.sent(7, frame, at_us)       the handset put these bytes on the wire
    story.arrived(7, frame, at_us)    the gateway got them, whole or corrupt
    story.replied(7, reply, at_us)    the gateway published these bytes
    story.acknowledged(7, frame, at_us)   the gateway's PUBACK for the frame reached the broker
    story.shown(7, reply, shown_us)   the handset showed the outcome of a journaled message
    story.displayed(7, ("●", "Posted +12", "Balance 12", "A. B", "REF 4"), at_us)   its screen
    story.happened(at_us, CARD, 6200001234567892, "lost", since_us=at_us)
"""

from typing import Any, NamedTuple, Protocol

Key = tuple[int, int]             # (journal, trace): a message on its terminal
TapKey = tuple[int, int, int]     # (terminal_id, journal, trace)
Named = tuple[int, ...] | int     # what a void or a refund calls its original; int: its receipt

# ---- what may happen: `what`, then subject and value -------------------------------------------
# Registry, through the gateway's own registry and committed when told. `since_us`: when the state
# is said to have begun, where that is not now.
CARD = "card"                     # card number, "active" "lost" "blocked" "expired" "suspect" ...
MEMBER = "member"                 # member id, "active" or "suspended"
MERCHANT = "merchant"             # merchant id, "active" or "suspended"
TERMINAL = "terminal"             # terminal id, "active" "suspended" "lost"
EPOCH_REVOKED = "epoch_revoked"   # terminal id, the revoked epoch
VERDICT = "verdict"               # (terminal_id, journal, trace) of a held tap, "post" "refuse"
VERDICT_FAILED = "verdict_failed"  # the same, and HQ was told that nothing was changed
# The gateway's machine.
BACKUP = "backup"                 # name of the backup, None: the database was copied just now
RESTORED = "restored"             # name of the backup that is the database from now on, None
RECOVERY = "recovery"             # None, True when HQ begins a recovery, False when it ends it
DATABASE_FAILED = "database_failed"  # name of the injected error, None
QUARANTINED = "quarantined"       # SHA-256 of a frame that HQ found in its quarantine, None
SURVIVED = "survived"             # None, Survived: what the books hold right after a crash
# A handset.
POWER_OFF = "power_off"           # terminal id, None
POWER_ON = "power_on"             # terminal id, None
CLOCK_JUMPED = "clock_jumped"     # terminal id, seconds by which its clock was moved
CLOCK_RESET = "clock_reset"       # terminal id, None: its clock starts at 1970 or 2000 again
FLASH_CONTACT = "flash_contact"   # terminal id, whether it is bad: its flash cannot be read
HEAP_RAN_OUT = "heap_ran_out"     # terminal id, None: within whatever it did
CLOCK_SET = "clock_set"           # terminal id, None: it said so, on a heartbeat's answer
FLASH_PUT_BACK = "flash_put_back"  # terminal id, virtual us of the older copy that is there now
# Somebody else.
PLANTED = "planted"               # terminal id, frame: authentic, yet no tap of its merchant

WHATS = (CARD, MEMBER, MERCHANT, TERMINAL, EPOCH_REVOKED, VERDICT, VERDICT_FAILED, BACKUP,
         RESTORED, RECOVERY, DATABASE_FAILED, QUARANTINED, SURVIVED, POWER_OFF, POWER_ON,
         CLOCK_JUMPED, CLOCK_RESET, CLOCK_SET, FLASH_CONTACT, HEAP_RAN_OUT, FLASH_PUT_BACK,
         PLANTED)


class Reply(Protocol):
    """What `shown` needs of a reply: protocol's Reply has all of it."""

    @property
    def journal(self) -> int: ...
    @property
    def trace(self) -> int: ...
    @property
    def code(self) -> int: ...
    @property
    def points(self) -> int | None: ...
    @property
    def balance(self) -> int | None: ...
    @property
    def receipt(self) -> int | None: ...
    @property
    def at(self) -> int: ...


class Attempted(NamedTuple):
    """The merchant did it; whether the handset took it is another matter."""

    terminal_id: int
    kind: int
    amount_minor: int | None
    card: int | bytes | None
    original: Named | None
    at_us: int
    order: int
    points: int | None = None


class Accepted(NamedTuple):
    """The handset said it is saved: from now on it must count exactly once."""

    terminal_id: int
    journal: int
    trace: int
    kind: int
    amount_minor: int | None
    card: int | bytes | None
    original: Named | None
    saved_us: int
    order: int
    points: int | None = None

    @property
    def key(self) -> TapKey:
        return self.terminal_id, self.journal, self.trace


class Shown(NamedTuple):
    """The outcome a handset showed. `at`: the gateway's clock in the reply, unix seconds."""

    terminal_id: int
    journal: int
    trace: int
    code: int
    points: int | None
    balance: int | None
    receipt: int | None
    at: int
    shown_us: int
    order: int

    @property
    def key(self) -> TapKey:
        return self.terminal_id, self.journal, self.trace

    @property
    def screen(self) -> tuple:
        """What the reply said."""
        return self[3:8]


class Display(NamedTuple):
    """What stood on a handset's screen from then on: five lines of text."""

    terminal_id: int
    lines: tuple[str, ...]
    at_us: int
    order: int


class Moved(NamedTuple):
    """After a 62 the handset said that message `old` stands durably as `new`."""

    terminal_id: int
    old: Key
    new: Key
    at_us: int
    order: int


class Happened(NamedTuple):
    """Something the world did on purpose; see the words above."""

    at_us: int
    what: str
    subject: Any
    value: Any
    since_us: int
    order: int


class Survived(NamedTuple):
    """What the books hold at one instant: the messages that have an entry, and (message, code) of
    those that have an answer of any sort."""

    entries: frozenset[TapKey]
    decided: frozenset[tuple[TapKey, int]]


class Sighting(NamedTuple):
    """When the same bytes were first and last seen at one place."""

    first_us: int
    first_order: int
    last_us: int
    last_order: int


Sightings = dict[tuple[int, bytes], Sighting]


class Story:
    """One run. `downs`: what the gateway published, from restore to restore."""

    def __init__(self) -> None:
        self.attempts: list[Attempted] = []
        self.taps: list[Accepted] = []
        self.screens: list[Shown] = []
        self.displays: list[Display] = []
        self.moves: list[Moved] = []
        self.facts: list[Happened] = []
        self.ups: Sightings = {}
        self.arrivals: Sightings = {}
        self.acks: Sightings = {}
        self.downs: list[Sightings] = [{}]
        self._order = 0

    def attempted(self, terminal_id: int, kind: int, amount_minor: int | None,
                  card: int | bytes | None, original: Named | None, at_us: int,
                  points: int | None = None) -> None:
        """The cashier did what makes a journaled message: call it before the handset has it."""
        self.attempts.append(Attempted(terminal_id, kind, amount_minor, card, original, at_us,
                                       self._next(), points))

    def accepted(self, terminal_id: int, journal: int, trace: int, kind: int,
                 amount_minor: int | None, card: int | bytes | None, original: Named | None,
                 saved_us: int, points: int | None = None) -> None:
        """The handset told `saved`. Automatic voids too; what moved after a 62 not."""
        self.taps.append(Accepted(terminal_id, journal, trace, kind, amount_minor, card,
                                  original, saved_us, self._next(), points))

    def shown(self, terminal_id: int, reply: Reply, shown_us: int) -> None:
        """The handset told `settled`: every time it does."""
        self.screens.append(Shown(terminal_id, reply.journal, reply.trace, reply.code,
                                  reply.points, reply.balance, reply.receipt, reply.at, shown_us,
                                  self._next()))

    def displayed(self, terminal_id: int, lines: tuple[str, ...], at_us: int) -> None:
        """The handset drew its screen."""
        self.displays.append(Display(terminal_id, lines, at_us, self._next()))

    def moved(self, terminal_id: int, old: Key, new: Key, at_us: int) -> None:
        """The handset told `conflict`; telling the same pair again changes nothing."""
        self.moves.append(Moved(terminal_id, old, new, at_us, self._next()))

    def happened(self, at_us: int, what: str, subject: Any = None, value: Any = None, *,
                 since_us: int | None = None) -> None:
        """Call it when it is done, in the order it was done. ValueError for an unknown word."""
        if what not in WHATS:
            raise ValueError(f"{what!r} is none of the words of story.py")
        self.facts.append(Happened(at_us, what, subject, value,
                                   at_us if since_us is None else since_us, self._next()))
        if what == RESTORED:
            self.downs.append({})

    def sent(self, terminal_id: int, frame: bytes | bytearray, at_us: int) -> None:
        """A handset published this frame: its own bytes, before any fault on the way."""
        self._saw(self.ups, terminal_id, frame, at_us)

    def arrived(self, terminal_id: int, frame: bytes, at_us: int) -> None:
        """The gateway took this body from its queue, under the topic of `terminal_id`."""
        self._saw(self.arrivals, terminal_id, frame, at_us)

    def acknowledged(self, terminal_id: int, frame: bytes, at_us: int) -> None:
        """The gateway acknowledged the delivery of this frame to the broker."""
        self._saw(self.acks, terminal_id, frame, at_us)

    def replied(self, terminal_id: int, frame: bytes, at_us: int) -> None:
        """The gateway published this body to `terminal_id`: before any fault on the way."""
        self._saw(self.downs[-1], terminal_id, frame, at_us)

    def _saw(self, where: Sightings, terminal_id: int, frame: bytes | bytearray,
             at_us: int) -> None:
        key, order = (terminal_id, bytes(frame)), self._next()
        known = where.get(key)
        first = (known.first_us, known.first_order) if known else (at_us, order)
        where[key] = Sighting(*first, at_us, order)

    def _next(self) -> int:
        self._order += 1
        return self._order
