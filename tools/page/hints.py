"""What a person at the page does next, by the place where the handset says it is.

Pure. Law: a hint is right in every case of its place, or there is none: FOOT points at the
screen's own words, NONE says nothing. Every place of the firmware is named here (a test looks).
"""

from collections.abc import Sequence

from firmware import states
from firmware.flows import login_texts
from firmware.texts import Words

NONE = ""
FOOT = "foot"  # the keys stand at the foot of the screen
AMOUNT = "amount"
NEW = "new"
CONFIRM = "confirm"
CARD = "card"
SAVED = "saved"
WAIT = "wait"
KEYED = "keyed"
QUESTION = "question"
CHOOSE = "choose"
LOG_IN = "log_in"

HINTS = {
    "booting": NONE,
    states.HOME: AMOUNT,
    states.AMOUNT: CONFIRM,
    states.CARD: CARD,
    states.SAVING: NONE,
    states.SENT: SAVED,
    states.ASK_VOID: QUESTION,
    states.CANCELLING: WAIT,
    states.WAITING: WAIT,
    states.ASKED: WAIT,
    states.RESULT: NEW,
    states.STATUS: NEW,
    states.RECOVERY: NONE,
    states.TWICE: QUESTION,
    "card.none": FOOT,
    "basket.category": KEYED,
    "basket.amount": FOOT,
    "menu.main": CHOOSE,
    "menu.more": CHOOSE,
    "menu.later": FOOT,
    "menu.off": FOOT,
    "login.operator": KEYED,
    "login.pin": KEYED,
    "login.asked": WAIT,
    "login.refused": FOOT,
    "login.wait": FOOT,
    "login.online": FOOT,
    "login.link": FOOT,
    "dayend.count": FOOT,
    "dayend.no": FOOT,
    "dayend.totals": FOOT,
    "dayend.sent": WAIT,
    "dayend.compare": NONE,
    "dayend.done": FOOT,
    "dayend.differs": FOOT,
    "taps.look": NONE,
    "taps.one": FOOT,
    "taps.none": FOOT,
    "waiting.main": FOOT,
    "waiting.unsent": FOOT,
    "waiting.look": NONE,
    "waiting.refused": FOOT,
    "waiting.none": FOOT,
    "redeem.amount": KEYED,
    "redeem.card": CARD,
    "redeem.asked": WAIT,
    "redeem.points": FOOT,
    "redeem.sure": QUESTION,
    "redeem.sent": NONE,
    "reverse.receipt": KEYED,
    "reverse.amount": KEYED,
    "reverse.sure": QUESTION,
    "reverse.sent": NONE,
    "training.ask": QUESTION,
    "setup.main": FOOT,
    "setup.failed": FOOT,
    "setup.no_font": FOOT,
    "setup.about": FOOT,
    "paper.main": FOOT,
}
_PLEASE_LOG_IN = tuple(Words(login_texts.parts(language))[login_texts.LOG_IN]
                       for language in ("en", "zh"))
_LOGGED_IN = tuple(Words(login_texts.parts(language))[login_texts.LOGGED_IN].split("%")[0]
                   for language in ("en", "zh"))
_OPERATOR = "OP "


def hint(place: str, lines: Sequence[str], login: bool) -> str:
    """A name of HINTS. `lines`: the screen's five; `login`: whether somebody has to log in."""
    if not login or place != states.HOME:
        return HINTS.get(place, NONE)
    if len(lines) > 2 and lines[2] in _PLEASE_LOG_IN:
        return LOG_IN
    # behind a boot the last tap stands there, and who is logged in does not
    known = len(lines) > 1 and (_OPERATOR in lines[1] or lines[1].startswith(_LOGGED_IN))
    return AMOUNT if known else NONE
