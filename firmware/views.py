"""What each state of the checkout looks like: five lines of text, the first for the status.

Pure: (state, status, words) -> lines. A line is at most 16 columns (a character above 127 takes
two). What is longer is cut at the end, which only names of members and tiers may be; a number is
never cut: where it leaves no room for its label, the label goes.
"""

from collections import namedtuple

from firmware import checkout
from firmware.texts import reason
from protocol import codes
from protocol.fields import SALE

COLUMNS = 16

# `up`: the link; `unsent`: unsettled taps; `fault`: name of a task that died, or None.
Status = namedtuple("Status", ("up", "unsent", "terminal_id", "version", "fault"))


def lines(state, status, words, currency_digits):
    """A tuple of five texts: the status line and four below it."""
    view = VIEWS[state.name]
    body = [fit(line) for line in view(state, status, words, currency_digits)]
    while len(body) < 4:
        body.append("")
    return (fit(_status(status, words)),) + tuple(body)


def fit(text):
    """The beginning of a text that takes at most 16 columns."""
    columns = 0
    for place, letter in enumerate(text):
        columns += 1 if ord(letter) < 128 else 2
        if columns > COLUMNS:
            return text[:place]
    return text


def columns(text):
    return sum([1 if ord(letter) < 128 else 2 for letter in text])


def labelled(template, value):
    """The value with its label, or alone where both together are too long."""
    text = template % value
    return text if columns(text) <= COLUMNS else str(value)


def money(amount_minor, digits):
    """1250 with 2 digits is 12.50."""
    if not digits:
        return str(amount_minor)
    unit = 10 ** digits
    return "%d.%0*d" % (amount_minor // unit, digits, amount_minor % unit)


def day(days):
    """Days since 1970-01-01 as 20261231 (proleptic Gregorian, H. Hinnant's civil_from_days)."""
    days += 719468
    era, of_era = days // 146097, days % 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    of_month = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return "%04d%02d%02d" % (year + era * 400 + (1 if month <= 2 else 0), month, of_month)


def last4(card_id):
    """The only part of a card that may stand on a screen."""
    if isinstance(card_id, int):
        return "..%04d" % (card_id % 10000)
    return ".." + card_id[-2:].hex()


def _status(status, words):
    if status.fault:
        return words["fault"] % status.fault
    left = words["online" if status.up else "offline"]
    return left + " " + words["status_unsent"] % status.unsent if status.unsent else left


def _home(state, status, words, digits):
    if state.alert:
        count, trace, code = state.alert
        return (words["alert"] % count, labelled(words["tap"], trace), reason(words, code),
                words["alert_do"])
    if state.shown:
        return _last(state.shown, words, digits)
    return words["title"], words["key_amount"], words["key_inquiry"]


# ("last", trace, amount_minor, card id, settled): settled is None or (code, points, receipt)
def _last(shown, words, digits):
    _, trace, amount_minor, card_id, settled = shown
    if settled is None:
        outcome = words["last_waiting"]
    elif settled[0] in (codes.APPROVED, codes.TOO_OLD):
        outcome = labelled(words["last_posted"], settled[1] or 0)
    else:
        outcome = words["last_refused"] % settled[0]
    what = words["card"] % last4(card_id) if card_id else ""
    return words["last_tap"], _tap(trace, amount_minor, words, digits), what, outcome


def _tap(trace, amount_minor, words, digits):
    tap = labelled(words["tap"], trace)
    both = tap + " " + money(amount_minor, digits)
    return both if amount_minor and columns(both) <= COLUMNS else tap


def _amount(state, status, words, digits):
    return words["amount"], money(state.amount_minor, digits), "", words["confirm"]


def _card(state, status, words, digits):
    what = money(state.amount_minor, digits) if state.purpose == SALE else words["key_inquiry"]
    return words["tap_card"], what, "", words["back"]


def _saving(state, status, words, digits):
    return words["saving"], money(state.amount_minor, digits)


def _sent(state, status, words, digits):
    return words["sent"], labelled(words["tap"], state.key[1]), money(state.amount_minor, digits)


def _asked(state, status, words, digits):
    return words["asking"], "", "", words["back"]


def _result(state, status, words, digits):
    return RESULTS[state.shown[0]](state.shown, status, words, digits)


def _posted(shown, status, words, digits):
    reply = shown[1]
    return (labelled(words["posted"], reply.points or 0), _balance(reply, words), _member(reply),
            labelled(words["receipt"], reply.receipt) if reply.receipt else "")


def _balance(reply, words):
    return "" if reply.balance is None else labelled(words["balance"], reply.balance)


def _member(reply):
    return " ".join([text for text in (reply.member, reply.tier) if text])


def _shown_balance(shown, status, words, digits):
    reply = shown[1]
    found = [_member(reply), _balance(reply, words)]
    if reply.stored_value is not None:
        found.append(labelled(words["value"], money(reply.stored_value, digits)))
    if reply.expiring:
        points, until = reply.expiring[0], day(reply.expiring[1])
        text = words["expiring"] % (points, until)
        found.append(text if columns(text) <= COLUMNS else "%d/%s" % (points, until[2:]))
    return found[:4]


def _refused(shown, status, words, digits):
    reply, amount_minor = shown[1], shown[2]
    if reply.code == codes.HELD:
        tap = _tap(reply.trace, amount_minor, words, digits)
        return words["held"], words["no_points_yet"], tap
    tap = _tap(reply.trace, amount_minor, words, digits) if reply.trace else ""
    return words["refused"], reason(words, reply.code), tap, reply.line or ""


def _saved(shown, status, words, digits):
    return words["saved"], labelled(words["tap"], shown[1]), money(shown[2], digits)


def _full(shown, status, words, digits):
    return words["full"], words["not_taken"], words["full_do"]


def _failed(shown, status, words, digits):
    return words["failed"], words["not_taken"], words["failed_do"]


def _no_answer(shown, status, words, digits):
    return words["no_answer"], words["no_answer_do" if status.up else "offline_do"]


def _status_view(state, status, words, digits):
    return (words["terminal"], str(status.terminal_id), words["unsent"] % status.unsent,
            labelled(words["version"], status.version))


def _recovery(state, status, words, digits):
    return words["recovery"], words["recovery_do"], words["recovery_call"], state.shown[1]


RESULTS = {
    "posted": _posted,
    "balance": _shown_balance,
    "refused": _refused,
    "saved": _saved,
    "full": _full,
    "failed": _failed,
    "no_answer": _no_answer,
}

VIEWS = {
    checkout.HOME: _home,
    checkout.AMOUNT: _amount,
    checkout.CARD: _card,
    checkout.SAVING: _saving,
    checkout.SENT: _sent,
    checkout.ASKED: _asked,
    checkout.RESULT: _result,
    checkout.STATUS: _status_view,
    checkout.RECOVERY: _recovery,
}
