"""What a cashier does beside a sale, one module a flow, each loaded from flash when it is used.

Law: a flow is sans-IO like `checkout`, which hands it every event while `state.name` is
"flow.place"; it leaves by a state of `firmware.states`. A module has a table of its places in its
head and `begin(state, till)`, `step(state, event, now, till)`, both -> (state, effects), and
`view(page)` -> rows. What a flow journals comes back to `checkout`, which says what became of it.
What only the gateway can do asks `login.needs_link(state, till)` where it begins.
Its words stand in `NAME_texts.py`, in both languages; all of it is cold (tools/handset_units.py).
"""

from firmware.errors import FirmwareError
from firmware.flows import (
    basket,
    card,
    dayend,
    login,
    menu,
    paper,
    redeem,
    reverse,
    setup,
    taps,
    training,
    waiting,
)


def begin(state, key, till):
    """A key that begins a flow where nothing is being keyed."""
    if key == "D":
        return menu.begin(state, till)
    if key == "C":
        return taps.begin(state, till)
    if key == "B":
        return redeem.begin(state, till)
    return state, ()


def step(state, event, now, till):
    """The next state and the effects to carry out, in order."""
    flow = state.name[:state.name.find(".")]
    if flow == "card":
        return card.step(state, event, now, till)
    if flow == "basket":
        return basket.step(state, event, now, till)
    if flow == "menu":
        return menu.step(state, event, now, till)
    if flow == "login":
        return login.step(state, event, now, till)
    if flow == "dayend":
        return dayend.step(state, event, now, till)
    if flow == "taps":
        return taps.step(state, event, now, till)
    if flow == "waiting":
        return waiting.step(state, event, now, till)
    if flow == "redeem":
        return redeem.step(state, event, now, till)
    if flow == "reverse":
        return reverse.step(state, event, now, till)
    if flow == "training":
        return training.step(state, event, now, till)
    if flow == "setup":
        return setup.step(state, event, now, till)
    if flow == "paper":
        return paper.step(state, event, now, till)
    raise FirmwareError("no flow " + flow)


def last_day(page):
    """The rows of the first screen after a boot, where a day's end was the last that was saved."""
    return dayend.last(page)


def view(page):
    """The rows of a flow's screen."""
    flow = page.state.name[:page.state.name.find(".")]
    if flow == "card":
        return card.view(page)
    if flow == "basket":
        return basket.view(page)
    if flow == "menu":
        return menu.view(page)
    if flow == "login":
        return login.view(page)
    if flow == "dayend":
        return dayend.view(page)
    if flow == "taps":
        return taps.view(page)
    if flow == "waiting":
        return waiting.view(page)
    if flow == "redeem":
        return redeem.view(page)
    if flow == "reverse":
        return reverse.view(page)
    if flow == "training":
        return training.view(page)
    if flow == "setup":
        return setup.view(page)
    if flow == "paper":
        return paper.view(page)
    raise FirmwareError("no flow " + flow)
