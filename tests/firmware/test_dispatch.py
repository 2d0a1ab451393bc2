"""From a tap to its settlement, on a real outbox, without a connection. Runs on both."""

from firmware import voids
from firmware.clock import Clock
from firmware.dispatch import ANSWER_MS, Dispatch
from firmware.link import POSTPONED_MAX, WINDOW
from firmware.outbox import Outbox, OutboxFull, format_outbox
from firmware.settings import settings
from protocol import codes, frames, messages
from tests.firmware.portable import RamFlash, raises, undrawn
from tests.firmware.replies import AT, CARD, KEY, TERMINAL_ID, Asked, reply_frame

SETTINGS = settings(TERMINAL_ID, 1, KEY, "127.0.0.1", 1883, "u", "p")
HOUR_MS = 3600000


class Board:
    name = "test"
    reset_cause = 1
    random = staticmethod(undrawn)

    def battery_percent(self):
        return 80

    def signal_dbm(self):
        return None

    def heap_free(self):
        return None


class Desk:
    """A Dispatch with everything it says written down; `flash` outlives it."""

    def __init__(self, flash=None, blocks=16):
        self.flash = flash or RamFlash(blocks)
        if flash is None:
            format_outbox(self.flash, 7)
        self.outbox = Outbox(self.flash)
        self.outbox.mount()
        self.clock = Clock(3)
        self.told, self.events, self.sent = [], [], []
        self.dispatch = Dispatch(Board(), SETTINGS, self.outbox, self.clock, self.tell,
                                 self.events.append)
        self.packet_id = 0

    def tell(self, kind, *values):
        self.told.append((kind,) + values)

    def publish(self, frame):
        self.sent.append(bytes(frame))
        self.packet_id += 1
        return self.packet_id

    def sale(self, amount_minor=1250, now=0):
        return self.dispatch.journal(messages.SALE, now, card=(2, CARD),
                                     amount_minor=amount_minor)

    def connect(self, now=0):
        self.dispatch.connected(now)
        self.pump(now)

    def pump(self, now):
        """What went out: the frames, and their (type, journal, trace)."""
        self.sent = []
        self.dispatch.tend(now)
        before = -1
        while before < len(self.sent):
            before = len(self.sent)
            self.dispatch.pump(now, self.publish)
        return [(asked.type, asked.journal, asked.trace)
                for asked in [Asked(frame) for frame in self.sent]]

    def answer(self, frame, code=0, now=0, **fields):
        """The gateway answers `frame`."""
        self.dispatch.received(reply_frame(frame, code, **fields), now)
        while self.dispatch.to_move:  # in turns of their own
            voids.move(self.dispatch, now)
        self.dispatch.announce()

    def heartbeat(self):
        """The heartbeat among the frames just sent."""
        return [frame for frame in self.sent if Asked(frame).type == messages.HEARTBEAT][0]


def last_told(desk, kind):
    return [each for each in desk.told if each[0] == kind][-1][1:]


def test_a_tap_is_durable_before_anyone_hears_of_it():
    desk = Desk()
    assert desk.sale() == (7, 1)
    assert desk.told == [("saved", 7, 1, messages.SALE, None)]
    after_a_cut = Outbox(desk.flash)
    after_a_cut.mount()
    assert after_a_cut.waits(7, 1)


def test_a_frame_holds_what_was_keyed_and_uptime_and_boot_until_the_clock_is_set():
    desk = Desk()
    desk.sale(now=90500)
    desk.clock.set(AT, 91000)
    desk.sale(now=95000)
    sale = {0: messages.SALE, 1: 7, 6: (2, CARD), 7: 1250}
    without, after = [Asked(desk.outbox.frame(7, trace)).content for trace in (1, 2)]
    assert without == sale | {2: 1, 18: 90, 19: 3}
    assert after == sale | {2: 2, 3: AT + 4, 4: 4}


def test_what_is_sent_again_are_the_same_bytes_even_after_a_reboot():
    desk = Desk()
    desk.sale()
    desk.connect()
    first = desk.sent[-1]
    desk.dispatch.link.acked(desk.packet_id, 0)
    assert desk.pump(10000) == [(1, 7, 1)] and desk.sent[0] == first
    again = Desk(desk.flash)
    again.connect()
    assert again.sent[-1] == first


