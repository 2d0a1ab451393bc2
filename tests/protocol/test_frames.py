"""The outer form: one is accepted, byte for byte, and its tag binds direction and terminal."""

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, frames, keys, limits
from protocol.errors import FrameError
from protocol.limits import DOWN, UP
from tests.protocol import answers, mutants
from tests.support import vectors

KEY = bytes(range(32))
ID = 10000042
PAYLOAD = bytes.fromhex("a3000a0101 0200")


def frame_of(payload: bytes = PAYLOAD, direction: int = UP) -> bytes:
    return frames.seal(KEY, direction, ID, 1, payload)


def refusal(frame: bytes, size_max: int = limits.FRAME_DOWN_SIZE_MAX) -> str:
    with pytest.raises(FrameError) as caught:
        frames.split(frame, size_max)
    return caught.value.reason


@pytest.mark.parametrize(("name", "direction"), [("sale", UP), ("reply", DOWN), ("authorise", UP)])
def test_each_step_of_sealing_equals_the_vectors(name: str, direction: int):
    wire = vectors.wire()
    key = bytes.fromhex(wire["terminal_key"])
    want = {step: bytes.fromhex(value) for step, value in wire[name].items()}
    assert frames.external_aad(direction, ID) == want["external_aad"]
    structure = frames.mac_structure(direction, ID, want["payload"])
    assert structure == want["mac_structure"]
    assert keys.hmac_sha256(key, structure) == want["tag"]
    assert frames.seal(key, direction, ID, 1, want["payload"]) == want["frame"]
    parts = frames.split(want["frame"], limits.FRAME_UP_SIZE_MAX)
    assert parts == (ID, 1, want["payload"], want["tag"])
    assert frames.authentic(key, direction, parts)


def test_the_digest_of_the_sale_equals_the_vectors():
    wire = vectors.wire()
    frame = bytes.fromhex(wire["sale"]["frame"])
    assert frames.digest(frame).hex() == wire["sale_digest"]
    assert frames.frame_hash(frame)[:8] == frames.digest(frame)


def test_any_cose_library_reads_our_frame():
    tag = cbor2.loads(frame_of())
    assert tag.tag == 17
    protected, unprotected, payload, mac = tag.value
    assert cbor2.loads(protected) == {1: 5}
    assert unprotected == {4: ID.to_bytes(4, "big") + b"\x01"}
    assert (payload, len(mac)) == (PAYLOAD, 32)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 973])
def test_a_payload_of_any_size_comes_back(size: int):
    payload = bytes(size)
    parts = frames.split(frame_of(payload), limits.FRAME_UP_SIZE_MAX)
    assert parts.payload == payload
    assert frames.authentic(KEY, UP, parts)


def test_a_frame_turned_round_is_not_authentic():
    parts = frames.split(frame_of(), 1024)
    assert frames.authentic(KEY, UP, parts)
    assert not frames.authentic(KEY, DOWN, parts)


def test_a_frame_under_another_kid_or_key_is_not_authentic():
    parts = frames.split(frame_of(), 1024)
    other = frames.Parts(ID + 1, parts.epoch, parts.payload, parts.tag)
    assert not frames.authentic(KEY, UP, other)
    assert not frames.authentic(bytes(32), UP, parts)


def test_no_bit_of_a_frame_can_be_changed_unseen():
    """But the epoch's: it chooses the key, and another epoch has another key."""
    frame = frame_of()
    for bit in range(8 * len(frame)):
        changed = bytearray(frame)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            parts = frames.split(bytes(changed), 1024)
        except FrameError:
            continue
        key = KEY if parts.epoch == 1 else keys.terminal_key(KEY, parts.terminal_id, parts.epoch)
        assert not frames.authentic(key, UP, parts), f"bit {bit}"


def test_a_frame_over_its_size_is_too_large_whatever_it_holds():
    assert refusal(frame_of(bytes(200)), 200) == frames.TOO_LARGE
    assert refusal(bytes(1025), limits.FRAME_UP_SIZE_MAX) == frames.TOO_LARGE


def test_nothing_is_sealed_that_the_other_side_would_refuse_for_its_size():
    for direction, largest in ((UP, 973), (DOWN, 1349)):
        whole = frames.seal(KEY, direction, ID, 1, bytes(largest))
        assert len(whole) == frames.size_max(direction)
        with pytest.raises(FrameError, match="too_large"):
            frames.seal(KEY, direction, ID, 1, bytes(largest + 1))


