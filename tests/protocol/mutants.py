"""Values, encodings and broken encodings drawn from a seed.

The seed is POINTWIRE_SEED (1 where it is not set) and stands in every failure's message, so
that a run can be repeated.
"""

import os
import random
from collections.abc import Iterator

from hypothesis import settings
from hypothesis import strategies as st

from protocol import cbor
from protocol.limits import DEPTH_MAX

SEED = int(os.environ.get("POINTWIRE_SEED", "1"))

# What a failure prints is enough to repeat it: hypothesis shows its seed and its example.
PROPERTY = settings(max_examples=300, deadline=None, print_blob=True, database=None)

INTEGERS = st.one_of(
    st.integers(-(2**64), 2**64 - 1),
    st.integers(-30, 300),
    st.sampled_from([n + d for n in (24, 256, 65536, 2**32, 2**53) for d in (-1, 0, 1)]),
)
KEYS = st.one_of(INTEGERS, st.text(max_size=5), st.binary(max_size=5))
LEAVES = st.one_of(INTEGERS, st.text(max_size=30), st.binary(max_size=30))


def values(depth: int = DEPTH_MAX) -> st.SearchStrategy:
    """Any value of the profile."""
    if depth == 0:
        return LEAVES
    inner = values(depth - 1)
    return st.one_of(LEAVES, st.lists(inner, max_size=5).map(tuple),
                     st.dictionaries(KEYS, inner, max_size=5))


# First bytes that begin what the profile refuses, and those whose argument may be too long.
TELLING = bytes((0xF4, 0xF6, 0xF7, 0xF9, 0xFA, 0xFB, 0xC2, 0xD8, 0xFF, 0x9F, 0xBF, 0x5F, 0x18,
                 0x19, 0x1A, 0x1B, 0x38, 0x5B, 0x78, 0x9B, 0xBB, 0xED, 0xC0, 0x80, 0xA0))


def _value(rng: random.Random, depth: int):
    kind = rng.randrange(7 if depth else 4)
    if kind < 2:
        number = rng.randrange(1 << rng.choice((4, 5, 8, 9, 16, 17, 32, 33, 64)))
        return number if kind == 0 else -1 - number
    if kind == 2:
        return rng.randbytes(rng.randrange(30))
    if kind == 3:
        return "".join(rng.choice("a\x00\xe9\u6c34\U0001f600") for _ in range(rng.randrange(9)))
    if kind == 4:
        return tuple(_value(rng, depth - 1) for _ in range(rng.randrange(5)))
    keys = [rng.choice((rng.randrange(70), -rng.randrange(9), "a", "\xe9", b"a", b"zz"))
            for _ in range(rng.randrange(6))]
    return {key: _value(rng, depth - 1) for key in keys}


def _mutate(rng: random.Random, data: bytearray):
    at = rng.randrange(len(data))
    how = rng.randrange(6)
    if how == 0:
        data[at] = rng.randrange(256)
    elif how == 1:
        data[at] ^= 1 << rng.randrange(8)
    elif how == 2:
        data[at:at + 1] = b""
    elif how == 3:
        data[at:at] = bytes((rng.choice(TELLING),))
    elif how == 4:
        del data[at:]
    else:
        # one container more round it all: the depth is counted by every decoder
        data[0:0] = rng.choice((b"\x81", b"\xa1\x00"))


def encodings(count: int, seeds: tuple[bytes, ...] = (), seed: int = SEED) -> Iterator[bytes]:
    """`count` byte strings: a third sound, the others broken in one to three places.

    `seeds` are encodings to begin from beside drawn values.
    """
    rng = random.Random(seed)
    for _ in range(count):
        if seeds and rng.randrange(2):
            data = bytearray(rng.choice(seeds))
        else:
            data = bytearray(cbor.encode(_value(rng, DEPTH_MAX)))
        for _ in range(rng.randrange(4)):
            if data:
                _mutate(rng, data)
        yield bytes(data)
