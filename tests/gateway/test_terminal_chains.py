"""Sales to nobody (C22): they count, give nothing, are taken back, and stand in a chain."""

import pytest
from sqlalchemy import delete, insert, update

from gateway.audit import run_audit
from gateway.database import counting_statements, writing
from gateway.held import HeldKey, post
from gateway.tables import entries, metadata, outcomes, terminal_chains
from protocol import codes, messages
from tests.gateway.test_decisions_redemption import sound, trace_of
from tests.support.intruder import Intruder
from tests.support.street import JOURNAL, Street


@pytest.fixture
def street(engine) -> Street:
    return Street(engine, terminals=2)


def findings(street: Street) -> set[tuple[str, str]]:
    report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    return {(each.table, each.row) for each in report.findings}


def day_total(street: Street, terminal: int = 0) -> tuple:
    (count, total), = street.rows(
        "entries", "count(*), sum(amount_minor)",
        f"terminal_id = {street.terminals[terminal]} AND kind = 1")
    return count, int(total)


def test_it_counts_has_its_receipt_and_gives_no_points(street):
    reply = street.take(street.walk_in())
    assert (reply.code, reply.points, reply.receipt, reply.amount_minor) == (0, 0, 1, None)
    assert (reply.balance, reply.member, reply.tier, reply.expiring) == (None,) * 4
    street.answers(street.sale(1000), street.walk_in(500))
    assert day_total(street) == (3, 2750)
    assert street.rows("postings", "count(*)", "entry_id IN (1, 3)") == [(0,)]
    assert street.rows("entries", "member_id, chain_seq, card_id", "1=1 ORDER BY id")[::2] == [
        (-street.terminals[0], 1, None), (-street.terminals[0], 2, None)]
    (head,), = street.rows("entries", "head", "id = 1")
    assert reply.head == head
    sound(street)


def test_it_stands_in_what_its_terminal_closes_the_day_with(street):
    street.answers(street.sale(1000), street.walk_in(500), street.walk_in(250))
    reply = street.take(street.batch_close(1, 3, totals={messages.SALE: (3, 1750, 12)}))
    assert (reply.code, reply.differing) == (0, None)
    assert reply.totals[messages.SALE] == (3, 1750, 12)


def test_the_same_frame_again_counts_once(street):
    frame = street.walk_in()
    first, again = street.answers(frame, frame)
    assert first.reply == again.reply == street.answers(frame)[0].reply
    assert day_total(street) == (1, 1250)


def test_it_is_voided_and_refunded_like_any_other(street):
    frames = [street.walk_in(1250), street.walk_in(1000, basket=((1, 600), (2, 400)))]
    street.answers(*frames)
    reply = street.take(street.void(trace_of(street, frames[0])))
    assert (reply.code, reply.points, reply.amount_minor) == (0, 0, 1250)
    assert reply.member is None and reply.balance is None
    assert street.take(street.void(trace_of(street, frames[0]))).code == codes.NOTHING_LEFT
    trace = trace_of(street, frames[1])
    assert street.take(street.refund(trace, basket=((1, 700),))).code == codes.EXCEEDS_ORIGINAL
    part = street.refund(trace, basket=((1, 600),))
    reply = street.take(part)
    assert (reply.code, reply.points, reply.amount_minor) == (0, 0, 600)
    assert street.take(street.void(trace_of(street, part))).code == 0
    street.answers(street.refund(trace, basket=((1, 600),)))
    assert street.take(street.void(trace)).amount_minor == 400
    assert street.rows("entries", "sum(amount_minor)") == [(0,)]
    sound(street)


def test_another_terminal_of_the_merchant_takes_it_back_into_its_own_chain(street):
    frame = street.walk_in(terminal=0)
    receipt = street.take(frame).receipt
    assert street.take(street.void(receipt=receipt, terminal=1)).code == 0
    assert street.rows("entries", "member_id, chain_seq, terminal_id", "1=1 ORDER BY id") == [
        (-street.terminals[0], 1, street.terminals[0]),
        (-street.terminals[0], 2, street.terminals[1])]
    sound(street)


