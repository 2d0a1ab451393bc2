"""Who stands at the handset: an operator's number and PIN, and what is done without a login.

| place | what the cashier sees | leaves by |
|---|---|---|
| login.operator | the number so far | digit, C (one back), # PIN, * HOME |
| login.pin | a star for each digit | digit, C (one back), # ASKED, * HOME |
| login.asked | the gateway is asked, else the hash | answer no_answer found failed, * HOME |
| login.refused | why not | # PIN, or OPERATOR where it is another who has to come, * HOME |
| login.wait | three wrong PINs: so many seconds | when they are over OPERATOR, * HOME |
| login.online | logged in without the gateway: that needs it | # OPERATOR, * HOME |
| login.link | what was wanted needs a link, and there is none | * HOME |

`amount_minor` is the operator's number here. `shown`: ("pin", digits) until they are confirmed,
then ("asked", candidate[, code]), see operators.py: from there on nobody knows the PIN. Where the
link is away, nobody answers or the gateway says "later", the hash of an earlier login decides, for
sales only.
"""

from micropython import const

from firmware.flows import login_texts
from firmware.states import HOME, beep, needs_gateway, to
from firmware.texts import names
from protocol import codes
from protocol.fields import LOGIN
from protocol.limits import PIN_DIGITS_MAX, PIN_DIGITS_MIN, REPLY_TYPE_BASE, U16_MAX

_WRONG_MAX = const(3)
_WAIT_S = const(60)
_STEP_S = const(10)


def begin(state, key, till, now):
    """A key where somebody has to log in first; a digit is the first of the number."""
    if now < till.wrong[1]:
        return _wait(state, till, now), beep("refused")
    number = int(key) if key.isdigit() else 0
    return to(state, "login.operator", None, number), beep("key")


def needs_login(state, till):
    """(state, effects) that refuse what needs an online login; None where there is one, or none
    is wanted. Asked in `begin`: of a day-end, which is counted without a link, and by
    `needs_link`."""
    if not needs_gateway(till):
        return None
    return to(state, "login.online"), beep("refused")


def needs_link(state, till):
    """As `needs_login`, and where the link is away that is said first: for redemption, refund,
    void by receipt."""
    return no_link(state) if till.down else needs_login(state, till)


def no_link(state):
    """Refused at the door: nothing is keyed in vain, nor, by who does not look, for a sale."""
    return to(state, "login.link"), beep("refused")


def leave(state):
    """Logged out, by hand or because nobody pressed a key."""
    return to(state, HOME), (("till", "operator", 0), ("till", "by_hash", False))


def step(state, event, now, till):
    if event[0] == "key":
        return _key(state, event[1], till, now)
    if state.name == "login.wait" and event[0] == "time":
        return _wait(state, till, now), ()
    if state.name != "login.asked":
        return state, ()
    return _heard(state, event, now, till)


# -- keys ------------------------------------------------------------------------------------


def _key(state, key, till, now):
    name, number = state.name, state.amount_minor
    if key == "*":
        return to(state, HOME), beep("key")
    if name == "login.operator":
        return _number(state, key)
    if name == "login.pin":
        return _pin(state, key)
    if key == "#" and name == "login.refused":
        again = state.shown[1] == "again"
        place = "login.pin" if again else "login.operator"
        return to(state, place, None, number if again else 0, None, ("pin", "")), beep("key")
    if key == "#" and name == "login.online":
        return begin(state, key, till, now)
    return state, ()


def _number(state, key):
    number = state.amount_minor
    if key == "#":
        if not number:
            return state, beep("refused")
        return to(state, "login.pin", None, number, None, ("pin", "")), beep("key")
    if key == "C":
        number //= 10
    elif key.isdigit():
        number = number * 10 + int(key)
        if number > U16_MAX:
            return state, beep("refused")
    else:
        return state, ()
    return to(state, "login.operator", None, number), beep("key")


def _pin(state, key):
    number, digits = state.amount_minor, state.shown[1]
    if key == "#":
        if len(digits) < PIN_DIGITS_MIN:
            return state, beep("refused")
        return (to(state, "login.asked", None, number, None, ("asked", None)),
                (("operator", "ask", number, digits),))
    if key == "C":
        if not digits:
            return to(state, "login.operator", None, number), beep("key")
        digits = digits[:-1]
    elif not key.isdigit():
        return state, ()
    elif len(digits) >= PIN_DIGITS_MAX:
        return state, beep("refused")
    else:
        digits += key
    return to(state, "login.pin", None, number, None, ("pin", digits)), beep("key")


# -- what the gateway says, or the hash ------------------------------------------------------


