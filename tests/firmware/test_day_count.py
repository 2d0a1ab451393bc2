"""A day counted a block a call. Runs on both interpreters."""

from firmware.day_count import close_of, rows_of, turn
from firmware.outbox import OutboxUnreadable
from protocol import codes, frames, messages
from protocol.fields import BATCH_CLOSE, REDEMPTION, SALE, VOID
from tests.firmware.portable import raises
from tests.firmware.replies import CARD, KEY, TERMINAL_ID
from tests.firmware.test_looking import Shelf


class Day(Shelf):
    """Stands in for the App, with its link up."""

    linked = True

    def up(self):
        return self.linked

    def put(self, kind, amount_minor=None, **fields):
        """Journals one and gives its trace."""
        outbox = self.outbox
        trace = outbox.next_trace
        if kind in (SALE, REDEMPTION):
            fields["card"] = (2, CARD)
        if kind == REDEMPTION:
            fields["points"] = 5
        request = messages.request(kind, outbox.journal, trace, amount_minor=amount_minor,
                                   **fields)
        outbox.append(trace, frames.seal(KEY, 1, TERMINAL_ID, 1,
                                         messages.encode_request(request)))
        return trace

    def answered(self, kind, amount_minor=None, settled=(0, 12, 9), **fields):
        trace = self.put(kind, amount_minor, **fields)
        self.outbox.settle(self.outbox.journal, trace, *settled)
        return trace

    def close(self, first, last, settled=(0, None, 9)):
        return self.answered(BATCH_CLOSE, None, settled, totals={0: (first, last)})


def count(day):
    """What the calls come to, and how many there were."""
    value, turns = turn(day, None), 1
    while value[0] in ("back", "count"):
        before = day.outbox._ring.device.reads
        value, turns = turn(day, value), turns + 1
        # a block is read in four pieces, each record may begin in the middle of one
        assert day.outbox._ring.device.reads - before < 60
    return value, turns


def figures(day):
    value = count(day)[0]
    assert value[0] == "done", value
    return value[1].first, value[1].last, value[1].taps, value[1].totals


def test_each_type_counts_what_was_answered_0_as_the_contract_says():
    day = Day()
    day.answered(SALE, 1250, (0, 15, 1))
    day.answered(SALE, 800, (0, 9, 2))
    day.answered(SALE, 999, (codes.HELD, None, None))
    day.answered(SALE, 999, (codes.CARD_LOST, None, None))
    day.answered(SALE, 999, (codes.VOIDED, None, None))
    day.answered(VOID, None, (0, -15, 3), original=(7, 1))
    day.answered(VOID, None, (codes.NOTHING_LEFT, None, None), original=(7, 1))
    day.answered(REDEMPTION, 5000, (0, -500, 4))
    day.answered(SALE, 100, (codes.TOO_OLD, 1, 5))
    day.answered(SALE, 100, (codes.TOO_OLD, None, None))
    assert figures(day) == (1, 10, 10, (
        (SALE, 3, 2150, 25), (REDEMPTION, 1, 5000, -500), (VOID, 1, 0, -15)))


def test_the_example_of_the_contract():
    day = Day()
    day.answered(SALE, 1250, (0, 15, 1))
    day.answered(SALE, 800, (0, 9, 2))
    day.answered(VOID, None, (0, -15, 3), original=(7, 1))
    assert figures(day) == (1, 3, 3, ((SALE, 2, 2050, 24), (VOID, 1, 0, -15)))


def test_a_day_begins_behind_the_last_approved_close():
    day = Day()
    day.answered(SALE, 100)
    day.close(1, 1)
    assert count(day)[0] == ("no", "nothing", 0)
    day.answered(SALE, 200)
    day.close(3, 3, (codes.MALFORMED, None, None))
    day.answered(SALE, 400)
    assert figures(day) == (3, 5, 2, ((SALE, 2, 600, 24),))


