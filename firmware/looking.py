"""What a flow asks of the outbox, one record or one block at a time: effect ("look", what, at).

Law: nothing is written, and no list of taps is ever made: whoever wants the next one asks again.
A tap is (kind, journal, trace, amount_minor, card, outcome, code, points, receipt, original):
`kind` 0 where its frame is gone, `card` its end for a screen or "", `outcome` "waiting",
"posted", "held" or "refused", `original` as its void names it: (journal, trace), a receipt, None.
`amount_minor` of a void by receipt, which names none: what head office wants handed back.

| what | at | the value found |
|---|---|---|
| older, newer | a place, None: the newest | (place, tap), None: no more; tap None: go on |
| unsent | (journal, trace) or None | the oldest tap behind it that waits, or None |
| refused | a place, None: the newest | as older: what did not post and was not acknowledged |
| day | the value before, None | `day_count.turn` |
| ready | None | `day_count.refusal` |
| close | (journal, trace) | the totals that this close of a day told, as rows |
| row | journal, (trace, code, points) | None: it is so here; else with our code and points |
"""

from firmware import day_count
from firmware.errors import FirmwareError
from firmware.outbox_back import refusal_before, tap_before, tap_behind
from firmware.outbox_kept import answer_of, money_of
from firmware.recall import amount_of, content
from firmware.states import by_receipt, did, outcome_of
from firmware.views import last4
from protocol import codes


def look(app, what, at):
    """The value for event ("found", value). OSError, OutboxUnreadable: the outbox failed."""
    outbox = app.outbox
    if what == "older":
        place, found = tap_before(outbox, at)
        return _told(outbox, place, found)
    if what == "newer":
        place, found = tap_behind(outbox, at)
        return _told(outbox, place, found)
    if what == "unsent":
        key = outbox.following(at)
        return key and tap_of(key[0], key[1], _frame(outbox, key), None)
    if what == "refused":
        place, found = refusal_before(outbox, at)
        if found is None:
            return place and (place, None)
        return place, tap_of(found[0], found[1], _frame(outbox, found[:2]), found[2])
    if what == "day":
        return day_count.turn(app, at)
    if what == "ready":
        return day_count.refusal(app)
    if what == "close":
        return day_count.close_of(outbox, at)
    if what == "row":
        return _other(outbox, at[0], at[1])
    raise FirmwareError("nobody can look for " + str(what))


# what was settled as a conflict lives on under another name
def _told(outbox, place, found):
    if place is None:
        return None
    if found is None or found[3] and found[3][0] == codes.TRACE_CONFLICT:
        return place, None
    tap = tap_of(found[0], found[1], found[2], found[3])
    if by_receipt(tap[0], tap[9]) and tap[5] == "posted":
        tap = tap[:3] + (money_of(outbox, tap[1], tap[2]) or 0,) + tap[4:]
    return place, tap


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


# What head office holds of a trace, where that is another thing than what stands here.
def _other(outbox, journal, row):
    trace, code, points = row
    settled = answer_of(outbox, journal, trace)
    if settled is None:  # nobody has it, or its block was given up
        return None if code == codes.TRY_LATER else (trace, code, points, None, None)
    ours = codes.APPROVED if did(0, settled[0], settled[2]) else settled[0]
    gained = settled[1] or 0
    if code == ours and (points == gained or ours != codes.APPROVED):
        return None
    return trace, code, points, ours, gained
