"""Every reply that may come down, and the rule for it; rotation and resends. Runs on both."""

from firmware import beats  # isort: skip - on CPython it brings the shim
from cryptolib import aes

from firmware.keys_held import epoch_of
from protocol import cbor, codes, frames, keys, messages
from protocol.limits import DOWN, REPLY_TYPE_BASE
from tests.firmware import test_dispatch as desks
from tests.firmware.replies import AT, CARD, KEY, TERMINAL_ID, Asked, reply_frame
from tests.firmware.test_dispatch import HOUR_MS, Board, Desk, last_told

NEXT = bytes(range(100, 132))


class KeepingBoard(Board):
    """Has AES and keeps settings, as a real one."""

    def __init__(self):
        self.settings = None

    def aes(self, key):
        return aes(key, 1)

    def save_settings(self, settings):
        self.settings = settings


def desk_with_a_tap():
    desk = Desk()
    desk.sale()
    desk.connect()
    return desk, desk.sent[-1]


def keeping_desk():
    desk = Desk()
    board = KeepingBoard()
    desk.dispatch._board = desk.dispatch.keys.board = desk.dispatch.beats.board = board
    return desk, board


def heard(desk, frame, now=1):
    """What a frame from the gateway side brings: what was told, and events."""
    told, events = len(desk.told), len(desk.events)
    desk.dispatch.received(frame, now)
    desk.dispatch.announce()
    if desk.dispatch.beats.offer:
        beats.rotate(desk.dispatch.beats, now)
        desk.dispatch.announce()
    if desk.dispatch.beats.offer:
        beats.rotate(desk.dispatch.beats, now)
        desk.dispatch.announce()
    return desk.told[told:], desk.events[events:]


def set_aside(desk, frame, now=1):
    """Why a frame was set aside, after which nothing has changed."""
    before = desk.outbox.unsettled, desk.outbox.next_trace, desk.clock.now(now)
    told, events = heard(desk, frame, now)
    assert events == [] and len(told) == 1 and told[0][0] == "set_aside"
    assert before == (desk.outbox.unsettled, desk.outbox.next_trace, desk.clock.now(now))
    return told[0][1]


# -- one tap, every reply ----------------------------------------------------------------------


def test_replies_that_are_not_for_this_tap_are_set_aside_by_name_and_it_waits_on():
    desk, frame = desk_with_a_tap()
    other = Desk()
    other.sale(amount_minor=9900)
    other.connect()
    inquiry = messages.encode_reply(messages.reply(
        messages.request(messages.INQUIRY, 7, 1), frames.digest(frame), 0, AT))
    for broken, why in (
            (b"", "unreadable"),
            (reply_frame(frame) + b"x", "unreadable"),
            (bytes(1401), "unreadable"),
            (reply_frame(frame, terminal_id=TERMINAL_ID + 1), "foreign"),
            (reply_frame(frame, epoch=2), "foreign"),
            (reply_frame(frame, key=NEXT), "unauthentic"),
            (frame, "unauthentic"),
            (frames.seal(KEY, DOWN, TERMINAL_ID, 1, cbor.encode({0: 129})), "meaningless"),
            (reply_frame(other.sent[-1]), "digest"),
            (frames.seal(KEY, DOWN, TERMINAL_ID, 1, inquiry), "type")):
        assert set_aside(desk, broken) == why
    assert desk.outbox.waits(7, 1)
    told, events = heard(desk, reply_frame(frame, points=12))
    assert told[0][0] == "settled" and events[0][0] == "settled"


def test_only_what_nobody_can_have_sent_by_right_counts_as_false():
    desk, frame = desk_with_a_tap()
    assert desk.dispatch.received(reply_frame(frame, key=NEXT), 1)
    assert desk.dispatch.received(reply_frame(frame, terminal_id=TERMINAL_ID + 1), 1)
    assert desk.dispatch.received(b"", 1)  # in place of what is larger than any reply
    # a newer gateway says it by right
    newer = frames.seal(KEY, DOWN, TERMINAL_ID, 1, cbor.encode({0: 200, 1: 7, 2: 1}))
    assert not desk.dispatch.received(newer, 1)
    assert not desk.dispatch.received(reply_frame(frame), 1)
    assert not desk.dispatch.received(reply_frame(frame), 1)


