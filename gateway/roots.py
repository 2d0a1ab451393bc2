"""Daily roots: one line for a day that says where every chain stood. Pure.

A line is JSON, written under the audit key and kept outside the database:

    day, on     the settlement day that had ended everywhere, as a number and as a date
    at          when it was written, ms since 1970
    entries     [after, through]: the entry numbers it covers; none of these can come later
    count       how many entries these are
    chains      how many chains went on since the line before, the house chain among them
    root        Merkle root over those chains, hex
    leaves      what the root is over, short: base64 of deflated (chain, seq, 8 bytes of link)
    before      `mac` of the line before, empty in the first
    mac         HMAC-SHA256 under the audit key over all else

Law: a chain that once was at (seq, link) contains that link at that seq for ever; so a chain that
was put back to an older state, alone or with the whole database, misses what a line tells of it.
A line names only chains that went on: older lines tell of the rest, and a link proves all links
before it. The tree is that of RFC 6962: a leaf is hashed behind 0x00, a node behind 0x01, so that
the way from a leaf to the root is a few hashes which a phone can follow.
"""

import base64
import hmac
import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from gateway import chain
from gateway.clock import from_day
from gateway.errors import GatewayError

HOUSE = 0  # the chain of the registry's events; a member's has its id
LINK_SIZE = 8
BEGINNING = '{"day":'  # of every line
_BRIEF = struct.Struct(f">qq{LINK_SIZE}s")


class RootError(GatewayError):
    """A line of roots that cannot be used, or cannot be written."""

    code = "root"


class Leaf(NamedTuple):
    """Where a chain stands. `link` is cut to LINK_SIZE where a line tells it."""

    chain: int
    seq: int
    link: bytes


class Root(NamedTuple):
    """A line: see the module. `leaves` by chain."""

    day: int
    at: int
    after: int
    through: int
    entries: int
    root: bytes = b""
    leaves: tuple[Leaf, ...] = ()
    before: bytes = b""
    mac: bytes = b""


class Step(NamedTuple):
    """A hash on the way to the root; `left`: it stands left of what is there so far."""

    left: bool
    beside: bytes


def leaf_hash(leaf: Leaf) -> bytes:
    return sha256(b"\0" + chain.canonical(tuple(leaf))).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _level(below: Sequence[bytes]) -> list[bytes]:
    """The level above; the odd one at its end goes up as it is."""
    above = [_node(*below[place:place + 2]) for place in range(0, len(below) - 1, 2)]
    return above + list(below[len(below) & ~1:])


def root_of(leaves: Iterable[Leaf]) -> bytes:
    """The Merkle root: 32 bytes; of nothing, the hash of nothing."""
    level = list(map(leaf_hash, leaves))
    while len(level) > 1:
        level = _level(level)
    return level[0] if level else sha256(b"").digest()


def path_to(leaves: Sequence[Leaf], place: int) -> tuple[Step, ...]:
    """The way from a leaf to the root: about as many steps as the count of leaves has bits."""
    level, path = list(map(leaf_hash, leaves)), []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            path.append(Step(beside < place, level[beside]))
        level, place = _level(level), place // 2
    return tuple(path)


def climb(leaf: Leaf, path: Iterable[Step]) -> bytes:
    """The root that a leaf leads to."""
    found = leaf_hash(leaf)
    for left, beside in path:
        found = _node(beside, found) if left else _node(found, beside)
    return found


def made(audit_key: bytes, root: Root, leaves: Iterable[Leaf]) -> Root:
    """The line of these chains, sealed."""
    full = sorted(leaves)
    brief = tuple(leaf._replace(link=leaf.link[:LINK_SIZE]) for leaf in full)
    root = root._replace(root=root_of(full), leaves=brief)
    return root._replace(mac=_mac(audit_key, _fields(root)))


def _fields(root: Root) -> dict[str, object]:
    brief = b"".join(_BRIEF.pack(*leaf) for leaf in root.leaves)
    return {"day": root.day, "on": from_day(root.day).isoformat(), "at": root.at,
            "entries": [root.after, root.through], "count": root.entries,
            "chains": len(root.leaves), "root": root.root.hex(),
            "leaves": base64.b64encode(zlib.compress(brief, 9)).decode(),
            "before": root.before.hex()}


def _mac(audit_key: bytes, fields: dict[str, object]) -> bytes:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hmac.digest(audit_key, b"root" + text.encode(), "sha256")


def write(root: Root) -> str:
    """The line, without its end."""
    return json.dumps(_fields(root) | {"mac": root.mac.hex()}, separators=(",", ":"))


def read(audit_key: bytes, line: str) -> Root:
    """A line that was written under this key; RootError for any other."""
    try:
        fields = json.loads(line)
        mac = bytes.fromhex(fields.pop("mac"))
        if not chain.same(mac, _mac(audit_key, fields)):
            raise RootError("It was changed, or written under another audit key.")
        brief = zlib.decompress(base64.b64decode(fields["leaves"]))
        after, through = fields["entries"]
        return Root(fields["day"], fields["at"], after, through, fields["count"],
                    bytes.fromhex(fields["root"]),
                    tuple(Leaf(*each) for each in _BRIEF.iter_unpack(brief)),
                    bytes.fromhex(fields["before"]), mac)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error,
            struct.error):
        raise RootError("It is no line of roots, or was changed.") from None


def torn(line: str) -> bool:
    """Whether this is the beginning of a line that a loss of power cut off (what was not written
    then may read as zeros). Nothing was built on it: the next line follows the one before it."""
    said = line.rstrip("\0")
    return not said.endswith("}") and said[:len(BEGINNING)] == BEGINNING[:len(said)]