def test_an_authentic_reply_with_the_digest_settles_and_the_outbox_knows_first():
    desk = Desk()
    desk.sale()
    desk.connect()
    desk.answer(desk.sent[-1], points=15, balance=1234, receipt=99)
    assert not desk.outbox.waits(7, 1)
    assert desk.outbox.last().settled == (0, 15, 99)
    assert desk.events[-1][0] == "settled" and desk.events[-1][1].balance == 1234
    assert desk.pump(100000) == [(10, 7, 0)]


def test_a_reply_for_other_bytes_of_the_same_trace_settles_nothing():
    desk = Desk()
    desk.sale()
    desk.connect()
    elsewhere = Desk()
    elsewhere.sale(amount_minor=9900)
    elsewhere.connect()
    desk.answer(elsewhere.sent[-1], points=99)
    assert desk.outbox.waits(7, 1)
    assert last_told(desk, "set_aside") == ("digest",)


def test_late_double_and_unknown_replies_change_nothing():
    desk = Desk()
    desk.sale()
    desk.connect()
    frame = desk.sent[-1]
    desk.answer(frame, points=15)
    for stray in (frame, reply_to_trace(99)):
        before = len(desk.events)
        desk.answer(stray, codes.CARD_LOST)
        assert last_told(desk, "set_aside") == ("stray",)
        assert len(desk.events) == before
    assert desk.outbox.last().settled == (0, 15, None)


def reply_to_trace(trace):
    request = messages.request(messages.SALE, 7, trace, card=(2, CARD), amount_minor=1)
    return frames.seal(KEY, 1, TERMINAL_ID, 1, messages.encode_request(request))


def test_a_transient_answer_keeps_the_tap_and_sends_it_later():
    desk = Desk()
    desk.sale()
    desk.connect()
    desk.answer(desk.sent[-1], codes.TRY_LATER)
    assert desk.outbox.waits(7, 1) and desk.events == []
    assert (1, 7, 1) not in desk.pump(59999)
    assert (1, 7, 1) in desk.pump(60000)


def test_too_old_settles_by_the_outcome_it_carries():
    desk = Desk()
    desk.sale()
    desk.connect()
    desk.answer(desk.sent[-1], codes.TOO_OLD, points=15, receipt=99)
    assert desk.outbox.last().settled == (codes.TOO_OLD, 15, 99)


def test_a_conflict_is_journaled_again_under_a_fresh_journal_and_still_posts():
    desk = Desk()
    desk.sale()
    desk.connect()
    old = desk.sent[-1]
    desk.dispatch._board.random = lambda size: b"\x00\x00\x00\x09"[-size:]
    desk.answer(old, codes.TRACE_CONFLICT)
    assert last_told(desk, "conflict") == ((7, 1), (9, 1))
    assert [each[0] for each in desk.told].count("saved") == 1, "it was saved once, and moved"
    assert desk.events == [("moved", (7, 1), (9, 1))]
    assert not desk.outbox.waits(7, 1) and desk.outbox.waits(9, 1)
    assert desk.pump(1) == [(1, 9, 1)]
    before, after = Asked(old).content, Asked(desk.sent[0]).content
    assert (after[1], after[2]) == (9, 1)
    assert [after[key] for key in sorted(after)[3:]] == [before[key] for key in sorted(before)[3:]]
    desk.answer(desk.sent[0], points=15)
    assert desk.outbox.unsettled == 0


def test_a_cut_right_behind_a_conflict_journals_nothing_twice():
    desk = Desk()
    desk.sale()
    desk.connect()
    old = desk.sent[-1]
    desk.dispatch._board.random = lambda size: b"\x00\x00\x00\x09"[-size:]
    desk.answer(old, codes.TRACE_CONFLICT)
    again = Desk(desk.flash)
    again.connect()
    assert list(again.outbox.pending()) == [(9, 1)]
    again.answer(old, codes.TRACE_CONFLICT)
    assert last_told(again, "set_aside") == ("stray",)
    assert len(list(again.outbox.records())) == 2


