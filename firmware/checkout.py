"""The cashier's way through a sale, its void, an inquiry: (state, event, now) -> (state, effects)

Law: nothing is shown as saved before the outbox has said so (event `saved`, durable by then), and
nothing as posted before an authentic reply settled it (event `settled`). One tap on the reader
makes one sale: cards are taken in CARD only. No IO, no clock; `now` is ms since boot.

| state | what the cashier sees | leaves by |
|---|---|---|
| HOME | ready, the last tap after a boot, or an alert | digit AMOUNT, A CARD, B C D a flow |
| AMOUNT | the amount so far | digit, C (one back), long C or * HOME, # CARD, A basket |
| CARD | "tap card" for a sale or an inquiry | card SAVING ASKED card.twice, D card.none, * |
| SAVING | nothing new: it is being stored | saved SENT CANCELLING or WAITING, full failed RESULT |
| SENT | saved, waiting for points | settled RESULT, 10 s RESULT, D ASK_VOID, else as RESULT |
| ASK_VOID | cancel this sale? | # SAVING (the void), * SENT or RESULT, its refusal RESULT |
| CANCELLING | the void and its original are under way | both settled RESULT, else as WAITING |
| WAITING | its answer is needed | settled RESULT, cancelling CANCELLING, as RESULT but # |
| ASKED | waiting for the balance | answer RESULT, no_answer RESULT, * HOME |
| RESULT | points, balance, refusal, saved | digit AMOUNT, A CARD, D ASK_VOID, BCD flow, # * HOME |
| STATUS | link, unsent taps, terminal | digit AMOUNT, else HOME |
| RECOVERY | the outbox cannot be read: no taps until a technician comes | nothing |

On HOME, # acknowledges an alert: a tap or a void that was refused or held after its screen had
gone; once it stood there for a second, so that no # meant for the screen before it does. So it is
with # on an outcome that was waited for, and on a refusal; a refusal that another key hides sooner
stays as an alert. What was waited for and posted is not hidden so soon by * either, and comes
again on HOME where another key did. A key that does nothing says so by the beep of a refusal. A
sale is void-able while it stands on the screen as saved, posted or held.

A state "flow.place" is a flow's, of `firmware.flows`. `till` (states.py) is who stands there.
A redemption, a refund, a void by receipt or a day's end that was left unanswered and posts shows
itself on HOME, or as soon as HOME is there (`till.late`); of several one after the other.
Where somebody has to log in first, each key of HOME to RESULT but * leads there, and what became
of a tap and nobody saw stays as an alert.

Events: ("key", k) ("long", k) ("card", entry, id) ("unread", entry, why) ("fault", entry, why or
None) ("saved", journal, trace) ("full",) ("failed",) ("trained",) ("settled", reply[, its void])
("answer", reply) ("no_answer",)
("moved", old, new) ("time",) ("online", type, amount_minor, what came of journaling it)
("cancelling", key, void key, waits) ("found", value) ("kept",)
("printer", state, waiting, dropped)
("lock",): the operator is gone. ("late",): effect of the same name, what came before it is done.
Effects: ("journal", type, fields) ("online", type, fields): needs its answer; fields as of
protocol.fields.request. ("ask", type, fields) ("beep", name) ("till", field, value)
("seen",): what did not post and nobody had seen was acknowledged. ("print", key, its reply or
None, whether it is asked for, which ("printer", state, waiting, dropped) answers): see printing.
("late",): home stands, and `till.late` may be shown to whoever is logged in by then.
What does not fit a state is ignored there; an event nobody knows raises.
"""

from firmware import flows
from firmware.errors import FirmwareError
from firmware.flows import basket, card, login
from firmware.states import (
    AMOUNT,
    ASK_VOID,
    ASKED,
    CANCELLING,
    CARD,
    HOME,
    NOBODY,
    RECOVERY,
    RESULT,
    SAVING,
    SENT,
    STATUS,
    WAITING,
    State,
    beep,
    cancelling,
    changed,
    did,
    in_vain,
    locked,
    start,
    to,
    waiting,
)
from protocol import codes
from protocol.limits import AMOUNT_MINOR_MAX, REPLY_TYPE_BASE, SALE_SAVED_AFTER_S
from protocol.fields import BATCH_CLOSE, INQUIRY, REDEMPTION, REFUND, SALE, TAP, VOID

READ_MS = 1000  # so long it stands there before a key counts as having read it
_LATE_MAX = 4

# where the message that was waited for is still on the screen
UNDER_WAY = (WAITING, CANCELLING, RESULT)
PRESSED = ("key", "long")
EVENTS = ("card", "unread", "fault", "saved", "full", "failed", "trained", "found", "kept",
          "answer", "no_answer", "time", "printer")
