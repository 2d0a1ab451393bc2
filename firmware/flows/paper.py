"""The printer: how it is, how many slips wait, the last one once more.

| place | what the cashier sees | leaves by |
|---|---|---|
| paper.main | its state, the slips that wait or were given up | # C printer, time, * HOME |

Law: a slip never keeps a cashier here: it is printed behind any screen, once the printer can.

`shown`: (state of the printer or what came of what was asked for, how many wait, how many were
given up), None until it is known.
"""

from firmware.flows import paper_texts
from firmware.states import HOME, beep, to

LOOK_MS = 2000  # how often it is asked how it is


def begin(state, what):
    """`what`: "state", or (journal, trace) of a tap whose slip is printed again."""
    return to(state, "paper.main"), (("print", what, None, True),) + beep("key")


def step(state, event, now, till):
    kind = event[0]
    if kind == "printer":
        return to(state, "paper.main", None, 0, None, event[1:], now + LOOK_MS), ()
    if kind == "failed":
        return to(state, "paper.main", None, 0, None, ("failed", 0, 0)), beep("fault")
    if kind == "time" and state.due is not None and now >= state.due:
        return to(state, "paper.main", None, 0, None, state.shown), (
            ("print", "state", None, True),)
    if kind != "key":
        return state, ()
    key = event[1]
    if key == "*":
        return to(state, HOME), beep("key")
    if key == "#" or key == "C":
        what = "again" if key == "#" else "drop"
        return state, (("print", what, None, True),) + beep("key")
    return state, beep("refused")


def view(page):
    words = page.wording(paper_texts.parts(page.language))
    page.foot = words[paper_texts.FOOT]
    if not page.shown:
        return (words[paper_texts.TITLE],)
    state, waiting, dropped = page.shown
    last = ""
    if waiting:
        last = words[paper_texts.WAITING] % waiting
    elif dropped:
        last = words[paper_texts.DROPPED] % dropped
    return words[paper_texts.TITLE], words.reason(state) or words.reason("error") or "", last