@pytest.mark.parametrize(("terminal_id", "epoch"), [(0, 1), (2**32, 1), (1, 0), (1, 256)])
def test_no_frame_is_sealed_for_a_terminal_that_cannot_be(terminal_id: int, epoch: int):
    with pytest.raises(ValueError):
        frames.seal(KEY, UP, terminal_id, epoch, PAYLOAD)


OTHER_FORMS = {
    "nothing": lambda f: b"",
    "one byte": lambda f: f[:1],
    "no COSE tag": lambda f: f[1:],
    "the tag in its long form": lambda f: b"\xd8\x11" + f[1:],
    "a self-description before it": lambda f: b"\xd9\xd9\xf7" + f,
    "COSE_Sign1's tag": lambda f: b"\xd2" + f[1:],
    "an array of five": lambda f: f[:1] + b"\x85" + f[2:] + b"\x00",
    "an indefinite array": lambda f: f[:1] + b"\x9f" + f[2:] + b"\xff",
    "another algorithm": lambda f: f.replace(b"\x43\xa1\x01\x05", b"\x43\xa1\x01\x06"),
    "protected empty": lambda f: f.replace(b"\x43\xa1\x01\x05", b"\x40"),
    "a second protected header": lambda f: f[:2] + b"\x45\xa2\x01\x05\x03\x00" + f[6:],
    "no kid": lambda f: f[:6] + b"\xa0" + f[14:],
    "a kid of four bytes": lambda f: f[:8] + b"\x44" + f[9:13] + f[14:],
    "a second unprotected header": lambda f: f[:6] + b"\xa2" + f[7:14] + b"\x05\x40" + f[14:],
    "an indefinite payload": lambda f: f[:14] + b"\x5f" + f[14:22] + b"\xff" + f[22:],
    "a payload of text": lambda f: f[:14] + bytes((f[14] | 0x20,)) + f[15:],
    "a detached payload": lambda f: f[:14] + b"\xf6" + f[-34:],
    "the payload's length one too long": lambda f: f[:14] + bytes((f[14] + 1,)) + f[15:],
    "the payload's length one too short": lambda f: f[:14] + bytes((f[14] - 1,)) + f[15:],
    "the payload's length in a longer form": lambda f: f[:14] + b"\x58\x07" + f[15:],
    "the payload's length in the longest form": lambda f: f[:14] + b"\x5a\0\0\0\x07" + f[15:],
    "a tag of 31 bytes": lambda f: f[:-33] + b"\x1f" + f[-31:],
    "a tag cut short": lambda f: f[:-1],
    "a tag of text": lambda f: f[:-34] + b"\x78" + f[-33:],
    "bytes behind it": lambda f: f + b"\x00",
    "an item behind it": lambda f: f + f,
}


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_another_outer_form_is_refused(name: str):
    changed = OTHER_FORMS[name](frame_of())
    assert changed != frame_of()
    assert refusal(changed) == frames.OUTER


def test_a_long_payload_with_a_length_in_a_longer_form_is_refused():
    frame = frame_of(bytes(23))
    assert refusal(frame[:14] + b"\x58\x17" + frame[15:]) == frames.OUTER
    frame = frame_of(bytes(255))
    assert refusal(frame[:14] + b"\x59\x00\xff" + frame[16:]) == frames.OUTER
    frame = frame_of(bytes(200))
    assert refusal(frame[:14] + b"\x59\x00\xc8" + frame[16:]) == frames.OUTER
    frame = frame_of(bytes(300))
    assert refusal(frame[:14] + b"\x5a\x00\x00\x01\x2c" + frame[17:]) == frames.OUTER


def test_terminal_zero_and_epoch_zero_are_no_kid():
    frame = frame_of()
    assert refusal(frame[:9] + bytes(4) + frame[13:]) == frames.KID
    assert refusal(frame[:13] + b"\x00" + frame[14:]) == frames.KID


