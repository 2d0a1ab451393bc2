"""A batch close: what both sides counted, what differs, and what is closed from then on."""

import pytest

from gateway.audit import run_audit
from gateway.database import counting_statements
from protocol import codes
from tests.support.street import JOURNAL, Street

OTHER = 8  # another journal
STRANGE = "6200001234567893"  # its check digit is wrong


def codes_of(street: Street, *sealed: bytes) -> list[int | None]:
    return [answer.code for answer in street.answers(*sealed)]


def check(street: Street) -> None:
    """The ledger adds up and every row is what was sealed."""
    report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert report.findings == ()


def a_day(street: Street) -> dict[int, tuple[int, int, int]]:
    """Traces 1 to 7 of a terminal's day, one of them refused; its totals by type."""
    replies = [street.take(frame) for frame in (
        street.sale(30_000), street.sale(1250), street.redemption(100, 900),
        street.sale(card=STRANGE), street.refund(1, amount_minor=1000), street.void(2),
        street.void(4))]
    assert [reply.code for reply in replies] == [0, 0, 0, codes.CARD_INVALID, 0, 0, 0]
    points = [reply.points or 0 for reply in replies]
    return {1: (2, 31_250, points[0] + points[1]), 2: (1, 900, points[2]),
            3: (2, 0, points[5]), 4: (1, 1000, points[4])}


def test_q37_a_day_that_agrees_is_closed_with_the_gateways_totals(engine):
    street = Street(engine)
    totals = a_day(street)
    closed = street.take(street.batch_close(1, 7, totals=totals))
    assert (closed.type, closed.code, closed.differing) == (137, 0, None)
    assert closed.totals == {0: (1, 7), **totals}
    assert closed.points is None and closed.receipt is None
    check(street)


def test_a_close_and_its_day_in_one_batch_agree_as_well(engine):
    street = Street(engine)
    frames = [street.sale(), street.sale(800), street.void(1), street.sale(100, trace=9),
              street.batch_close(1, 9, totals={1: (2, 2050, 24), 3: (1, 0, -15)}, trace=12)]
    closed = street.read(street.answers(*frames, street.void(5, trace=10))[4].reply)
    # 9 came, 4 to 8 did not; what comes behind the close in its batch is not counted
    assert closed.totals == {0: (1, 9), 1: (3, 2150, 25), 3: (1, 0, -15)}
    assert closed.differing[:5] == tuple((trace, 90, 0) for trace in range(4, 9))
    check(street)


def test_a_tombstone_of_the_same_batch_counts_as_voided(engine):
    street = Street(engine)
    closed = street.answers(street.sale(), street.void(2, trace=3), street.batch_close(
        1, 3, trace=4, totals={1: (2, 2500, 30), 3: (1, 0, 0)}))[2]
    assert street.read(closed.reply).differing == ((2, 40, 0), (1, 0, 15))
    check(street)


def test_what_the_terminal_missed_is_told_tap_by_tap_and_the_batch_is_closed(engine):
    street = Street(engine)
    a_day(street)
    # the terminal did not see that trace 2 was approved, and took 4 for approved
    closed = street.take(street.batch_close(1, 7, totals={1: (2, 32_250, 375), 3: (2, 0, -15)}))
    assert closed.code == 0
    # trace 4 was refused; sales, redemption and refund are in question, voids agree
    assert closed.differing == (
        (4, codes.CARD_INVALID, 0), (1, 0, 360), (2, 0, 15), (3, 0, -91), (5, 0, -12))
    assert codes_of(street, street.batch_close(1, 7)) == [codes.NOTHING_LEFT]
    check(street)


def test_a_trace_that_never_came_is_told_as_90_and_posts_when_it_comes(engine):
    street = Street(engine)
    street.answers(street.sale(trace=1), street.sale(trace=3))
    closed = street.take(street.batch_close(1, 4, trace=5, totals={1: (4, 5000, 60)}))
    assert closed.differing == ((2, 90, 0), (4, 90, 0), (1, 0, 15), (3, 0, 15))
    assert codes_of(street, street.sale(trace=2)) == [0]
    check(street)


