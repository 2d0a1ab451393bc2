"""Replies: sealed under the request's epoch, and never larger than the wire allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.effects import Decision, Facts
from gateway.judging import TRANSIENT, Case
from gateway.keyring import Keyring
from gateway.message import Message
from gateway.replies import reply_frame
from protocol import frames
from protocol.errors import MessageError
from protocol.limits import DOWN, FRAME_DOWN_SIZE_MAX
from protocol.messages import encode_reply, read_reply, request
from tests.support.street import KEYS

RING = Keyring(*KEYS)
SAID = Message(10_000_042, 7, b"frame", b"h" * 32, 0, request(1, 9, 3))


def sealed(facts: Facts, receipt: int | None = None, head: bytes | None = None) -> bytes:
    return reply_frame(RING, Case(SAID, TRANSIENT, Decision(0, facts)), 5_999, receipt, head)


def test_a_reply_names_its_request_and_the_second():
    parts = frames.split(sealed(Facts(points=-5, balance=0), 12, b"H" * 16),
                         FRAME_DOWN_SIZE_MAX)
    reply = read_reply(parts.payload)
    assert (reply.type, reply.journal, reply.trace, reply.digest) == (129, 9, 3, b"h" * 8)
    assert (reply.at, reply.points, reply.balance, reply.receipt) == (5, -5, 0, 12)
    assert (reply.tier, reply.stored_value, reply.totals) == (None, None, None)


def test_a_reply_is_sealed_under_the_epoch_of_its_request():
    parts = frames.split(sealed(Facts()), FRAME_DOWN_SIZE_MAX)
    assert (parts.terminal_id, parts.epoch) == (10_000_042, 7)
    assert frames.authentic(RING.terminal_key(10_000_042, 7), DOWN, parts)


def test_long_texts_are_clipped_between_letters():
    parts = frames.split(sealed(Facts(tier="长" * 20, member="John" * 20)), FRAME_DOWN_SIZE_MAX)
    reply = read_reply(parts.payload)
    assert (reply.tier, reply.member) == ("长" * 8, ("John" * 20)[:24])


def test_a_fact_the_wire_cannot_carry_is_never_sealed():
    with pytest.raises(MessageError, match="receipt"):
        sealed(Facts(), receipt=2**32)


texts = st.text(max_size=6)
numbers = st.integers(1, 2**32 - 1)
points = st.integers(-2**53 + 1, 2**53 - 1)
facts = st.builds(
    Facts, points=points, balance=points, tier=texts, member=st.none() | texts,
    expiring=st.none() | st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 65535)),
    config_revision=st.none() | st.integers(0, 2**32 - 1), highest_trace=st.none(),
    receipt=st.none(), amount_minor=st.none() | st.integers(0, 2**53 - 1),
    next_epoch=st.none() | st.integers(1, 255),
    send_again=st.none() | st.lists(st.tuples(numbers, numbers, numbers), min_size=1,
                                    max_size=64).map(tuple),
    totals=st.none() | st.dictionaries(
        st.integers(1, 127), st.tuples(numbers, st.integers(0, 2**53 - 1), points), max_size=8,
    ).map(lambda sums: {0: (1, 2), **dict(sorted(sums.items()))}),
    differing=st.none() | st.lists(st.tuples(numbers, st.integers(0, 255), points),
                                   max_size=9).map(tuple),
    redeeming=st.none() | st.tuples(st.integers(0, 2**53 - 1), *[st.integers(1, 10**9)] * 4,
                                    st.integers(1, 10000)))


@given(facts, st.none() | st.integers(1, 2**32 - 1), st.none() | st.binary(min_size=16,
                                                                           max_size=16))
def test_the_payload_is_that_of_the_contract(told, receipt, head):
    payload = frames.split(sealed(told, receipt, head), FRAME_DOWN_SIZE_MAX).payload
    assert payload == encode_reply(read_reply(payload))


def test_the_same_facts_are_the_same_bytes():
    assert sealed(Facts(points=1)) == sealed(Facts(points=1))
