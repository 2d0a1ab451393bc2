"""Spans of traces, and which of them a heartbeat says its terminal keeps. Pure.

A span is (first, last), both of them meant; lists of spans ascend and do not touch.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from protocol.messages import HEARTBEAT

if TYPE_CHECKING:
    from gateway.message import Message

LOOK_BACK_MAX = 1 << 17  # traces of one journal that are looked at
SPANS_MAX = 64  # 16 bytes each at most: the reply of 1,400 bytes has room for them and the rest

KEPT = 8  # key of a heartbeat's report: (journal, oldest trace kept, last trace)

Span = tuple[int, int]


class Kept(NamedTuple):
    """The traces of a journal that a terminal says it keeps."""

    terminal_id: int
    journal: int
    first: int
    last: int


def kept_by(message: "Message") -> Kept | None:
    """What a heartbeat says is kept; None where it says nothing, or keeps nothing."""
    request = message.request
    if request.type != HEARTBEAT or message.fault or KEPT not in request.report:
        return None
    journal, oldest, last = request.report[KEPT]
    first = max(oldest, 1, last - LOOK_BACK_MAX + 1)
    return Kept(message.terminal_id, journal, first, last) if first <= last else None


def join(spans: Iterable[Span]) -> list[Span]:
    """The same traces in ascending spans that do not touch.

    >>> join([(7, 9), (1, 3), (4, 5), (8, 12)])
    [(1, 5), (7, 12)]
    """
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def without(spans: Iterable[Span], traces: Iterable[int]) -> list[Span]:
    """Ascending spans less some traces.

    >>> without([(1, 5), (9, 9)], {2, 5, 9})
    [(1, 1), (3, 4)]
    """
    left: list[Span] = []
    taken = sorted(traces)
    at = 0
    for first, last in spans:
        while at < len(taken) and taken[at] < first:
            at += 1
        while at < len(taken) and taken[at] <= last:
            if first < taken[at]:
                left.append((first, taken[at] - 1))
            first = taken[at] + 1
            at += 1
        if first <= last:
            left.append((first, last))
    return left


def within(spans: Iterable[Span], frame: Iterable[Span]) -> list[Span]:
    """What of the spans lies within the spans of `frame`.

    >>> within([(1, 5), (9, 12)], [(4, 10)])
    [(4, 5), (9, 10)]
    """
    inside = [(max(first, low), min(last, high)) for first, last in spans for low, high in frame]
    return join(span for span in inside if span[0] <= span[1])


def clipped(spans: Sequence[Span], kept: Kept) -> tuple[Span, ...]:
    """What of the spans a terminal still keeps, cut to what a reply can carry."""
    start = bisect_left(spans, kept.first, key=lambda span: span[1])
    return tuple((max(first, kept.first), min(last, kept.last))
                 for first, last in spans[start:start + SPANS_MAX] if first <= kept.last)
