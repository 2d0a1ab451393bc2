"""The checker: true tales pass, and each lie is named; each rule is needed for one of them."""

import ast
import inspect
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from tests.tools import tales_of_points, tales_of_restores
from tests.tools.tales import (
    CARD,
    DAY,
    JOURNAL,
    MEMBER,
    MISREAD_CARD,
    OPENING_S,
    OTHER_TERMINAL,
    SALE,
    SILVER,
    SILVER_CARD,
    STOCK_CARD,
    STRANGE_CARD,
    TERMINAL,
    VOID,
    Tale,
)
from tools.prove import bill_rules, excuses, ledger_rules, verdict_rules, wire_rules
from tools.prove import findings as named
from tools.prove.checker import RULES, check
from tools.prove.model import Rate, Room
from tools.prove.seen import Sighting
from tools.prove.story import (
    BACKUP,
    CLOCK_JUMPED,
    CLOCK_SET,
    DATABASE_FAILED,
    EPOCH_REVOKED,
    FLASH_CONTACT,
    FLASH_PUT_BACK,
    HEAP_RAN_OUT,
    MERCHANT,
    POWER_OFF,
    QUARANTINED,
    RESTORED,
    SURVIVED,
    VERDICT,
    VERDICT_FAILED,
    Survived,
)
from tools.prove.story import CARD as CARD_STATE
from tools.prove.story import MEMBER as MEMBER_STATE
from tools.prove.story import TERMINAL as TERMINAL_STATE

KEY = (TERMINAL, JOURNAL, 1)


def standing(*posted: int, **refused: int) -> Survived:
    """Right after a crash: entries of these traces, and these answers (t2=41)."""
    entries = frozenset((TERMINAL, JOURNAL, trace) for trace in posted)
    return Survived(entries, frozenset(((TERMINAL, JOURNAL, int(name[1:])), code)
                                       for name, code in refused.items()))


def found(tale: Tale, **options) -> list[str]:
    return sorted({finding.name for finding in check(tale.story, tale.books(), tale.rules,
                                                     **options)})


# ---- tales in which nothing is wrong -----------------------------------------------------------

def a_day_of_all_kinds(tale: Tale) -> None:
    tale.heartbeat()
    tale.sale(1)
    tale.sale(2, 999, SILVER_CARD)
    tale.sale(1, 70, terminal=OTHER_TERMINAL, journal=9)
    tale.refused(3, 11, STOCK_CARD)
    tale.refused(4, 10, STRANGE_CARD)
    tale.refused(5, 15, MISREAD_CARD)
    tale.void(6, 1)


def a_frame_sent_three_times_and_answered_twice(tale: Tale) -> None:
    tale.offered(1)
    for _ in range(2):
        tale.story.sent(TERMINAL, tale.frames[KEY], tale.now_us)
        tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.answer(1, 90, shows=False)
    tale.posts(1)
    tale.story.replied(TERMINAL, tale.bodies[KEY], tale.now_us)


def a_card_lost_before_the_tap(tale: Tale) -> None:
    tale.happen(CARD_STATE, CARD, "lost")
    tale.wait(100)
    tale.refused(1, 12)


def a_card_lost_after_the_tap_and_before_its_arrival(tale: Tale) -> None:
    tale.heartbeat()
    tale.wait()
    tale.heartbeat()
    tale.offered(1, arrives=False)
    tale.wait(100)
    tale.happen(CARD_STATE, CARD, "lost")
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.posts(1)


def a_loss_reported_later_than_it_began(tale: Tale) -> None:
    tale.wait(1000)
    tale.offered(1, arrives=False)
    tale.happen(CARD_STATE, CARD, "lost", since_s=tale.now_s - 500)
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.answer(1, 12)


def a_member_suspended_before_and_another_after_the_tap(tale: Tale) -> None:
    tale.happen(MEMBER_STATE, MEMBER, "suspended")
    tale.wait(100)
    tale.refused(1, 20)
    tale.offered(2, card=SILVER_CARD, arrives=False)
    tale.wait(100)
    tale.happen(MEMBER_STATE, SILVER, "suspended")
    tale.story.arrived(TERMINAL, tale.frames[TERMINAL, JOURNAL, 2], tale.now_us)
    tale.answer(2, 41)
    tale.held.add((TERMINAL, JOURNAL, 2))


def taps_held_for_place_and_key(tale: Tale) -> None:
    tale.happen(MERCHANT, 1, "suspended")
    tale.wait(100)
    tale.refused(1, 41)
    tale.happen(MERCHANT, 1, "active")
    tale.happen(TERMINAL_STATE, TERMINAL, "lost")
    tale.refused(2, 41)
    tale.happen(TERMINAL_STATE, TERMINAL, "active")
    tale.happen(EPOCH_REVOKED, TERMINAL, 1)
    tale.refused(3, 41)
    tale.sale(4, epoch=2)


def held_taps_with_both_verdicts(tale: Tale) -> None:
    tale.happen(TERMINAL_STATE, TERMINAL, "suspended")
    tale.wait(100)
    for trace in (1, 2, 3):
        tale.refused(trace, 41)
    tale.happen(VERDICT, KEY, "post")
    tale.post(1, 12, by_hq=True)
    tale.happen(VERDICT, (TERMINAL, JOURNAL, 2), "refuse")
    tale.held -= {KEY, (TERMINAL, JOURNAL, 2)}


def a_verdict_that_table_t_does_not_allow(tale: Tale) -> None:
    tale.happen(TERMINAL_STATE, TERMINAL, "suspended")
    tale.happen(CARD_STATE, CARD, "lost")
    tale.wait(100)
    tale.refused(1, 41)
    tale.happen(VERDICT_FAILED, KEY, "post")


def verdicts_that_came_too_late(tale: Tale) -> None:
    held_taps_with_both_verdicts(tale)
    tale.happen(VERDICT_FAILED, KEY, "refuse")
    tale.cancel(4, 3)
    tale.happen(VERDICT_FAILED, (TERMINAL, JOURNAL, 3), "post")
    tale.answer(4, 0, 0, kind=VOID)
    tale.held.clear()


def a_verdict_on_what_a_restore_forgot(tale: Tale) -> None:
    tale.happen(TERMINAL_STATE, TERMINAL, "suspended")
    tale.happen(BACKUP, "old")
    tale.wait(100)
    tale.refused(1, 41)
    tale.happen(RESTORED, "old")
    tale.happen(VERDICT_FAILED, KEY, "refuse")
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)


