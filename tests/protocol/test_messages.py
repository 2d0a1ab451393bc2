"""Every message, there and back, on both interpreters and by the CDDL."""

import pytest

from protocol import cbor, codes, frames, limits
from protocol.errors import CborError, MessageError
from protocol.messages import (
    AUTHORISE,
    HEARTBEAT,
    MESSAGES,
    SALE,
    Fault,
    Reply,
    Request,
    clip,
    encode_reply,
    encode_request,
    read_reply,
    read_request,
    reply,
    request,
)
from tests.protocol import answers, samples
from tests.protocol.schema_check import assert_accepted
from tests.support import vectors

KEY = bytes(32)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def test_the_sale_of_the_vectors_is_reproduced_byte_for_byte():
    wire = vectors.wire()
    sale = request(SALE, 0x5EED3CE8, 40000, at=0x69201C00, clock_age=3600, operator=12,
                   card=(2, 6200001234567892), amount_minor=123456)
    assert encode_request(sale).hex() == wire["sale"]["payload"]
    assert read_request(cbor.decode(unhex(wire["sale"]["payload"]))) == sale


def test_the_reply_of_the_vectors_is_reproduced_byte_for_byte():
    wire = vectors.wire()
    sale = read_request(cbor.decode(unhex(wire["sale"]["payload"])))
    digest = frames.digest(unhex(wire["sale"]["frame"]))
    answer = reply(sale, digest, codes.APPROVED, 0x69201C03, points=1234, balance=123456,
                   tier="\u91d1\u5361\u4f1a\u5458", member="\u738b*\u660e", receipt=123456789,
                   expiring=(500, 20780), head=bytes(16))
    assert encode_reply(answer).hex() == wire["reply"]["payload"]
    assert read_reply(unhex(wire["reply"]["payload"])) == answer


def test_the_authorise_of_the_vectors_is_reproduced_byte_for_byte():
    wire = vectors.wire()
    asked = request(AUTHORISE, 0x5EED3CE8, 0, card=(2, 6200001234567892),
                    pin_block=unhex(wire["pin_block"]), nonce=bytes(range(1, 9)))
    assert encode_request(asked).hex() == wire["authorise"]["payload"]
    assert read_request(cbor.decode(unhex(wire["authorise"]["payload"]))) == asked


def test_a_sale_takes_93_bytes_and_its_reply_147():
    wire = vectors.wire()
    assert (len(unhex(wire["sale"]["frame"])), len(unhex(wire["reply"]["frame"]))) == (93, 147)


def test_with_its_keys_at_their_largest_a_sale_takes_at_most_99_bytes():
    sale = request(SALE, limits.U32_MAX, limits.U32_MAX, at=limits.U32_MAX,
                   clock_age=limits.U32_MAX, operator=65535,
                   card=(4, limits.CARD_NUMBER_MAX), amount_minor=limits.AMOUNT_MINOR_MAX)
    assert read_request(cbor.decode(encode_request(sale))) == sale
    assert len(frames.seal(KEY, limits.UP, limits.U32_MAX, 255, encode_request(sale))) <= 99


def test_with_its_keys_at_their_largest_a_reply_takes_at_most_200_bytes():
    asked = request(127, limits.U32_MAX, limits.U32_MAX)
    most = limits.POINTS_MAX
    answer = reply(asked, bytes(8), 255, limits.U32_MAX, points=-most, balance=-most,
                   tier="\u6c34" * 8, member="\u6c34" * 8, receipt=limits.U32_MAX,
                   expiring=(most, 65535), head=bytes(16))
    assert read_reply(encode_reply(answer)) == answer
    assert len(frames.seal(KEY, limits.DOWN, limits.U32_MAX, 255, encode_reply(answer))) <= 200


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_type_and_each_optional_key_survives_the_wire(kind: int):
    for sent in samples.requests():
        if sent.type == kind:
            assert read_request(cbor.decode(encode_request(sent))) == sent


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_type_and_each_optional_key_fits_the_cddl(kind: int):
    for sent in samples.requests():
        if sent.type == kind:
            assert_accepted(encode_request(sent), "request")
    frame = frames.seal(KEY, limits.UP, 7, 1, encode_request(samples.sample(kind)))
    assert_accepted(frame, "frame")


