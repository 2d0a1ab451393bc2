"""A void: the table of WIRE, "Void (3)", in every order of arrival."""

import itertools
import json
from functools import partial

import pytest

from gateway.audit import run_audit
from gateway.clock import to_ms
from gateway.database import counting_statements, writing
from gateway.expiry import expire_lots
from protocol import codes, messages
from protocol.cbor import encode
from protocol.messages import request
from tests.gateway.test_proposals import done
from tests.support.street import JOURNAL, Street, card_number


def codes_of(street: Street, *sealed: bytes) -> list[int | None]:
    return [answer.code for answer in street.answers(*sealed)]


def check(street: Street) -> None:
    """The ledger adds up and every row is what was sealed."""
    report = run_audit(street.engine, street.keyring, rebuild=True, clock=lambda: street.now)
    assert report.findings == ()


def test_a_void_of_a_posted_sale_takes_its_points_back(engine):
    street = Street(engine)
    street.answers(street.sale(1250), street.sale(800))
    reply = street.take(street.void(1))
    assert (reply.code, reply.points, reply.balance, reply.receipt) == (0, -15, 9, 3)
    assert (reply.amount_minor, reply.member) == (1250, "王*明")
    assert reply.head == street.rows("members", "chain_head")[0][0]
    assert street.rows("members", "available, debt, chain_seq") == [(9, 0, 3)]
    assert street.rows("postings", "unit, sum(amount), count(*)",
                       "entry_id = 3 GROUP BY unit ORDER BY 1") == [(1, 0, 2), (2, 0, 3)]
    assert street.rows("entries", "kind, amount_minor", "id = 3") == [(2, -1250)]
    context = json.loads(street.rows("entries", "context", "id = 3")[0][0])
    assert context["original"] == [street.terminals[0], JOURNAL, 1]
    check(street)


def test_a_voided_sale_still_gets_its_first_reply_byte_for_byte(engine):
    street = Street(engine)
    tap, void = street.sale(), street.void(1)
    first, = street.answers(tap)
    voided, = street.answers(void)
    street.later(days=3)
    assert street.answers(tap)[0].reply == first.reply
    assert street.answers(void)[0].reply == voided.reply
    assert street.rows("members", "available") == [(0,)]


def test_a_sale_and_its_void_in_one_batch_leave_nothing(engine):
    street = Street(engine)
    assert codes_of(street, street.sale(), street.sale(800), street.void(1)) == [0, 0, 0]
    assert street.rows("members", "available, chain_seq") == [(9, 3)]
    assert street.rows("lots", "issued, remaining") == [(9, 9)]
    check(street)


def test_a_void_that_comes_first_is_0_and_its_original_40_with_the_same_bytes_for_ever(engine):
    street = Street(engine)
    tap, void = street.sale(), street.void(1)
    reply = street.take(void)
    assert (reply.code, reply.points, reply.balance, reply.receipt) == (0, 0, None, None)
    assert street.rows("outcomes", "code", f"origin = {street.terminals[0]}") == [(40,), (0,)]
    street.later(days=30)
    first, second = street.answers(tap, tap)
    street.later(days=500)
    third, = street.answers(tap)
    assert first.code == codes.VOIDED
    assert first.reply == second.reply == third.reply
    assert street.rows("entries", "count(*)") == [(0,)]
    assert street.rows("journals", "highest_trace, outcomes") == [(2, 2)]
    check(street)


def test_a_void_before_its_sale_in_one_batch_is_a_tombstone_too(engine):
    street = Street(engine)
    tap, void = street.sale(), street.void(1)
    first = street.answers(void, tap, tap, void)
    assert [each.code for each in first] == [0, 40, 40, 0]
    assert first[1].reply == first[2].reply and first[0].reply == first[3].reply
    again = street.answers(tap, void)
    assert [each.reply for each in again] == [first[1].reply, first[0].reply]
    check(street)