# what comes from elsewhere, whatever stands on the screen; these do not go by the table
NEWS = ("settled", "moved", "cancelling", "online", "lock")


def recovery(reason):
    return State(RECOVERY, None, 0, None, ("recovery", reason), None, None)


def step(state, event, now, till=NOBODY):
    """The next state and the effects to carry out, in order."""
    kind = event[0]
    if kind == "late":
        after, effects = _late(state, now, till)
    elif kind in NEWS:
        after, effects = _heard(state, event, now, till)
    elif kind not in PRESSED:
        after, effects = _by_table(state, event, now, till)
    elif "." in state.name:
        after, effects = flows.step(state, event, now, till)
    else:
        after, effects = _pressed(state, event, now, till)
    if kind == "key" and after is state and not effects:
        effects = beep("refused")
    if state.name == WAITING and after.name not in UNDER_WAY:
        effects += (("till", "left", (state.key,) + till.left[:_LATE_MAX - 1]),)
    if till.late and after.name == HOME and kind != "late":
        effects += (("late",),)
    if after.alert and after.name == HOME:
        after = _alert_stands(state, after, now)
    return after, effects


def _late(state, now, till):
    if state.name != HOME or not till.late or _away(till):
        return state, ()
    reply, prints = till.late[0]
    behind = changed(till, "left", ((reply.journal, reply.trace),))  # others may be left since
    after, effects = _heard(state, ("settled", reply), now, behind)
    if not prints:
        effects = tuple([each for each in effects if each[0] != "print"])
    return after, (("till", "late", till.late[1:]),) + effects


# nobody is there who could be told; in training nothing is printed either
def _away(till):
    return locked(till) or till.training


# What was waited for and posted, and is hidden before anybody could read it: its slip is printed.
def _unseen(state, now, till):
    if (state.name != RESULT or state.shown[0] != "posted"
            or not (locked(till) or _is_early(state, now))):
        return ()
    return (("till", "late", (((state.shown[1], False),) + till.late)[-_LATE_MAX:]),)


def _is_early(state, now):
    return state.due is not None and now < state.due


# An alert that has the screen to itself only now was read by nobody yet.
def _alert_stands(state, after, now):
    if after.shown is not None:
        return after
    due = now + READ_MS
    if state.name == HOME and state.shown is None and state.alert == after.alert:
        due = state.due if _is_early(state, now) else None
    return State(HOME, after.purpose, after.amount_minor, after.key, None, due, after.alert)


def _pressed(state, event, now, till):
    act = KEYS.get((state.name, event[0]))
    return act(state, event, now, till) if act else (state, ())


def _by_table(state, event, now, till):
    if event[0] not in EVENTS:
        raise FirmwareError("checkout knows no event " + str(event[0]))
    if "." in state.name:
        state, effects = flows.step(state, event, now, till)
    else:
        act = TABLE.get((state.name, event[0]))
        state, effects = act(state, event, now, till) if act else (state, ())
    if event[0] in ("card", "unread", "fault") and event[1] == TAP:
        effects += card.of_reader(event, till)
    return state, effects


# -- keys ------------------------------------------------------------------------------------


def _home_key(state, event, now, till):
    key = event[1]
    if locked(till):
        return _locked_key(state, key, now, till)
    if key == "#" and state.alert and state.shown is None and not till.training:
        if _is_early(state, now):
            return state, ()
        return start(), (("seen",), ("beep", "key"))
    return _ready_key(state, key, till)


def _result_key(state, event, now, till):
    if locked(till):
        return _locked_key(state, event[1], now, till)
    if event[1] == "D" and _voidable(state):
        shown = _of_sale(state.shown)
        return to(state, ASK_VOID, VOID, state.amount_minor, state.key, shown), beep("key")
    early = state.name == RESULT and _is_early(state, now)
    # which may be meant for the screen before; but a refusal that * hides becomes an alert
    done = early and state.shown[0] in ("posted", "cancelled")
    if early and event[1] == "#" or done and event[1] == "*":
        return state, ()
    after, effects = _ready_key(state, event[1], till)
    if after.name == state.name:
        return after, effects
    effects += _unseen(state, now, till)
    unread = _put_by(state) if early else state
    if unread is not state:
        return _with_alert(after, unread.alert), effects
    if _outcome_seen(state):
        effects = (("seen",),) + effects
    return after, effects


def _locked_key(state, key, now, till):
    unread, state = _unseen(state, now, till), _put_by(state)
    if key == "*":
        return to(state, HOME), beep("key") + unread
    after, effects = login.begin(state, key, till, now)
    return after, effects + unread


