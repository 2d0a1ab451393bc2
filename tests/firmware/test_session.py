"""What a frame from the gateway means for this terminal. Runs on both interpreters."""

from firmware import session as rules
from firmware.errors import ReplyRefused
from firmware.session import Session
from protocol import cbor, codes, frames, messages
from protocol.limits import DOWN, UP
from tests.firmware.portable import raises
from tests.firmware.replies import KEY, TERMINAL_ID, inquiry_frame, reply, reply_frame, sale_frame


class Held:
    """Stands for KeysHeld."""

    held = ((2, bytes(32)), (1, KEY))


def session():
    return Session(TERMINAL_ID, Held())


def refused(frame):
    return raises(ReplyRefused, session().read, frame).code


def test_an_authentic_reply_is_read():
    epoch, found = session().read(reply_frame(sale_frame(), points=15, balance=1234))
    assert epoch == 1
    assert (found.journal, found.trace, found.points, found.balance) == (7, 1, 15, 1234)


def test_a_reply_for_another_terminal_is_foreign_even_under_our_key():
    assert refused(reply_frame(sale_frame(), terminal_id=TERMINAL_ID + 1)) == "foreign"


def test_a_reply_under_an_epoch_we_do_not_hold_is_foreign():
    assert refused(reply_frame(sale_frame(), epoch=3)) == "foreign"


def test_a_reply_under_the_wrong_key_is_unauthentic():
    assert refused(reply_frame(sale_frame(), key=bytes(31) + b"x")) == "unauthentic"


def test_our_own_frame_turned_round_is_unauthentic():
    assert refused(reply_frame(sale_frame(), direction=UP)) == "unauthentic"
    assert refused(sale_frame()) == "unauthentic"


def test_every_flipped_bit_is_refused():
    frame = reply_frame(sale_frame(), points=15)
    for place in range(len(frame)):
        for bit in (1, 128):
            broken = bytearray(frame)
            broken[place] ^= bit
            assert refused(bytes(broken)) in ("unreadable", "foreign", "unauthentic")


def test_garbage_is_unreadable():
    for garbage in (b"", b"\x00", b"\xd1\x84", bytes(2000)):
        assert refused(garbage) == "unreadable"


def test_an_authentic_frame_that_is_no_reply_is_meaningless():
    for value in (7, {0: 129}, {0: 129, 1: 7, 2: 1, 3: b"short", 4: 0, 5: 1}):
        frame = frames.seal(KEY, DOWN, TERMINAL_ID, 1, cbor.encode(value))
        assert refused(frame) == "meaningless"


def test_an_unknown_reply_key_does_not_hide_the_answer():
    content = {0: 129, 1: 7, 2: 1, 3: bytes(8), 4: 0, 5: 1, 99: b"later"}
    frame = frames.seal(KEY, DOWN, TERMINAL_ID, 1, cbor.encode(content))
    assert session().read(frame)[1].code == 0


def test_codes_decide_what_becomes_of_an_entry():
    for code in (codes.APPROVED, codes.CARD_LOST, codes.HELD, codes.MALFORMED, codes.TOO_OLD):
        assert rules.verdict(code) == rules.FINAL
    for code in (codes.TRY_LATER, codes.UNSUPPORTED, codes.TERMINAL_SUSPENDED, 77, 255):
        assert rules.verdict(code) == rules.TRANSIENT
    assert rules.verdict(codes.TRACE_CONFLICT) == rules.CONFLICT


def test_too_old_settles_by_the_stored_outcome_it_carries():
    found = reply(sale_frame(), codes.TOO_OLD, points=15, receipt=123)
    assert rules.settlement(found) == (codes.TOO_OLD, 15, 123, None)
    assert rules.settlement(reply(sale_frame(), codes.CARD_LOST)) == (
        codes.CARD_LOST, None, None, None)
    paid = reply(sale_frame(), points=-300, receipt=124, amount_minor=300)
    assert rules.settlement(paid) == (codes.APPROVED, -300, 124, 300)


def ask(asking, frame, kind, now):
    rules.asked(asking, kind, 7, frame, now)


def test_a_question_is_answered_once_and_only_by_its_own_digest():
    asking = session()
    mine, other = inquiry_frame(nonce=b"aaaaaaaa"), inquiry_frame(nonce=b"bbbbbbbb")
    ask(asking, mine, messages.INQUIRY, 0)
    assert raises(ReplyRefused, asking.answered, reply(other), 1).code == "stray"
    assert asking.answered(reply(mine), 1).kind == messages.INQUIRY
    asking.forget(messages.INQUIRY)
    assert raises(ReplyRefused, asking.answered, reply(mine), 1).code == "stray"


def test_an_answer_of_another_type_or_journal_is_stray():
    asking = session()
    mine = inquiry_frame()
    ask(asking, mine, messages.INQUIRY, 0)
    elsewhere = messages.reply(messages.request(messages.INQUIRY, 8, 0), frames.digest(mine), 0, 1)
    another = messages.reply(messages.request(messages.LOGIN, 7, 0), frames.digest(mine), 0, 1)
    assert raises(ReplyRefused, asking.answered, elsewhere, 1)
    assert raises(ReplyRefused, asking.answered, another, 1)


def test_only_the_newest_heartbeat_is_outstanding():
    asking = session()
    first = inquiry_frame(nonce=b"aaaaaaaa", kind=messages.HEARTBEAT)
    second = inquiry_frame(nonce=b"bbbbbbbb", kind=messages.HEARTBEAT)
    ask(asking, first, messages.HEARTBEAT, 0)
    ask(asking, second, messages.HEARTBEAT, 60000)
    assert raises(ReplyRefused, asking.answered, reply(first), 1)
    assert asking.answered(reply(second), 1).asked_ms == 60000


def test_the_clock_is_set_only_by_a_heartbeat_and_within_ten_seconds():
    heartbeat = rules.Question(messages.HEARTBEAT, 7, bytes(8), 1000, 1)
    inquiry = rules.Question(messages.INQUIRY, 7, bytes(8), 1000, 1)
    assert rules.sets_clock(heartbeat, 11000)
    assert not rules.sets_clock(heartbeat, 11001)
    assert not rules.sets_clock(inquiry, 1001)