def a_void_that_came_before_its_sale(tale: Tale) -> None:
    tale.offered(1, arrives=False)
    tale.cancel(2, 1)
    tale.answer(2, 0, 0, kind=VOID)
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.answer(1, 40)


def a_held_tap_voided_and_never_posted(tale: Tale) -> None:
    tale.happen(TERMINAL_STATE, TERMINAL, "suspended")
    tale.wait(100)
    tale.refused(1, 41)
    tale.cancel(2, 1)
    tale.answer(2, 0, 0, kind=VOID)
    tale.held.clear()


def a_tap_moved_after_a_conflict(tale: Tale) -> None:
    tale.send(1, amount=500, planted=True)
    tale.post(1, 5, amount=500)
    tale.answer(1, 0, 5, 5, 1, shows=False)
    tale.offered(1)
    tale.answer(1, 62, shows=False)
    tale.story.moved(TERMINAL, (JOURNAL, 1), (99, 1), tale.now_us)
    tale.send(1, journal=99)
    tale.posts(1, journal=99)


def _both_move(tale: Tale) -> None:
    """A sale is answered 62 and moves, its void with it, and both are done there."""
    tale.answer(1, 62, shows=False)
    tale.story.moved(TERMINAL, (JOURNAL, 1), (99, 1), tale.now_us)
    tale.story.moved(TERMINAL, (JOURNAL, 2), (99, 2), tale.now_us)
    tale.send(1, journal=99)
    tale.posts(1, journal=99)
    tale.send(2, VOID, None, None, (99, 1), journal=99)
    receipt = tale.post(2, -12, amount=-1250, kind=2, journal=99)
    tale.answer(2, 0, -12, 5, receipt, kind=VOID, journal=99)


def a_void_of_a_contested_trace(tale: Tale) -> None:
    """Nobody can say which of two messages it means, so it moves with the one it is for."""
    tale.send(1, amount=500, planted=True)
    tale.post(1, 5, amount=500)
    tale.answer(1, 0, 5, 5, 1, shows=False)
    tale.offered(1)
    tale.cancel(2, 1)
    tale.answer(2, 62, shows=False, kind=VOID)
    _both_move(tale)


def a_void_that_went_along_before_it_was_sent(tale: Tale) -> None:
    tale.send(1, amount=500, planted=True)
    tale.post(1, 5, amount=500)
    tale.answer(1, 0, 5, 5, 1, shows=False)
    tale.offered(1)
    tale.attempt(VOID, None, None, (JOURNAL, 1))
    tale.save(2, VOID, None, None, (JOURNAL, 1))
    _both_move(tale)


def an_untold_tap_moved_after_a_conflict(tale: Tale) -> None:
    tale.send(1, amount=500, planted=True)
    tale.post(1, 5, amount=500)
    tale.answer(1, 0, 5, 5, 1, shows=False)
    tale.attempt()
    tale.happen(POWER_OFF, TERMINAL)
    tale.send(1)
    tale.answer(1, 62, shows=False)
    tale.story.moved(TERMINAL, (JOURNAL, 1), (99, 1), tale.now_us)
    tale.send(1, journal=99)
    tale.post(1, 12, journal=99)
    tale.answer(1, 0, 12, 17, 2, journal=99)


def a_tap_whose_power_went_before_the_screen(tale: Tale) -> None:
    tale.attempt()
    tale.happen(POWER_OFF, TERMINAL)
    tale.send(1)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 12, 1)


def a_tap_torn_by_the_power_cut(tale: Tale) -> None:
    tale.attempt()
    tale.happen(POWER_OFF, TERMINAL)


def a_settlement_the_merchant_did_not_see(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 12, 1, shows=False)
    tale.happen(POWER_OFF, TERMINAL)


def traces_used_again_after_an_older_flash(tale: Tale) -> None:
    tale.sale(1)
    copied_us = tale.now_us
    tale.sale(2)
    tale.happen(POWER_OFF, TERMINAL)
    tale.happen(FLASH_PUT_BACK, TERMINAL, copied_us)
    tale.offered(2, amount=800)
    tale.answer(2, 62, shows=False)
    tale.story.moved(TERMINAL, (JOURNAL, 2), (99, 1), tale.now_us)
    tale.send(1, amount=800, journal=99)
    tale.posts(1, 800, journal=99)
    tale.sale(3, 900)


def traces_above_what_a_heartbeat_told_after_an_older_flash(tale: Tale) -> None:
    tale.sale(1)
    tale.sale(2)
    tale.happen(FLASH_PUT_BACK, TERMINAL, 0)
    tale.happen(CLOCK_SET, TERMINAL)
    tale.sale(3)


