"""Who stands at the handset: an operator's number and PIN.

| place | what the cashier sees | leaves by |
|---|---|---|
| login.online | logged in without the gateway: that needs it | * HOME |
"""

from firmware.flows import login_texts
from firmware.states import HOME, beep, needs_gateway, to
from firmware.texts import Words


def needs_login(state, till):
    """(state, effects) that refuse what needs an online login; None where there is one, or none
    is wanted. For redemption, refund, void by receipt, day-end: ask it in `begin`."""
    if not needs_gateway(till):
        return None
    return to(state, "login.online"), beep("refused")


def step(state, event, now, till):
    if event[0] == "key" and event[1] == "*":
        return to(state, HOME), beep("key")
    return state, ()


def view(page):
    words = Words(login_texts.parts(page.language))
    page.foot = words[login_texts.KEYS_BACK]
    return words[login_texts.ONLINE], words[login_texts.ONLINE_DO]
