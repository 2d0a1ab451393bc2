"""A toy gateway as a function of frames: approves every sale once, one point for each yuan.

It stands for "a gateway given as a function": no database, no clock but the one it is given.
"""

from firmware.settings import Settings, settings
from protocol import cbor, codes, frames, keys, messages
from protocol.limits import DOWN, FRAME_UP_SIZE_MAX, UP

MASTER = bytes(range(32))
BLOCKS = 16


def identity(number: int) -> Settings:
    """The settings of terminal `number` + 1."""
    terminal_id = number + 1
    key = keys.terminal_key(MASTER, terminal_id, 1)
    return settings(terminal_id, 1, key, "broker", 1883, keys.mqtt_user(terminal_id, 1),
                    keys.mqtt_password(key), language="en", outbox_blocks=BLOCKS)


class Toy:
    """`posted`: (terminal, journal, trace) -> how often a posting was made; `code` answers."""

    def __init__(self, code: int = codes.APPROVED) -> None:
        self.code = code
        self.posted: dict[tuple[int, int, int], int] = {}
        self._replies: dict[bytes, bytes] = {}

    def __call__(self, frame: bytes, now_us: int) -> bytes | None:
        hashed = frames.frame_hash(frame)
        if hashed not in self._replies:
            self._replies[hashed] = self._decide(frame, now_us)
        return self._replies[hashed]

    def _decide(self, frame: bytes, now_us: int) -> bytes:
        parts = frames.split(frame, FRAME_UP_SIZE_MAX)
        key = keys.terminal_key(MASTER, parts.terminal_id, parts.epoch)
        assert frames.authentic(key, UP, parts)
        request = messages.read_request(cbor.decode(parts.payload))
        assert isinstance(request, messages.Request)
        at = 1_780_000_000 + now_us // 1_000_000
        fields: dict[str, int] = {}
        if request.type == messages.SALE and self.code == codes.APPROVED:
            tap = (parts.terminal_id, request.journal, request.trace)
            self.posted[tap] = self.posted.get(tap, 0) + 1
            points = request.amount_minor // 100
            fields = {"points": points, "balance": points, "receipt": len(self.posted)}
        code = self.code if request.type == messages.SALE else codes.APPROVED
        reply = messages.reply(request, frames.digest(frame), code, at, **fields)
        return frames.seal(key, DOWN, parts.terminal_id, parts.epoch,
                           messages.encode_reply(reply))
