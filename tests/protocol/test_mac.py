"""HMAC, key ids and comparing: against the standard library."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import mac
from tests.protocol import mutants


@mutants.PROPERTY
@given(st.binary(max_size=150), st.binary(max_size=300))
def test_hmac_is_the_standard_librarys(key: bytes, data: bytes):
    assert mac.hmac_sha256(key, data) == hmac.new(key, data, hashlib.sha256).digest()


@pytest.mark.parametrize("size", [0, 1, 31, 32, 63, 64, 65, 200])
def test_hmac_takes_keys_on_both_sides_of_a_block(size: int):
    key = bytes(range(size))
    assert mac.hmac_sha256(key, b"x") == hmac.new(key, b"x", hashlib.sha256).digest()


@pytest.mark.parametrize(("a", "b", "equal"), [
    (b"", b"", True), (b"abc", b"abc", True), (b"abc", b"abd", False), (b"bbc", b"abc", False),
    (b"abc", b"ab", False), (bytes(32), bytes(33), False),
])
def test_secrets_are_compared(a: bytes, b: bytes, equal: bool):
    assert mac.same(a, b) is equal


def test_a_kid_is_terminal_and_epoch():
    assert mac.kid(10000042, 1).hex() == "009896aa01"
    assert mac.kid(4294967295, 255).hex() == "ffffffffff"


@pytest.mark.parametrize(("terminal_id", "epoch"), [(0, 1), (2**32, 1), (1, 0), (1, 256), (-1, 1)])
def test_a_kid_that_cannot_be_is_refused(terminal_id: int, epoch: int):
    """MicroPython's struct.pack would cut it to size without a word."""
    with pytest.raises(ValueError):
        mac.kid(terminal_id, epoch)


def test_the_pads_of_a_key_are_its_xor_with_the_two_bytes_of_rfc_2104():
    inner, outer = mac.pads(b"\x01\x02")
    assert inner == b"\x37\x34" + b"\x36" * 62
    assert outer == b"\x5d\x5e" + b"\x5c" * 62
