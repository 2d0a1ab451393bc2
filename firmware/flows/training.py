"""Training: everything can be keyed and shown, and nothing posts.

| place | what the cashier sees | leaves by |
|---|---|---|
| training.ask | begin, or end it? | # HOME, * HOME |

Law: while it lasts each screen says so in its bar, nothing is journaled and nothing that stands in
the outbox is acknowledged (App). A boot ends it: it stands in RAM alone.
"""

from firmware.flows import training_texts
from firmware.states import HOME, beep, to


def begin(state, till):
    return to(state, "training.ask", None, 0, None, ("training", till.training)), beep("key")


def step(state, event, now, till):
    if event[0] != "key" or event[1] not in "#*":
        return state, ()
    if event[1] == "*":
        return to(state, HOME), beep("key")
    return to(state, HOME), (("till", "training", not state.shown[1]),) + beep("ok")


def view(page):
    words = page.wording(training_texts.parts(page.language))
    page.foot = words[training_texts.FOOT]
    if page.shown[1]:
        return words[training_texts.END], words[training_texts.THEN_POSTS]
    return words[training_texts.BEGIN], words[training_texts.NOTHING_POSTS]