# nobody was there who could have seen what stands on the screen, or not for long enough
def _put_by(state):
    if state.name != RESULT or state.purpose == INQUIRY:
        return state
    shown = state.shown
    if shown[0] == "refused":
        trace, code = shown[1].trace, shown[1].code
    elif shown[0] == "not_cancelled":
        trace, code = shown[1], shown[3]
    else:
        return state
    return state if code == codes.VOIDED else _alerted(state, trace, code)


def _alerted(state, trace, code):
    if state.name == HOME:
        state = to(state, HOME)
    return _with_alert(state, (state.alert[0] + 1 if state.alert else 1, trace, code))


def _with_alert(state, alert):
    return State(state.name, state.purpose, state.amount_minor, state.key, state.shown, state.due,
                 alert)


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
def _ready_key(state, key, till):
    if key == "A":
        return login.no_link(state) if till.down else (to(state, CARD, INQUIRY), beep("key"))
    # what # has begun is not hidden by a second press of it
    if key == "*" or key == "#" and state.name not in (WAITING, CANCELLING):
        return to(state, HOME), beep("key")
    if key.isdigit():
        return (to(state, AMOUNT, SALE, int(key)), beep("key")) if int(key) else (state, ())
    return flows.begin(state, key, till)


def _amount_key(state, event, now, till):
    key = event[1]
    amount_minor = state.amount_minor
    if key == "*":
        return to(state, HOME), beep("key")
    if key == "#":
        return to(state, CARD, SALE, amount_minor), beep("key")
    if key == "A":
        return basket.begin(state, till)
    if key == "C":
        amount_minor //= 10
        if not amount_minor:
            return to(state, HOME), beep("key")
    elif key.isdigit():
        amount_minor = amount_minor * 10 + int(key)
        if amount_minor > AMOUNT_MINOR_MAX:
            return state, beep("refused")
    else:
        return state, ()
    return to(state, AMOUNT, SALE, amount_minor), beep("key")


# a key held down, told behind its press
def _amount_held(state, event, now, till):
    return (to(state, HOME), beep("key")) if event[1] == "C" else (state, ())


def _card_key(state, event, now, till):
    if event[1] == "D" and state.purpose == SALE:
        return card.without(state)
    if event[1] != "*":
        return state, ()
    if state.purpose == SALE:
        if state.shown and state.shown[1]:
            return basket.begin(state, till)
        return to(state, AMOUNT, SALE, state.amount_minor), beep("key")
    return to(state, HOME), beep("key")


def _sent_key(state, event, now, till):
    # the tap is safe: the next customer need not wait for the answer
    if event[1] != "D" or locked(till):
        return _result_key(state, event, now, till)
    shown = _unanswered(state).shown
    return to(state, ASK_VOID, VOID, state.amount_minor, state.key, shown, state.due), beep("key")


def _ask_void_key(state, event, now, till):
    if event[1] == "#":
        return (to(state, SAVING, VOID, state.amount_minor, state.key, state.shown, state.due),
                (("journal", VOID, {"original": state.key}),))
    if event[1] != "*":
        return state, ()
    if state.due is not None:  # of SENT, where its answer is still waited for
        return to(state, SENT, SALE, state.amount_minor, state.key, None, state.due), beep("key")
    return to(state, RESULT, SALE, state.amount_minor, state.key, state.shown), beep("key")


def _asked_key(state, event, now, till):
    return (to(state, HOME), beep("key")) if event[1] == "*" else (state, ())


def _any_key(state, event, now, till):
    if event[1] in "123456789" and not locked(till):  # an amount loses no digit
        return _ready_key(state, event[1], till)
    return to(state, HOME), beep("key")


# -- cards and what the outbox says ------------------------------------------------------------


def _card(state, event, now, till):
    if state.purpose == INQUIRY:
        return to(state, ASKED, INQUIRY), (("ask", INQUIRY, {"card": event[1:]}),)
    return card.sell(state, event[1:], now, till)


def _unread(state, event, now, till):
    shown = (event[2], state.shown[1] if state.shown else None)
    return to(state, CARD, state.purpose, state.amount_minor, None, shown), beep("refused")


def _card_too_early(state, event, now, till):
    return state, beep("refused")


