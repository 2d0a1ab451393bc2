"""What stands on a slip: values in, lines of 32 columns out. Pure, and loaded when printing.

Law: no figure is ever cut or rounded: what does not fit beside its label stands below it, over as
many lines as it takes. Of a card only the end is printed. A slip says in words what is certain:
points only when they are posted, `saved` when they are not, and nothing that was not handed in.
The second slip of anything carries the reprint mark. A line is (style, text); the styles are
those of the printer (CENTER, BIG).
"""

from collections import namedtuple

from micropython import const

from firmware.texts import Words, slip_en, slip_names as names, slip_zh
from firmware.views import columns, last4, money
from protocol.fields import REDEMPTION, REFUND, SALE, VOID

COLUMNS = const(32)
CENTER = const(1)
BIG = const(2)

# A tap, as far as it is known; what is not is None.
# `kind`: SALE, REDEMPTION, VOID or REFUND; `state`: "posted", "saved", "refused", "held",
# "cancelling". `when`: the time as it shall be printed. `points`: added, negative for taken;
# `money_minor`: paid by points (redemption) or to hand back (void, refund), `to_pay_minor`: what
# is left to pay; `original`: the receipt, or (journal, trace), that is taken back; `reason`: why
# it was refused, a text; `line`: what the gateway wants printed. `training`: nothing of it was
# posted. `language`: that of the screen when it was made.
TapSlip = namedtuple("TapSlip", (
    "kind", "state", "shop", "terminal_id", "operator", "when", "trace", "receipt", "card_id",
    "member", "amount_minor", "money_minor", "to_pay_minor", "points", "balance", "original",
    "reason", "line", "training", "language"))

# The end of a day. `totals`: rows (kind, taps, amount_minor, points), None where not known;
# `unsent`: taps not in them yet; `compared`: whether head office answered; `theirs`: its rows, if
# they differ, else None; `differing`: rows (trace, code, points) of the taps on which they do.
DaySlip = namedtuple("DaySlip", (
    "shop", "terminal_id", "operator", "when", "totals", "unsent", "compared", "theirs",
    "differing", "training", "language"))

_KINDS = {SALE: names.SALE, REDEMPTION: names.REDEMPTION, VOID: names.VOID, REFUND: names.REFUND}
_STATES = {"posted": names.POSTED, "saved": names.SAVED, "refused": names.REFUSED,
           "held": names.HELD, "cancelling": names.CANCELLING}


def layout(slip, currency_digits, copy=False):
    """The lines of a TapSlip or DaySlip, a list; an unknown language speaks English."""
    is_day = hasattr(slip, "totals")
    # made here: what is handed into a cold call would outlive the code of its class
    words = Words(slip_zh.parts() if slip.language == "zh" else slip_en.parts())
    page = _Page(words, currency_digits)
    page.wrap(CENTER | BIG, slip.shop)
    page.center(names.DAY_END if is_day else _KINDS[slip.kind])
    if copy:
        page.center(names.COPY)
    if slip.training:
        page.center(names.TRAINING)
    page.rule()
    page.head(slip)
    if is_day:
        page.day(slip)
    else:
        page.tap(slip)
    return page.lines


def wrapped(text, width):
    """The text in lines of at most `width` columns, parted at spaces where there are any."""
    lines = []
    while columns(text) > width:
        end = fits = 0
        for at in range(len(text)):
            fits += 1 if ord(text[at]) < 128 else 2
            if fits > width:
                break
            end = at + 1
        space = text.rfind(" ", 0, end + 1)
        if space > 0:
            lines.append(text[:space])
            text = text[space + 1:]
        else:
            lines.append(text[:end])
            text = text[end:]
    if text:
        lines.append(text)
    return lines


def pair(label, value):
    """Label on the left, value on the right; below it where both do not fit."""
    room = COLUMNS - columns(label) - columns(value)
    if room > 0:
        return [label + " " * room + value]
    return [label] + [" " * (COLUMNS - columns(line)) + line for line in wrapped(value, COLUMNS)]


