"""What can be done beside selling, by its digit.

| place | what the cashier sees | leaves by |
|---|---|---|
| menu.main | the list | 1 2 reverse, 3 waiting, 4 dayend, 5 setup, 6 training, # more, * |
| menu.more | the rest of it | 7 STATUS, 8 HOME or menu.off, 9 paper, 0 menu.later, # main, * |
| menu.later | not yet: gifts, top-up, payment, new cards, card PINs | 1-7 9, else menu.main |
| menu.off | nobody logs in here, so nobody logs out | 1-7 9, else menu.main |

Each digit counts on every page; * goes home from both lists.

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
    if (state.name == "menu.later" or state.name == "menu.off") and event[1] not in "12345679":
        return begin(state, till)
    if event[1] == "#":
        if state.name == "menu.more":
            return begin(state, till)
        return to(state, "menu.more"), beep("key")
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
    if event[1] == "8":
        return login.leave(state) if till.operator else (to(state, "menu.off"), beep("refused"))
    return state, beep("refused")


def view(page):
    words = page.wording(menu_texts.parts(page.language))
    name, first = page.state.name, menu_texts.MAIN
    if name == "menu.more":
        first = menu_texts.MORE
    elif name != "menu.main":
        first = menu_texts.LATER if name == "menu.later" else menu_texts.OFF
    page.foot = words[first + 3]
    return words[first], words[first + 1], words[first + 2]