def test_what_was_tapped_before_the_close_and_is_not_in_it_belongs_to_the_next_day():
    day = Day()
    day.answered(SALE, 100)
    day.answered(SALE, 200)
    day.close(1, 1)
    day.answered(SALE, 400)
    assert figures(day) == (2, 4, 2, ((SALE, 2, 600, 24),))


def test_a_close_far_back_is_found_and_only_its_own_journal_counts():
    day = Day()
    for _ in range(40):
        day.answered(SALE, 1)
    day.close(1, 40)
    for _ in range(150):
        day.answered(SALE, 100)
    assert figures(day) == (42, 191, 150, ((SALE, 150, 15000, 1800),))
    day.outbox.new_journal(9)
    assert count(day)[0] == ("no", "nothing", 0)
    day.answered(SALE, 500)
    assert figures(day) == (1, 1, 1, ((SALE, 1, 500, 12),))


def test_a_void_that_was_named_anew_in_its_journal_counts_once():
    day = Day()
    day.put(SALE, 100)
    trace = day.put(VOID, None, original=(7, 1))
    request = messages.request(VOID, 7, 3, original=(7, 1))
    day.outbox.append(3, frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request)),
                      origin=(7, trace))
    day.outbox.settle(7, 1, 0, 12, 1)
    day.outbox.settle(7, 3, 0, -12, 2)
    assert figures(day) == (1, 3, 3, ((SALE, 1, 100, 12), (VOID, 1, 0, -12)))


def backlog(day, taps, disorder):
    """All are made offline, then answered, each window in another order."""
    for _ in range(taps):
        day.put(SALE, 100)
    order = list(range(1, taps + 1))
    for at in range(0, taps - disorder, disorder):
        order[at:at + disorder] = order[at:at + disorder][::-1]
    for trace in order:
        day.outbox.settle(7, trace, 0, trace, 1)


def test_a_backlog_is_counted_with_few_taps_in_mind_and_few_calls():
    day = Day()
    backlog(day, 300, 8)
    value, turns = count(day)
    assert value[1].totals == ((SALE, 300, 30000, 45150),)
    blocks = (day.outbox._ring.head - day.outbox._ring.tail) + 1
    assert turns < 4 * blocks, (turns, blocks)
    value = turn(day, None)
    while value[0] != "done":
        assert value[0] == "back" or len(value[1].pending) < 300
        value = turn(day, value)


def test_answers_in_any_order_whatever_are_found():
    day = Day()
    for _ in range(150):
        day.put(SALE, 100)
    for trace in range(150, 0, -1):
        day.outbox.settle(7, trace, 0, trace, 1)
    assert figures(day)[3] == ((SALE, 150, 15000, 11325),)


def test_an_unanswered_tap_or_a_link_that_is_down_is_named():
    day = Day()
    day.put(SALE, 100)
    assert turn(day, None) == ("no", "unsettled", 1)
    day.outbox.settle(7, 1, 0)
    day.linked = False
    assert turn(day, None) == ("no", "offline", 0)


def test_an_answer_that_is_gone_is_damage_and_no_endless_search():
    day = Day()
    backlog(day, 100, 4)
    day.outbox.settle = None
    real = day.outbox.waits
    trace = day.put(SALE, 100)
    assert real(7, trace)
    day.outbox._unsettled.discard(7, trace)
    assert raises(OutboxUnreadable, count, day).reason == "corrupt"


def test_what_a_close_told_is_read_from_its_frame():
    day = Day()
    day.answered(SALE, 100)
    request = messages.request(BATCH_CLOSE, 7, 2, totals={0: (1, 1), 1: (1, 100, 12)})
    day.outbox.append(2, frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request)))
    assert close_of(day.outbox, (7, 2)) == ((SALE, 1, 100, 12),)
    assert close_of(day.outbox, (7, 99)) is None
    assert rows_of({0: (1, 9), 3: (0, 0, 0), 1: (1, 2, 3)}) == ((1, 1, 2, 3),)
