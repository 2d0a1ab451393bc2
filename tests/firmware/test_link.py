"""The window: what goes out, when again, and behind what. Runs on both interpreters."""

from firmware.again import Again, ask
from firmware.link import (
    AGAIN_POSTPONED_MAX,
    AGAIN_SENDS_MAX,
    POSTPONED_MAX,
    REPLY_MS,
    REPLY_MS_MAX,
    TRANSIENT_MS,
    TRANSIENT_MS_MAX,
    WINDOW,
    Link,
    _Slot,
    answered,
    connected,
    full,
    heard,
    hold,
    let_go,
    lost,
    moved,
    resends,
)
from tests.firmware.portable import drawn, undrawn
from tests.firmware.test_outbox_kept import append, shelf


class Entries:
    """Stands for the outbox: unsettled keys in order."""

    def __init__(self, count):
        self.keys = [(7, trace) for trace in range(1, count + 1)]

    def following(self, key):
        for each in self.keys:
            if key is None or each > key:
                return each
        return None


def make(count, random=undrawn, wanted=0):
    """A link with `count` entries of journal 7; `wanted` settled taps of journal 9 are asked for
    again."""
    entries, outbox = Entries(count), shelf()
    outbox.new_journal(9)
    for _ in range(wanted):
        append(outbox, 0)
    resends = Again(outbox)
    if wanted:
        ask(resends, ((9, 1, wanted),))
    link = Link(entries.following, random, resends)
    connected(link, 0)
    return link, entries


def send_all(link, now):
    """Publish all that may go out; their traces. Packet ids are the traces."""
    traces = []
    key = link.next_send(now)
    while key is not None:
        link.sent(key, key[1])
        traces.append(key[1])
        key = link.next_send(now)
    return traces


def settle(link, entries, trace):
    entries.keys.remove((7, trace))
    link.settled((7, trace))


def test_nothing_goes_out_before_the_link_is_up():
    link = Link(Entries(3).following, undrawn, Again(shelf()))
    assert link.next_send(0) is None
    assert link.due(0) is None


def test_first_sends_go_in_trace_order_and_at_most_eight_are_unanswered():
    link, entries = make(20)
    assert send_all(link, 0) == [1, 2, 3, 4, 5, 6, 7, 8]
    settle(link, entries, 3)
    assert send_all(link, 5) == [9]


def test_a_question_takes_a_place_in_the_window():
    link, _ = make(20)
    link.asked(2)
    assert len(send_all(link, 0)) == WINDOW - 2


def test_a_puback_frees_nothing_and_starts_the_wait_for_the_reply():
    link, _ = make(9)
    send_all(link, 0)
    for trace in range(1, 9):
        link.acked(trace, 100)
    assert send_all(link, 100 + REPLY_MS - 1) == []
    assert link.due(100) == REPLY_MS
    assert send_all(link, 100 + REPLY_MS) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_resends_double_up_to_a_minute_and_never_stop():
    link, _ = make(1)
    now, waits = 0, []
    for _ in range(6):
        assert send_all(link, now) == [1]
        link.acked(1, now)
        waits.append(link.due(now))
        now += waits[-1]
    assert waits == [REPLY_MS, 20000, 40000, REPLY_MS_MAX, REPLY_MS_MAX, REPLY_MS_MAX]


def test_what_went_out_four_times_on_one_connection_is_said_to_be_unanswered_once():
    link, _ = make(1)
    now = 0
    for said in (False, False, False, True, False):
        assert send_all(link, now) == [1] and link.unanswered == said
        link.unanswered = False
        link.acked(1, now)
        now += link.due(now)
    for _ in range(6):  # where the connection is at fault, that has its own name
        lost(link)
        connected(link, now)
        assert send_all(link, now) == [1] and not link.unanswered


def waits_of(random, later):
    """The first seven waits of one that nobody answers, or that is told `later` each time."""
    link, _ = make(1, random)
    now, waits = 0, []
    for _ in range(7):
        assert send_all(link, now) == [1]
        if later:
            link.postponed((7, 1), now, True)
        else:
            link.acked(1, now)
        waits.append(link.due(now))
        now += waits[-1]
    return waits


