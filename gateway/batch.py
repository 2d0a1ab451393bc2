"""A terminal's batch: what it counted and what the gateway holds, trace by trace. Pure.

Law (I11; protocol/README.md, "Batch close"): a message counts under its own type when it was
answered 0, with the money that its request names (a void names none) and the points of its reply.
So a handset that kept its frames and the code and points of each answer computes the same. What
was taken back later still counts, and what took it back counts as well. A close counts nowhere.

A batch with differences is closed all the same and the differences are kept: a merchant's day must
end, and no later count of the terminal could change what is posted. They are told trace by trace
in reply key 22; what does not fit is told with the next close of that journal.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import cbor2

from gateway.chain import canonical
from gateway.spans import Span, without
from protocol import codes
from protocol.messages import BATCH_CLOSE

NOT_HERE = codes.TRY_LATER  # in key 22: nothing of this trace has come, or it is set aside
DIFFERING_MAX = 4096        # differences kept of one batch; no handset's day comes near it
TOLD_SIZE_MAX = 1000        # bytes of key 22; with 10 types in key 21 the frame has room for it

Total = tuple[int, int, int]      # count, amount_minor, points
Difference = tuple[int, int, int]  # trace, code, points
Place = tuple[int, int]           # terminal, journal


class Tap(NamedTuple):
    """What became of one trace. `type`: of an approved message, else 0: nothing keeps it."""

    trace: int
    type: int
    code: int
    amount_minor: int = 0
    points: int = 0


class Record(NamedTuple):
    """What is kept of a close. `unseen`: spans of which nothing had come. `differing`: what was to
    be told with it, what earlier closes had no room for first; the first `told` of it were."""

    theirs: Mapping[int, Total]
    ours: Mapping[int, Total]
    unseen: tuple[Span, ...] = ()
    differing: tuple[Difference, ...] = ()
    told: int = 0

    @property
    def untold(self) -> tuple[Difference, ...]:
        return self.differing[self.told:]

    @property
    def types(self) -> tuple[int, ...]:
        """The message types whose totals differ."""
        return tuple(kind for kind in sorted({*self.theirs, *self.ours})
                     if self.theirs.get(kind) != self.ours.get(kind))


class Batch(NamedTuple):
    """Traces `first` to `last` of a journal, closed by its message `trace` at `closed_at` (ms)."""

    terminal_id: int
    journal: int
    trace: int
    first: int
    last: int
    closed_at: int
    record: Record

    def holds(self, trace: int) -> bool:
        return self.first <= trace <= self.last


def packed(record: Record) -> bytes:
    """The record as it is stored: canonical CBOR."""
    return canonical((_listed(record.theirs), _listed(record.ours), record.unseen,
                      record.differing, record.told))


def unpacked(stored: bytes) -> Record:
    theirs, ours, unseen, differing, told = cbor2.loads(stored)
    return Record({kind: tuple(total) for kind, *total in theirs},
                  {kind: tuple(total) for kind, *total in ours},
                  tuple(map(tuple, unseen)), tuple(map(tuple, differing)), told)


def _listed(totals: Mapping[int, Total]) -> list[tuple[int, ...]]:
    return [(kind, *total) for kind, total in sorted(totals.items())]


def counted(totals: Mapping[int, Sequence[int]]) -> dict[int, Total]:
    """What a close (key 13) says that its terminal counted; a type of which nothing was counted is
    as one that is not there."""
    return {kind: (row[0], row[1], row[2]) for kind, row in totals.items() if kind and any(row)}


def totals_of(taps: Iterable[Tap]) -> dict[int, Total]:
    """Count, money and points by type, of what was approved."""
    sums: dict[int, Total] = {}
    for tap in taps:
        if tap.code == codes.APPROVED and tap.type not in (0, BATCH_CLOSE):
            count, amount_minor, points = sums.get(tap.type, (0, 0, 0))
            sums[tap.type] = count + 1, amount_minor + tap.amount_minor, points + tap.points
    return sums


def compared(theirs: Mapping[int, Sequence[int]], taps: Mapping[int, Tap], span: Span,
             untold: Sequence[Difference]) -> Record:
    """What a close comes to; `theirs`: its key 13, `taps`: what the gateway holds of the span by
    trace, `untold`: what the close before it had no room for."""
    unseen = tuple(without([span], taps))
    inside = [tap for _, tap in sorted(taps.items())]
    record = Record(counted(theirs), totals_of(inside), unseen)
    differing = (*untold, *_not_here(unseen), *_in_question(record.types, inside))[:DIFFERING_MAX]
    return record._replace(differing=differing, told=_room_for(differing))


def _not_here(unseen: Iterable[Span]) -> Iterable[Difference]:
    left = DIFFERING_MAX
    for first, last in unseen:
        for trace in range(first, min(last, first + left - 1) + 1):
            left -= 1
            yield trace, NOT_HERE, 0


def _in_question(types: Sequence[int], taps: Sequence[Tap]) -> list[Difference]:
    """Where totals differ: what was not approved first, as any of it may have been taken for
    approved, then what was, of those types."""
    if not types:
        return []
    chosen = [tap for tap in taps if tap.code != codes.APPROVED]
    chosen += [tap for tap in taps if tap.code == codes.APPROVED and tap.type in types]
    return [(tap.trace, tap.code, tap.points) for tap in chosen]


def _room_for(differing: Sequence[Difference]) -> int:
    size = 0
    for place, each in enumerate(differing):
        size += len(cbor2.dumps(each))
        if size > TOLD_SIZE_MAX:
            return place
    return len(differing)
