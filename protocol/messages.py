"""Messages: what a payload means. The whole of it; a handset imports `protocol.fields`.

Law: every type has one row in MESSAGES, and that row alone says which keys it needs and
knows, whether it is journaled and whether a handset may take it offline. `read_request` is
the gateway's judge: a Request, a Fault that is answered 60 or 61, or FrameError where no
reply is possible. `encode_reply` writes nothing that the CDDL does not know.
"""

from collections import namedtuple

from protocol.cbor import head, put
from protocol.errors import MessageError
from protocol.fields import (
    ACTIVATE,
    AUTHORISE,
    BATCH_CLOSE,
    FETCH,
    HEARTBEAT,
    INQUIRY,
    KEYED,
    LOGIN,
    PAYMENT,
    REDEMPTION,
    REFUND,
    REPLY_FIELDS,
    REPLY_NEEDED,
    REPLY_RULES,
    REQUEST_FIELDS,
    REWARD,
    SALE,
    SCAN,
    SETTLED,
    SWIPE,
    TAP,
    TOP_UP,
    VOID,
    Reply,
    Request,
    places,
    read_reply,
    request,
)
from protocol.limits import REPLY_TYPE_BASE
from protocol.schema import fits

__all__ = (
    "ACTIVATE", "AUTHORISE", "BATCH_CLOSE", "FETCH", "HEARTBEAT", "INQUIRY", "KEYED", "LOGIN",
    "MESSAGES", "PAYMENT", "REDEMPTION", "REFUND", "REPLY_FIELDS", "REPLY_RULES",
    "REQUEST_FIELDS", "REWARD", "SALE", "SCAN", "SETTLED", "SWIPE", "TAP", "TOP_UP", "VOID",
    "Fault", "Reply", "Request", "Spec", "clip", "encode_reply", "encode_request", "read_reply",
    "read_request", "reply", "request",
)

# A request that is answered 60 or 61 without being decided. `nonce` where it fits, or None.
Fault = namedtuple("Fault", ("type", "journal", "trace", "nonce", "code"))

# `needed`: keys beside 0, 1, 2 (and 16 when not journaled). `optional`: further keys it
# knows. `one_of`: of these exactly one. `offline`: the handset may take it without a link.
Spec = namedtuple("Spec", ("name", "needed", "optional", "one_of", "journaled", "offline"))

_TIMES = (3, 4, 18, 19)
_BASE = (3, 4, 5, 18, 19)

MESSAGES = {
    SALE: Spec("sale", (7,), _BASE + (6, 8, 17), (), True, True),
    REDEMPTION: Spec("redemption", (6, 7, 9), _BASE + (8, 17, 20, 24), (), True, False),
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
    SETTLED: Spec("settled", (22, 23), _BASE, (), False, False),
}


def reply(request, digest: bytes, code: int, at: int, **fields) -> Reply:
    """The Reply to a Request or Fault; `digest` of its frame, `at` the gateway's clock."""
    fields["digest"] = digest
    fields["code"] = code
    fields["at"] = at
    kind = REPLY_TYPE_BASE + request.type
    return Reply(*places(REPLY_FIELDS, kind, request.journal, request.trace, fields))


def encode_request(request: Request) -> bytes:
    """The payload. Ranges are not checked here: `read_request` is the judge of them."""
    return _payload(request)


def encode_reply(reply: Reply) -> bytes:
    """The payload, or MessageError: a gateway never seals what the CDDL does not know."""
    for key, value in enumerate(reply):
        if (value is not None or key < REPLY_NEEDED) and not fits(REPLY_RULES[key], value):
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


def read_request(value):
    """A Request, or a Fault (60, 61); FrameError where keys 0, 1, 2 do not fit.

    `value` is the decoded payload. The judge is a module of its own, `protocol.requests`.
    """
    from protocol.requests import judge

    return judge(value)


def clip(text: str, size_max: int) -> str:
    """The longest beginning of `text` that takes at most `size_max` bytes of UTF-8."""
    while len(text.encode()) > size_max:
        text = text[:-1]
    return text