def test_the_samples_leave_out_no_key():
    used = {key for sent in samples.requests() for key, value in enumerate(sent)
            if value is not None}
    assert used == set(range(limits.REQUEST_KEYS))
    used = {key for sent in samples.replies() for key, value in enumerate(sent)
            if value is not None}
    assert used == set(range(limits.REPLY_KEYS))


def test_every_reply_key_survives_the_wire_and_fits_the_cddl():
    for sent in samples.replies():
        payload = encode_reply(sent)
        assert read_reply(payload) == sent
        assert_accepted(payload, "reply")
        assert_accepted(frames.seal(KEY, limits.DOWN, 7, 1, payload), "frame")


def test_a_reply_with_any_number_of_keys_is_one_deterministic_map():
    everything = list(samples.replies())[-1]
    for count in range(6, limits.REPLY_KEYS + 1):
        some = Reply(*[value if key < count else None for key, value in enumerate(everything)])
        assert encode_reply(some) == cbor.encode(dict(enumerate(everything[:count])))


def test_micropython_reads_and_writes_the_same_messages():
    lines = [f"request {encode_request(each).hex()}" for each in samples.requests()]
    lines += [f"seal {encode_request(each).hex()}" for each in samples.requests()]
    lines += [f"reply {encode_reply(each).hex()}" for each in samples.replies()]
    assert answers.on_micropython(lines) == [answers.answer(line) for line in lines]


def test_only_sale_and_void_may_be_taken_offline():
    assert {spec.name for spec in MESSAGES.values() if spec.offline} == {"sale", "void"}
    assert all(spec.journaled for spec in MESSAGES.values() if spec.offline)


def test_a_reply_echoes_type_journal_and_trace_of_a_fault_too():
    fault = Fault(127, 5, 0, None, codes.UNSUPPORTED)
    answer = reply(fault, bytes(8), fault.code, 9)
    assert (answer.type, answer.journal, answer.trace, answer.code) == (255, 5, 0, 61)
    assert_accepted(encode_reply(answer), "reply")


@pytest.mark.parametrize(("field", "value"), [
    ("tier", "\u6c34" * 9), ("line", "x" * 49), ("head", bytes(15)), ("expiring", (1,)),
    ("receipt", 0), ("points", 2**53), ("send_again", ()), ("release", ""), ("points", True),
    ("balance", 1.0), ("totals", {}), ("next_key", (0, bytes(40))),
])
def test_a_gateway_never_seals_a_reply_outside_the_cddl(field: str, value: object):
    answer = reply(samples.sample(SALE), bytes(8), 0, 1, **{field: value})
    with pytest.raises(MessageError, match=field):
        encode_reply(answer)


def test_a_text_is_clipped_at_a_letter_not_inside_one():
    assert clip("\u6c34" * 9, 24) == "\u6c34" * 8
    assert clip("ab\u6c34", 4) == "ab"
    assert clip("abc", 24) == "abc"


def test_a_message_nests_four_deep_and_no_deeper():
    deepest = samples.sample(SALE, basket=(((1,),),))
    assert cbor.decode(encode_request(deepest))[8] == (((1,),),)
    with pytest.raises(CborError):
        encode_request(samples.sample(SALE, basket=((((1,),),),)))


def test_read_request_gives_a_request_or_a_fault():
    heartbeat = samples.sample(HEARTBEAT)
    found = read_request(cbor.decode(encode_request(heartbeat)))
    assert isinstance(found, Request)
    assert isinstance(read_request({0: HEARTBEAT, 1: 1, 2: 0}), Fault)