def test_all_of_it_in_one_batch_and_its_void_first(street):
    sale, late = street.walk_in(), street.walk_in()
    trace = trace_of(street, sale)
    frames = [sale, street.refund(trace, amount_minor=250), street.void(trace),
              street.void(trace_of(street, late)), late, street.walk_in(7)]
    assert [answer.code for answer in street.answers(*frames)] == [0, 0, 0, 0, codes.VOIDED, 0]
    sound(street)


def test_what_would_hold_a_sale_holds_it_and_hq_posts_it(street):
    frame = street.walk_in(operator=77)
    assert street.take(frame).code == codes.HELD
    verdict = post(street.intake, HeldKey(street.terminals[0], JOURNAL, trace_of(street, frame)),
                   "Chen")
    assert (verdict.points, verdict.balance) == (0, None) and day_total(street) == (1, 1250)
    street.registry.set_merchant_state(street.merchant, "suspended")
    assert street.take(street.walk_in()).code == codes.HELD
    sound(street)


def test_a_sale_with_a_card_takes_no_statement_more_and_a_walk_in_few(street):
    street.answers(street.sale(), street.walk_in())
    counts = []
    for frames in ([street.sale()], [street.walk_in()],
                   [street.walk_in() for _ in range(100)]):
        with counting_statements(street.engine) as seen:
            street.answers(*frames)
        counts.append(len(seen))
    assert counts[0] == 15 and counts[1] == counts[2] <= 13


def test_a_chain_that_was_tampered_with_is_not_built_on(street):
    street.take(street.walk_in())
    for change in ("UPDATE terminal_chains SET chain_seq = 0", "DELETE FROM terminal_chains"):
        with writing(street.engine) as connection:
            connection.exec_driver_sql(change)
        answer, = street.answers(street.walk_in())
        assert answer.code == codes.TRY_LATER
    assert street.rows("quarantine", "count(*)") == [(2,)]
    assert street.rows("entries", "count(*)") == [(1,)]


def older(street: Street, intruder: Intruder) -> list:
    """terminal_chains as it was before one more walk-in sale."""
    before = intruder.rows(terminal_chains)
    street.take(street.walk_in())
    return before


@pytest.mark.parametrize("name", ["edit", "deleted entry", "tail", "row", "older row", "forged"])
def test_the_audit_names_what_was_changed(street, name):
    street.answers(*(street.walk_in(100 + each) for each in range(4)))
    terminal = street.terminals[0]
    with Intruder(street.engine) as intruder:
        before = older(street, intruder)
        assert findings(street) == set()
        ids = [row[0] for row in street.rows("entries", "id", "1=1 ORDER BY id")]
        if name == "edit":
            intruder.run(update(entries).where(entries.c.id == ids[1]).values(amount_minor=9))
            wanted = ("entries", str(ids[1]))
        elif name == "deleted entry":
            intruder.run(delete(entries).where(entries.c.id == ids[1]))
            wanted = ("entries", f"terminal {terminal} seq 2")
        elif name == "tail":
            intruder.run(delete(entries).where(entries.c.id == ids[-1]))
            intruder.run(delete(outcomes).where(outcomes.c.entry_id == ids[-1]))
            wanted = ("entries", f"terminal {terminal} seq 5")
        elif name == "row":
            intruder.run(delete(terminal_chains))
            wanted = ("terminal_chains", str(terminal))
        elif name == "older row":
            intruder.run(delete(terminal_chains))
            intruder.put(terminal_chains, before)
            wanted = ("terminal_chains", str(terminal))
        else:
            intruder.run(insert(metadata.tables["lot_movements"]), [{
                "entry_id": ids[0], "line": 1, "lot_id": 1, "delta": 5, "held_delta": 0,
                "drawn_delta": 0, "expired_delta": 0, "paid_delta": 0, "taker": None}])
            wanted = ("terminal_chains", str(terminal))
        assert wanted in findings(street)
