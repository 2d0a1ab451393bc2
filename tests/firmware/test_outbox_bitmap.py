"""The set of unsettled traces: exact, ordered, and small whatever happens."""

from firmware.outbox_bitmap import JOURNALS_MAX, PAGES, Unsettled
from tests.firmware.outbox_life import Dice


def behind(found, key=(0, 0)):
    keys = []
    while True:
        key = found.following(*key)
        if key is None:
            return keys
        keys.append(key)


def test_it_agrees_with_a_set_of_keys():
    dice, found, expected = Dice(3), Unsettled(), set()
    for _ in range(3000):
        key = (1 + dice.below(3), 1 + dice.below(900))
        if dice.below(2):
            assert found.add(*key)
            expected.add(key)
        else:
            found.discard(*key)
            expected.discard(key)
        assert found.has(*key) == (key in expected)
    assert found.count == len(expected)
    assert set(behind(found)) == expected and len(behind(found)) == len(expected)
    for journal in (1, 2, 3):
        traces = [key[1] for key in behind(found) if key[0] == journal]
        assert traces == sorted(traces)


def test_ten_thousand_in_a_row_and_the_largest_trace_fit():
    found = Unsettled()
    for trace in range(777, 10777):
        assert found.add(5, trace)
    assert found.add(5, 0xFFFFFFFF)
    assert found.count == 10001
    assert found.following(5, 10776) == (5, 0xFFFFFFFF)
    assert found.following(5, 0xFFFFFFFF) is None


def test_a_straggler_costs_one_page_not_the_span():
    found = Unsettled()
    for number in range(PAGES):
        assert found.fits(1, 1 + number * 1000000, 0)
        assert found.add(1, 1 + number * 1000000)
    assert not found.fits(1, 999, 0) and not found.add(1, 999)
    assert found.fits(1, 2, 0)
    found.discard(1, 1)
    assert found.fits(1, 999, 0) and not found.fits(1, 999, 1)


def test_a_journal_without_unsettled_taps_makes_room_for_a_new_one():
    found = Unsettled()
    for journal in range(1, JOURNALS_MAX + 1):
        assert found.add(journal, 7)
    assert not found.fits(99, 1, 0) and not found.add(99, 1)
    found.discard(3, 7)
    assert found.add(99, 1)
    assert behind(found) == [(j, 7) for j in (1, 2, 4, 5, 6, 7, 8)] + [(99, 1)]


def test_however_many_journals_what_is_added_stands_behind_all_that_waits():
    found = Unsettled()
    cursor, walked = None, []
    for journal in range(1, 40):
        assert found.add(journal, 5)
        while (key := found.following(*(cursor or (0, 0)))) is not None:
            cursor = key
            walked.append(key)
        if journal % 3:
            found.discard(journal, 5)
            assert not found.has(journal, 5)
        if journal > 15:
            found.discard(journal - 15, 5)
    assert walked == [(journal, 5) for journal in range(1, 40)]
    assert found.count == len(behind(found)) == 5


def test_the_journal_put_last_is_walked_last_and_grows_behind_all_others():
    found = Unsettled()
    for key in ((9, 5), (4, 1), (9, 700), (6, 2)):
        assert found.add(*key)
    found.put_last(9)
    assert sorted(behind(found)[:2]) == [(4, 1), (6, 2)]
    assert behind(found)[2:] == [(9, 5), (9, 700)]
    assert found.add(9, 701) and found.following(9, 700) == (9, 701)
    found.discard(4, 1)
    found.put_last(1000)
    assert behind(found) == [(6, 2), (9, 5), (9, 700), (9, 701)] and found.count == 4


def test_what_follows_an_unknown_journal_is_the_oldest():
    found = Unsettled()
    found.add(4, 9)
    assert found.following(12345, 6) == (4, 9)