def test_the_first_final_answer_counts_and_another_one_for_the_same_bytes_is_stray():
    desk, frame = desk_with_a_tap()
    heard(desk, reply_frame(frame, points=12, receipt=5))
    for late in (reply_frame(frame, points=12, receipt=5), reply_frame(frame, codes.CARD_LOST),
                 reply_frame(frame, codes.TRY_LATER), reply_frame(frame, codes.TRACE_CONFLICT)):
        assert set_aside(desk, late) == "stray"
    assert desk.outbox.last().settled == (0, 12, 5)


def test_a_final_answer_behind_a_transient_one_settles_at_once():
    desk, frame = desk_with_a_tap()
    heard(desk, reply_frame(frame, codes.TRY_LATER))
    heard(desk, reply_frame(frame, points=12))
    assert desk.outbox.unsettled == 0
    assert (1, 7, 1) not in desk.pump(HOUR_MS)


def test_an_answer_from_before_a_reboot_settles_without_anything_being_sent():
    desk, frame = desk_with_a_tap()
    again = Desk(desk.flash)
    heard(again, reply_frame(frame, points=12))
    assert again.outbox.unsettled == 0 and again.outbox.last().settled == (0, 12, None)


def test_the_digest_of_another_entry_does_not_settle_this_one():
    desk = Desk()
    desk.sale()
    desk.sale(amount_minor=900)
    desk.connect()
    first, second = desk.sent[1], desk.sent[2]
    assert Asked(first).trace == 1
    crossed = messages.reply(messages.request(messages.SALE, 7, 1), frames.digest(second), 0, AT)
    sealed = frames.seal(KEY, DOWN, TERMINAL_ID, 1, messages.encode_reply(crossed))
    assert set_aside(desk, sealed) == "digest"
    assert desk.outbox.unsettled == 2


def test_a_reply_that_was_stored_or_repeated_sets_no_clock():
    desk, frame = desk_with_a_tap()
    heartbeat = desk.heartbeat()
    heard(desk, reply_frame(frame, at=AT + 999))
    assert desk.clock.now(1) is None
    heard(desk, reply_frame(heartbeat, at=AT), now=5)
    assert desk.clock.now(5) == AT
    assert set_aside(desk, reply_frame(heartbeat, at=AT + 77), now=6) == "stray"
    assert desk.clock.now(6) == AT


def test_a_heartbeat_goes_out_although_eight_frames_stay_unanswered_for_ever():
    desk = Desk()
    for _ in range(8):
        desk.sale()
    desk.connect()
    heard(desk, reply_frame(desk.heartbeat()))
    desk.pump(2)
    desk.dispatch.lost()
    desk.connect(1000)
    sent = [Asked(frame).type for frame in desk.sent]
    assert sent == [messages.HEARTBEAT] + [messages.SALE] * 8


# -- a rotation --------------------------------------------------------------------------------


def offer(epoch=2, under=KEY, key=NEXT):
    return epoch, keys.rekey_wrap(lambda secret: aes(secret, 1), under, key)


def rotated_desk():
    """A desk with an unsettled tap under epoch 1 that has just rotated to 2."""
    desk, board = keeping_desk()
    desk.sale()
    desk.connect()
    old = desk.sent[-1]
    told, _ = heard(desk, reply_frame(desk.heartbeat(), next_key=offer()))
    assert ("rotated", 2) in told
    return desk, board, old


def test_after_a_rotation_new_frames_are_under_the_new_key_and_old_ones_stay_as_they_are():
    desk, board, old = rotated_desk()
    desk.sale(amount_minor=900)
    desk.pump(2)
    assert [epoch_of(frame) for frame in desk.sent] == [2, 2]
    parts = frames.split(desk.sent[-1], 1024)
    assert frames.authentic(NEXT, 1, parts)
    assert desk.outbox.frame(7, 1) == old and epoch_of(old) == 1
    assert board.settings.epoch == 2 and board.settings.key == NEXT


