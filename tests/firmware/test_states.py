"""The values that checkout and its flows share. Runs on both interpreters."""

from firmware.states import NOBODY, changed, in_vain, last_sold, outcome_of
from protocol import codes
from protocol.fields import REFUND, SALE, VOID


def test_one_field_of_a_till_changes_and_the_others_stay():
    till = changed(changed(NOBODY, "operator", 12), "training", True)
    assert till.operator == 12 and till.training is True
    assert till[3:] == NOBODY[3:] and NOBODY.operator == 0


def test_what_became_of_a_message_by_its_answer():
    said = [outcome_of(SALE, settled) for settled in (
        None, (0, 12, 9), (codes.TOO_OLD, 12, 9), (codes.TOO_OLD, None, None),
        (codes.HELD, None, None), (codes.NOTHING_LEFT, None, None))]
    assert said == ["waiting", "posted", "posted", "refused", "held", "refused"]
    assert outcome_of(VOID, (codes.NOTHING_LEFT, None, None)) == "posted"
    assert in_vain(VOID, codes.NOTHING_LEFT) and not in_vain(REFUND, codes.NOTHING_LEFT)
    assert not in_vain(VOID, codes.APPROVED)


def test_what_home_names_as_the_last_tap_is_the_last_sale():
    for settled in (None, (0, 12, 9), (codes.HELD, None, None)):
        assert last_sold(("last", 41, 1250, 62, settled, None), 7, 500) == (62, 1250, 500, (7, 41))
    for shown in (None, ("last", 41, 1250, 62, (codes.CARD_LOST, None, None), None),
                  ("last", 41, 1250, None, None, None), ("last_day", 41, None),
                  ("last_void", 41, 0, 9, None)):
        assert last_sold(shown, 7, 500) is None