def a_tap_that_comes_back_after_a_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.happen(RESTORED, "old")
    tale.entries.clear()
    tale.running.clear()
    tale.wait(100)
    tale.story.sent(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.post(1, 12, receipt=1001, dated_at_ms=(OPENING_S + tale.now_s - 100) * 1000)
    tale.answer(1, 0, 12, 12, 1001, shows=False)


def a_void_that_finds_nothing_after_the_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.happen(RESTORED, "old")
    tale.entries.clear()
    tale.running.clear()
    tale.cancel(2, 1)
    tale.answer(2, 0, 0, kind=VOID)


def what_a_handset_has_no_more_after_a_restore(tale: Tale) -> None:
    tale.rules = tale.rules._replace(outbox=Room(8))
    tale.happen(BACKUP, "old")
    tale.sale(1)
    copied_us = tale.now_us
    tale.sale(2)
    tale.happen(RESTORED, "old")
    tale.entries.clear()
    tale.heartbeat(oldest=2)
    tale.happen(FLASH_PUT_BACK, TERMINAL, copied_us)


def what_somebody_else_had_sealed_is_gone_after_a_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.send(1, amount=500, planted=True)
    tale.post(1, 5, amount=500)
    tale.answer(1, 0, 5, 5, 1, shows=False)
    tale.happen(RESTORED, "old")
    tale.entries.clear()


def what_a_distrusted_handset_keeps_after_a_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.happen(TERMINAL_STATE, TERMINAL, "lost")
    tale.refused(2, 41)
    tale.happen(RESTORED, "old")
    tale.happen(TERMINAL_STATE, TERMINAL, "lost")
    tale.entries.clear()
    tale.held.clear()


def what_came_under_a_new_key_after_a_restore_and_is_gone(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.happen(EPOCH_REVOKED, TERMINAL, 1)
    tale.happen(RESTORED, "old")
    tale.happen(EPOCH_REVOKED, TERMINAL, 1)
    tale.entries.clear()
    tale.running.clear()
    tale.sale(2, epoch=2)


def a_refusal_decided_anew_after_a_restore(tale: Tale) -> None:
    """The loss of the card was recorded after the backup, and is not known any more."""
    tale.happen(BACKUP, "old")
    tale.happen(CARD_STATE, CARD, "lost")
    tale.wait(100)
    tale.refused(1, 12)
    tale.happen(RESTORED, "old")
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 12, 1, shows=False)


def a_clock_that_is_as_late_as_it_may_be(tale: Tale) -> None:
    tale.rules = tale.rules._replace(drift_ppm_max=1000)
    tale.sale(1, off_s=-12, age=100)
    tale.sale(2, off_s=1, age=100)
    tale.sale(3, off_s=10, age=10_000)


def a_clock_that_somebody_moved(tale: Tale) -> None:
    tale.heartbeat()
    tale.happen(CLOCK_JUMPED, TERMINAL, 5000)
    tale.sale(1, off_s=5000, age=5060)


def a_tap_without_a_clock_beside_a_change(tale: Tale) -> None:
    """Any date since the last trusted time will do: posted, refused and held are all right."""
    tale.happen(CARD_STATE, CARD, "lost")
    tale.wait(100)
    tale.offered(1, clock=False)
    tale.answer(1, 41)
    tale.held.add(KEY)
    tale.offered(2, clock=False)
    tale.answer(2, 12)
    tale.sale(3, clock=False)


def a_rule_set_that_changed_between_two_taps(tale: Tale) -> None:
    tale.rules = tale.rules._replace(rates=(Rate(-10**15, 1, 100), Rate(1_500_000_000, 2, 100)))
    tale.sale(1)
    tale.wait(1000)
    tale.sale(2, points=25)


def a_crash_after_an_answer(tale: Tale) -> None:
    tale.sale(1)
    tale.offered(2)
    tale.happen(SURVIVED, None, standing(1, 2))
    tale.posts(2)
    tale.offered(3, arrives=False)
    tale.happen(SURVIVED, None, standing(1, 2))
    tale.story.arrived(TERMINAL, tale.frames[TERMINAL, JOURNAL, 3], tale.now_us)
    tale.posts(3)


def a_crash_after_answers_of_every_sort(tale: Tale) -> None:
    tale.sale(1)
    tale.refused(2, 10, STRANGE_CARD)
    tale.void(3, 1)
    tale.happen(TERMINAL_STATE, TERMINAL, "suspended")
    tale.wait(100)
    tale.refused(4, 41)
    tale.happen(SURVIVED, None, standing(1, 3, t2=10, t3=0, t4=41))


def an_online_message_put_off_before_the_crash(tale: Tale) -> None:
    tale.attempt(8)
    tale.save(1, 8)
    tale.send(1, 8)
    tale.happen(SURVIVED, None, standing())
    tale.wait(30)
    tale.attempt(VOID, None, None, (JOURNAL, 1))
    tale.save(2, VOID, None, None, (JOURNAL, 1))
    tale.send(2, VOID, None, None, (JOURNAL, 1))
    tale.answer(2, 0, 0, kind=VOID)
    tale.answer(1, 40, kind=8)


def a_message_put_aside_before_the_crash(tale: Tale) -> None:
    tale.offered(1)
    tale.happen(DATABASE_FAILED, "io")
    tale.happen(SURVIVED, None, standing())
    tale.posts(1)
    tale.offered(2)
    tale.answer(2, 90, shows=False)
    tale.happen(SURVIVED, None, standing(1))
    tale.posts(2)
    tale.offered(3)
    tale.happen(SURVIVED, None, standing(1, 2))
    tale.happen(QUARANTINED, sha256(tale.frames[TERMINAL, JOURNAL, 3]).digest())
    tale.posts(3)


def a_sale_not_taken_because_the_heap_ran_out(tale: Tale) -> None:
    tale.attempt()
    tale.happen(HEAP_RAN_OUT, TERMINAL)


def a_sale_not_taken_while_the_flash_cannot_be_read(tale: Tale) -> None:
    tale.happen(FLASH_CONTACT, TERMINAL, True)
    tale.attempt()
    tale.happen(FLASH_CONTACT, TERMINAL, False)
    tale.sale(1)


def a_sale_not_taken_because_the_outbox_is_full(tale: Tale) -> None:
    tale.rules = tale.rules._replace(outbox=Room(9))
    for trace in range(1, 41):
        tale.offered(trace)
    tale.wait()
    tale.attempt(SALE, 300)
    for trace in range(1, 41):
        tale.posts(trace)


def a_sale_not_taken_while_an_online_message_waits(tale: Tale) -> None:
    tale.attempt(8)
    tale.save(1, 8)
    tale.send(1, 8)
    tale.wait(10)
    tale.attempt()
    tale.wait(30)
    tale.attempt(VOID, None, None, (JOURNAL, 1))
    tale.save(2, VOID, None, None, (JOURNAL, 1))
    tale.send(2, VOID, None, None, (JOURNAL, 1))
    tale.answer(2, 0, 0, kind=VOID)
    tale.answer(1, 40, kind=8)


def screens_with_the_figures_of_their_entries(tale: Tale) -> None:
    tale.offered(1)
    tale.display("ON 1 unsent", "Saved. Sending", "12.50", "D = cancel", "TRACE 1")
    tale.display("OFF", "Saved, will post", "12.50", "D = cancel", "TRACE 1")
    receipt = tale.posts(1)
    tale.display("ON", "Posted +12", "Balance 12", "A. B", f"REF {receipt}")


def a_screen_of_an_answer_that_a_restore_took_away(tale: Tale) -> None:
    a_tap_that_comes_back_after_a_restore(tale)
    tale.display("ON", "Posted +12", "Balance 12", "A. B", "REF 1")


EXCUSES = ("_power_went", "_heap_ran_out", "_flash_is_bad", "_waits", "_full")
TRUE: tuple[Callable[[Tale], None], ...] = (
    *tales_of_points.TRUE, *tales_of_restores.TRUE,
    a_sale_not_taken_because_the_heap_ran_out, a_sale_not_taken_while_the_flash_cannot_be_read,
    a_sale_not_taken_because_the_outbox_is_full, a_sale_not_taken_while_an_online_message_waits,
    what_somebody_else_had_sealed_is_gone_after_a_restore,
    screens_with_the_figures_of_their_entries, a_screen_of_an_answer_that_a_restore_took_away,
    a_day_of_all_kinds, a_frame_sent_three_times_and_answered_twice, a_card_lost_before_the_tap,
    a_card_lost_after_the_tap_and_before_its_arrival, a_loss_reported_later_than_it_began,
    a_member_suspended_before_and_another_after_the_tap, taps_held_for_place_and_key,
    held_taps_with_both_verdicts, a_verdict_that_table_t_does_not_allow,
    verdicts_that_came_too_late, a_verdict_on_what_a_restore_forgot,
    a_void_that_came_before_its_sale,
    a_held_tap_voided_and_never_posted, a_tap_moved_after_a_conflict,
    a_void_of_a_contested_trace, a_void_that_went_along_before_it_was_sent,
    an_untold_tap_moved_after_a_conflict,
    a_tap_whose_power_went_before_the_screen, a_tap_torn_by_the_power_cut,
    a_settlement_the_merchant_did_not_see, traces_used_again_after_an_older_flash,
    traces_above_what_a_heartbeat_told_after_an_older_flash,
    a_tap_that_comes_back_after_a_restore, what_a_handset_has_no_more_after_a_restore,
    a_void_that_finds_nothing_after_the_restore, what_a_distrusted_handset_keeps_after_a_restore,
    a_refusal_decided_anew_after_a_restore,
    a_clock_that_is_as_late_as_it_may_be, a_clock_that_somebody_moved,
    a_tap_without_a_clock_beside_a_change,
    a_rule_set_that_changed_between_two_taps, a_crash_after_an_answer,
    a_crash_after_answers_of_every_sort, an_online_message_put_off_before_the_crash,
    a_message_put_aside_before_the_crash)


@pytest.mark.parametrize("tell", TRUE, ids=lambda tell: tell.__name__)
def test_nothing_is_wrong_with(tell):
    tale = Tale()
    tell(tale)
    assert check(tale.story, tale.books(), tale.rules) == []


@pytest.mark.parametrize("excuse", EXCUSES)
def test_each_excuse_is_needed_by_a_true_tale(excuse, monkeypatch):
    monkeypatch.setattr(excuses, excuse, lambda *_: False)
    tales = []
    for tell in TRUE:
        tale = Tale()
        tell(tale)
        tales.append(found(tale))
    assert [named.NOT_TAKEN] in tales


# ---- and tales in which one thing is -----------------------------------------------------------

def told_saved_twice(tale: Tale) -> None:
    tale.sale(1)
    tale.attempt()
    tale.save(1)


def a_trace_used_again_although_a_heartbeat_told_how_far_it_was(tale: Tale) -> None:
    tale.sale(1)
    tale.happen(FLASH_PUT_BACK, TERMINAL, 0)
    tale.happen(CLOCK_SET, TERMINAL)
    tale.offered(1, amount=800)


def one_trace_for_two_frames(tale: Tale) -> None:
    tale.sale(1)
    tale.send(1, amount=800)


def another_amount_in_the_frame(tale: Tale) -> None:
    tale.attempt()
    tale.save(1)
    tale.send(1, amount=1350)
    tale.posts(1, 1250)


def a_void_of_another_sale(tale: Tale) -> None:
    tale.sale(1)
    tale.sale(2)
    tale.attempt(VOID, None, None, (JOURNAL, 1))
    tale.save(3, VOID, None, None, (JOURNAL, 1))
    tale.send(3, VOID, None, None, (JOURNAL, 2))
    receipt = tale.post(3, -12, amount=-1250, kind=2)
    tale.answer(3, 0, -12, 12, receipt, kind=VOID)


def a_frame_of_nobodys_tap(tale: Tale) -> None:
    tale.send(1)


def two_messages_for_one_tap(tale: Tale) -> None:
    tale.sale(1)
    tale.save(2)
    tale.send(2)
    tale.posts(2)


def a_clock_thirty_years_back(tale: Tale) -> None:
    tale.sale(1, off_s=-946684800)


def a_clock_two_seconds_ahead(tale: Tale) -> None:
    """A reply is older when it comes than when it was written, never younger."""
    tale.sale(1, off_s=2)


def a_clock_set_by_a_late_reply(tale: Tale) -> None:
    tale.sale(1, off_s=-14)


def another_reply_to_the_same_bytes(tale: Tale) -> None:
    tale.sale(1)
    tale.wait()
    tale.answer(1, 0, 12, 12, 1, shows=False)


def refused_for_no_reason(tale: Tale) -> None:
    tale.refused(1, 12)


def refused_though_the_card_was_lost_later(tale: Tale) -> None:
    tale.offered(1, arrives=False)
    tale.wait(100)
    tale.happen(CARD_STATE, CARD, "lost")
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.answer(1, 12)


def a_conflict_with_what_never_arrived(tale: Tale) -> None:
    tale.send(1, amount=500, planted=True, arrives=False)
    tale.offered(1)
    tale.answer(1, 62)


def a_conflict_with_what_came_later(tale: Tale) -> None:
    tale.offered(1)
    tale.answer(1, 62)
    tale.send(1, amount=500, planted=True)


def a_conflict_with_what_was_a_conflict_itself(tale: Tale) -> None:
    frame = tale.send(1, amount=500, planted=True)
    tale.answer(1, 62, shows=False, frame=frame)
    tale.offered(1)
    tale.answer(1, 62)


def a_void_in_conflict_with_one_message_only(tale: Tale) -> None:
    tale.sale(1)
    tale.cancel(2, 1)
    tale.answer(2, 62, kind=VOID)


def voided_by_a_void_of_another(tale: Tale) -> None:
    tale.offered(1, arrives=False)
    tale.sale(2)
    tale.wait()
    tale.attempt(VOID, None, None, (JOURNAL, 1))
    tale.save(3, VOID, None, None, (JOURNAL, 1))
    tale.send(3, VOID, None, None, (JOURNAL, 2))
    tale.answer(3, 0, 0, kind=VOID)
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.answer(1, 40)


def voided_by_a_void_that_was_held(tale: Tale) -> None:
    tale.happen(EPOCH_REVOKED, TERMINAL, 1)
    tale.offered(1, arrives=False, epoch=2)
    tale.cancel(2, 1)
    tale.answer(2, 41, kind=VOID)
    tale.held.add((TERMINAL, JOURNAL, 2))
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.answer(1, 40)


def a_moved_void_of_another_sale(tale: Tale) -> None:
    a_void_of_a_contested_trace(tale)
    tale.sale(3)
    tale.cancel(4, 3)
    frame = tale.frames[TERMINAL, JOURNAL, 4]
    tale.send(4, amount=500, planted=True)
    tale.answer(4, 62, shows=False, kind=VOID, frame=frame)
    tale.story.moved(TERMINAL, (JOURNAL, 4), (99, 3), tale.now_us)
    tale.send(3, VOID, None, None, (99, 1), journal=99)


def suspension_told_to_a_sale(tale: Tale) -> None:
    tale.offered(1)
    tale.answer(1, 53, shows=False)
    tale.posts(1)


def held_for_no_reason(tale: Tale) -> None:
    tale.refused(1, 41)


def posted_on_a_lost_card(tale: Tale) -> None:
    tale.happen(CARD_STATE, CARD, "lost")
    tale.wait(100)
    tale.sale(1)


def posted_from_a_lost_terminal(tale: Tale) -> None:
    tale.happen(TERMINAL_STATE, TERMINAL, "lost")
    tale.sale(1)


def settled_by_try_later(tale: Tale) -> None:
    tale.sale(1)
    tale.answer(1, 90)


def settled_by_the_reply_to_somebody_elses_frame(tale: Tale) -> None:
    frame = tale.send(1, amount=1250, age=99, planted=True)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 12, 1, shows=False, frame=frame)
    tale.offered(1)
    tale.show(1, 0, 12, 12, 1, OPENING_S + tale.now_s - 60)


