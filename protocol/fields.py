"""Requests and replies as values whose index is the key on the wire: a terminal's half.

Law: a Request has keys 0 to 24 and a Reply keys 0 to 25 as fields, in that order; what is
absent is None. `read_reply` is the terminal's reader: keys 0 to 5 must fit; another key
that does not fit counts as absent, so that no gateway, newer or broken, can keep a tap from
being settled. `protocol.messages` has all of this and the gateway's half; a handset imports
only this module, for the other half would take a tenth of its memory.
"""

from collections import namedtuple

from protocol.cbor import decode
from protocol.errors import FrameError
from protocol.limits import LINE_SIZE_MAX, REPLY_KEYS, SHARE_BP_MAX, TEXT_SIZE_MAX
from protocol.schema import (
    AMOUNT,
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
SETTLED = 15

# How the card came in (key 6, place 0).
SWIPE = 1
TAP = 2
SCAN = 3
KEYED = 4

REQUEST_FIELDS = (
    "type", "journal", "trace", "at", "clock_age", "operator", "card", "amount_minor",
    "basket", "points", "original", "code", "pin_block", "totals", "report", "fetch",
    "nonce", "bill", "uptime_s", "boot_count", "authorisation", "tender",
    "frame", "held", "off_minor",
)
Request = namedtuple("Request", REQUEST_FIELDS)

REPLY_FIELDS = (
    "type", "journal", "trace", "digest", "code", "at", "points", "balance",
    "stored_value", "tier", "member", "receipt", "expiring", "amount_minor", "head",
    "line", "config_revision", "release", "chunk", "send_again", "highest_trace",
    "totals", "differing", "next_key", "authorisation", "redeeming",
)
Reply = namedtuple("Reply", REPLY_FIELDS)

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
    (ROW, 6, COUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, (INT, 1, SHARE_BP_MAX)),
)
REPLY_NEEDED = 6


def request(type: int, journal: int, trace: int, **fields) -> Request:
    """A Request of these fields; ValueError for a name that is none."""
    return Request(*places(REQUEST_FIELDS, type, journal, trace, fields))


def places(names, type, journal, trace, fields) -> list:
    """The values of a message in the order of its keys, all of them."""
    return _put(names, [type, journal, trace] + [None] * (len(names) - 3), fields)


def put(values: list, fields) -> list:
    """`values`, the first ones of a request in the order of its keys, with these fields at their
    places; it becomes no longer than the last of them needs."""
    return _put(REQUEST_FIELDS, values, fields)


def _put(names, values, fields):
    for name, value in fields.items():
        try:
            key = names.index(name)
        except ValueError:
            raise ValueError("no such field: " + name)
        while key >= len(values):
            values.append(None)
        values[key] = value
    return values


def read_reply(payload: bytes) -> Reply:
    """The Reply in an authentic payload; CborError or FrameError: treat it as not come."""
    return reply_of(decode(payload))


def reply_of(found) -> Reply:
    """The Reply in a decoded payload. Apart, so that a handset need not hold both at once."""
    if type(found) is not dict:
        raise FrameError("keys")
    values = []
    for key in range(REPLY_KEYS):
        value = found.get(key)
        if value is not None and not fits(REPLY_RULES[key], value):
            value = None
        if value is None and key < REPLY_NEEDED:
            raise FrameError("keys")
        values.append(value)
    return Reply(*values)
