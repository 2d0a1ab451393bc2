"""Every derivation against the vectors, RFCs and cryptography, on both interpreters."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import given
from hypothesis import strategies as st

from protocol import keys
from protocol.errors import PinError, WrapError
from tests.protocol import answers, mutants
from tests.support import vectors

KEY = bytes(range(32))
NONCE = bytes(range(1, 9))
JOURNAL = 0x5EED3CE8


class Aes:
    """One AES block at a time, as the handset's cryptolib gives it."""

    def __init__(self, key: bytes):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def encrypt(self, block: bytes) -> bytes:
        return self._cipher.encryptor().update(block)

    def decrypt(self, block: bytes) -> bytes:
        return self._cipher.decryptor().update(block)


def test_every_key_of_the_vectors_is_reproduced():
    wire = vectors.wire()
    master = bytes.fromhex(wire["master_key"])
    key = keys.terminal_key(master, wire["terminal_id"], wire["epoch"])
    assert key.hex() == wire["terminal_key"]
    assert keys.mqtt_user(wire["terminal_id"], wire["epoch"]) == wire["mqtt_user"]
    assert keys.mqtt_password(key) == wire["mqtt_password"]
    assert keys.pin_key(key).hex() == wire["pin_key"]
    assert keys.pin_nonce(JOURNAL, NONCE).hex() == wire["pin_nonce"]
    assert keys.terminal_key(master, wire["terminal_id"], 2).hex() == wire["epoch2_key"]


def test_the_pin_block_of_the_vectors_is_reproduced_and_opens():
    wire = vectors.wire()
    pin_key = bytes.fromhex(wire["pin_key"])
    block = keys.pin_block(Aes, pin_key, JOURNAL, NONCE, wire["pin"])
    assert block.hex() == wire["pin_block"]
    assert keys.open_pin_block(Aes, pin_key, JOURNAL, NONCE, block) == wire["pin"]


def test_the_rekey_wrap_of_the_vectors_is_reproduced_and_opens():
    wire = vectors.wire()
    key, following = bytes.fromhex(wire["terminal_key"]), bytes.fromhex(wire["epoch2_key"])
    assert keys.rekey_wrap(Aes, key, following).hex() == wire["rekey_wrapped"]
    assert keys.rekey_unwrap(Aes, key, bytes.fromhex(wire["rekey_wrapped"])) == following


@mutants.PROPERTY
@given(st.binary(min_size=1, max_size=64), st.binary(max_size=40), st.integers(1, 100))
def test_hkdf_is_cryptographys(key: bytes, info: bytes, size: int):
    theirs = HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(key)
    assert keys.hkdf(key, info, size) == theirs


def test_hkdf_agrees_with_rfc_5869_case_3():
    assert keys.hkdf(b"\x0b" * 22, b"", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        "9d201395faa4b61a96c8")


@pytest.mark.parametrize("pin", ["1234", "12345", "1234567", "12345678", "0000"])
def test_a_pin_block_is_aes_ccm_as_cryptography_has_it(pin: str):
    pin_key = keys.pin_key(KEY)
    nonce = b"\x01" + JOURNAL.to_bytes(4, "big") + NONCE
    theirs = AESCCM(pin_key, tag_length=8).encrypt(nonce, pin.encode().ljust(8, b"\0"), None)
    assert keys.pin_block(Aes, pin_key, JOURNAL, NONCE, pin) == theirs
    assert keys.open_pin_block(Aes, pin_key, JOURNAL, NONCE, theirs) == pin


@mutants.PROPERTY
@given(st.text("0123456789", min_size=4, max_size=8), st.binary(min_size=16, max_size=16),
       st.integers(1, 2**32 - 1), st.binary(min_size=8, max_size=8))
def test_every_pin_of_4_to_8_digits_comes_back_out_of_its_block(pin, key, journal, nonce):
    block = keys.pin_block(Aes, key, journal, nonce, pin)
    assert len(block) == 16 and keys.open_pin_block(Aes, key, journal, nonce, block) == pin


def test_the_rekey_wrap_is_rfc_3394_as_cryptography_has_it():
    theirs = aes_key_wrap(keys.hkdf(KEY, b"pw1 rekey", 32), KEY[::-1])
    assert keys.rekey_wrap(Aes, KEY, KEY[::-1]) == theirs
    assert keys.rekey_unwrap(Aes, KEY, theirs) == KEY[::-1]


