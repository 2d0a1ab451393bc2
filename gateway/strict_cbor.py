"""CBOR on the gateway: cbor2 behind the strict profile of `protocol.cbor`.

Law: for every byte string the verdict and the value are those of `protocol.cbor.decode`,
the device's own decoder (a test compares them on tens of thousands of mutations). cbor2
accepts far more than the profile. No tag gets as far as its decoder: dates, regular
expressions, shared and cyclic values are built from none of a stranger's bytes. Behind
the decoding stand a walk that lets only our kinds through in the order of map keys, and
the re-encoding, which must be the input: that alone proves shortest forms, definite
lengths and nothing behind the item.
"""

from typing import Any, Never

import cbor2

from protocol.cbor import encode
from protocol.errors import CborError
from protocol.limits import DEPTH_MAX

_INT_MOST = (1 << 64) - 1
_INT_LEAST = -1 - _INT_MOST
_KEY_KINDS = (int, str, bytes)


def _refuse_tag(*_: object) -> Never:
    raise CborError("a tag")


# The tags cbor2 6 has decoders for; all others reach the tag hook (a test tries each tag).
_TAGS: dict[int, Any] = dict.fromkeys((
    0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004,
    43000, 55799,
), _refuse_tag)


def decode(data: bytes) -> Any:
    """The value of `data` (arrays as tuples, maps as dicts), or CborError."""
    data = bytes(data)
    loaded = _load(data)
    value = _item(loaded, 1)
    if cbor2.dumps(loaded) != data:
        raise CborError("not the deterministic encoding")
    return value


def _load(data: bytes) -> Any:
    try:
        # Deeper than the walk allows by one, so that the walk is the one to say so.
        return cbor2.loads(data, max_depth=DEPTH_MAX + 1, allow_indefinite=False,
                           allow_duplicate_keys=False, tag_hook=_refuse_tag,
                           semantic_decoders=_TAGS)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise CborError(f"cbor2: {error}") from error


def _item(value: Any, depth: int) -> Any:
    # A copy with tuples for lists, or CborError for a kind that is not in the profile.
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
        return tuple([_item(each, depth + 1) for each in value])
    return _map(value, depth + 1)


def _map(value: dict, depth: int) -> dict:
    result = {}
    last = b""
    last_number = -1
    for key, each in value.items():
        if type(key) is int and key >= 0 and not last:
            # Unsigned integers come first, and their encodings sort as they do.
            if key <= last_number:
                raise CborError("map keys out of order")
            last_number = key
        elif type(key) in _KEY_KINDS:
            encoded = encode(key)
            if encoded <= last:
                raise CborError("map keys out of order")
            last = encoded
        else:
            raise CborError("a map key is an integer, bytes or text")
        result[key] = _item(each, depth)
    return result
