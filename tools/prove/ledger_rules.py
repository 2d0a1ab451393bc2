"""What must hold of the books. Each rule is a function that gives findings."""

import re

from tools.prove.books import Entry
from tools.prove.case import (
    APPROVED,
    ENTRY_OF,
    HELD,
    NOTHING_LEFT,
    REDEMPTION,
    REFUND,
    SALE,
    TOO_OLD,
    VOID,
    Case,
)
from tools.prove.findings import (
    CLAIMED,
    DOUBLED,
    LOST,
    MOVED_TWICE,
    POSTED_WITHOUT_RIGHT,
    RECEIPT_REUSED,
    SCREEN_DIFFERS,
    UNBALANCED,
    UNTAPPED,
    VOIDED_BUT_COUNTS,
    WRONG_AMOUNT,
    WRONG_DATE,
    WRONG_MEMBER,
    WRONG_POINTS,
    Finding,
    Findings,
    told,
)
from tools.prove.model import VOIDED
from tools.prove.purses import Range, just
from tools.prove.seen import TRANSIENT
from tools.prove.story import DATABASE_FAILED, QUARANTINED, SURVIVED, Happened, TapKey
from tools.prove.taps import LAST, Tap

POSTING = {*ENTRY_OF} - {VOID}  # approved means an entry: a void may find nothing to take back


def entries_are_of_taps(case: Case) -> Findings:
    for entry in case.books.entries:
        tap = case.tap_of(entry)
        if any(entry.sums):
            yield Finding(UNBALANCED, entry.key, "postings that sum to zero", f"{entry.sums}")
        if tap is None:
            yield Finding(UNTAPPED, entry.key, "a frame that was tapped",
                          f"receipt {entry.receipt} out of nothing")
        elif entry.key != tap.key:
            name = MOVED_TWICE if entry.key in tap.keys else UNTAPPED
            yield Finding(name, tap.key, f"an entry under {tap.key}", f"under {entry.key}")
        elif entry.kind != ENTRY_OF.get(tap.kind):
            yield Finding(UNTAPPED, entry.key, f"an entry for a message of type {tap.kind}",
                          f"an entry of kind {entry.kind}")