def settled_by_what_was_said_of_an_older_flash(tale: Tale) -> None:
    tale.sale(1)
    at = OPENING_S + tale.now_s
    tale.happen(FLASH_PUT_BACK, TERMINAL, 0)
    tale.offered(1, amount=800)
    tale.show(1, 0, 12, 12, 1, at)


def sealed_twice_before_the_older_flash(tale: Tale) -> None:
    tale.sale(1)
    tale.send(1, amount=700)
    tale.happen(FLASH_PUT_BACK, TERMINAL, 0)
    tale.send(1, amount=800)


def in_the_older_flash_and_gone(tale: Tale) -> None:
    tale.offered(1)
    tale.happen(FLASH_PUT_BACK, TERMINAL, tale.now_us)


def never_answered(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12)


def answered_and_never_shown(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 12, 1, shows=False)


def sent_again_after_the_power_cut_and_never_shown(tale: Tale) -> None:
    answered_and_never_shown(tale)
    tale.happen(POWER_OFF, TERMINAL)
    tale.story.sent(TERMINAL, tale.frames[KEY], tale.now_us)


def gone_with_the_power(tale: Tale) -> None:
    tale.attempt()
    tale.save(1)
    tale.happen(POWER_OFF, TERMINAL)


def a_conflict_left_lying(tale: Tale) -> None:
    tale.send(1, amount=500, planted=True)
    tale.offered(1)
    tale.answer(1, 62)


