"""What each state of the checkout looks like: five lines of text, the first for the status.

Pure: (state, status, texts) -> lines. A line has at most 16 columns (a character above 127
takes two). What is longer is cut at the end, which only names of members and tiers may be; a
number is never cut: where it leaves no room for its label, the label goes.
"""

from collections import namedtuple

from firmware import checkout
from firmware.errors import FirmwareError
from firmware.texts import Words, names
from protocol import codes
from protocol.fields import SALE, VOID

COLUMNS = 16

# `up`: the link; `unsent`: unsettled taps; `fault`: name of a task that died, or None;
# `link_fault`: what was last wrong with the link, a text, for the status screen.
Status = namedtuple("Status", ("up", "unsent", "terminal_id", "version", "fault", "link_fault"))


def lines(state, status, parts, currency_digits):
    """A tuple of five texts: the status line and four below it. `parts`: the language's texts."""
    page = Page(state, status, Words(parts), currency_digits)
    view = {checkout.HOME: _home, checkout.RESULT: _result}.get(state.name, _entry)
    body = [fit(page.head())]
    for line in view(page):
        body.append(fit(line))
    while len(body) < 5:
        body.append("")
    return tuple(body)


def columns(text):
    letters = len(text)
    if len(text.encode()) == letters:
        return letters
    return sum([1 if ord(letter) < 128 else 2 for letter in text])


def fit(text):
    """The beginning of a text that takes at most 16 columns."""
    while columns(text) > COLUMNS:
        text = text[:-1]
    return text


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


class Page:
    """One screen being written; `words` are the language's texts."""

    def __init__(self, state, status, words, digits):
        self.state = state
        self.shown = state.shown
        self.status = status
        self.words = words
        self.digits = digits

    def head(self):
        status, words = self.status, self.words
        if status.fault:
            return words[names.FAULT] % status.fault
        left, right = words[names.ONLINE if status.up else names.OFFLINE], ""
        if self.state.alert and not alerts(self.state):  # else it has the whole screen
            right = words[names.ALERT] % self.state.alert[0]
        elif status.unsent:
            right = words[names.STATUS_UNSENT] % status.unsent
        both = left + " " + right if right else left
        return both if columns(both) <= COLUMNS else right

    def label(self, name, value):
        """The value with its label, or alone where both together are too long."""
        text = self.words[name] % value
        return text if columns(text) <= COLUMNS else str(value)

    def money(self, amount_minor):
        return money(amount_minor, self.digits)

    def tap(self, trace, amount_minor=0):
        tap = self.label(names.TAP, trace)
        both = tap + " " + self.money(amount_minor)
        return both if amount_minor and columns(both) <= COLUMNS else tap

    def reason(self, code):
        return self.words.reason(code) or self.words[names.CODE] % code


def alerts(state):
    """Whether the screen is the alert's: on home, behind the last tap of a boot."""
    return state.alert and state.name == checkout.HOME and state.shown is None


def _home(page):
    words = page.words
    if alerts(page.state):
        count, trace, code = page.state.alert
        return (words[names.ALERT] % count, page.tap(trace), page.reason(code),
                words[names.ALERT_DO])
    if page.shown and page.shown[0] == "last_void":
        return _last_void(page, *page.shown[1:])
    if page.shown:
        return _last(page, *page.shown[1:])
    return words[names.TITLE], words[names.KEY_AMOUNT], words[names.KEY_INQUIRY]


# `settled` is None or (code, points, receipt)
def _last(page, trace, amount_minor, card_id, settled):
    words = page.words
    if settled is None:
        outcome = words[names.LAST_WAITING]
    elif checkout.did(SALE, settled[0], settled[2]):
        outcome = page.label(names.LAST_POSTED, settled[1] or 0)
    elif settled[0] == codes.HELD:  # head office may post it: it must not be tapped again
        outcome = words[names.HELD]
    else:
        outcome = words[names.LAST_REFUSED] % settled[0]
    what = words[names.CARD] % last4(card_id) if card_id else ""
    return words[names.LAST_TAP], page.tap(trace, amount_minor), what, outcome


# the void of the tap `trace` was answered with `code` and `receipt`
def _last_void(page, trace, code, receipt):
    words = page.words
    gone = checkout.did(VOID, code, receipt)
    return (words[names.LAST_TAP], page.label(names.CANCELS, trace), "",
            words[names.CANCELLED if gone else names.NOT_CANCELLED])