def entries_say_what_was_tapped(case: Case) -> Findings:
    for tap in case.taps:
        for entry in case.entries_of(tap) if tap.kind == SALE else ():
            if tap.card is None or tap.amount_minor is None or tap.frame is None:
                continue
            facts = case.rules.cards.get(tap.card)
            last_us = _decided_by_us(case, tap, entry)
            dates = case.dates(tap, last_us)
            if facts is None or entry.member_id != facts.member_id:
                yield Finding(WRONG_MEMBER, tap.key, f"the member of its card ({facts})",
                              f"member {entry.member_id}")
                continue
            merchant = case.rules.merchants.get(tap.key[0])
            lapse = case.replay.lapse(entry.receipt)
            own = {merchant} if case.replay.of_its_own(entry) else set()
            # what ended with it may be anybody's
            theirs = entry.issuers if not lapse.most else entry.issuers & {merchant}
            if (entry.amount_minor, entry.merchant_id) != (tap.amount_minor, merchant) or (
                    theirs != own and lapse.least == lapse.most):
                yield Finding(WRONG_AMOUNT, tap.key,
                              f"{tap.amount_minor} at merchant {merchant} and for its account",
                              f"{entry.amount_minor} at {entry.merchant_id}, by"
                              f" {sorted(entry.issuers)}")
            points = case.world.points(tap.amount_minor, tap.card, dates)
            if not any(each - entry.points in lapse for each in points):
                yield Finding(WRONG_POINTS, tap.key, f"{sorted(points)} points, {lapse} ended",
                              f"{entry.points}")
            at_us = case.us_of(entry)
            if not dates.first_us - 1_000_000 <= at_us <= dates.last_us + 1_000_000:
                yield Finding(WRONG_DATE, tap.key, f"dated within {dates}", f"{at_us}")
            day = (entry.dated_at_ms // 1000 + case.rules.day_offset_s) // 86400
            if entry.business_date != day:
                yield Finding(WRONG_DATE, tap.key, f"business date {day}",
                              f"{entry.business_date}")


def _decided_by_us(case: Case, tap: Tap, entry: Entry) -> int:
    """Until when what the books show may have been decided. A database that forgot the answer may
    have decided again, on a copy whose reply nobody saw."""
    final = case.ending(tap).final
    if final is None:
        return case.us_of(entry)
    if final.epoch == len(case.seen.restores) or tap.frame is None:
        return final.seen.first_us
    return max(until_us for _, until_us in case.windows(tap.frame).values())


def taps_count_once(case: Case) -> Findings:
    for tap in case.taps:
        made = case.entries_of(tap)
        if len(made) > 1:
            yield Finding(DOUBLED, tap.key, "one entry",
                          f"receipts {[entry.receipt for entry in made]}")


def answers_and_books_agree(case: Case) -> Findings:
    """Posted means an entry, anything else means none."""
    restored = bool(case.seen.restores)
    for tap in case.taps:
        ending = case.ending(tap)
        made = [entry for entry in case.entries_of(tap) if not entry.by_hq]
        if tap.kind in POSTING and ending.only(APPROVED) and not made and (
                ending.final or tap.required) and not case.lost_sight_of(tap):
            name = LOST if restored or ending.final is None else CLAIMED
            yield Finding(name, tap.key, "an entry, as its answer says", "none in the books")
        elif made and ending.codes and APPROVED not in ending.codes:
            yield Finding(SCREEN_DIFFERS, tap.key, f"no entry after {told(ending.codes)}",
                          f"receipt {made[0].receipt}")


def what_was_shown_approved_stands(case: Case) -> Findings:
    """Points that a merchant saw taken or given back are so whatever database came back since: by
    an entry, unless all of it was undone, or nobody can tell any more what it was about. What was
    refused, as its handset told again, makes none."""
    shown = {each.key for each in case.story.screens if each.code == APPROVED}
    for tap in case.taps if case.seen.restores else ():
        if tap.kind not in (REDEMPTION, REFUND):
            continue
        made, told_again = case.entries_of(tap), case.told_again(tap)
        if shown & {*tap.keys} and not made and not _beyond_reach(case, tap):
            yield Finding(LOST, tap.key, "an entry, as its screen said", "none in the books")
        if made and told_again and not told_again & {APPROVED, HELD, TOO_OLD, VOIDED}:
            yield Finding(POSTED_WITHOUT_RIGHT, tap.key, f"refused, as {told(told_again)} said",
                          f"receipt {made[0].receipt}")


def _beyond_reach(case: Case, tap: Tap) -> bool:
    if tap.frame is None or case.lost_sight_of(tap) or case.voids_of(tap) or (
            case.world.distrusted(tap.key[0], tap.frame.epoch, LAST)):
        return True
    if tap.kind != REFUND:
        return False
    if isinstance(tap.frame.original, int):
        return True  # a number that nobody has any more: HQ sees it
    original = case.tapped.original_of(tap)
    return original is None or not case.entries_of(original) or bool(case.voids_of(original))


def voids_take_back(case: Case) -> Findings:
    for tap in case.taps:
        voids = case.voids_of(tap)
        if not voids:
            continue
        taken = [entry for void in voids for entry in case.entries_of(void)]
        made = case.entries_of(tap)
        effective = any(case.ending(void).only(APPROVED, NOTHING_LEFT)
                        or case.verdict(void.key) == "post" for void in voids)
        # what was brought back before is a part of it
        net = (sum(map(case.replay.of_its_own, (*made, *taken)))
               if tap.kind == REFUND or not made else case.replay.net.get(made[0].key, 0))
        loose = bool(made) and case.replay.bill_of(made[0].key) in case.replay.loose
        if effective and net and not loose:
            yield Finding(VOIDED_BUT_COUNTS, tap.key, "0 points after its void", f"{net}")
        if taken and (len(taken) > len(made) or len(taken) > 1):
            yield Finding(DOUBLED, tap.key, "taken back once", f"{len(taken)} times")


def figures_are_the_ledgers(case: Case) -> Findings:
    """Points, balance and receipt of an answer are those of its entry."""
    running: dict[int, int] = {}
    after: dict[int, int] = {}
    by_receipt = {entry.receipt: entry for entry in case.books.entries}
    for entry in case.books.entries:
        running[entry.member_id] = running.get(entry.member_id, 0) + entry.points
        after[entry.receipt] = running[entry.member_id]
    for tap in case.taps:
        reply = case.ending(tap).final
        if reply is None or reply.code != APPROVED or reply.epoch < len(case.seen.restores):
            continue
        entry = by_receipt.get(reply.receipt or 0)
        if entry is None and tap.kind in POSTING:
            yield Finding(SCREEN_DIFFERS, tap.key, "a receipt of the books",
                          f"receipt {reply.receipt}")
        elif entry is None:
            if reply.points:
                yield Finding(SCREEN_DIFFERS, tap.key, "0 points without an entry",
                              f"{reply.points}")
        elif (entry.key, after[entry.receipt]) != (tap.key, reply.balance) or (
                (reply.points or 0) - entry.points not in case.replay.lapse(entry.receipt)):
            yield Finding(SCREEN_DIFFERS, tap.key,
                          f"{entry.points} points, balance {after[entry.receipt]} ({entry.key})",
                          f"{reply.points} points, balance {reply.balance}")


POSTED, BALANCE = re.compile(r"Posted ([+-]\d+)"), re.compile(r"Balance (-?\d+)")
RECEIPT = re.compile(r"REF (\d+)")


def screens_say_what_the_ledger_says(case: Case) -> Findings:
    """Points, balance and receipt in the lines a cashier reads are those of one entry; where a
    restore took that away, of an answer given before."""
    told: dict[int, set[tuple[Range, int | None]]] = {}
    running: dict[int, int] = {}
    for entry in case.books.entries:
        running[entry.member_id] = running.get(entry.member_id, 0) + entry.points
        told.setdefault(entry.receipt, set()).add((
            just(entry.points).plus(case.replay.lapse(entry.receipt)), running[entry.member_id]))
    for replies in case.seen.replies.values():
        for reply in replies:
            if reply.receipt is not None and reply.epoch < len(case.seen.restores):
                told.setdefault(reply.receipt, set()).add((just(reply.points or 0),
                                                           reply.balance))
    for display in case.story.displays:
        points, balance, receipt = (_read(each, display.lines)
                                    for each in (POSTED, BALANCE, RECEIPT))
        if receipt is None or points is None:
            continue
        if not any(points in each and balance == then
                   for each, then in told.get(receipt, ())):
            yield Finding(SCREEN_DIFFERS, None, f"the figures of receipt {receipt} on the screen"
                          f" of terminal {display.terminal_id}: {sorted(told.get(receipt, ()))}",
                          f"{points:+} points, balance {balance}")


def _read(pattern: re.Pattern[str], lines: tuple[str, ...]) -> int | None:
    found = [match for line in lines if (match := pattern.fullmatch(line))]
    return int(found[0][1]) if found else None


def receipts_are_used_once(case: Case) -> Findings:
    owner: dict[int, TapKey] = {}
    claims = [(entry.receipt, entry.key) for entry in case.books.entries]
    claims += [(reply.receipt, reply.key) for replies in case.seen.replies.values()
               for reply in replies if reply.receipt is not None]
    for receipt, key in claims:
        if owner.setdefault(receipt, key) != key:
            yield Finding(RECEIPT_REUSED, key, f"receipt {receipt} belongs to {owner[receipt]}",
                          "used again")


def what_was_promised_survives(case: Case) -> Findings:
    """Right after a crash the books hold whatever was acknowledged or answered before it."""
    for fact in case.story.facts:
        if fact.what != SURVIVED:
            continue
        for tap in case.taps:
            promise, code = _promise(case, tap, fact)
            if promise and code == APPROVED and tap.kind in POSTING:
                if tap.key not in fact.value.entries:
                    yield Finding(CLAIMED, tap.key, f"an entry, as it was {promise}",
                                  "none after the crash")
            elif promise and (tap.key, code) not in fact.value.decided:
                yield Finding(CLAIMED, tap.key, f"code {code} in the books, as it was {promise}",
                              "nothing of it after the crash")


def _promise(case: Case, tap: Tap, crash: Happened) -> tuple[str, int]:
    """By what the gateway had promised its answer, and which; "": it had not."""
    if tap.frame is None or tap.frame.arrived is None:
        return "", 0
    epoch = sum(order < crash.order for order in case.seen.restores)
    replies = [reply for reply in case.seen.replies_to(tap.frame) if reply.epoch == epoch]
    finals = [reply for reply in replies if reply.final]
    if not finals or finals[0].code == TOO_OLD:
        return "", 0
    code = finals[0].code
    if finals[0].seen.first_order < crash.order:
        return "answered", code
    if tap.kind not in ENTRY_OF:
        return "", 0  # nobody decides it yet: it was put off, and taken all the same
    acknowledged = case.acknowledged(tap.frame)
    if acknowledged is None or acknowledged.first_order > crash.order:
        return "", 0
    since = tap.frame.arrived.first_order
    put_aside = any(reply.code in TRANSIENT for reply in replies) or any(
        (fact.what == DATABASE_FAILED and since < fact.order < crash.order)
        or (fact.what == QUARANTINED and fact.subject == tap.frame.frame_hash)
        for fact in case.story.facts)
    return "" if put_aside or case.seen.restores else "acknowledged", code


RULES = (entries_are_of_taps, entries_say_what_was_tapped, taps_count_once,
         answers_and_books_agree, what_was_shown_approved_stands, voids_take_back,
         figures_are_the_ledgers, screens_say_what_the_ledger_says, receipts_are_used_once,
         what_was_promised_survives)
