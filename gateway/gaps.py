"""Which traces of a journal the gateway never decided: what a heartbeat asks for once more.

Law (WIRE keys 8 and 19): a terminal says which traces it keeps; of those the gateway wants every
one for which it holds neither an outcome nor a refusal, and which is not in the batch at hand. A
terminal sends what is unsettled anyway, so in quiet times this finds nothing; after a restore
from an older backup it is how the taps come back by themselves.

What it costs: a journal with as many outcomes as its highest trace, HQ's verdicts apart, has no
gap below that, and what lies above was never seen: one statement, to count the verdicts. Else at
most three more, whatever the number of heartbeats: outcomes counted by blocks of 256 traces, the
traces of blocks that lack some, and refusals. A heartbeat has at most LOOK_BACK_MAX traces looked
at, and of each span BLOCKS_MAX blocks read; the rest comes with the next heartbeat. Spans that lie
apart stay apart, and only blocks that have outcomes are gone through: two heartbeats a journal's
length apart cost two windows, not what lies between them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection

from gateway import bulk
from gateway.book import Journal
from gateway.message import HQ, Message, operation_key, verdict_key
from gateway.spans import Span, join, kept_by, within, without
from gateway.tables import outcomes, refusals
from protocol.limits import U32_MAX

BLOCKS_MAX = 8
SPANS_ASKED_MAX = 8000  # in one statement: SQLite takes 32,766 parameters, a span has four

Place = tuple[int, int]  # (terminal, journal)
Spans = Mapping[Place, Sequence[Span]]  # those of a place ascend and do not touch


def missing(connection: Connection, batch: Sequence[Message],
            journals: Mapping[Place, Journal]) -> dict[Place, tuple[Span, ...]]:
    """For each journal that a heartbeat of the batch tells of: the spans nobody decided."""
    windows: dict[Place, list[Span]] = {}
    for kept in filter(None, map(kept_by, batch)):
        windows.setdefault((kept.terminal_id, kept.journal), []).append((kept.first, kept.last))
    if not windows:
        return {}
    found: dict[Place, list[Span]] = {}
    asked: dict[Place, list[Span]] = {}
    for place, spans in sorted(windows.items()):
        seen = journals[place].highest_trace if place in journals else 0
        found[place] = within(spans, [(seen + 1, U32_MAX)])
        if known := within(spans, [(1, seen)]):
            asked[place] = known
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


def undecided(connection: Connection, asked: Spans, *,
              blocks_max: int | None = BLOCKS_MAX) -> dict[Place, list[Span]]:
    """The spans without outcome or refusal inside `asked`, as far as `blocks_max` goes."""
    counts = _block_counts(connection, asked)
    refused = _refused(connection, asked)
    found: dict[Place, list[Span]] = {}
    partly: dict[Place, list[Span]] = {}
    for place, spans in asked.items():
        found[place], partly[place] = [], []
        known = Counter(trace >> 8 for trace in refused.get(place, ()))
        for span in spans:
            empty, lacking = _by_blocks(span, counts.get((place, span[0]), {}), known)
            found[place] += [*empty, *lacking[:blocks_max]]
            partly[place] += lacking[:blocks_max]
    decided = _traces(connection, partly)
    return {place: list(without(join(spans), {*decided.get(place, ()), *refused.get(place, ())}))
            for place, spans in found.items()}


def _by_blocks(span: Span, counts: Mapping[int, int],
               refused: Mapping[int, int]) -> tuple[list[Span], list[Span]]:
    """(what no outcome lies in, blocks that lack some) of a span; both mappings: by block.

    Blocks come last whose refusals may be all that they lack: else they would stand for ever
    before one with a gap. Only maybe, as a refused trace can have an outcome too.
    """
    first, last = span
    empty: list[Span] = []
    lacking: list[Span] = []
    explained: list[Span] = []
    for number, count in sorted(counts.items()):
        low, high = max(first, number << 8), min(last, (number << 8) + 255)
        if first < low:
            empty.append((first, low - 1))
        if count <= high - low:
            (lacking if count + refused.get(number, 0) <= high - low else explained).append(
                (low, high))
        first = high + 1
    if first <= last:
        empty.append((first, last))
    return empty, lacking + explained


def _verdicts(connection: Connection, places: Sequence[Place]) -> dict[Place, int]:
    """How many of a journal's outcomes are HQ's verdicts, which lie under no trace of it."""
    rows = bulk.between(
        connection, outcomes, "substr(t.operation_key, 1, 8), count(*)", ("origin",),
        "operation_key", [(HQ, verdict_key(terminal_id, operation_key(journal, 0)),
                           verdict_key(terminal_id, operation_key(journal, U32_MAX)))
                          for terminal_id, journal in places], also=" GROUP BY 1")
    return {(int.from_bytes(part[:4], "big"), int.from_bytes(part[4:], "big")): count
            for part, count in rows}


def _block_counts(connection: Connection, asked: Spans) -> dict[tuple[Place, int], dict[int, int]]:
    """Outcomes by block, for the first trace of each span."""
    found: dict[tuple[Place, int], dict[int, int]] = {}
    for rows in _parts(_keys(asked)):
        for origin, low, part, count in bulk.between(
                connection, outcomes, "t.origin, w.low, substr(t.operation_key, 1, 7), count(*)",
                ("origin",), "operation_key", rows, also=" GROUP BY 1, 2, 3"):
            place = origin, int.from_bytes(low[:4], "big")
            found.setdefault((place, int.from_bytes(low[4:], "big")),
                             {})[int.from_bytes(part[4:], "big")] = count
    return found


def _traces(connection: Connection, asked: Spans) -> dict[Place, set[int]]:
    found: dict[Place, set[int]] = {}
    for rows in _parts(_keys(asked)):
        for origin, key in bulk.between(connection, outcomes, "t.origin, t.operation_key",
                                        ("origin",), "operation_key", rows):
            found.setdefault((origin, int.from_bytes(key[:4], "big")),
                             set()).add(int.from_bytes(key[4:], "big"))
    return found


def _refused(connection: Connection, asked: Spans) -> dict[Place, set[int]]:
    found: dict[Place, set[int]] = {}
    for rows in _parts([(*place, *span) for place, spans in asked.items() for span in spans]):
        for terminal_id, journal, trace in bulk.between(
                connection, refusals, "t.terminal_id, t.journal, t.trace",
                ("terminal_id", "journal"), "trace", rows):
            found.setdefault((terminal_id, journal), set()).add(trace)
    return found


def _keys(asked: Spans) -> list[tuple]:
    return [(terminal_id, operation_key(journal, first), operation_key(journal, last))
            for (terminal_id, journal), spans in asked.items() for first, last in spans]


def _parts(rows: Sequence[tuple]) -> Iterator[Sequence[tuple]]:
    for start in range(0, len(rows), SPANS_ASKED_MAX):
        yield rows[start:start + SPANS_ASKED_MAX]
