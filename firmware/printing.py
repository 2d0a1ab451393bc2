"""A slip of a tap for the board's printer: what effect ("print", what, reply, copy) does. Cold.

`what`: (journal, trace) of the tap; or "again" (the last slip), "drop" (all that wait), "state";
"day": the end of a day, `reply` is what its flow shows then (flows/dayend.py).

Law: what is printed is what the outbox holds of the tap, with what its reply said beside it; a
printer never holds a tap back. What is asked for again carries the reprint mark. In training
nothing is printed, not once more either: paper leaves the shop, and would be taken for a sale.
"""

from firmware.outbox_kept import answer_of, money_of
from firmware.recall import amount_of, content, unpaid
from firmware.slip import DaySlip, TapSlip
from firmware.states import in_vain, outcome_of
from firmware.texts import Words, parts
from firmware.views_answer import day, member_of
from protocol.fields import REDEMPTION, REFUND, SALE, VOID
from protocol.limits import REPLY_TYPE_BASE

_DAY_S = 86400


def carry_out(app, what, reply, copy):
    """The event ("printer", its state, how many slips wait, how many were given up). The state is
    "absent" without a printer, "none" where there is no such slip. OSError, OutboxUnreadable."""
    printer, missing = app.board.printer, None
    if printer is None:
        return "printer", "absent", 0, 0
    if what == "drop":
        printer.drop()
    elif what != "state" and not app.till.training and (
            copy or app.keys_held().settings.slips):
        if what == "again":
            slip = printer.last
        else:
            slip = _day(app, reply) if what == "day" else _found(app, what, reply)
        if slip:
            printer.print_slip(slip, copy)
        else:
            missing = "none"
    return "printer", missing or printer.state, printer.waiting, printer.dropped


def _found(app, key, reply):
    try:
        said = content(app.outbox.frame(*key))
    except KeyError:  # its block was given up
        said = {0: reply.type - REPLY_TYPE_BASE if reply else 0}
    return _slip(app, key, said, reply) if said[0] in (SALE, REDEMPTION, VOID, REFUND) else None


def _slip(app, key, said, reply):
    settled = (reply.code, reply.points, reply.receipt) if reply else answer_of(app.outbox, *key)
    kind, state = said[0], outcome_of(said[0], settled)
    code, points, receipt = settled or (None, None, None)
    if in_vain(kind, code):
        state = "refused"  # nobody is handed anything
    card, original, amount_minor = said.get(6), said.get(10), amount_of(said)
    if kind == VOID and type(original) is tuple:
        amount_minor = _amount_at(app.outbox, original)
    # redemption: what the points pay; else what is handed back
    money_minor = reply.amount_minor if reply else money_of(app.outbox, *key)
    if kind == VOID and type(original) is tuple and unpaid(app.outbox, original):
        money_minor = None
    if money_minor is None:  # its bill was paid before answers were kept with their money
        money_minor = said.get(24)
    to_pay = amount_minor - money_minor if kind == REDEMPTION and money_minor is not None else None
    member = member_of(reply) if reply else None
    reason = Words(parts(app.language)).reason(code) if state == "refused" else None
    made = app.settings
    return TapSlip(
        kind, "saved" if state == "waiting" else state, made.shop, made.terminal_id,
        said.get(5), _when(said.get(3, reply and reply.at), made), key[1], receipt,
        card[1] if card else None, member, amount_minor or None, money_minor, to_pay, points,
        reply.balance if reply else None, original, reason, reply.line if reply else None, False,
        app.language)


def _day(app, shown):
    ours, theirs, pages = shown[0], shown[1], shown[4]
    differing = [page[:3] for page in pages if page[0] is not None]
    made = app.settings
    return DaySlip(made.shop, made.terminal_id, app.till.operator or None,
                   _when(app.clock.now(app.now()), made), ours, app.outbox.unsettled,
                   theirs is not None, theirs if pages else None, differing, False, app.language)


def _amount_at(outbox, key):
    try:
        return amount_of(content(outbox.frame(*key)))
    except KeyError:
        return 0


# on the clock of the shop, where the settings say how far it is ahead
def _when(at, made):
    if at is None:
        return None
    at += made.utc_offset_min * 60
    date, of_day = day(at // _DAY_S), at % _DAY_S
    return "%s-%s-%s %02d:%02d%s" % (date[:4], date[4:6], date[6:], of_day // 3600,
                                     of_day % 3600 // 60, "" if made.utc_offset_min else " UTC")
