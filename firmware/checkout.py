"""The cashier's way through a sale, its void, an inquiry: (state, event, now) -> (state, effects).

Law: nothing is shown as saved before the outbox has said so (event `saved`, durable by then), and
nothing as posted before an authentic reply settled it (event `settled`). One tap on the reader
makes one sale: cards are taken in CARD only. No IO, no clock; `now` is ms since boot.

| state | what the cashier sees | leaves by |
|---|---|---|
| HOME | ready, the last tap after a boot, or an alert | digit AMOUNT, A CARD, B STATUS |
| AMOUNT | the amount so far | digit, C (one back), * HOME, # CARD |
| CARD | "tap card" for a sale or an inquiry | card SAVING or ASKED, * back |
| SAVING | nothing new: it is being stored | saved SENT CANCELLING or WAITING, full failed RESULT |
| SENT | saved, waiting for points | settled RESULT, 10 s RESULT, D ASK_VOID, else as RESULT |
| ASK_VOID | cancel this sale? | # SAVING (the void), * RESULT, a refusal of the sale RESULT |
| CANCELLING | the void and its original are under way | both settled RESULT, else as RESULT |
| WAITING | a message needs its answer | settled RESULT, cancelling CANCELLING, else as RESULT |
| ASKED | waiting for the balance | answer RESULT, no_answer RESULT, * HOME |
| RESULT | points, balance, refusal, saved | digit AMOUNT, A CARD, B STATUS, D ASK_VOID, # * HOME |
| STATUS | link, unsent taps, terminal | any key HOME |
| RECOVERY | the outbox cannot be read: no taps until a technician comes | nothing |

On HOME, # acknowledges an alert: a tap or a void that was refused or held after its screen had
gone. A sale is void-able while it stands on the screen as saved, posted or held.

Events: ("key", k) ("card", entry, id) ("saved", journal, trace) ("full",) ("failed",)
("settled", reply) ("answer", reply) ("no_answer",) ("moved", old, new) ("time",)
("online", type, amount_minor, what came of journaling it) ("cancelling", key, void key, waits).
Effects: ("journal", type, card, amount_minor) ("void", journal, trace) ("ask", type, card)
("beep", name) ("seen",): what did not post and nobody had seen was acknowledged.
What does not fit a state is ignored there; an event nobody knows raises.
"""

from collections import namedtuple

from firmware.errors import FirmwareError
from protocol import codes
from protocol.limits import AMOUNT_MINOR_MAX, REPLY_TYPE_BASE, SALE_SAVED_AFTER_S
from protocol.fields import INQUIRY, SALE, VOID

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

# `purpose`: type of the message under way. `key`: (journal, trace) of the tap on the screen, of
# the original while a void is under way. `shown`: what a HOME or RESULT screen says, a tuple whose
# first element names it; CANCELLING: ("cancelling", key of the void, its code or None, whether
# the original waits). `due`: ms, when ("time",) is wanted. `alert`: (how many, trace, code) of
# refusals nobody has seen yet, or None.
State = namedtuple("State", ("name", "purpose", "amount_minor", "key", "shown", "due", "alert"))

EVENTS = ("key", "card", "saved", "full", "failed", "answer", "no_answer", "time")
# what comes from elsewhere, whatever stands on the screen; these do not go by the table
NEWS = ("settled", "moved", "cancelling", "online")


def start(last=None, alert=None):
    """The first state after a boot; `last` names the last saved tap (see `views`)."""
    return State(HOME, None, 0, None, last, None, alert)


def cancelling(key, void, amount_minor, void_code=None, waits=True, alert=None):
    """The void `void` of the message `key` is under way."""
    shown = ("cancelling", void, void_code, waits)
    return State(CANCELLING, VOID, amount_minor, key, shown, None, alert)


def waiting(kind, key, amount_minor, alert):
    """The message `key` needs its answer, and has none yet."""
    return State(WAITING, kind, amount_minor, key, None, None, alert)


def recovery(reason):
    return State(RECOVERY, None, 0, None, ("recovery", reason), None, None)


def step(state, event, now):
    """The next state and the effects to carry out, in order."""
    if event[0] in NEWS:
        return _heard(state, event, now)
    return _by_table(state, event, now)


def _by_table(state, event, now):
    if event[0] not in EVENTS:
        raise FirmwareError("checkout knows no event " + str(event[0]))
    act = TABLE.get((state.name, event[0]))
    return act(state, event, now) if act else (state, ())


def _to(state, name, purpose=None, amount_minor=0, key=None, shown=None, due=None):
    return State(name, purpose, amount_minor, key, shown, due, state.alert)


def _beep(name):
    return (("beep", name),)


# -- keys ------------------------------------------------------------------------------------