def test_other_content_behind_a_tombstone_is_a_conflict_once_the_original_has_come(engine):
    street = Street(engine)
    tap, other = street.sale(trace=1), street.sale(9900, trace=1)
    street.take(street.void(1, trace=2))
    assert codes_of(street, tap, other) == [40, 62]
    street.later(hours=1)
    third = street.sale(7700, trace=1)
    assert codes_of(street, other, third, tap) == [62, 62, 40]
    assert street.rows("outcomes", "count(*)") == [(2,)]
    check(street)


def test_an_original_that_nobody_decides_yet_ends_40_behind_its_void(engine):
    street = Street(engine)
    payment = street.seal(request(messages.PAYMENT, JOURNAL, 1, card=(2, 6200001234567892),
                                  amount_minor=1250, at=street.seconds()))
    newer = street.seal_payload(encode({0: 1, 1: JOURNAL, 2: 2, 6: (2, 6200001234567892),
                                        7: 100, 22: 1}))
    assert [street.trace(), street.trace()] == [1, 2]
    assert codes_of(street, payment, newer) == [61, 61]
    assert codes_of(street, street.void(1), street.void(2)) == [0, 0]
    assert codes_of(street, payment, newer) == [40, 40]
    check(street)


def test_a_second_void_gets_38_whatever_the_first_one_found(engine):
    street = Street(engine)
    unknown = street.sale(card=card_number(9))
    street.registry.set_terminal_state(street.terminals[0], "suspended")
    held = street.sale()
    street.registry.set_terminal_state(street.terminals[0], "active")
    street.answers(unknown, held, street.sale())
    for trace in (1, 2, 3, 77):
        void, again = (street.void(trace, trace=90 + trace + place) for place in (0, 100))
        assert codes_of(street, void, again) == [0, 38]
        assert codes_of(street, street.void(trace, trace=900 + trace)) == [38]
    check(street)


def test_a_void_of_a_refused_sale_is_0_with_no_points(engine):
    street = Street(engine)
    street.answers(street.sale(card=card_number(9)))
    reply = street.take(street.void(1))
    assert (reply.code, reply.points, reply.balance) == (0, 0, None)
    assert street.rows("entries", "count(*)") == [(0,)]
    check(street)


def test_a_void_of_a_void_gets_42_also_of_one_that_found_nothing(engine):
    street = Street(engine)
    street.take(street.sale(trace=1))
    street.answers(street.void(1, trace=2), street.void(50, trace=60), street.void(1, trace=61),
                   street.void(99, trace=62))
    for trace in (2, 60, 61, 62):
        assert codes_of(street, street.void(trace, trace=trace + 200)) == [42]
    assert street.rows("members", "available") == [(0,)]
    check(street)


def test_a_void_and_the_void_of_it_in_one_batch(engine):
    street = Street(engine)
    assert codes_of(street, street.sale(), street.void(1), street.void(2), street.void(1)
                    ) == [0, 0, 42, 38]
    check(street)


@pytest.mark.parametrize("trace", [5, 6])
def test_a_void_names_only_what_was_before_it(engine, trace):
    street = Street(engine)
    void = street.void(trace, trace=5)
    assert codes_of(street, void) == [37]
    assert codes_of(street, street.sale(trace=6), street.void(trace, trace=4)) == [0, 37]
    check(street)


def test_in_another_journal_of_its_own_it_finds_what_came_and_buries_nothing(engine):
    street = Street(engine)
    street.take(street.sale(journal=7, trace=1))
    assert codes_of(street, street.void(7, 1), street.void(7, 2)) == [0, 37]
    assert codes_of(street, street.sale(journal=7, trace=2)) == [0]
    check(street)


