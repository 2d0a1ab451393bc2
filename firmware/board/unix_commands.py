"""What the lines of the control channel say and do."""

import json
import os
import sys
from binascii import hexlify, unhexlify

from firmware import faults
from firmware.board.unix_paper import UnixPaper
from firmware.errors import FirmwareError, told
from firmware.outbox import OutboxUnreadable
from firmware.outbox_kept import record_behind
from firmware.recall import content
from firmware.views import last4
from protocol.limits import CARD_NUMBER_MAX

CUT = 9
KEYS = "0123456789*#ABCD"
# what a person, or a page, plays with: loaded when it comes
PLAYED = ("watch", "battery", "signal", "unread", "later")
# what a printer may be like (board/printer.py)
PAPER = ("idle", "paper_out", "cover_open", "error", "offline", "busy", "garbled", "no_answer")
# names of what `tell` brings with an event
EVENTS = (
    ("ready", "journal"),
    ("recovery", "reason", "why"),
    ("screen", "lines"),
    ("link", "up", "why"),
    ("no_link", "why"),
    ("saved", "journal", "trace", "type", "original"),
    ("not_saved", "why"),
    ("postponed", "journal", "trace", "code"),
    ("conflict", "old", "new"),
    ("set_aside", "why"),
    ("asked_again", "journal", "first", "last"),
    ("sent_again", "journal", "trace", "code"),
    ("rotated", "epoch"),
    ("not_rotated", "epoch", "why"),
    ("clock", "at"),
    ("flash", "why"),
    ("died", "task", "why"),
)
SETTLED = ("journal", "trace", "code", "points", "balance", "receipt", "member", "tier")


class ControlError(FirmwareError):
    """A line that asks for something that does not exist; nothing was done."""

    code = "control"


def event(control, kind, values):
    """The line for an event of the App."""
    said = {"event": kind}
    if kind == "settled":
        it = values[0]
        said.update(zip(SETTLED, (it.journal, it.trace, it.code, it.points, it.balance,
                                  it.receipt, it.member, it.tier)))
    for names in EVENTS:
        if names[0] == kind:
            said.update(zip(names[1:], values))
    if kind == "ready":
        said["runtime"] = control.runtime
        said["terminal_id"] = control.settings.terminal_id
    if kind == "screen" and control.board.watched:
        return json.dumps(said) + "\n" + pixels_line(control.board)
    return json.dumps(said) + "\n"


def pixels_line(board):
    """The event for whoever watches the display: the same 1,024 bytes as the command `pixels`."""
    return '{"event": "pixels", "pixels": "%s"}\n' % hexlify(board.pixels).decode()


def obey(control, line):
    """Carry a command out and write its answer; True: `list_outbox` is to follow."""
    answer = {}
    answer["id"] = None
    try:
        command = json.loads(line)
        if not isinstance(command, dict):
            raise ControlError("a command is an object")
        answer["id"] = command.get("id")
        act = COMMANDS.get(str(command.get("do")))
        if act:
            answer.update(act(control, command))
        elif command.get("do") in PLAYED:
            play(control, command)
        else:
            raise ControlError("no such command")
    except Exception as error:  # noqa: BLE001 - whatever a line asks for, it is answered
        answer["error"] = told(error)
    if "outbox" in answer:
        control.write('{"id": %s, "outbox": [' % json.dumps(answer["id"]))
        return True
    control.write(json.dumps(answer) + "\n")
    return False


def power_off(code):
    """Gone at once: no task is unwound, nothing is written any more."""
    if sys.implementation.name == "micropython":
        sys.exit(code)
    os._exit(code)  # pyright: ignore[reportAttributeAccessIssue]


def _keys(control, command):
    keys = command["keys"]
    for key in keys:
        if not isinstance(keys, str) or key not in KEYS:
            raise ControlError("keys are " + KEYS)
    for key in keys:
        control.board.put(("key", key))
    return {}


