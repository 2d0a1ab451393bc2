"""The end of a terminal's day: counted here, compared by head office, differing taps named.

| place | what the cashier sees | leaves by |
|---|---|---|
| dayend.count | how far the count is, a block a turn | found totals or no, time, * HOME |
| dayend.no | why there is no day-end now | * HOME |
| dayend.totals | count, money and points of a type | A B another type, # sent or no, * HOME |
| dayend.sent | it waits for its answer, link or no link | settled compare, 30 s says so, * HOME |
| dayend.compare | nothing new: what head office names is looked up, a tap a turn | done, * HOME |
| dayend.done | agrees, or closed and not compared, or refused | # * HOME |
| dayend.differs | a type or a tap on which both differ | A B another one, * HOME |

Law: nothing is sent while a tap is unsettled or the link is down, and a close is never voided: it
stands in the outbox like a sale and goes out until it is answered, through reboots too. Its answer
is shown also where it comes later, while nothing is being done. The batch is closed whether both
agree or not.

`shown`: count ("day", value of `looking`), totals (Count, page), sent (overdue, since when),
compare and behind it (ours, theirs, rows of the answer, how many were looked up, pages, page),
refused ("refused", code).
A page is (None, type, theirs, ours) or (trace, code, points, our code, our points).
"""

from firmware.day_count import rows_of
from firmware.flows import dayend_texts as words_of
from firmware.flows.login import needs_login
from firmware.states import HOME, State, beep, did, to
from protocol import codes
from protocol.fields import BATCH_CLOSE
from protocol.limits import VOID_AFTER_S

TURN_MS = 5  # between two turns, for the link
AWAKE_MS = 500  # the answer comes with the link, and its taps are looked up by the panel
_PAGES_MAX = 32  # more stand on no screen
_KINDS = 4  # types 1 to 4 have a name


def begin(state, till):
    refused = needs_login(state, till)
    if refused:
        return refused
    return to(state, "dayend.count", BATCH_CLOSE, 0, None, (None,)), (("look", "day", None),)


def step(state, event, now, till):
    kind = event[0]
    if kind == "key":
        return _key(state, event[1])
    if kind == "settled":
        return _settled(state, event[1], now)
    if kind == "found":
        return _found(state, event[1], now)
    if kind == "time" and state.due is not None and now >= state.due:
        return _turn(state, now)
    if kind == "saved":
        shown = False, now + VOID_AFTER_S * 1000
        sent = to(state, "dayend.sent", BATCH_CLOSE, 0, event[1:], shown, now + AWAKE_MS)
        return sent, beep("saved")
    if kind == "failed" and state.name == "dayend.compare":  # closed all the same
        return _next(state, (None, None, (), 0, ()), now)
    if kind in ("full", "failed", "trained"):
        return _at(state, "dayend.no", (kind, 0)), beep("fault")
    return state, ()


def _at(state, name, shown, due=None):
    return State(name, BATCH_CLOSE, 0, state.key, shown, due, state.alert)


def _key(state, key):
    name = state.name
    if key == "*" or key == "#" and name == "dayend.done":
        return to(state, HOME), beep("key")
    if name == "dayend.totals" and key == "#":
        return _at(state, name, state.shown), (("look", "ready", None),)
    if key in ("A", "B") and name in ("dayend.totals", "dayend.differs"):
        shown = state.shown
        pages = len(shown[0].totals if name == "dayend.totals" else shown[4]) or 1
        page = (shown[-1] + (1 if key == "B" else -1)) % pages
        return _at(state, name, shown[:-1] + (page,)), beep("key")
    return state, beep("refused")


def _turn(state, now):
    if state.name == "dayend.count":
        return _at(state, state.name, state.shown), (("look", "day", state.shown[0]),)
    if state.name == "dayend.compare":
        journal, row = state.key[0], state.shown[2][state.shown[3]]
        return _at(state, state.name, state.shown), (("look", "row", (journal, row)),)
    overdue, until = state.shown  # sent, and no answer yet
    late = now >= until
    return (_at(state, state.name, (late, until), now + AWAKE_MS),
            beep("fault") if late and not overdue else ())


def _found(state, value, now):
    if state.name == "dayend.count":
        if value[0] == "no":
            return _at(state, "dayend.no", value[1:]), beep("refused")
        if value[0] == "done":
            return _at(state, "dayend.totals", (value[1], 0)), beep("ok")
        return _at(state, state.name, (value,), now + TURN_MS), ()
    if state.name == "dayend.totals":
        if value:
            return _at(state, "dayend.no", value[1:]), beep("refused")
        count = state.shown[0]
        totals = {0: (count.first, count.last)}
        for row in count.totals:
            totals[row[0]] = row[1:]
        return state, (("journal", BATCH_CLOSE, {"totals": totals}),)
    if state.name == "dayend.compare":
        ours, theirs, rows, seen, pages = state.shown[:5]
        if seen < 0:  # what we told
            return _compare(state, value, theirs, rows, now)
        if value and len(pages) < _PAGES_MAX:
            pages += (value,)
        return _next(state, (ours, theirs, rows, seen + 1, pages), now)
    return state, ()


# -- the answer --------------------------------------------------------------------------------


