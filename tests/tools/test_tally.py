"""The comparison of outboxes with the ledger: every way in which "exactly once" can be untrue."""

from protocol import codes
from tools.tally import Entry, Tapped, compare

TAP = Tapped(7, 1, 1, 1250, codes.APPROVED, 12, 100)
ENTRY = Entry(7, 1, 1, 100, 1250, 12)


def test_a_tap_with_its_one_entry_is_posted():
    found = compare([TAP], [ENTRY])
    assert found.exact and (found.taps, found.posted) == (1, 1)


def test_a_second_entry_of_a_tap_is_a_duplicate():
    found = compare([TAP], [ENTRY, ENTRY._replace(receipt=101)])
    assert not found.exact and found.duplicates == 1


def test_a_tap_without_an_entry_is_missing_even_if_its_answer_says_posted():
    found = compare([TAP], [])
    assert not found.exact and (found.posted, found.missing) == (0, 1)


def test_an_unanswered_tap_is_not_posted_yet():
    waiting = TAP._replace(code=None, points=None, receipt=None)
    assert compare([waiting], []).missing == 1
    assert compare([waiting], [ENTRY]).differing == 1


def test_a_final_refusal_is_rejected_and_a_transient_one_is_missing():
    assert compare([TAP._replace(code=codes.CARD_LOST)], []).rejected == 1
    assert compare([TAP._replace(code=codes.TRY_LATER)], []).missing == 1


def test_a_refused_tap_that_was_posted_all_the_same_is_differing():
    assert compare([TAP._replace(code=codes.CARD_LOST)], [ENTRY]).differing == 1


def test_other_figures_on_either_side_are_differing():
    for change in ({"points": 13}, {"receipt": 101}, {"amount_minor": 1251}):
        assert compare([TAP], [ENTRY._replace(**change)]).differing == 1


def test_an_entry_nobody_tapped_is_untapped():
    found = compare([TAP], [ENTRY, ENTRY._replace(trace=2)])
    assert not found.exact and found.untapped == 1 and found.posted == 1


def test_the_same_trace_of_another_journal_or_terminal_is_another_tap():
    taps = [TAP, TAP._replace(journal=2, receipt=101), TAP._replace(terminal_id=8, receipt=102)]
    ledger = [Entry(tap.terminal_id, tap.journal, tap.trace, tap.receipt or 0, 1250, 12)
              for tap in taps]
    assert compare(taps, ledger).posted == 3
