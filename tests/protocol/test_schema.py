"""The value ranges in code are those of pointwire.cddl, by cddl-verifier."""

import random

import pytest

from protocol import cbor, limits
from protocol.messages import REPLY_FIELDS, REPLY_RULES, REQUEST_FIELDS
from protocol.requests import REQUEST_RULES
from protocol.schema import EITHER, INT, LIST, MAP, ROW, TEXT, fits
from tests.protocol import mutants, samples
from tests.protocol.schema_check import accepts

REQUEST = {0: 1, 1: 1, 2: 1}
REPLY = {0: 129, 1: 1, 2: 1, 3: bytes(8), 4: 0, 5: 0}
EDGES = tuple(sorted({edge + step for step in (-1, 0, 1) for edge in (
    0, 1, 4, 16, 24, 100, 127, 128, 255, 65535, limits.U32_MAX, 10**9, limits.POINTS_MAX,
    -limits.POINTS_MAX, -200, limits.CARD_NUMBER_MAX)}))
STRINGS = tuple(kind * size for kind in ("x", b"x")
                for size in (0, 1, 3, 4, 5, 7, 8, 10, 16, 17, 24, 25, 32, 33, 39, 40, 48, 49))
OTHERS = ((), {}, (1,), (1, 1), (1, 1, 1), (1, 1, 1, 1), ((1, 1),), {0: 1}, {0: (1, 1)},
          "\u6c34" * 8, "\u6c34" * 9, (2, bytes(39)), (2, bytes(40)), (2, bytes(41)))


def by_cddl(kind: str, key: int, value: object) -> bool:
    message: dict[int, object] = dict(REQUEST if kind == "request" else REPLY)
    message[key] = value
    return accepts(cbor.encode(message), kind)


def neighbours(rng: random.Random, value):
    """`value` with one thing inside it changed."""
    if isinstance(value, tuple):
        items = list(value)
        how = rng.randrange(4)
        if how == 0 or not items:
            items.append(rng.choice((*EDGES, items[-1] if items else 0)))
        elif how == 1:
            items.pop(rng.randrange(len(items)))
        else:
            at = rng.randrange(len(items))
            items[at] = neighbours(rng, items[at])
        return tuple(items)
    if isinstance(value, dict):
        changed = dict(value)
        key = rng.choice((*value, *EDGES[:9], 127, 128, "x"))
        changed[key] = neighbours(rng, changed.get(key, 1))
        if rng.randrange(4) == 0:
            changed.pop(rng.choice(tuple(changed)))
        return changed
    return rng.choice((*EDGES, *STRINGS, *OTHERS[:4]))


def candidates(rng: random.Random, good: tuple, count: int):
    yield from good
    yield from OTHERS
    yield from rng.sample(EDGES, 12)
    yield from rng.sample(STRINGS, 6)
    for _ in range(count):
        yield neighbours(rng, rng.choice(good))


@pytest.mark.parametrize("key", range(limits.REQUEST_KEYS))
def test_a_request_value_fits_exactly_when_the_cddl_accepts_it(key: int):
    good = samples.REQUEST_VALUES.get(key) or {16: (bytes(8),)}.get(key) or (1, limits.U32_MAX)
    rng = random.Random(mutants.SEED * 100 + key)
    for value in candidates(rng, good, 40 if key in (6, 8, 10, 13, 14, 15) else 10):
        assert fits(REQUEST_RULES[key], value) == by_cddl("request", key, value), (
            f"seed {mutants.SEED}: {REQUEST_FIELDS[key]} {value!r}")


@pytest.mark.parametrize("key", range(limits.REPLY_KEYS))
def test_a_reply_value_fits_exactly_when_the_cddl_accepts_it(key: int):
    good = samples.REPLY_VALUES.get(key) or {3: (bytes(8),)}.get(key) or (1, limits.U32_MAX)
    rng = random.Random(mutants.SEED * 100 + key)
    for value in candidates(rng, good, 40 if key in (12, 19, 21, 22, 23, 25) else 10):
        assert fits(REPLY_RULES[key], value) == by_cddl("reply", key, value), (
            f"seed {mutants.SEED}: {REPLY_FIELDS[key]} {value!r}")


@pytest.mark.parametrize("key", [0, 1, 2, 4, 5, 7, 9, 17, 21, 24])
def test_every_edge_of_a_number_in_a_request_is_where_the_cddl_has_it(key: int):
    for value in EDGES:
        assert fits(REQUEST_RULES[key], value) == by_cddl("request", key, value), value


@pytest.mark.parametrize("key", range(1, 8))
def test_every_edge_in_a_heartbeats_report_is_where_the_cddl_has_it(key: int):
    for value in (*EDGES, *STRINGS[:3], -201, -199, 99, 101, 256):
        report = {0: "v", key: value}
        assert fits(REQUEST_RULES[14], report) == by_cddl("request", 14, report), report


@pytest.mark.parametrize("place", range(2))
def test_every_edge_inside_cards_and_originals_is_where_the_cddl_has_it(place: int):
    for key, whole in ((6, (2, 5)), (10, (5, 5))):
        for value in (*EDGES, *STRINGS):
            changed = (value, whole[1]) if place == 0 else (whole[0], value)
            assert fits(REQUEST_RULES[key], changed) == by_cddl("request", key, changed), changed


def test_every_sample_fits():
    for sent in samples.requests():
        assert all(fits(REQUEST_RULES[key], value)
                   for key, value in enumerate(sent) if value is not None)


@pytest.mark.parametrize("value", [None, True, False, 1.0, [1, 2], bytearray(b"x" * 8)])
def test_what_no_decoder_gives_fits_nothing(value: object):
    """A bool is no number, a list no array of ours: decoded arrays are tuples."""
    assert not any(fits(rule, value) for rule in (*REQUEST_RULES, *REPLY_RULES))


def test_text_is_measured_in_bytes_of_utf8():
    assert fits((TEXT, 1, 3), "\u6c34")
    assert not fits((TEXT, 1, 3), "\u6c34a")


def test_each_kind_of_rule_means_what_it_says():
    row = (ROW, 1, (INT, 0, 5), (TEXT, 0, 1))
    assert [fits(row, value) for value in ((3,), (3, "x"), (), (6,), (3, "x", 1), (3, 1))] == [
        True, True, False, False, False, False]
    several = (LIST, 1, 2, (INT, 0, 5))
    assert [fits(several, value) for value in ((1,), (1, 5), (), (1, 2, 3), (6,))] == [
        True, True, False, False, False]
    either = (EITHER, (INT, 0, 5), (TEXT, 0, 1))
    assert [fits(either, value) for value in (5, "x", 6, "xy")] == [True, True, False, False]
    mapped = (MAP, 10, 12, (INT, 0, 5), {0: (TEXT, 0, 1)}, (0,))
    assert [fits(mapped, value) for value in (
        {0: "x"}, {0: "x", 10: 5, 12: 0}, {}, {10: 1}, {0: "x", 13: 1}, {0: "x", 10: 6},
        {0: 1}, {0: "x", "y": 1})] == [True, True, False, False, False, False, False, False]
    with pytest.raises(ValueError):
        fits((99,), ())
