"""The strict profile: what is let in, what is refused, and one encoding for each value."""

import re

import cbor2
import pytest
from hypothesis import given

from protocol import cbor
from protocol.errors import CborError
from tests.protocol import answers, mutants, samples
from tests.support import vectors

MUTANTS = 20000


def refused(data: bytes) -> bool:
    try:
        cbor.decode(data)
    except CborError:
        return True
    return False


@mutants.PROPERTY
@given(mutants.values())
def test_a_value_comes_back_from_its_encoding(value: object):
    assert cbor.decode(cbor.encode(value)) == value


@mutants.PROPERTY
@given(mutants.values())
def test_cbor2_reads_what_we_write(value: object):
    assert cbor2.loads(cbor.encode(value)) == as_lists(value)


@mutants.PROPERTY
@given(mutants.values())
def test_we_read_what_cbor2_writes(value: object):
    assert cbor.decode(cbor2.dumps(in_bytewise_order(value))) == value
    assert cbor2.dumps(in_bytewise_order(value)) == cbor.encode(value)


def as_lists(value: object) -> object:
    """Arrays as cbor2 returns them."""
    if isinstance(value, tuple):
        return [as_lists(each) for each in value]
    if isinstance(value, dict):
        return {key: as_lists(each) for key, each in value.items()}
    return value


