"""What every flow has to hold, whatever it is for; portable."""

from firmware.checkout import step
from firmware.states import HOME, NOBODY
from firmware.texts import Words

KEYS = "0123456789*#ABCD"


def press(state, keys, till=NOBODY, now=0):
    """The state behind the keys, and all effects that were no beeps."""
    wanted = []
    for key in keys:
        state, effects = step(state, ("key", key), now, till)
        wanted += [each for each in effects if each[0] != "beep"]
    return state, wanted


def walk(begun, events=(), till=NOBODY, limit=400):
    """All states that keys and `events` lead to from `begun`, as long as they are a flow's."""
    seen, fresh = [], [begun]
    events = [("key", key) for key in KEYS] + list(events)
    while fresh and len(seen) < limit:
        state = fresh.pop()
        seen.append(state)
        for event in events:
            after, _ = step(state, event, 20000, till)
            if "." in after.name and after not in seen and after not in fresh:
                fresh.append(after)
    return seen


def home_is_near(states, till=NOBODY):
    """From each of them * leads home, in four presses at most."""
    for state in states:
        after = press(state, "****", till)[0]
        assert after.name == HOME, (state.name, after.name)


def same_words(texts):
    """The texts module of a flow says the same things in both languages, each within a row."""
    said = []
    for language in ("en", "zh"):
        parts = texts.parts(language)
        rows = [row.split("=", 1) for part in parts for row in part.split("\n") if row]
        said.append([key for key, _ in rows])
        words = Words(parts)
        for number, (_, text) in enumerate(rows):
            assert words[number] == text
    assert said[0] == said[1]
