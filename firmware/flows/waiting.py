"""What is not done: taps that were not answered yet, and answers that posted nothing.

| place | what the cashier sees | leaves by |
|---|---|---|
| waiting.main | how many of both | A unsent, B look, * HOME |
| waiting.unsent | a tap that waits, the oldest first | B the next, * main |
| waiting.look | nothing new: answers are being looked for, a block a turn | found, time, * main |
| waiting.refused | a tap that did not post, the newest first | B look, # all seen, * main |
| waiting.none | nothing there, or it cannot be read now | * main |

`shown`: (tap as in `looking`, its place, where a look goes on). Acknowledged is what the alert
counts: all answers so far that nobody has seen. Where that cannot be kept they come again; in
training none is acknowledged.
"""

from firmware.flows import waiting_texts
from firmware.flows.taps import LOOK_MS, tap_rows
from firmware.flows import taps_texts
from firmware.states import HOME, State, beep, to


def begin(state, till):
    return to(state, "waiting.main"), beep("key")


def step(state, event, now, till):
    kind = event[0]
    if kind == "key":
        return _key(state, event[1], till)
    if kind == "found" and state.name in ("waiting.unsent", "waiting.look"):
        return _found(state, event[1], now)
    if kind == "failed":
        return _at(state, "waiting.none", ("failed",)), beep("fault")
    if kind == "time" and state.due is not None and now >= state.due:
        return _refused(state, state.shown[2])
    return state, ()


def _at(state, name, shown, due=None):
    return State(name, None, 0, None, shown, due, state.alert)


def _unsent(state, behind):
    return _at(state, "waiting.unsent", (None, behind, None)), (("look", "unsent", behind),)


def _refused(state, place):
    return _at(state, "waiting.look", (None, None, place)), (("look", "refused", place),)


def _key(state, key, till):
    name = state.name
    if key == "*":
        if name == "waiting.main":
            return to(state, HOME), beep("key")
        return _at(state, "waiting.main", None), beep("key")
    if name == "waiting.main" and key == "A":
        return _unsent(state, None)
    if name == "waiting.main" and key == "B":
        return _refused(state, None)
    if name == "waiting.unsent" and key == "B" and state.shown[0]:
        return _unsent(state, state.shown[0][1:3])
    if name == "waiting.refused" and key == "B":
        return _refused(state, state.shown[1])
    if name == "waiting.refused" and key == "#" and not till.training:
        done = State("waiting.main", None, 0, None, None, None, None)
        return done, (("seen",), ("beep", "ok"))
    return state, beep("refused")


def _found(state, value, now):
    if value is None:
        return _at(state, "waiting.none", None), beep("key")
    if state.name == "waiting.unsent":
        return _at(state, "waiting.unsent", (value, None, None)), beep("key")
    place, tap = value
    if tap is None:
        return _at(state, "waiting.look", (None, None, place), now + LOOK_MS), ()
    return _at(state, "waiting.refused", (tap, place, None)), beep("key")


def view(page):
    words = page.wording(waiting_texts.parts(page.language))
    state, alert = page.state, page.state.alert
    if state.name == "waiting.main":
        page.foot = words[waiting_texts.FOOT_MAIN]
        return (words[waiting_texts.TITLE], words[waiting_texts.UNSENT] % page.status.unsent,
                words[waiting_texts.REFUSED] % (alert[0] if alert else 0))
    if state.name == "waiting.none":
        page.foot = words[waiting_texts.FOOT_NONE]
        return (words[waiting_texts.FAILED if page.shown else waiting_texts.NONE],)
    if page.shown[0] is None:
        return (words[waiting_texts.LOOKING],)
    rows = tap_rows(page, page.wording(taps_texts.parts(page.language)),
                    (page.shown[0], None, (), None, None, None))
    refused = state.name == "waiting.refused"
    keys = words[waiting_texts.KEYS_REFUSED if refused else waiting_texts.KEYS_UNSENT]
    page.foot = str(page.shown[0][2]) + keys
    return rows