def test_each_frame_is_answered_under_its_own_epoch_and_no_other():
    desk, _, old = rotated_desk()
    desk.sale(amount_minor=900)
    desk.pump(2)
    new = desk.sent[-1]
    # the old key leaked: it must not settle what the new one sealed, nor the other way round
    assert set_aside(desk, reply_frame(new, key=KEY, epoch=1)) == "epoch"
    assert set_aside(desk, reply_frame(old, key=NEXT, epoch=2)) == "epoch"
    assert set_aside(desk, reply_frame(new, key=KEY, epoch=2)) == "unauthentic"
    heard(desk, reply_frame(old))
    heard(desk, reply_frame(new, key=NEXT, epoch=2))
    assert desk.outbox.unsettled == 0


def test_a_heartbeat_is_answered_under_the_epoch_it_was_asked_under():
    desk, _, _ = rotated_desk()
    desk.pump(2)
    assert set_aside(desk, reply_frame(desk.heartbeat(), key=KEY, epoch=1)) == "epoch"
    told, _ = heard(desk, reply_frame(desk.heartbeat(), key=NEXT, epoch=2), now=3)
    assert ("clock", AT) in told


def test_heartbeats_list_the_old_epoch_until_its_last_frame_is_settled():
    desk, board, old = rotated_desk()
    desk.pump(2)
    assert Asked(desk.heartbeat()).content[14][9] == (1,)
    heard(desk, reply_frame(desk.heartbeat(), key=NEXT, epoch=2), now=3)
    heard(desk, reply_frame(old))
    desk.dispatch.keys.entered = True
    desk.pump(HOUR_MS + 3)
    assert Asked(desk.heartbeat()).content[14][9] == ()
    assert board.settings.old_keys == ()
    assert set_aside(desk, reply_frame(old)) == "foreign"


def test_an_offer_again_a_lower_one_and_a_tampered_one_change_nothing():
    desk, board, _ = rotated_desk()
    desk.pump(2)
    now = 2
    for bad, why in ((offer(2), "not_higher"), (offer(1), "not_higher"),
                     (offer(3), "tampered"), ((3, bytes(40)), "tampered")):
        told, _ = heard(desk, reply_frame(desk.heartbeat(), key=NEXT, epoch=2, next_key=bad), now)
        assert ("not_rotated", bad[0], why) in told
        assert desk.dispatch.keys.epoch == 2 and board.settings.epoch == 2
        now += HOUR_MS
        desk.pump(now)


def test_a_power_cut_on_either_side_of_the_rotation_leaves_every_frame_answerable():
    desk, board, old = rotated_desk()
    kept = desks.SETTINGS
    try:
        for settings in (kept, board.settings):
            desks.SETTINGS = settings
            after = Desk(desk.flash)
            after.connect()
            assert after.sent[-1] == old
            listed = Asked(after.heartbeat()).content[14][9]
            assert listed == (() if settings is kept else (1,))
            heard(after, reply_frame(old, codes.TRY_LATER))
            assert after.outbox.waits(7, 1) and last_told(after, "postponed")[2] == 90
    finally:
        desks.SETTINGS = kept


# -- what the gateway asks for again -----------------------------------------------------------


def asked_again(count, *ranges, redeems=0):
    """A desk with `count` settled taps whose gateway asks for `ranges` again; behind `redeems`
    redemptions."""
    desk = Desk()
    for _ in range(redeems):
        desk.dispatch.journal(messages.REDEMPTION, 0, card=(2, CARD), amount_minor=900, points=100)
    for _ in range(count):
        desk.sale()
    desk.connect()
    known = {}
    now = 0
    while desk.outbox.unsettled:
        for frame in [each for each in desk.sent if Asked(each).trace]:
            known[Asked(frame).trace] = frame
            heard(desk, reply_frame(frame, points=12), now)
        now += 1
        desk.pump(now)
    desk.dispatch.lost()
    desk.connect(1000)
    told, _ = heard(desk, reply_frame(desk.heartbeat(), send_again=ranges), 1000)
    assert [each for each in told if each[0] == "asked_again"]
    return desk, known