def test_differences_beyond_a_reply_come_with_the_next_close(engine):
    street = Street(engine)
    first = street.take(street.batch_close(1, 400, trace=401))
    told = list(first.differing)
    assert 80 < len(told) < 400
    for trace in range(402, 420):
        reply = street.take(street.batch_close(trace - 1, trace - 1, trace=trace))
        if reply.differing is None:
            break
        told += reply.differing
    # a close counts nowhere and is none of what differs
    assert told == [(trace, 90, 0) for trace in range(1, 401)]
    check(street)


def test_the_largest_reply_fits_its_frame(engine):
    street = Street(engine)
    street.answers(street.sale(), street.void(1), street.redemption(100, 900))
    last = 2**32 - 2
    closed = street.take(street.batch_close(
        last - 3000, last, trace=last + 1,
        totals={kind: (9, 9, 9) for kind in range(1, 40)}))
    assert closed.code == 0 and len(closed.differing) > 100
    check(street)


def test_a_close_of_four_thousand_million_traces_is_answered_at_once(engine):
    street = Street(engine)
    assert street.take(street.batch_close(1, 2**32 - 2, trace=2**32 - 1)).code == 0
    check(street)


@pytest.mark.parametrize(("first", "last"), [(2, 1), (1, 3), (1, 4), (3, 3)])
def test_a_range_that_cannot_be_is_malformed_and_its_trace_may_be_used_again(engine, first, last):
    street = Street(engine)
    street.answers(street.sale(), street.sale())
    close = street.batch_close(first, last, trace=3)
    assert codes_of(street, close, close) == [60, 60]
    assert street.rows("batches") == []
    assert codes_of(street, street.batch_close(1, 2, trace=3)) == [0]
    check(street)


@pytest.mark.parametrize(("first", "last"), [(1, 4), (4, 5), (2, 3), (1, 9), (3, 3)])
def test_what_is_closed_is_not_closed_again(engine, first, last):
    street = Street(engine)
    street.answers(*(street.sale() for _ in range(4)))
    assert codes_of(street, street.batch_close(2, 4, trace=5)) == [0]
    assert codes_of(street, street.batch_close(first, last, trace=20)) == [38]
    assert codes_of(street, street.batch_close(1, 1, trace=21)) == [0]
    assert codes_of(street, street.batch_close(5, 20, trace=22)) == [0]
    assert codes_of(street, street.batch_close(1, 4, trace=5, journal=OTHER)) == [0]
    check(street)


def test_two_closes_of_one_batch_do_not_overlap_either(engine):
    street = Street(engine)
    street.answers(street.sale())
    assert codes_of(street, street.batch_close(1, 1, trace=5),
                    street.batch_close(1, 2, trace=6)) == [0, 38]


def test_a_close_that_comes_again_gets_the_same_bytes(engine):
    street = Street(engine)
    close = street.batch_close(1, 3, trace=4)
    first, = street.answers(close)
    street.answers(street.sale(trace=2))
    assert street.answers(close)[0].reply == first.reply
    assert len(street.rows("batches")) == 1


def test_a_close_needs_operator_terminal_and_merchant_of_today(engine):
    street = Street(engine, terminals=2)
    assert codes_of(street, street.batch_close(1, 1, trace=2, operator=7)) == [50]
    street.registry.set_terminal_state(street.terminals[1], "suspended")
    assert codes_of(street, street.batch_close(1, 1, trace=2, terminal=1)) == [53]
    street.registry.set_merchant_state(street.merchant, "suspended")
    assert codes_of(street, street.batch_close(1, 1, trace=3)) == [54]
    assert street.rows("batches") == []


def test_a_close_under_a_revoked_key_is_held_and_closes_nothing(engine):
    street = Street(engine)
    street.registry.advance_epoch(street.terminals[0])
    street.registry.revoke_epoch(street.terminals[0], 1)
    assert codes_of(street, street.batch_close(1, 1, trace=2)) == [41]
    assert street.rows("batches") == []
    check(street)


def test_a_close_takes_as_many_statements_as_fifty(engine):
    counts = []
    street = Street(engine, terminals=50)
    for count in (1, 50):
        for place in range(50):
            street.answers(street.sale(terminal=place), street.sale(terminal=place))
        first = street.trace(49) - 2
        closes = [street.batch_close(first, first + 1, terminal=place, trace=first + 2)
                  for place in range(50 - count, 50)]
        for place in range(49):
            street.trace(place)
        with counting_statements(engine) as statements:
            assert set(codes_of(street, *closes)) == {0}
        counts.append(len(statements))
    assert counts == [8, 8]


