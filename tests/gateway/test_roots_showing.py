"""How an exported root looks to a person and to a program."""

import json
from pathlib import Path

from gateway import roots_showing
from gateway.root_export import Export
from gateway.roots import Leaf, Root, made

ROOT = made(b"A" * 32, Root(20778, 5, 0, 9, 4), [Leaf(1, 3, b"l" * 32), Leaf(2, 1, b"m" * 32)])


def test_a_line_says_what_was_written_and_where():
    assert roots_showing.line(Export(1, ROOT, Path("/r/roots"))) == (
        f"2026-11-21 {ROOT.root.hex()}, 4 entries, 2 chains, in /r/roots")
    assert roots_showing.line(Export(0, ROOT, Path("r"))).endswith("in r (was there already)")


def test_json_has_the_day_as_days_are_written():
    assert json.loads(roots_showing.as_json(Export(0, ROOT, Path("r")))) == {
        "day": "2026-11-21", "root": ROOT.root.hex(), "entries": 4, "chains": 2, "file": "r",
        "lines": 0}
