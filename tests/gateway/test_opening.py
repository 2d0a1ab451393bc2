"""Opening: which frames are ours."""

import pytest

from gateway.message import Message
from gateway.opening import Answer, Arrival, Letter, open_arrival, open_arrivals
from protocol import frames
from protocol.cbor import encode
from protocol.limits import DOWN
from tests.support.street import JOURNAL, NOON, Street


@pytest.fixture
def street(sqlite_engine) -> Street:
    return Street(sqlite_engine, terminals=2)


def opened(street: Street, frame: bytes, topic: int | None = None) -> Message | Letter:
    return open_arrival(street.keyring, Arrival(frame, NOON, topic))


def letter(street: Street, frame: bytes, topic: int | None = None) -> Answer:
    found = opened(street, frame, topic)
    assert isinstance(found, Letter)
    return found.answer


def test_a_sound_frame_opens_to_its_message(street):
    frame = street.sale(1250, trace=3)
    message = opened(street, frame, street.terminals[0])
    assert isinstance(message, Message)
    assert (message.terminal_id, message.epoch) == (street.terminals[0], 1)
    assert (message.request.amount_minor, message.request.trace, message.fault) == (1250, 3, 0)
    assert message.digest == frames.digest(frame)
    assert message.key == JOURNAL.to_bytes(4, "big") + b"\0\0\0\3"


@pytest.mark.parametrize("fault, payload", [
    (60, {0: 1, 1: 5, 2: 7}), (61, {0: 99, 1: 5, 2: 7}),
    (61, {0: 1, 1: 5, 2: 7, 6: (2, 1), 7: 1, 22: 1})])
def test_a_payload_that_cannot_be_decided_keeps_its_name(street, fault, payload):
    message = opened(street, street.seal_payload(encode(payload)))
    assert isinstance(message, Message)
    assert (message.fault, message.request.journal, message.request.trace) == (fault, 5, 7)


def test_every_flipped_bit_of_a_frame_makes_it_none_of_ours(street):
    frame = street.sale()
    for place in range(len(frame)):
        for bit in (1, 16, 128):
            changed = bytes((*frame[:place], frame[place] ^ bit, *frame[place + 1:]))
            assert isinstance(opened(street, changed), Letter)


def test_a_frame_of_the_other_direction_or_terminal_is_none_of_ours(street):
    frame = street.sale()
    parts = frames.split(frame, 1024)
    key = street.keyring.terminal_key(street.terminals[0], 1)
    turned = frames.seal(key, DOWN, street.terminals[0], 1, parts.payload)
    assert letter(street, turned).verdict == "unauthenticated"
    assert letter(street, frame, street.terminals[1]).verdict == "dead_letter"
    assert letter(street, frame[:20]).verdict == "unreadable"
    assert letter(street, frame + bytes(1024)).verdict == "too_large"


def test_an_authentic_payload_without_its_first_keys_gets_no_reply(street):
    for payload in ({0: 1, 1: 5}, {0: 1, 1: 0, 2: 1}, 5, {}):
        found = letter(street, street.seal_payload(encode(payload)))
        assert found == ("unreadable", street.terminals[0], 1, None, None, "keys")


def test_arrivals_open_in_order(street):
    kinds = [type(each) for each in open_arrivals(street.keyring, [
        Arrival(b"x", NOON), Arrival(street.sale(), NOON), Arrival(b"y", NOON)])]
    assert kinds == [Letter, Message, Letter]
