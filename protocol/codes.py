"""Reply codes: what became of a request (key 4 of a reply).

Law: a code is final unless it is transient. Final: the outcome is stored, the terminal
settles by it. Transient: nothing was stored, the terminal keeps the entry and sends the
same bytes again later. A code this table does not know is transient, so that a newer
gateway can never make an older terminal drop a tap.
"""

APPROVED = 0

CARD_UNKNOWN = 10
CARD_INACTIVE = 11
CARD_LOST = 12
CARD_BLOCKED = 13
CARD_EXPIRED = 14
CARD_INVALID = 15
CARD_SUSPECT = 16

MEMBER_SUSPENDED = 20

INSUFFICIENT_POINTS = 30
INSUFFICIENT_VALUE = 31
LIMIT_REACHED = 32
REWARD_UNAVAILABLE = 33
AUTHORISATION_REQUIRED = 34
PIN_WRONG = 35
PIN_LOCKED = 36
ORIGINAL_NOT_FOUND = 37
NOTHING_LEFT = 38
EXCEEDS_ORIGINAL = 39
VOIDED = 40
HELD = 41
NOT_VOIDABLE = 42

OPERATOR_UNKNOWN = 50
OPERATOR_PIN_WRONG = 51
OPERATOR_NOT_ALLOWED = 52
TERMINAL_SUSPENDED = 53
MERCHANT_SUSPENDED = 54

MALFORMED = 60
UNSUPPORTED = 61
TRACE_CONFLICT = 62
TOO_OLD = 63

TRY_LATER = 90

# Every code above, in order: what is not here is of a newer gateway.
KNOWN = (
    b"\x00\x0a\x0b\x0c\x0d\x0e\x0f\x10\x14\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29\x2a"
    b"\x32\x33\x34\x35\x36\x3c\x3d\x3e\x3f\x5a"
)
TRANSIENT = (TERMINAL_SUSPENDED, MERCHANT_SUSPENDED, UNSUPPORTED, TRY_LATER)


def name(code: int) -> str:
    """The word for a code; `code_77` for one this version does not know.

    The words are loaded at the first call: a handset shows texts of its own.
    """
    from protocol.code_names import NAMES

    return NAMES.get(code) or "code_%d" % code


def transient(code: int) -> bool:
    """True: nothing was stored, send the same bytes again later. Unknown codes too."""
    return code in TRANSIENT or code not in KNOWN