def _entry(page):
    """The screens of a sale or an inquiry under way, status and recovery."""
    state, words = page.state, page.words
    name, amount = state.name, page.money(state.amount_minor)
    if name == checkout.AMOUNT:
        return words[names.AMOUNT], amount, "", words[names.CONFIRM]
    if name == checkout.CARD:
        what = amount if state.purpose == SALE else words[names.KEY_INQUIRY]
        return words[names.TAP_CARD], what, "", words[names.BACK]
    if name == checkout.SAVING:
        return words[names.SAVING], amount
    if name == checkout.SENT:
        return words[names.SENT], page.tap(state.key[1]), amount, words[names.CANCEL_DO]
    if name == checkout.ASK_VOID:
        return (words[names.CANCEL_ASK], page.tap(state.key[1], state.amount_minor),
                words[names.CONFIRM], words[names.BACK])
    if name == checkout.CANCELLING or name == checkout.WAITING:
        label = names.CANCELLING if name == checkout.CANCELLING else names.ASKING
        return words[label], page.tap(state.key[1], state.amount_minor)
    if name == checkout.ASKED:
        return words[names.ASKING], "", "", words[names.BACK]
    if name == checkout.STATUS:
        status = page.status
        return (page.label(names.TERMINAL, status.terminal_id),
                words[names.UNSENT] % status.unsent, page.label(names.VERSION, status.version),
                status.link_fault)
    if name == checkout.RECOVERY:
        return (words[names.RECOVERY], words[names.RECOVERY_DO], words[names.RECOVERY_CALL],
                page.shown[1])
    raise FirmwareError("no view for the state " + name)


def _result(page):
    kind = page.shown[0]
    if kind == "posted":
        return _posted(page, page.shown[1])
    if kind == "balance":
        return _balance(page, page.shown[1])
    if kind == "refused":
        return _refused(page, page.shown[1], page.shown[2])
    words = page.words
    if kind == "saved":
        return (words[names.SAVED], page.tap(page.shown[1]), page.money(page.shown[2]),
                words[names.CANCEL_DO])
    if kind == "cancelled":
        return words[names.CANCELLED], page.tap(page.shown[1], page.shown[2])
    if kind == "not_cancelled":
        return (words[names.NOT_CANCELLED], page.reason(page.shown[3]),
                page.tap(page.shown[1], page.shown[2]))
    if kind == "no_void":
        do = names.FULL_DO if page.shown[1] == "full" else names.FAILED_DO
        return (words[names.NOT_CANCELLED], words[do],
                page.tap(page.state.key[1], page.state.amount_minor), words[names.CANCEL_DO])
    if kind == "full":
        return words[names.FULL], words[names.NOT_TAKEN], words[names.FULL_DO]
    if kind == "failed":
        return words[names.FAILED], words[names.NOT_TAKEN], words[names.FAILED_DO]
    # no_answer
    do = names.NO_ANSWER_DO if page.status.up else names.OFFLINE_DO
    return words[names.NO_ANSWER], words[do]


def _posted(page, reply):
    return (page.label(names.POSTED, reply.points or 0), _balance_text(page, reply),
            _member(reply), page.label(names.RECEIPT, reply.receipt) if reply.receipt else "")


def _balance_text(page, reply):
    return "" if reply.balance is None else page.label(names.BALANCE, reply.balance)


def _member(reply):
    return " ".join([text for text in (reply.member, reply.tier) if text])


def _balance(page, reply):
    found = [_member(reply), _balance_text(page, reply)]
    if reply.stored_value is not None:
        found.append(page.label(names.VALUE, page.money(reply.stored_value)))
    if reply.expiring:
        points, until = reply.expiring[0], day(reply.expiring[1])
        text = page.words[names.EXPIRING] % (points, until)
        found.append(text if columns(text) <= COLUMNS else "%d/%s" % (points, until[2:]))
    return found


def _refused(page, reply, amount_minor):
    words = page.words
    if reply.code == codes.HELD:
        return words[names.HELD], words[names.NO_POINTS_YET], page.tap(reply.trace, amount_minor)
    tap = page.tap(reply.trace, amount_minor) if reply.trace else ""
    return words[names.REFUSED], page.reason(reply.code), tap, reply.line or ""

