"""Tales of what handsets tell again after a restore: true ones, and lies with their findings."""

from collections.abc import Callable
from typing import Any

from tests.tools.tales import (
    CARD,
    JOURNAL,
    MEMBER,
    OPENING_S,
    REDEMPTION,
    REFUND,
    TERMINAL,
    Tale,
    sealed,
)
from tests.tools.tales_of_points import BILL, RICH, a_bill, told
from tools.prove import findings as named
from tools.prove.story import BACKUP, RESTORED


def retold(tale: Tale, trace: int, code: int, points: int = 0, receipt: int | None = None) -> None:
    """The handset sends a frame again with the answer that it says it holds, and it arrives."""
    held = [code, points] if receipt is None else [code, points, receipt]
    frame = sealed(TERMINAL, {0: 15, 1: JOURNAL, 2: 0, 16: tale.now_s.to_bytes(8),
                              22: tale.frames[TERMINAL, JOURNAL, trace], 23: held})
    tale.story.sent(TERMINAL, frame, tale.now_us)
    tale.story.arrived(TERMINAL, frame, tale.now_us)


def restored(tale: Tale) -> None:
    tale.happen(RESTORED, "old")
    tale.entries.clear()
    tale.running.clear()
    tale.wait(100)


def a_lost_bill(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    a_bill(tale)
    restored(tale)


def taken_over(tale: Tale, points: int = -85) -> None:
    receipt = tale.post(2, points, MEMBER, 2000, kind=3, receipt=1001)
    tale.answer(2, 0, points, tale.running[MEMBER], receipt, kind=REDEMPTION, money=500,
                shows=False)


def its_sale_comes_back(tale: Tale) -> None:
    frame = tale.frames[TERMINAL, JOURNAL, 1]
    tale.story.sent(TERMINAL, frame, tale.now_us)
    tale.story.arrived(TERMINAL, frame, tale.now_us)
    tale.post(1, 1000, MEMBER, RICH, receipt=1002,
              dated_at_ms=(OPENING_S + tale.tapped_s[TERMINAL, JOURNAL, 1]) * 1000)
    tale.answer(1, 0, 1000, tale.running[MEMBER], 1002, shows=False)


# ---- true --------------------------------------------------------------------------------------

def a_redemption_taken_over_before_its_sale_came_back(tale: Tale) -> None:
    a_lost_bill(tale)
    retold(tale, 2, 0, -85, 2)
    taken_over(tale)
    its_sale_comes_back(tale)


def a_refusal_taken_over_although_there_are_points_now(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    refused(tale)
    rich_later(tale)
    retold(tale, 2, 30)
    tale.answer(2, 30, kind=REDEMPTION, shows=False)


def refused(tale: Tale) -> None:
    tale.heartbeat()
    tale.asked(2, REDEMPTION, 2000, card=CARD, points=100)
    told(tale, 2, 30, balance=0)


def rich_later(tale: Tale) -> None:
    tale.offered(1, RICH)
    tale.answer(1, 0, 1000, 1000, 1)
    restored(tale)
    its_sale_comes_back(tale)


def a_refund_by_a_receipt_that_nobody_has_any_more(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    a_bill(tale)
    tale.refund(3, 500, 2, 25 - 4, 375)
    restored(tale)
    retold(tale, 2, 0, -85, 2)
    taken_over(tale)
    its_sale_comes_back(tale)
    retold(tale, 3, 0, 21, 3)
    tale.answer(3, 41, kind=REFUND, shows=False)
    tale.held.add((TERMINAL, JOURNAL, 3))


TRUE: tuple[Callable[[Tale], Any], ...] = (
    a_redemption_taken_over_before_its_sale_came_back,
    a_refusal_taken_over_although_there_are_points_now,
    a_refund_by_a_receipt_that_nobody_has_any_more)


# ---- untrue ------------------------------------------------------------------------------------

def a_redemption_decided_anew_without_its_points(tale: Tale) -> None:
    a_lost_bill(tale)
    retold(tale, 2, 0, -85, 2)
    tale.answer(2, 30, kind=REDEMPTION, balance=0, shows=False)
    its_sale_comes_back(tale)


def a_refund_forgotten_after_a_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    a_bill(tale)
    tale.refund(3, 500, BILL, 25 - 4, 375)
    restored(tale)
    retold(tale, 2, 0, -85, 2)
    taken_over(tale)
    its_sale_comes_back(tale)


def a_redemption_taken_over_twice(tale: Tale) -> None:
    a_redemption_taken_over_before_its_sale_came_back(tale)
    tale.post(2, -85, MEMBER, 2000, kind=3, receipt=1003)


def a_redemption_taken_over_with_other_points(tale: Tale) -> None:
    a_lost_bill(tale)
    retold(tale, 2, 0, -85, 2)
    taken_over(tale, -100)
    its_sale_comes_back(tale)


def an_answer_told_that_nobody_gave(tale: Tale) -> None:
    a_lost_bill(tale)
    retold(tale, 2, 0, -86, 2)
    taken_over(tale)
    its_sale_comes_back(tale)


def a_refusal_decided_anew_and_posted(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    refused(tale)
    rich_later(tale)
    retold(tale, 2, 30)
    tale.post(2, -85, MEMBER, 2000, kind=3, receipt=1003)
    tale.answer(2, 0, -85, 915, 1003, kind=REDEMPTION, money=500, shows=False)


UNTRUE: tuple[tuple[Callable[[Tale], Any], str], ...] = (
    (a_redemption_decided_anew_without_its_points, named.LOST),
    (a_refund_forgotten_after_a_restore, named.LOST),
    (a_redemption_taken_over_twice, named.DOUBLED),
    (a_redemption_taken_over_with_other_points, named.WRONG_POINTS),
    (an_answer_told_that_nobody_gave, named.CLAIMED),
    (a_refusal_decided_anew_and_posted, named.POSTED_WITHOUT_RIGHT))
