"""The last taps, the newest first, one a screen.

| place | what the cashier sees | leaves by |
|---|---|---|
| taps.look | nothing new: the outbox is read, a block a turn | found one or none, time, * HOME |
| taps.one | a tap and what became of it | A B look, D ASK_VOID, C reverse, # paper.main, * |
| taps.none | no tap stands here, or it cannot be read now | * HOME |

`shown`: (tap as in `looking`, its place, voids, what is looked for, where it goes on, as a
number of taps_texts why there is no refund). `voids`: (key or receipt of the original, what
became of it, the money, its own key) of the voids (money 0) and the posted refunds that were
passed on the way back; each is younger than what it takes back, so none of this handset's is
missed, and each counts once, however often it was passed. What another terminal took back only
the gateway knows. `key`: the tap's, also when it moved while it stands here.
"""

from firmware.flows import paper, reverse, taps_texts
from firmware.states import ASK_VOID, HOME, State, beep, by_receipt, in_vain, outcome_of, to
from protocol import codes
from protocol.fields import REDEMPTION, REFUND, SALE, VOID, reply_of
from protocol.limits import REPLY_TYPE_BASE

LOOK_MS = 5  # between two turns, for the link
_VOIDS_MAX = 64
_KINDS = (SALE, REDEMPTION, VOID, REFUND)
_OUTCOMES = ("waiting", "posted", "held", "refused", "cancelled", "cancelling")


def begin(state, till):
    return _looking(to(state, "taps.look", None, 0, None, (None, None, (), "older", None, None)))


def _looking(state):
    return state, (("look", state.shown[3], state.shown[4]),)


def step(state, event, now, till):
    kind = event[0]
    if kind == "key":
        return _key(state, event[1], till)
    if kind == "found":
        if state.name == "taps.look":
            return _found(state, event[1], now)
    if kind == "settled" and state.name != "taps.none":
        return _settled(state, event[1]), ()
    if kind == "failed":
        return to(state, "taps.none", None, 0, None, ("failed",)), beep("fault")
    if kind == "time" and state.due is not None and now >= state.due:
        return _looking(_with(state, state.name, state.shown))
    return state, ()


def _with(state, name, shown, due=None):
    return State(name, state.purpose, state.amount_minor, state.key, shown, due, state.alert)


def _key(state, key, till):
    if key == "*":
        return to(state, HOME), beep("key")
    if state.name != "taps.one":
        return state, ()
    tap, place, voids = state.shown[:3]
    if key == "A" or key == "B":
        what = "newer" if key == "A" else "older"
        return _looking(_with(state, "taps.look", (tap, place, voids, what, place, None)))
    if key == "#":
        return paper.begin(state, state.key)
    if key == "D" and _voidable(tap, voids):
        return to(state, ASK_VOID, VOID, tap[3], state.key, _as_of_sale(tap)), beep("key")
    if key == "C":
        why = _no_refund(tap, voids)
        if not why:
            return reverse.refund_of(state, till, state.key)
        return _with(state, state.name, state.shown[:5] + (why,)), beep("refused")
    return state, beep("refused")


def _found(state, value, now):
    tap, place, voids, what = state.shown[:4]
    if value is None:  # the first or the last is on the screen
        if tap is None:
            return to(state, "taps.none"), ()
        return _with(state, "taps.one", (tap, place, voids, None, None, None)), beep("refused")
    if value[1] is None:
        shown = (tap, place, voids, what, value[0], None)
        return _with(state, "taps.look", shown, now + LOOK_MS), ()
    place, tap = value
    shown = (tap, place, _passed(tap, voids, tap[1:3]), None, None, None)
    return State("taps.one", tap[0], tap[3], tap[1:3], shown, None, state.alert), beep("key")


# `key`: under which it was passed before
def _passed(tap, voids, key):
    voids = tuple([each for each in voids if each[3] != key])
    if tap[0] == VOID or tap[0] == REFUND and _outcome(tap, voids) == "posted":
        money_minor = 0 if tap[0] == VOID else tap[3]
        voids = (voids + ((tap[9], tap[5], money_minor, tap[1:3]),))[-_VOIDS_MAX:]
    return voids


