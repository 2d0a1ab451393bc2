"""CBOR on the gateway: cbor2 for speed, held to the strict profile of `protocol.cbor`.

Law: for every byte string the verdict and the value are those of `protocol.cbor.decode`,
the device's own decoder (a test compares them on tens of thousands of mutations). cbor2
accepts far more than the profile, so three things follow its decoding: a walk that lets
only our kinds through, the order of map keys, and the re-encoding, which must be the
input: that alone proves shortest forms, definite lengths and nothing behind the item.
"""

import cbor2

from protocol.cbor import encode
from protocol.errors import CborError
from protocol.limits import DEPTH_MAX

_INT_LEAST = -(1 << 64)
_INT_MOST = (1 << 64) - 1


def decode(data: bytes):
    """The value of `data` (arrays as tuples, maps as dicts), or CborError."""
    data = bytes(data)
    try:
        # One level more than allowed: what is too deep is then refused by the walk.
        loaded = cbor2.loads(data, max_depth=DEPTH_MAX + 1, allow_indefinite=False,
                             allow_duplicate_keys=False)
    except Exception as error:
        # cbor2 has a decoder for dozens of tags (dates, regexes, addresses ...), each with
        # errors of its own. All of them say the same here: outside the profile.
        raise CborError(f"cbor2: {type(error).__name__}") from error
    # Tags for shared values can make a small input stand for a huge value, or a cyclic one.
    # Within the profile each item takes a byte, so a longer walk is outside it.
    walk = _Walk(len(data))
    value = walk.item(loaded, 1)
    if cbor2.dumps(loaded) != data:
        raise CborError("not the deterministic encoding")
    return value


class _Walk:
    """Copies what cbor2 made, letting only the profile's kinds through."""

    def __init__(self, items_max: int):
        self._left = items_max

    def item(self, value, depth: int):
        self._left -= 1
        if self._left < 0:
            raise CborError("more items than bytes")
        kind = type(value)
        if kind is int:
            if not _INT_LEAST <= value <= _INT_MOST:
                raise CborError("an integer of more than 64 bits")
            return value
        if kind is str or kind is bytes:
            return value
        if kind is not list and kind is not dict:
            raise CborError(f"no {kind.__name__} in the profile")
        if depth > DEPTH_MAX:
            raise CborError(f"nested deeper than {DEPTH_MAX}")
        if kind is list:
            return tuple([self.item(each, depth + 1) for each in value])
        return self._map(value, depth + 1)

    def _map(self, value: dict, depth: int) -> dict:
        result = {}
        last = b""
        for key, each in value.items():
            if type(key) not in (int, str, bytes):
                raise CborError("a map key is an integer, bytes or text")
            encoded = encode(self.item(key, depth))
            if encoded <= last:
                raise CborError("map keys out of order")
            last = encoded
            result[key] = self.item(each, depth)
        return result
