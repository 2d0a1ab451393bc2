"""Deterministic CBOR: the only encoding that may lie inside a frame.

Law (RFC 8949 4.2.1, narrowed): integers of 64 bits, byte strings, text (strict UTF-8),
arrays and maps; definite lengths; every length and integer in its shortest form; map keys
are integers, byte strings or text, in bytewise order of their encoding and without
duplicates; arrays and maps nest at most four deep; one item and nothing behind it.
No float, no null, no undefined, no bool, no other simple value, no tag. Hence a value has
one encoding and an encoding one value: encode(decode(data)) == data wherever decode
returns, and whatever else the bytes are, decode raises CborError and nothing else.

Arrays are decoded to tuples (values do not change between rooms), maps to dicts.
`gateway.strict_cbor` gives the same verdict and value by another road (a test).
"""

from struct import pack, unpack_from

from protocol.errors import CborError
from protocol.limits import DEPTH_MAX


def head(major: int, number: int) -> bytes:
    """The initial byte(s) of an item: `major` is the major type shifted left by five."""
    if number < 24:
        return bytes((major | number,))
    if number < 256:
        return bytes((major | 24, number))
    if number < 65536:
        return pack(">BH", major | 25, number)
    if number < 4294967296:
        return pack(">BI", major | 26, number)
    if number < 18446744073709551616:
        return pack(">BQ", major | 27, number)
    raise CborError("an integer of more than 64 bits")


def encode(value) -> bytes:
    """The one encoding of `value`; CborError for what has none."""
    out = bytearray()
    put(out, value, 1)
    return bytes(out)


def put(out: bytearray, value, depth: int):
    """Append the encoding of `value`, whose own container would be `depth` deep."""
    # MicroPython's bool is no int, CPython's is: ask for the exact kinds.
    kind = type(value)
    if kind is int:
        out += head(0x00, value) if value >= 0 else head(0x20, -1 - value)
    elif kind is str:
        text = _utf8(value)
        out += head(0x60, len(text))
        out += text
    elif kind is bytes or kind is bytearray or kind is memoryview:
        out += head(0x40, len(value))
        out += value
    elif kind is dict:
        _put_map(out, value, depth)
    elif isinstance(value, (tuple, list)):
        if depth > DEPTH_MAX:
            raise CborError("nested deeper than %d" % DEPTH_MAX)
        out += head(0x80, len(value))
        for item in value:
            put(out, item, depth + 1)
    else:
        raise CborError("no encoding for a %s" % kind.__name__)


def _put_map(out, value, depth):
    if depth > DEPTH_MAX:
        raise CborError("nested deeper than %d" % DEPTH_MAX)
    pairs = []
    for key in value:
        if type(key) not in _KEY_KINDS:
            raise CborError("a map key is an integer, bytes or text")
        # Nothing nests in a key, so its depth does not matter.
        encoded = bytearray()
        put(encoded, key, depth)
        pairs.append((bytes(encoded), key))
    pairs.sort(key=_first)
    out += head(0xA0, len(pairs))
    for encoded, key in pairs:
        out += encoded
        put(out, value[key], depth + 1)


_KEY_KINDS = (int, str, bytes)


def _first(pair):
    return pair[0]


def _utf8(text):
    # A lone surrogate: CPython refuses it here, MicroPython would write it.
    try:
        encoded = text.encode()
    except UnicodeError:
        raise CborError("text is not valid Unicode") from None
    check_utf8(encoded)
    return encoded


def decode(data):
    """The value of `data`, exactly one item in the strict profile, else CborError."""
    data = bytes(data)
    value, end = _item(data, 0, 1)
    if end != len(data):
        raise CborError("bytes behind the item")
    return value


def _item(data, at, depth) -> tuple:
    # -> (value, position behind it). `depth` is that of a container found here.
    major, number, at = _head(data, at)
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major <= 3:
        end = at + number
        if end > len(data):
            raise CborError("cut short")
        raw = data[at:end]
        return (raw if major == 2 else text_of(raw)), end
    if depth > DEPTH_MAX:
        raise CborError("nested deeper than %d" % DEPTH_MAX)
    if number > len(data) - at:
        raise CborError("cut short")
    if major == 5:
        return _map(data, at, number, depth + 1)
    items = []
    for _ in range(number):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return tuple(items), at


def _map(data, at, count, depth):
    result = {}
    last = b""
    for _ in range(count):
        start = at
        # Only integers, bytes and text: with the depth used up, nothing else gets through.
        key, at = _item(data, at, DEPTH_MAX + 1)
        encoded = data[start:at]
        if encoded <= last:
            raise CborError("map keys out of order or twice")
        last = encoded
        value, at = _item(data, at, depth)
        result[key] = value
    return result, at


def _head(data, at):
    # -> (major type, its number, position behind the head)
    left = len(data) - at
    if left < 1:
        raise CborError("cut short")
    initial = data[at]
    major = initial >> 5
    number = initial & 31
    at += 1
    if major > 5:
        raise CborError("a tag, float or simple value")
    if number < 24:
        return major, number, at
    if number > 27:
        raise CborError("reserved or indefinite length")
    form = number - 24
    if left <= 1 << form:
        raise CborError("cut short")
    number = unpack_from(_FORMS[form], data, at)[0]
    if number < _LEAST[form]:
        raise CborError("not the shortest form")
    return major, number, at + (1 << form)


_FORMS = (">B", ">H", ">I", ">Q")
_LEAST = (24, 256, 65536, 4294967296)


def text_of(raw: bytes) -> str:
    """Strict UTF-8 to text, the same on both interpreters; CborError otherwise."""
    check_utf8(raw)
    return str(raw, "utf-8")


def check_utf8(raw: bytes):
    """CborError unless `raw` is UTF-8 as RFC 3629 has it.

    MicroPython's own decoder lets overlong forms, surrogates and numbers above U+10FFFF
    through, so neither interpreter's decoder is asked.
    """
    size = len(raw)
    at = 0
    while at < size:
        lead = raw[at]
        at += 1
        if lead < 0x80:
            continue
        low = 0x80
        high = 0xBF
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            if lead == 0xE0:
                low = 0xA0  # below: overlong
            elif lead == 0xED:
                high = 0x9F  # above: surrogates
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            if lead == 0xF0:
                low = 0x90  # below: overlong
            elif lead == 0xF4:
                high = 0x8F  # above: beyond U+10FFFF
        else:
            raise CborError("not UTF-8")
        if at + more > size or not low <= raw[at] <= high:
            raise CborError("not UTF-8")
        for follower in range(at + 1, at + more):
            if raw[follower] & 0xC0 != 0x80:
                raise CborError("not UTF-8")
        at += more
