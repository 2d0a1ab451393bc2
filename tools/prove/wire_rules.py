"""What must hold of handsets, wire and answers. Each rule is a function that gives findings."""

import re
from collections import Counter
from hashlib import sha256

from tools.prove import excuses
from tools.prove.case import APPROVED, HELD, SALE, TOO_OLD, VOID, Case
from tools.prove.findings import (
    CLAIMED,
    CLOCK_WRONG,
    DOUBLED,
    FOREIGN_REPLY,
    HELD_WITHOUT_CAUSE,
    LOST,
    MESSAGE_DIFFERS,
    MOVED_TWICE,
    NOT_CANCELLED,
    NOT_DRAINED,
    NOT_TAKEN,
    POSTED_WITHOUT_RIGHT,
    REFUSED_WITHOUT_CAUSE,
    REPLY_DIFFERED,
    SCREEN_DIFFERS,
    TRACE_REUSED,
    UNTAPPED_MESSAGE,
    WRONG_POINTS,
    Finding,
    Findings,
    told,
)
from tools.prove.seen import CONFLICT, TRANSIENT, Frame
from tools.prove.story import POWER_OFF, Named, Shown
from tools.prove.taps import LAST, Tap, full_name


def traces_are_used_once(case: Case) -> Findings:
    for tap in case.tapped.doubles:
        yield Finding(TRACE_REUSED, tap.key, "a trace is told saved once", "told saved again")
    for key, frames in case.seen.frames.items():
        orders = sorted(frame.up.first_order for frame in frames if frame.up)
        again = [pair for pair in zip(orders, orders[1:], strict=False)
                 if not case.tapped.put_back(key[0], *pair)]
        if again:
            yield Finding(TRACE_REUSED, key, "one frame", f"{len(frames)} frames")


def frames_say_what_was_tapped(case: Case) -> Findings:
    for tap in case.taps:
        frame, said = tap.frame, tap.accepted
        if frame is None or said is None:
            continue
        wanted = (said.kind, said.amount_minor, said.card, said.points)
        sealed = (frame.kind, frame.amount_minor, frame.card, frame.points)
        if wanted != sealed:
            yield Finding(MESSAGE_DIFFERS, tap.key,
                          f"type, amount, card, points {_masked(wanted)}", f"{_masked(sealed)}")
        elif frame.original not in _names_of(case, tap):
            yield Finding(MESSAGE_DIFFERS, tap.key, f"an original {said.original}",
                          f"{frame.original}")


def _names_of(case: Case, tap: Tap) -> tuple[Named | None, ...]:
    """What a void may call its original: its key then or, where the void moved, one since."""
    original = (case.tapped.original_of(tap) if len(tap.keys) > 1 and tap.kind == VOID
                else None)
    said = tap.accepted.original if tap.accepted else None
    return said, *(key[1:] for key in (original.keys if original else ()))


def _masked(content: tuple) -> tuple:
    masked = None if content[2] is None else "..." + str(content[2])[-4:]
    return *content[:2], masked, *content[3:]


def nothing_is_sent_that_nobody_tapped(case: Case) -> Findings:
    """One attempt of the cashier makes at most one message, told or not. A void that takes back
    a message that only the gateway can do is the handset's own."""
    attempts, untold = case.tapped.untold()
    for content, count in untold.items():
        if count > attempts[content] and content[1] != VOID:
            key = next(tap.key for tap in case.taps if tap.content == content
                       and tap.accepted is None and not tap.planted)
            yield Finding(UNTAPPED_MESSAGE, key, f"at most {attempts[content]} of its content",
                          f"{count} that no screen told of")
    told = Counter(tap.content for tap in case.taps if tap.accepted is not None)
    tapped = Counter((each.terminal_id, each.kind, each.amount_minor, each.card)
                     for each in case.story.attempts)
    for content, count in (told - tapped).items():
        if content[1] != VOID:
            key = [tap.key for tap in case.taps if tap.content == content][-1]
            yield Finding(DOUBLED, key, "one message for each tap", f"{count} more messages")


def taps_are_taken(case: Case) -> Findings:
    """A handset refuses a sale only for what law and nature excuse (excuses.py)."""
    told: dict[tuple, list[int]] = {}
    for tap in case.taps:
        if tap.accepted is not None:
            told.setdefault(tap.content, []).append(tap.accepted.order)
    untold = case.tapped.untold()[1]
    for attempt, until in excuses.sales(case.story):
        content = (attempt.terminal_id, attempt.kind, attempt.amount_minor, attempt.card)
        if any(attempt.order < order < until for order in told.get(content, ())):
            continue
        if untold[content] > 0:
            untold[content] -= 1
        elif not excuses.excused(case, attempt, until):
            yield Finding(NOT_TAKEN, None, f"a sale of {attempt.amount_minor} saved by terminal"
                          f" {attempt.terminal_id} at {attempt.at_us} us", "nothing of it")


