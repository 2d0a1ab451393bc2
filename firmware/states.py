"""Where a cashier is: the values that checkout and its flows share. Pure."""

from collections import namedtuple

from protocol import codes
from protocol.fields import SALE, VOID

HOME = "home"
AMOUNT = "amount"
CARD = "card"
SAVING = "saving"
SENT = "sent"
ASK_VOID = "ask_void"
CANCELLING = "cancelling"
WAITING = "waiting"
ASKED = "asked"
RESULT = "result"
STATUS = "status"
RECOVERY = "recovery"
TWICE = "card.twice"  # of flows/card.py

# the name of the part in the bar, while it does not work
READER = "reader"

# `purpose`: type of the message under way. `key`: (journal, trace) of the tap on the screen, of
# the original while a void is under way. `shown`: what a HOME or RESULT screen says, a tuple whose
# first element names it; CANCELLING: ("cancelling", key of the void, its code or None, whether
# the original waits). `due`: ms, when ("time",) is wanted. `alert`: (how many, trace, code) of
# refusals nobody has seen yet, or None.
State = namedtuple("State", ("name", "purpose", "amount_minor", "key", "shown", "due", "alert"))

# Who stands at the handset, beside any screen. `operator`: number, 0 for nobody; `by_hash`: logged
# in without the gateway, which is good for sales only; `training`: nothing posts; `last`: (id of
# the card, amount_minor, ms, key) of the last sale, or None; `login`: whether somebody has to be
# logged in; `wrong`: (how many PINs in a row were wrong, ms until which no other is taken);
# `reader`: why the contactless reader does not work, or None; `down`: there was no link when the
# last key was pressed; `left`: the keys of what was left last while its answer was waited for;
# `late`: (answer, whether its slip is still to be printed) of each that home shows as soon as
# somebody is there to see it.
_TILL_FIELDS = ("operator", "by_hash", "training", "last", "login", "wrong", "reader", "down",
                "left", "late")
Till = namedtuple("Till", _TILL_FIELDS)

NOBODY = Till(0, False, False, None, False, (0, 0), None, False, (), ())


def start(last=None, alert=None, key=None):
    """The first state after a boot; `last` names the last saved tap (see `views`), `key` is its
    key while it waits."""
    return State(HOME, None, 0, key, last, None, alert)


def cancelling(key, void, amount_minor, void_code=None, waits=True, alert=None, purpose=VOID):
    """The void `void` of the message `key` is under way. `purpose`: SALE where a cashier cancels
    one, of which the gateway may have left a part to hand back."""
    shown = ("cancelling", void, void_code, waits)
    return State(CANCELLING, purpose, amount_minor, key, shown, None, alert)


def waiting(kind, key, amount_minor, alert, shown=None):
    """The message `key` needs its answer, and has none yet. `shown`: what its flow left."""
    return State(WAITING, kind, amount_minor, key, shown, None, alert)


def to(state, name, purpose=None, amount_minor=0, key=None, shown=None, due=None):
    return State(name, purpose, amount_minor, key, shown, due, state.alert)


def beep(name):
    return (("beep", name),)


def locked(till):
    """Whether somebody has to log in before anything is done."""
    return till.login and not till.operator


def needs_gateway(till):
    """Whether what only the gateway can do has to wait until somebody logged in with it."""
    return till.login and (not till.operator or till.by_hash)


def did(kind, code, receipt):
    """Whether a message of this type has done what it was for, by its final answer."""
    if code == codes.TOO_OLD:
        return bool(receipt)
    return code == codes.APPROVED or in_vain(kind, code)


def in_vain(kind, code):
    """Whether it is a void of what was taken back whole before: done then, and nothing is handed
    back by it."""
    return kind == VOID and code == codes.NOTHING_LEFT


def by_receipt(kind, original):
    """Whether it is a void that names a receipt: what is handed back only its answer tells."""
    return kind == VOID and isinstance(original, int)


def outcome_of(kind, settled):
    """"waiting", "posted", "held" or "refused"; `settled`: (code, points, receipt) or None."""
    if settled is None:
        return "waiting"
    if did(kind, settled[0], settled[2]):
        return "posted"
    return "held" if settled[0] == codes.HELD else "refused"


def last_sold(shown, journal, now):
    """`till.last` by what home says of the last saved tap; None where nothing was sold by it."""
    if not shown or shown[0] != "last" or shown[3] is None:
        return None
    if outcome_of(SALE, shown[4]) == "refused":
        return None
    return shown[3], shown[2], now, (journal, shown[1])


def changed(till, name, value):
    """The same till with one field of another value."""
    return Till(*[value if field == name else old
                  for field, old in zip(_TILL_FIELDS, till)])