def conflicts(desk, until_ms):
    """When frames of taps go out to a gateway that answers 62 to everything, in ms."""
    now, sent_ms = 0, []
    desk.dispatch.connected(now)
    while now <= until_ms:
        sent_ms.extend([now for _, _, trace in desk.pump(now) if trace])
        for frame in desk.sent:
            desk.answer(frame, codes.TRACE_CONFLICT if Asked(frame).trace else 0, now)
        now += max(desk.dispatch.due(now), 1)
    return sent_ms


def test_a_second_conflict_of_a_tap_waits_a_minute_and_each_further_one_twice_as_long():
    desk = Desk()
    desk.sale()
    sent_ms = conflicts(desk, 4 * HOUR_MS)
    waits = [sent_ms[at] - sent_ms[at - 1] for at in range(1, len(sent_ms))]
    assert waits[0] <= 1
    assert waits[1:8] == [60000, 120000, 240000, 480000, 960000, 1920000, HOUR_MS]
    assert desk.outbox.unsettled == 1


def test_a_gateway_that_calls_everything_a_conflict_costs_little_and_no_tap():
    """More taps than may wait one by one: what finds no place is not journaled again either."""
    desk = Desk(blocks=32)
    for amount_minor in range(100, 140):
        desk.sale(amount_minor)
    assert len(conflicts(desk, HOUR_MS)) <= 40 * 8
    # each tap, the move of each, and in an hour six more of those that have a place to wait
    assert len(list(desk.outbox.records())) <= 40 + 40 + 6 * POSTPONED_MAX
    assert desk.outbox.unsettled == 40
    posted, now = [], HOUR_MS
    while desk.outbox.unsettled:
        desk.pump(now)
        for frame in desk.sent:
            posted.append(Asked(frame).content.get(7))
            desk.answer(frame, now=now)
        now += max(desk.dispatch.due(now), 1)
    assert sorted(filter(None, posted)) == list(range(100, 140)) and now < 3 * HOUR_MS


def test_a_window_full_of_conflicts_moves_at_once_and_is_sent_no_second_time():
    desk = Desk()
    for amount_minor in range(100, 100 + WINDOW):
        desk.sale(amount_minor)
    desk.connect()
    went_out = desk.sent
    desk.answer(desk.heartbeat(), highest_trace=0)
    desk.pump(0)
    went_out = [frame for frame in went_out + desk.sent if Asked(frame).trace]
    for frame in went_out:
        desk.dispatch.received(reply_frame(frame, codes.TRACE_CONFLICT), 0)
    sales = []
    while desk.dispatch.due(0) == 0:
        desk.pump(0)
        sales += [Asked(frame).content for frame in desk.sent]
    assert [said[7] for said in sales] == list(range(100, 100 + WINDOW))
    assert 7 not in [said[1] for said in sales]
    settled = [said[1] for said in desk.told if said[0] == "settled"]
    assert [(said.journal, said.trace, said.code) for said in settled] == [
        (7, trace, codes.TRACE_CONFLICT) for trace in range(1, 1 + WINDOW)]
    assert [said.digest for said in settled] == [
        frames.digest(frame) for frame in went_out]


def test_a_conflict_is_looked_up_in_no_ring_of_others():
    """A flash that was put back may hold thousands of taps, and each gets a 62."""
    desk = Desk(blocks=32)
    for amount_minor in range(300):
        desk.sale(100 + amount_minor)
    desk.connect()
    before = desk.flash.reads
    desk.answer(desk.sent[-1], codes.TRACE_CONFLICT)
    assert len(desk.events) == 1 and desk.flash.reads - before < 10


def test_a_void_whose_sale_moved_long_ago_never_goes_under_the_old_name():
    desk = Desk(blocks=8)
    desk.sale()
    void = desk.dispatch.journal(messages.VOID, 0, original=(7, 1))
    kept = desk.outbox.append

    def but_not_the_void(*said, **how):
        if void in said:
            raise_full()
        return kept(*said, **how)

    desk.outbox.append = but_not_the_void
    desk.connect()
    desk.answer(desk.sent[-1], codes.TRACE_CONFLICT)
    new = desk.events[0][2]
    for number in range(400):  # until the ring has gone round
        desk.sale(100 + number)
        desk.outbox.settle(desk.outbox.journal, desk.outbox.last_trace, 0, 1, 1)
    assert raises(KeyError, desk.outbox.frame, 7, 1) and desk.outbox.waits(*new)
    assert [key for key in desk.pump(61000) if key[2]] == [(messages.SALE,) + new]
    desk.outbox.append = kept
    desk.answer(desk.sent[-1], now=61000)
    assert [kind for kind, _, trace in desk.pump(200000) if trace] == [messages.VOID]
    assert tuple(Asked(desk.sent[-1]).content[10]) == new


