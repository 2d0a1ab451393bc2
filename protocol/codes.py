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

NAMES = {
    APPROVED: "approved",
    CARD_UNKNOWN: "card_unknown",
    CARD_INACTIVE: "card_inactive",
    CARD_LOST: "card_lost",
    CARD_BLOCKED: "card_blocked",
    CARD_EXPIRED: "card_expired",
    CARD_INVALID: "card_invalid",
    CARD_SUSPECT: "card_suspect",
    MEMBER_SUSPENDED: "member_suspended",
    INSUFFICIENT_POINTS: "insufficient_points",
    INSUFFICIENT_VALUE: "insufficient_value",
    LIMIT_REACHED: "limit_reached",
    REWARD_UNAVAILABLE: "reward_unavailable",
    AUTHORISATION_REQUIRED: "authorisation_required",
    PIN_WRONG: "pin_wrong",
    PIN_LOCKED: "pin_locked",
    ORIGINAL_NOT_FOUND: "original_not_found",
    NOTHING_LEFT: "nothing_left",
    EXCEEDS_ORIGINAL: "exceeds_original",
    VOIDED: "voided",
    HELD: "held",
    NOT_VOIDABLE: "not_voidable",
    OPERATOR_UNKNOWN: "operator_unknown",
    OPERATOR_PIN_WRONG: "operator_pin_wrong",
    OPERATOR_NOT_ALLOWED: "operator_not_allowed",
    TERMINAL_SUSPENDED: "terminal_suspended",
    MERCHANT_SUSPENDED: "merchant_suspended",
    MALFORMED: "malformed",
    UNSUPPORTED: "unsupported",
    TRACE_CONFLICT: "trace_conflict",
    TOO_OLD: "too_old",
    TRY_LATER: "try_later",
}

TRANSIENT = (TERMINAL_SUSPENDED, MERCHANT_SUSPENDED, UNSUPPORTED, TRY_LATER)


def name(code: int) -> str:
    """The word for a code; `code_77` for one this version does not know."""
    return NAMES.get(code) or "code_%d" % code


def transient(code: int) -> bool:
    """True: nothing was stored, send the same bytes again later. Unknown codes too."""
    return code in TRANSIENT or code not in NAMES