def _card(control, command):
    entry, card = command["entry"], command["card"]
    if isinstance(card, dict):
        card_id = unhexlify(card["uid"].encode())
        right = len(card_id) in (4, 7, 10)
    else:
        card_id = int(card)
        right = 0 < card_id <= CARD_NUMBER_MAX
    if type(entry) is not int or not 1 <= entry <= 4 or not right:
        raise ControlError("entry 1 to 4, card a number or {uid: 4, 7 or 10 bytes in hex}")
    control.board.put(("card", entry, card_id))
    return {}


def _screen(control, command):
    return {"lines": control.app.screen.lines}


def _pixels(control, command):
    return {"pixels": hexlify(control.board.pixels).decode()}


def _status(control, command):
    app, board = control.app, control.board
    outbox = app.outbox
    return {"up": app.up(), "radio_on": board.radio_on,
            "link_fault": faults.name(app.link_fault()),
            "state": app.state.name if app.state else "booting",
            "terminal_id": control.settings.terminal_id, "runtime": control.runtime,
            "boot_count": board.boot_count, "at": app.clock.now(app.now()),
            "unsettled": outbox.unsettled if outbox else None,
            "journal": outbox.journal if outbox else None,
            "next_trace": outbox.next_trace if outbox else None,
            "heap_free": board.heap_free()}


# ten thousand entries do not fit the heap: the one line is written piece by piece
def _outbox(control, command):
    if control.app.outbox is None:
        raise ControlError("the outbox cannot be read")
    return {"outbox": True}


def list_outbox(control):
    """Write the rest of the line that `obey` began: every tap still kept."""
    try:
        _write_taps(control)
        control.write("]}\n")
    except (OSError, OutboxUnreadable) as error:
        control.write('], "error": %s}\n' % json.dumps(told(error)))


def _write_taps(control):
    comma = ""
    place, record = record_behind(control.app.outbox, None)
    while place:
        if record:
            journal, trace, frame, settled = record
            said = content(frame)
            card = said.get(6)
            code, points, receipt = settled or (None, None, None)
            control.write(comma + json.dumps({
                "journal": journal, "trace": trace, "type": said[0],
                "amount_minor": said.get(7), "card_last4": last4(card[1])[2:] if card else None,
                "settled": settled is not None, "code": code, "points": points,
                "receipt": receipt, "original": said.get(10)}))
            comma = ", "
        place, record = record_behind(control.app.outbox, place)


def _link(control, command):
    if command["up"] not in (True, False):
        raise ControlError("up is true or false")
    control.board.radio_on = bool(command["up"])
    if not control.board.radio_on:
        control.app.drop_link("the radio is off")
    return {}


def _cut(control, command):
    operations = command.get("after_flash_ops")
    if operations is None:
        power_off(CUT)
    elif not isinstance(operations, int) or operations < 0:
        raise ControlError("after_flash_ops is a whole number, 0 or more")
    else:
        control.board.outbox_device.cut_after(operations)
    return {}


def play(control, command):
    """What a part would say that this board does not have, and who watches its display."""
    board, part = control.board, command.get("do")
    if part == "watch":
        board.watched = True
        if board.pixels:
            control.write(pixels_line(board))
    elif part == "battery":
        board.percent = _within(command["percent"], 0, 100)
        control.app.redraw()
    elif part == "signal":
        board.dbm = _within(command["dbm"], -200, 0)
        control.app.redraw()
    elif part == "later":
        board.ahead_ms += _within(int(command["ms"]), 0, 3600000)
        board.put(("time",))
    else:
        board.put(("unread", _within(int(command["entry"]), 1, 4), str(command["why"])))


def _within(number, least, most):
    if number is None or type(number) is int and least <= number <= most:
        return number
    raise ControlError("a whole number from %d to %d" % (least, most))


def _printer(control, command):
    state, board = command["state"], control.board
    if state is None:
        board.printer = None
    elif state not in PAPER:
        raise ControlError("state is one of %s, or null" % ", ".join(PAPER))
    else:
        board.printer = board.printer or UnixPaper(control)
        board.printer.paper_is(state)
    control.app.redraw()
    return {}


COMMANDS = {
    "printer": _printer,
    "keys": _keys,
    "card": _card,
    "screen": _screen,
    "pixels": _pixels,
    "status": _status,
    "outbox": _outbox,
    "link": _link,
    "cut": _cut,
}