def test_a_journal_whose_traces_are_used_up_is_followed_by_another_at_once():
    desk = Desk()
    desk.sale()
    desk.connect()
    desk.answer(desk.heartbeat(), highest_trace=0xFFFFFFFE)
    desk.pump(1)
    assert (desk.outbox.journal, desk.outbox.next_trace) == (7, 0xFFFFFFFF)
    assert desk.sale() == (7, 0xFFFFFFFF)
    desk.pump(2)
    assert desk.outbox.journal != 7 and desk.sale() == (desk.outbox.journal, 1)
    assert desk.outbox.unsettled == 3 and desk.outbox.waits(7, 1)  # the old ones wait as before


def test_a_gateway_that_knows_the_last_trace_of_a_journal_brings_the_next_one():
    desk = Desk()
    desk.sale()
    desk.connect()
    desk.answer(desk.heartbeat(), highest_trace=0xFFFFFFFF)
    desk.pump(1)
    journal = desk.outbox.journal
    assert journal != 7 and desk.sale() == (journal, 1)
    desk.pump(HOUR_MS)
    kept = desk.outbox.new_journal
    desk.outbox.new_journal = lambda journal: raise_full()
    desk.answer(desk.heartbeat(), now=HOUR_MS, highest_trace=0xFFFFFFFF)
    desk.pump(HOUR_MS + 1)  # no room for the note yet: the link goes on
    desk.outbox.new_journal = kept
    desk.pump(HOUR_MS + 2)
    assert desk.outbox.journal not in (7, journal) and desk.outbox.unsettled == 2


def test_a_conflict_for_which_there_is_no_room_waits_and_is_answered_again():
    desk = Desk()
    desk.sale()
    desk.connect()
    kept = desk.outbox.append
    desk.outbox.append = lambda *_, **__: raise_full()
    desk.answer(desk.sent[-1], codes.TRACE_CONFLICT)
    assert desk.outbox.waits(7, 1) and not desk.events
    desk.outbox.append = kept
    assert (1, 7, 1) in desk.pump(60000)


def raise_full():
    raise OutboxFull("no room")


def test_a_full_outbox_refuses_and_says_nothing_was_saved():
    desk = Desk(blocks=8)
    count = 0
    try:
        while True:
            desk.sale()
            count += 1
    except OutboxFull:
        pass
    assert desk.outbox.unsettled == count > 30
    assert len(desk.told) == count
    # it drains, and then takes taps again
    desk.connect()
    now = 0
    while desk.outbox.unsettled:
        for frame in [each for each in desk.sent if Asked(each).trace]:
            desk.answer(frame, points=1, now=now)
        now += 1
        desk.pump(now)
    assert desk.sale()


def test_a_heartbeat_goes_first_at_each_connect_and_every_hour():
    desk = Desk()
    desk.sale()
    desk.connect()
    assert [Asked(frame).type for frame in desk.sent] == [10, 1]
    report = Asked(desk.heartbeat()).content[14]
    assert report[3] == 1 and report[6] == "test" and report[1] == 80 and 2 not in report
    desk.answer(desk.heartbeat(), now=100)
    assert (10, 7, 0) not in desk.pump(HOUR_MS)
    assert (10, 7, 0) in desk.pump(HOUR_MS + 100)
    desk.dispatch.lost()
    desk.dispatch.connected(HOUR_MS + 200)
    assert (10, 7, 0) in desk.pump(HOUR_MS + 200)


