"""Frames: COSE_Mac0 round a payload (RFC 9052 6.2), and nothing else.

Law: one outer form is accepted, byte for byte; only payload and tag vary in it:

    d1 84  43 a10105  a1 04 45 kid(5)  bstr payload  58 20 tag(32)

kid is terminal_id (4, big endian) || epoch (1). The tag is HMAC-SHA256 under the terminal
key of (terminal_id, epoch) over the MAC structure, whose external_aad binds protocol
version, direction and terminal: a frame cannot be turned round or handed to another.
`split` looks at nothing inside the payload; a payload is decoded only once the tag holds.
"""

from collections import namedtuple
from hashlib import sha256
from struct import pack

from protocol.cbor import head
from protocol.errors import FrameError
from protocol.limits import (
    DIGEST_SIZE,
    DOWN,
    FRAME_DOWN_SIZE_MAX,
    FRAME_UP_SIZE_MAX,
    TAG_SIZE,
    UP,
)
from protocol.mac import hmac_sha256, kid, same

PROTECTED = b"\xa1\x01\x05"
PREFIX = b"\xd1\x84\x43" + PROTECTED + b"\xa1\x04\x45"
TAG_HEAD = b"\x58\x20"
_PAYLOAD_AT = 14

# Why a frame is none of ours. The readers of payloads add "keys".
TOO_LARGE = "too_large"
OUTER = "outer"
KID = "kid"

# The outside of a frame: ints and bytes, nothing checked beyond the form.
Parts = namedtuple("Parts", ("terminal_id", "epoch", "payload", "tag"))


def split(frame: bytes, size_max: int) -> Parts:
    """The parts of a frame, or FrameError (`too_large`, `outer`, `kid`): no reply then."""
    if len(frame) > size_max:
        raise FrameError(TOO_LARGE)
    frame = bytes(frame)
    if frame[:9] != PREFIX or len(frame) < _PAYLOAD_AT + 1 + len(TAG_HEAD) + TAG_SIZE:
        raise FrameError(OUTER)
    tag_at = len(frame) - TAG_SIZE
    size, at = _payload_head(frame)
    if at + size + len(TAG_HEAD) != tag_at or frame[tag_at - 2:tag_at] != TAG_HEAD:
        raise FrameError(OUTER)
    terminal_id = int.from_bytes(frame[9:13], "big")
    epoch = frame[13]
    if not terminal_id or not epoch:
        raise FrameError(KID)
    return Parts(terminal_id, epoch, frame[at:at + size], frame[tag_at:])


def _payload_head(frame):
    # -> (size of the payload, where it begins); its length in the shortest form.
    initial = frame[_PAYLOAD_AT]
    if 0x40 <= initial <= 0x57:
        return initial - 0x40, _PAYLOAD_AT + 1
    if initial == 0x58 and frame[_PAYLOAD_AT + 1] > 23:
        return frame[_PAYLOAD_AT + 1], _PAYLOAD_AT + 2
    if initial == 0x59 and frame[_PAYLOAD_AT + 1]:
        return frame[_PAYLOAD_AT + 1] << 8 | frame[_PAYLOAD_AT + 2], _PAYLOAD_AT + 3
    raise FrameError(OUTER)


def external_aad(direction: int, terminal_id: int) -> bytes:
    """`pw1` || direction (1) || terminal_id (4, big endian)."""
    return b"pw1" + pack(">BI", direction, terminal_id)


def mac_structure(direction: int, terminal_id: int, payload: bytes) -> bytes:
    """The bytes under the tag: ["MAC0", protected, external_aad, payload]."""
    return mac_prefix(direction, terminal_id) + head(0x40, len(payload)) + payload


def mac_prefix(direction: int, terminal_id: int) -> bytes:
    """The MAC structure up to the payload: the same for every frame of a terminal."""
    return mac0_prefix(PROTECTED, external_aad(direction, terminal_id))


def mac0_prefix(protected: bytes, aad: bytes) -> bytes:
    """Any COSE_Mac0's MAC structure up to its payload (RFC 9052 6.3)."""
    context = b"\x84\x64MAC0" + head(0x40, len(protected)) + protected
    return context + head(0x40, len(aad)) + aad


def authentic(key: bytes, direction: int, parts: Parts) -> bool:
    """Whether the tag is right under `key`, the terminal key of the frame's kid."""
    structure = mac_structure(direction, parts.terminal_id, parts.payload)
    return same(hmac_sha256(key, structure), parts.tag)


def seal(key: bytes, direction: int, terminal_id: int, epoch: int, payload: bytes) -> bytes:
    """The frame of a payload; FrameError where it would be too large for its direction."""
    own = kid(terminal_id, epoch)
    tag = hmac_sha256(key, mac_structure(direction, terminal_id, payload))
    frame = b"".join((PREFIX, own, head(0x40, len(payload)), payload, TAG_HEAD, tag))
    if len(frame) > size_max(direction):
        raise FrameError(TOO_LARGE)
    return frame


def size_max(direction: int) -> int:
    if direction == UP:
        return FRAME_UP_SIZE_MAX
    if direction == DOWN:
        return FRAME_DOWN_SIZE_MAX
    raise ValueError("direction is 1 (up) or 2 (down)")


def frame_hash(frame: bytes) -> bytes:
    """SHA-256 over the whole frame: what "the same frame" means."""
    return sha256(frame).digest()


def digest(frame: bytes) -> bytes:
    """Reply key 3: the first 8 bytes of the frame's hash."""
    return frame_hash(frame)[:DIGEST_SIZE]