SAVED = ("Saved. Sending", "Saved, will post")
TAP = re.compile(r"TRACE (\d+)( .*)?")


def screens_claim_what_is_saved(case: Case) -> Findings:
    """No screen calls a tap saved that its handset has not stored."""
    first: dict[tuple[int, int], int] = {}
    names = [(each.terminal_id, each.trace, each.order) for each in case.story.taps]
    names += [(each.terminal_id, each.new[1], each.order) for each in case.story.moves]
    for terminal_id, trace, order in sorted(names, key=lambda each: each[2]):
        first.setdefault((terminal_id, trace), order)
    for display in case.story.displays:
        if not {*SAVED} & {*display.lines}:
            continue
        for match in filter(None, map(TAP.fullmatch, display.lines)):
            trace = int(match[1])
            if first.get((display.terminal_id, trace), LAST) > display.order:
                yield Finding(CLAIMED, None, f"tap {trace} of terminal {display.terminal_id}"
                              " stored before the screen says so", "nothing stored by then")


def clocks_are_set_right(case: Case) -> Findings:
    for tap in case.taps:
        frame = tap.frame
        if tap.accepted is None or frame is None or frame.clock_age is None or frame.at is None:
            continue
        if (len(tap.keys) == 1 and not case.clock_is_good(tap)
                and not case.clock_was_touched(tap, frame.clock_age)):
            yield Finding(CLOCK_WRONG, tap.key, f"a clock set {frame.clock_age} s ago is right",
                          f"{case.clock_error_us(tap) // 1_000_000} s off")


# ---- the answers -------------------------------------------------------------------------------

def one_frame_has_one_reply(case: Case) -> Findings:
    for replies in case.seen.replies.values():
        first: dict[int, bytes] = {}
        for reply in replies:
            if reply.final and first.setdefault(reply.epoch, reply.body) != reply.body:
                yield Finding(REPLY_DIFFERED, reply.key, "identical bytes",
                              f"another reply of code {reply.code}")


def answers_follow_table_t(case: Case) -> Findings:
    for tap in case.taps:
        frame, ending = tap.frame, case.ending(tap)
        if frame is None:
            continue
        for reply in case.seen.replies_to(frame):
            allowed = ending.allowed.get(reply.epoch, frozenset())
            if not reply.final:
                if tap.kind == SALE and reply.code in (53, 54):
                    yield Finding(REFUSED_WITHOUT_CAUSE, tap.key, "53 and 54 answer no sale",
                                  f"code {reply.code}")
            elif reply.code not in allowed:
                yield Finding(_wrong_code(reply.code), tap.key, f"one of {told(allowed)}",
                              f"code {reply.code}")


def answers_carry_their_points(case: Case) -> Findings:
    """An approved sale tells what it earned; what did not post tells of no points."""
    for tap in case.taps:
        for reply in case.seen.replies_to(tap.frame) if tap.frame is not None else ():
            if reply.code in (APPROVED, TOO_OLD):
                if tap.kind != SALE or tap.amount_minor is None or tap.card is None:
                    continue
                points = case.world.points(tap.amount_minor, tap.card,
                                           case.dates(tap, reply.seen.first_us))
                if reply.code == APPROVED and points and reply.points not in points:
                    yield Finding(WRONG_POINTS, tap.key, f"{sorted(points)} points told",
                                  f"{reply.points}")
            elif reply.points or reply.receipt is not None:
                yield Finding(SCREEN_DIFFERS, tap.key,
                              f"no points and no receipt with code {reply.code}",
                              f"{reply.points}, receipt {reply.receipt}")


def _wrong_code(code: int) -> str:
    return {APPROVED: POSTED_WITHOUT_RIGHT, HELD: HELD_WITHOUT_CAUSE}.get(
        code, REFUSED_WITHOUT_CAUSE)


def screens_show_the_reply_to_their_own_frame(case: Case) -> Findings:
    for shown in case.story.screens:
        if shown.code in TRANSIENT:
            yield Finding(FOREIGN_REPLY, shown.key, "settled by a final code",
                          f"by code {shown.code}")
            continue
        said = shown.screen
        if not any(said == reply.screen and reply.seen.first_order < shown.order
                   for frame in _own_frames(case, shown)
                   for reply in case.seen.replies_to(frame)):
            yield Finding(FOREIGN_REPLY, shown.key, "a reply to its own frame",
                          f"code {shown.code}, points {shown.points}, as no reply had said")


def what_is_told_again_was_answered(case: Case) -> Findings:
    """A handset says of a frame what the gateway had answered to it, and nothing else."""
    for each in case.seen.told:
        replies = case.seen.replies.get((each.terminal_id, sha256(each.body).digest()[:8]), ())
        said = each.code, each.points, each.receipt
        if not any(said == (reply.code, reply.points or 0, reply.receipt) for reply in replies
                   if reply.final and reply.seen.first_order < each.up.first_order):
            yield Finding(CLAIMED, None, "the answer that was given to a frame of terminal"
                          f" {each.terminal_id}", f"told code {each.code}, points {each.points}")


