"""What must hold of redemptions, refunds and voids, entry by entry. Each rule is a function.

Law: what an entry must have done, and what its answer must have said, stands in replay.py; the
points of a sale are judged in ledger_rules.py, because its rate follows from its date.
"""

from tools.prove.bills import INSUFFICIENT
from tools.prove.case import APPROVED, REDEMPTION, SALE, Case
from tools.prove.findings import (
    BALANCE_DIFFERS,
    POSTED_WITHOUT_RIGHT,
    SCREEN_DIFFERS,
    WRONG_AMOUNT,
    WRONG_MEMBER,
    WRONG_POINTS,
    Finding,
    Findings,
    told,
)


def entries_do_what_they_must(case: Case) -> Findings:
    for entry in case.books.entries:
        step, tap = case.replay.steps.get(entry.receipt), case.tap_of(entry)
        if step is None or tap is None or tap.kind == SALE:
            continue
        if APPROVED not in step.codes:
            yield Finding(POSTED_WITHOUT_RIGHT, tap.key, told(step.codes), "an entry")
        elif entry.member_id != step.member_id:
            yield Finding(WRONG_MEMBER, tap.key, f"member {step.member_id}",
                          f"member {entry.member_id}")
        elif (entry.amount_minor, entry.merchant_id) != (step.amount_minor, step.merchant_id):
            yield Finding(WRONG_AMOUNT, tap.key,
                          f"{step.amount_minor} at merchant {step.merchant_id}",
                          f"{entry.amount_minor} at {entry.merchant_id}")
        elif entry.points not in step.points.minus(step.lapse):
            yield Finding(WRONG_POINTS, tap.key, f"{step.points} points, and {step.lapse} that"
                          " ended", f"{entry.points:+}")


def slips_say_the_money(case: Case) -> Findings:
    """What is taken off a bill, and what goes back over the counter."""
    for tap in case.taps:
        reply = case.ending(tap).final
        if reply is None or reply.code != APPROVED or tap.kind == SALE or not reply.receipt:
            continue
        step = case.replay.steps.get(reply.receipt)
        if step is not None and reply.money_minor != step.money_minor:
            yield Finding(SCREEN_DIFFERS, tap.key, f"{step.money_minor} of money told",
                          f"{reply.money_minor}")


def whoever_has_too_little_is_told_how_much(case: Case) -> Findings:
    for tap in case.taps:
        reply = case.ending(tap).final
        if tap.frame is None or reply is None or (tap.kind, reply.code) != (
                REDEMPTION, INSUFFICIENT) or reply.epoch < len(case.seen.restores):
            continue
        before = [each for each in case.seen.replies_to(tap.frame) if each.epoch < reply.epoch]
        if INSUFFICIENT in case.told_again(tap) or reply.body in [each.body for each in before]:
            continue  # told once, with the balance of then
        window, _ = case.windows(tap.frame)[reply.epoch]
        balances = case.replay.usable(tap, window)
        if not any(reply.balance in each for each in balances):
            yield Finding(SCREEN_DIFFERS, tap.key, f"a balance of {balances}",
                          f"{reply.balance}")


def members_have_what_their_bills_come_to(case: Case) -> Findings:
    """Points available, or a debt, never both, and nothing below nothing."""
    for member_id, row in case.books.members.items():
        balance = case.replay.purse(member_id).balance
        wanted = max(balance, 0), 0, max(-balance, 0)
        if (row.available, row.held, row.debt) != wanted or (
                row.lots_remaining, row.lots_held) != wanted[:2]:
            yield Finding(BALANCE_DIFFERS, None, f"{balance} points for member {member_id}",
                          f"{row}")


RULES = (entries_do_what_they_must, slips_say_the_money, whoever_has_too_little_is_told_how_much,
         members_have_what_their_bills_come_to)