def test_another_terminal_of_the_merchant_voids_by_number_or_receipt(engine):
    street = Street(engine, terminals=2)
    first, second = street.sale(trace=1), street.sale(trace=2)
    receipt = street.read(street.answers(first, second)[1].reply).receipt
    named = street.void(street.terminals[0], JOURNAL, 1, terminal=1)
    assert codes_of(street, named, street.void(receipt=receipt, terminal=1)) == [0, 0]
    again = street.void(1, trace=90), street.void(receipt=receipt, trace=91)
    assert codes_of(street, *again) == [38, 38]
    assert street.rows("members", "available") == [(0,)]
    check(street)


def test_what_is_not_there_for_another_terminal_is_37(engine):
    street = Street(engine, terminals=2)
    nowhere = [street.void(street.terminals[0], JOURNAL, 1, terminal=1),
               street.void(99, JOURNAL, 1, terminal=1), street.void(receipt=77, terminal=1)]
    assert codes_of(street, *nowhere) == [37] * 3
    assert codes_of(street, street.sale()) == [0]
    check(street)


def test_a_receipt_of_a_void_cannot_be_voided(engine):
    street = Street(engine)
    receipt = street.read(street.answers(street.sale(), street.void(1))[1].reply).receipt
    assert codes_of(street, street.void(receipt=receipt)) == [42]


def test_another_merchant_finds_nothing(engine):
    street = Street(engine)
    merchant = street.registry.create_merchant(street.programme, "Other")
    shop = street.registry.create_shop(merchant, "Far away")
    street.terminals.append(street.registry.create_terminal(shop))
    receipt = street.take(street.sale()).receipt
    street.answers(street.sale(card=card_number(9)))
    foreign = [street.void(street.terminals[0], JOURNAL, trace, terminal=1) for trace in (1, 2)]
    assert codes_of(street, *foreign, street.void(receipt=receipt, terminal=1)) == [37] * 3
    assert street.rows("members", "available") == [(15,)]


def test_another_terminals_void_waits_while_its_terminal_is_suspended(engine):
    street = Street(engine, terminals=2)
    street.take(street.sale(trace=1))
    street.registry.set_terminal_state(street.terminals[1], "suspended")
    foreign = street.void(street.terminals[0], JOURNAL, 1, terminal=1)
    assert codes_of(street, foreign) == [codes.TERMINAL_SUSPENDED]
    street.registry.set_terminal_state(street.terminals[1], "active")
    assert codes_of(street, foreign) == [0]


def test_its_own_void_takes_effect_whatever_became_of_terminal_merchant_member_and_card(engine):
    street = Street(engine)
    street.take(street.sale(operator=None))
    street.registry.set_terminal_state(street.terminals[0], "suspended")
    street.registry.set_merchant_state(street.merchant, "suspended")
    street.registry.set_member_state(street.members[0], "suspended")
    street.registry.set_card_state(street.cards[0], "blocked")
    assert codes_of(street, street.void(1, operator=77)) == [0]
    assert street.rows("members", "available") == [(0,)]


def test_a_void_of_a_lost_terminal_or_a_revoked_key_is_held(engine):
    street = Street(engine, terminals=2)
    street.answers(street.sale(trace=1), street.sale(terminal=1, trace=1))
    street.registry.advance_epoch(street.terminals[0])
    street.registry.revoke_epoch(street.terminals[0], 1)
    street.registry.set_terminal_state(street.terminals[1], "lost")
    assert codes_of(street, street.void(1, trace=2), street.void(1, terminal=1, trace=2)
                    ) == [codes.HELD] * 2
    assert street.rows("members", "available") == [(30,)]
    assert codes_of(street, street.void(1, trace=3, epoch=2), street.void(2, trace=4, epoch=2)
                    ) == [0, 42]
    check(street)


