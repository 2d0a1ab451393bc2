"""Points pay a bill, or a part of it: the card is asked for its balance first.

Law: what stands on the screen before `#` (points, money off, money to pay) is what is posted, or
the gateway refuses it: the money goes with the message (`off_minor`). Where the gateway did not
tell its terms no money is shown. The card that was asked for is the card that pays.

| place | what the cashier sees | leaves by |
|---|---|---|
| redeem.amount | the bill so far | digit, C (one back), # redeem.card, * HOME |
| redeem.card | "tap card" | card redeem.asked, * redeem.amount |
| redeem.asked | asking for the balance | answer redeem.points or RESULT, * redeem.card |
| redeem.points | balance, points so far | digit, C, # (or the most) redeem.sure, * redeem.card |
| redeem.sure | points and money | # redeem.sent, * redeem.points |
| redeem.sent | nothing new: it is being stored | WAITING or RESULT, by checkout |

`shown`: in card None or an event "unread"; in asked the card; in points and sure (card, balance or
None, terms or None, points, why not or the money off).
"""

from firmware.flows import login, redeem_terms, redeem_texts
from firmware.flows.keyed import keyed
from firmware.states import HOME, RESULT, beep, to
from protocol import codes
from protocol.fields import INQUIRY, REDEMPTION
from protocol.limits import AMOUNT_MINOR_MAX, REPLY_TYPE_BASE, REQUEST_POINTS_MAX


def begin(state, till):
    return login.needs_link(state, till) or _at(state, "redeem.amount", 0)


def _at(state, place, amount_minor, shown=None):
    return to(state, place, REDEMPTION, amount_minor, None, shown), beep("key")


def step(state, event, now, till):
    place = state.name
    if event[0] == "key":
        if place == "redeem.amount":
            return _amount(state, event[1])
        if place == "redeem.points":
            return _points(state, event[1])
        if place == "redeem.sure" and event[1] == "#":
            return _sent(state)
        return _back(state, place) if event[1] == "*" else (state, ())
    if place == "redeem.card" and event[0] == "card":
        card = (event[1], event[2])
        return (to(state, "redeem.asked", REDEMPTION, state.amount_minor, None, card),
                (("ask", INQUIRY, {"card": card}),))
    if place == "redeem.card" and event[0] == "unread":
        return _at(state, place, state.amount_minor, event)[0], beep("refused")
    if place == "redeem.asked" and event[0] in ("answer", "no_answer"):
        return _answered(state, event)
    return state, beep("refused") if event[0] == "card" else ()


def _back(state, place):
    if place == "redeem.card":
        return _at(state, "redeem.amount", state.amount_minor)
    if place == "redeem.asked":
        return _at(state, "redeem.card", state.amount_minor)
    if place == "redeem.sure":
        return _at(state, "redeem.points", state.amount_minor, state.shown[:4] + (None,))
    return to(state, HOME), beep("key")


def _amount(state, key):
    amount_minor = state.amount_minor
    if key == "*":
        return to(state, HOME), beep("key")
    if key == "#":
        place = "redeem.card"
    else:
        place, amount_minor = state.name, keyed(amount_minor, key, AMOUNT_MINOR_MAX)
    if amount_minor is None or key == "#" and not amount_minor:
        return state, beep("refused")
    return _at(state, place, amount_minor)


def _answered(state, event):
    if event[0] == "no_answer":
        return to(state, RESULT, INQUIRY, 0, None, event), beep("fault")
    reply = event[1]
    if reply.type != REPLY_TYPE_BASE + INQUIRY:
        return state, ()
    if reply.code != codes.APPROVED:
        return to(state, RESULT, INQUIRY, 0, None, ("refused", reply, 0)), beep("refused")
    shown = (state.shown, reply.balance, reply.redeeming, 0, None)
    return _at(state, "redeem.points", state.amount_minor, shown)[0], beep("ok")


def _points(state, key):
    card, balance, terms, points, _ = state.shown
    amount_minor = state.amount_minor
    if key == "*":
        return _at(state, "redeem.card", amount_minor)
    if key == "#":
        return _wanted(state, points)
    points = keyed(points, key, REQUEST_POINTS_MAX)
    if points is None:
        return state, beep("refused")
    return _at(state, state.name, amount_minor, (card, balance, terms, points, None))


def _wanted(state, points):
    card, balance, terms, _, _ = state.shown
    amount_minor, why, off_minor = state.amount_minor, None, None
    if terms is None:
        if not points:
            return state, beep("refused")
        if balance is not None and points > balance:
            why = redeem_terms.ONLY, max(balance, 0)
    else:
        points = points or redeem_terms.most(terms, amount_minor)
        why = redeem_terms.refusal(terms, points, amount_minor)
        off_minor = redeem_terms.money_off(terms, points, amount_minor)
    place = "redeem.points" if why else "redeem.sure"
    shown = (card, balance, terms, points, why or off_minor)
    return (_at(state, place, amount_minor, shown)[0], beep("refused" if why else "key"))


def _sent(state):
    card, _, _, points, off_minor = state.shown
    amount_minor = state.amount_minor
    fields = {"card": card, "amount_minor": amount_minor, "points": points}
    if off_minor:
        fields["off_minor"] = off_minor
    return (to(state, "redeem.sent", REDEMPTION, amount_minor, None, ("used", points)),
            (("online", REDEMPTION, fields),))


def view(page):
    words = page.words = page.wording(redeem_texts.parts(page.language))
    state, shown = page.state, page.shown
    bill, place = page.money(state.amount_minor), state.name
    page.foot = words[redeem_texts.KEYS_BACK]
    if place == "redeem.amount":
        page.foot = words[redeem_texts.KEYS_NUMBER]
        return words[redeem_texts.BILL_TITLE], bill
    if place == "redeem.card":
        return words[redeem_texts.TAP_AGAIN if shown else redeem_texts.TAP_CARD], bill
    if place == "redeem.points":
        page.foot = words[redeem_texts.KEYS_NUMBER]
        return _points_rows(page, words)
    if place == "redeem.sure":
        page.foot = words[redeem_texts.KEYS_ASK]
        return _sure_rows(page, words)
    return words[redeem_texts.ASKING], bill


def _points_rows(page, words):
    _, balance, terms, points, why = page.shown
    first = words[redeem_texts.KEY_POINTS]
    if balance is not None:
        first = page.label(redeem_texts.BALANCE, balance)
    if why:
        return first, str(points) if points else "", _why(page, *why)
    if points:
        return first, str(points)
    if not terms:
        return first, words[redeem_texts.KEY_POINTS]
    bill_minor = page.state.amount_minor
    most = redeem_terms.most(terms, bill_minor)
    if most:
        return first, _why(page, redeem_terms.AT_MOST, most), words[redeem_texts.ALL_OF_IT]
    why = redeem_terms.none_at_all(terms)
    too_few = why[0] == redeem_terms.FROM
    return first, _why(page, *why), _why(page, redeem_terms.ONLY, terms[0]) if too_few else ""


def _why(page, why, number):
    text = redeem_texts.WHY + why
    return page.words[text] if number is None else page.label(text, number)


def _sure_rows(page, words):
    points, off_minor = page.shown[3:]
    bill_minor = page.state.amount_minor
    used = page.label(redeem_texts.USE, points)
    if off_minor is None:
        return (used, page.label(redeem_texts.BILL, page.money(bill_minor)),
                words[redeem_texts.SUM_LATER])
    return (used, page.label(redeem_texts.OFF, page.money(off_minor)),
            page.label(redeem_texts.TO_PAY, page.money(bill_minor - off_minor)))
