"""A sale or a redemption is taken back by the number of its receipt: whole (void) or in part.

Both need the gateway: the receipt may be another terminal's, and only it knows what is left.

| place | what the cashier sees | leaves by |
|---|---|---|
| reverse.receipt | the receipt number so far | digit, C, # reverse.amount or .sure, * HOME |
| reverse.amount | how much of it goes back | digit, C, # reverse.sure, A basket, * back |
| reverse.sure | void it, refund so much of it? | # reverse.sent, * where it came from |
| reverse.sent | nothing new: it is being stored | WAITING or RESULT, by checkout |

Of a sale in lines lines go back: the amount that stands there is the first one's (basket.py).
`purpose`: VOID or REFUND; `shown`: (receipt number, or (journal, trace) of a tap of this handset;
in sure the lines or None).
"""

from firmware.flows import basket, login, reverse_texts
from firmware.flows.keyed import keyed
from firmware.states import HOME, beep, to
from protocol.fields import REFUND
from protocol.limits import AMOUNT_MINOR_MAX, U32_MAX


def begin(state, till, kind):
    """`kind`: VOID or REFUND."""
    return login.needs_link(state, till) or _at(state, "reverse.receipt", kind, 0, 0)


def refund_of(state, till, original):
    """The refund of a part of `original`, (journal, trace) of a tap of this handset that is
    settled, or a receipt number: its amount comes next."""
    return login.needs_link(state, till) or _at(state, "reverse.amount", REFUND, 0, original)


def _at(state, place, kind, amount_minor, original):
    return to(state, place, kind, amount_minor, None, (original, None)), beep("key")


def step(state, event, now, till):
    if event[0] == "card":
        return state, beep("refused")
    if event[0] != "key":
        return state, ()
    key, kind, amount_minor = event[1], state.purpose, state.amount_minor
    place, original = state.name, state.shown and state.shown[0]
    if key == "*":
        if place == "reverse.sure" and state.shown[1]:
            return basket.begin(state, till)
        return _back(state, place, kind, amount_minor, original)
    if place == "reverse.receipt":
        if key == "#":
            after = "reverse.amount" if kind == REFUND else "reverse.sure"
            return _at(state, after, kind, 0, original) if original else (state, beep("refused"))
        original = keyed(original, key, U32_MAX)
    elif place == "reverse.amount":
        if key == "#":
            if not amount_minor:
                return state, beep("refused")
            return _at(state, "reverse.sure", kind, amount_minor, original)
        if key == "A" and amount_minor:
            return basket.begin(state, till)
        amount_minor = keyed(amount_minor, key, AMOUNT_MINOR_MAX)
    elif place == "reverse.sure" and key == "#":
        return _sent(state, kind, amount_minor, original)
    else:
        return state, ()
    if original is None or amount_minor is None:
        return state, beep("refused")
    return _at(state, place, kind, amount_minor, original)


def _back(state, place, kind, amount_minor, original):
    if place == "reverse.sure" and kind == REFUND:
        return _at(state, "reverse.amount", kind, amount_minor, original)
    if place in ("reverse.sure", "reverse.amount") and isinstance(original, int):
        return _at(state, "reverse.receipt", kind, 0, original)
    return to(state, HOME), beep("key")


def _sent(state, kind, amount_minor, original):
    fields, lines = {"original": original}, state.shown[1]
    if lines:
        fields["basket"] = lines
    elif kind == REFUND:
        fields["amount_minor"] = amount_minor
    return (to(state, "reverse.sent", kind, amount_minor), (("online", kind, fields),))


def view(page):
    words = page.words = page.wording(reverse_texts.parts(page.language))
    state, place = page.state, page.state.name
    refund, amount = state.purpose == REFUND, page.money(state.amount_minor)
    page.foot = words[reverse_texts.KEYS_NUMBER]
    if place == "reverse.receipt":
        title = reverse_texts.REFUND_TITLE if refund else reverse_texts.VOID_TITLE
        return words[title], str(page.shown[0] or "")
    if place == "reverse.amount":
        page.foot = words[reverse_texts.KEYS_AMOUNT]
        return words[reverse_texts.AMOUNT], amount
    if place == "reverse.sent":
        page.foot = ""
        return (words[reverse_texts.SENDING],)
    page.foot = words[reverse_texts.KEYS_ASK]
    original = page.shown[0]
    if isinstance(original, int):
        of = words[reverse_texts.RECEIPT] % original
    else:
        of = words[reverse_texts.TAP] % original[1]
    if refund:
        return words[reverse_texts.REFUND_ASK], amount, of
    return words[reverse_texts.VOID_ASK], of
