"""What each state of the checkout looks like: five lines of text (drawn by screen.py).

Pure: (state, status, texts) -> lines. The first is the bar, the last the foot: numbers and signs
that no language changes, one column each. The three rows between them have at most 16 columns (a
character above 127 takes two). What is longer is cut at the end, which only names of members and
tiers may be; a number is never cut: where it leaves no room for its label, the label goes, and
one that no row has room for is a question mark.

    bar    ● online, ○ not; signal ▁ to ▇; ↑ unsent taps; ! what did not post and nobody
           acknowledged; ? the task or part that failed; battery ▏ to █
    foot   keys: ✓ yes, ✗ no, ← back; TRACE of a tap, REF of a receipt
"""

from collections import namedtuple

from micropython import const

from firmware import checkout, flows, texts, views_answer
from firmware.errors import FirmwareError
from firmware.flows import card, login
from firmware.states import did, in_vain
from firmware.texts import Words, names
from protocol import codes
from protocol.fields import REDEMPTION, SALE, VOID

COLUMNS = 16

# long enough not to be interned: link up and not, signal (5), battery (5), unsent, alert, died
_SIGNS = "●○▁▂▃▅▇▏▎▍▋█↑!?"
_SIGNAL = const(2)
_BATTERY = const(7)
_UNSENT = const(12)

# `up`: the link; `unsent`: unsettled taps; `fault`: name of a task that died or of a part that
# does not work, or None; `link_fault`: what was last wrong with the link, a text, for the status
# screen; `signal_dbm` and `battery_percent` as a board says them, None for nothing known;
# `font_fault`: what is wrong with the font file, empty for nothing; `operator`: who is logged in,
# 0 for nobody, None where nobody has to.
Status = namedtuple("Status", ("up", "unsent", "terminal_id", "version", "fault", "link_fault",
                               "signal_dbm", "battery_percent", "font_fault", "operator"))


def lines(state, status, language, currency_digits, training=False):
    """A tuple of five texts: bar, three rows, foot. `language`: "zh" or "en"."""
    alerted = state.alert and not alerts(state)  # else it has the whole screen
    top = bar(status, state.alert[0] if alerted else 0, training)
    return (top,) + _body(state, status, language, currency_digits)


def _body(state, status, language, currency_digits):
    page = Page(state, status, language, currency_digits)
    name = state.name
    # what takes the most room is called from here: each caller in between would be in the heap too
    if "." in name:
        rows = flows.view(page)
    elif name == checkout.HOME:
        rows = _home(page)
    elif name == checkout.CARD:
        rows = card.wanted(page)
    elif name != checkout.RESULT:
        rows = _entry(page)
    elif page.shown[0] == "posted":
        rows = views_answer.posted(page, *page.shown[1:])
    elif page.shown[0] == "balance":
        rows = views_answer.balance(page, page.shown[1])
    elif page.shown[0] == "refused":
        rows = views_answer.refused(page, page.shown[1], page.shown[2])
    else:
        rows = _result(page)
    body = [fit(row) for row in rows]
    while len(body) < 3:
        body.append("")
    body.append(page.foot)
    return tuple(body)


def bar(status, alerted, training=False):
    """16 columns, for instance `●▅ ↑3 !1       ▋`; in training `●▅ TRAIN ↑3    ▋`. Where a number
    has no room its sign stands alone."""
    text = _SIGNS[0 if status.up else 1]
    text += " " if status.signal_dbm is None else _step(_SIGNAL, status.signal_dbm, -105, 12)
    if training:
        text += " TRAIN"
    for place, said in enumerate((status.unsent, alerted, status.fault)):
        if said and (place == 2 or not status.fault):
            text += " " + _SIGNS[_UNSENT + place]
            if place == 2 or len(text) + len(str(said)) <= COLUMNS - 2:
                text += str(said)
    text = text[:COLUMNS - 2]
    if status.battery_percent is None:
        return text.rstrip()
    battery = _step(_BATTERY, status.battery_percent, 10, 22)
    return text + " " * (COLUMNS - 1 - len(text)) + battery