def moved_without_a_conflict(tale: Tale) -> None:
    tale.offered(1)
    tale.story.moved(TERMINAL, (JOURNAL, 1), (99, 1), tale.now_us)
    tale.send(1, journal=99)
    tale.posts(1, journal=99)


def a_void_that_moved_without_its_sale(tale: Tale) -> None:
    tale.sale(1)
    tale.attempt(VOID, None, None, (JOURNAL, 1))
    tale.save(2, VOID, None, None, (JOURNAL, 1))
    tale.story.moved(TERMINAL, (JOURNAL, 2), (99, 1), tale.now_us)
    tale.send(1, VOID, None, None, (JOURNAL, 1), journal=99)
    receipt = tale.post(1, -12, amount=-1250, kind=2, journal=99)
    tale.answer(1, 0, -12, 0, receipt, kind=VOID, journal=99)


def moved_and_posted_twice(tale: Tale) -> None:
    a_tap_moved_after_a_conflict(tale)
    tale.frames[KEY] = next(body for _, body in tale.story.ups)
    tale.post(1, 12)


def lines_that_do_not_add_up(tale: Tale) -> None:
    tale.sale(1)
    tale.entries[0] = tale.entries[0]._replace(sums=(0, 1))


def an_entry_of_no_frame(tale: Tale) -> None:
    tale.sale(1)
    tale.entries.append(tale.entries[0]._replace(receipt=2, key=(TERMINAL, JOURNAL, 2),
                                                 frame_hash=bytes(32)))


def an_entry_under_another_trace(tale: Tale) -> None:
    tale.sale(1)
    tale.entries[0] = tale.entries[0]._replace(key=(TERMINAL, JOURNAL, 5))


def an_accrual_for_a_void(tale: Tale) -> None:
    tale.sale(1)
    tale.cancel(2, 1)
    receipt = tale.post(2, -12, amount=-1250, kind=1)
    tale.answer(2, 0, -12, 0, receipt, kind=VOID)


def the_wrong_members_points(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12, SILVER)
    tale.answer(1, 0, 12, 12, 1)


def another_amount_in_the_books(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12, amount=1260)
    tale.answer(1, 0, 12, 12, 1)


def the_wrong_merchant_pays(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12, merchant_id=2)
    tale.answer(1, 0, 12, 12, 1)


def another_merchants_lot(tale: Tale) -> None:
    tale.sale(1)
    tale.entries[0] = tale.entries[0]._replace(issuers=frozenset((1, 2)))


def a_point_too_many(tale: Tale) -> None:
    tale.sale(1, points=13)


def a_multiplier_forgotten(tale: Tale) -> None:
    tale.sale(1, card=SILVER_CARD, points=12)


def dated_a_day_late(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12, dated_at_ms=(OPENING_S + tale.now_s + 86400) * 1000, business_date=DAY + 1)
    tale.answer(1, 0, 12, 12, 1)


def said_to_be_answered_and_gone_with_the_older_flash(tale: Tale) -> None:
    """A flash is put back only while its handset says that nothing waits for an answer."""
    tale.sale(1)
    copied_us = tale.now_us
    tale.offered(2, arrives=False)
    tale.happen(POWER_OFF, TERMINAL)
    tale.happen(FLASH_PUT_BACK, TERMINAL, copied_us)


