"""Which traces of a journal the gateway never decided: what a heartbeat asks for once more.

Law (WIRE keys 8 and 19): a terminal says which traces it keeps; of those the gateway wants every
one for which it holds neither an outcome nor a refusal, and which is not in the batch at hand. A
terminal sends what is unsettled anyway, so in quiet times this finds nothing; after a restore
from an older backup it is how the taps come back by themselves.

What it costs: a journal with as many outcomes as its highest trace, HQ's verdicts apart, has no
gap below that, and what lies above was never seen: one statement, to count the verdicts. Else at
most three more, whatever the number of heartbeats: outcomes counted by blocks of 256 traces, the
traces of blocks that lack some, and refusals. Of one journal at most LOOK_BACK_MAX traces are
looked at and BLOCKS_MAX blocks read; the rest comes with the next heartbeat.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from gateway import bulk
from gateway.book import HQ, Journal, Message, operation_key, verdict_key
from gateway.spans import Span, join, kept_by, without
from gateway.tables import outcomes, refusals
from protocol.limits import U32_MAX

BLOCKS_MAX = 8

Place = tuple[int, int]  # (terminal, journal)


def missing(connection: Connection, batch: Sequence[Message],
            journals: Mapping[Place, Journal]) -> dict[Place, tuple[Span, ...]]:
    """For each journal that a heartbeat of the batch tells of: the spans nobody decided."""
    windows: dict[Place, Span] = {}
    for kept in filter(None, map(kept_by, batch)):
        place = kept.terminal_id, kept.journal
        first, last = windows.get(place, (kept.first, kept.last))
        windows[place] = min(first, kept.first), max(last, kept.last)
    if not windows:
        return {}
    found: dict[Place, list[Span]] = {}
    asked: dict[Place, Span] = {}
    for place, (first, last) in sorted(windows.items()):
        journal = journals.get(place) or Journal(*place, 0, 0)
        seen = journal.highest_trace
        if first <= seen:
            asked[place] = first, min(last, seen)
        found[place] = [(max(first, seen + 1), last)] if last > seen else []
    full = [place for place in asked if journals[place].outcomes >= journals[place].highest_trace]
    verdicts = _verdicts(connection, full) if full else {}
    for place in full:
        if journals[place].outcomes - verdicts.get(place, 0) >= journals[place].highest_trace:
            del asked[place]
    if asked:
        for place, spans in undecided(connection, asked).items():
            found[place] = join([*spans, *found[place]])
    here: dict[Place, set[int]] = {}
    for message in batch:
        here.setdefault((message.terminal_id, message.request.journal),
                        set()).add(message.request.trace)
    return {place: tuple(without(spans, here.get(place, ()))) for place, spans in found.items()}


def undecided(connection: Connection, asked: Mapping[Place, Span], *,
              blocks_max: int | None = BLOCKS_MAX) -> dict[Place, list[Span]]:
    """The spans without outcome or refusal inside `asked`, as far as `blocks_max` goes."""
    block = _block_counts(connection, asked)
    found: dict[Place, list[Span]] = {}
    partly: dict[Place, list[Span]] = {}
    for place, (first, last) in asked.items():
        found[place] = []
        for number in range(first >> 8, (last >> 8) + 1):
            span = max(first, number << 8), min(last, (number << 8) + 255)
            count = block.get((*place, number), 0)
            if not count:
                found[place].append(span)
            elif count <= span[1] - span[0]:
                partly.setdefault(place, []).append(span)
    partly = {place: spans[:blocks_max] for place, spans in partly.items()}
    for place, spans in partly.items():
        found[place] += spans
    decided = _traces(connection, partly)
    refused = _refused(connection, {place: asked[place] for place in found if found[place]})
    return {place: list(without(join(spans), {*decided.get(place, ()), *refused.get(place, ())}))
            for place, spans in found.items()}


def _verdicts(connection: Connection, places: Sequence[Place]) -> dict[Place, int]:
    """How many of a journal's outcomes are HQ's verdicts, which lie under no trace of it."""
    rows = bulk.between(
        connection, outcomes, "substr(t.operation_key, 1, 8), count(*)", ("origin",),
        "operation_key", [(HQ, verdict_key(terminal_id, operation_key(journal, 0)),
                           verdict_key(terminal_id, operation_key(journal, U32_MAX)))
                          for terminal_id, journal in places], also=" GROUP BY 1")
    return {(int.from_bytes(part[:4], "big"), int.from_bytes(part[4:], "big")): count
            for part, count in rows}


def _block_counts(connection: Connection,
                  asked: Mapping[Place, Span]) -> dict[tuple[int, int, int], int]:
    rows = bulk.between(
        connection, outcomes, "t.origin, substr(t.operation_key, 1, 7), count(*)", ("origin",),
        "operation_key", [_keys(place, span) for place, span in asked.items()],
        also=" GROUP BY 1, 2")
    return {(origin, int.from_bytes(part[:4], "big"), int.from_bytes(part[4:], "big")): count
            for origin, part, count in rows}


def _traces(connection: Connection, asked: Mapping[Place, Sequence[Span]]) -> dict[Place, set]:
    spans = [_keys(place, span) for place, spans in asked.items() for span in spans]
    found: dict[Place, set[int]] = {}
    if spans:
        for origin, key in bulk.between(connection, outcomes, "t.origin, t.operation_key",
                                        ("origin",), "operation_key", spans):
            found.setdefault((origin, int.from_bytes(key[:4], "big")),
                             set()).add(int.from_bytes(key[4:], "big"))
    return found


def _refused(connection: Connection, asked: Mapping[Place, Span]) -> dict[Place, set[int]]:
    found: dict[Place, set[int]] = {}
    if asked:
        rows = bulk.between(connection, refusals, "t.terminal_id, t.journal, t.trace",
                            ("terminal_id", "journal"), "trace",
                            [(*place, *span) for place, span in asked.items()])
        for terminal_id, journal, trace in rows:
            found.setdefault((terminal_id, journal), set()).add(trace)
    return found


def _keys(place: Place, span: Span) -> tuple:
    terminal_id, journal = place
    return terminal_id, operation_key(journal, span[0]), operation_key(journal, span[1])
