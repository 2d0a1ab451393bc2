"""HMAC-SHA256, key ids and comparing secrets: what every frame needs.

Law: the same routine on both interpreters, over hashlib alone (RFC 2104). It is apart from
`protocol.keys`, which derives keys, because a handset that was given its key derives none.
"""

from hashlib import sha256
from struct import pack

from protocol.limits import EPOCH_MAX, TERMINAL_ID_MAX

_BLOCK = 64
_IPAD = int.from_bytes(b"\x36" * _BLOCK, "big")
_OPAD = int.from_bytes(b"\x5c" * _BLOCK, "big")


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The key's inner and outer HMAC blocks, 64 bytes each.

    MicroPython's SHA-256 cannot copy its state, so what can be kept of a key is these.
    """
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    number = int.from_bytes(key, "big") << (8 * (_BLOCK - len(key)))
    return (number ^ _IPAD).to_bytes(_BLOCK, "big"), (number ^ _OPAD).to_bytes(_BLOCK, "big")


def hmac_sha256(key: bytes, data) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    inner_pad, outer_pad = pads(key)
    inner = sha256(inner_pad)
    inner.update(data)
    outer = sha256(outer_pad)
    outer.update(inner.digest())
    return outer.digest()


def same(a: bytes, b: bytes) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):
        difference |= x ^ y
    return difference == 0


def kid(terminal_id: int, epoch: int) -> bytes:
    """Key id of a frame: terminal_id (4, big endian) || epoch (1)."""
    if not 1 <= terminal_id <= TERMINAL_ID_MAX or not 1 <= epoch <= EPOCH_MAX:
        raise ValueError("terminal id 1..4294967295, epoch 1..255")
    return pack(">IB", terminal_id, epoch)