def test_a_batch_without_a_close_looks_for_no_batches(engine):
    street = Street(engine)
    street.answers(street.sale(), street.batch_close(1, 1, trace=2))
    with counting_statements(engine) as statements:
        street.answers(street.sale(trace=3))
    assert not [each for each in statements if "batches" in each]


# ---- what is closed (J9) ----

def test_a_cashier_voids_until_the_batch_is_closed(engine):
    street = Street(engine)
    street.answers(street.sale(), street.sale())
    assert codes_of(street, street.void(1)) == [0]
    assert codes_of(street, street.batch_close(1, 3)) == [0]
    assert codes_of(street, street.void(2)) == [codes.NOT_VOIDABLE]
    assert street.rows("members", "available") == [(15,)]
    assert codes_of(street, street.void(1)) == [codes.NOTHING_LEFT]
    check(street)


def test_a_refund_in_a_closed_batch_is_not_voided_but_its_sale_is_refunded_on(engine):
    street = Street(engine)
    street.answers(street.sale(1000), street.refund(1, amount_minor=100))
    assert codes_of(street, street.batch_close(1, 2)) == [0]
    assert codes_of(street, street.void(2)) == [42]
    assert codes_of(street, street.refund(1, amount_minor=200)) == [0]
    check(street)


def test_the_close_itself_is_never_voided(engine):
    street = Street(engine)
    street.answers(street.sale(), street.batch_close(1, 1))
    assert codes_of(street, street.void(2)) == [42]


@pytest.mark.parametrize("original", ["posted", "refused", "not come"])
def test_the_automatic_cancel_works_whenever_it_arrives(engine, original):
    """It was journaled right behind what it cancels, so before the close."""
    street = Street(engine)
    street.answers(street.sale(30_000))
    frame = street.redemption(100, 900, card=STRANGE if original == "refused" else 0)  # trace 2
    cancel = street.void(2)
    if original != "not come":
        street.answers(frame)
    assert codes_of(street, street.batch_close(1, 3)) == [0]
    assert codes_of(street, cancel) == [0]
    assert codes_of(street, frame) == [{"posted": 0, "refused": 15, "not come": 40}[original]]
    assert street.rows("members", "available") == [(360,)]
    check(street)


def test_what_was_voided_between_the_last_trace_of_a_batch_and_its_close_is(engine):
    """A void behind the range that was journaled before the close, and arrives after it."""
    street = Street(engine)
    street.answers(street.sale(), street.sale(), street.batch_close(1, 2, trace=9))
    assert codes_of(street, street.void(1, trace=8), street.void(2, trace=10)) == [0, 42]
    check(street)


def test_what_never_came_is_no_more_voided_once_its_batch_is_closed(engine):
    street = Street(engine)
    street.answers(street.batch_close(1, 5, trace=6))
    assert codes_of(street, street.void(3, trace=7)) == [42]
    assert codes_of(street, street.sale(trace=3)) == [0]
    check(street)


def test_another_terminal_and_a_receipt_void_nothing_that_is_closed(engine):
    street = Street(engine, terminals=2)
    receipt = street.take(street.sale()).receipt
    street.answers(street.batch_close(1, 1))
    away = street.terminals[0], JOURNAL, 1
    assert codes_of(street, street.void(*away, terminal=1),
                    street.void(receipt=receipt, terminal=1),
                    street.void(receipt=receipt)) == [42, 42, 42]
    check(street)


def test_a_void_behind_the_close_in_one_batch_is_refused_before_it_taken(engine):
    street = Street(engine)
    street.answers(street.sale(), street.sale())
    assert codes_of(street, street.void(1), street.batch_close(1, 2), street.void(2)) == [0, 0, 42]
    check(street)


def test_a_batch_that_was_tampered_with_closes_nothing_and_is_built_on_by_nobody(engine):
    street = Street(engine)
    street.answers(street.sale(), street.sale(), street.batch_close(1, 1))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE batches SET last_trace = 2")
    assert codes_of(street, street.void(2)) == [codes.TRY_LATER]
    assert codes_of(street, street.batch_close(2, 2)) == [codes.TRY_LATER]
