"""Evidence: canonical bytes, links, heads and row seals. Pure.

Law: a link is SHA-256 over the link before it and the canonical bytes of what is linked, so one
changed bit changes every later link. A seal is HMAC-SHA256 under the audit key, which lives
outside the database: whoever can write rows cannot write seals. Each seal names what it seals
first, so a seal of one table never fits another. Canonical bytes are deterministic CBOR of a
list of integers, texts, bytes and null. Links of members cover ids and figures, no names.

This convinces HQ, who holds the key, that the database was not edited behind the gateway's back.
It convinces no court: HQ could have made it all itself.
"""

import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Any

import cbor2

LINK_SIZE = 32
SEAL_SIZE = 16
MARK_SIZE = 4
BLOCK_SIZE = 64  # of SHA-256
NO_LINK = bytes(LINK_SIZE)


def canonical(values: Sequence[object]) -> bytes:
    """Deterministic CBOR of one row or entry; the order of `values` is part of the meaning."""
    return cbor2.dumps(values)


def entry_content(row: Sequence[object], postings: Sequence[object],
                  movements: Sequence[object], lots: Sequence[object]) -> bytes:
    """What a link covers: an entry's columns but link and head; its postings (account, unit,
    amount) and lot movements (`movement_part`) in line order; the lots it opened (`lot_part`),
    by id. The order of columns is that of tables.ENTRY_LINKED."""
    return content_of(row, (packed(postings), packed(movements), packed(lots)))


def packed(parts: Sequence[Any]) -> list[bytes]:
    """The canonical bytes of each part of a group."""
    return [_packed(part) for part in parts]


def packed_moves(moves: Iterable[Sequence[Any]]) -> list[bytes]:
    """`packed` of the `movement_part` of each lot movement (lots.Move), in one step."""
    written, done = _written, []
    for move in moves:
        lot_id, delta, held, drawn, expired, paid, taker, instead = move
        if (expired and lot_id >> 16
                and not (held or drawn or paid or taker or instead or lot_id >> 32)):
            done.append(_EXPIRED(0x851A, lot_id) + written[delta] + b"\0\0" + written[expired])
            continue
        size = 8 if instead else 7 if taker else 6 if paid else 5 if expired else 4 if drawn else 3
        done.append(_LISTS[size] + b"".join([written[each] for each in move[:size]]))
    return done


def content_of(row: Sequence[object], groups: Sequence[Sequence[bytes]]) -> bytes:
    """`entry_content` of groups that are packed already."""
    return b"".join((_head(1 + len(groups)), cbor2.dumps(tuple(row)), *(
        _head(len(parts)) + b"".join(parts) for parts in groups)))


# Parts are short and all numbers, mostly small ones; cbor2 takes longer to begin than to write.
def _packed(part: Sequence[object]) -> bytes:
    if _NUMBERS.issuperset(map(type, part)):
        return _head(len(part)) + b"".join(map(_written.__getitem__, part))
    return cbor2.dumps(tuple(part))


def _head(count: int) -> bytes:
    return _LISTS[count] if count < len(_LISTS) else cbor2.dumps([None] * count)[:-count]


class _Written(dict):
    """How numbers and null are written; remembers the small ones."""

    def __missing__(self, number: int | None) -> bytes:
        if number is not None and abs(number) < NUMBERS_KEPT:
            return self.setdefault(number, cbor2.dumps(number))
        if number is not None and NUMBERS_KEPT <= number < 1 << 32:
            return b"\x1a" + number.to_bytes(4, "big")
        return cbor2.dumps(number)


NUMBERS_KEPT = 1 << 16
_NUMBERS = frozenset((int, type(None)))
_LISTS = tuple(bytes((0x80 + count,)) for count in range(24))
_EXPIRED = Struct(">HI").pack  # a list of five, its first a number of four bytes
_written = _Written()


def lot_part(facts: Sequence[object]) -> tuple[object, ...]:
    """The facts of a lot (tables.LOT_FACTS) as they are linked: the lot it stands in for, a column
    that came later, only where there is one."""
    return tuple(facts[:-1] if facts[-1] is None else facts)


def movement_part(move: Sequence[object]) -> tuple[object, ...]:
    """A lot movement (lots.Move) as it is linked: columns that came later, and say nothing here,
    change no link that was made before them."""
    size = len(move)
    while size > 3 and not move[size - 1]:
        size -= 1
    return tuple(move[:size])


def marks(*groups: Sequence[Sequence[object]]) -> bytes:
    """For each group of parts its count (2 bytes), then MARK_SIZE bytes of each part's hash.

    An entry keeps the marks of its postings, movements and lots, so that the audit can name the
    part that was changed; what proves the change is the link, which covers the marks."""
    return marks_of([packed(parts) for parts in groups])


def marks_of(groups: Sequence[Sequence[bytes]]) -> bytes:
    """`marks` of groups that are packed already."""
    counts = [len(parts).to_bytes(2, "big") for parts in groups]
    return b"".join(counts + [sha256(part).digest()[:MARK_SIZE]
                              for parts in groups for part in parts])


def link(before: bytes, content: bytes) -> bytes:
    """The next link of a chain: 32 bytes."""
    return sha256(before + content).digest()


def birth(member_id: int) -> bytes:
    """The link a member's first entry links to."""
    return link(NO_LINK, canonical(("member", member_id)))


def seal(audit_key: bytes, name: str, values: Sequence[object]) -> bytes:
    """16 bytes under the audit key over a named row; `name` is the table's."""
    return mac(audit_key, cbor2.dumps((name, values)))[:SEAL_SIZE]


def head(audit_key: bytes, member_link: bytes) -> bytes:
    """Reply key 14: the sealed head of a member's chain after an entry."""
    return mac(audit_key, b"head" + member_link)[:SEAL_SIZE]


def mac(key: bytes, content: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes; what hangs on the key alone, most of it, is done once."""
    begun, ended = _keyed(key)
    inner, outer = begun.copy(), ended.copy()
    inner.update(content)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> tuple[Any, Any]:
    """The two hashes of RFC 2104, begun."""
    block = (sha256(key).digest() if len(key) > BLOCK_SIZE else key).ljust(BLOCK_SIZE, b"\0")
    return (sha256(bytes(byte ^ 0x36 for byte in block)),
            sha256(bytes(byte ^ 0x5C for byte in block)))


def same(one: bytes | None, other: bytes | None) -> bool:
    return one is not None and other is not None and hmac.compare_digest(one, other)