def test_two_hundred_voids_take_as_many_statements_as_one(engine):
    street = Street(engine, terminals=10, members=20)
    counts = []
    for size in (1, 150):
        taps = [street.sale(terminal=place % 10, card=place % 20) for place in range(size)]
        traces = [street.message(tap).request.trace for tap in taps]
        street.answers(*taps)
        voids = [street.void(trace, terminal=place % 10) for place, trace in enumerate(traces)]
        with counting_statements(engine) as statements:
            assert set(codes_of(street, *voids)) == {0}
        counts.append(len(statements))
    assert counts == [19, 19]
    assert street.rows("members", "sum(available)") == [(0,)]
    check(street)


def test_a_void_whose_original_shares_its_trace_with_another_message_means_neither(engine):
    """A handset put back to an older flash: it sold again under trace 1 and takes that back."""
    street = Street(engine, members=2)
    street.take(street.sale(1250, trace=1))
    again, void = street.sale(800, trace=1, card=1), street.void(1, trace=2)
    assert codes_of(street, void, again) == [62, 62], "in one batch whatever the order"
    assert street.rows("members", "available", "1=1 ORDER BY id") == [(15,), (0,)]
    # its terminal journals both again, and the void names the sale where it stands now
    assert codes_of(street, street.sale(800, journal=7, trace=1, card=1),
                    street.void(1, journal=7, trace=2), void) == [0, 0, 62]
    assert street.rows("members", "available", "1=1 ORDER BY id") == [(15,), (0,)]
    check(street)


def test_a_void_that_moved_to_another_journal_means_what_was_decided(engine):
    street = Street(engine)
    street.take(street.sale(1250, trace=1))
    assert codes_of(street, street.sale(800, trace=1)) == [62]
    assert codes_of(street, street.void(1, trace=2)) == [62]
    assert codes_of(street, street.void(JOURNAL, 1, journal=7, trace=1)) == [0]
    assert street.rows("members", "available") == [(0,)]
    check(street)


@pytest.mark.parametrize("change", [
    ("UPDATE postings SET amount = amount - sign(amount)",
     "UPDATE lot_movements SET delta = delta - 1"),
    ("UPDATE entries SET amount_minor = 999999",), ("UPDATE entries SET context = '{}'",),
    ("UPDATE lots SET expires_on = expires_on + 1",)])
def test_a_void_of_an_entry_that_was_changed_behind_the_gateway_waits(engine, change):
    street = Street(engine)
    street.answers(street.sale(), street.sale(card=0))
    with writing(engine) as connection:
        for statement in change:
            connection.exec_driver_sql(statement)
    assert codes_of(street, street.void(1), street.sale(100)) == [codes.TRY_LATER, 0]
    assert street.rows("quarantine", "fault") == [("SealBroken",)]
    assert street.rows("entries", "count(*)", "kind = 2") == [(0,)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_every_order_of_a_sale_its_void_and_a_second_sale_leaves_the_same_points(
        sqlite_engine, order):
    street = Street(sqlite_engine)
    frames = [street.sale(1250, trace=1), street.void(1, trace=2), street.sale(800, trace=3),
              street.void(1, trace=4)]
    found = {place: street.take(frames[place]).code for place in order}
    assert street.rows("members", "available, debt") == [(9, 0)]
    assert found[2] == 0 and sorted((found[1], found[3])) == [0, 38]
    assert found[0] == (0 if order.index(0) < min(order.index(1), order.index(3)) else 40)
    check(street)


def test_what_no_message_asked_for_is_voided_by_no_cashier(engine):
    street = Street(engine)
    street.answers(street.sale())
    given = done(street, "grant", 50, bearer_id=street.merchant).receipt
    hq = done(street, "grant", 50).receipt
    street.later(days=300)
    assert expire_lots(engine, street.keyring, to_ms(street.now), 10) == 1
    expired = street.rows("entries", "max(id)")[0][0]
    for name in (street.void, partial(street.refund, amount_minor=1)):
        assert codes_of(street, *(name(receipt=each) for each in (given, hq, expired))) == [
            codes.NOT_VOIDABLE, codes.ORIGINAL_NOT_FOUND, codes.ORIGINAL_NOT_FOUND]
    check(street)
