"""The judge of requests: which payloads are acted on, and what the others are answered.

Law, in this order (README, "Verdicts"):
1. Not a map, or keys 0, 1, 2 do not fit: FrameError, a dead letter, no reply.
2. A type nobody knows, or a key below 64 that the type does not know: 61. It wins over
   60, because 60 is final and 61 loses nothing: a newer terminal's tap waits, it is not
   thrown away. Keys 64 to 65535 are ignored whatever they hold.
3. A needed key missing, a value outside the CDDL, a refund without exactly one of keys 7,
   8, 9, a nonce without trace 0 or the other way round, a basket that does not sum to
   key 7, any other key: 60.
"""

from protocol.codes import MALFORMED, UNSUPPORTED
from protocol.errors import FrameError
from protocol.limits import (
    BASKET_LINES_MAX,
    CARD_NUMBER_MAX,
    FRAME_UP_SIZE_MAX,
    KEY_MAX,
    KEY_MUST_KNOW_MAX,
    PIN_BLOCK_SIZE,
    REQUEST_KEYS,
    REQUEST_POINTS_MAX,
    TYPE_MAX,
)
from protocol.messages import MESSAGES, Fault, Request
from protocol.schema import (
    AMOUNT,
    BYTES,
    EIGHT_BYTES,
    EITHER,
    EPOCH,
    INT,
    LIST,
    MAP,
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

_U16 = (INT, 1, 65535)
_CARD_ID = (
    EITHER, (INT, 1, CARD_NUMBER_MAX), (BYTES, 4, 4), (BYTES, 7, 7), (BYTES, 10, 10),
)
_REPORT = (MAP, 1, 0, None, {
    0: NAME_32,
    1: (INT, 0, 100),
    2: (INT, -200, 0),
    3: U32,
    4: U32,
    5: U32,
    6: NAME_32,
    7: U8,
    8: (ROW, 3, NUMBER, U32, U32),
    9: (LIST, 0, NO_LIMIT, EPOCH),
}, (0,))

REQUEST_RULES = (
    (INT, 1, TYPE_MAX), NUMBER, U32,
    U32, U32, _U16,
    (ROW, 2, (INT, 1, 4), _CARD_ID, (BYTES, 4, 16)),
    AMOUNT,
    (LIST, 1, BASKET_LINES_MAX, (ROW, 2, _U16, AMOUNT, _U16)),
    (INT, 1, REQUEST_POINTS_MAX),
    (EITHER, (ROW, 2, NUMBER, NUMBER), (ROW, 3, NUMBER, NUMBER, NUMBER), NUMBER),
    (TEXT, 1, 24),
    (BYTES, PIN_BLOCK_SIZE, PIN_BLOCK_SIZE),
    TOTALS,
    _REPORT,
    (ROW, 3, NAME_32, U32, U32),
    EIGHT_BYTES,
    NUMBER,
    U32, U32,
    EIGHT_BYTES,
    (INT, 1, 255),
    (BYTES, 1, FRAME_UP_SIZE_MAX),
    (ROW, 2, U8, POINTS, NUMBER),
    AMOUNT,
)
_NONCE = 16


def judge(value):
    """See `protocol.messages.read_request`."""
    if type(value) is not dict:
        raise FrameError("keys")
    for key in (0, 1, 2):
        if not fits(REQUEST_RULES[key], value.get(key)):
            raise FrameError("keys")
    code = _verdict(value, MESSAGES.get(value[0]))
    if code:
        nonce = value.get(_NONCE)
        if not fits(EIGHT_BYTES, nonce):
            nonce = None
        return Fault(value[0], value[1], value[2], nonce, code)
    return Request(*[value.get(key) for key in range(REQUEST_KEYS)])


def _verdict(value, spec):
    # -> 60, 61, or 0 where the request may be decided.
    if spec is None:
        return UNSUPPORTED
    sound = True
    for key, item in value.items():
        if type(key) is not int or not 0 <= key <= KEY_MAX:
            sound = False
        elif key > KEY_MUST_KNOW_MAX:
            continue
        elif not _knows(spec, key):
            return UNSUPPORTED
        elif not fits(REQUEST_RULES[key], item):
            sound = False
    if not sound or not _complete(value, spec) or not _basket_sums(value):
        return MALFORMED
    return 0


def _knows(spec, key):
    # Every type knows the nonce: where it may stand is a question of form.
    if key <= 2 or key == _NONCE:
        return True
    return key in spec.needed or key in spec.optional or key in spec.one_of


def _complete(value, spec):
    for key in spec.needed:
        if key not in value:
            return False
    if spec.one_of and len([key for key in spec.one_of if key in value]) != 1:
        return False
    if spec.journaled:
        return value[2] > 0 and _NONCE not in value
    return value[2] == 0 and _NONCE in value


def _basket_sums(value):
    if 8 not in value or 7 not in value:
        return True
    return sum([line[1] for line in value[8]]) == value[7]