def in_bytewise_order(value: object) -> object:
    """RFC 8949 order; cbor2's own canonical form is RFC 7049's, shorter keys first."""
    if isinstance(value, tuple):
        return [in_bytewise_order(each) for each in value]
    if isinstance(value, dict):
        return {key: in_bytewise_order(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return value


@mutants.PROPERTY
@given(mutants.values())
def test_no_proper_beginning_of_an_item_is_an_item(value: object):
    data = cbor.encode(value)
    assert all(refused(data[:size]) for size in range(len(data)))
    assert refused(data + b"\x00")


SOUND = [
    ("00", 0), ("17", 23), ("1818", 24), ("18ff", 255), ("190100", 256), ("1a00010000", 65536),
    ("1b0000000100000000", 2**32), ("1bffffffffffffffff", 2**64 - 1), ("20", -1),
    ("3bffffffffffffffff", -(2**64)), ("40", b""), ("60", ""), ("80", ()), ("a0", {}),
    ("8181818100", ((((0,),),),)), ("81818180", ((((),),),)), ("a10081818100", {0: (((0,),),)}),
    ("a3000020004000", {0: 0, -1: 0, b"": 0}), ("a2616100626161 00", {"a": 0, "aa": 0}),
    ("a21864006000", {100: 0, "": 0}), ("64f0908591", "\U00010151"), ("64f48fbfbf", "\U0010ffff"),
    ("63ed9fbf", "\ud7ff"), ("63ee8080", "\ue000"), ("6100", "\x00"),
]


@pytest.mark.parametrize(("data", "value"), SOUND)
def test_a_deterministic_item_is_read(data: str, value: object):
    raw = bytes.fromhex(data)
    assert cbor.decode(raw) == value
    assert cbor.encode(value) == raw


BROKEN = {
    "nothing": "", "two items": "0000", "a long zero": "1800", "a long 23": "1817",
    "255 in two bytes": "1900ff", "65535 in four": "1a0000ffff", "2**32-1 in eight":
    "1b00000000ffffffff", "a long length of bytes": "580100", "a long length of text": "780161",
    "a long count": "980100", "a long count of a map": "b8010000", "a cut head": "19ff",
    "cut bytes": "4201", "cut text": "6261", "a cut array": "820101"[:4], "a cut map": "a100",
    "reserved 28": "1c", "reserved 30": "5e", "indefinite bytes": "5f4100ff", "indefinite text":
    "7f6161ff", "an indefinite array": "9f00ff", "an indefinite map": "bf0000ff", "break": "ff",
    "a huge array": "9bffffffffffffffff", "a huge string": "5bffffffffffffffff",
    "a huge map": "bbffffffffffffffff", "false": "f4", "true": "f5", "null": "f6",
    "undefined": "f7", "simple 16": "f0", "simple 255": "f8ff", "a half float": "f93c00",
    "a float": "fa3f800000", "a double": "fb3ff0000000000000", "a tag": "c000", "a bignum":
    "c24101", "a self-description": "d9d9f700", "a shared value": "d81c80", "five deep":
    "818181818100", "five deep and empty": "8181818180", "an empty map five deep": "81818181a0",
    "maps five deep": "a100a100a100a100a10000", "maps and arrays five deep": "a10081a10081a10000",
    "keys out of order": "a201000000", "a key twice": "a200000000", "shorter keys first":
    "a22000186400", "text keys out of order": "a26162006161 00", "a text key before a number":
    "a2600000 00", "an array as key": "a18000", "a map as key": "a1a000", "a float as key":
    "a1f9000000", "a long key": "a1180000", "UTF-8 of a surrogate": "63eda080", "overlong slash":
    "62c0af", "overlong zero": "62c080", "overlong in three": "63e08080", "overlong in four":
    "64f0808080", "beyond U+10FFFF": "64f4908080", "lead byte F5": "64f5808080", "a bare follower":
    "6180", "a cut letter": "62e6b0", "a letter cut by another": "63e66161", "lead byte FE":
    "61fe", "a bad text in a key": "a161ff00", "nested rubbish": "8200f6",
}


@pytest.mark.parametrize("name", BROKEN)
def test_everything_else_is_refused(name: str):
    with pytest.raises(CborError):
        cbor.decode(bytes.fromhex(BROKEN[name]))


@pytest.mark.parametrize("value", [
    None, True, False, 1.0, 2**64, -(2**64) - 1, "\ud800", {None: 1}, {(1,): 1}, {True: 1},
    {1.5: 0}, [[[[[]]]]], ((((({},),),),),), int, {1: {2: {3: {4: {5: 6}}}}}, {1: ({2: ((),)},)},
    {1: None}, (True,), {"\udfff": 1},
], ids=repr)
def test_what_has_no_encoding_is_refused(value: object):
    with pytest.raises(CborError):
        cbor.encode(value)


def test_lists_and_other_bytes_are_encoded_too():
    assert cbor.encode([1, [2], bytearray(b"x"), memoryview(b"y")]).hex() == "8401810241784179"


def test_decoding_takes_any_bytes():
    assert cbor.decode(bytearray(b"\x81\x01")) == cbor.decode(memoryview(b"\x81\x01")) == (1,)


def test_micropython_gives_the_same_verdict_and_value_on_broken_bytes():
    seeds = tuple(cbor.encode({key: value for key, value in enumerate(each) if value is not None})
                  for each in (*samples.requests(), *samples.replies()))
    lines = [f"decode {data.hex()}" for data in mutants.encodings(MUTANTS, seeds)]
    here = [answers.answer(line) for line in lines]
    for line, one, other in zip(lines, here, answers.on_micropython(lines), strict=True):
        assert one == other, f"seed {mutants.SEED}: {line}"
    read = sum(not told.startswith("no ") for told in here)
    assert MUTANTS // 5 < read < MUTANTS * 4 // 5


def test_micropython_agrees_on_every_named_case():
    lines = [f"decode {bytes.fromhex(data).hex()}" for data, _ in SOUND]
    lines += [f"decode {bytes.fromhex(data).hex()}" for data in BROKEN.values()]
    told = answers.on_micropython(lines)
    assert told == [answers.answer(line) for line in lines]
    assert told[len(SOUND):] == ["no cbor"] * len(BROKEN)


# The verdict our profile owes an item of the CBOR working group's vectors.

def owed(encoded: bytes, fails: bool, round_trips: bool) -> bool:
    """Read it? Only what is well formed, in its one encoding, and of kinds we have."""
    if fails or not round_trips:
        return False
    generic = cbor2.loads(encoded, max_depth=2000)
    return of_our_kinds(generic, 1) and no_tag_was_lost(encoded)


def of_our_kinds(value: object, depth: int) -> bool:
    if type(value) is int:
        return -(2**64) <= value < 2**64
    if type(value) in (str, bytes):
        return True
    if type(value) is list:
        return depth <= 4 and all(of_our_kinds(each, depth + 1) for each in value)
    if type(value) is dict:
        return depth <= 4 and all(type(key) in (int, str, bytes) and of_our_kinds(key, 5)
                                  and of_our_kinds(each, depth + 1) for key, each in value.items())
    return False


def no_tag_was_lost(encoded: bytes) -> bool:
    """cbor2 turns small bignums and self-descriptions into plain values."""
    return encoded[0] >> 5 != 6


def working_group(name: str) -> list[tuple[str, bytes, bool, bool]]:
    """(description, encoded, must fail, round-trips) of a .cbor file of vectors."""
    whole = cbor2.loads(vectors.vector(f"cbor/{name}.cbor").read_bytes(), max_depth=2000)
    return [(each["description"], each["encoded"], whole.get("fail", False),
             each.get("roundtrip", True)) for each in whole["tests"]]


def appendix_a(part: str) -> list[tuple[str, bytes, bool, bool]]:
    """The same of an .edn file of RFC 8949's Appendix A."""
    text = vectors.vector(f"cbor/appendix-a-{part}.edn").read_text()
    found = []
    for block in re.split(r'"description":', text)[2:]:
        encoded = re.search(r"\"encoded\": h'([0-9a-fA-F ]*)'", block)
        assert encoded
        found.append((block.split('"')[1], bytes.fromhex(encoded[1]), False,
                      '"roundtrip": false' not in block))
    assert len(found) == text.count('"encoded"')
    return found


PARTS = {"mt0": 11, "mt1": 5, "mt2": 2, "mt3": 7, "mt4": 4, "mt5": 5, "mt6": 8,
         "mt7-float": 22, "mt7-simple": 6, "streaming": 11}


@pytest.mark.parametrize(("name", "count", "read"), [("good", 88, 13), ("bad", 47, 0)])
def test_each_vector_of_the_working_group_gets_the_verdict_owed(name: str, count: int, read: int):
    cases = working_group(name)
    for description, encoded, fails, round_trips in cases:
        assert refused(encoded) != owed(encoded, fails, round_trips), description
    assert (len(cases), sum(not refused(each[1]) for each in cases)) == (count, read)


@pytest.mark.parametrize("part", PARTS)
def test_each_example_of_appendix_a_gets_the_verdict_owed(part: str):
    cases = appendix_a(part)
    for description, encoded, fails, round_trips in cases:
        assert refused(encoded) != owed(encoded, fails, round_trips), description
    assert len(cases) == PARTS[part]
    whole = part in ("mt0", "mt1", "mt2", "mt3", "mt4", "mt5")
    assert [refused(each[1]) for each in cases] == [not whole] * len(cases)


def test_micropython_agrees_on_the_vectors():
    cases = [*working_group("good"), *working_group("bad")]
    for part in PARTS:
        cases += appendix_a(part)
    lines = [f"decode {each[1].hex()}" for each in cases]
    assert answers.on_micropython(lines) == [answers.answer(line) for line in lines]
