"""Spans: what a heartbeat says is kept, and arithmetic that a set of traces would do too."""

from random import Random

from gateway.message import Message
from gateway.spans import LOOK_BACK_MAX, SPANS_MAX, Kept, clipped, join, kept_by, without
from protocol import messages
from protocol.messages import request

SEED = 20261122


def traces_of(spans) -> set[int]:
    return {trace for first, last in spans for trace in range(first, last + 1)}


def spans_of(traces: set[int]) -> list[tuple[int, int]]:
    return join((trace, trace) for trace in traces)


def test_spans_do_what_sets_of_traces_do():
    random = Random(SEED)
    for _ in range(300):
        traces = {random.randint(1, 60) for _ in range(random.randint(0, 50))}
        gone = {random.randint(1, 60) for _ in range(random.randint(0, 50))}
        spans = spans_of(traces)
        assert traces_of(spans) == traces
        assert all(one[1] + 1 < two[0] for one, two in zip(spans, spans[1:], strict=False))
        assert without(spans, gone) == spans_of(traces - gone)
        first = random.randint(1, 60)
        kept = Kept(1, 1, first, first + random.randint(0, 60))
        assert traces_of(clipped(spans, kept)) == {
            trace for trace in traces if kept.first <= trace <= kept.last}


def beat(kept) -> Message:
    report = {0: "test"} if kept is None else {0: "test", 8: kept}
    return Message(7, 1, b"", bytes(32), 0, request(
        messages.HEARTBEAT, 5, 0, nonce=bytes(8), report=report))


def test_what_a_heartbeat_keeps_is_read_and_an_empty_ring_keeps_nothing():
    assert kept_by(beat((5, 3, 9))) == (7, 5, 3, 9)
    assert kept_by(beat((5, 0, 9))) == (7, 5, 1, 9)
    for nothing in (None, (5, 0, 0), (5, 10, 9)):
        assert kept_by(beat(nothing)) is None


def test_a_terminal_that_keeps_everything_is_believed_only_so_far():
    kept = kept_by(beat((5, 1, 2**32 - 1)))
    assert kept is not None and kept.last - kept.first + 1 == LOOK_BACK_MAX


def test_a_reply_carries_so_many_spans_and_the_oldest_first():
    spans = [(trace, trace) for trace in range(1, 1000, 2)]
    asked = clipped(spans, Kept(7, 5, 11, 2000))
    assert len(asked) == SPANS_MAX and asked[0] == (11, 11)
