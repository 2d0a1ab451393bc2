"""The gateway's decoder is the device's decoder by another road."""

import cbor2
import pytest
from hypothesis import given

from gateway import strict_cbor
from protocol import cbor
from protocol.errors import CborError
from tests.protocol import mutants, samples
from tests.protocol.test_cbor import BROKEN, SOUND

MUTANTS = 40000


def told(decode, data: bytes):
    """("read", value) or ("refused", None)."""
    try:
        return "read", decode(data)
    except CborError:
        return "refused", None


def test_gateway_and_device_give_the_same_verdict_and_value_on_broken_bytes():
    seeds = tuple(cbor.encode({key: value for key, value in enumerate(each) if value is not None})
                  for each in (*samples.requests(), *samples.replies()))
    read = 0
    for number, data in enumerate(mutants.encodings(MUTANTS, seeds)):
        one, other = told(strict_cbor.decode, data), told(cbor.decode, data)
        assert one == other, f"seed {mutants.SEED}, number {number}: {data.hex()}"
        assert repr(one) == repr(other), "equal but not of the same kinds"
        read += one[0] == "read"
    assert MUTANTS // 5 < read < MUTANTS * 4 // 5


@mutants.PROPERTY
@given(mutants.values())
def test_every_value_of_the_profile_is_read(value: object):
    assert strict_cbor.decode(cbor.encode(value)) == value


@pytest.mark.parametrize(("data", "value"), SOUND)
def test_a_deterministic_item_is_read(data: str, value: object):
    assert strict_cbor.decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize("name", BROKEN)
def test_everything_else_is_refused(name: str):
    with pytest.raises(CborError):
        strict_cbor.decode(bytes.fromhex(BROKEN[name]))


def test_no_tag_reaches_a_decoder_of_cbor2():
    """Dates, patterns, shared and cyclic values: none is ever built from a stranger's bytes.

    A tag that a newer cbor2 decodes and our list does not name fails here.
    """
    bodies = (b"\x01", b"\x80", b"\x61\x31", b"\x82\x01\x02", b"\x41\x31")
    for tag in (*range(1100), 43000, 43001, 55799, 55800, *range(65000, 65536)):
        head = cbor2.dumps(cbor2.CBORTag(tag, 0))[:-1]
        for body in bodies:
            with pytest.raises(CborError) as refusal:
                strict_cbor.decode(head + body)
            assert str(first_cause(refusal.value)) == "a tag", f"tag {tag}"


def first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@pytest.mark.parametrize("bomb", [
    "d81c81d81d00",  # an array that holds itself
    "d81c82d81c82d81c8100d81d01d81d01d81d02",  # shared arrays that double
    "d90100" + "83" + "58ff" + "61" * 255 + "d81900d81900",  # a string by reference
    "9b7fffffffffffffff00", "5b7fffffffffffffff00", "bb7fffffffffffffff00",
])
def test_a_small_input_cannot_stand_for_a_huge_value(bomb: str):
    with pytest.raises(CborError):
        strict_cbor.decode(bytes.fromhex(bomb))


def test_nesting_without_end_is_refused_without_recursion():
    for data in (b"\x81" * 900, b"\xa1\x00" * 400, b"\xc0" * 900, b"\x9f" * 900):
        with pytest.raises(CborError):
            strict_cbor.decode(data)
        with pytest.raises(CborError):
            cbor.decode(data)
