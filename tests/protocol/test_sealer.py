"""The preallocated buffer gives the same bytes as the plain way, on both interpreters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, frames, limits
from protocol.errors import CborError, FrameError
from protocol.messages import SALE, Request, encode_request, request
from protocol.sealer import Sealer
from tests.protocol import mutants, samples
from tests.support.micropython import run
from tests.support.vectors import wire

KEY = bytes(range(32))


def plain(sent: Request, key: bytes = KEY, terminal_id: int = 7, epoch: int = 1) -> bytes:
    return frames.seal(key, limits.UP, terminal_id, epoch, encode_request(sent))


def test_the_sale_of_the_vectors_is_sealed_byte_for_byte():
    expected = wire()
    sale = request(SALE, 0x5EED3CE8, 40000, at=0x69201C00, clock_age=3600, operator=12,
                   card=(2, 6200001234567892), amount_minor=123456)
    frame = Sealer().seal_request(bytes.fromhex(expected["terminal_key"]), 10000042, 1, sale)
    assert bytes(frame).hex() == expected["sale"]["frame"]


def test_one_sealer_seals_every_message_as_the_plain_way_does():
    sealer = Sealer()
    for sent in (*samples.requests(), *samples.requests()):
        assert bytes(sealer.seal_request(KEY, 7, 1, sent)) == plain(sent)


@mutants.PROPERTY
@given(st.dictionaries(st.integers(0, 24), st.one_of(
    mutants.INTEGERS, st.text(max_size=20), st.binary(max_size=20), mutants.values(2)),
    max_size=23))
def test_any_fields_are_sealed_as_the_plain_way_does(fields: dict):
    sent = Request(*[fields.get(key) for key in range(25)])
    assert bytes(Sealer().seal_request(KEY, 7, 1, sent)) == plain(sent)


def test_more_keys_than_any_message_has_are_refused():
    with pytest.raises(FrameError):
        Sealer().seal_request(KEY, 7, 1, Request(*[0] * 24, None))
    assert bytes(Sealer().seal_request(KEY, 7, 1, Request(*[0] * 23, None, None))) == plain(
        Request(*[0] * 23, None, None))


def test_what_has_no_encoding_is_refused_as_the_plain_way_does():
    for value in (1.5, True, object(), [[[[1]]]], 2**64):
        sent = samples.sample(SALE, basket=value)
        for seal in (plain, lambda sent: Sealer().seal_request(KEY, 7, 1, sent)):
            with pytest.raises(CborError):
                seal(sent)


@pytest.mark.parametrize("card", [(2, 4294967295), (2, 4294967296), (24, 2**40), (0, 2**40),
                                  (2, 2**64 - 1), (2, b"uid4"), (2, 2**40, b"tokn"), (2,), ()])
def test_any_card_is_sealed_as_the_plain_way_does(card: tuple):
    sent = samples.sample(SALE, card=card)
    assert bytes(Sealer().seal_request(KEY, 7, 1, sent)) == plain(sent)


def test_a_new_key_epoch_or_terminal_is_taken_up_at_once():
    sealer, sale = Sealer(), samples.sample(SALE)
    for key, terminal_id, epoch in ((KEY, 7, 1), (KEY, 7, 2), (bytes(32), 7, 2),
                                    (bytes(32), 8, 2), (KEY, 7, 1)):
        sealed = bytes(sealer.seal_request(key, terminal_id, epoch, sale))
        assert sealed == plain(sale, key, terminal_id, epoch)


def test_a_key_that_could_not_be_taken_up_leaves_nothing_of_itself(
        monkeypatch: pytest.MonkeyPatch):
    sealer, sale = Sealer(), samples.sample(SALE)
    sealer.seal_request(KEY, 7, 1, sale)

    def no_memory(key: bytes):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("protocol.sealer.pads", no_memory)
        with pytest.raises(MemoryError):
            sealer.seal_request(bytes(32), 7, 2, sale)
    for key, epoch in ((KEY, 1), (bytes(32), 2)):
        assert bytes(sealer.seal_request(key, 7, epoch, sale)) == plain(sale, key, 7, epoch)


def test_payloads_on_both_sides_of_each_length_form_are_sealed_in_turn():
    sealer = Sealer()
    for size in (0, 4, 5, 6, 7, 8, 200, 230, 231, 232, 233, 234, 235, 240, 3, 950, 10):
        sent = samples.sample(SALE, code="x" * size, operator=None, card=None, amount_minor=None)
        assert bytes(sealer.seal_request(KEY, 7, 1, sent)) == plain(sent)


def frame_size(sent: Request) -> int:
    payload = len(encode_request(sent))
    return 14 + len(cbor.head(0x40, payload)) + payload + 2 + 32


def test_a_frame_exactly_as_large_as_allowed_is_sealed_and_one_byte_more_refused():
    for size_max in (300, limits.FRAME_UP_SIZE_MAX):
        sealer = Sealer(size_max)
        fill = size_max - 250
        while frame_size(samples.sample(SALE, code="x" * (fill + 1))) <= size_max:
            fill += 1
        whole = samples.sample(SALE, code="x" * fill)
        assert len(sealer.seal_request(KEY, 7, 1, whole)) == size_max
        with pytest.raises(FrameError, match="too_large"):
            sealer.seal_request(KEY, 7, 1, samples.sample(SALE, code="x" * (fill + 1)))
        with pytest.raises(FrameError, match="too_large"):
            sealer.seal_request(KEY, 7, 1, samples.sample(SALE, code="x" * 5000))
        again = samples.sample(SALE)
        assert bytes(sealer.seal_request(KEY, 7, 1, again)) == plain(again)


def test_a_kid_that_cannot_be_is_refused():
    with pytest.raises(ValueError):
        Sealer().seal_request(KEY, 0, 1, samples.sample(SALE))


ON_THE_DEVICE = """
import gc
from protocol import cbor, frames, messages
from protocol.sealer import Sealer
sale = messages.request(1, 1592605928, 40000, at=1763712000, clock_age=3600, operator=12,
                        card=(2, 6200001234567892), amount_minor=123456)
key = bytes(range(32))
sealer = Sealer()
def heap(seal):
    seal()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    seal()
    after = gc.mem_alloc()
    gc.enable()
    return after - before
print(heap(lambda: sealer.seal_request(key, 7, 1, sale)))
print(heap(lambda: frames.seal(key, 1, 7, 1, messages.encode_request(sale))))
print(bytes(sealer.seal_request(key, 7, 1, sale)).hex())
"""


def test_on_the_device_the_buffer_saves_at_least_three_quarters_of_the_heap():
    told = run(ON_THE_DEVICE, heap="128K").split()
    assert 4 * int(told[0]) < int(told[1])
    sale = request(1, 1592605928, 40000, at=1763712000, clock_age=3600, operator=12,
                   card=(2, 6200001234567892), amount_minor=123456)
    assert told[2] == plain(sale).hex()
    assert cbor.decode(frames.split(bytes.fromhex(told[2]), 1024).payload)[7] == 123456
