"""What a heartbeat asks for again: every trace kept that nobody decided, at a constant price."""

from random import Random

import pytest

from gateway import bulk, chain, gaps, held
from gateway.database import counting_statements, reading, writing
from gateway.message import operation_key
from gateway.spans import SPANS_MAX, join
from gateway.tables import SEALED, journals, outcomes
from protocol.cbor import encode
from protocol.limits import FRAME_DOWN_SIZE_MAX, U32_MAX
from tests.support.street import JOURNAL, Street

SEED = 20261122


def asked(street: Street, *frames: bytes) -> list[tuple]:
    """What the reply to the last of these frames asks for again."""
    reply = street.read(street.answers(*frames)[-1].reply)
    assert reply.code == 0
    return [span[1:] for span in reply.send_again or () if span[0] == JOURNAL]


def decide(street: Street, traces: set[int] | range, before: int = 0) -> int:
    """Outcomes of these traces as the gateway stores them, without the taps behind them, in a
    journal that had `before` outcomes; how many it has now."""
    key, terminal = street.keyring.audit_key, street.terminals[0]
    rows = [(terminal, operation_key(JOURNAL, trace), bytes(32), 41, None, None, 0)
            for trace in sorted(traces)]
    highest = max([*traces, *(row[0] for row in street.rows("journals", "highest_trace"))])
    journal = (terminal, JOURNAL, highest, before + len(rows))
    with writing(street.engine) as connection:
        for start in range(0, len(rows), 500):
            bulk.insert(connection, outcomes, (*SEALED["outcomes"], "row_mac"),
                        [(*row, chain.seal(key, "outcomes", row))
                         for row in rows[start:start + 500]])
        bulk.insert(connection, journals, (*SEALED["journals"], "row_mac"),
                    [(*journal, chain.seal(key, "journals", journal))],
                    key=("terminal_id", "journal"))
    return before + len(rows)


def test_nothing_is_asked_for_when_all_is_known(engine):
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(3)))
    assert street.read(street.answers(street.kept(3))[0].reply).send_again is None
    assert asked(street, street.heartbeat()) == []
    assert asked(street, street.kept(0, 0)) == []


def test_traces_nobody_decided_are_asked_for_as_spans(engine):
    street = Street(engine)
    street.answers(*(street.sale(trace=trace) for trace in (2, 3, 7)))
    assert asked(street, street.kept(9)) == [(1, 1), (4, 6), (8, 9)]
    assert asked(street, street.kept(5, 3)) == [(4, 5)]


def test_a_journal_nobody_knows_is_asked_for_whole(engine):
    street = Street(engine)
    street.take(street.sale(trace=9))
    reply = street.take(street.heartbeat(report={8: (77, 5, 800)}))
    assert reply.send_again == ((77, 5, 800),)


def test_a_refused_trace_is_known(engine):
    street = Street(engine)
    street.take(street.seal_payload(encode({0: 1, 1: JOURNAL, 2: 2, 6: (2, 62), 7: 0})))
    street.answers(street.sale(trace=3), street.sale(99, trace=3))
    assert asked(street, street.kept(3)) == [(1, 1)]


def test_a_verdict_of_hq_does_not_hide_a_gap(engine):
    """Verdicts count among the outcomes of a journal, and lie under no trace of it."""
    street = Street(engine)
    street.answers(*(street.sale(operator=9, trace=trace) for trace in (1, 3)))
    held.refuse(street.intake, held.HeldKey(street.terminals[0], JOURNAL, 1), "Lin", "no")
    assert street.rows("journals", "highest_trace, outcomes") == [(3, 3)]
    assert asked(street, street.kept(3)) == [(2, 2)]


def test_what_lies_in_the_batch_itself_is_not_asked_for(engine):
    street = Street(engine)
    beat = street.kept(4)
    assert asked(street, street.sale(trace=3), street.sale(trace=1), beat) == [(2, 2), (4, 4)]
    taps = [street.sale(trace=trace) for trace in (2, 4)]
    reply = street.read(street.answers(street.kept(4), *taps)[0].reply)
    assert reply.send_again is None


@pytest.mark.parametrize("last", [300, 5000])
def test_whatever_is_lost_is_asked_for_heartbeat_by_heartbeat_until_nothing_is(engine, last):
    random = Random(SEED)
    street = Street(engine)
    lost = set(range(*sorted(random.sample(range(1, last), 2))))
    lost |= set(random.sample(range(1, last + 1), 200)) | {last}
    count = decide(street, set(range(1, last + 1)) - lost)
    beats = 0
    while spans := asked(street, street.kept(last)):
        again = {trace for first, end in spans for trace in range(first, end + 1)}
        assert again <= lost, "it asks for what it has"
        lost -= again
        count = decide(street, again, count)
        beats += 1
    assert not lost and beats > last // 5000


