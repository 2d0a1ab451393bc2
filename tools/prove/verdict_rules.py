"""What must hold of held taps and of HQ's word on them. Each rule is a function.

Law: a held tap waits on HQ's list until HQ has its word or its void comes; a word that comes first
is done, whatever it is; one that comes after another, or after the void, changes nothing.
"""

from tools.prove.case import APPROVED, HELD, SALE, VOID, Case
from tools.prove.findings import (
    HOLD_FORGOTTEN,
    POSTED_WITHOUT_RIGHT,
    VERDICT_IGNORED,
    Finding,
    Findings,
    told,
)
from tools.prove.story import VERDICT_FAILED, Happened
from tools.prove.taps import LAST, Tap, full_name


def held_taps_await_their_verdict(case: Case) -> Findings:
    for tap in case.taps:
        ending, word = case.ending(tap), case.verdict(tap.key)
        by_hq = [entry for entry in case.entries_of(tap) if entry.by_hq]
        voided = any(APPROVED in case.ending(void).codes
                     for void in case.voids_of(tap))
        if by_hq and word != "post":
            yield Finding(VERDICT_IGNORED, tap.key, f"verdict {word}", "posted by HQ")
        elif word == "post" and tap.kind == SALE:
            codes = case.verdict_codes(tap, case.verdicts_known(tap.key, LAST)[-1])
            if by_hq and APPROVED not in codes:
                yield Finding(POSTED_WITHOUT_RIGHT, tap.key, f"HQ is told {told(codes)}",
                              "posted by HQ")
            elif not by_hq and codes == {APPROVED} and ending.only(HELD) and not voided:
                yield Finding(VERDICT_IGNORED, tap.key, "posted by HQ", "no entry")
        if ending.only(HELD) and word is None and not voided and (
                tap.key not in case.books.held and not case.lost_sight_of(tap)):
            yield Finding(HOLD_FORGOTTEN, tap.key, "on HQ's list of held taps", "not there")


def verdicts_that_must_succeed_do(case: Case) -> Findings:
    """HQ is told that nothing was changed only where table T forbids the post, or where a void or
    another verdict may have come first, or a restored database forgot the tap."""
    for fact in case.story.facts:
        if fact.what != VERDICT_FAILED or _came_too_late(case, fact):
            continue
        for tap in case.taps:
            if _is_held(case, tap, fact) and (fact.value == "refuse" or (
                    tap.kind == SALE and case.verdict_codes(tap, fact) == {APPROVED})):
                yield Finding(VERDICT_IGNORED, tap.key, f"the verdict {fact.value} is done",
                              "HQ was told that nothing was changed")


def _is_held(case: Case, tap: Tap, fact: Happened) -> bool:
    """Whether the database of that moment holds the tap: the gateway had answered so."""
    return any(reply.code == HELD and case.world.standing(reply.seen.first_order, fact.order)
               for frame in tap.frames if frame.key == fact.subject
               for reply in case.seen.replies_to(frame))


def _came_too_late(case: Case, fact: Happened) -> bool:
    terminal_id = fact.subject[0]
    return bool(case.verdicts_known(fact.subject, fact.order)) or any(
        frame.arrived is not None and frame.arrived.first_order < fact.order
        and full_name(terminal_id, frame.original) == fact.subject
        for tap in case.taps if tap.kind == VOID and tap.key[0] == terminal_id
        for frame in tap.frames)


RULES = (held_taps_await_their_verdict, verdicts_that_must_succeed_do)
