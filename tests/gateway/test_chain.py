"""Evidence: what changes a link or a seal."""

import hmac
from hashlib import sha256

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from gateway import chain

KEY = b"A" * 32
rows = st.lists(st.one_of(st.none(), st.integers(-2**63, 2**63), st.text(), st.binary()),
                max_size=6)


@given(rows, rows)
def test_rows_that_differ_have_seals_that_differ(one, other):
    same = chain.seal(KEY, "t", one) == chain.seal(KEY, "t", other)
    assert same == (one == other)


def test_a_seal_fits_one_table_and_one_key_only():
    assert chain.seal(KEY, "outcomes", (1,)) != chain.seal(KEY, "frames", (1,))
    assert chain.seal(KEY, "outcomes", (1,)) != chain.seal(b"B" * 32, "outcomes", (1,))
    assert len(chain.seal(KEY, "outcomes", (1,))) == chain.SEAL_SIZE


def test_a_row_of_the_database_seals_like_the_tuple_it_was_written_from():
    assert chain.seal(KEY, "t", [1, b"x", None]) == chain.seal(KEY, "t", (1, b"x", None))


def test_a_link_depends_on_all_before_it():
    content = chain.entry_content((1, 2), [(1, 1, 5)], [], [])
    assert chain.link(chain.NO_LINK, content) != chain.link(b"1" * 32, content)
    assert len(chain.link(chain.NO_LINK, content)) == chain.LINK_SIZE


def test_each_part_of_an_entry_counts():
    base = ((1, 2), [(1, 1, 5)], [(9, 5, 0)], [(9, 7)])
    contents = {chain.entry_content(*base)}
    for place in range(4):
        changed = list(base)
        changed[place] = [(8, 8, 8)]
        contents.add(chain.entry_content(*changed))
    assert len(contents) == 5


numbers = st.one_of(st.none(), st.integers(-2**64, 2**64), st.integers(-70_000, 70_000))
parts = st.lists(st.one_of(st.lists(numbers, max_size=30), rows,
                           st.lists(st.sampled_from((1, 1.0, True, "1", b"1")))), max_size=30)


@given(rows, parts, parts, parts)
def test_an_entry_is_linked_as_the_cbor_of_its_row_and_groups(row, lines, moves, lots):
    """What is written by hand, for speed, is what cbor2 writes: links of all days depend on it."""
    groups = (lines, moves, lots)
    assert chain.entry_content(row, *groups) == cbor2.dumps((row, *groups))
    assert chain.marks(*groups) == b"".join(
        len(group).to_bytes(2, "big") for group in groups) + b"".join(
        sha256(cbor2.dumps(part)).digest()[:4] for group in groups for part in group)


def test_a_head_is_sixteen_bytes_that_only_the_audit_key_makes():
    assert len(chain.head(KEY, b"x" * 32)) == 16
    assert chain.head(KEY, b"x" * 32) != chain.head(b"B" * 32, b"x" * 32)
    assert chain.same(b"a", b"a") and not chain.same(None, b"a")


some = st.sampled_from((0, 0, 1, -1, 33, 70_000, -70_000, 1 << 33))


@given(st.lists(st.tuples(st.integers(0, 1 << 40), some, some, some, some, some,
                          st.none() | st.integers(0, 1 << 40), some), max_size=4))
def test_movements_packed_at_once_are_the_canonical_bytes_of_each(moves):
    assert chain.packed_moves(moves) == [
        chain.canonical(chain.movement_part(move)) for move in moves]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_mac_is_an_hmac(key, content):
    assert chain.mac(key, content) == hmac.digest(key, content, "sha256")