def resend(desk, now):
    """The resends that go out at `now`; there may be turns in which a block is looked through."""
    found = []
    for _ in range(40):
        desk.pump(now)
        found += [frame for frame in desk.sent if Asked(frame).trace]
        if found or desk.dispatch.due(now):
            break
    return found


def test_asked_for_frames_go_out_again_one_at_a_time_as_the_same_bytes():
    desk, known = asked_again(5, (7, 2, 4), (8, 1, 9))
    for trace in (2, 3, 4):
        assert resend(desk, 1001) == [known[trace]]
        told, events = heard(desk, reply_frame(known[trace], points=99, receipt=7))
        assert told == [("sent_again", 7, trace, 0)] and events == []
    assert resend(desk, 1002) == []
    # what the merchant was told stays
    assert desk.outbox.last().settled == (0, 12, None)


def within(frame):
    """What goes with the answer to it: the frame, and what is held."""
    asked = Asked(frame)
    assert (asked.type, asked.trace) == (messages.SETTLED, 0)
    return asked.content[22], asked.content[23]


def first_again(desk, now):
    """The first thing that goes out at `now` and is no heartbeat."""
    for _ in range(40):
        desk.pump(now)
        found = [frame for frame in desk.sent if Asked(frame).type != messages.HEARTBEAT]
        if found:
            return found[0]
    return None


def test_what_is_no_sale_goes_out_again_with_the_answer_that_is_held_to_it():
    desk, known = asked_again(1, (7, 1, 2), redeems=1)
    told = first_again(desk, 1001)
    assert within(told) == (known[1], (0, 12))
    said, events = heard(desk, reply_frame(known[1], points=-99, receipt=8))
    assert said == [("sent_again", 7, 1, 0)] and events == []
    assert first_again(desk, 1002) == known[2], "a sale goes as it is"
    assert desk.dispatch.session.questions == []


def test_held_are_the_code_the_points_and_the_receipt_of_the_answer():
    desk = Desk()
    desk.dispatch.journal(messages.REDEMPTION, 0, card=(2, CARD), amount_minor=900, points=100)
    desk.connect()
    heard(desk, reply_frame(desk.sent[-1], points=-92, receipt=77))
    desk.dispatch.journal(messages.REDEMPTION, 0, card=(2, CARD), amount_minor=900, points=500)
    desk.pump(0)
    heard(desk, reply_frame(desk.sent[-1], codes.INSUFFICIENT_POINTS, balance=8))
    desk.dispatch.lost()
    desk.connect(1000)
    heard(desk, reply_frame(desk.heartbeat(), send_again=((7, 1, 2),)), 1000)
    frame, held = within(first_again(desk, 1001))
    assert held == (0, -92, 77)
    heard(desk, reply_frame(frame))
    assert within(first_again(desk, 1002))[1] == (codes.INSUFFICIENT_POINTS, 0)


def test_a_gateway_that_does_not_know_it_gets_the_frame_as_it_is_on_this_connection():
    for code in (codes.UNSUPPORTED, codes.MALFORMED):
        desk, known = asked_again(0, (7, 1, 2), redeems=2)
        told = first_again(desk, 1001)
        desk.dispatch.link.acked(desk.packet_id, 1001)
        assert heard(desk, reply_frame(told, code), 1002) == ([], [])
        assert first_again(desk, 11002) == known[1]
        heard(desk, reply_frame(known[1]), 11003)
        assert first_again(desk, 11004) == known[2]
        desk.dispatch.lost()
        desk.dispatch.connected(20000)
        assert within(first_again(desk, 20000))[0] == known[2]


