"""How an exported root looks: a line for a person, JSON for a program."""

from gateway import listing
from gateway.clock import from_day
from gateway.root_export import Export


def line(done: Export) -> str:
    """One line for a person."""
    return (f"{from_day(done.root.day)} {done.root.root.hex()}, {done.root.entries} entries,"
            f" {len(done.root.leaves)} chains, in {done.file}"
            + ("" if done.lines else " (was there already)"))


def as_json(done: Export) -> str:
    """One object; `lines`: how many were written, 0 where the day had its root already."""
    return listing.as_json({
        "day": from_day(done.root.day), "root": done.root.root.hex(),
        "entries": done.root.entries, "chains": len(done.root.leaves), "file": str(done.file),
        "lines": done.lines})
