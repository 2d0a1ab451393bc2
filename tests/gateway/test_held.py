"""Held taps: what waits for HQ, and a verdict that posts or refuses it once."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import held, held_list
from gateway.database import writing
from gateway.held import HeldError, HeldKey
from gateway.intake import Intake
from gateway.tables import metadata
from protocol import codes
from tests.gateway.test_decisions_void import check, codes_of
from tests.support.street import JOURNAL, Street, card_number


def held_tap(street: Street, amount_minor: int = 1250, **fields) -> HeldKey:
    """A sale by an operator nobody knows."""
    tap = street.sale(amount_minor, operator=9, **fields)
    assert codes_of(street, tap) == [codes.HELD]
    said = street.message(tap)
    return HeldKey(said.terminal_id, said.request.journal, said.request.trace)


def post(street: Street, key: HeldKey) -> held.Verdict:
    return held.post(street.intake, key, "Lin", "asked the shop")


def test_a_held_tap_that_hq_posts_is_an_entry_dated_to_the_tap(engine):
    street = Street(engine)
    key = held_tap(street)
    street.later(days=3)
    assert post(street, key) == (key, "posted", 15, 15, 1)
    tapped, booked, origin, context = street.rows(
        "entries", "business_date, booked_on, origin, context")[0]
    assert (booked - tapped, origin) == (3, 0) and '"held":1' in context
    assert street.rows("members", "available") == [(15,)]
    assert sorted(street.rows("outcomes", "origin, code, points")) == [
        (0, 0, 15), (street.terminals[0], codes.HELD, None)]
    check(street)


def test_the_held_row_and_its_reply_never_change(engine):
    street = Street(engine)
    tap = street.sale(operator=9)
    first, = street.answers(tap)
    row = street.rows("outcomes", "*", f"origin = {street.terminals[0]}")
    held.post(street.intake, HeldKey(street.terminals[0], JOURNAL, 1), "Lin")
    street.later(hours=1)
    assert street.answers(tap)[0].reply == first.reply
    assert street.rows("outcomes", "*", f"origin = {street.terminals[0]}") == row


def test_a_refused_one_posts_nothing_and_is_settled(engine):
    street = Street(engine)
    key = held_tap(street)
    assert held.refuse(street.intake, key, "Lin", "not ours") == (key, "refused", 0, None, None)
    assert list(held_list.waiting(street.intake)) == []
    assert street.rows("entries", "count(*)") == [(0,)]
    check(street)


@pytest.mark.parametrize("first", [held.post, held.refuse])
@pytest.mark.parametrize("second", [held.post, held.refuse])
def test_a_second_verdict_is_refused_and_changes_nothing(sqlite_engine, first, second):
    street = Street(sqlite_engine)
    key = held_tap(street)
    first(street.intake, key, "Lin", "why")
    before = {table: street.rows(table) for table in metadata.tables}
    with pytest.raises(HeldError, match="by HQ already"):
        second(street.intake, key, "Lin", "why")
    assert {table: street.rows(table) for table in metadata.tables} == before


def test_two_verdicts_at_once_leave_one(engine):
    street = Street(engine)
    keys = [held_tap(street) for _ in range(10)]
    desks = [Intake(engine, street.keyring, clock=lambda: street.now) for _ in range(2)]

    def run(desk: Intake) -> int:
        done = 0
        for key in keys:
            try:
                held.post(desk, key, "Lin", "why")
                done += 1
            except HeldError:
                pass
        return done

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, desks)) == 10
    assert street.rows("members", "available") == [(150,)]
    check(street)


def test_a_void_that_came_meanwhile_wins(engine):
    street = Street(engine)
    key = held_tap(street)
    assert codes_of(street, street.void(1)) == [0]
    with pytest.raises(HeldError, match="voided meanwhile"):
        post(street, key)
    with pytest.raises(HeldError, match="voided meanwhile"):
        held.refuse(street.intake, key, "Lin", "why")
    assert list(held_list.waiting(street.intake)) == []
    assert street.rows("entries", "count(*)") == [(0,)]
    check(street)


def test_a_void_behind_the_verdict_takes_back_what_hq_posted(engine):
    street = Street(engine)
    posted, refused = held_tap(street), held_tap(street, 800)
    receipt = post(street, posted).receipt
    held.refuse(street.intake, refused, "Lin", "why")
    assert codes_of(street, street.void(1), street.void(2), street.void(1),
                    street.void(receipt=receipt)) == [0, 0, 38, 38]
    assert street.rows("members", "available, chain_seq") == [(0, 2)]
    check(street)


def test_what_table_t_refuses_hq_cannot_post(engine):
    street = Street(engine)
    street.registry.set_terminal_state(street.terminals[0], "lost")
    key = held_tap(street, card=card_number(9))
    with pytest.raises(HeldError, match="card_unknown"):
        post(street, key)
    assert [each.state for each in held_list.waiting(street.intake)] == ["open"]
    held.refuse(street.intake, key, "Lin", "why")
    check(street)


def test_a_held_void_is_posted_by_hq_and_then_takes_back(engine):
    street = Street(engine)
    street.answers(street.sale(trace=1), street.sale(800, trace=2))
    street.registry.advance_epoch(street.terminals[0])
    street.registry.revoke_epoch(street.terminals[0], 1)
    late = street.sale(500, trace=5, epoch=2)
    assert codes_of(street, street.void(1, trace=7), street.void(5, trace=8)) == [41, 41]
    for trace in (7, 8):
        assert post(street, HeldKey(street.terminals[0], JOURNAL, trace)).state == "posted"
    assert codes_of(street, late) == [codes.VOIDED]
    assert codes_of(street, street.void(1, trace=9, epoch=2),
                    street.void(7, trace=10, epoch=2)) == [38, 42]
    assert street.rows("members", "available") == [(9,)]
    check(street)


def test_a_tap_whose_frame_is_gone_can_only_be_refused(engine):
    street = Street(engine)
    key = held_tap(street)
    street.later(days=450)
    with writing(engine) as connection:
        connection.exec_driver_sql("DELETE FROM frames")
    tap, = held_list.waiting(street.intake)
    assert (tap.kind, tap.card, tap.amount_minor) == (None, None, None)
    with pytest.raises(HeldError, match="no longer kept"):
        post(street, key)
    held.refuse(street.intake, key, "Lin", "why")
    check(street)


@pytest.mark.parametrize("text", ["", "1/2", "1/2/x", "0/1/1", "1/2/3/4", "1/2/4294967296",
                                  "10000001-7-1"])
def test_what_names_no_tap_is_said_so(text):
    with pytest.raises(HeldError, match="terminal/journal/trace"):
        held.read_key(text)


def test_a_tap_that_is_not_held_gets_no_verdict(engine):
    street = Street(engine)
    street.take(street.sale())
    for key in (HeldKey(street.terminals[0], JOURNAL, 1), HeldKey(5, 5, 5)):
        with pytest.raises(HeldError, match="is not held"):
            post(street, key)


@pytest.mark.parametrize("by, reason, what", [
    ("Lin", "x" * 500, "reason"), ("Lin", "two\nlines", "reason"), ("Lin", "\udcff", "reason"),
    ("", "why", "name"), ("  ", "why", "name"), ("L" * 101, "why", "name"),
    ("\udcff", "why", "name")])
def test_who_decides_and_why_have_their_bounds(sqlite_engine, by: str, reason: str, what: str):
    street = Street(sqlite_engine)
    key = held_tap(street)
    for decide in (held.post, held.refuse):
        with pytest.raises(HeldError, match=f"The {what}.*Nothing was changed"):
            decide(street.intake, key, by, reason)
    assert post(street, key).state == "posted"


def test_a_refusal_needs_its_reason(sqlite_engine):
    street = Street(sqlite_engine)
    key = held_tap(street)
    with pytest.raises(HeldError, match="The reason"):
        held.refuse(street.intake, key, "Lin", " ")


def test_why_a_tap_was_held_stands_in_the_log(sqlite_engine, caplog):
    street = Street(sqlite_engine)
    with caplog.at_level(logging.INFO, "gateway.intake"):
        held_tap(street)
    assert [each.getMessage() for each in caplog.records] == [
        f"held: terminal {street.terminals[0]} journal {JOURNAL} trace 1: operator_unknown"]