def test_the_answer_to_a_resend_settles_nothing_and_a_second_one_is_stray():
    desk, known = asked_again(1, (7, 1, 1))
    assert resend(desk, 1001) == [known[1]]
    # not even a conflict: no new journal
    told, events = heard(desk, reply_frame(known[1], codes.TRACE_CONFLICT))
    assert told == [("sent_again", 7, 1, 62)] and events == []
    assert desk.outbox.journal == 7 and desk.outbox.next_trace == 2
    assert set_aside(desk, reply_frame(known[1])) == "stray"


def test_a_resend_is_answered_only_by_its_own_digest_type_and_epoch():
    desk, known = asked_again(1, (7, 1, 1))
    resend(desk, 1001)
    other = Desk()
    other.sale(amount_minor=9900)
    other.connect()
    assert set_aside(desk, reply_frame(other.sent[-1])) == "digest"
    assert set_aside(desk, reply_frame(known[1], epoch=2)) == "foreign"
    assert heard(desk, reply_frame(known[1]))[0] == [("sent_again", 7, 1, 0)]


def test_a_transient_answer_to_a_resend_waits_a_minute_and_lets_the_next_one_go():
    desk, known = asked_again(2, (7, 1, 2))
    assert resend(desk, 1001) == [known[1]]
    heard(desk, reply_frame(known[1], codes.TRY_LATER), 1001)
    assert resend(desk, 1002) == [known[2]]
    heard(desk, reply_frame(known[2]), 1003)
    assert resend(desk, 61000) == [] and resend(desk, 61001) == [known[1]]


def test_a_new_tap_goes_before_what_is_asked_for_again():
    desk, known = asked_again(3, (7, 1, 3))
    desk.sale()
    desk.pump(1001)
    assert [Asked(frame).trace for frame in desk.sent][0] == 4


def test_a_reboot_forgets_what_was_asked_for():
    desk, known = asked_again(3, (7, 1, 3))
    again = Desk(desk.flash)
    again.connect()
    assert resend(again, 1) == []


def test_an_unsettled_tap_is_not_doubled_by_being_asked_for():
    desk, _ = asked_again(1, (7, 1, 9))
    desk.sale()
    assert [Asked(frame).trace for frame in resend(desk, 1001)] == [2, 1]
    assert desk.pump(1001) == []


def test_what_waited_when_it_was_asked_for_goes_once_and_not_again():
    desk, _ = asked_again(1, (7, 1, 9))
    for trace in (2, 3):
        assert desk.sale() == (7, trace)
    desk.dispatch.lost()
    desk.connect(2000)
    heard(desk, reply_frame(desk.heartbeat(), send_again=((7, 1, 9),)), 2000)
    sent = [frame for frame in desk.sent if Asked(frame).trace]
    assert [Asked(frame).trace for frame in sent] == [2, 3, 1]
    for frame in sent:
        heard(desk, reply_frame(frame), 2001)
    assert desk.outbox.unsettled == 0
    assert [Asked(frame).trace for frame in resend(desk, 2002)] == [1]
    heard(desk, reply_frame(desk.outbox.frame(7, 1)), 2003)
    assert resend(desk, 2004) == []


def test_a_list_of_all_that_fits_is_taken():
    desk, known = asked_again(3, *[(7, n, n) for n in range(200, 360, 2)] + [(7, 2, 2)])
    assert resend(desk, 1001) == [known[2]]


def test_no_reply_type_of_a_known_message_is_unknown_to_the_check():
    desk = Desk()
    desk.dispatch.ask(messages.INQUIRY, 0, card=(2, 6200001234567892))
    desk.connect()
    asked = [frame for frame in desk.sent if Asked(frame).type == messages.INQUIRY][0]
    wrong = messages.reply(messages.request(messages.LOGIN, 7, 0), frames.digest(asked), 0, AT)
    sealed = frames.seal(KEY, DOWN, TERMINAL_ID, 1, messages.encode_reply(wrong))
    assert wrong.type == REPLY_TYPE_BASE + messages.LOGIN
    assert set_aside(desk, sealed) == "type"