def _saved(state, event, now, till):
    key = (event[1], event[2])
    if state.purpose == VOID and state.key:
        waits = state.shown[0] == "saved"
        voided = cancelling(state.key, key, state.amount_minor, None, waits, state.alert, SALE)
        effects = beep("saved")
        if till.last and till.last[3] == state.key:
            effects += (("till", "last", None),)  # it may be sold once more
        return voided, effects
    if state.purpose != SALE:
        return waiting(state.purpose, key, state.amount_minor, state.alert, state.shown), ()
    due = now + SALE_SAVED_AFTER_S * 1000
    sent = to(state, SENT, SALE, state.amount_minor, key, None, due)
    last = (state.shown[0], state.amount_minor, now, key)
    return sent, (("till", "last", last),) + beep("saved")


def _not_saved(state, event, now, till):
    # the sale itself stands as before, and can still be cancelled
    if state.purpose == VOID and state.key and event[0] != "trained":
        shown = ("no_void", event[0], state.shown)
        # it leaves SENT by this: its slip is due now
        slip = (("print", state.key, None, False),) if state.due is not None else ()
        return (to(state, RESULT, SALE, state.amount_minor, state.key, shown),
                beep("fault") + slip)
    sound = "ok" if event[0] == "trained" else "fault"
    return to(state, RESULT, SALE, state.amount_minor, None, event), beep(sound)


def _unanswered_sale(state, event, now, till):
    if state.due is None or now < state.due:
        return state, ()
    after = _waited(state) if state.name == ASK_VOID else _unanswered(state)
    return after, (("print", state.key, None, False),)


def _result_read(state, event, now, till):
    return (state if state.due is None or now < state.due else _waited(state)), ()


# the same screen, with nothing due
def _waited(state):
    return to(state, state.name, state.purpose, state.amount_minor, state.key, state.shown)


def _unanswered(state):
    shown = ("saved", state.key[1], state.amount_minor)
    return to(state, RESULT, SALE, state.amount_minor, state.key, shown)


# -- answers -----------------------------------------------------------------------------------


def _heard(state, event, now, till):
    kind = event[0]
    if kind == "settled":
        reply = event[1]
        voided, key = len(event) > 2, (reply.journal, reply.trace)
        after, effects = _settled(state, reply, now, till, voided)
        # shown at once where nobody does a thing
        if (reply.type == REPLY_TYPE_BASE + BATCH_CLOSE and after.name == HOME
                and not _away(till)):
            after = to(after, "dayend.sent", BATCH_CLOSE, 0, key, (False, 0))
        if "." in after.name and after.key == key:
            after, own = flows.step(after, event, now, till)
            effects += own
        if after is state and not voided and _waited_for(reply, key, till):
            effects = (("till", "late", (till.late + ((reply, True),))[-_LATE_MAX:]),)
        return after, effects
    if kind == "moved":
        after, effects = _moved(state, event[1], event[2])
        if event[1] in till.left:
            left = tuple([event[2] if key == event[1] else key for key in till.left])
            effects += (("till", "left", left),)
        if till.last and till.last[3] == event[1]:
            effects += (("till", "last", till.last[:3] + (event[2],)),)
        return after, effects
    if kind == "cancelling":
        return _cancelling(state, event)
    if state.name == RECOVERY:
        return state, ()
    if kind == "lock":
        after, effects = login.leave(_put_by(state))
        return after, effects + _unseen(state, now, till)
    left = state.shown if "." in state.name else None
    return _by_table(to(state, SAVING, event[1], event[2], None, left), event[3], now, till)


# Who left it unanswered would take, or give back, the wrong sum in cash.
def _waited_for(reply, key, till):
    kind = reply.type - REPLY_TYPE_BASE
    return did(kind, reply.code, reply.receipt) and (
        kind in (REDEMPTION, REFUND, BATCH_CLOSE) or key in till.left)


# `voided`: it is by now
def _settled(state, reply, now, till, voided):
    key = (reply.journal, reply.trace)
    kind = reply.type - REPLY_TYPE_BASE
    approved = did(kind, reply.code, reply.receipt)
    if state.name == CANCELLING and key in (state.key, state.shown[1]):
        return _cancelled(state, reply, approved, now)
    if state.key == key and state.name in (SENT, RESULT, WAITING, ASK_VOID):
        shown = ("posted" if approved else "refused", reply, state.amount_minor)
        if state.name == WAITING and state.shown:
            shown += state.shown
        name, purpose = RESULT, state.purpose
        if state.name == ASK_VOID:
            purpose = SALE
            if approved or reply.code == codes.HELD:
                name, purpose = ASK_VOID, VOID
        gained = approved and not in_vain(kind, reply.code)
        due = now + READ_MS
        if name != RESULT or gained and state.name != WAITING:
            due = state.due if state.name == RESULT else None  # it may be told once more
        result = to(state, name, purpose, state.amount_minor, key, shown, due)
        said = beep("ok" if gained else "refused")
        # not where it has one, "will post"
        slip = state.due is not None if name == ASK_VOID else state.name != RESULT
        if gained and slip:
            said += (("print", key, reply, False),)
        return result, said
    if (state.name == HOME and kind != BATCH_CLOSE and not voided and not _away(till)
            and _waited_for(reply, key, till)):
        vain = in_vain(kind, reply.code)
        said = beep("refused") if vain else beep("ok") + (("print", key, reply, False),)
        return to(state, RESULT, kind, 0, key, ("posted", reply, 0), now + READ_MS), said
    if state.name == HOME and state.key == key and state.shown[0] == "last" and approved:
        settled = reply.code, reply.points, reply.receipt
        return start(state.shown[:4] + (settled, None), state.alert), beep("ok")
    # nobody is told of what was cancelled: that is what the cashier wanted
    if approved or reply.code == codes.VOIDED:
        return state, ()
    if state.alert and state.alert[1:] == (reply.trace, reply.code):
        return state, ()  # told again, because there was no memory to draw it
    return _alerted(state, reply.trace, reply.code), beep("refused")


