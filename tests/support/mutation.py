"""Bad frames by the thousand, from a seed: what a bad link, a broken handset and an attacker send.

`mutants` draws from frames that were good once. More than half of what it yields is sealed again
with the right key after the mutation: a gateway that only survives broken seals has proven little.
Each mutant says what was done to it, so that a failure reads as a sentence.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import cbor2

from protocol import cbor, frames
from protocol.errors import ProtocolError

UP, DOWN = 1, 2
EDGES = (0, 1, 23, 24, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53, 2**63, 2**64 - 1,
         -1, -200, -2**53, -2**64)


@dataclass(frozen=True)
class Terminal:
    """What the mutator knows of a terminal: enough to seal as it would."""

    terminal_id: int
    epoch: int
    key: bytes


@dataclass(frozen=True)
class Mutant:
    """A frame, the topic it came on (None: HTTP), what was done, and whether its seal is right."""

    frame: bytes
    topic_terminal_id: int | None
    what: str
    sealed: bool


def payload_of(frame: bytes) -> bytes:
    return frames.split(frame, 4096).payload


def _flip(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        at = rng.randrange(len(out))
        out[at] ^= 1 << rng.randrange(8)
    return bytes(out)


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[:rng.randrange(len(data))]


def _stretch(rng: random.Random, data: bytes) -> bytes:
    return data + rng.randbytes(rng.choice((1, 2, 40)))


def _splice(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 6)) + data[at + rng.randrange(4):]


def _oversize(rng: random.Random, data: bytes) -> bytes:
    return data + bytes(1025 + rng.randrange(64))


def _anything(rng: random.Random, depth: int = 0):
    """A random value of the strict profile, sometimes nested past what is allowed."""
    kind = rng.randrange(7 if depth < 6 else 4)
    if kind == 0:
        return rng.choice(EDGES[:14])
    if kind == 1:
        return rng.randbytes(rng.choice((0, 1, 4, 7, 8, 16, 40)))
    if kind == 2:
        return rng.choice(("", "a", "金卡", "x" * 24, "x" * 25, "x" * 33))
    if kind == 3:
        return rng.choice(EDGES)
    if kind in (4, 5):
        return [_anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.randrange(300): _anything(rng, depth + 1) for _ in range(rng.randrange(3))}


def _rewrite(rng: random.Random, payload: bytes) -> bytes:
    """The payload with one or two keys changed, dropped or added, encoded as it should be."""
    value = dict(cbor2.loads(payload))
    for _ in range(rng.choice((1, 1, 2))):
        action = rng.randrange(4)
        # mostly behind the header: a broken header is a dead letter and tells little
        held = [key for key in value if key > 2] if rng.random() < 0.9 else list(value)
        key = rng.choice(held) if held and action < 3 else rng.randrange(80)
        if action == 0:
            value.pop(key, None)
        else:
            value[key] = _anything(rng)
    try:
        return cbor.encode(value)
    except ProtocolError:
        return cbor2.dumps(value)


def _retype(rng: random.Random, payload: bytes) -> bytes:
    value = dict(cbor2.loads(payload))
    value[0] = rng.choice((0, 2, 3, 4, 6, 7, 8, 9, 11, 13, 15, 42, 127, 128, 255, 65536))
    return cbor.encode(value)


def _undeterministic(rng: random.Random, payload: bytes) -> bytes:
    """The same values in an encoding that is valid CBOR but not ours."""
    value = dict(cbor2.loads(payload))
    choice = rng.randrange(5)
    if choice == 0:
        return b"\xbf" + payload[1:] + b"\xff"                  # indefinite map
    if choice == 1:
        return b"\xb8" + bytes((len(value),)) + payload[1:]      # long count
    if choice == 2:
        items = list(value.items())
        rng.shuffle(items)
        return cbor2.dumps(dict(items)) if len(items) > 1 else b"\xbf\xff"
    if choice == 3:
        return bytes((payload[0] + 1,)) + payload[1:] + payload[1:3]  # a key twice
    return b"\xd9\xd9\xf7" + payload                             # self-described tag


def _foreign_value(rng: random.Random, payload: bytes) -> bytes:
    value = dict(cbor2.loads(payload))
    value[rng.choice(list(value))] = rng.choice(
        (None, True, False, 1.5, float("nan"), cbor2.undefined, cbor2.CBORTag(1, 0), 2**70))
    return cbor2.dumps(value)


RESEALED = (*(_rewrite,) * 8, _retype, _flip, _splice, _cut, _stretch,
            _undeterministic, _foreign_value)
BROKEN = (_flip, _flip, _cut, _stretch, _splice, _oversize)


def mutant(rng: random.Random, good: bytes, terminal: Terminal, other: Terminal) -> Mutant:
    """One bad frame made of a good one; the same `rng` state gives the same mutant."""
    own = terminal.terminal_id
    if rng.random() < 0.62:
        change = rng.choice(RESEALED)
        payload = change(rng, payload_of(good))[:980]
        frame = frames.seal(terminal.key, UP, own, terminal.epoch, payload)
        return Mutant(frame, rng.choice((own, None)), f"{change.__name__[1:]}, sealed", True)
    choice = rng.randrange(12)
    payload = payload_of(good)
    if choice == 0:
        frame = frames.seal(rng.randbytes(32), UP, own, terminal.epoch, payload)
        return Mutant(frame, own, "wrong key", False)
    if choice == 1:
        frame = frames.seal(terminal.key, DOWN, own, terminal.epoch, payload)
        return Mutant(frame, own, "wrong direction", False)
    if choice == 2:
        frame = frames.seal(terminal.key, UP, other.terminal_id, other.epoch, payload)
        return Mutant(frame, other.terminal_id, "another terminal's name", False)
    if choice == 3:
        return Mutant(good, other.terminal_id, "another terminal's topic", False)
    if choice == 4:
        frame = frames.seal(terminal.key, UP, own, rng.choice((2, 9, 255)), payload)
        return Mutant(frame, own, "another epoch", False)
    if choice == 5:
        return Mutant(rng.randbytes(rng.randrange(200)), own, "noise", False)
    change = rng.choice(BROKEN)
    return Mutant(change(rng, good), rng.choice((own, None)), change.__name__[1:], False)


def mutants(seed: int, count: int, good: list[tuple[Terminal, bytes]]) -> Iterator[Mutant]:
    """`count` mutants of the given frames, the same ones for the same seed."""
    rng = random.Random(seed)
    for _ in range(count):
        terminal, frame = rng.choice(good)
        other = rng.choice(good)[0]
        yield mutant(rng, frame, terminal, other)
