"""The window: what goes out, when again, and behind what. Runs on both interpreters."""

from firmware.link import (
    POSTPONED_MAX,
    REPLY_MS,
    REPLY_MS_MAX,
    TRANSIENT_MS,
    TRANSIENT_MS_MAX,
    WINDOW,
    Link,
)
from tests.firmware.portable import drawn, undrawn


class Entries:
    """Stands for the outbox: unsettled keys in order."""

    def __init__(self, count):
        self.keys = [(7, trace) for trace in range(1, count + 1)]

    def following(self, key):
        for each in self.keys:
            if key is None or each > key:
                return each
        return None


class Wanted:
    """Stands for Again: what the gateway asked for, a few blocks apart."""

    def __init__(self, *traces):
        self.steps = []
        for trace in traces:
            self.steps += [None, (7, trace)]

    @property
    def walking(self):
        return bool(self.steps)

    def next(self):
        return self.steps.pop(0)


def make(count, random=undrawn, wanted=()):
    entries = Entries(count)
    link = Link(entries.following, random, Wanted(*wanted))
    link.connected(0)
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
    link = Link(Entries(3).following, undrawn, Wanted())
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


def test_jitter_only_shortens_and_by_a_quarter_at_most():
    link, _ = make(1, drawn)
    now = 0
    for least, most in ((10000, 10000), (15000, 20000), (30000, 40000), (45000, 60000)):
        send_all(link, now)
        link.acked(1, now)
        assert least <= link.due(now) <= most
        now += link.due(now)


def test_without_puback_nothing_is_sent_again_on_the_same_connection():
    link, _ = make(2)
    send_all(link, 0)
    assert send_all(link, 10 * REPLY_MS_MAX) == []


def test_after_a_new_connection_the_window_goes_out_again_in_order():
    link, entries = make(12)
    send_all(link, 0)
    link.acked(2, 1)
    settle(link, entries, 4)
    link.lost()
    assert send_all(link, 10) == []
    link.connected(20)
    assert send_all(link, 20) == [1, 2, 3, 5, 6, 7, 8, 9]


def test_a_puback_of_an_earlier_connection_starts_nothing():
    link, _ = make(1)
    send_all(link, 0)
    link.lost()
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
    link.lost()
    link.connected(1000)
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
    assert len(link._postponed) == POSTPONED_MAX
    seen = set()
    while entries.keys and now < 100 * TRANSIENT_MS_MAX:
        for trace in send_all(link, now):
            seen.add(trace)
            settle(link, entries, trace)
        now += link.due(now) or 1000
    assert seen == set(range(1, count + 1))


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
