"""Secrets: derived keys, and boxes that open only where they belong."""

import pytest

from gateway.keyring import Keyring, KeyringError, bound_to
from protocol import keys
from tests.support.street import KEYS
from tests.support.vectors import wire


def test_terminal_keys_are_those_of_the_wire():
    assert Keyring(*KEYS).terminal_key(10_000_042, 1) == keys.terminal_key(
        KEYS[0], 10_000_042, 1)


def test_the_next_key_is_wrapped_as_the_contract_shows_it():
    known = wire()
    ring = Keyring(bytes.fromhex(known["master_key"]), *KEYS[1:])
    wrapped = ring.wrapped_key(known["terminal_id"], known["epoch"], known["epoch"] + 1)
    assert wrapped.hex() == known["rekey_wrapped"]


def test_a_box_opens_only_for_its_month_owner_and_key():
    ring = Keyring(*KEYS)
    bound = bound_to("frames", 7, b"\x01")
    box = ring.lock(202611, bound, b"request", b"reply")
    assert ring.unlock(202611, bound, box) == (b"request", b"reply")
    other = Keyring(KEYS[0], KEYS[1], b"X" * 32)
    for ring_, month, owner in ((ring, 202612, bound), (other, 202611, bound),
                                (ring, 202611, bound_to("frames", 8, b"\x01"))):
        with pytest.raises(KeyringError, match="does not open"):
            ring_.unlock(month, owner, box)


def test_every_flipped_bit_of_a_box_is_noticed():
    ring = Keyring(*KEYS)
    box = ring.lock(202611, b"x", b"request", b"")
    for place in range(len(box)):
        changed = bytes((*box[:place], box[place] ^ 4, *box[place + 1:]))
        with pytest.raises(KeyringError):
            ring.unlock(202611, b"x", changed)
    with pytest.raises(KeyringError):
        ring.unlock(202611, b"x", b"short")


def test_the_same_content_is_never_the_same_box_twice():
    ring = Keyring(*KEYS)
    assert ring.lock(202611, b"x", b"r", b"") != ring.lock(202611, b"x", b"r", b"")


@pytest.mark.parametrize("wrong", [(b"M" * 31, b"A" * 32, b"F" * 32),
                                   (b"M" * 32, b"M" * 32, b"F" * 32)])
def test_short_or_equal_keys_are_refused(wrong):
    with pytest.raises(KeyringError, match="three different ones"):
        Keyring(*wrong)


def test_a_keyring_shows_nothing():
    ring = Keyring(*KEYS)
    assert repr(ring) == "Keyring(...)"
    assert len(ring.master_key_id) == 16
    assert ring.master_key_id != Keyring(b"N" * 32, *KEYS[1:]).master_key_id