def test_the_waits_are_those_of_the_contract():
    assert WINDOW == 8
    seconds = [wait // 1000 for wait in waits_of(undrawn, False)]
    assert seconds == [10, 20, 40, 60, 60, 60, 60]
    seconds = [wait // 1000 for wait in waits_of(undrawn, True)]
    assert seconds == [60, 120, 240, 480, 960, 1920, 3600]


def test_jitter_shortens_every_wait_but_the_first_by_a_quarter_at_most():
    for later in (False, True):
        longest, halfway, shortest = [
            waits_of(random, later) for random in (undrawn, lambda size: b"\x80" * size, drawn)]
        assert longest[0] == halfway[0] == shortest[0]
        for at in range(1, 7):
            quarter = longest[at] // 4
            assert longest[at] - quarter <= shortest[at] < longest[at] - quarter * 99 // 100
            assert abs(longest[at] - quarter // 2 - halfway[at]) <= quarter // 100


def test_no_transient_answer_waits_longer_than_an_hour():
    link, _ = make(1)
    now = 0
    for _ in range(12):
        assert send_all(link, now) == [1]
        link.postponed((7, 1), now, True)
        assert link.due(now) <= 3600000
        now += link.due(now)
    assert link.due(now - 3600000) == 3600000


def test_without_puback_nothing_is_sent_again_on_the_same_connection():
    link, _ = make(2)
    send_all(link, 0)
    assert send_all(link, 10 * REPLY_MS_MAX) == []


def test_after_a_new_connection_the_window_goes_out_again_in_order():
    link, entries = make(12)
    send_all(link, 0)
    link.acked(2, 1)
    settle(link, entries, 4)
    lost(link)
    assert send_all(link, 10) == []
    connected(link, 20)
    assert send_all(link, 20) == [1, 2, 3, 5, 6, 7, 8, 9]


def test_a_puback_of_an_earlier_connection_starts_nothing():
    link, _ = make(1)
    send_all(link, 0)
    lost(link)
    link.acked(1, 5)
    assert link.due(5) is None


def test_a_reply_before_its_puback_is_enough():
    link, entries = make(1)
    send_all(link, 0)
    settle(link, entries, 1)
    link.acked(1, 10)
    assert send_all(link, 10 * REPLY_MS_MAX) == []
    assert link.due(10) is None


def test_a_transient_answer_frees_the_slot_and_goes_behind_first_sends():
    link, _ = make(9)
    send_all(link, 0)
    link.postponed((7, 1), 0)
    assert send_all(link, 0) == [9]
    assert send_all(link, TRANSIENT_MS) == []
    link.settled((7, 2))
    assert send_all(link, TRANSIENT_MS - 1) == []
    assert send_all(link, TRANSIENT_MS) == [1]


def test_transient_waits_double_up_to_an_hour():
    link, _ = make(1)
    now, waits = 0, []
    for _ in range(9):
        send_all(link, now)
        link.postponed((7, 1), now)
        waits.append(link.due(now))
        now += waits[-1]
    assert waits[:4] == [TRANSIENT_MS, 120000, 240000, 480000]
    assert waits[-1] == TRANSIENT_MS_MAX


def test_postponed_entries_survive_a_lost_connection_and_keep_their_wait():
    link, _ = make(1)
    send_all(link, 0)
    link.postponed((7, 1), 0)
    lost(link)
    connected(link, 1000)
    assert send_all(link, 1000) == []
    assert send_all(link, TRANSIENT_MS) == [1]


def test_many_postponed_entries_cost_bounded_memory_and_are_all_tried_again():
    count = 3 * POSTPONED_MAX
    link, entries = make(count)
    now = 0
    while True:
        traces = send_all(link, now)
        if not traces:
            break
        for trace in traces:
            link.postponed((7, trace), now)
    assert len(link.waiting) == POSTPONED_MAX
    seen = set()
    while entries.keys and now < 100 * TRANSIENT_MS_MAX:
        for trace in send_all(link, now):
            seen.add(trace)
            settle(link, entries, trace)
        now += link.due(now) or 1000
    assert seen == set(range(1, count + 1))


def test_what_moves_again_waits_under_its_new_name_and_keeps_its_count():
    link, entries = make(1)
    now, waits = 0, []
    for trace in range(1, 9):
        assert send_all(link, now) == [trace]
        entries.keys = [(7, trace + 1)]
        link.appended()
        moved(link, (7, trace), (7, trace + 1), now)
        assert send_all(link, now) == []
        waits.append(link.due(now))
        now += waits[-1]
    assert waits == [60000, 120000, 240000, 480000, 960000, 1920000, 3600000, 3600000]


def test_only_an_answer_under_its_present_name_frees_what_waits_behind_a_message():
    link, _ = make(2)
    send_all(link, 0)
    link.postponed((7, 1), 0)  # its flash could not be read, or there was no room to move it
    assert not answered(link, (7, 2), (7, 1))
    assert send_all(link, TRANSIENT_MS) == [1]
    link.postponed((7, 1), TRANSIENT_MS, True)
    assert answered(link, (7, 2), (7, 1))
    assert send_all(link, 3 * TRANSIENT_MS) == [1]
    moved(link, (7, 1), (7, 3), 3 * TRANSIENT_MS)
    assert not answered(link, (7, 2), (7, 3))


def test_what_waits_one_by_one_is_bounded_and_says_when_it_is_full():
    link, _ = make(POSTPONED_MAX + 1)
    for trace in range(1, POSTPONED_MAX + 1):
        assert not full(link)
        link.postponed((7, trace), 0)
    assert full(link)


def all_settled(link, entries, now):
    """Each that goes out now is answered; the traces."""
    settled, traces = [], send_all(link, now)
    while traces:
        for trace in traces:
            settle(link, entries, trace)
        settled.extend(traces)
        traces = send_all(link, now)
    return settled


def all_held(link, behind):
    """What goes out but `behind` waits for that one's answer; the traces."""
    held = []
    while True:
        traces = [trace for trace in send_all(link, 0) if trace != behind]
        for trace in traces:
            hold(link, (7, trace), (7, behind), 0)
        if not traces:
            return held
        held.extend(traces)


def test_held_ones_that_find_no_place_go_with_the_next_answer():
    link, entries = make(POSTPONED_MAX + 3)
    assert all_held(link, 1) == list(range(2, POSTPONED_MAX + 4))
    settle(link, entries, 1)
    let_go(link, (7, 1), 1)
    assert sorted(all_settled(link, entries, 1)) == list(range(2, POSTPONED_MAX + 4))


def test_an_answer_to_one_brings_none_of_those_back_that_were_told_later():
    link, entries = make(POSTPONED_MAX + 3)
    assert all_held(link, 1)
    link.postponed((7, POSTPONED_MAX + 3), 0, True)
    settle(link, entries, 1)
    let_go(link, (7, 1), 1)
    assert sorted(all_settled(link, entries, 1)) == list(range(2, POSTPONED_MAX + 2))
    assert send_all(link, TRANSIENT_MS) == [POSTPONED_MAX + 2, POSTPONED_MAX + 3]


def test_a_gateway_that_takes_nothing_is_asked_less_and_less_by_all_that_wait():
    link, _ = make(3 * POSTPONED_MAX)
    now, sends = 0, {}
    while now < 8 * TRANSIENT_MS_MAX:
        for trace in send_all(link, now):
            sends[trace] = sends.get(trace, 0) + 1
            link.postponed((7, trace), now)
        now += link.due(now) or 1
    assert len(sends) == 3 * POSTPONED_MAX
    assert max(sends.values()) <= 16  # 60 s doubling to an hour: 6 times, then hourly
    link.eased()
    before = dict(sends)
    until = now + 2 * TRANSIENT_MS_MAX
    while now < until:
        for trace in send_all(link, now):
            sends[trace] += 1
            link.postponed((7, trace), now)
        now += link.due(now) or 1
    assert max(sends[trace] - before[trace] for trace in sends) >= 5


def test_a_new_tap_is_found_behind_all_others():
    link, entries = make(2)
    send_all(link, 0)
    entries.keys.append((7, 3))
    assert send_all(link, 1) == []
    link.appended()
    assert link.due(1) == 0
    assert send_all(link, 1) == [3]


def test_a_new_connection_begins_its_waits_anew():
    link, _ = make(1)
    now = 0
    for _ in range(5):
        send_all(link, now)
        link.acked(1, now)
        now += link.due(now)
    send_all(link, now)
    lost(link)
    connected(link, now)
    assert send_all(link, now) == [1]
    link.acked(1, now)
    assert link.due(now) == REPLY_MS


def test_an_answer_calls_back_what_had_backed_off_but_never_within_ten_seconds():
    link, _ = make(2)
    now = 0
    for _ in range(4):
        assert send_all(link, now) == [1, 2]
        link.acked(1, now)
        link.acked(2, now)
        now += link.due(now)
    send_all(link, now)
    link.acked(1, now)
    link.acked(2, now + 1)
    assert link.due(now + 1) == REPLY_MS_MAX - 1
    heard(link, now + 1)
    assert link.due(now + 1) == REPLY_MS
    heard(link, now + REPLY_MS)
    assert link.due(now + REPLY_MS) == 1


# -- what the gateway asked for again ----------------------------------------------------------


def turns(link, now, most=50):
    """Everything that goes out at `now`, turn after turn, as (journal, trace)."""
    keys = []
    for _ in range(most):
        key = link.next_send(now)
        if key is not None:
            link.sent(key, key[0] * 1000 + key[1])
            keys.append(key)
        elif link.due(now) != 0:
            break
    return keys


def test_resends_go_behind_first_sends_and_one_at_a_time():
    link, entries = make(10, wanted=3)
    assert turns(link, 0) == [(7, trace) for trace in range(1, 9)]
    for trace in range(1, 9):
        settle(link, entries, trace)
    assert turns(link, 1) == [(7, 9), (7, 10), (9, 1)]
    assert turns(link, 2) == []
    assert resends(link, (9, 1)) and not resends(link, (7, 9)) and not resends(link, (9, 2))
    link.settled((9, 1))
    assert turns(link, 3) == [(9, 2)]
    link.settled((9, 2))
    assert turns(link, 4) == [(9, 3)]
    link.settled((9, 3))
    assert turns(link, 5) == [] and not resends(link, (9, 3))


def test_a_resend_goes_again_until_it_is_answered_and_after_a_reconnect():
    link, _ = make(0, wanted=1)
    assert turns(link, 0) == [(9, 1)]
    link.acked(9001, 0)
    assert turns(link, REPLY_MS - 1) == [] and turns(link, REPLY_MS) == [(9, 1)]
    lost(link)
    connected(link, REPLY_MS + 1)
    assert turns(link, REPLY_MS + 1) == [(9, 1)]


def test_a_resend_that_nobody_answers_makes_room_for_the_next_one():
    link, _ = make(0, wanted=2)
    now, sent = 0, []
    while now < 4 * TRANSIENT_MS:
        for key in turns(link, now):
            sent.append(key)
            link.acked(9000 + key[1], now)
        now += link.due(now)
    assert sent[:2 * AGAIN_SENDS_MAX] == [(9, 1)] * AGAIN_SENDS_MAX + [(9, 2)] * AGAIN_SENDS_MAX
    assert (9, 1) in sent[2 * AGAIN_SENDS_MAX:]


def test_a_transient_answer_lets_the_next_resend_go_and_comes_back_later():
    link, _ = make(0, wanted=2)
    assert turns(link, 0) == [(9, 1)]
    link.postponed((9, 1), 0)
    assert resends(link, (9, 1))
    assert turns(link, 0) == [(9, 2)]
    link.settled((9, 2))
    assert turns(link, TRANSIENT_MS - 1) == []
    assert turns(link, TRANSIENT_MS) == [(9, 1)]


def test_resends_that_are_all_postponed_cost_bounded_memory_and_keep_no_tap_back():
    link, _ = make(1, wanted=40)
    assert turns(link, 0) == [(7, 1), (9, 1)]
    for trace in range(1, 41):
        link.postponed((9, trace), 0)
        assert turns(link, 0) == ([(9, trace + 1)] if trace < 40 else [])
    assert len(link.late) == AGAIN_POSTPONED_MAX and link.waiting == []
    assert sorted(turns(link, TRANSIENT_MS)) == [(9, 1)]


def test_a_list_asked_for_again_does_not_double_what_is_out_or_waits():
    link, _ = make(0, wanted=3)
    assert turns(link, 0) == [(9, 1)]
    link.postponed((9, 1), 0)
    assert turns(link, 0) == [(9, 2)]
    ask(link._resends, ((9, 1, 3),))
    assert turns(link, 1) == []
    link.settled((9, 2))
    # the waiting one is not sent early; what was settled may go once more
    assert turns(link, 2) == [(9, 2)]
    link.settled((9, 2))
    assert turns(link, 3) == [(9, 3)]


def test_what_is_out_already_is_not_sent_again_beside_itself():
    # a fault left its slot in the window although it was settled; now it is asked for again
    link, _ = make(0, wanted=3)
    link.window.append(_Slot(9, 2))
    link.window[0].due_ms = 0
    assert turns(link, 0) == [(9, 2), (9, 1)]
    link.settled((9, 1))
    assert turns(link, 1) == [(9, 3)]
    link.settled((9, 3))
    assert turns(link, 2) == [] and link.due(2) is None
