"""PINs of operators: what is kept of one. Pure.

Law: a PIN is kept as a slow salted hash (scrypt, RFC 7914) under a key that is not in the
database, bound to its operator. So who reads the database cannot try the few thousand PINs there
are, and a hash put into another operator's row opens nothing. The cost stands beside each hash: a
PIN keeps the one it was set with. No PIN appears in a repr, log, error or table.
"""

import hmac
from hashlib import scrypt
from typing import NamedTuple

from gateway.errors import GatewayError
from protocol.limits import PIN_DIGITS_MAX, PIN_DIGITS_MIN

SALT_SIZE = 16
HASH_SIZE = 32
MEMORY_MAX = 64 * 1024 * 1024  # a forged cost must not take all there is
GENERATED_DIGITS = 6


class PinRefused(GatewayError):
    """What was given is no PIN: nothing was changed."""

    code = "pin"


class Cost(NamedTuple):
    """The parameters N, r and p of scrypt; one hash takes 128 * n * r bytes."""

    n: int
    r: int
    p: int


# some 20 ms and 8 MB; what makes four digits hard to guess is the key and the lock (tries.py)
COST = Cost(8192, 8, 1)


class Kept(NamedTuple):
    """What is kept of a PIN. `version` counts the PINs that this operator was given."""

    operator_id: int
    version: int
    salt: bytes
    n: int
    r: int
    p: int
    pin_hash: bytes


def need_pin(text: str) -> str:
    """The text, which is a PIN as the wire has it; else PinRefused, which does not repeat it."""
    if not (PIN_DIGITS_MIN <= len(text) <= PIN_DIGITS_MAX and text.isascii() and text.isdigit()):
        raise PinRefused(f"A PIN has {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits. Nothing was"
                         " changed.")
    return text


def kept(key: bytes, operator_id: int, version: int, pin: str, salt: bytes,
         cost: Cost = COST) -> Kept:
    """What is kept of a PIN; `key` is Keyring.pin_key, `salt` SALT_SIZE random bytes."""
    return Kept(operator_id, version, salt, *cost, _hash(key, operator_id, pin, salt, cost))


def fits(key: bytes, known: Kept, pin: str) -> bool:
    """Whether it is the PIN of which this is kept. Takes as long for a wrong one."""
    found = _hash(key, known.operator_id, pin, known.salt, Cost(known.n, known.r, known.p))
    return hmac.compare_digest(found, known.pin_hash)


def _hash(key: bytes, operator_id: int, pin: str, salt: bytes, cost: Cost) -> bytes:
    secret = hmac.digest(key, operator_id.to_bytes(8, "big") + pin.encode(), "sha256")
    return scrypt(secret, salt=salt, **cost._asdict(), maxmem=MEMORY_MAX, dklen=HASH_SIZE)