def _home_key(state, event, now):
    key = event[1]
    if key == "#" and state.alert and state.shown is None:
        return start(), (("seen",), ("beep", "key"))
    return _ready_key(state, key)


def _result_key(state, event, now):
    if event[1] == "D" and _voidable(state):
        shown = _of_sale(state.shown)
        return _to(state, ASK_VOID, VOID, state.amount_minor, state.key, shown), _beep("key")
    after, effects = _ready_key(state, event[1])
    if after.name != state.name and _outcome_seen(state):
        effects = (("seen",),) + effects
    return after, effects


# The cashier leaves the screen of an outcome that a mount would else find and bring back. What
# stands as an alert beside it is not acknowledged by that.
def _outcome_seen(state):
    return (state.name == RESULT and not state.alert and state.purpose != INQUIRY
            and state.shown[0] in ("refused", "cancelled", "not_cancelled"))


# a sale that posted, will post or is held, still on the screen
def _voidable(state):
    if state.purpose != SALE or state.key is None:
        return False
    shown = _of_sale(state.shown)
    return (shown[0] in ("saved", "posted")
            or shown[0] == "refused" and shown[1].code == codes.HELD)


# what the screen said of the sale before its void could not be stored
def _of_sale(shown):
    return shown[2] if shown[0] == "no_void" else shown


# where nothing is being keyed: a digit begins a sale
def _ready_key(state, key):
    if key == "A":
        return _to(state, CARD, INQUIRY), _beep("key")
    if key == "B":
        return _to(state, STATUS), _beep("key")
    if key in "#*":
        return _to(state, HOME), _beep("key")
    if key.isdigit() and key != "0":
        return _to(state, AMOUNT, SALE, int(key)), _beep("key")
    return state, ()


def _amount_key(state, event, now):
    key = event[1]
    amount_minor = state.amount_minor
    if key == "*":
        return _to(state, HOME), _beep("key")
    if key == "#":
        return _to(state, CARD, SALE, amount_minor), _beep("key")
    if key == "C":
        amount_minor //= 10
        if not amount_minor:
            return _to(state, HOME), _beep("key")
    elif key.isdigit():
        amount_minor = amount_minor * 10 + int(key)
        if amount_minor > AMOUNT_MINOR_MAX:
            return state, _beep("refused")
    else:
        return state, ()
    return _to(state, AMOUNT, SALE, amount_minor), _beep("key")


def _card_key(state, event, now):
    if event[1] != "*":
        return state, ()
    if state.purpose == SALE:
        return _to(state, AMOUNT, SALE, state.amount_minor), _beep("key")
    return _to(state, HOME), _beep("key")


def _sent_key(state, event, now):
    # the tap is safe: the next customer need not wait for the answer
    return _result_key(_unanswered(state) if event[1] == "D" else state, event, now)


def _ask_void_key(state, event, now):
    if event[1] == "#":
        return (_to(state, SAVING, VOID, state.amount_minor, state.key, state.shown),
                (("void",) + state.key,))
    if event[1] == "*":
        return (_to(state, RESULT, SALE, state.amount_minor, state.key, state.shown),
                _beep("key"))
    return state, ()


def _asked_key(state, event, now):
    return (_to(state, HOME), _beep("key")) if event[1] == "*" else (state, ())


def _any_key(state, event, now):
    return _to(state, HOME), _beep("key")


# -- cards and what the outbox says ------------------------------------------------------------


def _card(state, event, now):
    card = (event[1], event[2])
    if state.purpose == INQUIRY:
        return _to(state, ASKED, INQUIRY), (("ask", INQUIRY, card),)
    amount_minor = state.amount_minor
    return (_to(state, SAVING, SALE, amount_minor), (("journal", SALE, card, amount_minor),))


def _card_too_early(state, event, now):
    return state, _beep("refused")


def _saved(state, event, now):
    key = (event[1], event[2])
    if state.purpose == VOID:
        waits = state.shown[0] == "saved"
        voided = cancelling(state.key, key, state.amount_minor, None, waits, state.alert)
        return voided, _beep("saved")
    if state.purpose != SALE:
        return waiting(state.purpose, key, state.amount_minor, state.alert), ()
    due = now + SALE_SAVED_AFTER_S * 1000
    sent = _to(state, SENT, SALE, state.amount_minor, key, None, due)
    return sent, _beep("saved")


def _not_saved(state, event, now):
    if state.purpose == VOID:  # the sale itself stands as before, and can still be cancelled
        shown = ("no_void", event[0], state.shown)
        return _to(state, RESULT, SALE, state.amount_minor, state.key, shown), _beep("fault")
    return _to(state, RESULT, SALE, state.amount_minor, None, event), _beep("fault")