def _settled(state, reply, now):
    if not did(BATCH_CLOSE, reply.code, reply.receipt):
        return _at(state, "dayend.done", ("refused", reply.code)), ()
    key = (reply.journal, reply.trace)
    shown = None, reply.totals and rows_of(reply.totals), reply.differing or (), -1, (), 0
    after = State("dayend.compare", BATCH_CLOSE, 0, key, shown, None, state.alert)
    return after, (("look", "close", key),)


# the types that differ, then what head office names of the taps
def _compare(state, ours, theirs, rows, now):
    pages = ()
    if ours is None or theirs is None:
        return _next(state, (ours, None, (), 0, ()), now)
    for kind in sorted(set([row[0] for row in ours + theirs])):
        both = [[row[1:] for row in each if row[0] == kind] for each in (theirs, ours)]
        if both[0] != both[1]:
            pages += ((None, kind) + tuple([each[0] if each else (0, 0, 0) for each in both]),)
    return _next(state, (ours, theirs, rows, 0, pages), now)


def _next(state, shown, now):
    if shown[3] < len(shown[2]):
        return _at(state, "dayend.compare", shown + (0,), now + TURN_MS), ()
    agrees = not shown[4]
    after = _at(state, "dayend.done" if agrees else "dayend.differs", shown + (0,))
    return after, beep("ok" if agrees else "refused") + (("print", "day", shown, False),)


# -- what it looks like ------------------------------------------------------------------------


def view(page):
    words = page.wording(words_of.parts(page.language))
    place, shown = page.state.name[7:], page.shown
    page.foot = words[words_of.KEYS_BACK]
    if place == "count":
        percent = shown[0][2] if shown[0] and shown[0][0] == "count" else 0
        return words[words_of.TITLE], words[words_of.COUNTING] % percent
    if place == "no":
        return _no(words, shown)
    if place == "totals":
        return _totals(page, words, shown[0].totals, shown[1], shown[0].taps)
    if place == "sent":
        page.tap(page.state.key[1])
        if shown[0]:
            return words[words_of.TITLE], words[words_of.NO_ANSWER], words[words_of.GOES_ON]
        return words[words_of.TITLE], words[words_of.SENT]
    if place == "compare":
        return words[words_of.TITLE], words[words_of.COMPARING]
    if place == "differs":
        return _differs(page, words, shown[4], shown[5])
    if shown[0] == "refused":
        return words[words_of.TITLE], words[words_of.REFUSED], page.reason(shown[1])
    return (words[words_of.DONE], words[words_of.NOT_COMPARED if shown[1] is None
                                        else words_of.AGREES])


def last(page):
    """The first screen after a boot, where the last that was saved is the end of a day."""
    words = page.wording(words_of.parts(page.language))
    _, trace, settled = page.shown
    page.tap(trace)
    if settled is None:
        return words[words_of.TITLE], words[words_of.NO_ANSWER], words[words_of.GOES_ON]
    if did(BATCH_CLOSE, settled[0], settled[2]):
        return (words[words_of.DONE],)
    return words[words_of.TITLE], words[words_of.REFUSED], page.reason(settled[0])


def _no(words, shown):
    why, count = shown
    if why == "unsettled":
        return (words[words_of.TITLE], words[words_of.UNSETTLED] % count,
                words[words_of.UNSETTLED_DO])
    for name, number in (("offline", words_of.OFFLINE), ("nothing", words_of.NOTHING),
                         ("trained", words_of.TRAINED)):
        if why == name:
            return words[words_of.TITLE], words[number]
    return words[words_of.TITLE], words[words_of.FAILED]


def _kind(words, kind):
    return words[words_of.SALE + kind - 1] if kind <= _KINDS else words[words_of.OTHER] % kind


def _totals(page, words, totals, number, taps):
    page.foot = words[words_of.KEYS_TOTALS] % (number + 1, len(totals) or 1)
    if not totals:
        return words[words_of.TITLE], words[words_of.TAPS] % taps, words[words_of.NONE_POSTED]
    return _row(page, words, _kind(words, totals[number][0]), totals[number][1:])


def _row(page, words, title, row):
    count, amount_minor, points = row
    return (page.either(title + " " + words[words_of.TIMES] % count, str(count)),
            page.money(amount_minor) if amount_minor else "",
            page.either(words[words_of.POINTS] % points, "%+d" % points))


def _differs(page, words, pages, number):
    page.foot = words[words_of.KEYS_DIFFERS] % (number + 1, len(pages))
    found = pages[number]
    if found[0] is None:
        title = _kind(words, found[1]) + words[words_of.DIFFERS]
        return (title, _figures(page, words[words_of.HQ], found[2], found[3]),
                _figures(page, words[words_of.HERE], found[3], found[2]))
    trace, code, points, our_code, our_points = found
    return (page.either(words[words_of.TAP] % trace, str(trace)),
            page.either(words[words_of.HQ] + _told(words, code, points), "%d %+d" % (
                code, points)),
            page.either(words[words_of.HERE] + _told(words, our_code, our_points),
                        _told(words, our_code, our_points)))


def _told(words, code, points):
    if code is None or code == codes.TRY_LATER:
        return words[words_of.NOTHING_OF_IT]
    return "%+d" % points if code == codes.APPROVED else words[words_of.CODE] % code


# all three, or where there is no room the first on which both differ
def _figures(page, label, row, other):
    said = str(row[0]), page.money(row[1]), "%+d" % row[2]
    place = 0
    while place < 2 and row[place] == other[place]:
        place += 1
    short = page.either(label + said[place], said[place])
    return page.either(label + " ".join(said), short)