def _own_frames(case: Case, shown: Shown) -> list[Frame]:
    """What the handset may hold under a key: where the flash came back older, the newest tap's,
    or one that no screen told of."""
    frames = case.seen.frames.get(shown.key, [])
    if len(frames) < 2:
        return frames
    newest = case.tapped.under(shown.key, shown.order)
    if newest is None:
        return frames
    untold = [frame for tap in case.taps if tap.accepted is None for frame in tap.frames]
    return [frame for frame in (*newest.frames, *untold) if frame.key == shown.key]


def everything_drains(case: Case) -> Findings:
    """I8; and what was told saved but never went out after a loss of power was not durable."""
    shown = {(each.key, each.screen) for each in case.story.screens}
    for tap in case.taps:
        told = any((tap.key, reply.screen) in shown for frame in tap.frames
                   for reply in case.seen.replies_to(frame))
        if told or not tap.required or _settled_in_the_dark(case, tap):
            continue
        last = tap.frame.up.last_order if tap.frame is not None and tap.frame.up else 0
        if any(off > last for off in _losses(case, tap)):
            yield Finding(CLAIMED, tap.key, "what was told saved outlives a power cut",
                          "never sent again, and never answered")
        else:
            yield Finding(NOT_DRAINED, tap.key, "a final answer on the screen",
                          "none by the end")


CANCELLED_AFTER_US = 60_000_000  # 30 s (WIRE, Void), and time to be told what was answered by then


def what_nobody_answered_is_cancelled(case: Case) -> Findings:
    """A member does not wait for ever: what only the gateway can do is voided by its handset when
    it has no answer in time, or when power went before it had one (DESIGN 5.5)."""
    shown = {}
    for each in case.story.screens:
        shown.setdefault(each.key, each)
    for tap in case.taps:
        if tap.kind in excuses.JOURNALED_OFFLINE or tap.accepted is None or case.voids_of(tap):
            continue
        answer = shown.get(tap.keys[0])
        until = answer.order if answer else LAST
        late = answer is None or answer.shown_us - tap.tapped_us > CANCELLED_AFTER_US
        if _settled_in_the_dark(case, tap):
            continue
        if late or any(off < until for off in _losses(case, tap)):
            yield Finding(NOT_CANCELLED, tap.key, "a void behind it",
                          "none, and no answer in time")


def _losses(case: Case, tap: Tap) -> list[int]:
    """The losses of power of a tap's handset since it was saved."""
    return [fact.order for fact in case.story.facts if tap.accepted is not None
            and fact.what == POWER_OFF and fact.subject == tap.key[0]
            and fact.order > tap.accepted.order]


def _settled_in_the_dark(case: Case, tap: Tap) -> bool:
    """Power went between the record that settles a tap and its screen: it is settled then, and
    not sent again but at the request of a gateway that was restored."""
    if tap.frame is None or tap.frame.up is None:
        return False
    answers = [reply.seen.first_order for reply in case.seen.replies_to(tap.frame) if reply.final]
    last = 0 if case.seen.restores else tap.frame.up.last_order
    return bool(answers) and any(off > max(min(answers), last) for off in _losses(case, tap))


def conflicts_are_carried_on(case: Case) -> Findings:
    """After a 62 the tap lives under another key: without one it would be lost."""
    for tap in case.taps:
        final = case.ending(tap).final
        if tap.required and final is not None and final.code == CONFLICT:
            yield Finding(LOST, tap.key, "moved to another journal after 62", "left there")
    waited = {key for tap in case.taps if tap.kind == VOID and _its_sale_moved(case, tap)
              for key in tap.keys if all(frame.key != key for frame in tap.frames)}
    told = {key for tap in case.taps if tap.accepted is not None for key in tap.keys}
    for old in case.tapped.moved:
        if old in waited or old not in told and old not in case.seen.frames:
            continue  # a void that was never sent goes along with its original
        if not any(reply.code == CONFLICT for frame in case.seen.frames.get(old, ())
                   for reply in case.seen.replies_to(frame)):
            yield Finding(MOVED_TWICE, old, "moved because of a 62", "no 62 was given")


def _its_sale_moved(case: Case, void: Tap) -> bool:
    told = void.accepted.original if void.accepted else None
    return told is None or full_name(void.key[0], told) in case.tapped.moved


RULES = (traces_are_used_once, frames_say_what_was_tapped, nothing_is_sent_that_nobody_tapped,
         taps_are_taken, screens_claim_what_is_saved,
         clocks_are_set_right, one_frame_has_one_reply, answers_follow_table_t,
         answers_carry_their_points, screens_show_the_reply_to_their_own_frame,
         what_is_told_again_was_answered,
         everything_drains, what_nobody_answered_is_cancelled, conflicts_are_carried_on)