def test_no_bit_of_a_pin_block_can_be_changed_unseen():
    block = keys.pin_block(Aes, KEY[:16], JOURNAL, NONCE, "24681")
    for bit in range(128):
        spoilt = (int.from_bytes(block, "big") ^ 1 << bit).to_bytes(16, "big")
        with pytest.raises(PinError):
            keys.open_pin_block(Aes, KEY[:16], JOURNAL, NONCE, spoilt)


def test_a_pin_block_opens_only_with_its_own_journal_nonce_and_key():
    block = keys.pin_block(Aes, KEY[:16], JOURNAL, NONCE, "24681")
    for key, journal, nonce in ((KEY[1:17], JOURNAL, NONCE), (KEY[:16], JOURNAL + 1, NONCE),
                                (KEY[:16], JOURNAL, bytes(8))):
        with pytest.raises(PinError):
            keys.open_pin_block(Aes, key, journal, nonce, block)


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12a4", "12 4",
                                 "\uff11\uff12\uff13\uff14"])
def test_what_is_no_pin_is_not_sealed(pin: str):
    with pytest.raises(PinError):
        keys.pin_block(Aes, KEY[:16], JOURNAL, NONCE, pin)


@pytest.mark.parametrize("plain", [b"123\0\0\0\0\0", bytes(8), b"12\0004\0\0\0\0", b"1234abcd",
                                   b"\0001234567", b"1234\n\0\0\0",
                                   b"123/\0\0\0\0", b"123:\0\0\0\0"])
def test_a_sealed_block_that_holds_no_pin_is_refused(plain: bytes):
    nonce = b"\x01" + JOURNAL.to_bytes(4, "big") + NONCE
    block = AESCCM(KEY[:16], tag_length=8).encrypt(nonce, plain, None)
    with pytest.raises(PinError):
        keys.open_pin_block(Aes, KEY[:16], JOURNAL, NONCE, block)


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_pin_block_of_another_size_is_refused(size: int):
    with pytest.raises(PinError):
        keys.open_pin_block(Aes, KEY[:16], JOURNAL, NONCE, bytes(size))


def test_a_wrapped_key_that_was_changed_or_meant_for_another_is_refused():
    wrapped = keys.rekey_wrap(Aes, KEY, KEY[::-1])
    first, last = bytes((wrapped[0] ^ 1,)), bytes((wrapped[-1] ^ 1,))
    for spoilt in (wrapped[:-1], wrapped + b"\0", bytes(40), first + wrapped[1:],
                   wrapped[:-1] + last):
        with pytest.raises(WrapError):
            keys.rekey_unwrap(Aes, KEY, spoilt)
    with pytest.raises(WrapError):
        keys.rekey_unwrap(Aes, bytes(32), wrapped)


def test_only_a_whole_key_is_wrapped():
    for size in (0, 16, 31, 33, 40):
        with pytest.raises(ValueError):
            keys.rekey_wrap(Aes, KEY, bytes(size))


def test_no_two_terminals_epochs_or_uses_share_a_key():
    derived = [keys.terminal_key(KEY, terminal_id, epoch)
               for terminal_id in (1, 2, 2**32 - 1) for epoch in (1, 2, 255)]
    derived += [keys.pin_key(KEY) + bytes(16), keys.hkdf(KEY, b"pw1 rekey", 32),
                keys.hkdf(KEY, b"pw1 mqtt", 32)]
    assert len(set(derived)) == len(derived)


def test_an_mqtt_password_is_24_letters_that_need_no_quoting():
    for number in range(50):
        password = keys.mqtt_password(bytes((number,)) * 32)
        assert len(password) == 24
        assert password.replace("-", "a").replace("_", "a").isalnum()


@pytest.mark.parametrize(("size", "terminal_id", "epoch"),
                         [(31, 1, 1), (32, 0, 1), (32, 2**32, 1), (32, 1, 0), (32, 1, 256)])
def test_no_key_is_derived_for_what_cannot_be(size: int, terminal_id: int, epoch: int):
    with pytest.raises(ValueError):
        keys.terminal_key(bytes(size), terminal_id, epoch)


def test_micropython_derives_the_same_keys():
    lines = [f"keys {bytes((n,) * 32).hex()}" for n in range(20)]
    assert answers.on_micropython(lines) == [answers.answer(line) for line in lines]


def test_micropythons_own_aes_seals_and_opens_as_ours_does():
    seeds = [bytes((n,)) * 16 + KEY[:16] for n in range(8)]
    told = answers.on_micropython([f"pin {seed.hex()}" for seed in seeds])
    for seed, line in zip(seeds, told, strict=True):
        block = keys.pin_block(Aes, seed[8:24], 77, seed[:8], "24681")
        assert line == (block + keys.rekey_wrap(Aes, seed, seed[::-1])).hex()
