"""Messages: what a payload means, as values whose index is the key on the wire.

Law: a Request has keys 0 to 21 and a Reply keys 0 to 24 as fields, in that order; what is
absent is None. Every type has one row in MESSAGES, and that row alone says which keys it
needs and knows, whether it is journaled and whether a handset may take it offline.
`read_request` is the gateway's judge: a Request, a Fault that is answered 60 or 61, or
FrameError where no reply is possible. `read_reply` is the terminal's reader: keys 0 to 5
must fit; another key that does not fit counts as absent, so that no gateway, newer or
broken, can keep a tap from being settled.
"""

from collections import namedtuple

from protocol.cbor import decode, head, put
from protocol.errors import FrameError, MessageError
from protocol.limits import LINE_SIZE_MAX, REPLY_KEYS, REPLY_TYPE_BASE, TEXT_SIZE_MAX
from protocol.schema import (
    BYTES,
    COUNT,
    EIGHT_BYTES,
    EPOCH,
    INT,
    LIST,
    NAME_32,
    NO_LIMIT,
    NUMBER,
    POINTS,
    ROW,
    TEXT,
    TOTALS,
    U8,
    U32,
    fits,
)

SALE = 1
REDEMPTION = 2
VOID = 3
REFUND = 4
INQUIRY = 5
REWARD = 6
TOP_UP = 7
PAYMENT = 8
BATCH_CLOSE = 9
HEARTBEAT = 10
FETCH = 11
LOGIN = 12
ACTIVATE = 13
AUTHORISE = 14

# How the card came in (key 6, place 0).
SWIPE = 1
TAP = 2
SCAN = 3
KEYED = 4

REQUEST_FIELDS = (
    "type", "journal", "trace", "at", "clock_age", "operator", "card", "amount_minor",
    "basket", "points", "original", "code", "pin_block", "totals", "report", "fetch",
    "nonce", "bill", "uptime_s", "boot_count", "authorisation", "tender",
)
Request = namedtuple("Request", REQUEST_FIELDS)

REPLY_FIELDS = (
    "type", "journal", "trace", "digest", "code", "at", "points", "balance",
    "stored_value", "tier", "member", "receipt", "expiring", "amount_minor", "head",
    "line", "config_revision", "release", "chunk", "send_again", "highest_trace",
    "totals", "differing", "next_key", "authorisation",
)
Reply = namedtuple("Reply", REPLY_FIELDS)

# A request that is answered 60 or 61 without being decided. `nonce` where it fits, or None.
Fault = namedtuple("Fault", ("type", "journal", "trace", "nonce", "code"))

# `needed`: keys beside 0, 1, 2 (and 16 when not journaled). `optional`: further keys it
# knows. `one_of`: of these exactly one. `offline`: the handset may take it without a link.
Spec = namedtuple("Spec", ("name", "needed", "optional", "one_of", "journaled", "offline"))

_TIMES = (3, 4, 18, 19)
_BASE = (3, 4, 5, 18, 19)

MESSAGES = {
    SALE: Spec("sale", (6, 7), _BASE + (8, 17), (), True, True),
    REDEMPTION: Spec("redemption", (6, 7, 9), _BASE + (8, 17, 20), (), True, False),
    VOID: Spec("void", (10,), _BASE + (17,), (), True, True),
    REFUND: Spec("refund", (10,), _BASE + (17,), (7, 8, 9), True, False),
    INQUIRY: Spec("inquiry", (6,), _BASE, (), False, False),
    REWARD: Spec("reward", (6, 11), _BASE + (17, 20), (), True, False),
    TOP_UP: Spec("top_up", (6, 7, 21), _BASE + (17,), (), True, False),
    PAYMENT: Spec("payment", (6, 7), _BASE + (17, 20), (), True, False),
    BATCH_CLOSE: Spec("batch_close", (13,), _BASE, (), True, False),
    HEARTBEAT: Spec("heartbeat", (14,), _BASE, (), False, False),
    FETCH: Spec("fetch", (15,), _BASE, (), False, False),
    LOGIN: Spec("login", (5, 12), _TIMES, (), False, False),
    ACTIVATE: Spec("activate", (6,), _BASE, (), True, False),
    AUTHORISE: Spec("authorise", (6, 12), _BASE, (), False, False),
}

