"""The gateway's secrets and what they are for. The only holder of keys.

Law: a terminal key is derived, never stored (WIRE Keys); the frame key encrypts stored frames,
one derived key a month, and binds each box to its outcome by the associated data, and it keys the
hashes of operators' PINs (pins.py); the audit key seals evidence. No key, and nothing derived from
one, appears in a repr, log or message.
`random` (bytes wanted -> bytes) is handed in, so that a simulation can repeat itself.
"""

import hmac
import os
from collections.abc import Callable
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import GatewayError
from protocol import keys

KEY_SIZE = 32
NONCE_SIZE = 12


class KeyringError(GatewayError):
    """A key does not fit, or a stored box does not open: nothing was changed."""

    code = "keyring"


class Keyring:
    """`master_key`, `audit_key`, `frame_key`: 32 bytes each, three different ones."""

    def __init__(self, master_key: bytes, audit_key: bytes, frame_key: bytes, *,
                 random: Callable[[int], bytes] = os.urandom) -> None:
        held = (master_key, audit_key, frame_key)
        if any(len(key) != KEY_SIZE for key in held) or len(set(held)) != len(held):
            raise KeyringError("The keys must be three different ones of 32 bytes."
                               " Nothing was started; check the settings.")
        self.audit_key = audit_key
        self.random = random
        # names the master key without telling anything of it
        named = hmac.digest(master_key, b"pointwire master key id", "sha256")
        self.master_key_id = named[:8].hex()
        self.terminal_key: Callable[[int, int], bytes] = lru_cache(maxsize=65536)(
            lambda terminal_id, epoch: keys.terminal_key(master_key, terminal_id, epoch))
        self._frame_cipher: Callable[[int], AESGCM] = lru_cache(maxsize=64)(
            lambda month: AESGCM(keys.hkdf(frame_key, b"pointwire frames %d" % month, KEY_SIZE)))

        self.pin_key = keys.hkdf(frame_key, b"pointwire operator pins", KEY_SIZE)

    def __repr__(self) -> str:
        return "Keyring(...)"

    def wrapped_key(self, terminal_id: int, epoch: int, next_epoch: int) -> bytes:
        """Reply key 23: the key of `next_epoch`, wrapped for who holds that of `epoch`."""
        return keys.rekey_wrap(_Aes, self.terminal_key(terminal_id, epoch),
                               self.terminal_key(terminal_id, next_epoch))

    def open_pin(self, terminal_id: int, epoch: int, journal: int, nonce: bytes,
                 block: bytes) -> str:
        """The PIN in key 12 of a request; protocol.errors.PinError where there is none."""
        key = keys.pin_key(self.terminal_key(terminal_id, epoch))
        return keys.open_pin_block(_Aes, key, journal, nonce, block)

    def lock(self, month: int, bound_to: bytes, request: bytes, reply: bytes) -> bytes:
        """The box of a request and its reply; opens only for the same month and `bound_to`."""
        nonce = self.random(NONCE_SIZE)
        content = len(request).to_bytes(2, "big") + request + reply
        return nonce + self._frame_cipher(month).encrypt(nonce, content, bound_to)

    def unlock(self, month: int, bound_to: bytes, box: bytes) -> tuple[bytes, bytes]:
        """(request, reply) of a box; KeyringError when it was changed or is another's."""
        try:
            content = self._frame_cipher(month).decrypt(
                box[:NONCE_SIZE], box[NONCE_SIZE:], bound_to)
        except (InvalidTag, ValueError):
            raise KeyringError(f"A stored frame of month {month} does not open under the frame"
                               " key. It was left as it is; run the audit.") from None
        size = int.from_bytes(content[:2], "big")
        return content[2:2 + size], content[2 + size:]


class _Aes:
    """One AES block at a time, as protocol.keys asks for it."""

    def __init__(self, key: bytes) -> None:
        self.encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def bound_to(name: str, *parts: int | bytes) -> bytes:
    """Associated data of a box: what it belongs to, unambiguous."""
    texts = (part.hex() if isinstance(part, bytes) else str(part) for part in parts)
    return ":".join((name, *texts)).encode()
