"""What can be done beside selling, by its digit.

| place | what the cashier sees | leaves by |
|---|---|---|
| menu.main | the list | 1 2 reverse, 3 waiting, 4 dayend, 5 setup, 6 training, 7 STATUS, 8 9 0 |
| menu.later | not yet: gifts, top-up, payment, new cards, card PINs | any key menu.main |

Each of the latter will be a flow like the others, begun here by a digit of its own.
"""

from firmware.flows import dayend, login, menu_texts, paper, reverse, setup, training, waiting
from firmware.states import HOME, STATUS, beep, to
from protocol.fields import REFUND, VOID


def begin(state, till):
    return to(state, "menu.main"), beep("key")


def step(state, event, now, till):
    if event[0] != "key":
        return state, ()
    if state.name == "menu.later":
        return begin(state, till)
    if event[1] == "*":
        return to(state, HOME), beep("key")
    if event[1] == "1":
        return reverse.begin(state, till, VOID)
    if event[1] == "2":
        return reverse.begin(state, till, REFUND)
    if event[1] == "3":
        return waiting.begin(state, till)
    if event[1] == "4":
        return dayend.begin(state, till)
    if event[1] == "5":
        return setup.begin(state, till)
    if event[1] == "6":
        return training.begin(state, till)
    if event[1] == "7":
        return to(state, STATUS), beep("key")
    if event[1] == "9":
        return paper.begin(state, "state")
    if event[1] == "0":
        return to(state, "menu.later"), beep("key")
    if event[1] == "8" and till.operator:
        return login.leave(state)
    return state, beep("refused")


def view(page):
    words = page.wording(menu_texts.parts(page.language))
    first = menu_texts.LATER if page.state.name == "menu.later" else menu_texts.MAIN
    page.foot = words[first + 3]
    return words[first], words[first + 1], words[first + 2]
