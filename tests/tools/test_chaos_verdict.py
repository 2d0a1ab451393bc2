"""The verdict on a round: every way in which a tap can be lost or stand twice is seen."""

import pytest

from protocol import codes
from tools.chaos.verdict import Verdict, judge
from tools.chaos.witness import Answer, Saved, Witness
from tools.handsets import OutboxEntry
from tools.tally import Entry

KEY = (7, 1, 1)
BOX = OutboxEntry(7, 1, 1, 1, 1250, True, codes.APPROVED, 12, 100, "7892")
ENTRY = Entry(7, 1, 1, 100, 1250, 12)
BARREN = {"0001"}


def box(**changed) -> OutboxEntry:
    return OutboxEntry(**{**BOX.__dict__, **changed})


def verdict(boxes, ledger, saved=(KEY,), answers=None) -> Verdict:
    return judge(dict.fromkeys(saved, Saved(1, None)), answers or {}, boxes, ledger, BARREN)


def test_one_tap_one_entry_and_the_same_figures_are_exact():
    found = verdict([BOX], [ENTRY], answers={KEY: Answer(codes.APPROVED, 12, 100)})
    assert found.exact and (found.taps, found.posted) == (1, 1)


def test_a_tap_nobody_heard_of_but_the_outbox_is_owed_all_the_same():
    assert verdict([BOX], [ENTRY], saved=()).exact
    assert verdict([BOX], [], saved=()).lost == 1


def test_a_saved_tap_that_is_neither_in_the_outbox_nor_in_the_ledger_is_lost():
    found = verdict([], [])
    assert (found.taps, found.lost) == (1, 1) and not found.exact


def test_a_tap_without_an_entry_is_lost_whatever_its_answer_says():
    assert verdict([BOX], []).lost == 1
    assert verdict([box(settled=False, code=None)], []).lost == 1
    assert verdict([box(code=codes.CARD_LOST)], []).lost == 1


def test_a_second_entry_is_twice():
    found = verdict([BOX], [ENTRY, ENTRY._replace(receipt=101)])
    assert found.twice == 1 and not found.exact


def test_an_entry_nobody_tapped_is_told():
    found = verdict([BOX], [ENTRY, ENTRY._replace(trace=9)])
    assert found.untapped == 1 and not found.exact


def test_an_unanswered_tap_is_unsettled_even_when_it_is_posted():
    found = verdict([box(settled=False, code=None, points=None, receipt=None)], [ENTRY])
    assert found.unsettled == 1 and not found.exact


@pytest.mark.parametrize("changed", [{"points": 13}, {"amount_minor": 1}, {"receipt": 7}])
def test_other_figures_are_no_posting(changed: dict):
    found = verdict([box(**changed)], [ENTRY])
    assert found.differing == 1 and not found.exact


def test_a_card_from_stock_earns_its_refusal_and_nothing_else():
    refused = box(code=codes.CARD_INACTIVE, points=None, receipt=None, card_last4="0001")
    found = verdict([refused], [])
    assert found.exact and (found.taps, found.refused) == (1, 1)
    assert not verdict([refused], [ENTRY]).exact
    other = box(code=codes.CARD_LOST, points=None, receipt=None, card_last4="0001")
    assert verdict([other], []).lost == 1
    assert verdict([box(card_last4="0001")], [ENTRY]).lost == 1


VOID = OutboxEntry(7, 1, 2, 3, None, True, codes.APPROVED, -12, 101, None, (1, 1))
TAKEN_BACK = Entry(7, 1, 2, 101, -1250, -12)
BURIED = box(code=codes.VOIDED, points=None, receipt=None)
EMPTY = OutboxEntry(7, 1, 2, 3, None, True, codes.APPROVED, 0, None, None, (1, 1))
SECOND = OutboxEntry(7, 1, 3, 3, None, True, codes.NOTHING_LEFT, None, None, None, (1, 1))


def test_a_void_takes_back_what_its_sale_brought():
    found = verdict([BOX, VOID], [ENTRY, TAKEN_BACK])
    assert found.exact and (found.taps, found.posted, found.taken_back) == (2, 2, 1)
    assert verdict([BOX, VOID], [ENTRY]).lost == 1
    assert verdict([BOX, VOID], [ENTRY, TAKEN_BACK, TAKEN_BACK]).twice == 1
    assert verdict([BOX, VOID], [ENTRY, TAKEN_BACK._replace(amount_minor=-1)]).differing == 1


def test_a_void_that_takes_back_other_points_is_a_finding():
    less = OutboxEntry(7, 1, 2, 3, None, True, codes.APPROVED, -11, 101, None, (1, 1))
    assert verdict([BOX, less], [ENTRY, TAKEN_BACK._replace(points=-11)]).findings


def test_a_sale_whose_void_was_first_leaves_nothing():
    found = verdict([BURIED, EMPTY], [])
    assert found.exact and (found.taps, found.empty, found.taken_back) == (2, 2, 0)
    assert not verdict([BURIED, EMPTY], [ENTRY]).exact
    assert not verdict([BURIED, EMPTY], [TAKEN_BACK]).exact
    assert verdict([BURIED], []).lost == 1


def test_a_second_void_finds_nothing_left_and_an_unanswered_one_is_lost():
    assert verdict([BOX, VOID, SECOND], [ENTRY, TAKEN_BACK]).exact
    assert verdict([BOX, SECOND], [ENTRY]).lost == 1
    waiting = OutboxEntry(7, 1, 2, 3, None, False, None, None, None, None, (1, 1))
    found = verdict([BOX, waiting], [ENTRY])
    assert (found.lost, found.unsettled) == (1, 1)


def test_what_a_void_is_of_may_be_known_from_what_was_said_alone():
    bare = OutboxEntry(7, 1, 2, 3, None, True, codes.APPROVED, -12, 101)
    told = {KEY: Saved(1, None), (7, 1, 2): Saved(3, (1, 1))}
    assert judge(told, {}, [BOX, bare], [ENTRY, TAKEN_BACK], BARREN).exact
    assert not judge({}, {}, [BOX, bare], [ENTRY, TAKEN_BACK], BARREN).exact


def test_an_answer_shown_that_the_outbox_does_not_hold_is_a_finding():
    found = verdict([BOX], [ENTRY], answers={KEY: Answer(codes.APPROVED, 99, 100)})
    assert found.findings and not found.exact


def said(event: str, **values) -> dict:
    return {"event": event, "journal": 1, "trace": 1, "type": 1, "original": None, **values}


def test_the_witness_keeps_what_was_saved_and_answered():
    witness = Witness()
    witness.hear(7, said("saved"))
    witness.hear(7, said("settled", code=0, points=12, receipt=100))
    witness.hear(7, said("settled", code=0, points=12, receipt=100))
    assert witness.saved == {KEY: Saved(1, None)}
    assert witness.answers == {KEY: Answer(0, 12, 100)} and not witness.findings


@pytest.mark.parametrize("events", [
    [said("saved"), said("saved")],
    [said("settled", code=0, points=12, receipt=1), said("settled", code=0, points=13, receipt=1)],
    [{"event": "recovery", "reason": "corrupt", "why": "block 3"}],
    [{"event": "died", "task": "panel", "why": "OSError"}],
    [{"event": "not_saved", "why": "sealing failed"}]])
def test_what_no_handset_may_say_is_a_finding(events: list[dict]):
    witness = Witness()
    for each in events:
        witness.hear(7, each)
    assert witness.findings
