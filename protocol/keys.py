"""Keys: HKDF and everything derived from a terminal key.

Law: a terminal never sees the master key; each use of a terminal key has its own info
text, so no derived key serves two purposes. AES is passed in as a factory: `aes(key)`
gives a fresh object with `encrypt(block)` and `decrypt(block)` for one 16-byte block in
ECB; an object is used in one direction only (MicroPython's cannot do both). Sources: HKDF
RFC 5869, CCM RFC 3610, key wrap RFC 3394.
"""

from binascii import b2a_base64
from struct import pack

from protocol.errors import PinError, WrapError
from protocol.limits import (
    KEY_SIZE,
    MASTER_KEY_SIZE,
    MQTT_SECRET_SIZE,
    NONCE_SIZE,
    PIN_BLOCK_SIZE,
    PIN_DIGITS_MAX,
    PIN_DIGITS_MIN,
    PIN_KEY_SIZE,
    UP,
    WRAPPED_KEY_SIZE,
)
from protocol.mac import hmac_sha256, kid, pads, same

__all__ = (
    "hkdf", "hmac_sha256", "kid", "mqtt_password", "mqtt_user", "open_pin_block", "pads",
    "pin_block", "pin_key", "pin_nonce", "rekey_unwrap", "rekey_wrap", "same", "terminal_key",
)

def hkdf(key: bytes, info: bytes, size: int) -> bytes:
    """HKDF-SHA256 with an empty salt; at most 8,160 bytes."""
    secret = hmac_sha256(bytes(32), key)
    out = b""
    block = b""
    number = 1
    while len(out) < size:
        block = hmac_sha256(secret, block + info + bytes((number,)))
        out += block
        number += 1
    return out[:size]


def terminal_key(master_key: bytes, terminal_id: int, epoch: int) -> bytes:
    """The 32-byte key of (terminal, epoch). Gateway and provisioning only."""
    if len(master_key) != MASTER_KEY_SIZE:
        raise ValueError("the master key has %d bytes" % MASTER_KEY_SIZE)
    return hkdf(master_key, b"pw1 terminal" + kid(terminal_id, epoch), KEY_SIZE)


def mqtt_user(terminal_id: int, epoch: int) -> str:
    return "%d-%d" % (terminal_id, epoch)


def mqtt_password(key: bytes) -> str:
    """24 letters of base64url over 18 bytes derived from the terminal key."""
    secret = b2a_base64(hkdf(key, b"pw1 mqtt", MQTT_SECRET_SIZE)).decode().strip()
    return secret.replace("+", "-").replace("/", "_")


def pin_key(key: bytes) -> bytes:
    """The 16-byte AES key for PIN blocks under this terminal key."""
    return hkdf(key, b"pw1 pin", PIN_KEY_SIZE)


def pin_nonce(journal: int, nonce: bytes) -> bytes:
    """CCM nonce, 13 bytes: direction up (1) || journal (4) || the request's nonce (8)."""
    if len(nonce) != NONCE_SIZE:
        raise ValueError("a nonce has %d bytes" % NONCE_SIZE)
    return pack(">BI", UP, journal) + nonce


def pin_block(aes, key: bytes, journal: int, nonce: bytes, pin: str) -> bytes:
    """Seal a PIN of 4 to 8 digits: ciphertext (8) || tag (8). `key` is pin_key(...)."""
    if not PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX or not _digits(pin):
        raise PinError("a PIN has 4 to 8 digits")
    plain = pin.encode() + bytes(PIN_DIGITS_MAX - len(pin))
    return _ccm(aes, key, pin_nonce(journal, nonce), plain, plain)


def open_pin_block(aes, key: bytes, journal: int, nonce: bytes, block: bytes) -> str:
    """The PIN in a block, or PinError. `key` is pin_key(terminal key of the kid)."""
    if len(block) != PIN_BLOCK_SIZE:
        raise PinError("a PIN block has %d bytes" % PIN_BLOCK_SIZE)
    full_nonce = pin_nonce(journal, nonce)
    plain = _xor(block[:8], aes(key).encrypt(_counter(full_nonce, 1)))
    if not same(_ccm(aes, key, full_nonce, plain, plain), block):
        raise PinError("the PIN block does not open")
    pin = plain.rstrip(b"\x00")
    if len(pin) < PIN_DIGITS_MIN or not all(48 <= byte <= 57 for byte in pin):
        raise PinError("the PIN block holds no PIN")
    return pin.decode()


def _digits(text):
    return all("0" <= letter <= "9" for letter in text)


def _counter(nonce, number):
    return b"\x01" + nonce + pack(">H", number)


def _xor(data, stream):
    return bytes([x ^ y for x, y in zip(data, stream)])


def _ccm(aes, key, nonce, plain, mac_over):
    # CCM with M = 8, L = 2, no AAD, for a plaintext of at most one block: B_0 holds the
    # flags 8 * ((M - 2) / 2) + (L - 1) = 0x19 and the length; A_0 and A_1 are counters.
    cipher = aes(key)
    first = cipher.encrypt(b"\x19" + nonce + pack(">H", len(mac_over)))
    mac = cipher.encrypt(_xor(first, mac_over + bytes(16 - len(mac_over))))
    sealed = _xor(plain, cipher.encrypt(_counter(nonce, 1)))
    return sealed + _xor(mac[:8], cipher.encrypt(_counter(nonce, 0)))


_WRAP_IV = b"\xa6" * 8


def rekey_wrap(aes, key: bytes, next_key: bytes) -> bytes:
    """The next epoch's terminal key wrapped under `key`, the present one: 40 bytes."""
    cipher = aes(hkdf(key, b"pw1 rekey", KEY_SIZE))
    if len(next_key) != KEY_SIZE:
        raise ValueError("a terminal key has %d bytes" % KEY_SIZE)
    register = _WRAP_IV
    parts = [next_key[at:at + 8] for at in range(0, KEY_SIZE, 8)]
    for step in range(6 * len(parts)):
        place = step % len(parts)
        block = cipher.encrypt(register + parts[place])
        register = _xor(block[:8], pack(">Q", step + 1))
        parts[place] = block[8:]
    return register + b"".join(parts)


def rekey_unwrap(aes, key: bytes, wrapped: bytes) -> bytes:
    """The next terminal key out of reply key 23, or WrapError: then keep `key`."""
    if len(wrapped) != WRAPPED_KEY_SIZE:
        raise WrapError("a wrapped key has %d bytes" % WRAPPED_KEY_SIZE)
    cipher = aes(hkdf(key, b"pw1 rekey", KEY_SIZE))
    register = wrapped[:8]
    parts = [wrapped[at:at + 8] for at in range(8, WRAPPED_KEY_SIZE, 8)]
    for step in range(6 * len(parts) - 1, -1, -1):
        place = step % len(parts)
        block = cipher.decrypt(_xor(register, pack(">Q", step + 1)) + parts[place])
        register = block[:8]
        parts[place] = block[8:]
    if not same(register, _WRAP_IV):
        raise WrapError("the wrapped key does not open")
    return b"".join(parts)