def dated_before_its_terminal_was_made(tale: Tale) -> None:
    tale.happen(CLOCK_JUMPED, TERMINAL, -10**9)
    tale.offered(1, off_s=-10**9)
    tale.post(1, 12, dated_at_ms=(OPENING_S - 10**9) * 1000)
    tale.answer(1, 0, 12, 12, 1)


def dated_before_the_last_trusted_time(tale: Tale) -> None:
    tale.wait(10000)
    for _ in range(3):
        tale.heartbeat()
        tale.wait()
    tale.offered(1, clock=False)
    tale.post(1, 12, dated_at_ms=(OPENING_S + 1000) * 1000)
    tale.answer(1, 0, 12, 12, 1)


def booked_on_the_wrong_business_day(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12, business_date=DAY + 1)
    tale.answer(1, 0, 12, 12, 1)


def told_other_points_before_a_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.offered(1)
    tale.answer(1, 0, 13, 13, 1)
    tale.happen(RESTORED, "old")
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.posts(1)


def refused_and_told_points(tale: Tale) -> None:
    tale.offered(1, card=STRANGE_CARD)
    tale.answer(1, 10, 12)


def refused_with_a_receipt(tale: Tale) -> None:
    tale.offered(1, card=STRANGE_CARD)
    tale.answer(1, 10, None, None, 5)


def posted_twice(tale: Tale) -> None:
    tale.sale(1)
    tale.post(1, 12)


def taken_back_twice(tale: Tale) -> None:
    tale.sale(1)
    tale.void(2, 1)
    tale.post(2, -12, amount=-1250, kind=2)


def posted_says_the_answer_and_no_entry(tale: Tale) -> None:
    tale.sale(1)
    tale.entries.clear()


