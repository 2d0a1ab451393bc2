"""Roots: one tree for the same chains, a way to it from each, a line that nobody edits."""

import base64
import json
import zlib
from hashlib import sha256

import pytest

from gateway import chain, roots
from gateway.roots import Leaf, Root, RootError

KEY = b"A" * 32


def leaves(count: int) -> list[Leaf]:
    return [Leaf(number * 7, number + 1, sha256(bytes([number])).digest())
            for number in range(count)]


def line(count: int = 3, before: bytes = b"") -> str:
    return roots.write(roots.made(KEY, Root(20779, 5, 10, 20, 9, before=before), leaves(count)))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33])
def test_every_chain_leads_to_the_root_and_no_other_does(count: int):
    told = leaves(count)
    root = roots.root_of(told)
    for place, leaf in enumerate(told):
        path = roots.path_to(told, place)
        assert roots.climb(leaf, path) == root and len(path) <= count.bit_length()
        assert roots.climb(leaf._replace(seq=leaf.seq + 1), path) != root


def test_the_tree_is_that_of_rfc_6962():
    def tree(hashes: list[bytes]) -> bytes:
        if len(hashes) == 1:
            return hashes[0]
        cut = 1 << (len(hashes) - 1).bit_length() - 1
        return sha256(b"\1" + tree(hashes[:cut]) + tree(hashes[cut:])).digest()

    for count in range(1, 20):
        hashes = [sha256(b"\0" + chain.canonical(tuple(leaf))).digest() for leaf in leaves(count)]
        assert roots.root_of(leaves(count)) == tree(hashes)


def test_a_line_reads_back_as_it_was_written():
    root = roots.read(KEY, line(before=b"m" * 32))
    assert (root.day, root.at, root.after, root.through, root.entries) == (20779, 5, 10, 20, 9)
    assert root.root == roots.root_of(leaves(3)) and root.before == b"m" * 32
    assert root.leaves == tuple(leaf._replace(link=leaf.link[:8]) for leaf in leaves(3))
    assert json.loads(line())["on"] == "2026-11-22" and roots.write(root) == line(before=b"m" * 32)


@pytest.mark.parametrize("name", ["day", "on", "at", "entries", "count", "chains", "root",
                                  "leaves", "before", "mac"])
def test_no_field_of_a_line_can_be_changed_or_left_out(name: str):
    fields = json.loads(line())
    changed = {"entries": [10, 19], "leaves": base64.b64encode(zlib.compress(b"")).decode(),
               "on": "2026-11-23"}.get(name, "00" if name in ("root", "before", "mac") else 7)
    for forged in (fields | {name: changed}, {k: v for k, v in fields.items() if k != name}):
        with pytest.raises(RootError):
            roots.read(KEY, json.dumps(forged))
    with pytest.raises(RootError, match="another audit key"):
        roots.read(b"B" * 32, line())


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", "null", '{"mac":"zz"}', '{"mac":7}', "{",
                                  "[" * 100_000, '{"mac":' * 100_000],
                         ids=lambda text: text[:12])
def test_what_is_no_line_is_said_to_be_none(text: str):
    with pytest.raises(RootError):
        roots.read(KEY, text)


def test_what_a_loss_of_power_cut_off_is_told_from_a_line():
    assert not roots.torn(line()) and all(
        roots.torn(line()[:size] + zeros) for size in range(len(line()))
        for zeros in ("", "\0\0"))
    for text in ("mine", "export A=1", '["a"', '{"on":', "\0mine"):
        assert not roots.torn(text)
