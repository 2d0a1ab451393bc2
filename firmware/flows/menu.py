"""What can be done beside selling, by its digit.

| place | what the cashier sees | leaves by |
|---|---|---|
| menu.main | the list | 1 2 reverse, 3 waiting, 4 dayend, 5 setup, 6 training, 7 STATUS, 8, * |
"""

from firmware.flows import dayend, login, menu_texts, reverse, setup, training, waiting
from firmware.states import HOME, STATUS, beep, to
from firmware.texts import Words
from protocol.fields import REFUND, VOID


def begin(state, till):
    return to(state, "menu.main"), beep("key")


def step(state, event, now, till):
    if event[0] != "key":
        return state, ()
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
    if event[1] == "8" and till.operator:
        return login.leave(state)
    return state, beep("refused")


def view(page):
    words = Words(menu_texts.parts(page.language))
    page.foot = words[menu_texts.FOOT]
    return words[menu_texts.ROW_1], words[menu_texts.ROW_2], words[menu_texts.ROW_3]