def _heard(state, event, now, till):
    kind, number, candidate = event[0], state.amount_minor, state.shown[1]
    if kind == "found" and isinstance(event[1], tuple):
        candidate, asked = event[1]
        return (to(state, state.name, None, number, None, ("asked", candidate)),
                () if asked else (("operator", "match", number, candidate),))
    if kind == "answer" and event[1].type == REPLY_TYPE_BASE + LOGIN:
        return _answered(state, event[1], now, till)
    if kind == "no_answer" and event[-1] == LOGIN:
        return state, (("operator", "match", number, candidate),)
    if kind == "failed":
        return _refused(state, "failed")
    if kind == "found" and event[1] == "right":
        return _in(state, None, True)
    if kind == "found" and event[1] == "wrong":
        return _wrong(state, now, till)
    if kind != "found":
        return state, ()
    return _refused(state, state.shown[2] if len(state.shown) > 2 else event[1])


def _answered(state, reply, now, till):
    number, code = state.amount_minor, reply.code
    candidate = state.shown[1]
    if code == codes.APPROVED:
        after, effects = _in(state, reply.line or "", False)
        return after, effects + (("operator", "keep", number, candidate),)
    if code == codes.TRY_LATER:  # as good as no answer: whoever may sell offline may now
        return (to(state, state.name, None, number, None, state.shown + (code,)),
                (("operator", "match", number, candidate),))
    if code == codes.OPERATOR_PIN_WRONG:
        after, effects = _wrong(state, now, till)
        return after, effects + (("operator", "forget", number, candidate),)
    after, effects = _refused(state, code)
    if code in (codes.OPERATOR_UNKNOWN, codes.OPERATOR_NOT_ALLOWED):
        effects += (("operator", "forget", number, None),)
    return after, effects


# `line`: what the gateway calls the operator, None for nobody asked it
def _in(state, line, by_hash):
    number = state.amount_minor
    shown = None if state.alert else ("operator", number, line)
    return to(state, HOME, None, 0, None, shown), (
        ("till", "operator", number), ("till", "by_hash", by_hash), ("till", "wrong", (0, 0)),
        ("beep", "ok"))


def _wrong(state, now, till):
    count = till.wrong[0] + 1
    if count < _WRONG_MAX:
        after, effects = _refused(state, codes.OPERATOR_PIN_WRONG)
        return after, effects + (("till", "wrong", (count, 0)),)
    until = now + _WAIT_S * 1000
    return (_waiting(state, until, now),
            (("beep", "refused"), ("till", "wrong", (0, until))))


# `shown[1]`: whether # asks for the same operator's PIN again ("again"), or for another operator
def _refused(state, why):
    again = why in ("failed", codes.OPERATOR_PIN_WRONG, codes.TRY_LATER)
    shown = ("refused", "again" if again else "other", why)
    return to(state, "login.refused", None, state.amount_minor, None, shown), beep("refused")


def _wait(state, till, now):
    if now >= till.wrong[1]:
        return to(state, "login.operator")
    return _waiting(state, till.wrong[1], now)


def _waiting(state, until, now):
    left_s = (until - now + 999) // 1000
    shown_s = (left_s + _STEP_S - 1) // _STEP_S * _STEP_S
    due = until - (shown_s - _STEP_S) * 1000
    return to(state, "login.wait", None, 0, None, ("wait", shown_s), due)


# -- what is seen ----------------------------------------------------------------------------


def view(page):
    words = page.wording(login_texts.parts(page.language))
    name, number = page.state.name, page.state.amount_minor
    page.foot = page.words[names.KEYS_AMOUNT]
    if name == "login.operator":
        return words[login_texts.OPERATOR], str(number or "")
    if name == "login.pin":
        return words[login_texts.PIN] % number, "*" * len(page.shown[1])
    page.foot = page.words[names.KEYS_BACK]
    if name == "login.asked":
        return words[login_texts.PIN] % number, page.words[names.ASKING]
    if name == "login.wait":
        return words[login_texts.WRONG], words[login_texts.WAIT] % page.shown[1]
    if name == "login.link":
        return words[login_texts.NO_LINK], page.words[names.OFFLINE_DO], words[login_texts.SALES]
    page.foot = page.words[names.KEYS_ASK]
    if name == "login.online":
        return words[login_texts.ONLINE], words[login_texts.ONLINE_DO], words[login_texts.LOG_IN]
    why = page.shown[2]
    if why == "failed":
        return page.words[names.FAILED], page.words[names.FAILED_DO]
    for known, text in (("none", login_texts.NO_LOGIN), ("old", login_texts.TOO_OLD),
                        ("tries", login_texts.NO_TRIES)):
        if why == known:
            return page.words[names.NO_ANSWER], words[login_texts.ONLINE], words[text]
    return (page.words[names.REFUSED], page.reason(why),
            words[login_texts.AGAIN] if page.shown[1] == "again" else "")


def home(page):
    """The home screen of who has to log in, or has just done so."""
    words = page.wording(login_texts.parts(page.language))
    if not page.shown:
        return page.words[names.TITLE], words[login_texts.LOG_IN], words[login_texts.OPERATOR]
    _, number, line = page.shown
    who = words[login_texts.LOGGED_IN] % number
    if line is None:
        return who, words[login_texts.OFFLINE], words[login_texts.SALES_ONLY]
    return who, line, page.words[names.KEY_AMOUNT]
