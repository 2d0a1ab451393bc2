"""Exported roots against the chains as they are now: what was put back to an older state.

Law: every chain that a line tells of still has that link at that seq; the file's lines follow each
other. So a database, or a part of it, that was replaced by an older true copy is found as soon as
one root was written in between, and the chains are named. What came after the newest root, nobody
here can miss.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from gateway import roots
from gateway.audit.reader import LOOKUP_ROWS, Reader, Work
from gateway.audit.report import RESTORE, Docket, chain_name
from gateway.clock import from_day
from gateway.keyring import Keyring
from gateway.root_export import file_at, lines_of, read_roots
from gateway.roots import HOUSE, LINK_SIZE, Leaf, Root, RootError
from gateway.tables import entries, registry_events

NAME = "roots"
OLDER = ("Someone put an older state back, or a backup from before this root was restored: then"
         " the terminals bring the taps again (Recovery). Compare with a backup from after it.")
FILE_CHANGED = ("Compare the file with a copy of it kept elsewhere; find out who wrote to it.")

Links = Mapping[tuple[int, int], bytes]


def check(work: Work, place: str) -> None:
    """Every line of the file; RootError where it cannot be read or has none."""
    before: Root | None = None
    told: set[int] = set()
    with read_roots(place) as file:
        for number, line in lines_of(file):
            try:
                root = roots.read(work.audit_key, line)
            except RootError as error:
                work.docket.find(NAME, f"line {number}", str(error), FILE_CHANGED)
                continue
            if root.before != (before.mac if before else b""):
                work.docket.find(NAME, f"line {number}", "does not follow the line before it: one"
                                 " is missing or was changed.", FILE_CHANGED)
            before = root
            _check(work, root, told)
            work.docket.checked(NAME, len(root.leaves))


def _check(work: Work, root: Root, told: set[int]) -> None:
    """The chains of one line; `told`: those that were found wanting in an older one."""
    sound: list[Leaf] = []
    for start in range(0, len(root.leaves), LOOKUP_ROWS):
        leaves = root.leaves[start:start + LOOKUP_ROWS]
        links = links_of(work.reader, leaves)
        for leaf in leaves:
            link = links.get(leaf[:2])
            if link is not None and link[:LINK_SIZE] == leaf.link:
                sound.append(leaf._replace(link=link))
            elif leaf.chain not in told:
                told.add(leaf.chain)
                _name(work, root, leaf, gone=link is None)
    wrong, day = len(root.leaves) - len(sound), str(from_day(root.day))
    if wrong:
        work.docket.find(NAME, day, f"{wrong} of its {len(root.leaves)} chains are not what they"
                         " were when it was written.", OLDER)
    elif roots.root_of(sound) != root.root:
        work.docket.find(NAME, day, "its chains lead to another root.", RESTORE)


def _name(work: Work, root: Root, leaf: Leaf, *, gone: bool) -> None:
    house = leaf.chain == HOUSE
    what = "not there any more" if gone else "another one now"
    work.docket.find(
        registry_events.name if house else entries.name,
        str(leaf.seq) if house else f"{chain_name(leaf.chain)} seq {leaf.seq}",
        f"{what}: the root of {from_day(root.day)} tells of it.", OLDER)


def links_of(reader: Reader, leaves: Iterable[Leaf]) -> Links:
    """The links that these chains have at these places; those that are not there are left out."""
    keys = sorted({leaf[:2] for leaf in leaves})
    with reader.snapshot() as connection:
        found = reader.lookup(connection, entries, ("link",), ("member_id", "chain_seq"),
                              [key for key in keys if key[0] != HOUSE])
        events = reader.lookup(connection, registry_events, ("link",), ("seq",),
                               [key[1:] for key in keys if key[0] == HOUSE])
    return ({key: row[0] for key, row in found.items()}
            | {(HOUSE, seq): row[0] for (seq,), row in events.items()})


def prove(engine: Engine, keyring: Keyring, place: str, chain_id: int) -> dict[str, Any]:
    """The way from a chain to the newest root that tells of it: what a phone needs to see that the
    root holds it. RootError where there is none, or where the chains lead elsewhere."""
    newest = _newest(keyring, place, chain_id)
    if newest is None:
        raise RootError(f"No root in {file_at(place)} tells of member {chain_id}. Nothing is wrong"
                        " with that where it has no entry yet, or none before the last root.")
    reader, links = Reader(engine, Docket()), dict[tuple[int, int], bytes]()
    for start in range(0, len(newest.leaves), LOOKUP_ROWS):
        links |= links_of(reader, newest.leaves[start:start + LOOKUP_ROWS])
    leaves = [leaf._replace(link=links.get(leaf[:2], b"")) for leaf in newest.leaves]
    at = _place_of(leaves, chain_id)
    path = roots.path_to(leaves, at)
    if roots.climb(leaves[at], path) != newest.root:
        raise RootError(f"The chains of {from_day(newest.day)} do not lead to its root any more."
                        " Run the audit with --roots.")
    return {"day": newest.day, "on": from_day(newest.day).isoformat(), "member": chain_id,
            "seq": leaves[at].seq, "link": leaves[at].link.hex(), "root": newest.root.hex(),
            "path": [["left" if step.left else "right", step.beside.hex()] for step in path]}


def _place_of(leaves: Sequence[Leaf], chain_id: int) -> int:
    return next((place for place, leaf in enumerate(leaves) if leaf.chain == chain_id), -1)


def _newest(keyring: Keyring, place: str, chain_id: int) -> Root | None:
    """The newest line that tells of a chain."""
    newest = None
    with read_roots(place) as lines:
        for number, line in lines_of(lines):
            try:
                root = roots.read(keyring.audit_key, line)
            except RootError as error:
                raise RootError(f"{file_at(place)} line {number}: {error}") from None
            if _place_of(root.leaves, chain_id) >= 0:
                newest = root
    return newest


def as_json(proof: Mapping[str, Any]) -> str:
    return json.dumps(proof, separators=(",", ":"))
