"""A sale, or a refund of a part of one, in lines: each an amount and the number of a category.

| place | what the cashier sees | leaves by |
|---|---|---|
| basket.category | this line's amount, its category so far | digit, C, # basket.amount, * |
| basket.amount | lines, their sum, the next amount so far | digit, C, # A, # on, * HOME |

Law: the amount is the sum of the lines. On is CARD for a sale, reverse.sure for a refund.
`amount_minor`: that sum; `shown`: (lines as (category, amount_minor), amount and category keyed,
what is refunded or None).
"""

from firmware.flows import basket_texts
from firmware.flows.keyed import keyed
from firmware.states import CARD, HOME, beep, to
from protocol.fields import REFUND, SALE
from protocol.limits import AMOUNT_MINOR_MAX, BASKET_LINES_MAX, U16_MAX


def begin(state, till):
    """The amount that stands on the screen is the first line's; back from the card its lines are
    there."""
    if state.shown and state.shown[1]:
        return _at("basket.amount", state, state.shown[1])
    return _at("basket.category", state, (), state.amount_minor)


def _at(place, state, lines, amount_minor=0, category=0):
    of_lines_minor = sum([line[1] for line in lines])
    original = None
    if state.purpose == REFUND:
        original = state.shown[3] if "basket." in state.name else state.shown[0]
    shown = (lines, amount_minor, category, original)
    return to(state, place, state.purpose, of_lines_minor, None, shown), beep("key")


def step(state, event, now, till):
    if event[0] in ("card", "unread"):
        return state, beep("refused")
    place, (lines, amount_minor, category, _) = state.name, state.shown
    if event[0] == "long" and event[1] == "C" and place == "basket.category":
        return _at(place, state, lines, amount_minor)
    if event[0] == "long" and event[1] == "C":
        return _without_amount(state, lines)
    if event[0] != "key":
        return state, ()
    key = event[1]
    if place == "basket.amount":
        return _amount(state, key, lines, amount_minor)
    if key == "*" or key == "C" and not category:
        return _at("basket.amount", state, lines, amount_minor)
    if key == "#" and category:
        return _at("basket.amount", state, lines + ((category, amount_minor),))
    category = keyed(category, key, U16_MAX)
    if category is None:
        return state, beep("refused")
    return _at(place, state, lines, amount_minor, category)


def _amount(state, key, lines, amount_minor):
    if key == "*":
        return to(state, HOME), beep("key")
    if key == "C" and amount_minor < 10:
        return _without_amount(state, lines if amount_minor else lines[:-1])
    if key in "#A" and amount_minor:
        return _at("basket.category", state, lines, amount_minor)
    if key == "#":
        after = CARD if state.purpose == SALE else "reverse.sure"
        shown = (state.shown[3], lines)
        return to(state, after, state.purpose, state.amount_minor, None, shown), beep("key")
    left_minor = AMOUNT_MINOR_MAX - state.amount_minor
    if len(lines) < BASKET_LINES_MAX:
        amount_minor = keyed(amount_minor, key, left_minor)
    else:
        amount_minor = None
    if amount_minor is None:
        return state, beep("refused")
    return _at("basket.amount", state, lines, amount_minor)


# what would be a sale of nothing is none
def _without_amount(state, lines):
    return _at("basket.amount", state, lines) if lines else (to(state, HOME), beep("key"))


def view(page):
    words = page.wording(basket_texts.parts(page.language))
    lines, amount_minor, category, _ = page.shown
    amount = page.money(amount_minor)
    if page.state.name == "basket.category":
        page.foot = words[basket_texts.KEYS_CATEGORY]
        return words[basket_texts.CATEGORY], str(category or ""), amount
    page.foot = words[basket_texts.KEYS]
    full = len(lines) == BASKET_LINES_MAX
    first = words[basket_texts.FULL if full else basket_texts.LINES] % len(lines)
    if not amount_minor and lines:
        amount = page.money(lines[-1][1])
        amount = page.either(words[basket_texts.LINE] % (lines[-1][0], amount), amount)
    return first, amount, words[basket_texts.SUM] % page.money(page.state.amount_minor)
