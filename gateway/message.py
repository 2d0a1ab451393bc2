"""What came to be decided: a verified frame with what it says, or HQ's own word; and the keys by
which it is known. Values, no database.
"""

from typing import NamedTuple

from gateway.commands import Command
from gateway.on_hold import HoldEnd
from protocol import codes
from protocol.messages import AUTHORISE, LOGIN, Request

HQ = 0  # the origin of HQ's verdicts on held taps
JOBS = -1  # the origin of what falls due by time
COMMANDS = -2  # the origin of HQ's commands
HOLDS = -3  # the origin of what ends a return's hold
PIN_TYPES = (LOGIN, AUTHORISE)
NO_MESSAGE = -1  # the type of an original that no message asked for

Key = tuple[int, bytes]  # (origin, operation key) of an outcome


def operation_key(journal: int, trace: int) -> bytes:
    return journal.to_bytes(4, "big") + trace.to_bytes(4, "big")


def verdict_key(terminal_id: int, key: bytes) -> bytes:
    """Operation key of HQ's verdict on a held row: terminal || journal || trace."""
    return terminal_id.to_bytes(4, "big") + key


class Told(NamedTuple):
    """The answer by which a terminal settled a message, as it says under the key `epoch` (WIRE,
    type 15); `receipt` 0: none."""

    code: int
    points: int
    receipt: int
    epoch: int


class Proof(NamedTuple):
    """What came of trying an operator's PIN. `version`: of the PIN it was held against; `right`:
    None where the block holds no PIN."""

    version: int
    right: bool | None


class Message(NamedTuple):
    """A verified frame and what it says. `received_at` in milliseconds since 1970.

    `fault` is 0, or 60 or 61 for a payload that cannot be decided; then only type, journal and
    trace of `request` are set. `by_hq`: HQ's own word: on a held message, or a `command` or the
    end of a `hold`, which came of no terminal (0) and of no frame: `frame_hash` is that of its
    proposal, or of what names the hold. `told`: what its terminal says that became of it once.
    `proof`: of a login, what came of its PIN (logins.py).
    """

    terminal_id: int
    epoch: int
    frame: bytes
    frame_hash: bytes
    received_at: int
    request: Request
    fault: int = 0
    by_hq: bool = False
    command: Command | None = None
    hold: HoldEnd | None = None
    told: Told | None = None
    proof: Proof | None = None

    @property
    def secret(self) -> bool:
        """Whether its frame has a PIN in it, and so may lie nowhere (WIRE, PIN block)."""
        return self.request.type in PIN_TYPES

    @property
    def digest(self) -> bytes:
        return self.frame_hash[:8]

    @property
    def origin(self) -> int:
        """Whose operation key it is: the terminal's, or HQ's."""
        if self.command is not None:
            return COMMANDS
        if self.hold is not None:
            return HOLDS
        return HQ if self.by_hq else self.terminal_id

    @property
    def key(self) -> bytes:
        """Operation key of its outcome: journal || trace; of a verdict, the held row's key; of a
        command, its proposal's serial; of a hold's end, the entry that holds."""
        if self.command is not None:
            return self.command.proposal.key
        if self.hold is not None:
            return self.hold.key
        key = operation_key(self.request.journal, self.request.trace)
        return verdict_key(self.terminal_id, key) if self.by_hq else key

    @property
    def accepted(self) -> bool:
        """Whether it was approved before, or by HQ: what only delays it is set aside."""
        return self.by_hq or (self.told is not None and self.told.code == codes.APPROVED)

    @property
    def named_minor(self) -> int | None:
        """The money that the request names: its amount, or what its basket lines sum up to."""
        basket = self.request.basket
        return self.request.amount_minor if basket is None else sum(line[1] for line in basket)

    @property
    def held_key(self) -> "Key":
        """The key of the held row that a verdict is about."""
        return self.terminal_id, operation_key(self.request.journal, self.request.trace)

    @property
    def original_key(self) -> "Key | None":
        """The key of the message that a void names; None where it names a receipt number."""
        named = self.request.original
        if isinstance(named, int):
            return None
        terminal_id = named[0] if len(named) == 3 else self.terminal_id
        return terminal_id, operation_key(*named[-2:])

    @property
    def own_original(self) -> "Key | None":
        """The key of the message that a void names in its own journal; None for any other."""
        named = self.request.original
        if named is None or isinstance(named, int):
            return None
        terminal_id, key = self.original_key or (0, b"")
        mine = terminal_id == self.terminal_id and named[-2] == self.request.journal
        return (terminal_id, key) if mine else None