# the answer to the tap on the screen has come, even while the next one is looked for
def _settled(state, reply):
    tap, place, voids = state.shown[:3]
    settled = reply.code, reply.points, reply.receipt
    was, outcome = tap[1:3], outcome_of(tap[0], settled)
    amount_minor = tap[3]
    if by_receipt(tap[0], tap[9]):
        amount_minor = reply.amount_minor or 0
    tap = tap[:1] + state.key + (amount_minor, tap[4], outcome) + settled + tap[9:]
    shown = (tap, place, _passed(tap, voids, was)) + state.shown[3:5] + (None,)
    return _with(state, state.name, shown, state.due)


# what became of a tap, with what its void became
def _outcome(tap, voids):
    if tap[6] == codes.VOIDED:
        return "cancelled"
    for original, outcome, money_minor, _ in voids:
        if not money_minor and _is_of(original, tap) and outcome in ("posted", "waiting"):
            return "cancelled" if outcome == "posted" else "cancelling"
    return tap[5]


def _is_of(original, tap):
    return original is not None and (original == tap[1:3] or original == tap[8])


# the money of its refunds
def _refunded_minor(tap, voids):
    return sum([money_minor for original, _, money_minor, _ in voids if _is_of(original, tap)])


def _voidable(tap, voids):
    return (tap[0] == SALE and _outcome(tap, voids) in ("waiting", "posted", "held")
            and _refunded_minor(tap, voids) < tap[3])


# Only what the gateway is known to have posted has something that a part of could go back.
def _no_refund(tap, voids):
    outcome = _outcome(tap, voids)
    if (tap[0] not in (SALE, REDEMPTION) or outcome in ("refused", "cancelled", "cancelling")
            or _refunded_minor(tap, voids) >= tap[3] > 0):
        return taps_texts.NO_REFUND
    return 0 if outcome == "posted" and tap[8] else taps_texts.REFUND_LATER


# as the screen of the sale itself says it
def _as_of_sale(tap):
    kind, journal, trace, amount_minor, _, outcome, code, points, receipt, _ = tap
    if outcome == "waiting":
        return "saved", trace, amount_minor
    said = {0: REPLY_TYPE_BASE + kind, 1: journal, 2: trace, 3: bytes(8), 4: code, 5: 0}
    for key, value in ((6, points), (11, receipt)):
        if value is not None:
            said[key] = value
    return "posted" if outcome == "posted" else "refused", reply_of(said), amount_minor


def view(page):
    words = page.wording(taps_texts.parts(page.language))
    shown = page.shown
    if page.state.name == "taps.none":
        page.foot = words[taps_texts.FOOT_NONE]
        failed = shown is not None
        return words[taps_texts.FAILED if failed else taps_texts.NONE], ""
    if shown[0] is None:
        return (words[taps_texts.LOOKING],)
    return tap_rows(page, words, shown)


def tap_rows(page, words, shown):
    """A tap as three rows, and the foot with its keys."""
    tap, voids = shown[0], shown[2]
    kind, _, trace, amount_minor, card, _, code, points, _, original = tap
    outcome = _outcome(tap, voids)
    title = words[taps_texts.SALE + _KINDS.index(kind) if kind in _KINDS else taps_texts.OTHER]
    vain = in_vain(kind, code)
    if amount_minor and not vain:
        amount = page.money(amount_minor)
        title = page.either(title + " " + amount, amount)
    if outcome == "refused" or vain:
        said = page.reason(code)
    else:
        said = words[taps_texts.WAITING + _OUTCOMES.index(outcome)]
        if outcome == "posted" and kind != VOID:
            gained = "%+d" % (points or 0)
            said = page.either(said + " " + gained, gained)
    refunded_minor = _refunded_minor(tap, voids)
    if outcome == "posted" and refunded_minor:
        money = page.money(refunded_minor)
        said = page.either(words[taps_texts.REFUNDED] % money, money)
    last = card
    if type(original) is tuple and len(original) == 2:
        last = page.either(words[taps_texts.ORIGINAL] % original[1], str(original[1]))
    elif original:
        last = page.either(words[taps_texts.RECEIPT] % original, str(original))
    elif kind in (SALE, REDEMPTION) and not _no_refund(tap, voids):
        last = (last + " " + words[taps_texts.KEY_REFUND]).strip()
    if shown[5]:
        last = words[shown[5]]
    page.foot = _foot(trace, words, _voidable(tap, voids))
    return title, said, last


def _foot(trace, words, voidable):
    text = str(trace)
    for part in ((taps_texts.KEYS, True), (taps_texts.KEY_VOID, voidable)):
        if part[1] and len(text) + len(words[part[0]]) <= 16:
            text += words[part[0]]
    return text
