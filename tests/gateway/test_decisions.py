"""Inquiry, heartbeat, and what no decision exists for."""

from datetime import UTC, datetime

from gateway.decisions import DECISIONS
from gateway.decisions.causes import identity_of, luhn
from protocol import codes, messages
from protocol.messages import request
from tests.support.street import JOURNAL, Street, card_number


def test_an_inquiry_tells_member_tier_balance_and_head(engine):
    street = Street(engine)
    sold = street.take(street.sale())
    told = street.take(street.inquiry())
    assert (told.code, told.balance, told.tier, told.member) == (0, 15, "银卡", "王*明")
    assert told.head == sold.head and told.expiring == sold.expiring
    assert told.points is None and told.receipt is None


def test_an_inquiry_behind_a_sale_in_one_batch_sees_it(engine):
    street = Street(engine)
    sold, told = street.answers(street.sale(), street.inquiry())
    assert street.read(told.reply).balance == 15
    assert street.read(told.reply).head == street.read(sold.reply).head


def test_an_inquiry_stores_nothing(engine):
    street = Street(engine)
    street.take(street.inquiry())
    for table in ("outcomes", "frames", "journals", "entries"):
        assert street.rows(table) == []


def test_an_inquiry_names_each_cause(engine):
    street = Street(engine, terminals=2, members=2)
    registry = street.registry
    registry.create_operator(street.merchant, 5, "Li")
    registry.set_operator_state(street.merchant, 5, "suspended")
    registry.set_member_state(street.members[1], "suspended")
    registry.set_terminal_state(street.terminals[1], "suspended")
    asked = [street.inquiry(operator=6), street.inquiry(operator=5), street.inquiry(card=1),
             street.inquiry(terminal=1), street.inquiry(card=card_number(70)),
             street.inquiry(card="6200001234567893")]
    found = [answer.code for answer in street.answers(*asked)]
    assert found == [50, 52, 20, 53, 10, 15]
    registry.set_merchant_state(street.merchant, "suspended")
    assert street.take(street.inquiry()).code == codes.MERCHANT_SUSPENDED
    registry.set_terminal_state(street.terminals[1], "retired")
    assert street.take(street.inquiry(terminal=1)).code == codes.TERMINAL_SUSPENDED


def test_a_heartbeat_tells_time_highest_trace_and_configuration(engine):
    street = Street(engine)
    assert street.take(street.heartbeat()).highest_trace == 0
    street.take(street.sale(trace=7))
    street.take(street.sale(trace=3))
    beat = street.take(street.heartbeat())
    assert (beat.code, beat.highest_trace, beat.at) == (0, 7, street.seconds())
    assert beat.config_revision == street.rows("counters", "value", "name = 'config'")[0][0]
    assert street.take(street.heartbeat(journal=JOURNAL + 1)).highest_trace == 0


def test_a_refused_trace_counts_as_seen(engine):
    street = Street(engine)
    street.take(street.sale(trace=9, card=card_number(70)))
    assert street.take(street.heartbeat()).highest_trace == 9


def test_a_suspended_terminal_gets_the_time_and_a_lost_one_nothing(engine):
    street = Street(engine)
    street.registry.set_terminal_state(street.terminals[0], "suspended")
    assert street.take(street.heartbeat()).code == 0
    street.registry.set_terminal_state(street.terminals[0], "lost")
    assert street.take(street.heartbeat()).code == codes.TERMINAL_SUSPENDED


def test_a_changed_configuration_is_seen_by_the_next_heartbeat(engine):
    street = Street(engine)
    before = street.take(street.heartbeat()).config_revision
    street.registry.create_shop(street.merchant, "New town")
    assert street.take(street.heartbeat()).config_revision > before


def test_types_nobody_decides_yet_are_unsupported_and_keep_their_trace(engine):
    street = Street(engine)
    card = (2, int(street.cards[0]))
    redemption = request(messages.REDEMPTION, JOURNAL, 1, card=card, amount_minor=100, points=5)
    unknown = request(99, JOURNAL, 2)
    answers = street.answers(street.seal(redemption), street.seal(unknown))
    assert [answer.code for answer in answers] == [codes.UNSUPPORTED] * 2
    assert street.rows("outcomes") == [] and street.rows("journals") == []


def test_every_decision_belongs_to_a_known_message():
    assert set(DECISIONS) <= set(messages.MESSAGES)


def test_cards_are_named_by_number_or_uid_and_luhn_finds_a_wrong_digit():
    assert identity_of((2, bytes.fromhex("04a1b2c3d4e5f6"))) == "u04a1b2c3d4e5f6"
    assert luhn("6200001234567892")
    assert not any(luhn(f"620000123456789{digit}") for digit in "013456789")


def test_the_reply_clock_is_the_gateways(engine):
    street = Street(engine)
    street.now = datetime(2030, 1, 1, tzinfo=UTC)
    assert street.take(street.inquiry()).at == 1893456000