class _Page:
    """Grows by lines; nothing of it outlives `layout`."""

    def __init__(self, words, digits):
        self.words = words
        self.digits = digits
        self.lines = []

    def rule(self):
        self.lines.append((0, "-" * COLUMNS))

    def center(self, name):
        self.lines.append((CENTER, self.words[name]))

    def wrap(self, style, text):
        for line in wrapped(text or "", COLUMNS // 2 if style & BIG else COLUMNS):
            self.lines.append((style, line))

    def pair(self, label, value):
        for line in pair(label, value):
            self.lines.append((0, line))

    # where there is a value
    def say(self, name, value):
        if value is not None:
            self.pair(self.words[name], str(value))

    def money(self, name, amount_minor):
        if amount_minor is not None:
            self.pair(self.words[name], self.amount(amount_minor))

    def amount(self, amount_minor):
        if amount_minor < 0:
            return "-" + money(-amount_minor, self.digits)
        return money(amount_minor, self.digits)

    def head(self, slip):
        self.say(names.TERMINAL, slip.terminal_id)
        self.say(names.OPERATOR, slip.operator)
        self.say(names.TIME, slip.when or self.words[names.NO_TIME])

    # -- a tap -------------------------------------------------------------------------------

    def tap(self, slip):
        self.say(names.TAP, slip.trace)
        self.say(names.RECEIPT, slip.receipt)
        if slip.card_id is not None:
            self.say(names.CARD, last4(slip.card_id))
        self.say(names.MEMBER, slip.member or None)
        original = slip.original
        if type(original) is tuple:  # one of this handset
            original = "%s %d" % (self.words[names.TAP], original[1])
        self.say(names.ORIGINAL, original)
        self.rule()
        self.money(names.AMOUNT, slip.amount_minor)
        if slip.state == "posted":
            off = names.OFF if slip.kind == REDEMPTION else names.BACK
            self.money(off, slip.money_minor)
            self.money(names.TO_PAY, slip.to_pay_minor)
            if slip.points is not None:
                self.say(names.POINTS, "%+d" % slip.points)
            self.say(names.BALANCE, slip.balance)
        self.rule()
        self.end(slip)

    def end(self, slip):
        self.wrap(CENTER | BIG, self.words[_STATES[slip.state]])
        if slip.state == "saved":
            self.center(names.SAVED_DO)
        elif slip.state in ("refused", "held"):
            self.wrap(CENTER, slip.reason)
            self.center(names.NO_POINTS)
        self.wrap(CENTER, slip.line)
        if slip.state in ("posted", "saved"):
            self.center(names.THANKS)

    # -- a day -------------------------------------------------------------------------------

    def day(self, slip):
        self.rule()
        if slip.theirs is not None:
            self.center(names.HERE)
        self.totals(slip.totals)
        if slip.theirs is not None:
            self.rule()
            self.center(names.GATEWAY)
            self.totals(slip.theirs)
        self.rule()
        self.say(names.UNSENT, slip.unsent)
        if not slip.compared:
            self.center(names.NOT_COMPARED)
        elif slip.theirs is not None or slip.differing:
            self.wrap(CENTER | BIG, self.words[names.DIFFERS])
        else:
            self.center(names.AGREES)
        for trace, code, points in slip.differing:
            what = "%s %d %+d" % (self.words[names.CODE], code, points)
            self.pair("%s %d" % (self.words[names.TAP], trace), what)

    def totals(self, rows):
        words = self.words
        if rows is None:
            return
        if not rows:
            self.center(names.NO_TAPS)
        for kind, taps, amount_minor, points in rows:
            title = words[_KINDS[kind]] if kind in _KINDS else "%s %d" % (words[names.OTHER], kind)
            self.lines.append((0, title))
            self.pair("  " + words[names.TAPS], str(taps))
            if amount_minor or kind != VOID:  # a void names none
                self.pair("  " + words[names.AMOUNT], self.amount(amount_minor))
            self.pair("  " + words[names.POINTS], "%+d" % points)
