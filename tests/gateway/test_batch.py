"""A terminal's batch: counting, comparing, and what of it is kept."""

from gateway.batch import (
    DIFFERING_MAX,
    TOLD_SIZE_MAX,
    Record,
    Tap,
    compared,
    packed,
    totals_of,
    unpacked,
)
from protocol import messages
from protocol.fields import REPLY_RULES
from protocol.limits import PAYLOAD_DOWN_SIZE_MAX
from protocol.messages import SALE, VOID
from protocol.schema import fits


def by_trace(*taps: Tap) -> dict[int, Tap]:
    return {tap.trace: tap for tap in taps}


def test_only_what_was_approved_counts_and_a_close_counts_nowhere():
    taps = [Tap(1, SALE, 0, 1250, 15), Tap(2, 0, 41), Tap(3, VOID, 0, 0, -15), Tap(4, 0, 40),
            Tap(5, SALE, 0, 100, 0), Tap(6, messages.BATCH_CLOSE, 0)]
    assert totals_of(taps) == {SALE: (2, 1350, 15), VOID: (1, 0, -15)}


def test_a_type_of_which_nothing_was_counted_is_as_one_left_out():
    record = compared({0: (1, 1), 1: (1, 5, 0), 7: (0, 0, 0)}, by_trace(Tap(1, SALE, 0, 5, 0)),
                      (1, 1), ())
    assert (record.types, record.differing) == ((), ())


def test_where_totals_agree_only_what_never_came_is_told():
    record = compared({0: (1, 4), 1: (1, 5, 0)}, by_trace(Tap(1, SALE, 0, 5, 0), Tap(3, 0, 10)),
                      (1, 4), ())
    assert record.differing == ((2, 90, 0), (4, 90, 0))
    assert record.unseen == ((2, 2), (4, 4))


def test_what_an_earlier_close_had_no_room_for_comes_first():
    left = tuple((trace, 0, 7) for trace in range(1, 401))
    record = compared({0: (900, 900)}, {}, (900, 900), left)
    assert record.differing == (*left, (900, 90, 0))
    assert 0 < record.told < 400 and record.untold == record.differing[record.told:]


def test_what_is_kept_of_a_range_has_an_end():
    record = compared({0: (1, 2**32 - 1)}, by_trace(Tap(5, 0, 10)), (1, 2**32 - 1), ())
    assert len(record.differing) == DIFFERING_MAX
    assert record.unseen == ((1, 4), (6, 2**32 - 1))


def test_a_record_is_read_as_it_was_written():
    record = Record({1: (2, 3, -4)}, {1: (2, 3, 4), 3: (1, 0, 0)}, ((1, 4),), ((9, 90, 0),), 1)
    assert unpacked(packed(record)) == record
    assert (record.types, record.untold) == ((1, 3), ())


def test_the_longest_lists_fit_into_a_reply():
    # keys 0 to 5 take 36 bytes, a type of key 21 at most 26, its range 13
    assert 36 + 1 + 13 + 10 * 26 + 5 + TOLD_SIZE_MAX <= PAYLOAD_DOWN_SIZE_MAX
    assert fits(REPLY_RULES[22], ((2**32 - 1, 255, -1),))
