"""One entry and its parts against its marks, link and head. Pure.

Law: the head proves the link, the link proves the entry with all its parts; the marks prove
nothing, they only tell which part it was. Whatever does not fit is named, or the entry itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Row

from gateway import chain
from gateway.audit.report import FORGED, RESTORE, Finding, join_key
from gateway.tables import ENTRY_LINKED

GROUPS = ("postings", "lot_movements", "lots")
_COUNTS_SIZE = 2 * len(GROUPS)
_MARKS_AT = ENTRY_LINKED.index("marks")

CHANGED = "changed after it was written"
PART_CHANGED = ("does not fit its link: the parts of it that are named here were changed, or it is"
                " forged")
HEAD_CHANGED = ("its head is not the seal of its link: the head was changed, or the entry together"
                " with its link")


class Parts(NamedTuple):
    """What belongs to an entry, as stored. `postings` and `movements` by line; `opened`: the
    facts of the lots that appear first in this entry, by id; `absent`: lots that a movement
    names and that are not there."""

    postings: Mapping[int, tuple]
    movements: Mapping[int, tuple]
    opened: Mapping[int, tuple]
    absent: frozenset[int] = frozenset()


class Proof(NamedTuple):
    """`befores`: what the next entry may link to (empty: unknown)."""

    findings: tuple[Finding, ...]
    befores: tuple[bytes, ...]


def prove(audit_key: bytes, entry: Row, parts: Parts, befores: tuple[bytes, ...]) -> Proof:
    """Everything the stored evidence says about one entry."""
    held = tuple(entry._mapping[name] for name in ENTRY_LINKED)
    groups = [_in_order(group) for group in parts[:3]]
    content = chain.entry_content(held, *groups)
    computed = [chain.link(before, content) for before in befores]
    sealed = chain.same(chain.head(audit_key, entry.link), entry.head)
    if sealed and entry.link in computed and _numbered(parts):
        return Proof((), (entry.link,))
    findings = list(_misfits(entry, parts, marks_of(entry.marks)))
    linked = entry.link in computed
    if not linked and findings and any(
            chain.link(before, chain.entry_content(_with_marks(held, groups), *groups))
            == entry.link for before in befores):
        findings, linked = [_finding("entries", entry.id, f"{CHANGED}: its marks")], True
    if not sealed:
        meant = [link for link in computed if chain.same(chain.head(audit_key, link), entry.head)]
        if meant:
            findings.append(_finding("entries", entry.id, f"{CHANGED}: its link"))
            return Proof(tuple(findings), tuple(meant))
        findings.append(_finding("entries", entry.id, HEAD_CHANGED))
        return Proof(tuple(findings), (entry.link, *computed))
    if not linked and befores:
        findings.append(_finding("entries", entry.id, PART_CHANGED if findings else CHANGED))
    return Proof(tuple(findings), (entry.link,))


def marks_of(marks: bytes) -> tuple[tuple[bytes, ...], ...] | None:
    """The marks of each group; None when they do not read."""
    counts = [int.from_bytes(marks[at:at + 2], "big") for at in range(0, _COUNTS_SIZE, 2)]
    if len(marks) != _COUNTS_SIZE + sum(counts) * chain.MARK_SIZE:
        return None
    groups, at = [], _COUNTS_SIZE
    for count in counts:
        end = at + count * chain.MARK_SIZE
        groups.append(tuple(marks[place:place + chain.MARK_SIZE]
                            for place in range(at, end, chain.MARK_SIZE)))
        at = end
    return tuple(groups)


def _in_order(group: Mapping[int, tuple]) -> list[tuple]:
    return [group[key] for key in sorted(group)]


def _numbered(parts: Parts) -> bool:
    return not parts.absent and all(
        sorted(lines) == list(range(1, len(lines) + 1)) for lines in parts[:2])


def _with_marks(held: tuple, groups: Sequence[Sequence[tuple]]) -> tuple:
    return (*held[:_MARKS_AT], chain.marks(*groups), *held[_MARKS_AT + 1:])


def _mark(part: tuple) -> bytes:
    return chain.marks([part])[2:]


def _misfits(entry: Row, parts: Parts,
             marks: tuple[tuple[bytes, ...], ...] | None) -> Iterator[Finding]:
    if marks is None:
        return
    for table, lines, expected in zip(GROUPS[:2], parts[:2], marks[:2], strict=True):
        for line in sorted({*lines, *range(1, len(expected) + 1)}):
            row = join_key(entry.id, line)
            if line not in lines:
                yield _finding(table, row, f"missing, entry {entry.id} was written with it")
            elif not 1 <= line <= len(expected):
                yield Finding(table, row, f"entry {entry.id} was written without it.", FORGED)
            elif _mark(lines[line]) != expected[line - 1]:
                yield _finding(table, row, CHANGED)
    for movement in parts.movements.values():
        # a movement that was changed may name any lot
        if movement[0] in parts.absent and _mark(movement) in marks[1]:
            yield _finding("lots", movement[0], f"missing, entry {entry.id} used it")
    for lot_id, facts in parts.opened.items():
        if _mark(facts) not in marks[2]:
            yield _finding("lots", lot_id, CHANGED)


def _finding(table: str, row: object, wrong: str) -> Finding:
    return Finding(table, str(row), f"{wrong}.", RESTORE)
