"""What a flow asks of the outbox, one record or one block at a time: effect ("look", what, at).

Law: nothing is written, and no list of taps is ever made: whoever wants the next one asks again.
A tap is (kind, journal, trace, amount_minor, card, outcome, code, points, receipt, original):
`kind` 0 where its frame is gone, `card` its end for a screen or "", `outcome` "waiting",
"posted", "held" or "refused", `original` as its void names it: (journal, trace), a receipt, None.

| what | at | the value found |
|---|---|---|
| older, newer | a place, None: the newest | (place, tap), None: no more; tap None: go on |
| unsent | (journal, trace) or None | the oldest tap behind it that waits, or None |
| refused | a place, None: the newest | as older: what did not post and was not acknowledged |
"""

from firmware.errors import FirmwareError
from firmware.outbox_back import refusal_before, tap_before, tap_behind
from firmware.recall import content
from firmware.states import outcome_of
from firmware.views import last4
from protocol import codes


def look(app, what, at):
    """The value for event ("found", value). OSError, OutboxUnreadable: the outbox failed."""
    outbox = app.outbox
    if what == "older":
        place, found = tap_before(outbox, at)
        return _told(place, found)
    if what == "newer":
        place, found = tap_behind(outbox, at)
        return _told(place, found)
    if what == "unsent":
        key = outbox.following(at)
        return key and tap_of(key[0], key[1], _frame(outbox, key), None)
    if what == "refused":
        place, found = refusal_before(outbox, at)
        if found is None:
            return place and (place, None)
        return place, tap_of(found[0], found[1], _frame(outbox, found[:2]), found[2])
    raise FirmwareError("nobody can look for " + str(what))


# what was settled as a conflict lives on under another name
def _told(place, found):
    if place is None:
        return None
    if found is None or found[3] and found[3][0] == codes.TRACE_CONFLICT:
        return place, None
    return place, tap_of(found[0], found[1], found[2], found[3])


def _frame(outbox, key):
    try:
        return outbox.frame(*key)
    except KeyError:  # its answer is younger than the oldest block, and it is not
        return None


def tap_of(journal, trace, frame, settled):
    """A tap as the flows take it."""
    said = content(frame) if frame else {}
    kind, card = said.get(0, 0), said.get(6)
    code, points, receipt = settled or (None, None, None)
    return (kind, journal, trace, amount_of(said), last4(card[1]) if card else "",
            outcome_of(kind, settled), code, points, receipt, said.get(10))


def amount_of(said):
    """The money that a message names, 0 for none."""
    if 8 in said:
        return sum([line[1] for line in said[8]])
    return said.get(7, 0)
