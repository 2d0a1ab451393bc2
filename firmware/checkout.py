"""The cashier's way through a sale or an inquiry: (state, event, now) -> (state, effects).

Law: nothing is shown as saved before the outbox has said so (event `saved`, durable by then), and
nothing as posted before an authentic reply settled it (event `settled`). One tap on the reader
makes one sale: cards are taken in CARD only. No IO, no clock; `now` is ms since boot.

| state | what the cashier sees | leaves by |
|---|---|---|
| HOME | ready, the last tap after a boot, or an alert | digit AMOUNT, A CARD, B STATUS |
| AMOUNT | the amount so far | digit, C (one back), * HOME, # CARD |
| CARD | "tap card" for a sale or an inquiry | card SAVING or ASKED, * back |
| SAVING | nothing new: the tap is being sealed and stored | saved SENT, full failed RESULT |
| SENT | saved, waiting for points | settled RESULT, 10 s RESULT, digit AMOUNT, # * HOME |
| ASKED | waiting for the balance | answer RESULT, no_answer RESULT, * HOME |
| RESULT | points, balance, refusal, or saved | digit AMOUNT, A CARD, B STATUS, # * HOME |
| STATUS | link, unsent taps, terminal | any key HOME |
| RECOVERY | the outbox cannot be read: no taps until a technician comes | nothing |

On HOME, # acknowledges an alert: a tap that was refused or held after its screen had gone.

Events: ("key", k) ("card", entry, id) ("saved", journal, trace) ("full",) ("failed",)
("settled", reply) ("answer", reply) ("no_answer",) ("moved", old, new) ("time",).
Effects: ("journal", type, card, amount_minor) ("ask", type, card) ("beep", name).
What does not fit a state is ignored there; an event nobody knows raises.
"""

from collections import namedtuple

from firmware.errors import FirmwareError
from protocol import codes
from protocol.limits import AMOUNT_MINOR_MAX, SALE_SAVED_AFTER_S
from protocol.fields import INQUIRY, SALE

HOME = "home"
AMOUNT = "amount"
CARD = "card"
SAVING = "saving"
SENT = "sent"
ASKED = "asked"
RESULT = "result"
STATUS = "status"
RECOVERY = "recovery"

# `purpose`: SALE or INQUIRY. `key`: (journal, trace) of the tap on the screen. `shown`: what a
# HOME or RESULT screen says, a tuple whose first element names it. `due`: ms, when ("time",)
# is wanted. `alert`: (how many, trace, code) of refusals nobody has seen yet, or None.
State = namedtuple("State", ("name", "purpose", "amount_minor", "key", "shown", "due", "alert"))

EVENTS = ("key", "card", "saved", "full", "failed", "settled", "answer", "no_answer", "moved",
          "time")


def start(last=None):
    """The first state after a boot; `last` names the last saved tap (see `views`)."""
    return State(HOME, None, 0, None, last, None, None)


def recovery(reason):
    return State(RECOVERY, None, 0, None, ("recovery", reason), None, None)


def step(state, event, now):
    """The next state and the effects to carry out, in order."""
    kind = event[0]
    if kind not in EVENTS:
        raise FirmwareError("checkout knows no event " + str(kind))
    if kind == "settled":
        return _settled(state, event[1])
    if kind == "moved":
        return _moved(state, event[1], event[2])
    act = TABLE.get((state.name, kind))
    return act(state, event, now) if act else (state, ())


def _to(state, name, purpose=None, amount_minor=0, key=None, shown=None, due=None):
    return State(name, purpose, amount_minor, key, shown, due, state.alert)


def _beep(name):
    return (("beep", name),)


# -- keys ------------------------------------------------------------------------------------


def _home_key(state, event, now):
    key = event[1]
    if key == "#" and state.alert:
        return State(HOME, None, 0, None, None, None, None), _beep("key")
    return _ready_key(state, key)


def _result_key(state, event, now):
    return _ready_key(state, event[1])


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
    return _ready_key(state, event[1])


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
    due = now + SALE_SAVED_AFTER_S * 1000
    sent = _to(state, SENT, SALE, state.amount_minor, (event[1], event[2]), None, due)
    return sent, _beep("saved")


def _not_saved(state, event, now):
    return _to(state, RESULT, SALE, state.amount_minor, None, event), _beep("fault")


def _unanswered_sale(state, event, now):
    if state.due is None or now < state.due:
        return state, ()
    shown = ("saved", state.key[1], state.amount_minor)
    return _to(state, RESULT, SALE, state.amount_minor, state.key, shown), ()


# -- answers -----------------------------------------------------------------------------------


def _settled(state, reply):
    approved = reply.code == codes.APPROVED or (reply.code == codes.TOO_OLD and reply.receipt)
    if state.key == (reply.journal, reply.trace) and state.name in (SENT, RESULT):
        shown = ("posted" if approved else "refused", reply, state.amount_minor)
        result = _to(state, RESULT, SALE, state.amount_minor, state.key, shown)
        return result, _beep("ok" if approved else "refused")
    if approved:
        return state, ()
    count = state.alert[0] + 1 if state.alert else 1
    alert = (count, reply.trace, reply.code)
    return State(state.name, state.purpose, state.amount_minor, state.key, state.shown,
                 state.due, alert), _beep("refused")


def _moved(state, old, new):
    if state.key != old:
        return state, ()
    return State(state.name, state.purpose, state.amount_minor, new, state.shown,
                 state.due, state.alert), ()


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
    (ASKED, "key"): _asked_key,
    (ASKED, "answer"): _answer,
    (ASKED, "no_answer"): _no_answer,
    (RESULT, "key"): _result_key,
    (STATUS, "key"): _any_key,
}