# certain only when the void and its original are both answered
def _cancelled(state, reply, approved, now):
    _, void, code, waits = state.shown
    amount_minor = state.amount_minor
    if void == (reply.journal, reply.trace):
        done = approved and not in_vain(VOID, reply.code)
        code = codes.APPROVED if done else reply.code
        if state.purpose == SALE and reply.amount_minor is not None:
            amount_minor = reply.amount_minor
    else:
        waits = False
    if code is None or waits:
        return cancelling(state.key, void, amount_minor, code, waits, state.alert,
                          state.purpose), ()
    gone = code == codes.APPROVED or in_vain(VOID, code)
    shown = "cancelled" if gone else "not_cancelled", state.key[1], amount_minor, code
    said = beep("ok" if gone else "refused")
    if code == codes.APPROVED:
        said += (("print", void, reply if void == (reply.journal, reply.trace) else None, False),)
    return to(state, RESULT, VOID, amount_minor, None, shown, now + READ_MS), said


def _moved(state, old, new):
    key, shown = state.key, state.shown
    if key == old:
        key = new
        if state.name == HOME:  # the last tap
            shown = shown[:1] + (new[1],) + shown[2:]
    elif state.name == CANCELLING and shown[1] == old:
        shown = shown[:1] + (new,) + shown[2:]
    return State(state.name, state.purpose, state.amount_minor, key, shown,
                 state.due, state.alert), ()


def _cancelling(state, event):
    if state.name not in (WAITING, CANCELLING) or state.key != event[1]:
        return state, ()
    purpose = state.purpose if state.name == CANCELLING else VOID
    return cancelling(event[1], event[2], state.amount_minor, None, event[3], state.alert,
                      purpose), ()


def _answer(state, event, now, till):
    reply = event[1]
    if reply.type != REPLY_TYPE_BASE + INQUIRY:
        return state, ()  # who asked for this does not wait any more
    approved = reply.code == codes.APPROVED
    shown = ("balance" if approved else "refused", reply, 0)
    return to(state, RESULT, INQUIRY, 0, None, shown), beep("ok" if approved else "refused")


def _no_answer(state, event, now, till):
    if event[-1] not in ("no_answer", INQUIRY):
        return state, ()
    return to(state, RESULT, INQUIRY, 0, None, event), beep("fault")


# two units, so that a key need not load what cards and answers are for
KEYS = {
    (HOME, "key"): _home_key,
    (AMOUNT, "key"): _amount_key,
    (AMOUNT, "long"): _amount_held,
    (CARD, "key"): _card_key,
    (SENT, "key"): _sent_key,
    (ASK_VOID, "key"): _ask_void_key,
    (CANCELLING, "key"): _result_key,
    (WAITING, "key"): _result_key,
    (ASKED, "key"): _asked_key,
    (RESULT, "key"): _result_key,
    (STATUS, "key"): _any_key,
}

TABLE = {
    (HOME, "card"): _card_too_early,
    (AMOUNT, "card"): _card_too_early,
    (CARD, "card"): _card,
    (CARD, "unread"): _unread,
    (SAVING, "saved"): _saved,
    (SAVING, "full"): _not_saved,
    (SAVING, "failed"): _not_saved,
    (SAVING, "trained"): _not_saved,
    (SENT, "time"): _unanswered_sale,
    (ASK_VOID, "time"): _unanswered_sale,
    (RESULT, "time"): _result_read,
    (SAVING, "no_answer"): _no_answer,
    (ASKED, "answer"): _answer,
    (ASKED, "no_answer"): _no_answer,
}
