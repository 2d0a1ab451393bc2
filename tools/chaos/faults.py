"""What a link can do wrong: each fault a named option, its unit in the name.

A fault has a value and, unless it is over in an instant, a time that it lasts. What a half-open
connection swallowed stays swallowed: when the fault ends, that connection carries nothing in that
direction for ever after, as behind a NAT that forgot it, and both ends must find out themselves.
"""

from random import Random
from typing import NamedTuple

DELAY = "delay_ms"
JITTER = "jitter_ms"
DRIP = "drip_bytes_per_s"
CUT = "cut_after_ms"
TRUNCATE = "truncate_after_bytes"
REFUSE = "refuse_ms"
BLACK_HOLE = "black_hole_ms"
MUTE = "mute_ms"
DEAF = "deaf_ms"


class Kind(NamedTuple):
    """`values`: lowest and highest of the option, in its unit; `lasts_ms` likewise. Where the
    option is itself a time, it is how long the fault lasts and `lasts_ms` is None."""

    name: str
    meaning: str
    values: tuple[int, int]
    lasts_ms: tuple[int, int] | None = None


KINDS = (
    Kind(DELAY, "everything arrives this much later", (20, 1500), (2000, 8000)),
    Kind(JITTER, "each piece arrives up to this much later, in order", (20, 800), (2000, 8000)),
    Kind(DRIP, "slow drip: no more than this gets through", (20, 400), (2000, 8000)),
    Kind(CUT, "the connection is reset, this much later", (0, 500)),
    Kind(TRUNCATE, "this many bytes upwards still pass, then the connection ends", (1, 300)),
    Kind(REFUSE, "nobody can connect", (500, 4000)),
    Kind(BLACK_HOLE, "half open: nothing passes either way, new connections included",
         (1000, 8000)),
    Kind(MUTE, "half open: nothing passes upwards", (1000, 8000)),
    Kind(DEAF, "half open: nothing passes downwards", (1000, 8000)),
)
NAMES = tuple(kind.name for kind in KINDS)
HALF_OPEN = (BLACK_HOLE, MUTE, DEAF)
# what a link between broker and worker does: such links lie in one house
INDOORS = (DELAY, JITTER, DRIP, CUT, TRUNCATE)
_BY_NAME = {kind.name: kind for kind in KINDS}


class Fault(NamedTuple):
    """`value` in the unit of `name`; `lasts_ms` 0: over in an instant."""

    name: str
    value: int
    lasts_ms: int


def draw(name: str, random: Random) -> Fault:
    """A fault of this name with drawn value and time."""
    kind = _BY_NAME[name]
    value = random.randint(*kind.values)
    if kind.lasts_ms is not None:
        return Fault(name, value, random.randint(*kind.lasts_ms))
    return Fault(name, value, 0 if name in (CUT, TRUNCATE) else value)
