"""The card of a sale: taken once, asked about when it is the same sale again, or not there.

| place | what the cashier sees | leaves by |
|---|---|---|
| card.twice | same card, same amount, within a minute: again? | # SAVING, * HOME |
| card.none | points need a card | any key CARD |

Law: no key pressed twice and no card laid twice doubles a sale, only a cashier who was asked.
`shown` of CARD and card.none is None or (why the card could not be read or None, basket or
None), of card.twice (card, basket), of SAVING (the card's id,).
"""

from micropython import const

from firmware.flows import card_texts
from firmware.states import CARD, HOME, READER, SAVING, TWICE, beep, to
from firmware.texts import names
from protocol.fields import SALE

TWICE_MS = const(60000)


def sell(state, card, now, till):
    """A card for the amount that stands on the screen."""
    basket = state.shown[1] if state.shown else None
    last = till.last
    if (last and last[0] == card[1] and last[1] == state.amount_minor
            and now - last[2] < TWICE_MS):
        asked = to(state, TWICE, SALE, state.amount_minor, None, (card, basket))
        return asked, beep("refused")
    return _sold(state, card, basket)


def _sold(state, card, basket):
    fields = {"card": card, "amount_minor": state.amount_minor}
    if basket:
        fields["basket"] = basket
    saving = to(state, SAVING, SALE, state.amount_minor, None, (card[1],))
    return saving, (("journal", SALE, fields),)


def without(state):
    """The customer has no card: the gateway would take such a sale, and nobody gets points."""
    return to(state, "card.none", SALE, state.amount_minor, None, state.shown), beep("refused")


def of_reader(event, till):
    """It says once that it stopped working; whatever it reads shows that it works again."""
    why = event[2] if event[0] == "fault" else None
    return () if why == till.reader else (("till", "reader", why),)


def step(state, event, now, till):
    if event[0] != "key":
        return state, ()
    if state.name == "card.none":
        back = to(state, CARD, SALE, state.amount_minor, None, state.shown)
        return back, beep("key")
    if event[1] == "#":
        return _sold(state, state.shown[0], state.shown[1])
    return (to(state, HOME), beep("key")) if event[1] == "*" else (state, ())


def view(page):
    words = page.wording(card_texts.parts(page.language))
    amount = page.money(page.state.amount_minor)
    if page.state.name == "card.none":
        page.foot = words[card_texts.FOOT_BACK]
        return words[card_texts.NO_CARD], words[card_texts.NEEDS_CARD], amount
    page.foot = words[card_texts.FOOT_ASK]
    return words[card_texts.SAME], words[card_texts.AGAIN], amount


def wanted(page):
    """The rows of CARD: what for, and what is wrong with the last one or with the reader."""
    state, words = page.state, page.wording(card_texts.parts(page.language))
    why = page.shown[0] if page.shown else None
    ask = page.words[names.TAP_AGAIN if why else names.TAP_CARD]
    if state.purpose == SALE:
        what, page.foot = page.money(state.amount_minor), words[card_texts.FOOT_CARD]
    else:
        what, page.foot = page.words[names.INQUIRY], page.words[names.KEYS_BACK]
    if page.status.fault == READER:
        why = READER
    return ask, what, (words.reason(why) or words[card_texts.UNREADABLE]) if why else ""