def sound(data: bytes) -> bool:
    """The outer form by cbor2: what it reads, written again, must be the input."""
    try:
        item = cbor2.loads(data)
        kid = item.value[1][4]
        protected, unprotected, payload, mac = item.value
        again = cbor2.dumps(cbor2.CBORTag(17, [b"\xa1\x01\x05", {4: kid}, payload, mac]))
    except (cbor2.CBORError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False
    return (again == data and len(kid) == 5 and any(kid[:4]) and kid[4] != 0
            and isinstance(payload, bytes) and isinstance(mac, bytes) and len(mac) == 32)


def test_exactly_the_sound_frames_are_split_on_both_interpreters():
    seeds = tuple(frame_of(bytes(size)) for size in (3, 23, 24, 60, 255, 256))
    lines = []
    for data in mutants.encodings(3000, seeds):
        told = answers.answer(f"split {data.hex()}")
        assert told.startswith("no ") != sound(data), f"seed {mutants.SEED}: {data.hex()}"
        lines.append(f"split {data.hex()}")
    assert answers.on_micropython(lines) == [answers.answer(line) for line in lines]


@mutants.PROPERTY
@given(st.integers(1, 2**32 - 1), st.integers(1, 255), st.sampled_from((UP, DOWN)),
       st.binary(max_size=900), st.binary(min_size=32, max_size=32))
def test_what_was_sealed_is_split_and_authentic(terminal_id, epoch, direction, payload, key):
    frame = frames.seal(key, direction, terminal_id, epoch, payload)
    parts = frames.split(frame, frames.size_max(direction))
    assert parts[:3] == (terminal_id, epoch, payload)
    assert frames.authentic(key, direction, parts)


# COSE working group. Our profile refuses frames without our kid; the MAC is the same MAC.

COSE = ("hmac-examples-HMac-enc-01", "hmac-examples-HMac-enc-04", "mac0-tests-HMac-01",
        "mac0-tests-mac-pass-01", "mac0-tests-mac-pass-02", "mac0-tests-mac-pass-03",
        "mac0-tests-mac-fail-01", "mac0-tests-mac-fail-02", "mac0-tests-mac-fail-03",
        "mac0-tests-mac-fail-04", "mac0-tests-mac-fail-06", "mac0-tests-mac-fail-07")
OTHER_ALGORITHMS = ("hmac-examples-HMac-enc-02", "hmac-examples-HMac-enc-03",
                    "hmac-examples-HMac-enc-05")


def cose_vector(name: str) -> dict:
    return json.loads(vectors.vector(f"cose/{name}.json").read_text())


def opened(vector: dict) -> tuple[bytes, bytes, bytes, bool]:
    """(MAC structure as we build it, tag in the frame, our tag, is it a Mac0 with alg 5)."""
    item = cbor2.loads(bytes.fromhex(vector["output"]["cbor"]))
    tag, array = (item.tag, item.value) if isinstance(item, cbor2.CBORTag) else (17, item)
    protected, unprotected, payload, mac = array
    if protected == b"\xa0":
        protected = b""  # RFC 9052 6.3: an empty map goes under the MAC as an empty string
    aad = bytes.fromhex(vector["input"]["mac0"].get("external", ""))
    structure = frames.mac0_prefix(protected, aad) + cbor.head(0x40, len(payload)) + payload
    ours = keys.hmac_sha256(bytes.fromhex(vector["intermediates"]["CEK_hex"]), structure)
    headers = {**(cbor2.loads(protected) if protected else {}), **unprotected}
    return structure, mac, ours, tag == 17 and headers.get(1) == 5


@pytest.mark.parametrize("name", COSE)
def test_our_mac_structure_and_tag_equal_the_cose_vectors(name: str):
    vector = cose_vector(name)
    structure, mac, ours, ours_to_judge = opened(vector)
    if vector.get("fail"):
        assert not (ours_to_judge and keys.same(mac, ours))
    else:
        assert structure.hex().upper() == vector["intermediates"]["ToMac_hex"]
        assert ours_to_judge and keys.same(mac, ours)


def test_a_failing_vector_fails_for_its_tag_and_not_for_our_structure():
    """Where only the tag was spoilt, the structure still equals the vector's."""
    for name in ("hmac-examples-HMac-enc-04", "mac0-tests-mac-fail-02"):
        vector = cose_vector(name)
        structure, mac, ours, ours_to_judge = opened(vector)
        assert structure.hex().upper() == vector["intermediates"]["ToMac_hex"]
        assert ours_to_judge and mac != ours


def test_every_cose_vector_is_looked_at_and_none_is_a_frame_of_ours():
    found = {path.stem for path in (vectors.folder() / "cose").glob("*.json")}
    assert found == {*COSE, *OTHER_ALGORITHMS}
    for name in found:
        assert refusal(bytes.fromhex(cose_vector(name)["output"]["cbor"])) == frames.OUTER
    for name in OTHER_ALGORITHMS:
        assert not opened(cose_vector(name))[3]
