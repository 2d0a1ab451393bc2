"""Stored boxes of frames: opened, and read as requests.

Law: a box is nonce (12) || AES-256-GCM of: size of the request (2, big endian) || request ||
reply; of HQ's word on what a return holds there is a note instead, JSON, in the place of the
reply. Its key is HKDF-SHA256 (no salt) of the frame key with the info `pointwire frames YYYYMM`,
its associated data `frames:ORIGIN:KEY-IN-HEX`, the month that of the outcome, in UTC. A request is
a COSE_Mac0 (tag 17) round a CBOR map. The seal of the box stands for the MAC, which only the
master key could check.
"""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SALE, REDEMPTION, VOID, REFUND = 1, 2, 3, 4
VERDICT = -1  # of no terminal: what HQ, or time, said of a hold
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONCE, _SIZE, _MAC0 = 12, 2, 17
_TYPE, _JOURNAL, _TRACE, _AT, _CLOCK_AGE = 0, 1, 2, 3, 4
_OPERATOR, _CARD, _AMOUNT, _BASKET, _POINTS, _ORIGINAL = 5, 6, 7, 8, 9, 10

Key = tuple[int, bytes]  # origin and operation key: a terminal's journal || trace


class Unreadable(Exception):
    """A box that does not open, or holds something else than it should; says which."""


class Said(NamedTuple):
    """A request: money in minor units, `at` in ms since 1970, `clock_age` in s; `original`: the
    key it names, or a receipt number. None: it does not say. `verdict`: the word of a verdict."""

    type: int
    at: int | None
    clock_age: int
    card: str | None
    amount_minor: int
    points: int
    original: Key | int | None
    operator: int | None = None
    verdict: str = ""


def month_of(at_ms: int) -> int:
    at = EPOCH + timedelta(milliseconds=at_ms)
    return at.year * 100 + at.month


class Opener:
    """Opens boxes under a frame key of 32 bytes."""

    def __init__(self, frame_key: bytes) -> None:
        self._frame_key = frame_key
        self._ciphers: dict[int, AESGCM] = {}

    def frame(self, month: int, key: Key, box: bytes) -> bytes:
        """The request's frame. Raises Unreadable."""
        return self._both(month, key, box)[0]

    def note(self, month: int, key: Key, box: bytes) -> bytes:
        """What is kept in the place of a reply. Raises Unreadable."""
        return self._both(month, key, box)[1]

    def _both(self, month: int, key: Key, box: bytes) -> tuple[bytes, bytes]:
        if month not in self._ciphers:
            self._ciphers[month] = AESGCM(HKDF(SHA256(), 32, None, b"pointwire frames %d" % month)
                                          .derive(self._frame_key))
        bound = f"frames:{key[0]}:{key[1].hex()}".encode()
        try:
            content = self._ciphers[month].decrypt(box[:_NONCE], box[_NONCE:], bound)
        except (InvalidTag, ValueError):
            raise Unreadable("its stored frame does not open under the frame key") from None
        size = int.from_bytes(content[:_SIZE], "big")
        return content[_SIZE:_SIZE + size], content[_SIZE + size:]


def read(key: Key, frame: bytes, frame_hash: bytes) -> Said:
    """What a terminal's frame says. Raises Unreadable."""
    if sha256(frame).digest() != frame_hash:
        raise Unreadable("its stored frame is not the one that was answered")
    try:
        outer = cbor2.loads(frame)
        if outer.tag != _MAC0:
            raise ValueError("another tag")
        _, unprotected, payload, _ = outer.value
        terminal_id = int.from_bytes(unprotected[4][:4], "big")
        said = cbor2.loads(payload)
        pair = _pair(said[_JOURNAL], said[_TRACE])
        found = _said(said, terminal_id)
    except (cbor2.CBORDecodeError, AttributeError, KeyError, TypeError,
            ValueError, IndexError, OverflowError):
        raise Unreadable("its stored frame does not read") from None
    if (terminal_id, pair) != key:
        raise Unreadable("its stored frame is another tap's")
    return found


def read_verdict(key: Key, note: bytes) -> Said:
    """What the note of a verdict says; its key names a receipt. Raises Unreadable."""
    try:
        word = str(json.loads(note)["verdict"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable("its stored note does not say the verdict") from None
    return Said(VERDICT, None, 0, None, 0, 0, int.from_bytes(key[1], "big"), None, word)


def _said(said: dict[int, Any], terminal_id: int) -> Said:
    at, basket, card, named = (said.get(name) for name in (_AT, _BASKET, _CARD, _ORIGINAL))
    amount = said.get(_AMOUNT, 0) if basket is None else sum(line[1] for line in basket)
    identity = None if card is None else (
        str(card[1]) if isinstance(card[1], int) else "u" + card[1].hex())
    if named is not None and not isinstance(named, int):
        named = (named[0] if len(named) == 3 else terminal_id, _pair(*named[-2:]))
    return Said(said[_TYPE], None if at is None else at * 1000, said.get(_CLOCK_AGE, 0), identity,
                amount, said.get(_POINTS, 0), named, said.get(_OPERATOR))


def _pair(journal: int, trace: int) -> bytes:
    return journal.to_bytes(4, "big") + trace.to_bytes(4, "big")