def test_an_unanswered_heartbeat_is_asked_again_with_a_fresh_nonce():
    desk = Desk()
    drawn = []
    desk.dispatch._board.random = lambda size: (drawn.append(1), bytes((len(drawn),)) * size)[1]
    desk.connect()
    first = desk.heartbeat()
    assert desk.pump(29999) == []
    assert desk.pump(30000) == [(10, 7, 0)]
    assert Asked(desk.heartbeat()).content[16] != Asked(first).content[16]
    # the first answer comes now: it is no longer the outstanding one
    desk.answer(first, at=AT, now=30001)
    assert desk.clock.now(30001) is None


def test_only_a_quick_answer_to_the_heartbeat_sets_the_clock():
    late, quick = Desk(), Desk()
    for desk, now in ((late, 10001), (quick, 10000)):
        desk.connect()
        desk.answer(desk.heartbeat(), at=AT, now=now)
    assert late.clock.now(10001) is None
    assert quick.clock.now(10000) == AT


def test_a_set_clock_stands_in_the_next_tap_and_its_absence_too():
    desk = Desk()
    desk.sale(now=5000)
    desk.connect(5000)
    unset = Asked(desk.sent[-1]).content
    assert unset[18] == 5 and unset[19] == 3 and 3 not in unset
    desk.answer(desk.heartbeat(), at=AT, now=6000)
    desk.sale(now=66000)
    desk.pump(66000)
    content = Asked(desk.sent[-1]).content
    assert content[3] == AT + 60 and content[4] == 60 and 18 not in content


def test_the_outbox_continues_above_the_highest_trace_the_gateway_has_seen():
    desk = Desk()
    desk.connect()
    desk.answer(desk.heartbeat(), highest_trace=40, now=1)
    assert desk.sale() == (7, 41)


def test_a_question_goes_out_at_once_and_its_answer_comes_back():
    desk = Desk()
    for _ in range(20):
        desk.sale()
    desk.connect()
    assert len(desk.sent) == 8
    desk.dispatch.ask(messages.INQUIRY, 1, card=(2, CARD))
    assert desk.pump(1) == []
    desk.answer(desk_frame(desk, 1), points=1, now=2)
    assert desk.pump(2) == [(5, 7, 0)]
    desk.answer(desk.sent[0], balance=77, now=3)
    assert desk.events[-1][0] == "answer" and desk.events[-1][1].balance == 77


def desk_frame(desk, trace):
    return desk.outbox.frame(7, trace)


def test_a_question_without_answer_is_given_up_after_half_a_minute():
    desk = Desk()
    desk.connect()
    desk.dispatch.ask(messages.INQUIRY, 0, card=(2, CARD))
    desk.pump(0)
    assert desk.dispatch.due(0) <= ANSWER_MS
    desk.pump(ANSWER_MS)
    assert desk.events == [("no_answer", messages.INQUIRY)]


def test_a_lost_connection_ends_the_question_and_frees_its_place():
    desk = Desk()
    desk.connect()
    desk.dispatch.ask(messages.INQUIRY, 0, card=(2, CARD))
    desk.pump(0)
    desk.dispatch.lost()
    assert desk.events == [("no_answer", messages.INQUIRY)]
    assert desk.dispatch.link.free() == 8


def test_a_login_is_given_up_by_its_name_and_goes_under_the_nonce_of_its_pin():
    desk = Desk()
    desk.connect()
    desk.dispatch.ask(messages.LOGIN, 0, nonce=b"12345678", operator=5, pin_block=bytes(16))
    assert Asked(desk.dispatch._to_ask[0][2]).content[16] == b"12345678"
    desk.pump(0)
    desk.dispatch.lost()
    assert desk.events == [("no_answer", messages.LOGIN)]


def test_a_question_that_had_not_gone_out_when_the_link_went_is_given_up_too():
    desk = Desk()
    desk.connect()
    desk.dispatch.ask(messages.INQUIRY, 1, card=(2, CARD))
    desk.dispatch.lost()
    assert desk.events == [("no_answer", messages.INQUIRY)]
    desk.connect(5)
    assert [Asked(frame).type for frame in desk.sent] == [messages.HEARTBEAT]


def test_nothing_is_due_while_all_is_answered():
    desk = Desk()
    desk.connect()
    desk.answer(desk.heartbeat(), now=0)
    desk.pump(0)
    assert desk.dispatch.due(0) == HOUR_MS