REPLY_RULES = (
    (INT, 128, 255), NUMBER, U32, EIGHT_BYTES, U8, U32,
    POINTS, POINTS, POINTS,
    (TEXT, 0, TEXT_SIZE_MAX), (TEXT, 0, TEXT_SIZE_MAX),
    NUMBER,
    (ROW, 2, COUNT, (INT, 0, 65535)),
    COUNT,
    (BYTES, 16, 16),
    (TEXT, 0, LINE_SIZE_MAX),
    U32, NAME_32, (BYTES, 0, NO_LIMIT),
    (LIST, 1, NO_LIMIT, (ROW, 3, NUMBER, NUMBER, NUMBER)),
    U32, TOTALS,
    (LIST, 0, NO_LIMIT, (ROW, 3, NUMBER, U8, POINTS)),
    (ROW, 2, EPOCH, (BYTES, 40, 40)),
    EIGHT_BYTES,
)
_REPLY_NEEDED = 6


def request(type: int, journal: int, trace: int, **fields) -> Request:
    """A Request of these fields; ValueError for a name that is none."""
    return Request(*_places(REQUEST_FIELDS, type, journal, trace, fields))


def reply(request, digest: bytes, code: int, at: int, **fields) -> Reply:
    """The Reply to a Request or Fault; `digest` of its frame, `at` the gateway's clock."""
    fields["digest"] = digest
    fields["code"] = code
    fields["at"] = at
    kind = REPLY_TYPE_BASE + request.type
    return Reply(*_places(REPLY_FIELDS, kind, request.journal, request.trace, fields))


def _places(names, type, journal, trace, fields):
    values = [type, journal, trace] + [None] * (len(names) - 3)
    for name, value in fields.items():
        if name not in names:
            raise ValueError("no such field: " + name)
        values[names.index(name)] = value
    return values


def encode_request(request: Request) -> bytes:
    """The payload. Ranges are not checked here: `read_request` is the judge of them."""
    return _payload(request)


def encode_reply(reply: Reply) -> bytes:
    """The payload, or MessageError: a gateway never seals what the CDDL does not know."""
    for key, value in enumerate(reply):
        if (value is not None or key < _REPLY_NEEDED) and not fits(REPLY_RULES[key], value):
            raise MessageError("reply key %d (%s) does not fit" % (key, REPLY_FIELDS[key]))
    return _payload(reply)


def _payload(message):
    out = bytearray(1)
    count = 0
    for key, value in enumerate(message):
        if value is not None:
            count += 1
            out += head(0x00, key)
            put(out, value, 2)
    # At most 25 keys: the map's head is one byte below 24 and two from there on.
    out[0] = 0xA0 | count if count < 24 else count
    return bytes(out) if count < 24 else b"\xb8" + bytes(out)


def read_reply(payload: bytes) -> Reply:
    """The Reply in an authentic payload; CborError or FrameError: treat it as not come."""
    found = decode(payload)
    if type(found) is not dict:
        raise FrameError("keys")
    values = []
    for key in range(REPLY_KEYS):
        value = found.get(key)
        if value is not None and not fits(REPLY_RULES[key], value):
            value = None
        if value is None and key < _REPLY_NEEDED:
            raise FrameError("keys")
        values.append(value)
    return Reply(*values)


def read_request(value):
    """A Request, or a Fault (60, 61); FrameError where keys 0, 1, 2 do not fit.

    `value` is the decoded payload. The judge lives in `protocol.requests` and is loaded at
    the first call: a terminal never judges requests and need not keep the code in memory.
    """
    from protocol.requests import judge

    return judge(value)


def clip(text: str, size_max: int) -> str:
    """The longest beginning of `text` that takes at most `size_max` bytes of UTF-8."""
    while len(text.encode()) > size_max:
        text = text[:-1]
    return text