# the first of five signs below `least`, the next for each `width` more
def _step(sign, value, least, width):
    return _SIGNS[sign + min(max((value - least) // width + 1, 0), 4)]


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


def last4(card_id):
    """The only part of a card that may stand on a screen."""
    if isinstance(card_id, int):
        return "..%04d" % (card_id % 10000)
    return ".." + card_id[-2:].hex()


class Page:
    """One screen being written; `words` are the language's texts."""

    def __init__(self, state, status, language, digits):
        self.state = state
        self.shown = state.shown
        self.status = status
        self.words = Words(texts.parts(language))
        self.language = language
        self.digits = digits
        self.foot = ""

    def wording(self, parts):
        """The texts of a flow: its unit need not carry `Words` too."""
        return Words(parts)

    def label(self, name, value):
        """The value with its label, or alone where both together are too long."""
        return self.either(self.words[name] % value, str(value))

    def either(self, text, shorter):
        """The text where a row has room for it, else the shorter one. A number that no row has
        room for is none: with its end cut it would be another."""
        if columns(text) <= COLUMNS:
            return text
        return shorter if columns(shorter) <= COLUMNS else "?"

    def money(self, amount_minor):
        return money(amount_minor, self.digits)

    def known_money(self, amount_minor):
        """The money, or nothing where it is not known or named."""
        return self.money(amount_minor) if amount_minor else ""

    def tap(self, trace, amount_minor=0):
        """The foot names the tap, and its amount where there is room."""
        tap = self.words[names.TRACE] % trace
        both = tap + " " + self.money(amount_minor)
        self.foot = both if amount_minor and len(both) <= COLUMNS else tap

    def receipt(self, number):
        self.foot = self.words[names.RECEIPT] % number if number else ""

    def reason(self, code):
        return self.words.reason(code) or self.words[names.CODE] % code


def alerts(state):
    """Whether the screen is the alert's: on home, behind the last tap of a boot."""
    return state.alert and state.name == checkout.HOME and state.shown is None


def _home(page):
    words = page.words
    if alerts(page.state):
        count, trace, code = page.state.alert
        page.tap(trace)
        return words[names.ALERT] % count, page.reason(code), words[names.ALERT_DO]
    operator = page.status.operator
    if operator == 0 and not page.shown or page.shown and page.shown[0] == "operator":
        return login.home(page)
    if page.shown and page.shown[0] == "last_void":
        return _last_void(page, *page.shown[1:])
    if page.shown and page.shown[0] == "last_day":
        return flows.last_day(page)
    if page.shown:
        return _last(page, *page.shown[1:])
    page.foot = page.status.font_fault.upper()[:COLUMNS]
    if not page.foot:
        page.foot = words[names.KEY_POINTS]
    title = words[names.TITLE]
    if operator:
        who = "OP %d" % operator
        title = page.either(title + " " + who, who)
    return title, words[names.KEY_AMOUNT], words[names.KEYS_HOME]


# `settled` is None or (code, points, receipt); `given` as `recall.last_tap` says
def _last(page, trace, amount_minor, card_id, settled, given):
    words = page.words
    if settled is None:
        outcome = words[names.LAST_WAITING]
    elif did(SALE, settled[0], settled[2]):
        outcome = page.label(names.LAST_POSTED, settled[1] or 0)
    elif settled[0] == codes.HELD:  # head office may post it: it must not be tapped again
        outcome = words[names.HELD]
    else:
        outcome = words[names.LAST_REFUSED] % settled[0]
    page.tap(trace, amount_minor)
    if given:  # which may be another sum than the one that was asked for
        what = _given(page, given)
    else:
        what = words[names.CARD] % last4(card_id) if card_id else ""
    return words[names.LAST_TAP], outcome, what


def _given(page, given):
    label = names.OFF if given[0] == REDEMPTION else names.HAND_BACK
    return page.label(label, page.money(given[1]))


# the void of the tap `trace` was answered with `code` and `receipt`
def _last_void(page, trace, code, receipt, given):
    words = page.words
    gone = did(VOID, code, receipt)
    became = words[names.CANCELLED if gone else names.NOT_CANCELLED]
    return (words[names.LAST_TAP], page.label(names.CANCELS, trace),
            _given(page, given) if given else became)


def _entry(page):
    """The screens of a sale or an inquiry under way."""
    state, words = page.state, page.words
    name = state.name
    amount = page.known_money(state.amount_minor)
    if name == checkout.AMOUNT:
        page.foot = words[names.KEYS_SALE]
        return words[names.AMOUNT], amount
    if name == checkout.SAVING:
        return words[names.SAVING], amount
    if name == checkout.SENT:
        page.tap(state.key[1])
        return words[names.SENT], amount, words[names.CANCEL_DO]
    if name == checkout.ASK_VOID:
        page.tap(state.key[1])
        tap, page.foot = page.foot, words[names.KEYS_ASK]
        return words[names.CANCEL_ASK], amount, tap
    if name == checkout.CANCELLING or name == checkout.WAITING:
        page.tap(state.key[1])
        voids = name == checkout.CANCELLING or state.purpose == VOID
        label = names.CANCELLING if voids else names.ASKING
        # what is asked is voided instead, once it waited for half a minute
        back = names.ONLINE_BACK if voids and not page.status.up else names.KEYS_BACK
        return words[label], amount, words[back]
    if name == checkout.ASKED:
        page.foot = words[names.KEYS_BACK]
        return (words[names.ASKING],)
    return _of_handset(page)


def _of_handset(page):
    """The screens of status and recovery."""
    words, status = page.words, page.status
    if page.state.name == checkout.STATUS:
        page.foot = status.version[:COLUMNS]
        if status.signal_dbm is not None:
            signal = words[names.SIGNAL] % status.signal_dbm
            page.foot = page.either(page.foot + " " + signal, signal)
        return (page.label(names.TERMINAL, status.terminal_id),
                words[names.UNSENT] % status.unsent, status.link_fault)
    if page.state.name == checkout.RECOVERY:
        page.foot = page.shown[1][:COLUMNS]
        return words[names.RECOVERY], words[names.RECOVERY_DO], words[names.RECOVERY_CALL]
    raise FirmwareError("no view for the state " + page.state.name)


def _result(page):
    """What came of it without an answer of the gateway."""
    kind, words = page.shown[0], page.words
    if kind == "saved":
        page.tap(page.state.key[1])  # which may have moved
        return words[names.SAVED], page.money(page.shown[2]), words[names.CANCEL_DO]
    if kind == "cancelled":
        page.tap(page.shown[1])
        if in_vain(VOID, page.shown[3]):
            return words[names.CANCELLED], page.reason(page.shown[3])
        return words[names.CANCELLED], page.known_money(page.shown[2])
    if kind == "not_cancelled":
        page.tap(page.shown[1], page.shown[2])
        return words[names.NOT_CANCELLED], page.reason(page.shown[3])
    if kind == "no_void":
        do = names.FULL_DO if page.shown[1] == "full" else names.FAILED_DO
        page.tap(page.state.key[1], page.state.amount_minor)
        return words[names.NOT_CANCELLED], words[do], words[names.CANCEL_DO]
    if kind == "trained":
        return (words[names.TRAINING], page.known_money(page.state.amount_minor),
                words[names.NOT_POSTED])
    if kind == "full":
        return words[names.FULL], words[names.NOT_TAKEN], words[names.FULL_DO]
    if kind == "failed":
        return words[names.FAILED], words[names.NOT_TAKEN], words[names.FAILED_DO]
    # no_answer
    do = names.NO_ANSWER_DO if page.status.up else names.OFFLINE_DO
    return words[names.NO_ANSWER], words[do]