def not_back_after_the_restore(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.happen(RESTORED, "old")
    tale.entries.clear()


def said_to_be_gone_though_there_was_room(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.sale(2)
    tale.happen(RESTORED, "old")
    tale.entries.clear()
    tale.heartbeat(oldest=3)


def not_back_though_the_handset_has_it(tale: Tale) -> None:
    not_back_after_the_restore(tale)
    tale.heartbeat(oldest=1)
    tale.happen(FLASH_PUT_BACK, TERMINAL, tale.now_us)


def refused_and_posted(tale: Tale) -> None:
    tale.happen(CARD_STATE, CARD, "lost")
    tale.wait(100)
    tale.refused(1, 12)
    tale.post(1, 12)


def a_verdict_nobody_followed(tale: Tale) -> None:
    held_taps_with_both_verdicts(tale)
    tale.entries.clear()


def a_post_that_hq_is_denied(tale: Tale) -> None:
    held_taps_with_both_verdicts(tale)
    tale.happen(VERDICT_FAILED, (TERMINAL, JOURNAL, 3), "post")


def a_refusal_that_hq_is_denied(tale: Tale) -> None:
    held_taps_with_both_verdicts(tale)
    tale.happen(VERDICT_FAILED, (TERMINAL, JOURNAL, 3), "refuse")


def posted_by_hq_though_its_void_came_first(tale: Tale) -> None:
    a_held_tap_voided_and_never_posted(tale)
    tale.happen(VERDICT, KEY, "post")
    tale.post(1, 12, by_hq=True)


def posted_by_hq_though_the_card_was_lost(tale: Tale) -> None:
    tale.happen(CARD_STATE, CARD, "lost")
    held_taps_with_both_verdicts(tale)


def posted_by_hq_against_its_word(tale: Tale) -> None:
    held_taps_with_both_verdicts(tale)
    tale.post(2, 12, by_hq=True)


def a_hold_that_hq_never_sees(tale: Tale) -> None:
    taps_held_for_place_and_key(tale)
    tale.held.clear()


def voided_and_not_taken_back(tale: Tale) -> None:
    tale.sale(1)
    tale.cancel(2, 1)
    tale.answer(2, 0, 0, kind=VOID)


def voided_first_and_posted_all_the_same(tale: Tale) -> None:
    tale.offered(1, arrives=False)
    tale.cancel(2, 1)
    tale.answer(2, 0, 0, kind=VOID)
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.posts(1)


def a_void_called_done_before_by_nobody(tale: Tale) -> None:
    tale.sale(1)
    tale.cancel(2, 1)
    tale.answer(2, 38, kind=VOID)


def two_voids_each_take_back(tale: Tale) -> None:
    tale.sale(1)
    tale.sale(2)
    tale.void(3, 1)
    tale.void(4, 1)


def a_balance_nobody_has(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 13, 1)


def a_receipt_of_no_entry(tale: Tale) -> None:
    tale.offered(1)
    tale.post(1, 12)
    tale.answer(1, 0, 12, 12, 77)


def points_for_a_void_of_nothing(tale: Tale) -> None:
    a_void_that_came_before_its_sale(tale)
    tale.sale(3)
    tale.cancel(4, 2)
    tale.answer(4, 0, -12, 0, kind=VOID)


def one_receipt_for_two_taps(tale: Tale) -> None:
    tale.happen(BACKUP, "old")
    tale.sale(1)
    tale.happen(RESTORED, "old")
    tale.entries.clear()
    tale.running.clear()
    tale.sale(2)
    tale.story.arrived(TERMINAL, tale.frames[KEY], tale.now_us)
    tale.post(1, 12, dated_at_ms=(OPENING_S + tale.now_s - 60) * 1000)
    tale.answer(1, 0, 12, 24, 2, shows=False)


def a_balance_that_is_not_its_taps(tale: Tale) -> None:
    tale.sale(1)
    tale.adjust[MEMBER] = {"available": 11, "lots_remaining": 11}


def lots_that_are_not_the_balance(tale: Tale) -> None:
    tale.sale(1)
    tale.adjust[MEMBER] = {"lots_remaining": 11}


def answered_and_lost_with_the_servers_power(tale: Tale) -> None:
    tale.sale(1)
    tale.happen(SURVIVED, None, standing())


def acknowledged_and_lost_with_the_servers_power(tale: Tale) -> None:
    tale.offered(1)
    tale.happen(SURVIVED, None, standing())
    tale.posts(1)


def a_refusal_lost_with_the_servers_power(tale: Tale) -> None:
    tale.refused(1, 10, STRANGE_CARD)
    tale.happen(SURVIVED, None, standing())


def a_hold_lost_with_the_servers_power(tale: Tale) -> None:
    tale.happen(TERMINAL_STATE, TERMINAL, "suspended")
    tale.wait(100)
    tale.refused(1, 41)
    tale.happen(SURVIVED, None, standing())


def a_void_lost_with_the_servers_power(tale: Tale) -> None:
    tale.sale(1)
    tale.void(2, 1)
    tale.happen(SURVIVED, None, standing(1))


def a_sale_the_handset_would_not_take(tale: Tale) -> None:
    tale.sale(1)
    tale.wait()
    tale.attempt(SALE, 300)
    tale.sale(2)


def a_sale_not_taken_after_the_heap_ran_out(tale: Tale) -> None:
    tale.attempt()
    tale.happen(HEAP_RAN_OUT, TERMINAL)
    tale.wait(1)
    tale.attempt()


def a_sale_not_taken_though_another_heap_ran_out(tale: Tale) -> None:
    tale.attempt()
    tale.happen(HEAP_RAN_OUT, OTHER_TERMINAL)


def a_sale_not_taken_though_the_contact_is_good_again(tale: Tale) -> None:
    tale.happen(FLASH_CONTACT, TERMINAL, True)
    tale.happen(FLASH_CONTACT, TERMINAL, False)
    tale.attempt()


def a_sale_not_taken_though_little_waits(tale: Tale) -> None:
    tale.rules = tale.rules._replace(outbox=Room(9))
    for trace in range(1, 11):
        tale.offered(trace)
    tale.wait()
    tale.attempt(SALE, 300)
    for trace in range(1, 11):
        tale.posts(trace)


def a_sale_not_taken_long_after_an_online_message(tale: Tale) -> None:
    tale.attempt(8)
    tale.save(1, 8)
    tale.wait(40)
    tale.attempt()


def a_sale_not_taken_though_another_handset_lost_its_power(tale: Tale) -> None:
    tale.attempt()
    tale.happen(POWER_OFF, OTHER_TERMINAL)


def called_saved_before_it_is(tale: Tale) -> None:
    tale.attempt()
    tale.display("ON", "Saved. Sending", "12.50", "D = cancel", "TRACE 1")
    tale.save(1)
    tale.send(1)
    tale.posts(1)


def a_screen_with_another_balance(tale: Tale) -> None:
    receipt = tale.sale(1)
    tale.display("ON", "Posted +12", "Balance 13", "A. B", f"REF {receipt}")


def a_screen_with_other_points(tale: Tale) -> None:
    receipt = tale.sale(1)
    tale.display("ON", "Posted +13", "Balance 12", "A. B", f"REF {receipt}")


def a_screen_with_a_receipt_of_nothing(tale: Tale) -> None:
    tale.sale(1)
    tale.display("ON", "Posted +12", "Balance 12", "A. B", "REF 99")


UNTRUE: tuple[tuple[Callable[[Tale], None], str], ...] = (
    (told_saved_twice, named.TRACE_REUSED),
    (a_trace_used_again_although_a_heartbeat_told_how_far_it_was, named.TRACE_REUSED),
    (one_trace_for_two_frames, named.TRACE_REUSED),
    (another_amount_in_the_frame, named.MESSAGE_DIFFERS),
    (a_void_of_another_sale, named.MESSAGE_DIFFERS),
    (a_frame_of_nobodys_tap, named.UNTAPPED_MESSAGE),
    (two_messages_for_one_tap, named.DOUBLED),
    (a_clock_thirty_years_back, named.CLOCK_WRONG),
    (a_clock_two_seconds_ahead, named.CLOCK_WRONG),
    (a_clock_set_by_a_late_reply, named.CLOCK_WRONG),
    (another_reply_to_the_same_bytes, named.REPLY_DIFFERED),
    (refused_for_no_reason, named.REFUSED_WITHOUT_CAUSE),
    (refused_though_the_card_was_lost_later, named.REFUSED_WITHOUT_CAUSE),
    (a_conflict_with_what_never_arrived, named.REFUSED_WITHOUT_CAUSE),
    (a_conflict_with_what_came_later, named.REFUSED_WITHOUT_CAUSE),
    (a_conflict_with_what_was_a_conflict_itself, named.REFUSED_WITHOUT_CAUSE),
    (a_void_in_conflict_with_one_message_only, named.REFUSED_WITHOUT_CAUSE),
    (voided_by_a_void_of_another, named.REFUSED_WITHOUT_CAUSE),
    (voided_by_a_void_that_was_held, named.REFUSED_WITHOUT_CAUSE),
    (a_moved_void_of_another_sale, named.MESSAGE_DIFFERS),
    (suspension_told_to_a_sale, named.REFUSED_WITHOUT_CAUSE),
    (held_for_no_reason, named.HELD_WITHOUT_CAUSE),
    (posted_on_a_lost_card, named.POSTED_WITHOUT_RIGHT),
    (posted_from_a_lost_terminal, named.POSTED_WITHOUT_RIGHT),
    (settled_by_try_later, named.FOREIGN_REPLY),
    (settled_by_the_reply_to_somebody_elses_frame, named.FOREIGN_REPLY),
    (settled_by_what_was_said_of_an_older_flash, named.FOREIGN_REPLY),
    (sealed_twice_before_the_older_flash, named.TRACE_REUSED),
    (in_the_older_flash_and_gone, named.NOT_DRAINED),
    (never_answered, named.NOT_DRAINED),
    (answered_and_never_shown, named.NOT_DRAINED),
    (sent_again_after_the_power_cut_and_never_shown, named.NOT_DRAINED),
    (gone_with_the_power, named.CLAIMED),
    (a_conflict_left_lying, named.LOST),
    (moved_without_a_conflict, named.MOVED_TWICE),
    (a_void_that_moved_without_its_sale, named.MOVED_TWICE),
    (moved_and_posted_twice, named.MOVED_TWICE),
    (lines_that_do_not_add_up, named.UNBALANCED),
    (an_entry_of_no_frame, named.UNTAPPED),
    (an_entry_under_another_trace, named.UNTAPPED),
    (an_accrual_for_a_void, named.UNTAPPED),
    (the_wrong_members_points, named.WRONG_MEMBER),
    (another_amount_in_the_books, named.WRONG_AMOUNT),
    (the_wrong_merchant_pays, named.WRONG_AMOUNT),
    (another_merchants_lot, named.WRONG_AMOUNT),
    (a_point_too_many, named.WRONG_POINTS),
    (a_multiplier_forgotten, named.WRONG_POINTS),
    (dated_a_day_late, named.WRONG_DATE),
    (said_to_be_answered_and_gone_with_the_older_flash, named.CLAIMED),
    (dated_before_its_terminal_was_made, named.WRONG_DATE),
    (dated_before_the_last_trusted_time, named.WRONG_DATE),
    (booked_on_the_wrong_business_day, named.WRONG_DATE),
    (told_other_points_before_a_restore, named.WRONG_POINTS),
    (refused_and_told_points, named.SCREEN_DIFFERS),
    (refused_with_a_receipt, named.SCREEN_DIFFERS),
    (posted_twice, named.DOUBLED),
    (taken_back_twice, named.DOUBLED),
    (posted_says_the_answer_and_no_entry, named.CLAIMED),
    (not_back_after_the_restore, named.LOST),
    (said_to_be_gone_though_there_was_room, named.LOST),
    (not_back_though_the_handset_has_it, named.LOST),
    (what_came_under_a_new_key_after_a_restore_and_is_gone, named.LOST),
    (refused_and_posted, named.SCREEN_DIFFERS),
    (a_verdict_nobody_followed, named.VERDICT_IGNORED),
    (a_post_that_hq_is_denied, named.VERDICT_IGNORED),
    (a_refusal_that_hq_is_denied, named.VERDICT_IGNORED),
    (posted_by_hq_though_its_void_came_first, named.VOIDED_BUT_COUNTS),
    (posted_by_hq_though_the_card_was_lost, named.POSTED_WITHOUT_RIGHT),
    (posted_by_hq_against_its_word, named.VERDICT_IGNORED),
    (a_hold_that_hq_never_sees, named.HOLD_FORGOTTEN),
    (voided_and_not_taken_back, named.VOIDED_BUT_COUNTS),
    (voided_first_and_posted_all_the_same, named.VOIDED_BUT_COUNTS),
    (a_void_called_done_before_by_nobody, named.VOIDED_BUT_COUNTS),
    (two_voids_each_take_back, named.DOUBLED),
    (a_balance_nobody_has, named.SCREEN_DIFFERS),
    (a_receipt_of_no_entry, named.SCREEN_DIFFERS),
    (points_for_a_void_of_nothing, named.SCREEN_DIFFERS),
    (one_receipt_for_two_taps, named.RECEIPT_REUSED),
    (a_balance_that_is_not_its_taps, named.BALANCE_DIFFERS),
    (lots_that_are_not_the_balance, named.BALANCE_DIFFERS),
    (answered_and_lost_with_the_servers_power, named.CLAIMED),
    (acknowledged_and_lost_with_the_servers_power, named.CLAIMED),
    (a_sale_the_handset_would_not_take, named.NOT_TAKEN),
    (a_sale_not_taken_after_the_heap_ran_out, named.NOT_TAKEN),
    (a_sale_not_taken_though_another_heap_ran_out, named.NOT_TAKEN),
    (a_sale_not_taken_though_the_contact_is_good_again, named.NOT_TAKEN),
    (a_sale_not_taken_though_little_waits, named.NOT_TAKEN),
    (a_sale_not_taken_long_after_an_online_message, named.NOT_TAKEN),
    (a_sale_not_taken_though_another_handset_lost_its_power, named.NOT_TAKEN),
    (called_saved_before_it_is, named.CLAIMED),
    (a_screen_with_another_balance, named.SCREEN_DIFFERS),
    (a_screen_with_other_points, named.SCREEN_DIFFERS),
    (a_screen_with_a_receipt_of_nothing, named.SCREEN_DIFFERS),
    (a_refusal_lost_with_the_servers_power, named.CLAIMED),
    (a_hold_lost_with_the_servers_power, named.CLAIMED),
    (a_void_lost_with_the_servers_power, named.CLAIMED),
    *tales_of_points.UNTRUE, *tales_of_restores.UNTRUE,
)


@pytest.mark.parametrize(("tell", "name"), UNTRUE, ids=lambda value: getattr(
    value, "__name__", value))
def test_it_is_found(tell, name):
    tale = Tale()
    tell(tale)
    assert name in found(tale)


def test_every_finding_has_a_tale():
    names = {value for name, value in vars(named).items() if name.isupper()}
    assert names == {name for _, name in UNTRUE}


def told_by(rules) -> list[list[str]]:
    """All findings of all untrue tales, in words."""
    told = []
    for tell, _ in UNTRUE:
        tale = Tale()
        tell(tale)
        told.append(sorted(map(str, check(tale.story, tale.books(), tale.rules, by=rules))))
    return told


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_without_the_rule_a_lie_passes(rule):
    kept = tuple(each for each in RULES if each is not rule)
    passed = []
    for tell, name in UNTRUE:
        tale = Tale()
        tell(tale)
        if name in found(tale) and name not in found(tale, by=kept):
            passed.append(tell.__name__)
    assert passed


class _Silenced(ast.NodeTransformer):
    """The module with its finding number `wanted` never given."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.count = 0

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if isinstance(node.value, ast.Yield):
            self.count += 1
            if self.count - 1 == self.wanted:
                return ast.copy_location(ast.parse("if False: yield").body[0], node)
        return node


MODULES = (wire_rules, ledger_rules, bill_rules, verdict_rules)
MUTANTS = [(module, place) for module in MODULES
           for place in range(inspect.getsource(module).count("yield Finding("))]


@pytest.mark.parametrize(("module", "place"), MUTANTS,
                         ids=[f"{module.__name__}-{place}" for module, place in MUTANTS])
def test_each_single_finding_is_needed_by_a_tale(module, place):
    silencer = _Silenced(place)
    tree = ast.fix_missing_locations(silencer.visit(ast.parse(inspect.getsource(module))))
    assert silencer.count > place
    names: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(tree, module.__file__ or "", "exec"), names)
    others = [rule for each in MODULES if each is not module for rule in each.RULES]
    assert told_by((*others, *names["RULES"])) != told_by(RULES)


def test_a_finding_reads_as_a_sentence_and_hides_the_card():
    tale = Tale()
    another_amount_in_the_frame(tale)
    lines = list(map(str, check(tale.story, tale.books(), tale.rules)))
    assert f"message differs from tap: terminal {TERMINAL} journal {JOURNAL} trace 1" in lines[0]
    assert not any(str(CARD) in line for line in lines)


def test_a_sighting_is_plain_data():
    assert Sighting(1, 2, 3, 4).first_order == 2
    assert SALE != VOID