def test_a_full_reply_fits_its_frame_and_the_rest_follows_with_the_next(engine):
    street = Street(engine)
    decide(street, range(2, 4000, 2))
    street.registry.advance_epoch(street.terminals[0])
    answer, = street.answers(street.kept(4000))
    reply = street.read(answer.reply)
    assert reply.next_key is not None and answer.reply is not None
    assert len(reply.send_again) == SPANS_MAX and reply.send_again[0] == (JOURNAL, 1, 1)
    assert len(answer.reply) + SPANS_MAX * 4 <= FRAME_DOWN_SIZE_MAX  # traces of 5 bytes, not 3


@pytest.mark.parametrize("gap", [0, 1])
def test_heartbeats_take_as_many_statements_for_ten_thousand_traces_as_for_one(engine, gap):
    street = Street(engine, terminals=20)
    count = decide(street, {2} if gap else {1})
    street.take(street.heartbeat())  # reads the catalogue, once
    counts = []
    for last in (2, 10_000):
        street.later(seconds=1)
        with counting_statements(engine) as statements:
            street.answers(*(street.kept(last - 1 + gap, terminal=each) for each in range(20)))
            assert asked(street, street.kept(last - 1 + gap)) == [(1, 1)] * gap
        counts.append(len(statements))
        if last == 2:
            count = decide(street, range(2 + gap, 10_000 + gap), count)
    assert counts[0] == counts[1] <= 7 + 4 * gap
    assert any("substr(t.operation_key, 1, 7)" in each for each in statements) == bool(gap)


def test_two_heartbeats_of_a_journal_a_lap_apart_cost_what_lies_at_either_end(engine, monkeypatch):
    """A terminal that says it keeps 1 to 5, and in the same batch the last trace there is."""
    street = Street(engine)
    decide(street, {2, U32_MAX - 1})
    joined = []
    monkeypatch.setattr(gaps, "join", lambda spans: joined.extend(spans) or join(spans))
    answers = street.answers(street.kept(5), street.kept(U32_MAX, U32_MAX - 2))
    assert [street.read(answer.reply).send_again for answer in answers] == [
        ((JOURNAL, 1, 1), (JOURNAL, 3, 5)),
        ((JOURNAL, U32_MAX - 2, U32_MAX - 2), (JOURNAL, U32_MAX, U32_MAX))]
    assert len(joined) <= 8


def test_only_blocks_with_outcomes_are_gone_through_whatever_the_length_of_a_span(engine):
    street = Street(engine)
    decide(street, {1, 3000, 1 << 31})
    place = street.terminals[0], JOURNAL
    asked_for: gaps.Spans = {place: [(1, 1 << 30), ((1 << 31) - 4, U32_MAX)]}
    with reading(engine) as connection, counting_statements(engine) as statements:
        found = gaps.undecided(connection, asked_for, blocks_max=None)
    assert found == {place: [(2, 2999), (3001, 1 << 30), ((1 << 31) - 4, (1 << 31) - 1),
                             ((1 << 31) + 1, U32_MAX)]}
    assert len(statements) == 3


def test_blocks_that_lack_only_what_was_refused_do_not_stand_before_one_with_a_gap(engine):
    street = Street(engine)
    refused = range(100, 100 + 256 * gaps.BLOCKS_MAX, 256)
    street.answers(*(street.seal_payload(encode({0: 1, 1: JOURNAL, 2: trace, 6: (2, 62), 7: 0}))
                     for trace in refused))
    decide(street, set(range(1, 3000)) - {*refused, 2900})
    assert asked(street, street.kept(2999)) == [(2900, 2900)]


def test_more_spans_than_a_statement_takes_are_asked_for_in_parts(engine, monkeypatch):
    monkeypatch.setattr(gaps, "SPANS_ASKED_MAX", 2)
    street = Street(engine)
    decide(street, {1, 300, 600})
    place = street.terminals[0], JOURNAL
    with reading(engine) as connection:
        found = gaps.undecided(connection, {place: [(1, 2), (299, 301), (600, 601)]})
    assert found == {place: [(2, 2), (299, 299), (301, 301), (601, 601)]}