def _unanswered_sale(state, event, now):
    if state.due is None or now < state.due:
        return state, ()
    return _unanswered(state), ()


def _unanswered(state):
    shown = ("saved", state.key[1], state.amount_minor)
    return _to(state, RESULT, SALE, state.amount_minor, state.key, shown)


# -- answers -----------------------------------------------------------------------------------


def _heard(state, event, now):
    kind = event[0]
    if kind == "settled":
        return _settled(state, event[1])
    if kind == "moved":
        return _moved(state, event[1], event[2])
    if kind == "cancelling":
        return _cancelling(state, event)
    if state.name == RECOVERY:
        return state, ()
    return _by_table(_to(state, SAVING, event[1], event[2]), event[3], now)


def _settled(state, reply):
    key = (reply.journal, reply.trace)
    approved = did(reply.type - REPLY_TYPE_BASE, reply.code, reply.receipt)
    if state.name == CANCELLING and key in (state.key, state.shown[1]):
        return _cancelled(state, reply, approved)
    if state.key == key and state.name in (SENT, RESULT, WAITING, ASK_VOID):
        shown = ("posted" if approved else "refused", reply, state.amount_minor)
        purpose = SALE if state.purpose == VOID else state.purpose
        name = RESULT
        if state.name == ASK_VOID and (approved or reply.code == codes.HELD):
            name, purpose = ASK_VOID, VOID
        result = _to(state, name, purpose, state.amount_minor, key, shown)
        return result, _beep("ok" if approved else "refused")
    # nobody is told of what was cancelled: that is what the cashier wanted
    if approved or reply.code == codes.VOIDED:
        return state, ()
    if state.alert and state.alert[1:] == (reply.trace, reply.code):
        return state, ()  # told again, because there was no memory to draw it
    count = state.alert[0] + 1 if state.alert else 1
    alert = (count, reply.trace, reply.code)
    shown = None if state.name == HOME else state.shown
    return State(state.name, state.purpose, state.amount_minor, state.key, shown,
                 state.due, alert), _beep("refused")


def did(kind, code, receipt):
    """Whether a message of this type has done what it was for, by its final answer."""
    if code == codes.TOO_OLD:
        return bool(receipt)
    return code == codes.APPROVED or kind == VOID and code == codes.NOTHING_LEFT


# certain only when the void and its original are both answered
def _cancelled(state, reply, approved):
    _, void, code, waits = state.shown
    if void == (reply.journal, reply.trace):
        code = codes.APPROVED if approved else reply.code
    else:
        waits = False
    amount_minor = state.amount_minor
    if code is None or waits:
        return cancelling(state.key, void, amount_minor, code, waits, state.alert), ()
    shown = ("cancelled" if code == codes.APPROVED else "not_cancelled", state.key[1],
             amount_minor, code)
    return _to(state, RESULT, VOID, amount_minor, None, shown), _beep(
        "ok" if code == codes.APPROVED else "refused")


def _moved(state, old, new):
    key, shown = state.key, state.shown
    if key == old:
        key = new
    elif state.name == CANCELLING and shown[1] == old:
        shown = shown[:1] + (new,) + shown[2:]
    return State(state.name, state.purpose, state.amount_minor, key, shown,
                 state.due, state.alert), ()


def _cancelling(state, event):
    if state.name not in (WAITING, CANCELLING) or state.key != event[1]:
        return state, ()
    return cancelling(event[1], event[2], state.amount_minor, None, event[3], state.alert), ()


def _answer(state, event, now):
    reply = event[1]
    approved = reply.code == codes.APPROVED
    shown = ("balance" if approved else "refused", reply, 0)
    return _to(state, RESULT, INQUIRY, 0, None, shown), _beep("ok" if approved else "refused")


def _no_answer(state, event, now):
    return _to(state, RESULT, INQUIRY, 0, None, event), _beep("fault")


TABLE = {
    (HOME, "key"): _home_key,
    (HOME, "card"): _card_too_early,
    (AMOUNT, "key"): _amount_key,
    (AMOUNT, "card"): _card_too_early,
    (CARD, "key"): _card_key,
    (CARD, "card"): _card,
    (SAVING, "saved"): _saved,
    (SAVING, "full"): _not_saved,
    (SAVING, "failed"): _not_saved,
    (SENT, "key"): _sent_key,
    (SENT, "time"): _unanswered_sale,
    (SAVING, "no_answer"): _no_answer,
    (ASK_VOID, "key"): _ask_void_key,
    (CANCELLING, "key"): _result_key,
    (WAITING, "key"): _result_key,
    (ASKED, "key"): _asked_key,
    (ASKED, "answer"): _answer,
    (ASKED, "no_answer"): _no_answer,
    (RESULT, "key"): _result_key,
    (STATUS, "key"): _any_key,
}
